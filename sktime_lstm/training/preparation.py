"""Before training: the choice of sizes, and a panel made ready to be learned from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sktime_lstm.anchors.covariate_effect import linear_effect
from sktime_lstm.anchors.long_seasons import LongSeason, choose_long_seasons
from sktime_lstm.anchors.naive import with_anchors
from sktime_lstm.anchors.track_record import KnownErrors, TrackRecord, mean_errors
from sktime_lstm.data.covariates import CovariateEncoder, known_only_in_the_past
from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.data.scaling import count_scale, fit_scaler, scale_rule
from sktime_lstm.data.seasonality import calendar_periods, find_period
from sktime_lstm.data.windows import (
    Rows,
    ScaledWindows,
    WindowIndex,
    hold_out_latest,
    min_context,
    thin,
    training_origins,
)
from sktime_lstm.forecasting.fitted_model import FittedModel
from sktime_lstm.forecasting.preprocessing import HistorySummary, Preprocessing
from sktime_lstm.network.losses import COUNTS
from sktime_lstm.runtime import with_doubles
from sktime_lstm.training import defaults
from sktime_lstm.training.settings import Settings
from sktime_lstm.validation import check_window_length

HELD_OUT_SHARE = 0.25
MAX_HELD_OUT = 1_000
MAX_FOR_PRIOR = 2_000
MAX_SCORED_WINDOWS, MIN_SCORED_PER_SERIES = 50_000, 8
MAX_WINDOW_SEASON = 60
PLENTY = np.array([10_000])


@dataclass(frozen=True)
class PreparedPanel:
    """A panel ready to be learned from; its windows and the errors of the naive forecasts are made here, once.

    Attributes
    ----------
    panel : Panel
        The data.
    preprocessing : Preprocessing
        Scales and lengths.
    units : array of shape (instances, variables)
        Typical change of each series.
    windows : WindowIndex
        All windows, at no origin yet, as long as those to learn from.
    record : TrackRecord
        Errors of the naive forecasts so far, at every row.
    prior_errors : Tensor of shape (variable, anchor) or None
        Errors of the naive forecasts over all series; None if the network is not anchored.
    anchors : Tensor of shape (windows, horizon, variable, anchor) or None
        Naive forecasts of all windows to learn from; None if there are none or too many.
    """

    panel: Panel
    preprocessing: Preprocessing
    units: Array
    windows: WindowIndex
    record: TrackRecord
    prior_errors: Tensor | None = None
    anchors: Tensor | None = None

    @cached_property
    def origins(self) -> Rows:
        """Where the windows to learn from begin to look ahead."""
        return self.origins_within(self.preprocessing.training_length)

    @property
    def summary(self) -> HistorySummary:
        """What a forecast from the end needs to know of the history."""
        return self.preprocessing.summary_of(self.panel, self.units, self.record.totals())

    def origins_within(self, horizon: int) -> Rows:
        """Origins of windows with so many known steps after them."""
        return training_origins(self.panel, horizon=horizon, min_length=min_context(self.preprocessing.sp))

    def held_out(self) -> tuple[Rows, Rows]:
        """Origins to train on, and the latest quarter, which the hold-out network does not see."""
        horizon = self.preprocessing.training_length
        training, held_out = hold_out_latest(self.panel, self.origins, horizon=horizon, share=HELD_OUT_SHARE)
        return training, thin(held_out, MAX_HELD_OUT)

    def examples(self, origins: Rows, device: torch.device | None = None) -> ScaledWindows:
        """Windows at some of the origins as a network learns from them."""
        device = device or torch.device("cpu")
        anchors = None if self.anchors is None else self.anchors[np.searchsorted(self.origins, origins)].to(device)
        windows = self.windows.at(origins).to(with_doubles(device))
        return ScaledWindows(windows, self.preprocessing.scale_of, device, anchors)


def prepare(
    panel: Panel,
    preprocessing: Preprocessing,
    *,
    anchored: bool,
    prior_errors: Tensor | None = None,
    units: Array | None = None,
    to_train: bool = True,
    verbose: bool = False,
) -> PreparedPanel:
    """Make the windows of a panel and follow the errors of the naive forecasts through it.

    Without `prior_errors` and `units` they are those of this panel. Only `to_train` are the naive forecasts of all
    windows made. A bar counts the batches of a large panel if `verbose`.
    """
    units = preprocessing.units(panel) if units is None else units
    windows = preprocessing.window_index(panel, preprocessing.explained(panel, units))
    record = preprocessing.track_record(panel, windows, verbose=verbose)
    prepared = PreparedPanel(panel, preprocessing, units, windows, record)
    if not anchored:
        return prepared
    if to_train:
        prepared = replace(prepared, anchors=with_anchors(prepared.examples(prepared.origins)).anchors)
    if prior_errors is None:
        prior_errors = mean_errors(prepared.examples(thin(prepared.origins, MAX_FOR_PRIOR)))
    anchor_errors = KnownErrors(record, prior_errors)
    return replace(prepared, prior_errors=prior_errors, windows=replace(windows, anchor_errors=anchor_errors))


def prepare_for(
    model: FittedModel, panel: Panel, preprocessing: Preprocessing, *, verbose: bool = False
) -> PreparedPanel:
    """Prepare other data to train a model further."""
    anchored, prior_errors = model.prior_errors is not None, known_errors(model, preprocessing)
    return prepare(panel, preprocessing, anchored=anchored, prior_errors=prior_errors, verbose=verbose)


def known_errors(model: FittedModel, preprocessing: Preprocessing) -> Tensor | None:
    """Errors of the naive forecasts that a model knows; those of other seasonal forecasts say nothing of these."""
    return model.prior_errors if preprocessing.sp == model.preprocessing.sp else None


def mean_errors_of(panel: Panel, preprocessing: Preprocessing) -> Tensor:
    """Errors of the naive forecasts over windows of a panel, of shape (variable, anchor)."""
    windows = preprocessing.window_index(panel, preprocessing.explained(panel, preprocessing.units(panel)))
    horizon, min_length = preprocessing.training_length, min_context(preprocessing.sp)
    origins = thin(training_origins(panel, horizon=horizon, min_length=min_length), MAX_FOR_PRIOR)
    return mean_errors(ScaledWindows(windows.at(origins), preprocessing.scale_of, torch.device("cpu")))


def without_held_out_effect(prepared: PreparedPanel, origins: Rows) -> PreparedPanel:
    """Prepare the panel for the hold-out network: with the covariate effect that its own windows show."""
    preprocessing = prepared.preprocessing
    if not preprocessing.effect.any():
        return prepared
    known = _known_to(prepared, origins)
    return prepare(
        prepared.panel,
        replace(preprocessing, effect=fit_effect(preprocessing, known)),
        anchored=prepared.prior_errors is not None,
        prior_errors=prepared.prior_errors,
        units=preprocessing.units(known),
    )


def _known_to(prepared: PreparedPanel, origins: Rows) -> Panel:
    """Panel in which all is missing that comes after the windows at these origins."""
    panel = prepared.panel
    last = panel.bounds[:-1] - 1
    np.maximum.at(last, panel.series_of(origins), origins + prepared.preprocessing.training_length - 1)
    known = np.arange(len(panel.values)) <= last.repeat(panel.lengths)
    return replace(panel, values=np.where(known[:, None], panel.values, np.nan))


def choose_preprocessing(panel: Panel, settings: Settings, max_step: int | None) -> Preprocessing:
    """Make the choices that come before training; `max_step` is the largest step asked for, if known."""
    check_window_length(settings.window_length, panel.lengths)
    sp, long_seasons = choose_seasons(panel, settings)
    size = defaults.DataSize(panel.lengths, sp, max_step, observed_share(panel))
    output_length = settings.output_length or defaults.choose_output_length(size)
    training_length = defaults.choose_training_length(size, output_length)
    encoder, channels = encode_covariates(panel, settings)
    preprocessing = Preprocessing(
        scaler=fit_scaler(settings.scaler, panel.values),
        scale_of=count_scale if settings.loss == COUNTS else scale_rule(settings.scaler),
        covariate_scale=encoder.scale_of(channels),
        window_length=settings.window_length or defaults.choose_window_length(size),
        output_length=output_length,
        sp=sp,
        training_length=training_length,
        scoring_stride=_scoring_stride(panel, training_length),
        effect=np.zeros((channels.shape[1], panel.values.shape[1])),
        long_seasons=long_seasons,
        lower_bound=_lower_bound(settings),
        loss=settings.loss,
        history=defaults.choose_history(size) if settings.anchored else 0,
        encoder=encoder,
    )
    # A shifted count is no count, and the textbook network has to learn everything itself.
    if not settings.anchored or settings.loss == COUNTS:
        return preprocessing
    return replace(preprocessing, effect=fit_effect(preprocessing, panel))


def encode_covariates(panel: Panel, settings: Settings) -> tuple[CovariateEncoder, Tensor]:
    """How the covariates of a panel become channels, and these, of shape (rows, channels)."""
    past_only = known_only_in_the_past(panel.covariate_columns, settings.past_covariates)
    encoder = CovariateEncoder(panel.categories, past_only)
    return encoder, encoder.channels(panel.covariates, panel.categories, panel.covariate_columns)


def choose_seasons(panel: Panel, settings: Settings, *, known: int | None = None) -> tuple[int, tuple[LongSeason, ...]]:
    """Period of the season that windows hold, 1 for none, and the longer seasons.

    The season that is `known` from pretraining stays where the time stamps allow it, since a few points do not show it.
    """
    asked = settings.periods
    if asked is not None:
        short = next((period for period in asked if period <= MAX_WINDOW_SEASON), 1)
        longer = [period for period in asked if period > short]
        return short, choose_long_seasons(univariate_series(panel), longer, short=short, certain=True)
    candidates = calendar_periods(panel.axis.step)
    if candidates is None:
        period = known if known is not None else find_period(univariate_series(panel), None)
        candidates = [period] if period > 1 else []
        short = period if period <= MAX_WINDOW_SEASON else 1
    else:
        fitting = [period for period in candidates if period <= MAX_WINDOW_SEASON]
        short = known if known in fitting else find_period(univariate_series(panel), fitting)
    longer = [period for period in candidates if period > max(short, MAX_WINDOW_SEASON)]
    return short, choose_long_seasons(univariate_series(panel), longer, short=short)


def observed_share(panel: Panel) -> float:
    """Share of the grid points between the first and the last one of each series that were observed."""
    return float(np.isfinite(panel.values).any(axis=1).mean())


def fit_effect(preprocessing: Preprocessing, panel: Panel) -> Array:
    """Linear effect of the channels of the covariates in a panel, of shape (channels, variables)."""
    effect, linear = np.zeros_like(preprocessing.effect), preprocessing.encoder.is_linear(panel.covariates.shape[1])
    covariates = preprocessing.scaled_covariates(panel).numpy()[:, linear]
    effect[linear] = linear_effect(
        preprocessing.scaled_values(panel), covariates, panel.bounds, preprocessing.units(panel)
    )
    return effect


def adapted_preprocessing(
    preprocessing: Preprocessing, panel: Panel, settings: Settings, max_step: int | None
) -> Preprocessing:
    """Preprocessing of other data for the same network: season and lengths are free, scales are not.

    A network that learned from series of all seasons reads as many points as one that is fitted to these data.
    """
    sp, long_seasons = choose_seasons(panel, settings, known=preprocessing.sp or None)
    # What serves any series has learned from each of them alone.
    alone = preprocessing.is_universal and settings.fine_tune == "none"
    size = defaults.DataSize(panel.lengths, sp, max_step, observed_share(panel), alone)
    same, alike = sp == preprocessing.sp, size if preprocessing.is_universal else replace(size, lengths=PLENTY)
    length = preprocessing.window_length if same else defaults.choose_window_length(alike)
    output_length = preprocessing.output_length if same else defaults.choose_output_length(size)
    if preprocessing.is_universal:
        output_length = min(output_length, defaults.farthest_step_learned(sp))
    output_length = settings.output_length or output_length
    training_length = defaults.choose_training_length(size, output_length)
    # A series is then scored alike whatever other series come with it.
    as_before = same and training_length == preprocessing.training_length
    stride = preprocessing.scoring_stride if as_before else _scoring_stride_of_each(panel, training_length)
    adapted = replace(
        preprocessing,
        window_length=settings.window_length or length,
        output_length=output_length,
        sp=sp,
        history=defaults.choose_history(size) if settings.anchored else 0,
        long_seasons=long_seasons,
        training_length=training_length,
        scoring_stride=stride,
        lower_bound=_lower_bound(replace(settings, loss=preprocessing.loss)),
    )
    return with_own_effect(adapted, panel, settings) if preprocessing.is_universal else adapted


def with_own_effect(preprocessing: Preprocessing, panel: Panel, settings: Settings) -> Preprocessing:
    """Preprocessing with the channels of the covariates of this panel, their scale and their linear effect."""
    encoder, channels = encode_covariates(panel, settings)
    none = np.zeros((channels.shape[1], panel.values.shape[1]))
    preprocessing = replace(preprocessing, encoder=encoder, covariate_scale=encoder.scale_of(channels), effect=none)
    return replace(preprocessing, effect=fit_effect(preprocessing, panel))


def univariate_series(panel: Panel) -> Iterator[Array]:
    """Each variable of each series, of shape (time,)."""
    for instance in range(panel.num_instances):
        yield from panel.series(instance).T


def _scoring_stride(panel: Panel, training_length: int) -> int:
    """Every so many points the naive forecasts are scored: neighbours tell nearly the same.

    It grows with the data, but never beyond an eighth of a typical series, of which a few windows are scored then.
    """
    thinned = min(-(-len(panel.values) // MAX_SCORED_WINDOWS), int(np.median(panel.lengths)) // MIN_SCORED_PER_SERIES)
    return max(1, training_length // 4, thinned)


def _scoring_stride_of_each(panel: Panel, training_length: int) -> int:
    """The same where it must not depend on the number of series: it grows with their length alone."""
    return max(1, training_length // 4, -(-int(np.median(panel.lengths)) // MAX_SCORED_WINDOWS))


def _lower_bound(settings: Settings) -> float | None:
    if settings.loss == COUNTS and settings.lower_bound is None:
        return 0.0
    return settings.lower_bound
