"""The training loop: fit any network to windows, within a time budget, and keep a history."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sktime_lstm.distributed import Team
from sktime_lstm.losses import Loss
from sktime_lstm.network import Window
from sktime_lstm.runtime import Deadline
from sktime_lstm.scaling import Scale, ScaleOf
from sktime_lstm.windowing import Windows

WARM_UP = 0.1
START_SHARE = 1 / 25
GRADIENT_NORM = 1.0
STEPS_PER_RECORD = 100
ALONE = Team()
MOST_FAILURES = 10

Record = dict[str, float]
RECORD_COLUMNS = (
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


@dataclass(frozen=True)
class Examples:
    """Windows in the scale and on the device in which a network learns from them."""

    windows: Windows
    scale_of: ScaleOf
    device: torch.device

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.windows)

    def batch(self, chosen: Tensor | slice) -> tuple[Window, Tensor]:
        """Return scaled windows and targets."""
        window, target = self.windows.window(chosen), self.windows.target(chosen)
        scale = self.scale_of(window.context)
        return self._ready(window, scale), self._move(scale.bounded(scale.apply(target)))

    def _ready(self, window: Window, scale: Scale) -> Window:
        return replace(
            window,
            context=self._move(scale.apply(window.context)),
            covariates=self._move(window.covariates),
            record=None if window.record is None else self._move(window.record),
            scale=self._move(scale.scale),
        )

    def _move(self, values: Tensor) -> Tensor:
        return values.to(self.device, torch.float32)


def train(
    network: nn.Module,
    examples: Examples,
    plan: TrainingPlan,
    *,
    loss: Loss,
    generator: torch.Generator,
    deadline: Deadline,
    validation: Examples | None = None,
    on_step: Callable[[float], None] = lambda loss: None,
    team: Team = ALONE,
) -> list[Record]:
    """Train `network` in place and return the history, one record an epoch and at least one every 100 steps.

    AdamW on a one-cycle schedule with clipped gradients. The weights of the last step stay, or with `validation` those
    of the best check. A step whose loss or gradient is not finite is taken back and halves the learning rate. Each
    process of a team learns from its share of every batch and all from the mean of their gradients.
    """
    course = _Course(network, plan, loss, team)
    steps_per_epoch = math.ceil(len(examples) / plan.batch_size)
    period = min(steps_per_epoch, STEPS_PER_RECORD)
    network.train()
    with torch.enable_grad():
        for step, (window, target) in enumerate(_batches(examples, plan, generator, team), start=1):
            spent = team.mean(deadline.spent)
            course.learn(window, target, rate=one_cycle(max((step - 1) / plan.steps, spent)))
            on_step(course.losses[-1])
            over = step == plan.steps or spent >= 1 or course.failures >= MOST_FAILURES
            if over or step % period == 0:
                course.record(step, step / steps_per_epoch, validation)
            if over or course.exhausted:
                break
    course.finish()
    return course.history


def one_cycle(progress: float) -> float:
    """Share of the peak learning rate after that share of the schedule: a short rise, then a cosine down to nothing."""
    if progress < WARM_UP:
        return START_SHARE + (1 - START_SHARE) * (1 - math.cos(math.pi * progress / WARM_UP)) / 2
    return (1 + math.cos(math.pi * min((progress - WARM_UP) / (1 - WARM_UP), 1.0))) / 2


class _Course:
    """One training under way: its optimiser, its history and the best weights so far."""

    def __init__(self, network: nn.Module, plan: TrainingPlan, loss: Loss, team: Team) -> None:
        self.network, self.plan, self.loss, self.team = network, plan, loss, team
        self.joined = team.joined(network)
        self.good = [parameter.detach().clone() for parameter in network.parameters()]
        self.optimiser = self._new_optimiser()
        self.started = time.perf_counter()
        self.history: list[Record] = []
        self.losses: list[float] = []
        self.norm, self.rate, self.failures = math.nan, 0.0, 0
        self.best, self.checks_without_gain = math.inf, 0
        self.best_weights: dict[str, Tensor] | None = None

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.plan.patience is not None and self.checks_without_gain >= self.plan.patience

    def learn(self, window: Window, target: Tensor, *, rate: float) -> None:
        """Take one step; where the loss or its gradient is not finite, go back to the weights before the last one."""
        self.rate = rate * self.plan.learning_rate * 0.5**self.failures
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        self.optimiser.zero_grad()
        loss = self.loss(self.joined(window), target, window.scale)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM).item()
        self.losses.append(self.team.mean(loss.item()))
        self.norm = norm
        if math.isfinite(norm) and math.isfinite(self.losses[-1]):
            self._copy(self.network.parameters(), self.good)
            self.optimiser.step()
        else:
            self._copy(self.good, self.network.parameters())
            self.optimiser = self._new_optimiser()
            self.failures += 1

    def record(self, step: int, epoch: float, validation: Examples | None) -> None:
        """Write down the steps since the last record, and check the weights where there is something to check."""
        checked = math.nan if validation is None else self._check(validation)
        since = int(self.history[-1]["step"]) if self.history else 0
        loss, seconds = sum(self.losses[since:]) / (step - since), time.perf_counter() - self.started
        values = (step, epoch, loss, checked, self.rate, self.norm, self.failures, seconds)
        self.history.append(dict(zip(RECORD_COLUMNS, values, strict=True)))

    def finish(self) -> None:
        """Leave the network with the weights to keep, ready to forecast."""
        if self.best_weights is not None:
            self.network.load_state_dict(self.best_weights)
        self.network.eval()
        if self.failures >= MOST_FAILURES:
            warnings.warn(
                f"Training stopped after {MOST_FAILURES} steps whose loss was not finite; the weights before them are "
                f"kept. Try a smaller learning_rate, or scaler='window'.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _new_optimiser(self) -> torch.optim.AdamW:
        plan = self.plan
        return torch.optim.AdamW(self.network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)

    @staticmethod
    def _copy(source: Iterable[Tensor], target: Iterable[Tensor]) -> None:
        with torch.no_grad():
            for old, new in zip(source, target, strict=True):
                new.copy_(old)

    def _check(self, validation: Examples) -> float:
        value = evaluate_loss(self.network, validation, self.loss, batch_size=self.plan.batch_size)
        self.network.train()
        if value < self.best:
            self.best, self.checks_without_gain = value, 0
            self.best_weights = copy.deepcopy(self.network.state_dict())
        else:
            self.checks_without_gain += 1
        return value


def evaluate_loss(network: nn.Module, examples: Examples, loss: Loss, *, batch_size: int) -> float:
    """Mean loss over all batches, without learning from them."""
    network.eval()
    total = 0.0
    with torch.no_grad():
        for chosen in torch.arange(len(examples)).split(batch_size):
            window, target = examples.batch(chosen)
            total += loss(network(window), target, window.scale).item() * len(chosen)
    return total / len(examples)


def _batches(
    examples: Examples, plan: TrainingPlan, generator: torch.Generator, team: Team
) -> Iterator[tuple[Window, Tensor]]:
    """Endless batches: a new random order each epoch, or the same whole set where it fits into one batch."""
    if len(examples) <= plan.batch_size:
        whole = examples.batch(team.own(torch.arange(len(examples))))
        while True:
            yield whole
    while True:
        for chosen in torch.randperm(len(examples), generator=generator).split(plan.batch_size):
            yield examples.batch(team.own(chosen))
