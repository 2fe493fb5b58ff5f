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

from sktime_lstm import recipe
from sktime_lstm.baseline import Baseline, fit_baseline
from sktime_lstm.distributed import Team
from sktime_lstm.intervals import Calibration, calibrate, with_growth
from sktime_lstm.losses import COUNTS, LOSSES
from sktime_lstm.model import Model
from sktime_lstm.network import Ensemble, Network, NetworkSize, Window
from sktime_lstm.rollout import forecast_windows
from sktime_lstm.runtime import Deadline, resolve_device, seeded_generator
from sktime_lstm.scaling import count_scale, fit_scaler, scale_rule, window_scale
from sktime_lstm.seasonality import calendar_periods, find_period
from sktime_lstm.series import Array, Panel
from sktime_lstm.training import ALONE, RECORD_COLUMNS, Examples, Record, TrainingPlan, train
from sktime_lstm.validation import warn_if_nothing_to_learn
from sktime_lstm.view import View
from sktime_lstm.windowing import Rows, hold_out_latest, thin, training_origins

HELD_OUT_SHARE = 0.25
MOST_HELD_OUT = 1_000
MOST_PER_SERIES = 8
ENOUGH_WINDOWS, FEW_WINDOWS_SHARE = 25, 0.5
WINDOWS_FOR_GROWTH, PATHS_FOR_GROWTH = 32, 8
CALIBRATION_STEPS = 300
MOST_FOR_START = 2_000
SHARES = (0.5, 0.25, 0.75, 0.0, 1.0)
HISTORY_COLUMNS = ("member", *RECORD_COLUMNS)
INITIALISE, SHUFFLE, CALIBRATE, UPDATE, GROW, SAMPLE, CONTINUE, FINE_TUNE, DROP = range(9)
"""Purposes of a random generator; each draws its own numbers."""


class Pace(NamedTuple):
    """Shares of the usual number of steps and of the usual learning rate."""

    steps: float
    rate: float


FROM_SCRATCH, UPDATING = Pace(1.0, 1.0), Pace(0.25, 0.2)


@dataclass(frozen=True)
class Settings:
    """The parameters of the forecaster; None leaves the choice to the recipe."""

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


def choose_view(panel: Panel, settings: Settings, farthest: int | None) -> View:
    """Make the choices that come before training; `farthest` is the largest step asked for, if known."""
    sp = settings.sp or find_period(columns(panel), calendar_periods(panel.axis.step))
    amount = recipe.Amount(panel.lengths, sp, farthest)
    output_length = settings.output_length or recipe.choose_output_length(amount)
    view = View(
        scaler=fit_scaler(settings.scaler, panel.values),
        scale_of=count_scale if settings.loss == COUNTS else scale_rule(settings.scaler),
        covariate_scale=window_scale(torch.from_numpy(panel.covariates)[None]),
        window_length=settings.window_length or recipe.choose_window_length(amount),
        output_length=output_length,
        sp=sp,
        training_length=recipe.choose_training_length(amount, output_length),
        lower_bound=settings.lower_bound,
        loss=settings.loss,
    )
    return replace(view, baseline=baseline_of(view, panel)) if settings.anchored else view


def baseline_of(view: View, panel: Panel) -> Baseline | None:
    """What some windows of all series tell before training; None if there are no windows."""
    origins = thin(origins_of(view, panel), MOST_FOR_START)
    if len(origins) == 0:
        return None
    windows = view.windows(panel, origins, horizon=view.training_length)
    return fit_baseline(*Examples(windows, view.scale_of, torch.device("cpu")).batch(slice(None)))


def origins_of(view: View, panel: Panel) -> Rows:
    """Where the windows to learn from begin to look ahead."""
    return training_origins(panel, horizon=view.training_length, shortest=recipe.shortest_context(view.sp))


def columns(panel: Panel) -> Iterator[Array]:
    """Each variable of each series, of shape (time,)."""
    for instance in range(panel.num_instances):
        yield from panel.series(instance).T


def fit_model(
    panel: Panel, settings: Settings, *, farthest: int | None, root: int, pace: Pace = FROM_SCRATCH, team: Team = ALONE
) -> tuple[Model, list[Record]]:
    """Choose the sizes, train the members and learn the distribution of their errors.

    The members learn from all windows; a further network, which learns only from the earlier ones, forecasts the latest
    quarter to show how much of what is learned lasts and how large errors are. With patience the members themselves
    leave the latest windows out, to check their weights on them.
    """
    view = choose_view(panel, settings, farthest)
    origins = origins_of(view, panel)
    early, late = hold_out_latest(panel, origins, horizon=view.training_length, share=HELD_OUT_SHARE)
    late = thin(late, MOST_HELD_OUT)
    warn_if_nothing_to_learn(len(origins))
    checked = settings.patience is not None
    with Workshop(panel, view, settings, root, num_windows=len(origins), pace=pace, team=team) as workshop:
        seen, unseen = (early, late) if checked else (origins, None)
        members = [workshop.train(seen, INITIALISE, n, validation=unseen) for n in range(settings.num_members)]
        judge = Ensemble(members if checked else [workshop.train(early, CALIBRATE, 0)])
        workshop.keep_what_lasts(members, judge, late)
    return Model(view, Ensemble(members), measure_errors(judge, panel, view, farthest, root=root)), workshop.records


