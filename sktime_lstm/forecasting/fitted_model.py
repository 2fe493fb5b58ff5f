"""A fitted model, and the forecasts it makes of any panel of the same columns."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sktime_lstm.anchors.track_record import KnownErrors
from sktime_lstm.data.covariates import columns_where
from sktime_lstm.data.panel import Array, Labels, Panel
from sktime_lstm.data.windows import Rows, WindowIndex, split_into_batches
from sktime_lstm.forecasting.intervals import Calibration, ErrorUnits
from sktime_lstm.forecasting.last_points import context_shift, points_in_doubt
from sktime_lstm.forecasting.preprocessing import HistorySummary, Preprocessing
from sktime_lstm.forecasting.rollout import Innovations, add_errors, forecast_windows, sample_paths
from sktime_lstm.network.network import Network

MEDIAN = 0.5
MAX_PATHS, MIN_RANKED_PATHS = 8_192, 100
"""So many are drawn at once; fewer do not tell their ranks: of a single one nobody knows whether it is a high one."""

FOLLOWED_PER_VARIABLE, PATHS_PER_FOLLOWED = 8, 8
"""The network reads on at least so many paths of a window for each variable and one more, or one path of so many."""

RandomNumbers = Callable[[int, tuple[int, ...]], Array]
"""From the number of a draw and a shape to numbers in [0, 1) of that shape for each origin."""


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
        Covariate effect and long seasons at each row; they were taken out of the windows.
    windows : WindowIndex
        Windows of the panel, at no origin yet.
    """

    panel: Panel
    units: Array
    explained: Array | float
    windows: WindowIndex

    def age_of_last_observation(self, origins: Rows) -> Rows:
        """How many points before each origin each variable was last observed, 0 if never: (origins, variables)."""
        values, start = self.windows.values.numpy(), self.panel.bounds[self.panel.series_of(origins)]
        rows = np.where(np.isfinite(values), np.arange(len(values))[:, None], -1)
        latest = np.maximum.accumulate(np.concatenate([np.full_like(rows[:1], -1), rows]))[origins]
        return np.where(latest >= start[:, None], origins[:, None] - latest, 0)

    def explained_at(self, rows: Rows) -> Array | float:
        """Covariate effect and long seasons at these rows."""
        return self.explained if isinstance(self.explained, float) else self.explained[rows]


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

    @property
    def device(self) -> torch.device:
        """Where the network is and forecasts."""
        return next(self.network.parameters()).device

    def on(self, device: torch.device) -> FittedModel:
        """Model whose network is on a device."""
        return self if device == self.device else replace(self, network=copy.deepcopy(self.network).to(device))

    def for_each_of(self, variables: int) -> FittedModel:
        """Model of one variable as one of several, each of which it forecasts as if it were alone."""
        return replace(self, calibration=self.calibration.for_each_of(variables))

    def knowing(self, keys: Labels | None) -> FittedModel:
        """The model without what it knows of other series than these."""
        scales = self.calibration.error_scales.knowing(keys)
        return replace(self, calibration=replace(self.calibration, error_scales=scales))

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
        preprocessing = self.preprocessing
        explained = (
            preprocessing.explained(panel, summary.units)
            if complete
            else preprocessing.explained_at_the_end(panel, summary)
        )
        windows = preprocessing.window_index(panel, explained)
        if self.prior_errors is not None:
            at_the_end = summary.error_sums.at_the_end(windows.bounds)
            record = preprocessing.track_record(panel, windows) if complete else at_the_end
            windows = replace(windows, anchor_errors=KnownErrors(record, self.prior_errors))
        return KnownPast(panel, summary.units, explained, windows)

    def forecast(self, past: KnownPast, origins: Rows, steps: Rows, alphas: list[float] | None = None) -> Array:
        """Forecast rows: row r lies ``steps[r]`` >= 1 points after the last one before ``origins[r]``.

        Returns
        -------
        array of shape (rows, variables), or (rows, variables, alphas) with the quantiles at these levels
            NaN where nothing of a variable was observed before the origin.
        """
        distinct, which = np.unique(origins, return_inverse=True)
        windows = self.windows(past, distinct, horizon=int(steps.max()))
        if alphas is None:
            paths = self._paths(windows)[which, steps - 1]
            values = (paths if self.preprocessing.predictive_of is None else paths[..., 0]).numpy()
        else:
            values = self._quantiles(past, windows, which, steps, alphas)
            hidden = self._points_in_doubt(windows)
            in_doubt = (hidden > 0).any(1)
            asked = in_doubt.numpy()[which]
            if asked.any():
                number = (in_doubt.numpy().cumsum() - 1)[which[asked]]
                others = self._quantiles(past, _without(windows, hidden, in_doubt), number, steps[asked], alphas)
                values[asked] = _united(values[asked], others, alphas)
        return self._in_units_of_the_data(values, past, origins, steps)

    def sample(self, past: KnownPast, origins: Rows, steps: Rows, *, num_samples: int, random: RandomNumbers) -> Array:
        """Draw possible values of the rows of `forecast`, those of one origin as one path.

        `random` draws numbers in [0, 1) of shape (distinct origins, *shape) for the distinct origins in ascending
        order; those of an origin do not depend on the others.

        Returns
        -------
        array of shape (rows, variables, num_samples)
        """
        distinct, which = np.unique(origins, return_inverse=True)
        windows = self.windows(past, distinct, horizon=int(steps.max()))
        blocks = math.ceil(windows.horizon / self.calibration.steps)
        shape = (max(num_samples, MIN_RANKED_PATHS) if blocks > 1 else num_samples, blocks, 2)
        at_once = max(MAX_PATHS // shape[0], 1)
        parts, drawn = torch.arange(len(distinct)).split(at_once), random(0, shape)
        paths = np.concatenate([self._sample_paths(past, windows.only(part), drawn[part.numpy()]) for part in parts])
        hidden = self._points_in_doubt(windows)
        in_doubt = (hidden > 0).any(1)
        if in_doubt.any():
            # Every second path takes a jump at the end for a mistake.
            drawn = random(1, shape)
            for part in in_doubt.nonzero()[:, 0].split(at_once):
                others = self._sample_paths(past, _without(windows, hidden, part), drawn[part.numpy()])
                wrong = hidden[part].numpy()[:, None, None] > 0
                paths[part.numpy(), ::2] = np.where(wrong, others[:, ::2], paths[part.numpy(), ::2])
        values = np.moveaxis(paths[which, :num_samples, steps - 1], 1, 2)
        return self._in_units_of_the_data(values, past, origins, steps)

    def windows(self, past: KnownPast, origins: Rows, *, horizon: int) -> WindowIndex:
        """Windows at the origins; the context of one that would be empty ends where something was observed."""
        windows, sp = past.windows.at(origins, horizon=horizon), self.preprocessing.sp
        age = torch.from_numpy(past.age_of_last_observation(origins))
        shift = context_shift(age, window_length=windows.window_length, sp=sp)
        return (replace(windows, shift=shift) if shift.any() else windows).to(self.device)

    def _quantiles(self, past: KnownPast, windows: WindowIndex, which: Rows, steps: Rows, alphas: list[float]) -> Array:
        """Quantiles of rows, of shape (rows, variables, alphas), in the global scale."""
        rows = self._paths(windows)[which, steps - 1]
        scales = self._error_units(past, windows).of(self._scales(windows)).numpy()[which]
        later = None if windows.shift is None else windows.shift.cpu().numpy()[which]
        ahead = np.broadcast_to(steps[:, None], scales.shape)
        errors = torch.from_numpy(self.calibration.errors(ahead, alphas, steps_more=later) * scales[:, :, None])
        # Here the levels stand where the steps do elsewhere.
        return np.asarray(add_errors(rows[:, None], errors.movedim(2, 1)).movedim(1, 2).numpy())

    def _sample_paths(self, past: KnownPast, windows: WindowIndex, random: Array) -> Array:
        """Sample paths of shape (windows, num_samples, horizon, variables), in the global scale.

        `random` holds two numbers for each block of each path: (windows, num_samples, blocks, 2).
        """
        calibration, lowest = self.calibration, self._lowest(past, windows)
        errors = calibration.draw(random.reshape(-1, 2)).reshape(*random.shape[:3], calibration.steps, -1)
        if windows.shift is not None:
            errors = errors * calibration.widening(windows.shift.cpu().numpy())[:, None, None]
        if random.shape[2] == 1:
            errors = errors[..., : windows.horizon, :]
        innovations = Innovations(torch.from_numpy(errors), self._error_units(past, windows), lowest)
        paths = sample_paths(
            self.network,
            windows,
            innovations.to(self.device),
            num_followed=_num_followed(*errors.shape[1::3]),
            **self.preprocessing.rollout_rules,
        )
        linked = self._with_far_quantiles(past, windows, paths.cpu().numpy())
        return np.asarray(np.maximum(linked, lowest.numpy()[:, None]))

    def _with_far_quantiles(self, past: KnownPast, windows: WindowIndex, paths: Array) -> Array:
        """Give the paths the quantiles of the forecast beyond the measured steps, and leave them their order there.

        A path that reads its own values takes each chance move for the start of a trend, so that paths spread too far.
        Which of them lies above which one at each step is what they know of how the steps go together: ensemble copula
        coupling [1]_.

        References
        ----------
        .. [1] Schefzik, Thorarinsdottir and Gneiting (2013), "Uncertainty quantification in complex simulation models
           using ensemble copula coupling", Statistical Science 28.
        """
        num_windows, num_samples, horizon, variables = paths.shape
        far = np.arange(self.calibration.steps, horizon)
        if len(far) == 0:
            return paths
        which, steps = np.repeat(np.arange(num_windows), len(far)), np.tile(far + 1, num_windows)
        levels = list((np.arange(num_samples) + 0.5) / num_samples)
        quantiles = self._quantiles(past, windows, which, steps, levels)
        quantiles = quantiles.reshape(num_windows, len(far), variables, num_samples)
        order = np.moveaxis(paths[:, :, far], 1, -1).argsort(axis=-1)
        mapped = np.empty_like(quantiles)
        np.put_along_axis(mapped, order, quantiles, axis=-1)
        paths[:, :, far] = np.moveaxis(mapped, -1, 1)
        return paths

    def _paths(self, windows: WindowIndex) -> Tensor:
        return forecast_windows(self.network, windows, **self.preprocessing.rollout_rules).cpu()

    def _scales(self, windows: WindowIndex) -> Tensor:
        """Scale of the context of each window, of shape (windows, variables)."""
        return self._of_contexts(windows, lambda context: self.preprocessing.scale_of(context).scale[:, 0])

    def _points_in_doubt(self, windows: WindowIndex) -> Tensor:
        """How many of the last points of each context may be outliers, of shape (windows, variables)."""
        return self._of_contexts(windows, points_in_doubt)

    def _of_contexts(self, windows: WindowIndex, computed: Callable[[Tensor], Tensor]) -> Tensor:
        """What is `computed` of that part of each context which the recurrent layers read."""
        batches = split_into_batches(len(windows), windows.points_per_window, self.device)
        # Scale and doubt are matters of the latest points.
        return torch.cat([computed(windows.batch(chosen).recent) for chosen in batches]).cpu()

    def _error_units(self, past: KnownPast, windows: WindowIndex) -> ErrorUnits:
        """What the units of the errors of the windows rest on."""
        instance = past.panel.series_of(windows.origins.cpu().numpy())
        return self.calibration.error_scales.units(past.panel.keys, instance, otherwise=past.units[instance])

    def _lowest(self, past: KnownPast, windows: WindowIndex) -> Tensor:
        """Lower bound of each step in the data that the network sees, of shape (windows, horizon, variables)."""
        rows = windows.origins.cpu().numpy()[:, None] + np.arange(windows.horizon)
        explained = past.explained_at(np.minimum(rows, len(past.panel.values) - 1))
        lowest = self.preprocessing.lowest(len(past.panel.columns)) - explained
        return torch.from_numpy(np.broadcast_to(lowest, (*rows.shape, lowest.shape[-1])).copy())

    def _in_units_of_the_data(self, values: Array, past: KnownPast, origins: Rows, steps: Rows) -> Array:
        """Add what is explained of the rows and undo the global scale; NaN where nothing was known before."""
        explained = np.broadcast_to(past.explained_at(origins + steps - 1), values.shape[:2])
        unknown = past.age_of_last_observation(origins) == 0
        levels = (slice(None), slice(None), None)[: values.ndim]
        unscaled = self.preprocessing.unscaled(values + explained[levels])
        return np.where(unknown[levels], np.nan, unscaled)


def _num_followed(num_samples: int, variables: int) -> int | None:
    """How many of so many paths the network reads; None for all. Of few paths the quantiles are theirs alone."""
    most = max(FOLLOWED_PER_VARIABLE * (variables + 1), num_samples // PATHS_PER_FOLLOWED)
    return most if num_samples >= MIN_RANKED_PATHS else None


def _without(windows: WindowIndex, hidden: Tensor, chosen: Tensor) -> WindowIndex:
    """The chosen windows, in which so many of the last points of each count as missing."""
    device = windows.values.device
    return replace(windows, hidden=hidden.to(device)).only(chosen)


def _united(values: Array, others: Array, alphas: list[float]) -> Array:
    """Quantiles of which those below the median are the lower of two, and those above it the higher."""
    low, high = np.minimum(values, others), np.maximum(values, others)
    level = np.asarray(alphas)
    return np.asarray(np.where(level < MEDIAN, low, np.where(level > MEDIAN, high, values)))


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
        preprocessing = self.model.preprocessing
        past = list(columns_where(self.covariate_columns, preprocessing.encoder.past_only)) or None
        scaler = {"scaler": "window"} if self.is_universal else {}
        design = {**asdict(self.model.network.size), "loss": preprocessing.loss, "past_covariates": past}
        return {**design, **scaler}

    @property
    def is_universal(self) -> bool:
        """Whether it serves series of any season and columns, as one that learned from simulated series does."""
        return self.model.preprocessing.is_universal

    def for_columns(self, columns: Labels, covariate_columns: Labels) -> PretrainedModel:
        """Same for a panel of these columns, if it serves any: it forecasts variables one by one.

        What the covariates explain is left to their linear effect.
        """
        if not self.is_universal:
            return self
        model = self.model.for_each_of(len(columns))
        return replace(self, model=model, columns=columns, covariate_columns=covariate_columns)
