"""From a panel to a fitted model: from scratch, from a pretrained model, or on from where an earlier fit ended."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from sktime_lstm.data.covariates import CovariateEncoder
from sktime_lstm.data.panel import Panel
from sktime_lstm.forecasting.fitted_model import FittedModel, PretrainedModel
from sktime_lstm.forecasting.intervals import MIN_WINDOWS, Calibration
from sktime_lstm.forecasting.preprocessing import HistorySummary
from sktime_lstm.network.network import Network
from sktime_lstm.runtime import HERE, Engine, resolve_device
from sktime_lstm.training import defaults
from sktime_lstm.training.distributed import SINGLE_PROCESS, ProcessGroup
from sktime_lstm.training.holdout import keep_share, measure_errors, select_share
from sktime_lstm.training.loop import LogEntry
from sktime_lstm.training.preparation import (
    PreparedPanel,
    adapted_preprocessing,
    choose_preprocessing,
    prepare,
    prepare_for,
    without_held_out_effect,
)
from sktime_lstm.training.settings import Settings
from sktime_lstm.training.trainer import (
    FINE_TUNE,
    FROM_SCRATCH,
    FROM_UNIVERSAL,
    HOLD_OUT,
    INITIALISE,
    UPDATE,
    UPDATING,
    ScheduleMultipliers,
    Trainer,
)
from sktime_lstm.training.untrained import fit_untrained
from sktime_lstm.validation import check_as_pretrained, warn_if_nothing_to_learn


@dataclass(frozen=True)
class FitResult:
    """What comes out of a fit.

    Attributes
    ----------
    model : FittedModel
        Everything learned.
    summary : HistorySummary
        What a forecast from the end of the panel needs to know of its history.
    log : list of LogEntry
        Course of the training.
    """

    model: FittedModel
    summary: HistorySummary
    log: list[LogEntry]


def fit(
    panel: Panel,
    settings: Settings,
    start: PretrainedModel | None,
    *,
    max_step: int | None,
    root_seed: int,
    engine: Engine = HERE,
) -> FitResult:
    """Fit a model to a panel, from a pretrained one if there is one; on an `engine` where nothing is trained."""
    # A device that is not there is an error, even where nothing is trained on it.
    resolve_device(settings.device, num_windows=0)
    mode = "scratch" if start is None else choose_fine_tuning(start, settings, panel)
    if start is None or mode == "scratch":
        return fit_from_scratch(panel, settings, max_step=max_step, root_seed=root_seed)
    start, settings = start.for_columns(panel.columns, panel.covariate_columns), replace(settings, fine_tune=mode)
    return fine_tune(start, panel, settings, max_step=max_step, root_seed=root_seed, engine=engine)


def choose_fine_tuning(start: PretrainedModel, settings: Settings, panel: Panel) -> str:
    """What to do after pretraining, where that is left open.

    What serves any series is left alone where there are few data, unless it is said how to train.
    """
    if settings.fine_tune != "auto" or not start.is_universal:
        return "full" if settings.fine_tune == "auto" else settings.fine_tune
    size = defaults.DataSize(panel.lengths, 1, None)
    trains = settings.say_how_to_train or not size.few
    # A network of these data learns more from one long series, and from covariates and other variables if the data are
    # many. Many categories have no linear effect that could be added to a forecast.
    learns_more = size.one_long_series or (has_more_to_read(panel) and trains)
    if learns_more or CovariateEncoder(panel.categories).sizes:
        return "scratch"
    return "full" if trains else "none"


def has_more_to_read(panel: Panel) -> bool:
    """Whether there are covariates or several variables, which a network that serves any series does not read."""
    return bool(panel.covariates.shape[1] > 0 or panel.values.shape[1] > 1)


def multipliers_from(start: PretrainedModel | None) -> ScheduleMultipliers:
    """How long and how fast to train from a pretrained model."""
    return FROM_UNIVERSAL if start is not None and start.is_universal else FROM_SCRATCH


def fit_from_scratch(
    panel: Panel,
    settings: Settings,
    *,
    max_step: int | None,
    root_seed: int,
    multipliers: ScheduleMultipliers = FROM_SCRATCH,
    group: ProcessGroup = SINGLE_PROCESS,
) -> FitResult:
    """Choose the sizes, train a network and learn the distribution of its errors.

    The network learns from all windows. A hold-out network, which learns only from the earlier ones, forecasts the
    latest quarter: this selects the shrinkage and gives the errors. With patience the network itself leaves the latest
    windows out, to check its weights on them, and is its own hold-out network.
    """
    preprocessing = choose_preprocessing(panel, settings, max_step)
    prepared = prepare(panel, preprocessing, anchored=settings.anchored, verbose=bool(settings.verbose))
    warn_if_nothing_to_learn(len(prepared.origins))
    with Trainer(prepared, settings, root_seed, multipliers=multipliers, group=group) as trainer:
        trained = _train(trainer, INITIALISE, start=None)
    return _result(trained, trainer, max_step)


def fine_tune(
    start: PretrainedModel,
    panel: Panel,
    settings: Settings,
    *,
    max_step: int | None,
    root_seed: int,
    engine: Engine = HERE,
    multipliers: ScheduleMultipliers | None = None,
    share: float | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> FitResult:
    """Train a copy of a pretrained network on, or only look at the new data.

    Errors are measured as in `fit_from_scratch`; where there are too few held-out windows, those of pretraining stay.
    `share` is how far to go from the old weights to the new ones; None lets the held-out windows decide.
    """
    check_as_pretrained(panel.columns, panel.covariate_columns, start.columns, start.covariate_columns)
    preprocessing = adapted_preprocessing(start.model.preprocessing, panel, settings, max_step)
    if settings.fine_tune == "none":
        return FitResult(*fit_untrained(start, panel, preprocessing, engine), [])
    # As long a context as a training from scratch has, or as the network of the package has learned from.
    size = defaults.DataSize(panel.lengths, preprocessing.sp, max_step, alone=start.is_universal)
    wanted = max(preprocessing.window_length, defaults.choose_window_length(size))
    preprocessing = replace(preprocessing, window_length=settings.window_length or wanted)
    prepared = prepare_for(start.model, panel, preprocessing, verbose=bool(settings.verbose))
    settings = replace(settings, loss=preprocessing.loss)
    multipliers = multipliers or multipliers_from(start)
    with Trainer(prepared, settings, root_seed, multipliers=multipliers, group=group) as trainer:
        trained = _train(trainer, FINE_TUNE, start=start.model.network, share=share)
    return _result(trained, trainer, max_step, otherwise=start.model.calibration)


def update(
    model: FittedModel,
    panel: Panel,
    settings: Settings,
    start: PretrainedModel | None,
    *,
    has_trained: bool,
    max_step: int | None,
    root_seed: int,
    engine: Engine = HERE,
) -> FitResult:
    """Train further on a panel that has grown; where the fit has trained nothing, only look at the panel anew."""
    if start is None or has_trained:
        return update_model(model, panel, settings, root_seed=root_seed)
    settings = replace(settings, fine_tune="none")
    return fit(panel, settings, start, max_step=max_step, root_seed=root_seed, engine=engine)


def update_model(model: FittedModel, panel: Panel, settings: Settings, *, root_seed: int) -> FitResult:
    """Continue the training of a copy of the network: a quarter of the steps at a fifth of the rate."""
    prepared = prepare_for(model, panel, model.preprocessing, verbose=bool(settings.verbose))
    settings = replace(settings, loss=model.preprocessing.loss)
    with Trainer(prepared, settings, root_seed, multipliers=UPDATING, holds_out=False) as trainer:
        network = trainer.train_network(prepared.origins, UPDATE, start=copy.deepcopy(model.network))
    return FitResult(replace(model, network=network), prepared.summary, trainer.log)


@dataclass(frozen=True)
class _Trained:
    """A network and its hold-out network, with the data that the latter was trained on and judged by."""

    network: Network
    holdout_network: Network
    prepared: PreparedPanel
    prepared_for_holdout: PreparedPanel
    num_held_out: int


def _train(trainer: Trainer, stream: int, *, start: Network | None, share: float | None = None) -> _Trained:
    """Train a network and its hold-out network, and keep of both the share that the latter shows."""
    prepared, patience = trainer.prepared, trainer.settings.patience
    training, held_out = prepared.held_out()
    if patience is not None:
        network = trainer.train_network(training, stream, start=copy.deepcopy(start), validation=held_out)
        networks, for_holdout = (network, network), prepared
    else:
        for_holdout = without_held_out_effect(prepared, training)
        network = trainer.train_network(prepared.origins, stream, start=copy.deepcopy(start))
        holdout_network = trainer.train_network(training, HOLD_OUT, start=copy.deepcopy(start), prepared=for_holdout)
        networks = network, holdout_network
    if prepared.prior_errors is not None and len(held_out):
        if share is None:
            share = select_share(networks[1], for_holdout.examples(held_out), start)
        networks = keep_share(networks[0], share, start), keep_share(networks[1], share, start)
    return _Trained(*networks, prepared, for_holdout, len(held_out))


def _result(
    trained: _Trained, trainer: Trainer, max_step: int | None, *, otherwise: Calibration | None = None
) -> FitResult:
    """Measure the errors of the hold-out network and put everything together."""
    prepared = trained.prepared
    if otherwise is None or trained.num_held_out >= MIN_WINDOWS:
        otherwise = measure_errors(
            trained.holdout_network, trained.prepared_for_holdout, max_step, root_seed=trainer.root_seed
        )
    model = FittedModel(prepared.preprocessing, prepared.prior_errors, trained.network, otherwise)
    return FitResult(model, prepared.summary, trainer.log)
