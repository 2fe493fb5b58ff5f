"""Learn from other series first: start, continue chunk by chunk, and go on with the series to forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sktime_lstm import recipe
from sktime_lstm.distributed import Team, assembled
from sktime_lstm.fitting import (
    CALIBRATE,
    CONTINUE,
    FINE_TUNE,
    HELD_OUT_SHARE,
    MOST_HELD_OUT,
    Pace,
    Settings,
    Workshop,
    baseline_of,
    columns,
    fit_model,
    measure_errors,
    origins_of,
)
from sktime_lstm.intervals import FEWEST_WINDOWS, Calibration
from sktime_lstm.model import Model, Pretrained
from sktime_lstm.network import Ensemble
from sktime_lstm.seasonality import calendar_periods, find_period
from sktime_lstm.series import Panel
from sktime_lstm.training import Record
from sktime_lstm.validation import check_as_pretrained
from sktime_lstm.view import View
from sktime_lstm.windowing import hold_out_latest, thin

PRETRAINING_SHARE = 0.25
UNJUDGED_SHARE = 0.25
FINE_TUNING = Pace(1.0, 1.0)
PLENTY = np.array([10_000])

Chunk = Any
"""A panel that sktime knows, or a pair of one and its covariates."""


def learn(
    panel: Panel, settings: Settings, start: Pretrained | None, *, farthest: int | None, root: int
) -> tuple[Model, list[Record]]:
    """Model of a panel, from a pretrained one if there is one."""
    if start is None:
        return fit_model(panel, settings, farthest=farthest, root=root)
    return fine_tune_model(start, panel, settings, farthest=farthest, root=root)


def pretrain(
    panel: Panel, settings: Settings, start: Pretrained | None, *, farthest: int | None, root: int
) -> Pretrained:
    """Learn from a panel as if it were to be forecast, or from a further one; together where processes share a job."""
    team = assembled()
    root = team.told(root)
    if start is None:
        model, _ = fit_model(panel, settings, farthest=farthest, root=root, pace=_pace(settings), team=team)
        return as_pretrained(model, panel)
    return continue_pretraining(start, panel, settings, farthest=farthest, root=root, team=team)


def as_pretrained(model: Model, panel: Panel) -> Pretrained:
    """Model of a panel as the start for other series."""
    return Pretrained(model, panel.columns, panel.covariate_columns, len(origins_of(model.view, panel)))


def continue_pretraining(
    start: Pretrained, panel: Panel, settings: Settings, *, farthest: int | None, root: int, team: Team
) -> Pretrained:
    """Learn from a further panel; each window that was ever seen should count alike.

    So the learning rate falls with the share of the new windows among all (Robbins and Monro, 1951, "A stochastic
    approximation method"). It starts at a quarter of that of a new training, since no held-out windows judge what is
    learned now. The errors are those that the network made on the new panel before it learned from it.
    """
    check_as_pretrained(panel.columns, panel.covariate_columns, start.columns, start.covariate_columns)
    view = adapted_view(start.model.view, panel, settings, farthest)
    origins, network = origins_of(view, panel), start.model.network
    total = start.num_windows + len(origins)
    pace = _pace(settings)
    pace = pace._replace(rate=pace.rate * UNJUDGED_SHARE * len(origins) / max(total, 1))
    errors = _errors(start.model, network, panel, view, len(origins), farthest, root)
    settings = replace(settings, num_members=len(network.networks), loss=view.loss, fine_tune="full", patience=None)
    with Workshop(
        panel, view, settings, root, num_windows=len(origins), pace=pace, judged=False, team=team
    ) as workshop:
        members = workshop.continued(network, origins, CONTINUE)
    return replace(start, model=Model(start.model.view, Ensemble(members), errors), num_windows=total)


def fine_tune_model(
    start: Pretrained, panel: Panel, settings: Settings, *, farthest: int | None, root: int
) -> tuple[Model, list[Record]]:
    """Make the pretrained model that of a panel: train copies of its networks on, or only look at the new data.

    Errors are measured as in `fit_model`, on windows that a further copy has not seen; where there are too few of
    them, the errors of pretraining stay.
    """
    check_as_pretrained(panel.columns, panel.covariate_columns, start.columns, start.covariate_columns)
    model, network = start.model, start.model.network
    view = adapted_view(model.view, panel, settings, farthest)
    if settings.fine_tune == "none":
        return replace(model, view=view), []
    view = _as_long_as_from_scratch(view, panel, settings, farthest)
    origins = origins_of(view, panel)
    early, late = hold_out_latest(panel, origins, horizon=view.training_length, share=HELD_OUT_SHARE)
    late = thin(late, MOST_HELD_OUT)
    checked = settings.patience is not None
    settings = replace(settings, num_members=len(network.networks), loss=view.loss)
    with Workshop(panel, view, settings, root, num_windows=len(origins), pace=FINE_TUNING) as workshop:
        seen, unseen = (early, late) if checked else (origins, None)
        members = workshop.continued(network, seen, FINE_TUNE, validation=unseen)
        first = Ensemble(network.networks[:1])
        judge = Ensemble(members if checked else workshop.continued(first, early, CALIBRATE))
        workshop.keep_what_lasts(members, judge, late)
    errors = _errors(model, judge, panel, view, len(late), farthest, root)
    return Model(view, Ensemble(members), errors), workshop.records


def _pace(settings: Settings) -> Pace:
    """Pace of pretraining: a quarter of the usual steps and rate, since other series hold for ours only in part."""
    steps = PRETRAINING_SHARE if settings.max_epochs is None else 1.0
    return Pace(steps, PRETRAINING_SHARE if settings.learning_rate is None else 1.0)


def adapted_view(view: View, panel: Panel, settings: Settings, farthest: int | None) -> View:
    """View of other data through the same network: season and lengths are free, scales are not.

    The season of pretraining stays where the time stamps allow it, since a few points do not show it.
    """
    sp = settings.sp or _period(view.sp, panel)
    amount = recipe.Amount(panel.lengths, sp, farthest)
    same, plenty = sp == view.sp, replace(amount, lengths=PLENTY)
    length = view.window_length if same else recipe.choose_window_length(plenty)
    output_length = view.output_length if same else recipe.choose_output_length(amount)
    output_length = settings.output_length or output_length
    view = replace(
        view,
        window_length=settings.window_length or length,
        output_length=output_length,
        sp=sp,
        training_length=recipe.choose_training_length(amount, output_length),
        lower_bound=settings.lower_bound,
    )
    if same or view.baseline is None:
        return view
    # Errors of other seasonal forecasts say nothing of these.
    new = baseline_of(view, panel)
    return view if new is None else replace(view, baseline=replace(new, effect=view.baseline.effect))


def _as_long_as_from_scratch(view: View, panel: Panel, settings: Settings, farthest: int | None) -> View:
    """View whose window is at least as long as without pretraining: tuned anchors gain from a long past."""
    wanted = recipe.choose_window_length(recipe.Amount(panel.lengths, view.sp, farthest))
    return replace(view, window_length=settings.window_length or max(view.window_length, wanted))


def read_chunks(chunks: Iterable[Chunk] | str | PathLike[str]) -> Iterator[Chunk]:
    """Panels of an iterable, or of the parquet files of a folder in the order of their names; at least one."""
    if isinstance(chunks, str | PathLike):
        chunks = map(pd.read_parquet, sorted(Path(chunks).glob("*.parquet")))
    empty = True
    for chunk in chunks:
        empty = False
        yield chunk
    if empty:
        raise ValueError("chunks holds no panel. Pass an iterable of panels or a folder with files named *.parquet.")


def _period(known: int, panel: Panel) -> int:
    candidates = calendar_periods(panel.axis.step)
    if candidates is None or known in candidates:
        return known
    return find_period(columns(panel), candidates)


def _errors(
    model: Model, judge: Ensemble, panel: Panel, view: View, num_held_out: int, farthest: int | None, root: int
) -> Calibration:
    if num_held_out < FEWEST_WINDOWS:
        return model.calibration
    return measure_errors(judge, panel, view, farthest, root=root)
