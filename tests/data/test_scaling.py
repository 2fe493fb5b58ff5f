"""The scales: hand-made pairs, there and back, and indifference to units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils.validation import check_is_fitted

from sktime_lstm.data.scaling import GLOBAL_SCALERS, fit_scaler, scale_rule, unit_scale, window_scale

NAN = torch.nan
VALUES = np.array([[1.0, -50.0], [np.nan, 20.0], [4.0, 70.0], [2.0, 5.0]])


def window(*values):
    """One window of one variable."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


def random_windows(seed=0):
    return torch.randn(5, 9, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("context", "loc", "scale"),
    [
        ((1.0, 3.0), 2.0, 1.0),
        ((0.0, 0.0, 3.0, 3.0), 1.5, 1.5),
        ((-6.0, 6.0), 0.0, 6.0),
        ((2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0), 5.0, 2.0),
        ((NAN, 2.0, 4.0), 3.0, 1.0),
        ((2.0, NAN, NAN, 4.0, NAN), 3.0, 1.0),
        ((5.0, 5.0, 5.0), 5.0, 0.0),
        ((0.1, 0.1, 0.1), 0.1, 0.0),
        ((0.0, 0.0), 0.0, 0.0),
        ((1.0, 1.0 + 1e-12), 1.0, 0.0),  # rounding noise
        ((7.0,), 7.0, 0.0),
        ((NAN, 7.0), 7.0, 0.0),
        ((NAN, NAN), 0.0, 0.0),
    ],
)
def test_a_window_has_the_mean_and_standard_deviation_of_what_was_observed(context, loc, scale):
    found = window_scale(window(*context))
    torch.testing.assert_close(found.loc, window(loc))
    torch.testing.assert_close(found.scale, window(scale))


def test_each_window_and_variable_has_its_own_scale():
    context = torch.tensor([[[1.0, 10.0], [3.0, 30.0]], [[0.0, 7.0], [8.0, NAN]]])
    found = window_scale(context)
    torch.testing.assert_close(found.loc, torch.tensor([[[2.0, 20.0]], [[4.0, 7.0]]]))
    torch.testing.assert_close(found.scale, torch.tensor([[[1.0, 10.0]], [[4.0, 0.0]]]))


def test_a_scaled_window_has_mean_0_and_standard_deviation_1():
    context = 7 + 3 * random_windows()
    scaled = window_scale(context).apply(context)
    torch.testing.assert_close(scaled.mean(1), torch.zeros(5, 2, dtype=torch.float64))
    torch.testing.assert_close(scaled.std(1, correction=0), torch.ones(5, 2, dtype=torch.float64))


@pytest.mark.parametrize("scale_of", [window_scale, unit_scale])
def test_undo_is_the_inverse_of_apply(scale_of):
    context, others = 7 + 3 * random_windows(), random_windows(1)
    scale = scale_of(context)
    torch.testing.assert_close(scale.undo(scale.apply(others)), others)
    torch.testing.assert_close(scale.apply(scale.undo(others)), others)


def test_missing_stays_missing():
    context = window(1.0, NAN, 3.0)
    torch.testing.assert_close(window_scale(context).apply(context), window(-1.0, NAN, 1.0), equal_nan=True)


def test_a_constant_window_loses_its_level_and_gives_it_back_whatever_the_forecast():
    scale = window_scale(window(5.0, 5.0))
    torch.testing.assert_close(scale.apply(window(5.0, 8.0)), window(0.0, 3.0))
    torch.testing.assert_close(scale.undo(window(0.0, -9.0)), window(5.0, 5.0))


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("level", [0.0, 1.0, -1e6])
def test_units_and_level_of_the_data_do_not_change_the_scaled_window(factor, level):
    context = random_windows()
    moved = factor * (context + level)
    expected = window_scale(context).apply(context)
    torch.testing.assert_close(window_scale(moved).apply(moved), expected, atol=1e-7, rtol=0)


def test_targets_far_outside_of_a_quiet_context_are_pulled_in():
    scale = window_scale(window(-1.0, 1.0))
    torch.testing.assert_close(
        scale.bounded(window(-1e9, 3.0, NAN, 1e9)), window(-scale.bound, 3.0, NAN, scale.bound), equal_nan=True
    )
    assert 3 < scale.bound < 1e3


def test_the_unit_scale_changes_nothing():
    values = 1e9 * random_windows()
    scale = unit_scale(random_windows(1))
    torch.testing.assert_close(scale.apply(values), values)
    torch.testing.assert_close(scale.undo(values), values)
    torch.testing.assert_close(scale.bounded(values), values)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("standard", [-1.0, -1.0, 1.0, 1.0]),
        ("minmax", [-1.0, -1.0, 1.0, 1.0]),
        ("robust", [-0.5, -0.5, 0.5, 0.5]),
        ("none", [2.0, 2.0, 6.0, 6.0]),
        ("window", [2.0, 2.0, 6.0, 6.0]),
    ],
)
def test_a_global_scaler_goes_by_its_name(name, expected):
    values = np.array([[2.0], [2.0], [6.0], [6.0]])
    np.testing.assert_allclose(fit_scaler(name, values).transform(values)[:, 0], expected)


@pytest.mark.parametrize("name", [*GLOBAL_SCALERS, MaxAbsScaler()])
def test_a_global_scaler_goes_there_and_back_and_leaves_missing_values_missing(name):
    scaler = fit_scaler(name, VALUES)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(VALUES)), VALUES)


def test_a_transformer_of_the_user_is_cloned_before_it_is_fitted():
    mine = MaxAbsScaler()
    np.testing.assert_allclose(fit_scaler(mine, VALUES).transform(VALUES)[2], [1.0, 1.0])
    with pytest.raises(NotFittedError):
        check_is_fitted(mine)


def test_only_the_window_scaler_scales_each_window():
    assert scale_rule("window") is window_scale
    assert scale_rule("standard") is unit_scale
    assert scale_rule(MaxAbsScaler()) is unit_scale
