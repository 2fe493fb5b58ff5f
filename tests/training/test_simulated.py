"""Learning from simulated series: what a batch holds, and that a training can be interrupted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import make_settings, panel_of, season, wave

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.anchors.track_record import own_errors
from sktime_lstm.data.simulation import simulate_series
from sktime_lstm.forecaster import LSTMForecaster
from sktime_lstm.training.defaults import MAX_STEPS_LEARNED
from sktime_lstm.training.preparation import choose_preprocessing, prepare
from sktime_lstm.training.simulated import (
    PERIODS,
    Shape,
    SimulationPlan,
    SimulationTraining,
    draw_shape,
    lifted,
    pretrained_model,
    relative_loss,
    scaled_batch,
    simulated_batch,
    windows_alone,
)

TINY = SimulationPlan(steps=6, num_windows=8, hidden_size=3, learning_rate=0.05, batches_for_errors=100)


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("sp", [1, 4])
def test_windows_are_those_of_a_fit_of_each_series_alone(sp):
    panel = panel_of(season(1), season(2))
    alone = panel_of(season(2))
    settings = make_settings(sp=sp, window_length=None, output_length=None)
    prepared = prepare(alone, choose_preprocessing(alone, settings, 6), anchored=True)
    windows = windows_alone(panel.values.reshape(2, -1), Shape(sp, 30, 6))
    ours, theirs = windows.at(np.array([54])).batch(slice(None)), prepared.windows.at(np.array([24])).batch(slice(None))
    assert (ours.window_length, ours.sp) == (theirs.window_length, theirs.sp)
    torch.testing.assert_close(ours.context, theirs.context, equal_nan=True)
    torch.testing.assert_close(ours.zero, theirs.zero)
    torch.testing.assert_close(ours.anchor_errors, prepared.record.errors_at(torch.tensor([24]), own_errors(1)))


def test_errors_of_the_naive_forecasts_know_nothing_of_the_future():
    values = simulate_series(2, 40, sp=4, random_state=0)
    changed = values.copy()
    changed[:, 30:] += 100.0
    origins = np.array([30, 70])
    before, after = (windows_alone(each, Shape(4, 34, 6)).at(origins).batch(slice(None)) for each in (values, changed))
    torch.testing.assert_close(before.anchor_errors, after.anchor_errors, atol=0, rtol=0)
    assert before.anchor_errors.shape == (2, 1, len(ANCHORS))


def test_a_context_that_does_not_vary_has_no_target():
    windows = windows_alone(np.stack([np.ones(30), np.arange(30.0) % 7]), Shape(1, 24, 6))
    _, target = scaled_batch(replace(windows, origins=torch.tensor([24, 54])))
    assert target[0].isnan().all()
    assert target[1].isfinite().all()


@pytest.mark.parametrize("seed", range(40))
def test_every_shape_has_windows_on_which_the_naive_forecasts_are_scored(seed):
    shape = draw_shape(np.random.default_rng(seed))
    assert shape.sp in PERIODS
    assert len(shape.scored)
    assert shape.scored.max() + shape.training_length <= shape.length


def test_a_batch_has_windows_of_one_shape_and_finite_errors():
    window, target = simulated_batch(np.random.default_rng(3), SimulationPlan(num_windows=16))
    assert 1 < len(window.context) <= 16
    assert window.anchor_errors.isfinite().all()
    assert target.shape[:2] == (len(window.context), window.horizon)


def test_lifted_series_are_positive_and_keep_their_form():
    values = simulate_series(50, 30, kinds="noise", random_state=0)
    moved = lifted(np.random.default_rng(0), values)
    shift = moved - values
    np.testing.assert_allclose(shift, shift[:, :1] * np.ones(30), atol=1e-9)
    assert (moved[shift[:, 0] != 0] > 0).all()
    assert 10 < (shift[:, 0] != 0).sum() < 40


def test_a_training_that_is_interrupted_ends_as_it_would_have():
    whole, first, second = (SimulationTraining(TINY) for _ in range(3))
    whole.run(6)
    first.run(2)
    second.restore(first.state())
    second.run(99)
    torch.testing.assert_close(weights(second.average), weights(whole.average), atol=0, rtol=0)
    assert second.losses == whole.losses


def test_a_training_keeps_the_plan_that_it_began_with():
    begun, continued = SimulationTraining(TINY), SimulationTraining(replace(TINY, steps=9, seed=1))
    continued.restore(begun.state())
    assert continued.plan == TINY


def test_another_seed_gives_other_weights():
    trainings = [SimulationTraining(replace(TINY, seed=seed)) for seed in (0, 1)]
    for training in trainings:
        training.run(1)
    assert (weights(trainings[0].network) != weights(trainings[1].network)).any()


def test_nothing_is_learned_when_the_time_is_over():
    training = SimulationTraining(TINY)
    training.run(6, spent=lambda: 1.0)
    assert training.losses == []


def loss_on_series_not_learned_from(training):
    batches = [simulated_batch(np.random.default_rng([1, number]), training.plan) for number in range(12)]
    with torch.no_grad():
        return np.mean([relative_loss(training.average, *batch).item() for batch in batches])


def test_the_loss_falls_on_series_that_were_not_learned_from():
    training = SimulationTraining(SimulationPlan(steps=80, num_windows=64, hidden_size=16, learning_rate=5e-3))
    before = loss_on_series_not_learned_from(training)
    training.run(80)
    assert loss_on_series_not_learned_from(training) < before


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """File of a model that has learned next to nothing."""
    training = SimulationTraining(TINY)
    training.run(2)
    forecaster = LSTMForecaster()
    forecaster.pretrained_model_ = pretrained_model(training)
    path = tmp_path_factory.mktemp("model") / "simulated.safetensors"
    forecaster.save_model(path)
    return path


def test_the_model_forecasts_a_series_that_it_has_not_seen(model_file):
    forecaster = LSTMForecaster(fine_tune="none", sp=4, pretrained=model_file).fit(wave(30), fh=[1, 2, 9])
    intervals = forecaster.predict_interval(coverage=0.9).to_numpy()
    assert np.isfinite(intervals).all()
    assert (intervals[:, 0] < intervals[:, 1]).all()


@pytest.mark.parametrize(("sp", "window_length"), [(1, 8), (4, 26)])
def test_the_model_reads_as_many_points_as_a_fit_of_that_series(model_file, sp, window_length):
    forecaster = LSTMForecaster(fine_tune="none", sp=sp, pretrained=model_file)
    assert forecaster.fit(wave(30), fh=[1, 2]).window_length_ == window_length


def test_intervals_of_the_model_are_those_that_simulated_series_need():
    training = SimulationTraining(TINY)
    calibration = pretrained_model(training).model.calibration
    assert calibration.steps == MAX_STEPS_LEARNED
    low, high = calibration.errors(np.array([[1]]), [0.1, 0.9])[0, 0]
    assert -10 < low < 0 < high < 10
