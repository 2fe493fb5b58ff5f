"""A fitted model, and the forecasts it makes of any panel of the same columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sktime_lstm.data.panel import Array, Labels, Panel
from sktime_lstm.data.windows import Rows, WindowIndex, split_into_batches
from sktime_lstm.forecasting.intervals import Calibration
from sktime_lstm.forecasting.preprocessing import HistorySummary, Preprocessing
from sktime_lstm.forecasting.rollout import add_errors, forecast_windows, sample_paths
from sktime_lstm.network.network import Network


@dataclass(frozen=True)
class KnownPast:
    """A panel to forecast from, ready for the network.

    Attributes
    ----------
    panel : Panel
        What is known of each series, with missing rows for what is to be forecast.
    units : array of shape (instances, variables)
        Typical change of each series.
    explained : array of shape (rows, variables) or 0.0
        What the covariates explain of each row; it was taken out of the windows.
    windows : WindowIndex
        Windows of the panel, at no origin yet.
    """

    panel: Panel
    units: Array
    explained: Array | float
    windows: WindowIndex

    def instance(self, origins: Rows) -> Rows:
        """Series of the window at each origin."""
        return np.searchsorted(self.panel.bounds, origins, side="right") - 1

    def last_observations(self, origins: Rows) -> LastObservations:
        """Last observation of each variable before each origin."""
        values, start = self.windows.values.numpy(), self.panel.bounds[self.instance(origins)]
        rows = np.where(np.isfinite(values), np.arange(len(values))[:, None], -1)
        latest = np.maximum.accumulate(np.concatenate([np.full_like(rows[:1], -1), rows]))[origins]
        exists = latest >= start[:, None]
        found = np.take_along_axis(values, np.maximum(latest, 0), axis=0)
        return LastObservations(
            np.where(exists, found, np.nan), np.where(exists, origins[:, None] - latest, 0), self.windows.window_length
        )

    def explained_at(self, rows: Rows) -> Array | float:
        """What the covariates explain of these rows."""
        return self.explained if isinstance(self.explained, float) else self.explained[rows]


@dataclass(frozen=True)
class LastObservations:
    """Last observation of each variable before each origin; both arrays have the shape (origins, variables).

    Attributes
    ----------
    value : array
        NaN where nothing was observed.
    age : array of int
        How many points before the origin it lies, 0 where nothing was observed.
    window_length : int
        Points of context: what is older lies outside.
    """

    value: Array
    age: Rows
    window_length: int

    @property
    def before_context(self) -> Tensor | None:
        """The values that lie before their context, which is therefore empty; NaN elsewhere. None if there are none."""
        empty = self.age > self.window_length
        return torch.from_numpy(np.where(empty, self.value, np.nan)) if empty.any() else None

    @property
    def steps_more(self) -> Rows:
        """Steps by which a forecast from an empty context reaches farther than it says."""
        return np.where(self.age > self.window_length, self.age - 1, 0)


@dataclass(frozen=True)
class FittedModel:
    """Everything learned; it holds no data and can forecast any panel of the same columns.

    Attributes
    ----------
    preprocessing : Preprocessing
        Scales and lengths.
    prior_errors : Tensor of shape (variable, anchor) or None
        Errors of the naive forecasts over all series of the fit; None if the network is not anchored.
    network : Network
        The trained network.
    calibration : Calibration
        Distribution of the forecast error.
    """

    preprocessing: Preprocessing
    prior_errors: Tensor | None
    network: Network
    calibration: Calibration

    def past_of(self, panel: Panel, summary: HistorySummary, *, complete: bool) -> KnownPast:
        """Make a panel ready to be forecast from.

        Parameters
        ----------
        panel : Panel
            Series, or their tails.
        summary : HistorySummary
            Of the history up to the end of each series.
        complete : bool
            Whether forecasts start anywhere in the panel, so that the errors of the naive forecasts are followed
            through it; else all start after its end.
        """
        explained = self.preprocessing.explained(panel, summary.units)
        windows = self.preprocessing.window_index(panel, explained)
        if self.prior_errors is not None:
            at_the_end = summary.error_sums.at_the_end(windows.bounds)
            record = self.preprocessing.track_record(panel, windows) if complete else at_the_end
            windows = replace(windows, anchor_errors=partial(record.errors_at, prior=self.prior_errors))
        return KnownPast(panel, summary.units, explained, windows)

    def forecast(self, past: KnownPast, origins: Rows, steps: Rows, alphas: list[float] | None = None) -> Array:
        """Forecast rows: row r lies ``steps[r]`` >= 1 points after the last one before ``origins[r]``.

        Returns
        -------
        array of shape (rows, variables), or (rows, variables, alphas) with the quantiles at these levels
            NaN where nothing of a variable was observed before the origin.
        """
        distinct, which = np.unique(origins, return_inverse=True)
        last = past.last_observations(distinct)
        windows = replace(past.windows.at(distinct, horizon=int(steps.max())), last_known=last.before_context)
        rows = self._paths(windows)[torch.from_numpy(which), torch.from_numpy(steps - 1)]
        values = (rows if self.preprocessing.predictive_of is None else rows[..., 0]).numpy()
        if alphas is not None:
            scales = self._error_scales(past, distinct, self._scales(windows))[which]
            errors = self.calibration.errors(steps[:, None] + last.steps_more[which], alphas) * scales[:, :, None]
            # Here the levels stand where the steps do elsewhere.
            values = add_errors(rows[:, None], torch.from_numpy(errors).movedim(2, 1)).movedim(1, 2).numpy()
        return self._in_units_of_the_data(values, past, origins + steps - 1, np.isnan(last.value)[which])

    def sample(
        self, past: KnownPast, origins: Rows, steps: Rows, *, num_samples: int, generator: torch.Generator
    ) -> Array:
        """Draw possible values of the rows of `forecast`, those of one origin as one path.

        Returns
        -------
        array of shape (rows, variables, num_samples)
        """
        distinct, which = np.unique(origins, return_inverse=True)
        last = past.last_observations(distinct)
        windows = replace(past.windows.at(distinct, horizon=int(steps.max())), last_known=last.before_context)
        wider = self.calibration.widening(last.steps_more)

        def draw(scale: Tensor, numbers: Tensor) -> Tensor:
            chosen = numbers.numpy()
            scales = self._error_scales(past, distinct[chosen], scale.numpy())[:, None]
            return torch.from_numpy(scales * wider[chosen] * self.calibration.draw(len(chosen), generator))

        paths = sample_paths(
            self.network,
            windows,
            num_samples=num_samples,
            block=self.calibration.steps,
            output_length=self.preprocessing.output_length,
            scale_of=self.preprocessing.scale_of,
            draw=draw,
            lowest=self._lowest(past, windows),
            predictive_of=self.preprocessing.predictive_of,
        ).numpy()
        values = np.moveaxis(paths[which, :, steps - 1], 1, 2)
        return self._in_units_of_the_data(values, past, origins + steps - 1, np.isnan(last.value)[which])

    def _paths(self, windows: WindowIndex) -> Tensor:
        preprocessing = self.preprocessing
        return forecast_windows(
            self.network,
            windows,
            output_length=preprocessing.output_length,
            scale_of=preprocessing.scale_of,
            predictive_of=preprocessing.predictive_of,
        )

    def _scales(self, windows: WindowIndex) -> Array:
        """Scale of the context of each window, of shape (windows, variables)."""
        batches = split_into_batches(len(windows), windows.points_per_window)
        return torch.cat(
            [self.preprocessing.scale_of(windows.batch(chosen).context).scale[:, 0] for chosen in batches]
        ).numpy()

    def _error_scales(self, past: KnownPast, origins: Rows, scale: Array) -> Array:
        """Unit of the errors of windows at these origins, of shape (windows, variables)."""
        instance = past.instance(origins)
        return self.calibration.error_scales.of(scale, past.panel.keys, instance, otherwise=past.units[instance])

    def _lowest(self, past: KnownPast, windows: WindowIndex) -> Tensor:
        """Lower bound of each step in the data that the network sees, of shape (windows, horizon, variables)."""
        rows = windows.origins.numpy()[:, None] + np.arange(windows.horizon)
        explained = past.explained_at(np.minimum(rows, len(past.panel.values) - 1))
        lowest = self.preprocessing.lowest(len(past.panel.columns)) - explained
        return torch.from_numpy(np.broadcast_to(lowest, (*rows.shape, lowest.shape[-1])).copy())

    def _in_units_of_the_data(
        self, values: Array, past: KnownPast, rows: Rows, unknown: npt.NDArray[np.bool_]
    ) -> Array:
        """Add what the covariates explain of the rows and undo the global scale; NaN where nothing was known."""
        explained = np.broadcast_to(past.explained_at(rows), values.shape[:2])
        levels = (slice(None), slice(None), None)[: values.ndim]
        unscaled = self.preprocessing.unscaled(values + explained[levels])
        return np.where(unknown[levels], np.nan, unscaled)


@dataclass(frozen=True)
class PretrainedModel:
    """A model learned from other series than those to forecast, and the columns that it knows.

    Attributes
    ----------
    model : FittedModel
        What was learned.
    columns, covariate_columns : Labels
        Labels of the variables and of the covariates.
    num_windows : int
        Windows seen so far, all chunks together.
    """

    model: FittedModel
    columns: Labels
    covariate_columns: Labels
    num_windows: int

    @property
    def design(self) -> dict[str, Any]:
        """Parameters of the forecaster that cannot change after pretraining."""
        return {**asdict(self.model.network.size), "loss": self.model.preprocessing.loss}
