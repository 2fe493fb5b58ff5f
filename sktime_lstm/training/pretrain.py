"""Learn from other series than those to forecast: start, and continue chunk by chunk."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

from sktime_lstm.data.panel import Panel
from sktime_lstm.data.windows import min_context, training_origins
from sktime_lstm.forecasting.fitted_model import FittedModel, PretrainedModel
from sktime_lstm.forecasting.intervals import MIN_WINDOWS
from sktime_lstm.training.distributed import ProcessGroup, current_group
from sktime_lstm.training.fit import fine_tune, fit_from_scratch, has_more_to_read
from sktime_lstm.training.holdout import measure_errors
from sktime_lstm.training.preparation import adapted_preprocessing, prepare_for
from sktime_lstm.training.settings import Settings
from sktime_lstm.training.trainer import CONTINUE, ScheduleMultipliers, Trainer
from sktime_lstm.validation import check_as_pretrained

PRETRAINING_MULTIPLIER = 0.25
CONTINUING_MULTIPLIER = 0.25
SHARE = 0.5
"""Of the way from the old weights to the new ones; held-out windows of the same series overrate it for others."""


def pretrain(
    panel: Panel, settings: Settings, start: PretrainedModel | None, *, max_step: int | None, root_seed: int
) -> PretrainedModel:
    """Learn from a panel, from scratch or on from a start; together where processes share a job."""
    group = current_group()
    root_seed = group.broadcast(root_seed)
    if start is not None and not start.is_universal:
        return continue_pretraining(start, panel, settings, max_step=max_step, root_seed=root_seed, group=group)
    if start is None or has_more_to_read(panel):
        learn = partial(fit_from_scratch, panel, settings)
    else:
        learn = partial(fine_tune, start, panel, replace(settings, fine_tune="full"), share=SHARE)
    result = learn(max_step=max_step, root_seed=root_seed, multipliers=_multipliers(settings), group=group)
    return as_pretrained(result.model, panel)


def as_pretrained(model: FittedModel, panel: Panel) -> PretrainedModel:
    """Model of a panel as the start for other series."""
    preprocessing = model.preprocessing
    origins = training_origins(panel, horizon=preprocessing.training_length, min_length=min_context(preprocessing.sp))
    return PretrainedModel(model, panel.columns, panel.covariate_columns, len(origins))


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
    approximation method"). It starts at a quarter of that of a new training, since no held-out windows check what is
    learned now. The errors are those that the network made on the new panel before it learned from it.
    """
    check_as_pretrained(panel.columns, panel.covariate_columns, start.columns, start.covariate_columns)
    model = start.model
    preprocessing = adapted_preprocessing(model.preprocessing, panel, settings, max_step)
    prepared = prepare_for(model, panel, preprocessing, verbose=bool(settings.verbose))
    num_new = len(prepared.origins)
    total = start.num_windows + num_new
    calibration = model.calibration
    if num_new >= MIN_WINDOWS:
        calibration = measure_errors(model.network, prepared, max_step, root_seed=root_seed)
    multipliers = _multipliers(settings)
    rate = multipliers.learning_rate * CONTINUING_MULTIPLIER * num_new / max(total, 1)
    with Trainer(
        prepared,
        replace(settings, loss=model.preprocessing.loss, patience=None),
        root_seed,
        multipliers=multipliers._replace(learning_rate=rate),
        holds_out=False,
        group=group,
    ) as trainer:
        network = trainer.train_network(prepared.origins, CONTINUE, start=copy.deepcopy(model.network))
    return replace(start, model=replace(model, network=network, calibration=calibration), num_windows=total)


def _multipliers(settings: Settings) -> ScheduleMultipliers:
    """A quarter of the default steps and rate, since what other series teach holds for ours only in part."""
    return ScheduleMultipliers(
        PRETRAINING_MULTIPLIER if settings.max_epochs is None else 1.0,
        PRETRAINING_MULTIPLIER if settings.learning_rate is None else 1.0,
    )
