"""Fitting: what changes with the data and the seed, what tuning changes, and what next to nothing teaches."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toys import (
    NAN,
    TOO_SHORT,
    TOY,
    fitted,
    forecast,
    make_settings,
    panel_of,
    past_of,
    result_of,
    season,
    weights,
)

from sktime_lstm.data.panel import read_panel
from sktime_lstm.data.windows import training_origins
from sktime_lstm.forecaster import LSTMForecaster
from sktime_lstm.storage.shipped import shipped_model
from sktime_lstm.training.fit import choose_fine_tuning, fine_tune, fit, fit_from_scratch, update_model
from sktime_lstm.training.pretrain import as_pretrained
from sktime_lstm.training.settings import Settings


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


def test_the_log_holds_the_training_of_the_network_and_nothing_else():
    log = result_of().log
    assert [entry["epoch"] for entry in log] == [1, 2, 3]
    assert all(math.isfinite(entry["loss"]) for entry in log)


def test_with_patience_the_weights_are_checked():
    log = result_of(patience=2).log
    assert all(math.isfinite(entry["validation_loss"]) for entry in log)


def test_without_time_the_network_takes_one_step():
    result = result_of(time_budget=0.0, max_epochs=1000)
    assert [entry["step"] for entry in result.log] == [1]
    assert np.isfinite(forecast(result.model)).all()


def test_the_summary_is_that_of_the_panel():
    result = result_of()
    expected = result.model.preprocessing.summary(TOY)
    np.testing.assert_array_equal(result.summary.units, expected.units)
    torch.testing.assert_close(result.summary.error_sums.total, expected.error_sums.total)
    torch.testing.assert_close(result.summary.error_sums.count, expected.error_sums.count)


def test_a_model_without_anchors_keeps_what_it_has_learned():
    anchored, plain = (fitted(learning_rate=1e-2, anchored=anchored).network for anchored in (True, False))
    assert plain.output.weight.abs().max() > 0
    # On so little data half of what was learned on top of the anchors is dropped.
    assert anchored.output.weight.abs().max() > 0


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


def updated(model, panel=TOY, *, root_seed=0, **changes):
    return update_model(model, panel, make_settings(**changes), root_seed=root_seed).model


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
    assert model.network.dropout_generator is updated(model).network.dropout_generator is None


def test_tuning_twice_is_the_same_as_tuning_a_copy_twice():
    model = fitted(dropout=0.3)
    torch.testing.assert_close(weights(updated(model)), weights(updated(copy.deepcopy(model))), atol=0, rtol=0)


@TOO_SHORT
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("changes", [{}, {"patience": 1}, {"scaler": "standard"}], ids=str)
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
def test_a_single_point_goes_on_and_its_first_row_is_not_known():
    panel = panel_of([5.0])
    model = fitted(panel)
    np.testing.assert_allclose(forecast(model, panel), 5)
    one = np.ones(1, dtype=np.int64)
    assert np.isnan(model.forecast(past_of(model, panel), 0 * one, one)).all()


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


# ---- from a pretrained model -----------------------------------------------------------------------------------------

OTHER = panel_of(season(7), season(8, 28))


def tuned(start, panel=OTHER, *, max_step=None, root_seed=0, **changes):
    settings = make_settings(**{"window_length": None, **changes})
    return fine_tune(as_pretrained(start, TOY), panel, settings, max_step=max_step, root_seed=root_seed)


def test_without_tuning_network_and_errors_stay_and_nothing_is_logged():
    start = fitted()
    result = tuned(start, fine_tune="none")
    assert result.model.network is start.network
    assert result.model.calibration is start.calibration
    assert result.log == []


def test_without_tuning_the_summary_is_that_of_the_new_panel():
    start = fitted()
    expected = start.preprocessing.summary(OTHER)
    np.testing.assert_array_equal(tuned(start, fine_tune="none").summary.units, expected.units)


def test_fine_tuning_changes_a_copy_and_measures_errors_anew():
    start = fitted()
    before = weights(start).clone()
    model = tuned(start, fine_tune="full").model
    torch.testing.assert_close(weights(start), before, atol=0, rtol=0)
    assert (weights(model) != before).any()
    assert model.calibration is not start.calibration


def test_a_share_given_beforehand_is_how_far_the_weights_move():
    start, settings = fitted(), make_settings(fine_tune="full", learning_rate=0.05)
    half, whole = (
        weights(fine_tune(as_pretrained(start, TOY), OTHER, settings, max_step=None, root_seed=0, share=share).model)
        for share in (0.5, 1.0)
    )
    torch.testing.assert_close(half, (weights(start) + whole) / 2)


def test_where_too_few_windows_are_held_out_the_errors_of_pretraining_stay():
    start = fitted()
    assert tuned(start, panel_of(season(7, 6)), fine_tune="full").model.calibration is start.calibration


def test_errors_of_naive_forecasts_with_another_season_are_measured_anew():
    start = fitted()
    assert tuned(start, sp=4, fine_tune="none").model.prior_errors is start.prior_errors
    other = tuned(start, sp=3, fine_tune="none").model
    assert not other.prior_errors.equal(start.prior_errors)


def test_a_tuned_model_has_as_long_a_context_as_one_from_scratch():
    # Five seasons and six points of a short series.
    assert tuned(fitted(), panel_of(season(7, 60)), fine_tune="full").model.preprocessing.window_length == 26
    assert tuned(fitted(), panel_of(season(7, 60)), fine_tune="none").model.preprocessing.window_length == 6
    assert tuned(fitted(), fine_tune="full", window_length=9).model.preprocessing.window_length == 9


def test_the_loss_of_a_tuned_model_is_that_of_its_pretraining():
    start = fitted(loss="normal")
    assert tuned(start, fine_tune="full").model.preprocessing.loss == "normal"


def test_other_columns_than_those_of_pretraining_are_refused():
    start = replace(as_pretrained(fitted(), TOY), columns=TOY.columns.append(TOY.columns))
    with pytest.raises(ValueError, match="pretraining has seen"):
        fine_tune(start, OTHER, make_settings(), max_step=None, root_seed=0)


def test_with_a_start_a_fit_is_fine_tuning_and_without_one_it_is_from_scratch():
    start, settings = as_pretrained(fitted(), TOY), make_settings()
    options = {"max_step": None, "root_seed": 3}
    torch.testing.assert_close(
        weights(fit(OTHER, settings, start, **options).model),
        weights(fine_tune(start, OTHER, settings, **options).model),
        atol=0,
        rtol=0,
    )
    torch.testing.assert_close(
        weights(fit(OTHER, settings, None, **options).model),
        weights(fit_from_scratch(OTHER, settings, **options).model),
        atol=0,
        rtol=0,
    )


def test_a_pretrained_model_knows_how_many_windows_it_has_seen():
    start = as_pretrained(fitted(), TOY)
    # Windows of this many steps with a season of four before them.
    horizon = start.model.preprocessing.training_length
    assert start.num_windows == len(training_origins(TOY, horizon=horizon, min_length=4)) > 50
    assert start.design["hidden_size"] == 3


# What the network that comes with the package cannot read


def panel_with(length, columns):
    y = pd.DataFrame(np.random.default_rng(0).normal(size=(length, 1)), columns=["y"])
    return read_panel(y, columns if columns is None else pd.DataFrame({"x": columns}))


@pytest.mark.parametrize(
    ("length", "column", "expected"),
    [
        (300, None, "none"),
        (300, np.arange(300) % 7, "none"),
        (300, [f"item {number % 40}" for number in range(300)], "scratch"),
        (1200, None, "full"),
        (1200, np.arange(1200) % 7, "scratch"),
        (1999, None, "full"),
        (2000, None, "scratch"),
    ],
    ids=["few", "few with X", "few with many categories", "many", "many with X", "not yet long", "long"],
)
def test_a_long_series_and_many_data_with_covariates_are_learned_from_scratch(length, column, expected):
    settings = Settings(**LSTMForecaster().get_params(deep=False))
    assert choose_fine_tuning(shipped_model(), settings, panel_with(length, column)) == expected


def test_a_panel_of_long_series_tunes_the_network_of_the_package():
    settings = Settings(**LSTMForecaster().get_params(deep=False))
    index = pd.MultiIndex.from_product([["a", "b"], range(2000)])
    panel = read_panel(pd.DataFrame({"y": np.random.default_rng(0).normal(size=4000)}, index=index), None)
    assert choose_fine_tuning(shipped_model(), settings, panel) == "full"
