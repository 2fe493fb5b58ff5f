"""Train networks of one design on one panel, within one time budget and under one progress bar."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from tqdm import tqdm

from sktime_lstm.data.windows import Rows, WindowIndex
from sktime_lstm.network.losses import LOSSES
from sktime_lstm.network.network import Network, NetworkSize
from sktime_lstm.runtime import Deadline, resolve_device, seeded_generator
from sktime_lstm.training import defaults
from sktime_lstm.training.distributed import SINGLE_PROCESS, ProcessGroup
from sktime_lstm.training.loop import LogEntry, TrainingPlan, run_training_loop
from sktime_lstm.training.preparation import PreparedPanel
from sktime_lstm.training.settings import Settings

HOLDOUT_STEPS = 300
INITIALISE, SHUFFLE, HOLD_OUT, UPDATE, GROW, SAMPLE, CONTINUE, FINE_TUNE, DROP = range(9)
"""Streams of random numbers; each is drawn from independently of the others."""


class ScheduleMultipliers(NamedTuple):
    """Multipliers of the default number of steps and of the default learning rate."""

    steps: float
    learning_rate: float


FROM_SCRATCH, UPDATING = ScheduleMultipliers(1.0, 1.0), ScheduleMultipliers(0.25, 0.2)
FROM_UNIVERSAL = ScheduleMultipliers(0.25, 0.25)
"""A network that serves any series has little left to learn."""


class Trainer:
    """Trains networks of one design on windows of one panel.

    Parameters
    ----------
    prepared : PreparedPanel
        The data.
    settings : Settings
        Parameters of the forecaster.
    root_seed : int
        Seed from which all others are derived.
    multipliers : ScheduleMultipliers
        Of the default length and rate of the training.
    holds_out : bool
        Whether a hold-out network is to be trained too, unless patience makes it superfluous.
    group : ProcessGroup
        Processes that train together.
    """

    def __init__(
        self,
        prepared: PreparedPanel,
        settings: Settings,
        root_seed: int,
        *,
        multipliers: ScheduleMultipliers = FROM_SCRATCH,
        holds_out: bool = True,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        num_windows = len(prepared.origins)
        self.prepared, self.settings, self.root_seed, self.group = prepared, settings, root_seed, group
        self.plan = _plan(settings, prepared, num_windows, multipliers)
        self.hidden_size = settings.hidden_size or defaults.choose_hidden_size(num_windows)
        self.device = group.device(resolve_device(settings.device, num_windows))
        self.networks_left = 1 + int(holds_out and settings.patience is None)
        self.deadline = Deadline(settings.time_budget)
        self.log: list[LogEntry] = []
        steps = self.plan.steps + (self._plan_of(HOLD_OUT).steps if self.networks_left > 1 else 0)
        self.bar = tqdm(total=steps, disable=not settings.verbose or group.rank > 0, unit="step")

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def train_network(
        self,
        origins: Rows,
        stream: int,
        *,
        start: Network | None = None,
        validation: Rows | None = None,
        prepared: PreparedPanel | None = None,
    ) -> Network:
        """Train a network on the windows at `origins`; without windows it stays the mixture of the anchors.

        Parameters
        ----------
        origins : array of shape (windows,)
            Rows of the first future points.
        stream : int
            Which random numbers to draw.
        start : Network or None
            Network to train on, in place; None makes a new one.
        validation : array or None
            Origins of the windows to check the weights on.
        prepared : PreparedPanel or None
            The data if they are not those of the trainer.
        """
        network = start or Network(self._size(), seeded_generator(self.root_seed, stream, 0))
        prepared = prepared or self.prepared
        if len(origins):
            # A finished network keeps no generator: that of torch 2.2 can be neither copied nor pickled.
            network.dropout_generator = seeded_generator(self.root_seed, stream, 0, DROP, device=self.device)
            log = run_training_loop(
                network.to(self.device),
                prepared.examples(origins, self.device),
                self._plan_of(stream),
                loss=LOSSES[self.settings.loss],
                generator=seeded_generator(self.root_seed, stream, 0, SHUFFLE),
                deadline=self.deadline.next_part(self.networks_left),
                validation=None if validation is None else prepared.examples(validation, self.device),
                on_step=self._advance,
                group=self.group,
            )
            network.dropout_generator = None
            if stream != HOLD_OUT:
                self.log += log
        self.networks_left -= 1
        return network.to("cpu").eval()

    def _plan_of(self, stream: int) -> TrainingPlan:
        """Plan of a network; one that only measures errors needs no long training, unless it learns a spread too."""
        if stream != HOLD_OUT or self.prepared.preprocessing.predictive_of is not None:
            return self.plan
        return replace(self.plan, steps=min(self.plan.steps, HOLDOUT_STEPS))

    def _size(self) -> NetworkSize:
        settings, preprocessing = self.settings, self.prepared.preprocessing
        num_channels, num_variables = preprocessing.effect.shape
        return NetworkSize(
            num_variables=num_variables,
            num_covariates=num_channels,
            hidden_size=self.hidden_size,
            cell=settings.cell,
            num_layers=settings.num_layers,
            dropout=settings.dropout,
            anchored=settings.anchored,
            num_distribution_outputs=LOSSES[settings.loss].outputs,
            num_categories=preprocessing.encoder.sizes,
        )

    def _advance(self, loss: float) -> None:
        if math.isfinite(loss):
            self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self.bar.update()


def _points_read(windows: WindowIndex) -> int:
    """Points of a window through which the recurrent layers pass."""
    return windows.window_length + windows.horizon


def _plan(
    settings: Settings, prepared: PreparedPanel, num_windows: int, multipliers: ScheduleMultipliers
) -> TrainingPlan:
    """Length and speed of the training of one network."""
    batch_size = settings.batch_size or defaults.choose_batch_size(num_windows, _points_read(prepared.windows))
    steps = defaults.choose_steps(num_windows, prepared.panel.num_instances)
    if settings.max_epochs is not None:
        steps = settings.max_epochs * math.ceil(num_windows / batch_size)
    rate = settings.learning_rate or defaults.choose_learning_rate(num_windows)
    steps = max(math.ceil(steps * multipliers.steps), 1)
    return TrainingPlan(steps, batch_size, rate * multipliers.learning_rate, settings.weight_decay, settings.patience)
