"""What was learned, and the forecasts it makes of any panel of the same columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sktime_lstm.data.panel import Array, Labels, Panel
from sktime_lstm.data.windows import Rows
from sktime_lstm.forecasting.intervals import Calibration
from sktime_lstm.forecasting.preprocessing import Preprocessing
from sktime_lstm.forecasting.rollout import add_errors, forecast_windows, sample_paths
from sktime_lstm.network.network import Ensemble


@dataclass(frozen=True)
class FittedModel:
    """Everything learned; it holds no data and can forecast any panel of the same columns.

    Attributes
    ----------
    preprocessing : View
        Scales and lengths.
    network : Ensemble
        The trained members.
    calibration : Calibration
        Distribution of the forecast error.
    """

    preprocessing: Preprocessing
    network: Ensemble
    calibration: Calibration

    def forecast(self, panel: Panel, origins: Rows, steps: Rows, alphas: list[float] | None = None) -> Array:
        """Forecast rows: row r lies ``steps[r]`` >= 1 points after the last one before ``origins[r]``.

        Returns
        -------
        array of shape (rows, variables), or (rows, variables, alphas) with the quantiles at these levels
        """
        distinct, which = np.unique(origins, return_inverse=True)
        preprocessing = self.preprocessing
        windows = preprocessing.window_index(panel, distinct, horizon=int(steps.max()))
        paths = forecast_windows(
            self.network,
            windows,
            output_length=preprocessing.output_length,
            scale_of=preprocessing.scale_of,
            spread_of=preprocessing.spread_of,
        )
        rows = paths[torch.from_numpy(which), torch.from_numpy(steps - 1)]
        values = (rows if preprocessing.spread_of is None else rows[..., 0]).numpy()
        if alphas is not None:
            scale = preprocessing.scale_of(windows.batch(slice(None)).context).scale[:, 0].numpy()
            unit = self.calibration.units.of(scale, panel.keys, _instance(panel, distinct))[which]
            errors = torch.from_numpy(self.calibration.errors(steps, alphas) * unit[:, :, None])
            # Here the levels stand where the steps do elsewhere.
            values = add_errors(rows[:, None], errors.movedim(2, 1)).movedim(1, 2).numpy()
        return _fill_empty_contexts(preprocessing.unscaled(values), panel, origins, preprocessing.window_length)

    def sample(
        self, panel: Panel, origins: Rows, steps: Rows, *, num_samples: int, generator: torch.Generator
    ) -> Array:
        """Draw possible values of the rows of `forecast`, those of one origin as one path.

        Returns
        -------
        array of shape (rows, variables, num_samples)
        """
        distinct, which = np.unique(origins, return_inverse=True)
        horizon = int(steps.max())
        paths = self.paths(panel, distinct, horizon=horizon, num_samples=num_samples, generator=generator)
        values = np.moveaxis(paths[which, :, steps - 1], 1, 2)
        return _fill_empty_contexts(
            self.preprocessing.unscaled(values), panel, origins, self.preprocessing.window_length
        )

    def paths(
        self, panel: Panel, origins: Rows, *, horizon: int, num_samples: int, generator: torch.Generator
    ) -> Array:
        """Sample paths of shape (origins, num_samples, horizon, variables), in the global scale."""
        preprocessing, calibration = self.preprocessing, self.calibration
        windows, instance = preprocessing.window_index(panel, origins, horizon=horizon), _instance(panel, origins)

        def draw(scale: Tensor, numbers: Tensor) -> Tensor:
            unit = calibration.units.of(scale.numpy(), panel.keys, instance[numbers.numpy()])
            return torch.from_numpy(unit[:, None] * calibration.draw(len(unit), generator))

        return sample_paths(
            self.network,
            windows,
            num_samples=num_samples,
            block=calibration.steps,
            output_length=preprocessing.output_length,
            scale_of=preprocessing.scale_of,
            draw=draw,
            lowest=torch.from_numpy(preprocessing.lowest(len(panel.columns))),
            spread_of=preprocessing.spread_of,
        ).numpy()


def _instance(panel: Panel, origins: Rows) -> Rows:
    """Series of the window at each origin."""
    return np.searchsorted(panel.bounds, origins, side="right") - 1


@dataclass(frozen=True)
class PretrainedModel:
    """A model learned from other series than those to forecast, and the columns that it knows.

    Attributes
    ----------
    model : Model
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
        networks = self.model.network.networks
        return {**asdict(networks[0].size), "loss": self.model.preprocessing.loss, "num_members": len(networks)}


def _fill_empty_contexts(values: Array, panel: Panel, origins: Rows, window_length: int) -> Array:
    """Where a whole context is missing, forecast the last value seen before it, or the level of the series."""
    instance = _instance(panel, origins)
    start = panel.bounds[instance]
    rows = np.arange(len(panel.values))[:, None]
    latest = np.maximum.accumulate(np.where(np.isfinite(panel.values), rows, -1), axis=0)[origins - 1]
    empty = (latest < np.maximum(start, origins - window_length)[:, None]) | (origins == start)[:, None]
    if not empty.any():
        return values
    seen = (latest >= start[:, None]) & (origins > start)[:, None]
    last = np.take_along_axis(panel.values, np.maximum(latest, 0), axis=0)
    guess = np.where(seen, last, panel.level[instance])
    empty, guess = (empty, guess) if values.ndim == 2 else (empty[..., None], guess[..., None])
    return np.where(empty, guess, values)