def _lasting_share(judge: Ensemble, window: Window, target: Tensor) -> float:
    """Share to keep of what was learned: a half, unless held-out windows show that another share forecasts better.

    They show it where a half is worse than the best share by more than one standard error of the difference (after
    Breiman et al., 1984, "Classification and regression trees"); then it is the share closest to a half that is not.
    Windows overlap, so that n of them over h steps tell as much as n / h independent ones.
    """

    def errors(share: float) -> Tensor:
        shrunk = copy.deepcopy(judge)
        for network in shrunk.networks:
            network.shrink(share)
        with torch.no_grad():
            answer = shrunk(window)
        forecast = answer if answer.ndim == target.ndim else answer[..., 0]
        error: Tensor = (forecast - target).abs().flatten(1).nanmean(1)
        return error

    def as_good(share: float) -> bool:
        worse = tried[share] - tried[best]
        worse = worse[torch.isfinite(worse)]
        return bool(worse.mean() <= worse.std(correction=0) * math.sqrt(target.shape[1] / len(worse)))

    tried = {share: errors(share) for share in SHARES}
    best = min(SHARES, key=lambda share: float(tried[share].nanmean()))
    return next((share for share in SHARES if as_good(share)), best)


def tune_model(model: Model, panel: Panel, settings: Settings, *, root: int) -> tuple[Model, list[Record]]:
    """Continue training on copies of the members: a quarter of the steps at a fifth of the rate."""
    view = model.view
    settings = replace(settings, num_members=len(model.network.networks), loss=view.loss)
    origins = origins_of(view, panel)
    with Workshop(panel, view, settings, root, num_windows=len(origins), pace=UPDATING, judged=False) as workshop:
        members = workshop.continued(model.network, origins, UPDATE)
    return replace(model, network=Ensemble(members)), workshop.records


def measure_errors(judge: Ensemble, panel: Panel, view: View, farthest: int | None, *, root: int) -> Calibration:
    """Distribution of the errors of networks that have not seen the latest quarter of the windows."""
    judged = Model(view, judge, _calibrate(judge, panel, view, farthest))
    return _with_growth(judged, panel, root)


