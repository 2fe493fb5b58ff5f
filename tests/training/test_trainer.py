"""The trainer: how long and how fast a network is trained, on which windows, and from which seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import TOY, make_settings, panel_of

from sktime_lstm.network.losses import LOSSES
from sktime_lstm.training.distributed import SINGLE_PROCESS
from sktime_lstm.training.loop import LOG_COLUMNS, TrainingState
from sktime_lstm.training.preparation import choose_preprocessing, prepare
from sktime_lstm.training.trainer import (
    FROM_SCRATCH,
    HOLD_OUT,
    INITIALISE,
    UPDATE,
    UPDATING,
    ScheduleMultipliers,
    Trainer,
)


def trainer(panel=TOY, *, root_seed=0, multipliers=FROM_SCRATCH, holds_out=True, **changes):
    settings = make_settings(**changes)
    ready = prepare(panel, choose_preprocessing(panel, settings, None), anchored=settings.anchored)
    return Trainer(ready, settings, root_seed, multipliers=multipliers, holds_out=holds_out)


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_the_history_has_the_columns_of_the_log():
    ready = trainer(max_epochs=1)
    ready.train_network(ready.prepared.origins, INITIALISE)
    assert {tuple(entry) for entry in ready.log} == {LOG_COLUMNS}


@pytest.mark.parametrize(("batch_size", "steps"), [(10, 3 * 7), (1000, 3)])
def test_an_epoch_is_one_pass_over_the_windows(batch_size, steps):
    ready = trainer(max_epochs=3, batch_size=batch_size, output_length=2)
    assert 60 < len(ready.prepared.origins) <= 70
    assert ready.plan.steps == steps


def test_what_was_chosen_goes_into_the_plan():
    plan = trainer(batch_size=7, learning_rate=0.5, weight_decay=0.25, patience=3).plan
    assert (plan.batch_size, plan.learning_rate, plan.weight_decay, plan.patience) == (7, 0.5, 0.25, 3)


@pytest.mark.parametrize(
    ("multipliers", "steps", "rate"),
    [(FROM_SCRATCH, 40, 0.5), (UPDATING, 10, 0.1), (ScheduleMultipliers(0.001, 2.0), 1, 1.0)],
)
def test_an_update_takes_a_quarter_of_the_steps_at_a_fifth_of_the_rate(multipliers, steps, rate):
    plan = trainer(multipliers=multipliers, max_epochs=40, learning_rate=0.5).plan
    assert plan.steps == steps
    assert plan.learning_rate == pytest.approx(rate)


@pytest.mark.parametrize(("loss", "as_long"), [("mae", False), ("normal", True), ("quantile", True)])
def test_a_hold_out_network_learns_a_spread_as_long_since_that_makes_it_narrower(loss, as_long):
    with trainer(loss=loss, max_epochs=1000) as ready:
        assert ready.plan.steps == 1000
        assert ready._plan_of(HOLD_OUT).steps == (1000 if as_long else 300)


@pytest.mark.parametrize(
    ("changes", "holds_out", "expected"),
    [({}, True, 2), ({}, False, 1), ({"patience": 2}, True, 1)],
    ids=["with a hold-out network", "without", "with patience"],
)
def test_the_time_is_shared_among_the_networks_to_train(changes, holds_out, expected):
    assert trainer(holds_out=holds_out, **changes).networks_left == expected


def test_the_log_leaves_the_hold_out_network_out():
    with trainer() as ready:
        ready.train_network(ready.prepared.origins, INITIALISE)
        logged = len(ready.log)
        ready.train_network(ready.prepared.origins, HOLD_OUT)
    assert len(ready.log) == logged == 3


def test_each_stream_draws_other_weights_and_the_same_ones_each_time():
    origins = trainer().prepared.origins
    first, again, other = (
        weights(trainer(learning_rate=1e-9).train_network(origins, stream))
        for stream in (INITIALISE, INITIALISE, HOLD_OUT)
    )
    assert first.equal(again)
    assert (first != other).any()


def test_a_network_to_start_from_is_trained_in_place():
    with trainer() as ready:
        start = ready.train_network(ready.prepared.origins, INITIALISE)
        before = weights(start).clone()
        assert ready.train_network(ready.prepared.origins, UPDATE, start=start) is start
    assert (weights(start) != before).any()


def test_without_windows_the_network_stays_the_mixture_of_the_naive_forecasts():
    with trainer() as ready:
        network = ready.train_network(np.zeros(0, dtype=np.int64), INITIALISE)
    assert (network.output.weight == 0).all()
    assert ready.log == []


def test_a_trained_network_is_ready_to_forecast_and_keeps_no_generator():
    with trainer(dropout=0.3) as ready:
        network = ready.train_network(ready.prepared.origins, INITIALISE)
    assert not network.training
    assert network.dropout_generator is None
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}


def test_with_windows_to_check_on_each_entry_has_a_validation_loss():
    with trainer(patience=5) as ready:
        training, held_out = ready.prepared.held_out()
        ready.train_network(training, INITIALISE, validation=held_out)
    assert all(np.isfinite(entry["validation_loss"]) for entry in ready.log)


def test_the_network_has_the_size_that_was_asked_for():
    with trainer(cell="gru", hidden_size=5, num_layers=2, loss="normal") as ready:
        size = ready.train_network(ready.prepared.origins, INITIALISE).size
    assert (size.cell, size.hidden_size, size.num_layers, size.num_distribution_outputs) == ("gru", 5, 2, 1)


def test_the_progress_bar_counts_the_steps_of_both_networks(capsys):
    with trainer(verbose=1) as ready:
        assert ready.bar.total == 2 * ready.plan.steps
        for stream in (INITIALISE, HOLD_OUT):
            ready.train_network(ready.prepared.origins, stream)
        assert ready.bar.n == ready.bar.total
    assert "loss" in capsys.readouterr().err


def test_without_asking_there_is_no_progress_bar(capsys):
    with trainer(panel_of(np.arange(20.0))) as ready:
        ready.train_network(ready.prepared.origins, INITIALISE)
    assert capsys.readouterr().err == ""


def test_training_on_another_device_makes_its_batches_there_and_asks_for_no_number():
    # A device that computes shapes alone and refuses tensors of the CPU beside its own.
    ready, there = trainer(batch_size=16, dropout=0.2, num_layers=2), torch.device("meta")
    network = ready.train_network(ready.prepared.origins[:0], INITIALISE).to(there).train()
    network.dropout_generator = None
    examples = ready.prepared.examples(ready.prepared.origins, there)
    state = TrainingState(network, ready.plan, LOSSES["mae"], SINGLE_PROCESS)
    for chosen in torch.arange(len(examples)).split(16)[:3]:
        state.learn(*examples.batch(chosen), rate=1.0)
    assert len(state.unread) == 3
    assert {each.device for each in state.unread} == {there}
