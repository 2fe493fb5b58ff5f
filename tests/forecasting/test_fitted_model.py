"""The model: what a forecast may know, its units, and what it does where nothing was observed."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toys import NAN, STEPS, TOY, fitted, forecast, panel_of, past_of, random_numbers, season

from sktime_lstm.data.panel import read_panel
from sktime_lstm.forecasting.rollout import Innovations, forecast_windows, sample_paths


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
    model = fitted()
    past = past_of(model, steps=7)
    ends = past.panel.bounds[1:] - 7
    found = model.forecast(past, ends[[2, 0, 2]], np.array([1, 7, 3]))
    expected = [forecast(model, instance=2)[0], forecast(model, instance=0)[6], forecast(model, instance=2)[2]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("scaler", ["window", "standard", "minmax", "robust"])
def test_forecast_and_quantiles_have_the_units_of_the_data(scaler):
    moved = replace(TOY, values=1e3 * TOY.values - 1e6)
    found = forecast(fitted(moved, scaler=scaler), moved, alphas=[0.1, 0.5, 0.9])
    expected = forecast(fitted(scaler=scaler), alphas=[0.1, 0.5, 0.9])
    np.testing.assert_allclose((found + 1e6) / 1e3, expected, rtol=1e-3)


def test_a_constant_series_goes_on():
    panel = panel_of(np.full(30, 7.0), season(1))
    found = forecast(fitted(panel), panel, alphas=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(found, 7)


@pytest.mark.parametrize("changes", [{}, {"patience": 2}, {"scaler": "standard"}], ids=str)
def test_quantiles_rise_and_the_median_is_the_forecast(changes):
    model = fitted(**changes)
    quantiles = forecast(model, alphas=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles[..., 1], forecast(model), rtol=1e-6)
    assert (np.diff(quantiles, axis=-1) > 0).all()


# ---- where little or nothing is known --------------------------------------------------------------------------------


def gap(length, *, observed=60):
    """A series that ends with 12 and so many missing values; the context holds six points."""
    return panel_of(np.r_[season(1, observed - 1), 12.0, np.full(length, NAN)])


def widths(model, panel, steps=STEPS):
    return np.diff(forecast(model, panel, alphas=[0.1, 0.9], steps=steps)[:, 0])[:, 0]


@pytest.mark.parametrize("length", [4, 8, 40])
def test_a_context_without_observations_ends_where_something_was_observed_and_keeps_the_season(length):
    # After whole seasons of missing values the forecast is that of the point where they began.
    model = fitted(gap(0), output_length=1)
    np.testing.assert_allclose(forecast(model, gap(length)), forecast(model, gap(0)), rtol=1e-6)


@pytest.mark.parametrize(("length", "phase"), [(7, 3), (9, 1), (10, 2), (31, 3)])
def test_a_forecast_after_a_gap_stands_in_the_right_phase_of_the_season(length, phase):
    model = fitted(gap(0), output_length=1, window_length=12)
    found, expected = forecast(model, gap(length))[:, 0], forecast(model, gap(0), steps=np.arange(1, 12))[phase:, 0]
    # The season is 0, 3, -1 and 2 around its level.
    np.testing.assert_allclose(found[:3], expected[:3], atol=0.5)


def test_an_interval_after_a_gap_is_wider_than_that_of_a_step_farther_ahead():
    model = fitted(gap(0), max_step=12, output_length=1)
    # Two seasons are missing: the first step is the ninth after the last observation.
    rmse, far = model.calibration.rmse_by_step[:, 0], widths(model, gap(8), steps=[1, 2, 3])
    outage = (1 + 8 / model.calibration.steps) ** 0.25
    np.testing.assert_allclose(far, widths(model, gap(0), steps=[1])[0] * outage * rmse[8:11] / rmse[0])


def test_an_observation_in_the_later_half_of_the_context_is_enough():
    model = fitted(gap(0), max_step=12)
    rmse, near = model.calibration.rmse_by_step[:, 0], widths(model, gap(2), steps=[1, 2])
    np.testing.assert_allclose(near[1] / near[0], rmse[1] / rmse[0])


def test_the_last_observations_are_those_of_the_own_series_before_the_origin():
    past = past_of(fitted(), panel_of([1, NAN, 3, NAN, NAN], [NAN, 20]))
    age = past.age_of_last_observation(np.array([0, 1, 2, 4, 5, 6]))
    assert age[:, 0].tolist() == [0, 1, 2, 2, 0, 0]


# ---- after a jump ----------------------------------------------------------------------------------------------------


def jump(to):
    """A series that ends with a jump to this value."""
    return panel_of(np.r_[season(1, 59), to])


def test_after_a_jump_that_dwarfs_all_before_the_interval_reaches_from_the_old_to_the_new_level():
    model = fitted(panel_of(season(1, 59)), window_length=12)
    low, high = forecast(model, jump(500.0), alphas=[0.1, 0.9], steps=[1])[0, 0]
    assert low < 13
    assert high > 100
    low, high = forecast(model, panel_of(season(1, 60)), alphas=[0.1, 0.9], steps=[1])[0, 0]
    assert high - low < 10


def test_after_a_jump_the_median_is_still_the_forecast_and_quantiles_rise():
    model = fitted(panel_of(season(1, 59)), window_length=12)
    quantiles = forecast(model, jump(500.0), alphas=[0.025, 0.1, 0.4, 0.5, 0.6, 0.9, 0.975])
    np.testing.assert_allclose(quantiles[..., 3], forecast(model, jump(500.0)))
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_after_a_jump_every_second_sample_path_takes_it_for_a_mistake():
    model = fitted(panel_of(season(1, 59)), window_length=12)
    past = past_of(model, jump(500.0), steps=1)
    one = np.ones(1, dtype=np.int64)
    paths = model.sample(past, past.panel.bounds[[1]] - 1, one, num_samples=200, random=random_numbers())[0, 0]
    assert np.median(paths[::2]) < 20
    assert np.median(paths[1::2]) > 50


def test_a_context_without_observations_has_an_interval_and_the_longer_the_gap_the_wider():
    model = fitted(gap(0))
    within, after_six, after_twenty = (widths(model, gap(length)) for length in (0, 6, 20))
    assert (within > 0).all()
    assert (within < after_six).all()
    assert (after_six < after_twenty).all()


def test_the_samples_from_a_context_without_observations_have_the_quantiles_of_its_forecast():
    model, panel = fitted(gap(0), max_step=4), gap(8)
    past = past_of(model, panel, steps=2)
    origins, steps = np.full(2, past.panel.bounds[1] - 2), np.array([1, 2])
    paths = model.sample(past, origins, steps, num_samples=4_000, random=random_numbers())
    found = np.diff(np.quantile(paths[:, 0], [0.1, 0.9], axis=1), axis=0)[0]
    np.testing.assert_allclose(found, widths(model, panel, steps=steps), rtol=0.1)


@pytest.mark.parametrize("alphas", [None, [0.1, 0.9]], ids=["forecast", "quantiles"])
def test_before_the_first_observation_nothing_is_forecast(alphas):
    panel = panel_of(np.r_[NAN, NAN, season(1)], season(2))
    model = fitted(panel)
    rows = np.r_[[0, 1, 2, 3], panel.bounds[1] + np.array([0, 1])]
    found = model.forecast(past_of(model, panel), rows, np.ones(6, dtype=np.int64), alphas)
    assert np.isnan(found).reshape(6, -1).all(axis=1).tolist() == [True, True, True, False, True, False]
    assert np.isnan(found).reshape(6, -1).any(axis=1).tolist() == [True, True, True, False, True, False]


def test_samples_before_the_first_observation_are_missing():
    model = fitted()
    one = np.ones(2, dtype=np.int64)
    found = model.sample(past_of(model), TOY.bounds[1] + [0, 1], one, num_samples=5, random=random_numbers(2))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


def test_a_variable_that_is_observed_nowhere_does_not_spoil_the_other():
    frame = pd.DataFrame({"u": season(1), "v": NAN})
    panel = read_panel(frame, None)
    assert np.isfinite(forecast(fitted(panel), panel, alphas=[0.1, 0.9])[:, 0]).all()


def sampled(model, *, steps=STEPS, num_samples=500, seed=0):
    past = past_of(model, steps=int(max(steps)))
    origin = past.panel.bounds[1] - int(max(steps))
    random = random_numbers(seed=seed)
    return model.sample(past, np.full(len(steps), origin), np.asarray(steps), num_samples=num_samples, random=random)


@pytest.mark.parametrize("changes", [{}, {"scaler": "standard"}, {"output_length": 7}, {"lower_bound": 0}], ids=str)
def test_samples_have_the_quantiles_of_the_forecast_as_far_as_errors_were_measured(changes):
    model = fitted(max_step=7, **changes)
    steps = np.arange(1, model.calibration.steps + 1)
    quantiles = forecast(model, steps=steps, alphas=[0.1, 0.5, 0.9])
    found = np.quantile(sampled(model, steps=steps, num_samples=4_000), [0.1, 0.5, 0.9], axis=2)
    width = np.ptp(quantiles, axis=-1)
    np.testing.assert_array_less(np.abs(np.moveaxis(found, 0, -1) - quantiles).max(axis=-1), 0.1 * width)


def test_samples_beyond_the_measured_errors_have_the_quantiles_of_the_forecast():
    model = fitted(max_step=4)
    steps, alphas = np.array([5, 24]), [0.1, 0.5, 0.9]
    expected = forecast(model, steps=steps, alphas=alphas)[:, 0]
    found = np.quantile(sampled(model, steps=steps, num_samples=2_000)[:, 0], alphas, axis=1).T
    np.testing.assert_allclose(found, expected, atol=0.01 * np.ptp(expected))


def test_a_path_that_is_high_at_the_end_of_what_was_measured_is_high_afterwards():
    walk = panel_of(np.random.default_rng(0).normal(size=120).cumsum())
    model = fitted(walk, sp=1, max_step=4)
    past = past_of(model, walk, steps=24)
    origins, steps = np.full(3, past.panel.bounds[1] - 24), np.array([model.calibration.steps, 8, 24])
    paths = model.sample(past, origins, steps, num_samples=1_000, random=random_numbers())[:, 0]
    near, far = np.corrcoef(paths)[0, 1:]
    assert near > far > 0.1
    assert near > 0.5


def test_a_single_path_is_drawn_from_the_whole_distribution():
    model = fitted(max_step=4)
    found = [sampled(model, steps=np.array([24]), num_samples=1, seed=seed).item() for seed in range(40)]
    low, high = forecast(model, steps=np.array([24]), alphas=[0.25, 0.75])[0, 0]
    assert 0.25 < np.mean((found > low) & (found < high)) < 0.75


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


# ---- what was taken out and what is remembered -----------------------------------------------------------------------


def promoted(length=120):
    """A season that a promotion lifts by 5."""
    promotion = np.random.default_rng(0).integers(0, 2, length).astype(float)
    y = pd.DataFrame({"y": season(1, length) + 5 * promotion})
    return read_panel(y, pd.DataFrame({"promotion": promotion}))


def with_promotion(panel, *future):
    longer = panel.extended(panel.last + len(future))
    longer.covariates[len(panel.values) :, 0] = future
    return longer


def ahead(model, panel, *future, alphas=None):
    past = model.past_of(with_promotion(panel, *future), model.preprocessing.summary(panel), complete=True)
    steps = np.arange(1, len(future) + 1)
    return model.forecast(past, np.full(len(future), len(panel.values)), steps, alphas)


def test_a_known_promotion_lifts_its_own_step_and_the_quantiles_with_it():
    panel = promoted()
    model = fitted(panel, max_epochs=1, learning_rate=1e-9)
    without, lifted = (ahead(model, panel, *future, alphas=[0.1, 0.5, 0.9]) for future in ([0, 0, 0], [0, 1, 0]))
    # The regression is a cautious one and shows somewhat less than 5.
    np.testing.assert_allclose((lifted - without)[:, 0, 1], [0, 4.5, 0], atol=0.5)
    np.testing.assert_allclose(np.ptp(lifted, axis=2), np.ptp(without, axis=2), rtol=1e-6)


def test_the_effect_of_covariates_is_taken_out_before_the_network_and_added_to_its_forecast():
    panel = promoted()
    model = fitted(panel)
    preprocessing, summary = model.preprocessing, model.preprocessing.summary(panel)
    without_effect = replace(model, preprocessing=replace(preprocessing, effect=0 * preprocessing.effect))
    explained = preprocessing.explained(with_promotion(panel, 1, 0, 1), summary.units)
    rest = replace(panel, values=panel.values - explained[:120])
    np.testing.assert_allclose(
        ahead(model, panel, 1, 0, 1), ahead(without_effect, rest, 1, 0, 1) + explained[120:], rtol=1e-6
    )


@pytest.mark.parametrize("scaler", ["window", "standard"])
@pytest.mark.parametrize("alphas", [None, [0.1, 0.9]], ids=["forecast", "quantiles"])
def test_the_end_of_a_panel_and_the_summary_of_its_history_forecast_as_the_whole_panel(scaler, alphas):
    model = fitted(scaler=scaler)
    whole = past_of(model, steps=3)
    end = TOY.cut(np.arange(3), TOY.last, past=model.preprocessing.window_length, future=3)
    tail = model.past_of(end, model.preprocessing.summary(TOY), complete=False)
    found, expected = (
        model.forecast(past, past.panel.bounds[1:] - 3, np.array([1, 2, 3]), alphas) for past in (tail, whole)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_errors_of_the_naive_forecasts_so_far_move_a_forecast():
    model = fitted(learning_rate=1e-9)
    summary = model.preprocessing.summary(TOY)
    past = model.past_of(TOY.extended(TOY.last + 1), summary, complete=False)
    sums = summary.error_sums
    forgotten = replace(
        summary, error_sums=replace(sums, total=torch.zeros_like(sums.total), count=torch.zeros_like(sums.count))
    )
    fresh = model.past_of(TOY.extended(TOY.last + 1), forgotten, complete=False)
    origins = past.panel.bounds[1:] - 1
    one = np.ones(3, dtype=np.int64)
    assert (model.forecast(past, origins, one) != model.forecast(fresh, origins, one)).all()


def test_a_model_without_anchors_follows_no_errors():
    model = fitted(anchored=False)
    assert model.prior_errors is None
    assert past_of(model).windows.anchor_errors is None


def test_far_paths_go_together_alike_whether_the_network_reads_all_of_them_or_some(monkeypatch):
    walks = np.random.default_rng(0).normal(size=(20, 60)).cumsum(axis=1)
    panel = panel_of(*walks)
    model = fitted(panel, sp=1, max_step=2)
    past = past_of(model, panel, steps=12)
    origins, steps = past.panel.bounds[1:].repeat(12) - 12, np.tile(np.arange(1, 13), 20)

    def spreads(seed, followed):
        monkeypatch.setattr("sktime_lstm.forecasting.fitted_model._num_followed", lambda *sizes: followed)
        drawn = model.sample(past, origins, steps, num_samples=400, random=random_numbers(20, seed))
        paths = drawn.reshape(20, 12, 400)
        return np.stack([each.std(axis=1) for each in (paths[:, -1], paths.sum(axis=1), paths.max(axis=1))])

    every, again, some = spreads(0, None), spreads(1, None), spreads(0, 16)
    np.testing.assert_allclose(some[0], every[0], rtol=1e-6)
    difference, chance = (np.abs(np.log(each[1:] / every[1:])).mean() for each in (some, again))
    assert difference < chance


def test_paths_do_not_depend_on_how_many_windows_are_drawn_at_once(monkeypatch):
    model, steps = fitted(max_step=2), np.tile([1, 5], 20)
    past = past_of(model, steps=5)
    origins = np.arange(5, 25).repeat(2)
    together = model.sample(past, origins, steps, num_samples=3, random=random_numbers(20))
    monkeypatch.setattr("sktime_lstm.forecasting.fitted_model.MAX_PATHS", 300)
    some = model.sample(past, origins, steps, num_samples=3, random=random_numbers(20))
    np.testing.assert_allclose(some, together, rtol=1e-6)


# ---- on another device -----------------------------------------------------------------------------------------------

STAND_IN = torch.device("meta")
"""It computes shapes alone, refuses tensors of the CPU beside its own, and can never be asked for a number."""


@pytest.mark.parametrize("changes", [{}, {"loss": "normal"}, {"cell": "gru", "anchored": False}], ids=str)
def test_forecasts_and_paths_are_made_on_the_device_of_the_network_without_waiting_for_it(changes):
    model = fitted(max_step=2, **changes)
    past = past_of(model, steps=7, complete=False)
    on_cpu = model.windows(past, past.panel.bounds[1:] - 7, horizon=7)
    errors = torch.zeros(3, 200, 4, 2, 1, dtype=torch.float64)
    innovations = Innovations(errors, model._error_units(past, on_cpu), model._lowest(past, on_cpu))
    there, rules = model.on(STAND_IN), model.preprocessing.rollout_rules
    paths = sample_paths(there.network, on_cpu.to(STAND_IN), innovations.to(STAND_IN), num_followed=25, **rules)
    assert (paths.shape, paths.device) == ((3, 200, 7, 1), STAND_IN)
    forecast = forecast_windows(there.network, on_cpu.to(STAND_IN), **rules)
    assert (forecast.shape[:3], forecast.device) == ((3, 7, 1), STAND_IN)


def test_a_model_goes_to_another_device_as_a_copy():
    model = fitted()
    assert model.on(torch.device("cpu")) is model
    assert model.on(STAND_IN).device == STAND_IN
    assert model.device == torch.device("cpu")
