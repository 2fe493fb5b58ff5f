"""Fitting: what changes with the data and the seed, what tuning changes, and what next to nothing teaches."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from toys import NAN, TOO_SHORT, TOY, fitted, forecast, make_settings, panel_of, season, weights

from sktime_lstm.network.network import Ensemble, Network, NetworkSize, WindowBatch
from sktime_lstm.training.fit import (
    CALIBRATE,
    Trainer,
    choose_preprocessing,
    fit_from_scratch,
    select_shrinkage,
    update_model,
)


def test_the_same_root_gives_the_same_model():
    np.testing.assert_array_equal(forecast(fitted(), alphas=[0.1, 0.9]), forecast(fitted(), alphas=[0.1, 0.9]))


def test_another_root_gives_another_model():
    assert (weights(fitted()) != weights(fitted(root_seed=1))).any()
    # Without anchors, since on so little data what is learned on top of them is dropped.
    assert (forecast(fitted(anchored=False)) != forecast(fitted(anchored=False, root_seed=1))).all()


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
    model = fitted(panel, output_length=1, max_step=length // 2)
    assert np.isfinite(forecast(model, panel, alphas=[0.1, 0.9])).all()


def test_the_history_holds_every_member_and_nothing_else():
    _, records = fit_from_scratch(TOY, make_settings(num_members=3), max_step=None, root_seed=0)
    assert [record["member"] for record in records] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert all(math.isfinite(record["loss"]) for record in records)


def test_with_patience_the_members_are_checked():
    _, records = fit_from_scratch(TOY, make_settings(patience=2), max_step=None, root_seed=0)
    assert all(math.isfinite(record["validation_loss"]) for record in records)


@pytest.mark.parametrize("num_members", [1, 3])
def test_without_time_every_member_takes_one_step(num_members):
    settings = make_settings(num_members=num_members, time_budget=0.0, max_epochs=1000)
    model, records = fit_from_scratch(TOY, settings, max_step=None, root_seed=0)
    assert [record["step"] for record in records] == [1] * num_members
    assert np.isfinite(forecast(model)).all()


def wave(start, stop):
    """A wave whose period is no whole number of steps, so that no naive forecast knows it."""
    return np.sin(0.7 * np.arange(start, stop))


def test_training_helps():
    panel, hard = panel_of(wave(0, 120)), {"sp": 1, "window_length": 8, "output_length": 1}
    untrained = fitted(panel, max_epochs=1, learning_rate=1e-9, **hard)
    trained = fitted(panel, max_epochs=200, learning_rate=0.01, **hard)
    y_true = wave(120, 124)[:, None]
    errors = [np.abs(forecast(model, panel, steps=[1, 2, 3, 4]) - y_true).mean() for model in (untrained, trained)]
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.parametrize("lasting", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize(("noise", "seen"), [(0.05, True), (50.0, False)])
def test_half_is_kept_of_what_was_learned_unless_held_out_windows_show_another_share(lasting, noise, seen):
    generator = torch.Generator().manual_seed(1)
    network = Network(NetworkSize(1, 0, hidden_size=2), generator).eval()
    window = WindowBatch(torch.randn(200, 8, 1, generator=generator), torch.zeros(200, 10, 0), 1)
    untrained = network(window).detach()
    with torch.no_grad():
        network.output.bias[0] = 1.0
    target = untrained + lasting + noise * torch.randn(untrained.shape, generator=generator)
    assert select_shrinkage(Ensemble([network]), window, target) == (lasting if seen else 0.5)


@pytest.mark.parametrize(("loss", "as_long"), [("mae", False), ("normal", True), ("quantile", True)])
def test_who_judges_a_learned_spread_has_learned_as_long_since_that_makes_it_narrower(loss, as_long):
    settings = make_settings(loss=loss, max_epochs=1000)
    preprocessing = choose_preprocessing(TOY, settings, None)
    with Trainer(TOY, preprocessing, settings, 0, num_windows=50) as trainer:
        assert trainer.plan.steps == 1000
        assert trainer._plan_of(CALIBRATE).steps == (1000 if as_long else 300)


def updated(model, panel=TOY, *, root_seed=0, **changes):
    return update_model(model, panel, make_settings(**changes), root_seed=root_seed)[0]


def test_tuning_changes_the_weights_of_a_copy_and_none_of_the_model():
    model = fitted()
    before = weights(model).clone()
    new = updated(model)
    torch.testing.assert_close(weights(model), before, atol=0, rtol=0)
    assert (weights(new) != before).any()


def test_tuning_starts_from_the_weights_learned_before():
    model = fitted()
    torch.testing.assert_close(weights(updated(model, learning_rate=1e-9, weight_decay=0.0)), weights(model))


def test_tuning_keeps_lengths_and_scales():
    model = fitted(scaler="standard")
    assert updated(model, panel_of(100 * season(1)), scaler="standard").preprocessing is model.preprocessing


def test_trained_networks_keep_no_generator_so_that_every_torch_can_copy_them():
    model = fitted(dropout=0.3)
    assert all(
        network.dropout_generator is None for network in [*model.network.networks, *updated(model).network.networks]
    )


def test_tuning_twice_is_the_same_as_tuning_a_copy_twice():
    model = fitted(dropout=0.3)
    torch.testing.assert_close(weights(updated(model)), weights(updated(copy.deepcopy(model))), atol=0, rtol=0)


@TOO_SHORT
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("changes", [{}, {"patience": 1}, {"scaler": "standard"}, {"num_members": 2}], ids=str)
def test_a_short_series_is_forecast_like_a_long_one(length, changes):
    panel = panel_of(season(1, length))
    found = forecast(fitted(panel, **changes), panel, alphas=[0.1, 0.5, 0.9])
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()


@TOO_SHORT
@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_sizes_that_nobody_chose_fit_a_short_series(length):
    panel = panel_of(season(1, length))
    model = fitted(panel, window_length=None, output_length=None, sp=None, hidden_size=None, max_step=7)
    assert np.isfinite(forecast(model, panel)).all()


@TOO_SHORT
def test_a_single_point_goes_on():
    panel = panel_of([5.0])
    np.testing.assert_allclose(forecast(fitted(panel), panel), 5)


def test_missing_values_in_the_middle_are_no_obstacle():
    values = season(1)
    values[[0, 3, 4, 11, 20, 29]] = NAN
    panel = panel_of(values)
    found = forecast(fitted(panel), panel, alphas=[0.1, 0.9])
    assert np.isfinite(found).all()
    assert np.nanmin(values) - 5 < found.min()
    assert found.max() < np.nanmax(values) + 5


@pytest.mark.parametrize("length", [1, 2])
def test_a_series_too_short_to_train_on_is_named(length):
    with pytest.warns(UserWarning, match="too few observed points to train on.*Pass a longer series"):
        fitted(panel_of(season(1, length)))


def test_a_jump_after_a_quiet_past_does_not_blow_the_intervals_up():
    quiet = np.random.default_rng(0).normal(scale=0.1, size=60)
    model = fitted(panel_of(np.where(np.arange(60) == 57, 50.0, quiet)), max_step=8)
    low, high = forecast(model, panel_of(quiet), alphas=[0.05, 0.95])[-1, 0]
    assert -5 < low < high < 5
