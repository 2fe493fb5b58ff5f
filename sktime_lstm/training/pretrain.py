"""Learn from other series first: start, continue chunk by chunk, and go on with the series to forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sktime_lstm.data.panel import Panel
from sktime_lstm.data.seasonality import calendar_periods, find_period
from sktime_lstm.data.windows import hold_out_latest, thin
from sktime_lstm.forecasting.fitted_model import FittedModel, PretrainedModel
from sktime_lstm.forecasting.intervals import MIN_WINDOWS, Calibration
from sktime_lstm.forecasting.preprocessing import Preprocessing
from sktime_lstm.network.network import Ensemble
from sktime_lstm.training import defaults
from sktime_lstm.training.distributed import ProcessGroup, current_group
from sktime_lstm.training.fit import (
    CALIBRATE,
    CONTINUE,
    FINE_TUNE,
    HELD_OUT_SHARE,
    MAX_HELD_OUT,
    ScheduleMultipliers,
    Settings,
    Trainer,
    fit_from_scratch,
    initial_mixture_of,
    measure_errors,
    origins_of,
    univariate_series,
)
from sktime_lstm.training.loop import LogEntry
from sktime_lstm.validation import check_as_pretrained

PRETRAINING_SHARE = 0.25
UNJUDGED_SHARE = 0.25
FINE_TUNING = ScheduleMultipliers(1.0, 1.0)
PLENTY = np.array([10_000])


def learn(
    panel: Panel, settings: Settings, start: PretrainedModel | None, *, max_step: int | None, root_seed: int
) -> tuple[FittedModel, list[LogEntry]]:
    """Model of a panel, from a pretrained one if there is one."""
    if start is None:
        return fit_from_scratch(panel, settings, max_step=max_step, root_seed=root_seed)
    return fine_tune(start, panel, settings, max_step=max_step, root_seed=root_seed)


def pretrain(
    panel: Panel, settings: Settings, start: PretrainedModel | None, *, max_step: int | None, root_seed: int
) -> PretrainedModel:
    """Learn from a panel as if it were to be forecast, or from a further one; together where processes share a job."""
    group = current_group()
    root_seed = group.broadcast(root_seed)
    if start is None:
        model, _ = fit_from_scratch(
            panel, settings, max_step=max_step, root_seed=root_seed, multipliers=_multipliers(settings), group=group
        )
        return as_pretrained(model, panel)
    return continue_pretraining(start, panel, settings, max_step=max_step, root_seed=root_seed, group=group)


def as_pretrained(model: FittedModel, panel: Panel) -> PretrainedModel:
    """Model of a panel as the start for other series."""
    return PretrainedModel(model, panel.columns, panel.covariate_columns, len(origins_of(model.preprocessing, panel)))


def continue_pretraining(
    start: PretrainedModel,
    panel: Panel,
    settings: Settings,
    *,
    max_step: int | None,
    root_seed: int,
    group: ProcessGroup,
) -> PretrainedModel:
    """Learn from a further panel; each window that was ever seen should count alike.

    So the learning rate falls with the share of the new windows among all (Robbins and Monro, 1951, "A stochastic
    approximation method"). It starts at a quarter of that of a new training, since no held-out windows judge what is
    learned now. The errors are those that the network made on the new panel before it learned from it.
    """
    check_as_pretrained(panel.columns, panel.covariate_columns, start.columns, start.covariate_columns)
    preprocessing = adapted_preprocessing(start.model.preprocessing, panel, settings, max_step)
    origins, network = origins_of(preprocessing, panel), start.model.network
    total = start.num_windows + len(origins)
    multipliers = _multipliers(settings)
    multipliers = multipliers._replace(rate=multipliers.rate * UNJUDGED_SHARE * len(origins) / max(total, 1))
    errors = _errors(start.model, network, panel, preprocessing, len(origins), max_step, root_seed)
    settings = replace(
        settings, num_members=len(network.networks), loss=preprocessing.loss, fine_tune="full", patience=None
    )
    with Trainer(
        panel,
        preprocessing,
        settings,
        root_seed,
        num_windows=len(origins),
        multipliers=multipliers,
        judged=False,
        group=group,
    ) as trainer:
        members = trainer.continued(network, origins, CONTINUE)
    return replace(start, model=FittedModel(start.model.preprocessing, Ensemble(members), errors), num_windows=total)


def fine_tune(
    start: PretrainedModel, panel: Panel, settings: Settings, *, max_step: int | None, root_seed: int
) -> tuple[FittedModel, list[LogEntry]]:
    """Make the pretrained model that of a panel: train copies of its networks on, or only look at the new data.

    Errors are measured as in `fit_from_scratch`, on windows that a further copy has not seen; where there are too
    few of them, the errors of pretraining stay.
    """
    check_as_pretrained(panel.columns, panel.covariate_columns, start.columns, start.covariate_columns)
    model, network = start.model, start.model.network
    preprocessing = adapted_preprocessing(model.preprocessing, panel, settings, max_step)
    if settings.fine_tune == "none":
        return replace(model, preprocessing=preprocessing), []
    preprocessing = _as_long_as_from_scratch(preprocessing, panel, settings, max_step)
    origins = origins_of(preprocessing, panel)
    early, late = hold_out_latest(panel, origins, horizon=preprocessing.training_length, share=HELD_OUT_SHARE)
    late = thin(late, MAX_HELD_OUT)
    checked = settings.patience is not None
    settings = replace(settings, num_members=len(network.networks), loss=preprocessing.loss)
    with Trainer(
        panel, preprocessing, settings, root_seed, num_windows=len(origins), multipliers=FINE_TUNING
    ) as trainer:
        seen, unseen = (early, late) if checked else (origins, None)
        members = trainer.continued(network, seen, FINE_TUNE, validation=unseen)
        first = Ensemble(network.networks[:1])
        holdout_network = Ensemble(members if checked else trainer.continued(first, early, CALIBRATE))
        trainer.shrink_to_holdout(members, holdout_network, late)
    errors = _errors(model, holdout_network, panel, preprocessing, len(late), max_step, root_seed)
    return FittedModel(preprocessing, Ensemble(members), errors), trainer.records


def _multipliers(settings: Settings) -> ScheduleMultipliers:
    """Pace of pretraining: a quarter of the usual steps and rate, since other series hold for ours only in part."""
    steps = PRETRAINING_SHARE if settings.max_epochs is None else 1.0
    return ScheduleMultipliers(steps, PRETRAINING_SHARE if settings.learning_rate is None else 1.0)


def adapted_preprocessing(
    preprocessing: Preprocessing, panel: Panel, settings: Settings, max_step: int | None
) -> Preprocessing:
    """View of other data through the same network: season and lengths are free, scales are not.

    The season of pretraining stays where the time stamps allow it, since a few points do not show it.
    """
    sp = settings.sp or _period(preprocessing.sp, panel)
    data_size = defaults.DataSize(panel.lengths, sp, max_step)
    same, plenty = sp == preprocessing.sp, replace(data_size, lengths=PLENTY)
    length = preprocessing.window_length if same else defaults.choose_window_length(plenty)
    output_length = preprocessing.output_length if same else defaults.choose_output_length(data_size)
    output_length = settings.output_length or output_length
    preprocessing = replace(
        preprocessing,
        window_length=settings.window_length or length,
        output_length=output_length,
        sp=sp,
        training_length=defaults.choose_training_length(data_size, output_length),
        lower_bound=settings.lower_bound,
    )
    if same or preprocessing.initial_mixture is None:
        return preprocessing
    # Errors of other seasonal forecasts say nothing of these.
    new = initial_mixture_of(preprocessing, panel)
    return (
        preprocessing
        if new is None
        else replace(preprocessing, initial_mixture=replace(new, effect=preprocessing.initial_mixture.effect))
    )


def _as_long_as_from_scratch(
    preprocessing: Preprocessing, panel: Panel, settings: Settings, max_step: int | None
) -> Preprocessing:
    """View whose window is at least as long as without pretraining: tuned anchors gain from a long past."""
    wanted = defaults.choose_window_length(defaults.DataSize(panel.lengths, preprocessing.sp, max_step))
    return replace(preprocessing, window_length=settings.window_length or max(preprocessing.window_length, wanted))


def _period(known: int, panel: Panel) -> int:
    candidates = calendar_periods(panel.axis.step)
    if candidates is None or known in candidates:
        return known
    return find_period(univariate_series(panel), candidates)


def _errors(
    model: FittedModel,
    holdout_network: Ensemble,
    panel: Panel,
    preprocessing: Preprocessing,
    num_held_out: int,
    max_step: int | None,
    root_seed: int,
) -> Calibration:
    if num_held_out < MIN_WINDOWS:
        return model.calibration
    return measure_errors(holdout_network, panel, preprocessing, max_step, root_seed=root_seed)
