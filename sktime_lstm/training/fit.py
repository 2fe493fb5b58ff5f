"""From a panel to a model: choose the sizes, train the networks, measure their errors."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from sktime_lstm.anchors.track_record import InitialMixture, fit_initial_mixture
from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.data.scaling import count_scale, fit_scaler, scale_rule, window_scale
from sktime_lstm.data.seasonality import calendar_periods, find_period
from sktime_lstm.data.windows import (
    Rows,
    ScaledWindows,
    WindowBatch,
    hold_out_latest,
    min_context,
    thin,
    training_origins,
)
from sktime_lstm.forecasting.fitted_model import FittedModel
from sktime_lstm.forecasting.intervals import Calibration, calibrate, with_growth
from sktime_lstm.forecasting.preprocessing import Preprocessing
from sktime_lstm.forecasting.rollout import forecast_windows
from sktime_lstm.network.losses import COUNTS, LOSSES
from sktime_lstm.network.network import Ensemble, Network, NetworkSize
from sktime_lstm.runtime import Deadline, resolve_device, seeded_generator
from sktime_lstm.training import defaults
from sktime_lstm.training.distributed import ProcessGroup
from sktime_lstm.training.loop import LOG_COLUMNS, SINGLE_PROCESS, LogEntry, TrainingPlan, train
from sktime_lstm.validation import warn_if_nothing_to_learn

HELD_OUT_SHARE = 0.25
MAX_HELD_OUT = 1_000
MAX_PER_SERIES = 8
ENOUGH_WINDOWS, FEW_WINDOWS_SHARE = 25, 0.5
WINDOWS_FOR_GROWTH, PATHS_FOR_GROWTH = 32, 8
CALIBRATION_STEPS = 300
MAX_FOR_INITIAL_MIXTURE = 2_000
SHRINKAGE_FACTORS = (0.5, 0.25, 0.75, 0.0, 1.0)
HISTORY_COLUMNS = ("member", *LOG_COLUMNS)
INITIALISE, SHUFFLE, CALIBRATE, UPDATE, GROW, SAMPLE, CONTINUE, FINE_TUNE, DROP = range(9)
"""Purposes of a random generator; each draws its own numbers."""


class ScheduleMultipliers(NamedTuple):
    """Shares of the usual number of steps and of the usual learning rate."""

    steps: float
    rate: float


FROM_SCRATCH, UPDATING = ScheduleMultipliers(1.0, 1.0), ScheduleMultipliers(0.25, 0.2)


@dataclass(frozen=True)
class Settings:
    """The parameters of the forecaster; None leaves the choice to the defaults."""

    window_length: int | None
    output_length: int | None
    sp: int | None
    cell: str
    hidden_size: int | None
    num_layers: int
    dropout: float
    bidirectional: bool
    anchored: bool
    scaler: Any
    loss: str
    max_epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    weight_decay: float
    patience: int | None
    num_members: int
    fine_tune: str
    time_budget: float | None
    device: str
    random_state: Any
    verbose: int
    lower_bound: float | None


def choose_preprocessing(panel: Panel, settings: Settings, max_step: int | None) -> Preprocessing:
    """Make the choices that come before training; `max_step` is the largest step asked for, if known."""
    sp = settings.sp or find_period(univariate_series(panel), calendar_periods(panel.axis.step))
    data_size = defaults.DataSize(panel.lengths, sp, max_step)
    output_length = settings.output_length or defaults.choose_output_length(data_size)
    preprocessing = Preprocessing(
        scaler=fit_scaler(settings.scaler, panel.values),
        scale_of=count_scale if settings.loss == COUNTS else scale_rule(settings.scaler),
        covariate_scale=window_scale(torch.from_numpy(panel.covariates)[None]),
        window_length=settings.window_length or defaults.choose_window_length(data_size),
        output_length=output_length,
        sp=sp,
        training_length=defaults.choose_training_length(data_size, output_length),
        lower_bound=settings.lower_bound,
        loss=settings.loss,
    )
    return (
        replace(preprocessing, initial_mixture=initial_mixture_of(preprocessing, panel))
        if settings.anchored
        else preprocessing
    )


def initial_mixture_of(preprocessing: Preprocessing, panel: Panel) -> InitialMixture | None:
    """What some windows of all series tell before training; None if there are no windows."""
    origins = thin(origins_of(preprocessing, panel), MAX_FOR_INITIAL_MIXTURE)
    if len(origins) == 0:
        return None
    windows = preprocessing.window_index(panel, origins, horizon=preprocessing.training_length)
    return fit_initial_mixture(*ScaledWindows(windows, preprocessing.scale_of, torch.device("cpu")).batch(slice(None)))


def origins_of(preprocessing: Preprocessing, panel: Panel) -> Rows:
    """Where the windows to learn from begin to look ahead."""
    return training_origins(panel, horizon=preprocessing.training_length, min_length=min_context(preprocessing.sp))


def univariate_series(panel: Panel) -> Iterator[Array]:
    """Each variable of each series, of shape (time,)."""
    for instance in range(panel.num_instances):
        yield from panel.series(instance).T


def fit_from_scratch(
    panel: Panel,
    settings: Settings,
    *,
    max_step: int | None,
    root_seed: int,
    multipliers: ScheduleMultipliers = FROM_SCRATCH,
    group: ProcessGroup = SINGLE_PROCESS,
) -> tuple[FittedModel, list[LogEntry]]:
    """Choose the sizes, train the members and learn the distribution of their errors.

    The members learn from all windows; a further network, which learns only from the earlier ones, forecasts the latest
    quarter to show how much of what is learned lasts and how large errors are. With patience the members themselves
    leave the latest windows out, to check their weights on them.
    """
    preprocessing = choose_preprocessing(panel, settings, max_step)
    origins = origins_of(preprocessing, panel)
    early, late = hold_out_latest(panel, origins, horizon=preprocessing.training_length, share=HELD_OUT_SHARE)
    late = thin(late, MAX_HELD_OUT)
    warn_if_nothing_to_learn(len(origins))
    checked = settings.patience is not None
    with Trainer(
        panel, preprocessing, settings, root_seed, num_windows=len(origins), multipliers=multipliers, group=group
    ) as trainer:
        seen, unseen = (early, late) if checked else (origins, None)
        members = [trainer.train(seen, INITIALISE, n, validation=unseen) for n in range(settings.num_members)]
        holdout_network = Ensemble(members if checked else [trainer.train(early, CALIBRATE, 0)])
        trainer.shrink_to_holdout(members, holdout_network, late)
    return FittedModel(
        preprocessing,
        Ensemble(members),
        measure_errors(holdout_network, panel, preprocessing, max_step, root_seed=root_seed),
    ), trainer.records


def select_shrinkage(holdout_network: Ensemble, window: WindowBatch, target: Tensor) -> float:
    """Share to keep of what was learned: a half, unless held-out windows show that another share forecasts better.

    They show it where a half is worse than the best share by more than one standard error of the difference (after
    Breiman et al., 1984, "Classification and regression trees"); then it is the share closest to a half that is not.
    Windows overlap, so that n of them over h steps tell as much as n / h independent ones.
    """

    def errors(share: float) -> Tensor:
        shrunk = copy.deepcopy(holdout_network)
        for network in shrunk.networks:
            network.shrink(share)
        with torch.no_grad():
            output = shrunk(window)
        forecast = output if output.ndim == target.ndim else output[..., 0]
        error: Tensor = (forecast - target).abs().flatten(1).nanmean(1)
        return error

    def as_good(share: float) -> bool:
        worse = tried[share] - tried[best]
        worse = worse[torch.isfinite(worse)]
        return bool(worse.mean() <= worse.std(correction=0) * math.sqrt(target.shape[1] / len(worse)))

    tried = {share: errors(share) for share in SHRINKAGE_FACTORS}
    best = min(SHRINKAGE_FACTORS, key=lambda share: float(tried[share].nanmean()))
    return next((share for share in SHRINKAGE_FACTORS if as_good(share)), best)


def update_model(
    model: FittedModel, panel: Panel, settings: Settings, *, root_seed: int
) -> tuple[FittedModel, list[LogEntry]]:
    """Continue training on copies of the members: a quarter of the steps at a fifth of the rate."""
    preprocessing = model.preprocessing
    settings = replace(settings, num_members=len(model.network.networks), loss=preprocessing.loss)
    origins = origins_of(preprocessing, panel)
    with Trainer(
        panel, preprocessing, settings, root_seed, num_windows=len(origins), multipliers=UPDATING, judged=False
    ) as trainer:
        members = trainer.continued(model.network, origins, UPDATE)
    return replace(model, network=Ensemble(members)), trainer.records


def measure_errors(
    holdout_network: Ensemble, panel: Panel, preprocessing: Preprocessing, max_step: int | None, *, root_seed: int
) -> Calibration:
    """Distribution of the errors of networks that have not seen the latest quarter of the windows."""
    judged = FittedModel(preprocessing, holdout_network, _calibrate(holdout_network, panel, preprocessing, max_step))
    return _with_growth(judged, panel, root_seed)


def _calibrate(
    holdout_network: Ensemble, panel: Panel, preprocessing: Preprocessing, max_step: int | None
) -> Calibration:
    """Errors of the latest windows as far ahead as the data reach, rolled out as in a forecast.

    These are the quarter that the judge has not seen, or the latest half where a quarter would be too few: a short
    training learns little by heart.
    """
    wanted = max_step or max(preprocessing.sp, 8)
    horizon = max(preprocessing.output_length, min(wanted, int(panel.lengths.max()) // 4))
    origins = training_origins(panel, horizon=1, min_length=min_context(preprocessing.sp))
    late = hold_out_latest(panel, origins, horizon=1, share=HELD_OUT_SHARE)[1]
    if len(late) < ENOUGH_WINDOWS * horizon:
        late = hold_out_latest(panel, origins, horizon=1, share=FEW_WINDOWS_SHARE)[1]
    most = max(MAX_HELD_OUT, MAX_PER_SERIES * panel.num_instances)
    late, stride = thin(late, most), max(len(late) / most, 1.0)
    instance = np.searchsorted(panel.bounds, late, side="right") - 1
    windows = preprocessing.window_index(panel, late, horizon=horizon)
    forecast = forecast_windows(
        holdout_network,
        windows,
        output_length=preprocessing.output_length,
        scale_of=preprocessing.scale_of,
        spread_of=preprocessing.spread_of,
    )
    scale = preprocessing.scale_of(windows.batch(slice(None)).context)
    point, spreads = (forecast, None) if preprocessing.spread_of is None else (forecast[..., 0], forecast[..., 1:])
    errors = scale.bounded(scale.apply(windows.target(slice(None)))) - scale.apply(point)
    if spreads is not None:
        errors = errors / torch.where(errors < 0, spreads[..., 0], spreads[..., 1])
    errors = torch.where(scale.scale > 0, errors, torch.nan)
    return calibrate(errors.numpy(), scale.scale[:, 0].numpy(), instance, panel.keys, stride=stride)


def _with_growth(model: FittedModel, panel: Panel, root_seed: int) -> Calibration:
    """Let sample paths from the latest windows show how errors grow where none were measured."""
    preprocessing, known = model.preprocessing, model.calibration.steps
    origins = training_origins(panel, horizon=1, min_length=min_context(preprocessing.sp))
    origins = thin(hold_out_latest(panel, origins, horizon=1, share=HELD_OUT_SHARE)[1], WINDOWS_FOR_GROWTH)
    if len(origins) == 0:
        return model.calibration
    generator = seeded_generator(root_seed, GROW)
    paths = model.paths(panel, origins, horizon=3 * known, num_samples=PATHS_FOR_GROWTH, generator=generator)
    return with_growth(model.calibration, paths)


class Trainer:
    """Trains networks of one design on windows of one panel, within one time budget and under one progress bar."""

    def __init__(
        self,
        panel: Panel,
        preprocessing: Preprocessing,
        settings: Settings,
        root_seed: int,
        *,
        num_windows: int,
        multipliers: ScheduleMultipliers = FROM_SCRATCH,
        judged: bool = True,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self.panel, self.preprocessing, self.settings, self.root_seed = panel, preprocessing, settings, root_seed
        self.windows = preprocessing.window_index(panel, np.arange(0), horizon=preprocessing.training_length)
        self.plan = _plan(settings, panel, preprocessing, num_windows, multipliers)
        self.hidden_size = settings.hidden_size or defaults.choose_hidden_size(num_windows)
        self.group = group
        self.device = group.device(resolve_device(settings.device, num_windows))
        self.judged = judged and settings.patience is None
        self.networks_left = settings.num_members + int(self.judged)
        self.deadline = Deadline(settings.time_budget)
        self.records: list[LogEntry] = []
        steps = settings.num_members * self.plan.steps + int(self.judged) * self._plan_of(CALIBRATE).steps
        self.bar = tqdm(total=steps, disable=not settings.verbose or group.rank > 0, unit="step")

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def train(
        self, origins: Rows, purpose: int, number: int, *, start: Network | None = None, validation: Rows | None = None
    ) -> Network:
        """Train one network on the windows at `origins`; without windows it stays the mean of the anchors."""
        network = start or self._new(seeded_generator(self.root_seed, purpose, number))
        if len(origins):
            # A finished network keeps no generator: that of torch 2.2 can be neither copied nor pickled.
            network.dropout_generator = seeded_generator(self.root_seed, purpose, number, DROP)
            records = train(
                network.to(self.device),
                self.examples(origins),
                self._plan_of(purpose),
                loss=LOSSES[self.settings.loss],
                generator=seeded_generator(self.root_seed, purpose, number, SHUFFLE),
                deadline=self.deadline.share(self.networks_left),
                validation=None if validation is None or len(validation) == 0 else self.examples(validation),
                on_step=self._advance,
                group=self.group,
            )
            network.dropout_generator = None
            if purpose != CALIBRATE:
                self.records += [{"member": number, **record} for record in records]
        self.networks_left -= 1
        return network.to("cpu").eval()

    def continued(
        self, network: Ensemble, origins: Rows, purpose: int, *, validation: Rows | None = None
    ) -> list[Network]:
        """Train copies of the members on; of their last layer alone if the settings say so."""
        members = copy.deepcopy(network).networks
        for number, member in enumerate(members):
            member.layers.requires_grad_(self.settings.fine_tune != "head")
            self.train(origins, purpose, number, start=member, validation=validation)
            member.layers.requires_grad_(True)
        return members

    def shrink_to_holdout(self, members: list[Network], holdout_network: Ensemble, late: Rows) -> None:
        """Shrink what all have learned to the share that the held-out windows, forecast by the judge, leave of it."""
        if self.preprocessing.initial_mixture is None or len(late) == 0:
            return
        share = select_shrinkage(holdout_network, *self.examples(late, "cpu").batch(slice(None)))
        for network in {*members, *holdout_network.networks}:
            network.shrink(share)

    def _plan_of(self, purpose: int) -> TrainingPlan:
        """Plan of a network; one that only measures errors needs no long training, unless it learns a spread too."""
        if purpose != CALIBRATE or self.preprocessing.spread_of is not None:
            return self.plan
        return replace(self.plan, steps=min(self.plan.steps, CALIBRATION_STEPS))

    def _new(self, generator: torch.Generator) -> Network:
        """Make a network that starts from the baseline."""
        network = Network(self._size(), generator)
        if self.preprocessing.initial_mixture is not None:
            network.effect.copy_(self.preprocessing.initial_mixture.effect)
        return network

    def _size(self) -> NetworkSize:
        settings = self.settings
        return NetworkSize(
            num_variables=self.panel.values.shape[1],
            num_covariates=self.panel.covariates.shape[1],
            hidden_size=self.hidden_size,
            cell=settings.cell,
            num_layers=settings.num_layers,
            dropout=settings.dropout,
            bidirectional=settings.bidirectional,
            anchored=settings.anchored,
            num_distribution_outputs=LOSSES[settings.loss].outputs,
        )

    def examples(self, origins: Rows, device: str | None = None) -> ScaledWindows:
        """Windows at the origins, as a network learns from them; where it trains, unless a device is named."""
        return ScaledWindows(self.windows.at(origins), self.preprocessing.scale_of, torch.device(device or self.device))

    def _advance(self, loss: float) -> None:
        self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self.bar.update()


def _plan(
    settings: Settings, panel: Panel, preprocessing: Preprocessing, num_windows: int, multipliers: ScheduleMultipliers
) -> TrainingPlan:
    """Length and speed of the training of one network."""
    batch_size = settings.batch_size or defaults.choose_batch_size(
        num_windows, preprocessing.window_length + preprocessing.training_length
    )
    steps = defaults.choose_steps(num_windows, panel.num_instances)
    if settings.max_epochs is not None:
        steps = settings.max_epochs * math.ceil(num_windows / batch_size)
    rate = settings.learning_rate or defaults.choose_learning_rate(num_windows)
    steps = max(math.ceil(steps * multipliers.steps), 1)
    return TrainingPlan(steps, batch_size, rate * multipliers.rate, settings.weight_decay, settings.patience)
