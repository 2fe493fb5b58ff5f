"""The model: what a forecast may know, its units, and what it does where nothing was observed."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from toys import NAN, STEPS, TOY, fitted, forecast, panel_of, season

from sktime_lstm.data.panel import read_panel
from sktime_lstm.runtime import seeded_generator


def test_a_forecast_knows_nothing_after_its_origin():
    model, later = fitted(), copy.deepcopy(TOY)
    later.series(0)[-5:] = 1e6
    np.testing.assert_array_equal(forecast(model, later, back=5), forecast(model, back=5))
    assert (forecast(model, later, back=4) != forecast(model, back=4)).all()


def test_a_forecast_knows_nothing_of_the_other_series():
    model, other = fitted(), copy.deepcopy(TOY)
    other.series(0)[:] = other.series(2)[:] = 1e6
    np.testing.assert_allclose(forecast(model, other, instance=1), forecast(model, instance=1), rtol=1e-6)


@pytest.mark.parametrize("steps", [[1], [2, 3], [7, 1], [5, 5]])
def test_a_row_is_forecast_the_same_whatever_else_is_asked_for(steps):
    model = fitted()
    np.testing.assert_allclose(forecast(model, steps=steps), forecast(model)[np.array(steps) - 1], rtol=1e-6)


def test_rows_of_several_series_come_in_the_order_asked_for():
    model, panel = fitted(), TOY.extended(TOY.last + 7)
    ends = panel.bounds[1:] - 7
    found = model.forecast(panel, ends[[2, 0, 2]], np.array([1, 7, 3]))
    expected = [forecast(model, instance=2)[0], forecast(model, instance=0)[6], forecast(model, instance=2)[2]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("scaler", ["window", "standard", "minmax", "robust"])
def test_forecast_and_quantiles_have_the_units_of_the_data(scaler):
    moved = replace(TOY, values=1e3 * TOY.values - 1e6, level=1e3 * TOY.level - 1e6)
    found = forecast(fitted(moved, scaler=scaler), moved, alphas=[0.1, 0.5, 0.9])
    expected = forecast(fitted(scaler=scaler), alphas=[0.1, 0.5, 0.9])
    np.testing.assert_allclose((found + 1e6) / 1e3, expected, rtol=1e-3)


def test_a_constant_series_goes_on():
    panel = panel_of(np.full(30, 7.0), season(1))
    found = forecast(fitted(panel), panel, alphas=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(found, 7)


@pytest.mark.parametrize("changes", [{}, {"patience": 2}, {"scaler": "standard"}, {"num_members": 2}], ids=str)
def test_quantiles_rise_and_the_median_is_the_forecast(changes):
    model = fitted(**changes)
    quantiles = forecast(model, alphas=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles[..., 1], forecast(model), rtol=1e-6)
    assert (np.diff(quantiles, axis=-1) > 0).all()


def test_a_context_without_observations_goes_on_from_the_last_one_before_it():
    panel = panel_of(np.r_[season(1), 4.0, np.full(6, NAN)])
    np.testing.assert_allclose(forecast(fitted(panel), panel, alphas=[0.1, 0.9]), 4)


def test_before_the_first_observation_the_level_of_the_series_is_forecast():
    panel = panel_of(season(1))
    found = fitted(panel).forecast(panel, np.array([0]), np.array([1]))
    np.testing.assert_allclose(found, panel.level)


def test_the_first_row_of_a_series_knows_nothing_of_the_series_before_it():
    found = fitted().forecast(TOY, TOY.bounds[[1]], np.array([1]))
    np.testing.assert_allclose(found, TOY.level[[1]])


def test_a_variable_that_is_observed_nowhere_does_not_spoil_the_other():
    frame = pd.DataFrame({"u": season(1), "v": NAN})
    panel = read_panel(frame, None)
    assert np.isfinite(forecast(fitted(panel), panel, alphas=[0.1, 0.9])[:, 0]).all()


def sampled(model, *, steps=STEPS, num_samples=500, seed=0):
    panel = TOY.extended(TOY.last + int(max(steps)))
    origin = panel.bounds[1] - int(max(steps))
    generator = seeded_generator(seed)
    return model.sample(
        panel, np.full(len(steps), origin), np.asarray(steps), num_samples=num_samples, generator=generator
    )


@pytest.mark.parametrize("changes", [{}, {"scaler": "standard"}, {"output_length": 7}, {"lower_bound": 0}], ids=str)
def test_samples_have_the_quantiles_of_the_forecast_as_far_as_errors_were_measured(changes):
    model = fitted(max_step=7, **changes)
    steps = np.arange(1, model.calibration.steps + 1)
    quantiles = forecast(model, steps=steps, alphas=[0.1, 0.5, 0.9])
    found = np.quantile(sampled(model, steps=steps, num_samples=4_000), [0.1, 0.5, 0.9], axis=2)
    width = np.ptp(quantiles, axis=-1)
    np.testing.assert_array_less(np.abs(np.moveaxis(found, 0, -1) - quantiles).max(axis=-1), 0.1 * width)


def test_samples_beyond_the_measured_errors_spread_much_as_the_quantiles_do():
    model = fitted(max_step=4)
    steps = np.array([24])
    low, high = forecast(model, steps=steps, alphas=[0.1, 0.9])[0, 0]
    found = np.quantile(sampled(model, steps=steps, num_samples=2_000), [0.1, 0.9])
    assert 0.6 < np.ptp(found) / (high - low) < 1.6


def test_the_rows_of_a_sample_belong_to_one_path():
    whole = sampled(fitted(), steps=[1, 2, 3, 4, 5, 6, 7])
    np.testing.assert_allclose(sampled(fitted(), steps=[7, 2]), whole[[6, 1]])


def test_one_seed_draws_the_same_samples_and_another_draws_others():
    model = fitted()
    np.testing.assert_array_equal(sampled(model), sampled(model))
    assert (sampled(model, seed=1) != sampled(model)).any()


def test_nothing_goes_below_the_bound_and_the_median_above_it_stays():
    free, held = fitted(), fitted(lower_bound=float(np.nanmin(TOY.values)))
    bound = held.preprocessing.lower_bound
    assert sampled(free).min() < bound == sampled(held).min()
    quantiles, expected = (forecast(model, alphas=[0.001, 0.5, 0.999]) for model in (held, free))
    np.testing.assert_allclose(quantiles, np.maximum(expected, bound))
