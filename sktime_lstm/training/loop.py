"""The training loop: fit any network to windows, within a time budget, and keep a history."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sktime_lstm.data.windows import ScaledWindows, WindowBatch
from sktime_lstm.network.losses import Loss
from sktime_lstm.runtime import Deadline
from sktime_lstm.training.distributed import SINGLE_PROCESS, ProcessGroup
from sktime_lstm.validation import warn_user

WARM_UP = 0.1
START_SHARE = 1 / 25
GRADIENT_NORM = 1.0
BETAS, EPSILON = (0.9, 0.999), 1e-8
STEPS_PER_LOG_ENTRY, STEPS_PER_COPY = 100, 25
MAX_FAILURES = 10

LogEntry = dict[str, float]
LOG_COLUMNS = (
    "step",
    "epoch",
    "loss",
    "validation_loss",
    "learning_rate",
    "gradient_norm",
    "failures",
    "seconds",
)


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast to train.

    Attributes
    ----------
    steps : int
        Optimiser steps of the whole schedule.
    batch_size : int
        Windows per step.
    learning_rate : float
        Peak of the one-cycle schedule.
    weight_decay : float
        Decoupled weight decay of AdamW.
    patience : int or None
        Checks without improvement before training stops; None to train to the end of the schedule.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int | None = None


def run_training_loop(
    network: nn.Module,
    examples: ScaledWindows,
    plan: TrainingPlan,
    *,
    loss: Loss,
    generator: torch.Generator,
    deadline: Deadline,
    validation: ScaledWindows | None = None,
    on_step: Callable[[float], None] = lambda loss: None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> list[LogEntry]:
    """Train `network` in place and return the log, one entry an epoch and at least one every 100 steps.

    AdamW on a one-cycle schedule with clipped gradients. The weights of the last step stay, or with `validation` those
    of the best check. Where the loss or its gradient is not finite, training goes back at most 25 steps and the
    learning rate is halved. Each
    process of a group learns from its shard of every batch and all from the mean of their gradients.
    """
    state = TrainingState(network, plan, loss, group)
    steps_per_epoch = math.ceil(len(examples) / plan.batch_size)
    period = min(steps_per_epoch, STEPS_PER_LOG_ENTRY)
    network.train()
    with torch.enable_grad():
        for step, (window, target) in enumerate(_batches(examples, plan, generator, group), start=1):
            spent = 0.0 if deadline.is_endless else group.mean(deadline.spent)
            state.learn(window, target, rate=one_cycle(max((step - 1) / plan.steps, spent)))
            on_step(state.losses[-1] if state.losses else math.nan)
            over = step == plan.steps or spent >= 1 or state.failures >= MAX_FAILURES
            if over or step % period == 0:
                state.write_log_entry(step, step / steps_per_epoch, validation)
            if over or state.exhausted:
                break
    state.finish()
    return state.log


def one_cycle(progress: float) -> float:
    """Share of the peak learning rate after that share of the schedule: a short rise, then a cosine down to nothing."""
    if progress < WARM_UP:
        return START_SHARE + (1 - START_SHARE) * (1 - math.cos(math.pi * progress / WARM_UP)) / 2
    return (1 + math.cos(math.pi * min((progress - WARM_UP) / (1 - WARM_UP), 1.0))) / 2


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019, algorithm 2).

    That of torch loads its compiler when it is made, which takes longer than many a fit.
    """

    def __init__(self, parameters: Iterable[Tensor], *, weight_decay: float) -> None:
        self.parameters, self.weight_decay, self.steps = list(parameters), weight_decay, 0
        self.moments = [(torch.zeros_like(parameter), torch.zeros_like(parameter)) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the parameters against their gradients."""
        self.steps += 1
        first, second = (1 - beta**self.steps for beta in BETAS)
        for parameter, (mean, square) in zip(self.parameters, self.moments, strict=True):
            if parameter.grad is not None:
                mean.lerp_(parameter.grad, 1 - BETAS[0])
                square.lerp_(parameter.grad.square(), 1 - BETAS[1])
                parameter.mul_(1 - rate * self.weight_decay)
                parameter.addcdiv_(mean, (square / second).sqrt_().add_(EPSILON), value=-rate / first)


class TrainingState:
    """One training under way: its optimiser, its log and the best weights so far."""

    def __init__(self, network: nn.Module, plan: TrainingPlan, loss: Loss, group: ProcessGroup) -> None:
        self.network, self.plan, self.loss, self.group = network, plan, loss, group
        self.wrapped = group.wrap(network)
        self.optimiser = AdamW(network.parameters(), weight_decay=plan.weight_decay)
        self.good_weights = copy.deepcopy(network.state_dict())
        self.started = time.perf_counter()
        self.log: list[LogEntry] = []
        self.losses: list[float] = []
        self.unread: list[Tensor] = []
        self.waits = next(network.parameters()).device.type != "cpu"
        self.norm, self.rate, self.failures = math.nan, 0.0, 0
        self.best, self.checks_without_gain = math.inf, 0
        self.best_weights: dict[str, Tensor] | None = None

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.plan.patience is not None and self.checks_without_gain >= self.plan.patience

    def learn(self, window: WindowBatch, target: Tensor, *, rate: float) -> None:
        """Take one step; where the loss or its gradient is not finite, go back to weights for which they were.

        A GPU is asked for the losses only now and then, since it would have to wait for the answer.
        """
        self.rate = rate * self.plan.learning_rate * 0.5**self.failures
        self.network.zero_grad()
        loss = self.loss(self.wrapped(window), target, window.scale)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        self.unread.append(torch.stack([loss.detach(), norm]))
        to_copy = self.optimiser.steps > 0 and self.optimiser.steps % STEPS_PER_COPY == 0
        if (to_copy or not self.waits) and not self._read():
            return
        if to_copy:
            self.good_weights = copy.deepcopy(self.network.state_dict())
        self.optimiser.step(self.rate)

    def _read(self) -> bool:
        """Read the losses of the latest steps; if one of them is not finite, go back. Whether all were finite."""
        if not self.unread:
            return True
        losses, norms = torch.stack(self.unread).T.tolist()
        self.unread.clear()
        self.losses += [self.group.mean(loss) for loss in losses]
        self.norm = norms[-1]
        finite = all(map(math.isfinite, (*norms, *self.losses[-len(losses) :])))
        if not finite:
            self.network.load_state_dict(self.good_weights)
            self.optimiser = AdamW(self.network.parameters(), weight_decay=self.plan.weight_decay)
            self.failures += 1
        return finite

    def write_log_entry(self, step: int, epoch: float, validation: ScaledWindows | None) -> None:
        """Write down the steps since the last entry, and check the weights where there is something to check."""
        self._read()
        checked = math.nan if validation is None else self._check(validation)
        since = int(self.log[-1]["step"]) if self.log else 0
        loss, seconds = sum(self.losses[since:]) / (step - since), time.perf_counter() - self.started
        values = (step, epoch, loss, checked, self.rate, self.norm, self.failures, seconds)
        self.log.append(dict(zip(LOG_COLUMNS, values, strict=True)))

    def finish(self) -> None:
        """Leave the network with the weights to keep, ready to forecast."""
        if self.best_weights is not None:
            self.network.load_state_dict(self.best_weights)
        self.network.eval()
        if self.failures >= MAX_FAILURES:
            warn_user(
                f"Training stopped after {MAX_FAILURES} steps whose loss was not finite; the weights before them are "
                f"kept. Try a smaller learning_rate, or scaler='window'.",
                RuntimeWarning,
            )

    def _check(self, validation: ScaledWindows) -> float:
        value = evaluate_loss(self.network, validation, self.loss, batch_size=self.plan.batch_size)
        self.network.train()
        if value < self.best:
            self.best, self.checks_without_gain = value, 0
            self.best_weights = copy.deepcopy(self.network.state_dict())
        else:
            self.checks_without_gain += 1
        return value


def evaluate_loss(network: nn.Module, examples: ScaledWindows, loss: Loss, *, batch_size: int) -> float:
    """Mean loss over all observed targets, without learning from them."""
    network.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for chosen in torch.arange(len(examples)).split(batch_size):
            window, target = examples.batch(chosen)
            observed = int(torch.isfinite(target).sum())
            total += loss(network(window), target, window.scale).item() * observed
            count += observed
    return total / max(count, 1)


def _batches(
    examples: ScaledWindows, plan: TrainingPlan, generator: torch.Generator, group: ProcessGroup
) -> Iterator[tuple[WindowBatch, Tensor]]:
    """Endless batches: a new random order each epoch, or the same whole set where it fits into one batch."""
    if len(examples) <= plan.batch_size:
        whole = examples.batch(group.shard(torch.arange(len(examples))))
        while True:
            yield whole
    while True:
        for chosen in torch.randperm(len(examples), generator=generator).split(plan.batch_size):
            yield examples.batch(group.shard(chosen))
