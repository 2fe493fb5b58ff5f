"""The model: what it may know, what changes with the data and the seed, and what it does with next to nothing."""

from __future__ import annotations

import copy
import math
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
import torch

from sktime_lstm.forecaster import LSTMForecaster
from sktime_lstm.model import Settings, fit_model, tune_model
from sktime_lstm.series import read_panel

NAN = np.nan
SMALL = {"window_length": 6, "output_length": 2, "sp": 4, "hidden_size": 3, "max_epochs": 3}
STEPS = np.arange(1, 8)


def make_settings(**changes):
    """Settings of a forecaster that is small unless told otherwise."""
    chosen = LSTMForecaster(**{**SMALL, **changes}).get_params(deep=False)
    return Settings(**{field.name: chosen[field.name] for field in fields(Settings)})


def season(number, length=30):
    noise = np.random.default_rng(number).normal(scale=0.3, size=length)
    return 10 * number + np.tile([0.0, 3, -1, 2], 40)[:length] + noise


def panel_of(*series, order=1):
    """A panel of these series, its rows in order or, with -1, from the last to the first."""
    frames = [pd.DataFrame({"y": np.asarray(values, dtype=float)}) for values in series]
    return read_panel(pd.concat(frames, keys=range(len(frames)))[::order], None)


TOY = panel_of(season(1), season(2, 24), season(3, 27))


def fitted(panel=TOY, *, root=0, farthest=None, **changes):
    return fit_model(panel, make_settings(**changes), farthest=farthest, root=root)[0]


def forecast(model, panel=TOY, *, instance=0, back=0, steps=STEPS, alphas=None):
    """Forecast of one series from its end, or from so many points before it."""
    panel = panel.extended(panel.last + int(max(steps)))
    origin = panel.bounds[instance + 1] - int(max(steps)) - back
    return model.forecast(panel, np.full(len(steps), origin), np.asarray(steps), alphas)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.network.parameters()])


# ---- chance ----------------------------------------------------------------------------------------------------------


def test_the_same_root_gives_the_same_model():
    np.testing.assert_array_equal(forecast(fitted(), alphas=[0.1, 0.9]), forecast(fitted(), alphas=[0.1, 0.9]))


def test_another_root_gives_another_model():
    assert (weights(fitted()) != weights(fitted(root=1))).any()
    assert (forecast(fitted()) != forecast(fitted(root=1))).all()


def test_the_global_generators_are_neither_used_nor_moved():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = weights(fitted(dropout=0.2, batch_size=8))
    torch.testing.assert_close(torch.get_rng_state(), before)
    torch.manual_seed(1)
    torch.testing.assert_close(weights(fitted(dropout=0.2, batch_size=8)), first, atol=0, rtol=0)


def test_the_order_of_the_rows_does_not_matter():
    turned = panel_of(season(1), season(2, 24), season(3, 27), order=-1)
    torch.testing.assert_close(weights(fitted(turned)), weights(fitted()), atol=0, rtol=0)


