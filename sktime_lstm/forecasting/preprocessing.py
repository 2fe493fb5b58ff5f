"""Everything between the data and the network: scales, window lengths, and what is taken out before and added after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from sktime_lstm.anchors.covariate_effect import typical_change
from sktime_lstm.anchors.long_seasons import LongSeason, seasonal_components
from sktime_lstm.anchors.track_record import ErrorSums, TrackRecord, score_anchors
from sktime_lstm.data.covariates import CovariateEncoder
from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.data.scaling import Scale, ScaleOf, Scaler, scaled_zero
from sktime_lstm.data.time_axis import Positions
from sktime_lstm.data.windows import WindowIndex, min_context, scored_origins
from sktime_lstm.forecasting.rollout import RolloutRules
from sktime_lstm.network.losses import LOSSES, PredictiveOf

ENOUGH_FOR_A_UNIT = 30


@dataclass(frozen=True)
class Preprocessing:
    """Everything between raw data and network except the network.

    Attributes
    ----------
    scaler : Scaler
        Global scaler; it changes nothing where each window has its own scale.
    scale_of : callable
        Scale of each window.
    covariate_scale : Scale
        Mean and standard deviation of each channel of the covariates.
    window_length, output_length, sp : int
        Points of context, steps forecast in one go, and period of the season that windows hold; a pretrained model of
        series of all seasons has the period 0.
    training_length : int
        Steps of the windows to learn from, at most `output_length`. What is learned there serves the steps beyond.
    scoring_stride : int
        Points from one window on which the naive forecasts are scored to the next.
    effect : array of shape (channels, variables)
        Linear effect of each standardised channel of the covariates, in units of the typical change of a series. It is
        taken out of the data before the network sees them, and added to its forecast.
    long_seasons : tuple of LongSeason
        Seasons that are longer than a window holds; taken out and added likewise.
    lower_bound : float or None
        No value is smaller, in the units of the data.
    loss : str
        Name of the loss.
    history : int
        Points before the origin that the naive forecasts see, if more than `window_length`.
    encoder : CovariateEncoder
        How the covariates become channels.
    """

    scaler: Scaler
    scale_of: ScaleOf
    covariate_scale: Scale
    window_length: int
    output_length: int
    sp: int
    training_length: int
    scoring_stride: int
    effect: Array
    long_seasons: tuple[LongSeason, ...] = ()
    lower_bound: float | None = None
    loss: str = "mae"
    history: int = 0
    encoder: CovariateEncoder = field(default_factory=CovariateEncoder)

    @property
    def is_universal(self) -> bool:
        """Whether it is that of a model for series of any season and columns."""
        return self.sp == 0

    @property
    def predictive_of(self) -> PredictiveOf | None:
        """Map from distribution parameters to the predicted spread, if the loss learns one."""
        return LOSSES[self.loss].predictive_of

    @property
    def rollout_rules(self) -> RolloutRules:
        """What a rollout follows, as keywords."""
        return {
            "output_length": self.output_length,
            "scale_of": self.scale_of,
            "predictive_of": self.predictive_of,
        }

    def scaled_values(self, panel: Panel) -> Array:
        """Observations in the global scale, of shape (rows, variables)."""
        return np.require(np.asarray(self.scaler.transform(panel.values)), dtype=np.float64)

    def scaled_covariates(self, panel: Panel) -> Tensor:
        """Standardised channels of the covariates, 0 where missing, of shape (rows, channels)."""
        channels = self.encoder.channels(panel.covariates, panel.categories, panel.covariate_columns)
        return self.covariate_scale.apply(channels[None])[0].nan_to_num_()

    def units(self, panel: Panel) -> Array:
        """Typical change of each series, of shape (instances, variables)."""
        return typical_change(self.scaled_values(panel), panel.bounds)

    def covariate_effect(self, panel: Panel, units: Array) -> Array | float:
        """Linear effect of the covariates at each row, of shape (rows, variables); 0 without any."""
        if not self.effect.any():
            return 0.0
        return np.asarray(self.scaled_covariates(panel).numpy() @ self.effect * units.repeat(panel.lengths, axis=0))

    def explained(self, panel: Panel, units: Array) -> Array | float:
        """Covariate effect and long seasons at each row, of shape (rows, variables), as the rows before show them."""
        effect = self.covariate_effect(panel, units)
        if not self.long_seasons:
            return effect
        return np.asarray(effect + sum(self._seasonal_components(panel, effect)))

    def explained_at_the_end(self, panel: Panel, summary: HistorySummary) -> Array | float:
        """Same for the tails of series and the rows after them, as the history up to the end shows it."""
        effect = self.covariate_effect(panel, summary.units)
        if not self.long_seasons:
            return effect
        instance = np.repeat(np.arange(panel.num_instances), panel.lengths)
        ahead = np.arange(len(panel.values)) - panel.bounds[instance] + (panel.first - summary.last - 1)[instance]
        seasons = [
            table[instance, :, np.where(ahead < 0, 0, season.period) + ahead % season.period]
            for season, table in zip(self.long_seasons, summary.season_tables, strict=True)
        ]
        return np.asarray(effect + sum(seasons))

    def _seasonal_components(self, panel: Panel, effect: Array | float) -> list[Array]:
        values = self.scaled_values(panel) - effect
        return seasonal_components(values, panel.bounds, self.long_seasons, short=self.sp)

    def _season_tables(self, panel: Panel, units: Array) -> tuple[Array, ...]:
        """Each long season from one period before the end to one after it: (instances, variables, 2 periods)."""
        if not self.long_seasons:
            return ()
        longest = max(season.period for season in self.long_seasons)
        known = panel.last + 1 - panel.first
        whole = panel.extended(panel.last + longest)
        effect = self.covariate_effect(whole, units)
        tables = []
        for season, component in zip(self.long_seasons, self._seasonal_components(whole, effect), strict=True):
            rows = (whole.bounds[:-1] + known)[:, None] + np.arange(-season.period, season.period)
            rows = np.maximum(rows, whole.bounds[:-1, None])
            tables.append(np.moveaxis(component[rows], 1, 2))
        return tuple(tables)

    @property
    def periods(self) -> tuple[int, ...]:
        """Seasonal periods, the shortest first; (1,) for none."""
        short = (self.sp,) if self.sp > 1 else ()
        return (*short, *(season.period for season in self.long_seasons)) or (1,)

    @property
    def context_length(self) -> int:
        """Points before the origin of a window, those for the naive forecasts alone among them."""
        return max(self.window_length, self.history)

    def window_index(self, panel: Panel, explained: Array | float) -> WindowIndex:
        """Index of the windows of a panel, at no origin yet, without what the covariates explain."""
        past_only = self.encoder.is_past_only(panel.covariates.shape[1])
        return WindowIndex(
            values=torch.from_numpy(self.scaled_values(panel) - explained),
            covariates=self.scaled_covariates(panel).float(),
            bounds=torch.from_numpy(panel.bounds),
            origins=torch.zeros(0, dtype=torch.int64),
            window_length=self.window_length,
            horizon=self.training_length,
            sp=self.sp,
            history=self.history,
            zero=self._zero(panel.values.shape[1]),
            past_only=None if past_only is None else torch.from_numpy(past_only),
        )

    def _zero(self, num_variables: int) -> Tensor | None:
        """Value of each variable that is 0 in the data; what is left of data without an explained part has none."""
        if self.long_seasons:
            return None
        zero = np.where(self.effect.any(axis=0), np.nan, scaled_zero(self.scaler, num_variables))
        return None if np.isnan(zero).all() else torch.from_numpy(zero)

    def track_record(
        self, panel: Panel, windows: WindowIndex, *, since: Positions | None = None, verbose: bool = False
    ) -> TrackRecord:
        """Errors of the naive forecasts in a panel with these windows, or in what has come after `since` points."""
        origins = scored_origins(
            panel,
            horizon=self.training_length,
            min_length=min_context(self.sp),
            stride=self.scoring_stride,
            since=since,
        )
        past = replace(windows.at(origins, horizon=self.training_length), anchor_errors=None)
        return score_anchors(past, self.scale_of, weight=self.scoring_stride, verbose=verbose)

    def summary(self, panel: Panel) -> HistorySummary:
        """What a forecast from the end of a panel needs to know of its history."""
        units = self.units(panel)
        windows = self.window_index(panel, self.explained(panel, units))
        return self.summary_of(panel, units, self.track_record(panel, windows).totals())

    def summary_of(self, panel: Panel, units: Array, error_sums: ErrorSums) -> HistorySummary:
        """Summary of a panel whose units and errors of the naive forecasts are known."""
        return HistorySummary(panel.last, units, error_sums, self._season_tables(panel, units))

    def updated_summary(self, summary: HistorySummary, old: Panel, new: Panel) -> HistorySummary:
        """Summary of a panel that goes on where another ended; only what has changed is looked at.

        A series that had few points is summarised anew, since its unit was hardly known.
        """
        known = np.where(num_observed(old) >= ENOUGH_FOR_A_UNIT, np.arange(old.num_instances), -1)
        known = np.append(known, -1)[old.agrees_with(new)]
        units = np.where((known >= 0)[:, None], summary.units[known], self.units(new))
        since = np.where(known >= 0, old.lengths[known], 0)
        windows = self.window_index(new, self.explained(new, units))
        newer = self.track_record(new, windows, since=since).totals()
        return self.summary_of(new, units, summary.error_sums.plus(newer, torch.from_numpy(known)))

    def unscaled(self, values: Array) -> Array:
        """Undo the global scale of values of shape (rows, variables) or (rows, variables, levels), within the bound."""
        if values.ndim == 3:
            flat = self.unscaled(np.moveaxis(values, 2, 1).reshape(-1, values.shape[1]))
            return np.moveaxis(flat.reshape(len(values), -1, values.shape[1]), 1, 2)
        unscaled = np.asarray(self.scaler.inverse_transform(values))
        return unscaled if self.lower_bound is None else np.maximum(unscaled, self.lower_bound)

    def lowest(self, variables: int) -> Array:
        """Lower bound of each variable in the global scale."""
        if self.lower_bound is None:
            return np.full(variables, -np.inf)
        lowest = self.scaler.transform(np.full((1, variables), self.lower_bound))
        return np.array(lowest, dtype=np.float64).ravel()


def num_observed(panel: Panel) -> Positions:
    """Fewest observations of a variable in each series, of shape (instances,)."""
    return np.asarray(np.add.reduceat(np.isfinite(panel.values), panel.bounds[:-1], axis=0, dtype=np.int64).min(axis=1))


@dataclass(frozen=True)
class HistorySummary:
    """What a forecast from the end of each series needs to know of its history, however long it is.

    Attributes
    ----------
    last : array of shape (instances,)
        Grid position of the last point of each series.
    units : array of shape (instances, variables)
        Typical change of each series, as it was when the series was first met with enough points.
    error_sums : ErrorSums
        Errors of the naive forecasts.
    season_tables : tuple of array of shape (instances, variables, 2 periods)
        Each long season from one period before the end to one period after it.
    """

    last: Positions
    units: Array
    error_sums: ErrorSums
    season_tables: tuple[Array, ...] = ()

    def only(self, chosen: Positions) -> HistorySummary:
        """Summary of the series of these numbers alone; a number may come several times."""
        tables = tuple(table[chosen] for table in self.season_tables)
        sums = self.error_sums.only(torch.from_numpy(chosen))
        return HistorySummary(self.last[chosen], self.units[chosen], sums, tables)

    @staticmethod
    def joined(parts: Sequence[HistorySummary]) -> HistorySummary:
        """Summaries of some series after those of others."""
        sums = [part.error_sums for part in parts]
        return HistorySummary(
            np.concatenate([part.last for part in parts]),
            np.concatenate([part.units for part in parts]),
            ErrorSums(torch.cat([each.total for each in sums]), torch.cat([each.count for each in sums])),
            tuple(map(np.concatenate, zip(*(part.season_tables for part in parts), strict=True))),
        )
