"""The training loop: its optimiser, its schedule, its log, the weights it keeps and what stops it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from sktime_lstm.data.scaling import unit_scale, window_scale
from sktime_lstm.data.windows import ScaledWindows, WindowIndex
from sktime_lstm.network.losses import LOSSES
from sktime_lstm.runtime import Deadline
from sktime_lstm.training.distributed import SINGLE_PROCESS
from sktime_lstm.training.loop import (
    AdamW,
    TrainingPlan,
    TrainingState,
    evaluate_loss,
    one_cycle,
    run_training_loop,
)

COLUMNS = {
    "step",
    "epoch",
    "loss",
    "validation_loss",
    "learning_rate",
    "gradient_norm",
    "failures",
    "seconds",
}


class Level(nn.Module):
    """Forecast one number that is learned; remember the windows that were seen."""

    def __init__(self, start=0.0):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(start))
        self.seen = []

    def forward(self, window):
        if self.training:
            self.seen.append(window.context[:, -1, 0].tolist())
        return self.level.expand(len(window.context), window.horizon, 1)


class Breaking(Level):
    """Forecast not-a-number at these steps of the training."""

    def __init__(self, *steps):
        super().__init__()
        self.steps = set(steps)

    def forward(self, window):
        forecast = super().forward(window)
        return forecast * math.nan if len(self.seen) in self.steps else forecast


class Slope(nn.Module):
    """Forecast the last value times a number that is learned."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, window):
        return self.weight * window.context[:, -1:]


def examples(*values, scale_of=unit_scale, window_length=1):
    """Windows with a one-step target over one series."""
    flat = torch.tensor(values, dtype=torch.float64)[:, None]
    origins, bounds = torch.arange(window_length, len(values)), torch.tensor([0, len(values)])
    windows = WindowIndex(flat, torch.zeros(len(values), 0), bounds, origins, window_length, horizon=1, sp=1)
    return ScaledWindows(windows, scale_of, torch.device("cpu"))


def fives(number):
    """So many windows whose target is 5."""
    return examples(*[5.0] * (number + 1))


def run(network, data, *, steps=30, batch_size=4, rate=0.5, patience=None, seconds=None, loss="mae", **options):
    plan = TrainingPlan(steps, batch_size, rate, weight_decay=0.0, patience=patience)
    generator = torch.Generator().manual_seed(0)
    deadline = Deadline(seconds)
    return run_training_loop(network, data, plan, loss=LOSSES[loss], generator=generator, deadline=deadline, **options)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0.0, 0.04), (0.05, 0.52), (0.1, 1.0), (0.55, 0.5), (1.0, 0.0), (7.0, 0.0)]
)
def test_the_learning_rate_at_these_shares_of_the_schedule(progress, expected):
    assert one_cycle(progress) == pytest.approx(expected, abs=1e-12)


