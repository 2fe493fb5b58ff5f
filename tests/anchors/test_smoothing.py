"""Exponential smoothing: by hand, against statsmodels, and what does not change it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from statsmodels.tsa.holtwinters import ExponentialSmoothing, SimpleExpSmoothing

from sktime_lstm.anchors.smoothing import (
    DAMPED,
    MAX_POINTS,
    SCORED_POINTS,
    SIMPLE,
    SMOOTHERS,
    Parameters,
    final_state,
    fit_line,
    smoothing_forecasts,
)

NAN = torch.nan


def random_context(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def forecasts(context, *, horizon):
    """All forecasts, without what tells how likely the past was."""
    return smoothing_forecasts(context, horizon=horizon).forecast


def forecast(values, name, *, horizon=3):
    """One forecast of one series."""
    context = torch.tensor(values, dtype=torch.float64).view(1, -1, 1)
    return forecasts(context, horizon=horizon)[0, :, 0, SMOOTHERS.index(name)].tolist()


def state_of(values, *grid, missing=0):
    """State after deviations from zero, of which the first so many are `missing`."""
    rest = torch.tensor([0.0] * missing + list(values), dtype=torch.float64)
    seen = torch.tensor([0.0] * missing + [1.0] * len(values), dtype=torch.float64)
    return [float(each) for each in final_state(rest, seen, grid)[:2]]


@pytest.mark.parametrize(
    ("values", "parameters", "expected"),
    [
        ([1.0], Parameters(0.5), [0.5, 0]),
        # 0, then half way to 4, then half way to 0.
        ([4.0, 0.0], Parameters(0.5), [1, 0]),
        # The level takes half of the error of 4, the slope half of that; then 3 were expected of 5.
        ([4.0, 5.0], Parameters(0.5, 0.5, 1.0), [3 + 1, 1 + 0.5]),
        # The slope of 1 has faded to a half before it is added, so 2.5 were expected.
        ([4.0, 2.5], Parameters(0.5, 0.5, 0.5), [2.5, 0.5]),
    ],
)
def test_the_state_after_a_few_points(values, parameters, expected):
    np.testing.assert_allclose(state_of(values, parameters), expected)
    np.testing.assert_allclose(state_of(values, parameters, missing=3), expected)


def test_a_state_starts_from_zero_where_nothing_was_seen():
    assert state_of([], *DAMPED, missing=4) == [0, 0]


def test_parameters_are_weighed_by_past_errors():
    slow, fast = Parameters(0.1), Parameters(0.9)
    # Forecasts of the second point are 0.2 and 1.8: errors of (2 + 1.8) / 2 and (2 + 0.2) / 2.
    weights = np.array([1.9**-2, 1.1**-2])
    states = [state_of([2.0, 2.0], each)[0] for each in (slow, fast)]
    np.testing.assert_allclose(state_of([2.0, 2.0], slow, fast)[0], weights @ states / weights.sum())


def test_parameters_are_weighed_by_the_latest_errors():
    slow, fast = Parameters(0.1), Parameters(0.9)
    wild = [9.0, -9.0] * 10
    calm = [5.0] * SCORED_POINTS
    # Swings are forecast best by what hardly follows them, but they are long past.
    assert state_of(wild, slow, fast)[0] == pytest.approx(state_of(wild, slow)[0], rel=0.1)
    assert state_of([*wild, *calm], slow, fast)[0] == pytest.approx(5, rel=1e-3)


def test_the_likelihood_is_that_of_laplace_errors():
    # Errors 2 and 0, on average 1.
    state = final_state(torch.tensor([2.0, 1.0]), torch.ones(2), (Parameters(0.5),))
    assert state.log_likelihood.item() == pytest.approx(-2 * np.log(1))
    state = final_state(torch.tensor([6.0, 3.0]), torch.ones(2), (Parameters(0.5),))
    assert state.log_likelihood.item() == pytest.approx(-2 * np.log(3))


@pytest.mark.parametrize("parameters", SIMPLE)
def test_statsmodels_smooths_the_same(parameters):
    y = random_context(30).cumsum(0).numpy()
    model = SimpleExpSmoothing(y, initialization_method="known", initial_level=0.0)
    fitted = model.fit(smoothing_level=parameters.level, optimized=False)
    np.testing.assert_allclose(state_of(y, parameters)[0], fitted.forecast(1)[0], rtol=1e-9)


@pytest.mark.parametrize("parameters", [*DAMPED, Parameters(0.4, 0.2, 0.98), Parameters(0.4, 0.2, 1.0)])
def test_statsmodels_smooths_with_a_fading_slope_the_same(parameters):
    y = random_context(MAX_POINTS).cumsum(0).numpy()
    alpha, beta, phi = parameters
    model = ExponentialSmoothing(
        y, trend="add", damped_trend=True, initialization_method="known", initial_level=0.0, initial_trend=0.0
    )
    fitted = model.fit(smoothing_level=alpha, smoothing_trend=beta, damping_trend=phi, optimized=False)
    level, slope = state_of(y, parameters)
    fading = np.cumsum(phi ** np.arange(1, 6))
    np.testing.assert_allclose(level + slope * fading, fitted.forecast(5), rtol=1e-9)


@pytest.mark.parametrize("values", [[7], [NAN, 7, NAN], [7, 7, 7, 7]])
@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_constant_goes_on(values, name):
    np.testing.assert_allclose(forecast(values, name), [7, 7, 7])


@pytest.mark.parametrize("values", [[1, 2, 3, 4], [NAN, 1, NAN, NAN, 4], [0, 1, 2, 3, 4, NAN, NAN]])
def test_a_straight_line_goes_on_with_its_drift(values):
    start = len(values) + 1 - (values[0] == 0) - (values[0] != values[0])
    np.testing.assert_allclose(forecast(values, "smooth drift"), [start, start + 1, start + 2])


def test_theta_is_the_mean_of_the_line_and_of_smoothing_what_is_twice_as_far_from_it():
    y = random_context(40).cumsum(0).view(1, 1, -1)
    line, time = fit_line(y), torch.arange(45.0, dtype=torch.float64)
    whole = (line.mean + line.slope * (time - line.mean_time)).flatten()
    twice = 2 * y.flatten() - whole[:40]
    mean = twice.mean()
    # Twice the deviation has twice the errors under all parameters, so that their weights are the same.
    ones = torch.ones(40, dtype=torch.float64)
    smoothed = mean + final_state(twice - mean, ones, SIMPLE).level
    np.testing.assert_allclose(forecast(y.flatten().tolist(), "theta", horizon=5), (whole[40:] + smoothed) / 2)


def test_the_line_is_that_of_least_squares():
    y = random_context(20)
    y[[0, 7, 8]] = NAN
    seen = torch.isfinite(y)
    slope, start = np.polyfit(np.arange(20)[seen], y[seen], 1)
    line = fit_line(y.view(1, 1, -1))
    np.testing.assert_allclose([line.slope.item(), (line.mean - line.slope * line.mean_time).item()], [slope, start])


def test_a_slope_fades():
    steps = np.diff(forecast(list(range(20)), "damped", horizon=30))
    np.testing.assert_allclose(steps[1:] / steps[:-1], 0.85)


def test_a_slope_fades_over_missing_points_too():
    values = random_context(20).cumsum(0).tolist()
    np.testing.assert_allclose(
        forecast([*values, NAN, NAN], "damped"), forecast(values, "damped", horizon=5)[2:], rtol=1e-9
    )


@pytest.mark.parametrize("name", ["theta", "smooth drift"])
def test_a_point_that_is_missing_says_nothing(name):
    # Without drift a point less is as good as none.
    values = [5.0, 1, 4, 4, 1, 5]
    np.testing.assert_allclose(forecast([NAN, 5, 1, 4, NAN, NAN, 4, 1, 5, NAN], name), forecast(values, name))


def test_nothing_observed_is_zero():
    assert (forecasts(torch.full((1, 5, 1), NAN), horizon=2) == 0).all()


@pytest.mark.parametrize("length", [1, 2, 5, MAX_POINTS, 100])
def test_the_forecasts_have_the_units_and_the_level_of_the_data(length):
    context = random_context(3, length, 2).cumsum(1)
    moved = forecasts(1e3 * context - 1e6, horizon=5)
    torch.testing.assert_close(moved, 1e3 * forecasts(context, horizon=5) - 1e6)


def test_mirrored_data_have_mirrored_forecasts():
    context = random_context(3, 30, 1)
    torch.testing.assert_close(forecasts(-context, horizon=5), -forecasts(context, horizon=5))


def test_each_window_and_variable_is_forecast_on_its_own():
    context = random_context(3, 20, 2)
    context[1, 4:7, 0] = NAN
    context[2, :9] = NAN
    together = forecasts(context, horizon=5)
    for window in range(3):
        for variable in range(2):
            alone = forecasts(context[window, None, :, variable, None], horizon=5)
            torch.testing.assert_close(together[window, :, variable], alone[0, :, 0])


def test_points_missing_in_front_change_nothing():
    context = random_context(2, 20, 1)
    padded = torch.nn.functional.pad(context, (0, 0, 15, 0), value=NAN)
    torch.testing.assert_close(forecasts(padded, horizon=4), forecasts(context, horizon=4))


def test_only_the_latest_points_count():
    context = random_context(2, 100, 1)
    torch.testing.assert_close(forecasts(context, horizon=4), forecasts(context[:, -MAX_POINTS:], horizon=4))


def test_a_step_is_forecast_the_same_however_many_follow():
    context = random_context(3, 20, 1)
    longer = forecasts(context, horizon=9)
    torch.testing.assert_close(longer[:, :4], forecasts(context, horizon=4))


def test_single_precision_is_enough():
    context = random_context(5, MAX_POINTS, 1).cumsum(1)
    context = (context - context.mean(1, keepdim=True)) / context.std(1, keepdim=True)
    single = forecasts(context.float(), horizon=12)
    torch.testing.assert_close(single.double(), forecasts(context, horizon=12), rtol=0, atol=1e-4)
