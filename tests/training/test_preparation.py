"""Preparation: the choice of sizes, and what a network and its hold-out network are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toys import NAN, TOY, make_settings, panel_of, season

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.anchors.track_record import mean_errors
from sktime_lstm.data.panel import read_panel
from sktime_lstm.training.preparation import (
    MAX_SCORED_WINDOWS,
    adapted_preprocessing,
    choose_preprocessing,
    prepare,
    univariate_series,
    without_held_out_effect,
)


def preprocessing_of(panel=TOY, *, max_step=None, **changes):
    return choose_preprocessing(panel, make_settings(**changes), max_step)


def prepared(panel=TOY, *, anchored=True, prior_errors=None, **changes):
    preprocessing = preprocessing_of(panel, anchored=anchored, **changes)
    return prepare(panel, preprocessing, anchored=anchored, prior_errors=prior_errors)


def with_covariate(effect, length=120):
    """A season that a covariate moves by its effect, which may change in time."""
    x = np.random.default_rng(0).normal(size=length)
    y = pd.DataFrame({"y": season(1, length) + np.asarray(effect) * x})
    return read_panel(y, pd.DataFrame({"x": x}))


# ---- sizes -----------------------------------------------------------------------------------------------------------


def test_sizes_that_were_chosen_are_used():
    chosen = preprocessing_of(window_length=9, output_length=3, sp=5)
    assert (chosen.window_length, chosen.output_length, chosen.sp) == (9, 3, 5)


def test_sizes_that_were_not_chosen_come_from_the_data():
    free = {"window_length": None, "output_length": None, "sp": None}
    chosen = preprocessing_of(panel_of(season(1, 100)), max_step=7, **free)
    # A season of four: five of them and six points, and the horizon at once.
    assert (chosen.sp, chosen.window_length, chosen.output_length) == (4, 26, 7)


def test_what_is_learned_at_once_is_at_most_what_is_forecast_at_once():
    assert preprocessing_of(output_length=2).training_length <= 2


@pytest.mark.parametrize(("training_length", "expected"), [(1, 1), (7, 1), (8, 2), (20, 5)])
def test_naive_forecasts_are_scored_four_times_in_a_training_window(training_length, expected):
    panel = panel_of(season(1, 130))
    chosen = preprocessing_of(panel, output_length=training_length, sp=training_length)
    assert chosen.training_length == training_length
    assert chosen.scoring_stride == expected


def test_on_a_very_long_panel_naive_forecasts_are_scored_a_bounded_number_of_times():
    panel = panel_of(np.arange(3.0 * MAX_SCORED_WINDOWS))
    assert preprocessing_of(panel).scoring_stride == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"lower_bound": -2.5}, -2.5),
        ({"loss": "negative_binomial"}, 0.0),
        ({"loss": "negative_binomial", "lower_bound": -1.0}, -1.0),
    ],
    ids=str,
)
def test_counts_are_never_negative_unless_another_bound_was_given(changes, expected):
    panel = panel_of(np.abs(season(1)).round())
    assert preprocessing_of(panel, **changes).lower_bound == expected
    start = preprocessing_of(panel, **changes)
    assert adapted_preprocessing(start, panel, make_settings(**changes), None).lower_bound == expected


@pytest.mark.parametrize(
    ("changes", "known"), [({}, True), ({"anchored": False}, False), ({"loss": "negative_binomial"}, False)], ids=str
)
def test_the_effect_of_covariates_is_taken_out_where_nothing_else_has_to_learn_it(changes, known):
    panel = with_covariate(30.0)
    panel.values[:] = np.abs(panel.values).round()
    assert (preprocessing_of(panel, **changes).effect != 0).any() == known


def test_without_covariates_there_is_no_effect():
    assert preprocessing_of().effect.shape == (0, 1)


def test_each_variable_of_each_series_is_looked_at():
    y = pd.DataFrame({"u": [1.0, 2], "v": [3.0, NAN]})
    panel = read_panel(pd.concat([y, 10 * y], keys=["a", "b"]), None)
    found = [series.tolist() for series in univariate_series(panel)]
    np.testing.assert_array_equal(found, [[1, 2], [3, NAN], [10, 20], [30, NAN]])


# ---- other data for the same network ---------------------------------------------------------------------------------


def adapted(panel, *, max_step=None, **changes):
    free = {"window_length": None, "output_length": None, "sp": None}
    start = preprocessing_of(panel_of(season(1, 100)), window_length=10, output_length=6, sp=4, scaler="standard")
    return start, adapted_preprocessing(start, panel, make_settings(**{**free, **changes}), max_step)


def test_lengths_and_season_stay_where_nothing_else_is_asked_for():
    _, other = adapted(panel_of(season(3, 50)))
    assert (other.window_length, other.output_length, other.sp) == (10, 6, 4)


def test_lengths_and_season_may_be_asked_for():
    _, other = adapted(panel_of(season(3, 50)), window_length=7, output_length=2, sp=3)
    assert (other.window_length, other.output_length, other.sp) == (7, 2, 3)


def test_scales_and_effect_stay():
    start, other = adapted(panel_of(1000 * season(3, 50)))
    assert other.scaler is start.scaler
    assert other.effect is start.effect
    assert other.covariate_scale is start.covariate_scale


def test_the_calendar_decides_on_the_season_where_it_cannot_be_that_of_before():
    quarters = pd.period_range("2000Q1", periods=50, freq="Q")
    panel = read_panel(pd.DataFrame({"y": season(3, 50)}, quarters), None)
    start = preprocessing_of(sp=12)
    free = make_settings(window_length=None, output_length=None, sp=None)
    assert adapted_preprocessing(start, panel, free, None).sp == 4


# ---- windows ---------------------------------------------------------------------------------------------------------


def test_windows_to_learn_from_have_a_complete_future_and_a_season_before():
    ready = prepared(panel_of(np.arange(12.0)), sp=4, output_length=1)
    assert ready.origins.tolist() == [4, 5, 6, 7, 8, 9, 10, 11]


def test_the_latest_quarter_is_held_out_and_no_training_window_reaches_into_it():
    ready = prepared(panel_of(season(1, 60)), output_length=4)
    training, held_out = ready.held_out()
    assert len(held_out) == int(np.ceil(len(ready.origins) / 4))
    assert training.max() + ready.preprocessing.training_length <= held_out.min()
    assert held_out.max() == ready.origins.max()


def test_windows_know_the_errors_of_the_naive_forecasts_up_to_their_origin():
    changed = TOY.values.copy()
    changed[20:30] = 1e6  # the end of the first series
    ready, later = prepared(), prepared(replace(TOY, values=changed), prior_errors=prepared().prior_errors)
    origins = ready.origins
    before = origins[origins <= 20]
    one, other = (each.examples(before).batch(slice(None))[0].anchor_errors for each in (ready, later))
    torch.testing.assert_close(one, other)


def test_the_prior_errors_are_those_over_all_windows_unless_they_are_known():
    ready = prepared()
    torch.testing.assert_close(ready.prior_errors, mean_errors(ready.examples(ready.origins)))
    given = torch.ones(1, len(ANCHORS))
    assert prepared(prior_errors=given).prior_errors is given


def test_without_anchors_no_errors_are_followed():
    ready = prepared(anchored=False)
    assert ready.prior_errors is None
    assert ready.examples(ready.origins).batch(slice(None))[0].anchor_errors is None


def test_the_summary_is_that_of_the_preprocessing():
    ready = prepared()
    expected = ready.preprocessing.summary(TOY)
    np.testing.assert_array_equal(ready.summary.units, expected.units)
    torch.testing.assert_close(ready.summary.error_sums.total, expected.error_sums.total)


def test_what_the_covariates_explain_is_not_in_the_windows():
    panel = with_covariate(30.0)
    rest = prepared(panel).windows.values.numpy()[:, 0]
    assert rest.std() < 0.3 * panel.values.std()


# ---- the hold-out network --------------------------------------------------------------------------------------------


def test_the_hold_out_network_knows_only_the_effect_that_its_own_windows_show():
    time = np.arange(120)
    panel = with_covariate(np.where(time < 85, 20.0, -20.0))
    ready = prepared(panel, output_length=1)
    training, held_out = ready.held_out()
    assert held_out.min() > 85
    known = without_held_out_effect(ready, training[training < 85]).preprocessing
    steady = prepared(with_covariate(20.0), output_length=1).preprocessing
    # The effect is counted in units of the series, which are about the same.
    assert known.effect.item() == pytest.approx(steady.effect.item(), rel=0.1)
    assert abs(ready.preprocessing.effect.item()) < 0.7 * known.effect.item()


@pytest.mark.parametrize("louder", [1.0, 10.0])
def test_no_held_out_value_changes_the_data_that_the_hold_out_network_learns_from(louder):
    panel = with_covariate(20.0)
    ready = prepared(panel, output_length=1)
    training, held_out = ready.held_out()
    values = panel.values.copy()
    values[held_out] = louder * np.random.default_rng(1).permutation(values[held_out])
    changed = prepare(replace(panel, values=values), ready.preprocessing, anchored=True)
    expected, found = (without_held_out_effect(each, training).windows.values[:80] for each in (ready, changed))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_the_hold_out_network_starts_from_the_same_prior_errors():
    ready = prepared(with_covariate(20.0))
    assert without_held_out_effect(ready, ready.held_out()[0]).prior_errors is ready.prior_errors


def test_without_an_effect_nothing_is_prepared_anew():
    ready = prepared()
    assert without_held_out_effect(ready, ready.held_out()[0]) is ready
