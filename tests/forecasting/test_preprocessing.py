"""Preprocessing: the windows of a panel in the scales in which a network sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.preprocessing import MaxAbsScaler

from sktime_lstm.anchors.long_seasons import LongSeason
from sktime_lstm.anchors.track_record import score_anchors
from sktime_lstm.data.panel import read_panel
from sktime_lstm.data.scaling import fit_scaler, scale_rule, window_scale
from sktime_lstm.forecasting.preprocessing import Preprocessing

NAN = np.nan


def make_panel(y, x=()):
    X = pd.DataFrame({"x": x}, dtype=float) if len(x) else None
    return read_panel(pd.DataFrame({"y": y}, dtype=float), X)


def preprocessing_of(panel, scaler="window", *, effect=None, scoring_stride=1):
    return Preprocessing(
        scaler=fit_scaler(scaler, panel.values),
        scale_of=scale_rule(scaler),
        covariate_scale=window_scale(torch.from_numpy(panel.covariates)[None]),
        window_length=2,
        output_length=1,
        sp=4,
        training_length=1,
        scoring_stride=scoring_stride,
        effect=np.zeros((panel.covariates.shape[1], panel.values.shape[1])) if effect is None else np.array(effect),
    )


def windows_of(panel, *origins, scaler="window", horizon=1):
    index = preprocessing_of(panel, scaler).window_index(panel, 0.0)
    return index.at(np.array(origins), horizon=horizon)


def test_windows_come_in_the_units_of_the_data_where_each_has_its_own_scale():
    windows = windows_of(make_panel([1, 2, 3, 4]), 2, horizon=2)
    assert windows.batch(slice(None)).context.flatten().tolist() == [1, 2]
    assert windows.target(slice(None)).flatten().tolist() == [3, 4]
    assert windows.batch(slice(None)).sp == 4


def test_windows_come_in_the_global_scale_where_there_is_one():
    windows = windows_of(make_panel([2, 2, 6, 6]), 2, scaler="standard")
    assert windows.batch(slice(None)).context.flatten().tolist() == [-1, -1]
    assert windows.target(slice(None)).flatten().tolist() == [1]


def test_covariates_are_standardised_and_missing_ones_become_their_mean():
    windows = windows_of(make_panel([1, 2, 3], [10, 30, NAN]), 2)
    assert windows.batch(slice(None)).covariates.flatten().tolist() == [-1, 1, 0]


def test_a_constant_covariate_is_zero():
    windows = windows_of(make_panel([1, 2, 3], [5, 5, 5]), 2)
    assert windows.batch(slice(None)).covariates.flatten().tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("scaler", "expected"), [("window", 0), ("none", 0), ("standard", -2), ("minmax", -2), (MaxAbsScaler(), None)]
)
def test_windows_know_where_zero_is_in_a_linear_scale(scaler, expected):
    panel = make_panel([2, 2, 6, 6])
    zero = preprocessing_of(panel, scaler).window_index(panel, 0.0).zero
    assert expected is zero if expected is None else zero.tolist() == [expected]


def test_what_is_left_without_an_explained_part_has_no_zero():
    panel = make_panel([1, 2, 3, 4], [5, 6, 5, 5])
    plain, with_effect = preprocessing_of(panel), preprocessing_of(panel, effect=[[2.0]])
    with_long_season = replace(plain, long_seasons=(LongSeason(period=7, width=1, weight=0.5),))
    assert plain.window_index(panel, 0.0).zero.tolist() == [0]
    assert with_effect.window_index(panel, 0.0).zero is None
    assert with_long_season.window_index(panel, 0.0).zero is None


def test_windows_reach_back_as_far_as_the_history():
    panel = make_panel(range(9))
    farther = replace(preprocessing_of(panel), history=5)
    windows = farther.window_index(panel, 0.0).at(np.array([7]))
    assert windows.batch(slice(None)).context.flatten().tolist() == [2, 3, 4, 5, 6]
    assert windows.batch(slice(None)).recent.flatten().tolist() == [5, 6]
    assert (farther.context_length, preprocessing_of(panel).context_length) == (5, 2)


@pytest.mark.parametrize("scaler", ["window", "none", "standard", "minmax", "robust"])
def test_the_global_scale_is_undone(scaler):
    panel = make_panel([1, NAN, 7, 4])
    preprocessing = preprocessing_of(panel, scaler)
    values = preprocessing.window_index(panel, 0.0).values.numpy()
    np.testing.assert_allclose(preprocessing.unscaled(values), panel.values)


@pytest.mark.parametrize("scaler", ["window", "standard", "minmax"])
def test_the_global_scale_is_undone_for_every_level_of_a_quantile(scaler):
    panel = read_panel(pd.DataFrame({"u": [1.0, 2, 6], "v": [100.0, 0, 50]}), None)
    preprocessing = preprocessing_of(panel, scaler)
    levels = np.random.default_rng(0).normal(size=(5, 2, 3))
    found = preprocessing.unscaled(levels)
    for number in range(3):
        np.testing.assert_allclose(found[:, :, number], preprocessing.unscaled(levels[:, :, number]))


@pytest.mark.parametrize("scaler", ["window", "standard", "minmax"])
def test_no_value_leaves_below_the_bound(scaler):
    preprocessing = replace(preprocessing_of(make_panel([1, 2, 6]), scaler), lower_bound=3.0)
    lowest = preprocessing.lowest(1)
    np.testing.assert_allclose(preprocessing.unscaled(np.array([lowest - 1, lowest, lowest + 1]))[:2], 3)
    assert preprocessing.unscaled(lowest[None] + 1).item() > 3


def test_without_a_bound_nothing_is_too_low():
    assert preprocessing_of(make_panel([1, 2, 6]), "standard").lowest(2).tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize("scaler", ["window", "none", "standard"])
def test_the_panel_is_left_as_it_was(scaler):
    panel = make_panel([1, 2, 3], [10, NAN, 30])
    windows = windows_of(panel, 2, scaler=scaler)
    windows.batch(slice(None)).context[:] = -1
    windows.target(slice(None))[:] = -1
    np.testing.assert_array_equal(panel.values[:, 0], [1, 2, 3])
    np.testing.assert_array_equal(panel.covariates[:, 0], [10, NAN, 30])


# ---- what the covariates explain -------------------------------------------------------------------------------------


def test_what_the_covariates_explain_is_their_effect_in_the_unit_of_each_series():
    y = pd.concat([pd.DataFrame({"y": [0.0, 2, 0]}), pd.DataFrame({"y": [0.0, 20, 0]})], keys=["a", "b"])
    X = pd.DataFrame({"x": [10.0, 30, 10, 10, NAN, 30]}, index=y.index)
    panel = read_panel(y, X)
    # The covariate is 18 +- 9.8; the typical changes are 2 and 20.
    preprocessing = preprocessing_of(panel, effect=[[3.0]])
    standard = np.nan_to_num((X["x"].to_numpy() - 18) / np.sqrt(96))
    units = preprocessing.units(panel)
    assert units.tolist() == [[2], [20]]
    np.testing.assert_allclose(preprocessing.explained(panel, units)[:, 0], 3 * standard * np.repeat([2, 20], 3))


def test_without_an_effect_nothing_is_explained():
    panel = make_panel([1, 2, 3], [10, 30, 20])
    assert preprocessing_of(panel).explained(panel, np.ones((1, 1))) == 0.0


def test_what_is_explained_is_taken_out_of_the_windows():
    panel = make_panel([1, 2, NAN, 4])
    windows = preprocessing_of(panel).window_index(panel, np.array([[1.0], [0], [7], [-1]]))
    np.testing.assert_array_equal(windows.values[:, 0], [0, 2, NAN, 5])
    assert len(windows) == 0


# ---- what a forecast needs to know of the history --------------------------------------------------------------------


def history(*lengths, seed=0):
    """Series of noise with a covariate that moves them."""
    generator = np.random.default_rng(seed)
    frames = []
    for length in lengths:
        x = generator.normal(size=length)
        frames.append(pd.DataFrame({"y": 3 * x + generator.normal(size=length).cumsum(), "x": x}))
    return pd.concat(frames, keys=range(len(lengths)))


def panel_from(frame):
    return read_panel(frame[["y"]], frame[["x"]])


def cut(frame, *lengths):
    """The first points of the first series."""
    return pd.concat([frame.loc[[number]].iloc[:length] for number, length in enumerate(lengths)])


def same(sums, expected):
    torch.testing.assert_close(sums.total, expected.total)
    torch.testing.assert_close(sums.count, expected.count)


@pytest.mark.parametrize("stride", [1, 3])
def test_the_summary_counts_every_scored_window_as_often_as_it_stands_for_others(stride):
    panel = panel_from(history(20))
    preprocessing = preprocessing_of(panel, scoring_stride=stride)
    # Windows of one step with four points before them, which begin at every third point: at 6, 9, 12, 15 and 18.
    expected = 16 if stride == 1 else 3 * 5
    assert preprocessing.summary(panel).error_sums.count[0, 0, 0] == expected


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("before", [(20, 9), (29, 3), (30, 30), (5, 30)], ids=str)
def test_a_summary_that_goes_on_is_that_of_all_points_at_once(stride, before):
    frame = history(30, 30)
    old, new = panel_from(cut(frame, *before)), panel_from(frame)
    preprocessing = preprocessing_of(new, effect=[[0.0]], scoring_stride=stride)
    updated = preprocessing.updated_summary(preprocessing.summary(old), old, new)
    same(updated.error_sums, preprocessing.summary(new).error_sums)


def test_a_series_keeps_the_unit_it_had_when_it_was_first_met():
    frame = history(30, 30)
    old, new = panel_from(cut(frame, 10)), panel_from(frame)
    preprocessing = preprocessing_of(new, effect=[[2.0]])
    before, updated = preprocessing.summary(old), preprocessing.updated_summary(preprocessing.summary(old), old, new)
    assert updated.units[0] == before.units[0] != preprocessing.units(new)[0]
    assert updated.units[1] == preprocessing.units(new)[1]


def test_a_series_whose_past_was_corrected_is_looked_at_anew():
    frame = history(30, 30)
    corrected = frame.copy()
    corrected.iloc[3, 0] = 100.0
    old, new = panel_from(cut(frame, 20, 20)), panel_from(corrected)
    preprocessing = preprocessing_of(new)
    updated = preprocessing.updated_summary(preprocessing.summary(old), old, new)
    same(updated.error_sums, preprocessing.summary(new).error_sums)
    assert updated.units[0] == preprocessing.units(new)[0]


def test_only_what_has_come_is_scored(monkeypatch):
    frame = history(30)
    old, new = panel_from(cut(frame, 28)), panel_from(frame)
    preprocessing = preprocessing_of(new)
    summary, scored = preprocessing.summary(old), []
    monkeypatch.setattr(
        "sktime_lstm.forecasting.preprocessing.score_anchors",
        lambda windows, scale_of, **options: scored.append(len(windows)) or score_anchors(windows, scale_of, **options),
    )
    preprocessing.updated_summary(summary, old, new)
    assert scored == [2]