def test_members_differ():
    first, second = fitted(num_members=2).network.networks
    assert any((a != b).any() for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_the_first_member_is_the_same_however_many_follow():
    alone, first = fitted().network.networks[0], fitted(num_members=2).network.networks[0]
    for a, b in zip(alone.parameters(), first.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=0, rtol=0)


# ---- what a forecast may know ----------------------------------------------------------------------------------------


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


# ---- units -----------------------------------------------------------------------------------------------------------


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


# ---- quantiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"patience": 2}, {"scaler": "standard"}, {"num_members": 2}], ids=str)
def test_quantiles_rise_and_the_median_is_the_forecast(changes):
    model = fitted(**changes)
    quantiles = forecast(model, alphas=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles[..., 1], forecast(model), rtol=1e-6)
    assert (np.diff(quantiles, axis=-1) > 0).all()


def test_intervals_do_not_narrow_with_the_step():
    low, high = np.moveaxis(forecast(fitted(), alphas=[0.1, 0.9]), -1, 0)
    assert (np.diff((high - low)[:, 0]) >= -1e-9).all()


def test_a_network_that_knows_its_windows_by_heart_does_not_narrow_the_intervals():
    # Nothing can be learned from noise: four fifths of it lie within 1.28 standard deviations.
    panel = panel_of(np.random.default_rng(0).normal(size=80))
    model = fitted(panel, hidden_size=32, max_epochs=200, learning_rate=0.02, weight_decay=0.0, sp=1, output_length=1)
    low, high = forecast(model, panel, steps=[1], alphas=[0.1, 0.9])[0, 0]
    assert high - low > 2 * 1.28


@pytest.mark.parametrize("length", [30, 100])
def test_a_horizon_farther_than_the_held_out_windows_reach_gives_no_warning(length):
    panel = panel_of(season(1, length))
    model = fitted(panel, output_length=1, farthest=length // 2)
    assert np.isfinite(forecast(model, panel, alphas=[0.1, 0.9])).all()


# ---- training --------------------------------------------------------------------------------------------------------


def test_the_history_holds_every_member_and_nothing_else():
    _, records = fit_model(TOY, make_settings(num_members=3), farthest=None, root=0)
    assert [record["member"] for record in records] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert all(math.isfinite(record["loss"]) for record in records)


def test_with_patience_the_members_are_checked():
    _, records = fit_model(TOY, make_settings(patience=2), farthest=None, root=0)
    assert all(math.isfinite(record["validation_loss"]) for record in records)


@pytest.mark.parametrize("num_members", [1, 3])
def test_without_time_every_member_takes_one_step(num_members):
    settings = make_settings(num_members=num_members, time_budget=0.0, max_epochs=1000)
    model, records = fit_model(TOY, settings, farthest=None, root=0)
    assert [record["step"] for record in records] == [1] * num_members
    assert np.isfinite(forecast(model)).all()


def test_training_helps():
    untrained, trained = fitted(max_epochs=1, learning_rate=1e-9), fitted(max_epochs=200, learning_rate=0.01)
    truth = season(1, 37)[30:, None]
    errors = [np.abs(forecast(model) - truth).mean() for model in (untrained, trained)]
    assert errors[1] < 0.8 * errors[0]


# ---- tuning ----------------------------------------------------------------------------------------------------------


def tuned(model, panel=TOY, *, root=0, **changes):
    return tune_model(model, panel, make_settings(**changes), root=root)[0]


def test_tuning_changes_the_weights_of_a_copy_and_none_of_the_model():
    model = fitted()
    before = weights(model).clone()
    new = tuned(model)
    torch.testing.assert_close(weights(model), before, atol=0, rtol=0)
    assert (weights(new) != before).any()


def test_tuning_starts_from_the_weights_learned_before():
    model = fitted()
    torch.testing.assert_close(weights(tuned(model, learning_rate=1e-9, weight_decay=0.0)), weights(model))


def test_tuning_keeps_lengths_and_scales():
    model = fitted(scaler="standard")
    assert tuned(model, panel_of(100 * season(1)), scaler="standard").view is model.view


def test_tuning_twice_is_the_same_as_tuning_a_copy_twice():
    model = fitted(dropout=0.3)
    torch.testing.assert_close(weights(tuned(model)), weights(tuned(copy.deepcopy(model))), atol=0, rtol=0)


# ---- next to nothing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("changes", [{}, {"patience": 1}, {"scaler": "standard"}, {"num_members": 2}], ids=str)
def test_a_short_series_is_forecast_like_a_long_one(length, changes):
    panel = panel_of(season(1, length))
    found = forecast(fitted(panel, **changes), panel, alphas=[0.1, 0.5, 0.9])
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()


@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_sizes_that_nobody_chose_fit_a_short_series(length):
    panel = panel_of(season(1, length))
    model = fitted(panel, window_length=None, output_length=None, sp=None, hidden_size=None, farthest=7)
    assert np.isfinite(forecast(model, panel)).all()


def test_a_single_point_goes_on():
    panel = panel_of([5.0])
    np.testing.assert_allclose(forecast(fitted(panel), panel), 5)


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


def test_missing_values_in_the_middle_are_no_obstacle():
    values = season(1)
    values[[0, 3, 4, 11, 20, 29]] = NAN
    panel = panel_of(values)
    found = forecast(fitted(panel), panel, alphas=[0.1, 0.9])
    assert np.isfinite(found).all()
    assert np.nanmin(values) - 5 < found.min()
    assert found.max() < np.nanmax(values) + 5


def test_a_variable_that_is_observed_nowhere_does_not_spoil_the_other():
    frame = pd.DataFrame({"u": season(1), "v": NAN})
    panel = read_panel(frame, None)
    assert np.isfinite(forecast(fitted(panel), panel, alphas=[0.1, 0.9])[:, 0]).all()