def test_the_learning_rate_rises_then_falls():
    rates = [one_cycle(percent / 100) for percent in range(101)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


@pytest.mark.parametrize("loss", ["mae", "mse", "huber"])
def test_what_can_be_learned_is_learned(loss):
    doubling = examples(*[2.0**power for power in range(-6, 3)])
    network = Slope()
    log = run(network, doubling, steps=200, batch_size=8, rate=0.1, loss=loss)
    assert network.weight.item() == pytest.approx(2, abs=0.05)
    assert log[-1]["loss"] < 0.1 * log[0]["loss"]


def test_targets_are_learned_in_the_scale_of_their_window():
    # Every window is 1 +- 1 in some unit, and its target lies two units above the mean.
    network = Level()
    run(network, examples(0.0, 2.0, 3.0, scale_of=window_scale, window_length=2), steps=200, rate=0.1)
    assert network.level.item() == pytest.approx(2, abs=0.05)


def test_an_epoch_shows_every_window_once():
    network = Level()
    run(network, examples(*range(12)), steps=9, batch_size=4)
    for epoch in (network.seen[:3], network.seen[3:6], network.seen[6:]):
        assert [len(batch) for batch in epoch] == [4, 4, 3]
        assert sorted(sum(epoch, [])) == list(range(11))  # noqa: RUF017 - three short lists


def test_the_order_changes_from_epoch_to_epoch_and_comes_from_the_generator():
    first, second = Level(), Level()
    torch.manual_seed(0)
    run(first, examples(*range(12)), steps=6)
    torch.manual_seed(1)
    run(second, examples(*range(12)), steps=6)
    assert first.seen == second.seen
    assert first.seen[:3] != first.seen[3:]


@pytest.mark.parametrize("batch_size", [11, 99])
def test_all_windows_make_one_batch_where_they_fit(batch_size):
    network = Level()
    run(network, examples(*range(12)), steps=3, batch_size=batch_size)
    assert network.seen == [list(range(11))] * 3


def test_every_entry_of_the_log_has_the_same_columns():
    log = run(Level(), fives(8), validation=fives(2))
    assert all(set(entry) == COLUMNS for entry in log)


def test_there_is_an_entry_at_the_end_of_every_epoch_and_of_the_training():
    log = run(Level(), fives(10), steps=7, batch_size=4)
    assert [entry["step"] for entry in log] == [3, 6, 7]


def test_there_is_an_entry_at_least_every_hundred_steps():
    log = run(Level(), fives(250), steps=230, batch_size=1)
    assert [entry["step"] for entry in log] == [100, 200, 230]


@pytest.mark.parametrize(
    ("windows", "batch_size", "expected"), [(12, 4, [1, 2]), (10, 4, [1, 2]), (5, 99, [1, 2, 3, 4, 5, 6])]
)
def test_an_epoch_is_one_pass_over_the_windows(windows, batch_size, expected):
    log = run(Level(), fives(windows), steps=6, batch_size=batch_size)
    assert [entry["epoch"] for entry in log] == pytest.approx(expected)


def test_the_loss_of_an_entry_is_the_mean_of_its_steps():
    losses = []
    log = run(Level(), examples(*range(11)), steps=5, batch_size=4, on_step=losses.append)
    assert [entry["loss"] for entry in log] == pytest.approx([sum(losses[:3]) / 3, sum(losses[3:]) / 2])


def test_the_log_follows_the_schedule_and_the_clock():
    log = run(Level(), fives(4), steps=10, rate=0.5)
    rates = [0.5 * one_cycle(step / 10) for step in range(10)]
    assert [entry["learning_rate"] for entry in log] == pytest.approx(rates)
    seconds = [entry["seconds"] for entry in log]
    assert seconds == sorted(seconds)


def test_without_checks_the_validation_loss_is_missing():
    assert all(math.isnan(entry["validation_loss"]) for entry in run(Level(), fives(4)))


def test_the_gradient_norm_is_the_one_before_clipping():
    entry = run(Level(), fives(4), steps=1, loss="mse")[0]
    assert entry["gradient_norm"] == pytest.approx(10)  # d/dx (x - 5)**2 at 0


def test_the_weights_kept_are_those_of_the_best_check():
    # On its way from 0 to 5 the level passes 2, which is what the check wants to see.
    network, check = Level(), examples(2.0, 2.0)
    log = run(network, fives(4), steps=100, validation=check)
    checks = [entry["validation_loss"] for entry in log]
    assert evaluate_loss(network, check, LOSSES["mae"], batch_size=4) == pytest.approx(min(checks))
    assert min(checks) < 0.2 < checks[-1]


@pytest.mark.parametrize("patience", [1, 3])
def test_training_stops_after_so_many_checks_without_gain(patience):
    log = run(Level(), fives(4), steps=100, patience=patience, validation=examples(2.0, 2.0))
    checks = [entry["validation_loss"] for entry in log]
    assert len(checks) - 1 - checks.index(min(checks)) == patience
    assert len(checks) < 100


def test_patience_without_checks_trains_to_the_end():
    assert run(Level(), fives(4), steps=20, patience=1)[-1]["step"] == 20


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_a_spent_time_budget_leaves_one_step(seconds):
    losses = []
    log = run(Level(), fives(40), steps=1000, batch_size=1, seconds=seconds, on_step=losses.append)
    assert len(losses) == 1
    assert [entry["step"] for entry in log] == [1]


def test_the_time_budget_ends_a_training_that_would_go_on():
    losses = []
    run(Level(), fives(4), steps=10**9, seconds=0.1, on_step=losses.append)
    assert 1 < len(losses) < 10**9


def test_a_step_that_is_not_finite_is_skipped_and_halves_the_learning_rate():
    network = Breaking(2)
    log = run(network, fives(4), steps=4, rate=0.5)
    assert [entry["failures"] for entry in log] == [0, 1, 1, 1]
    rates = [0.5 * one_cycle(0), 0.5 * one_cycle(0.25), 0.25 * one_cycle(0.5), 0.25 * one_cycle(0.75)]
    assert [entry["learning_rate"] for entry in log] == pytest.approx(rates)
    assert math.isfinite(network.level.item())


def test_ten_steps_that_are_not_finite_end_the_training_with_weights_of_at_most_25_steps_before():
    network, levels = Breaking(*range(5, 1000)), []
    with pytest.warns(RuntimeWarning, match=r"stopped after 10 steps whose loss was not finite.*smaller learning_rate"):
        run(network, fives(4), steps=1000, on_step=lambda _: levels.append(network.level.item()))
    assert len(levels) == 4 + 10
    assert 0 < levels[2] < levels[3]
    assert levels[4:] == [0.0] * 10  # the weights that were copied before the first step


def test_a_step_whose_gradient_alone_is_not_finite_is_skipped_too():
    class Root(Level):
        """The root of 0 is 0 and has no slope."""

        def forward(self, window):
            return super().forward(window).sqrt() * 0

    network, losses = Root(0.0), []
    log = run(network, fives(4), steps=1, on_step=losses.append)
    assert losses == [5]
    assert log[0]["failures"] == 1
    assert network.level.item() == 0


def test_after_a_step_that_is_not_finite_the_optimiser_starts_anew():
    network, data = Breaking(3), fives(4)
    state = TrainingState(network.train(), TrainingPlan(9, 4, 0.5, 0.0), LOSSES["mae"], SINGLE_PROCESS)
    steps = []
    for _ in range(5):
        state.learn(*data.batch(slice(None)), rate=1.0)
        steps.append(state.optimiser.steps)
    assert steps == [1, 2, 0, 1, 2]


@pytest.mark.parametrize("breaks_at", [1, 7, 25, 26, 27, 40])
def test_on_a_gpu_a_loss_that_is_not_finite_is_seen_after_at_most_25_steps(breaks_at):
    class Poisoned(Level):
        """Not a number from one step on, until the weights are set back."""

        def forward(self, window):
            forecast = super().forward(window)
            return forecast * (math.nan if len(self.seen) == breaks_at else 1.0)

    network, data = Poisoned(), fives(4)
    state = TrainingState(network.train(), TrainingPlan(99, 4, 0.01, 0.0), LOSSES["mae"], SINGLE_PROCESS)
    state.waits = True
    failures = []
    for _ in range(60):
        state.learn(*data.batch(slice(None)), rate=1.0)
        failures.append(state.failures)
    seen = failures.index(1) + 1
    assert breaks_at <= seen <= breaks_at + 25
    assert failures[-1] == 1
    assert math.isfinite(network.level.item())
    assert network.level.item() > 0


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_optimiser_is_adamw(weight_decay):
    start = [torch.tensor([1.0, -2.0, 0.0]), torch.randn(4, 3, generator=torch.Generator().manual_seed(0))]
    mine, theirs = ([nn.Parameter(tensor.clone()) for tensor in start] for _ in range(2))
    own = AdamW(mine, weight_decay=weight_decay)
    oracle = torch.optim.AdamW(theirs, lr=1.0, weight_decay=weight_decay)
    for step in range(50):
        rate = 0.1 * one_cycle(step / 50)
        oracle.param_groups[0]["lr"] = rate
        for parameters in (mine, theirs):
            loss = sum((parameter - 3).pow(4).sum() + parameter.sin().sum() for parameter in parameters)
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = gradient
        own.step(rate)
        oracle.step()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
    assert (mine[0].detach() - start[0]).abs().min() > 0.5


def test_the_optimiser_leaves_a_parameter_without_a_gradient_alone():
    moved, left = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    moved.grad = torch.ones(1)
    AdamW([moved, left], weight_decay=0.5).step(0.1)
    assert left.item() == 1
    assert moved.item() == pytest.approx(1 * (1 - 0.1 * 0.5) - 0.1)


def test_training_works_inside_no_grad():
    network = Level()
    with torch.no_grad():
        run(network, fives(4), steps=200)
    assert network.level.item() == pytest.approx(5, abs=0.1)


def test_a_trained_network_is_ready_to_forecast():
    network = Level()
    run(network, fives(4), steps=2, validation=fives(2))
    assert not network.training


def test_missing_targets_are_not_learned_from():
    with_gaps, network, without = examples(5.0, 5.0, math.nan, 5.0, 5.0), Level(), Level()
    run(network, with_gaps, steps=20)
    run(without, fives(4), steps=20)
    assert network.level.item() == pytest.approx(without.level.item())


@pytest.mark.parametrize("batch_size", [1, 3, 4, 99])
def test_the_loss_of_a_network_does_not_depend_on_the_batches(batch_size):
    # The targets 1, 2, 3 and 7 lie 2, 1, 0 and 4 from the level.
    value = evaluate_loss(Level(3.0), examples(0.0, 1.0, 2.0, 3.0, 7.0), LOSSES["mae"], batch_size=batch_size)
    assert value == pytest.approx(7 / 4)