def _calibrate(judge: Ensemble, panel: Panel, view: View, farthest: int | None) -> Calibration:
    """Errors of the latest windows as far ahead as the data reach, rolled out as in a forecast.

    These are the quarter that the judge has not seen, or the latest half where a quarter would be too few: a short
    training learns little by heart.
    """
    wanted = farthest or max(view.sp, 8)
    horizon = max(view.output_length, min(wanted, int(panel.lengths.max()) // 4))
    origins = training_origins(panel, horizon=1, shortest=recipe.shortest_context(view.sp))
    late = hold_out_latest(panel, origins, horizon=1, share=HELD_OUT_SHARE)[1]
    if len(late) < ENOUGH_WINDOWS * horizon:
        late = hold_out_latest(panel, origins, horizon=1, share=FEW_WINDOWS_SHARE)[1]
    most = max(MOST_HELD_OUT, MOST_PER_SERIES * panel.num_instances)
    late, apart = thin(late, most), max(len(late) / most, 1.0)
    instance = np.searchsorted(panel.bounds, late, side="right") - 1
    windows = view.windows(panel, late, horizon=horizon)
    forecast = forecast_windows(
        judge, windows, output_length=view.output_length, scale_of=view.scale_of, widths=view.widths
    )
    scale = view.scale_of(windows.window(slice(None)).context)
    point, sides = (forecast, None) if view.widths is None else (forecast[..., 0], forecast[..., 1:])
    errors = scale.bounded(scale.apply(windows.target(slice(None)))) - scale.apply(point)
    if sides is not None:
        errors = errors / torch.where(errors < 0, sides[..., 0], sides[..., 1])
    errors = torch.where(scale.scale > 0, errors, torch.nan)
    return calibrate(errors.numpy(), scale.scale[:, 0].numpy(), instance, panel.keys, apart=apart)


def _with_growth(model: Model, panel: Panel, root: int) -> Calibration:
    """Let sample paths from the latest windows show how errors grow where none were measured."""
    view, known = model.view, model.calibration.steps
    origins = training_origins(panel, horizon=1, shortest=recipe.shortest_context(view.sp))
    origins = thin(hold_out_latest(panel, origins, horizon=1, share=HELD_OUT_SHARE)[1], WINDOWS_FOR_GROWTH)
    if len(origins) == 0:
        return model.calibration
    generator = seeded_generator(root, GROW)
    paths = model.paths(panel, origins, horizon=3 * known, num_samples=PATHS_FOR_GROWTH, generator=generator)
    return with_growth(model.calibration, paths)


class Workshop:
    """Trains networks of one design on windows of one panel, within one time budget and under one progress bar."""

    def __init__(
        self,
        panel: Panel,
        view: View,
        settings: Settings,
        root: int,
        *,
        num_windows: int,
        pace: Pace = FROM_SCRATCH,
        judged: bool = True,
        team: Team = ALONE,
    ) -> None:
        self.panel, self.view, self.settings, self.root = panel, view, settings, root
        self.windows = view.windows(panel, np.arange(0), horizon=view.training_length)
        self.plan = _plan(settings, panel, view, num_windows, pace)
        self.hidden_size = settings.hidden_size or recipe.choose_hidden_size(num_windows)
        self.team = team
        self.device = team.device(resolve_device(settings.device, num_windows))
        self.judged = judged and settings.patience is None
        self.networks_left = settings.num_members + int(self.judged)
        self.deadline = Deadline(settings.time_budget)
        self.records: list[Record] = []
        steps = settings.num_members * self.plan.steps + int(self.judged) * self._plan_of(CALIBRATE).steps
        self.bar = tqdm(total=steps, disable=not settings.verbose or team.rank > 0, unit="step")

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def train(
        self, origins: Rows, purpose: int, number: int, *, start: Network | None = None, validation: Rows | None = None
    ) -> Network:
        """Train one network on the windows at `origins`; without windows it stays the mean of the anchors."""
        network = start or self._new(seeded_generator(self.root, purpose, number))
        if len(origins):
            # A finished network keeps no generator: that of torch 2.2 can be neither copied nor pickled.
            network.masks = seeded_generator(self.root, purpose, number, DROP)
            records = train(
                network.to(self.device),
                self.examples(origins),
                self._plan_of(purpose),
                loss=LOSSES[self.settings.loss],
                generator=seeded_generator(self.root, purpose, number, SHUFFLE),
                deadline=self.deadline.share(self.networks_left),
                validation=None if validation is None or len(validation) == 0 else self.examples(validation),
                on_step=self._advance,
                team=self.team,
            )
            network.masks = None
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

    def keep_what_lasts(self, members: list[Network], judge: Ensemble, late: Rows) -> None:
        """Shrink what all have learned to the share that the held-out windows, forecast by the judge, leave of it."""
        if self.view.baseline is None or len(late) == 0:
            return
        share = _lasting_share(judge, *self.examples(late, "cpu").batch(slice(None)))
        for network in {*members, *judge.networks}:
            network.shrink(share)

    def _plan_of(self, purpose: int) -> TrainingPlan:
        """Plan of a network; one that only measures errors needs no long training, unless it learns a spread too."""
        if purpose != CALIBRATE or self.view.widths is not None:
            return self.plan
        return replace(self.plan, steps=min(self.plan.steps, CALIBRATION_STEPS))

    def _new(self, generator: torch.Generator) -> Network:
        """Make a network that starts from the baseline."""
        network = Network(self._size(), generator)
        if self.view.baseline is not None:
            network.effect.copy_(self.view.baseline.effect)
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
            further_outputs=LOSSES[settings.loss].outputs,
        )

    def examples(self, origins: Rows, device: str | None = None) -> Examples:
        """Windows at the origins, as a network learns from them; where it trains, unless a device is named."""
        return Examples(self.windows.at(origins), self.view.scale_of, torch.device(device or self.device))

    def _advance(self, loss: float) -> None:
        self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self.bar.update()


def _plan(settings: Settings, panel: Panel, view: View, num_windows: int, pace: Pace) -> TrainingPlan:
    """Length and speed of the training of one network."""
    batch_size = settings.batch_size or recipe.choose_batch_size(num_windows, view.window_length + view.training_length)
    steps = recipe.choose_steps(num_windows, panel.num_instances)
    if settings.max_epochs is not None:
        steps = settings.max_epochs * math.ceil(num_windows / batch_size)
    rate = settings.learning_rate or recipe.choose_learning_rate(num_windows)
    steps = max(math.ceil(steps * pace.steps), 1)
    return TrainingPlan(steps, batch_size, rate * pace.rate, settings.weight_decay, settings.patience)
