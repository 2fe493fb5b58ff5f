"""A view: the windows of a panel in the scales in which a network sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sktime_lstm.data.panel import read_panel
from sktime_lstm.data.scaling import fit_scaler, scale_rule, window_scale
from sktime_lstm.forecasting.preprocessing import Preprocessing

NAN = np.nan


def make_panel(y, x=()):
    X = pd.DataFrame({"x": x}, dtype=float) if len(x) else None
    return read_panel(pd.DataFrame({"y": y}, dtype=float), X)


def make_view(panel, scaler="window"):
    return Preprocessing(
        scaler=fit_scaler(scaler, panel.values),
        scale_of=scale_rule(scaler),
        covariate_scale=window_scale(torch.from_numpy(panel.covariates)[None]),
        window_length=2,
        output_length=1,
        sp=4,
        training_length=1,
    )


def windows_of(panel, *origins, scaler="window", horizon=1):
    return make_view(panel, scaler).window_index(panel, np.array(origins), horizon=horizon)


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


@pytest.mark.parametrize("scaler", ["window", "none", "standard", "minmax", "robust"])
def test_the_global_scale_is_undone(scaler):
    panel = make_panel([1, NAN, 7, 4])
    preprocessing = make_view(panel, scaler)
    values = preprocessing.window_index(panel, np.array([2]), horizon=1).values.numpy()
    np.testing.assert_allclose(preprocessing.unscaled(values), panel.values)


@pytest.mark.parametrize("scaler", ["window", "standard", "minmax"])
def test_the_global_scale_is_undone_for_every_level_of_a_quantile(scaler):
    panel = read_panel(pd.DataFrame({"u": [1.0, 2, 6], "v": [100.0, 0, 50]}), None)
    preprocessing = make_view(panel, scaler)
    levels = np.random.default_rng(0).normal(size=(5, 2, 3))
    found = preprocessing.unscaled(levels)
    for number in range(3):
        np.testing.assert_allclose(found[:, :, number], preprocessing.unscaled(levels[:, :, number]))


@pytest.mark.parametrize("scaler", ["window", "standard", "minmax"])
def test_no_value_leaves_below_the_bound(scaler):
    preprocessing = replace(make_view(make_panel([1, 2, 6]), scaler), lower_bound=3.0)
    lowest = preprocessing.lowest(1)
    np.testing.assert_allclose(preprocessing.unscaled(np.array([lowest - 1, lowest, lowest + 1]))[:2], 3)
    assert preprocessing.unscaled(lowest[None] + 1).item() > 3


def test_without_a_bound_nothing_is_too_low():
    assert make_view(make_panel([1, 2, 6]), "standard").lowest(2).tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize("scaler", ["window", "none", "standard"])
def test_the_panel_is_left_as_it_was(scaler):
    panel = make_panel([1, 2, 3], [10, NAN, 30])
    windows = windows_of(panel, 2, scaler=scaler)
    windows.batch(slice(None)).context[:] = -1
    windows.target(slice(None))[:] = -1
    np.testing.assert_array_equal(panel.values[:, 0], [1, 2, 3])
    np.testing.assert_array_equal(panel.covariates[:, 0], [10, NAN, 30])
