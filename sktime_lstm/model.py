"""What was learned, and the forecasts it makes of any panel of the same columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sktime_lstm.intervals import Calibration
from sktime_lstm.network import Ensemble
from sktime_lstm.rollout import add_errors, forecast_windows, sample_paths
from sktime_lstm.series import Array, Panel
from sktime_lstm.view import View
from sktime_lstm.windowing import Rows


@dataclass(frozen=True)
class Model:
    """Everything learned; it holds no data and can forecast any panel of the same columns.

    Attributes
    ----------
    view : View
        Scales and lengths.
    network : Ensemble
        The trained members.
    calibration : Calibration
        Distribution of the forecast error.
    """

    view: View
    network: Ensemble
    calibration: Calibration

    def forecast(self, panel: Panel, origins: Rows, steps: Rows, alphas: list[float] | None = None) -> Array:
        """Forecast rows: row r lies ``steps[r]`` >= 1 points after the last one before ``origins[r]``.

        Returns
        -------
        array of shape (rows, variables), or (rows, variables, alphas) with the quantiles at these levels
        """
        distinct, which = np.unique(origins, return_inverse=True)
        view = self.view
        windows = view.windows(panel, distinct, horizon=int(steps.max()))
        paths = forecast_windows(
            self.network, windows, output_length=view.output_length, scale_of=view.scale_of, widths=view.widths
        )
        rows = paths[torch.from_numpy(which), torch.from_numpy(steps - 1)]
        values = (rows if view.widths is None else rows[..., 0]).numpy()
        if alphas is not None:
            scale = view.scale_of(windows.window(slice(None)).context).scale[:, 0].numpy()
            unit = self.calibration.units.of(scale, panel.keys, _instance(panel, distinct))[which]
            errors = torch.from_numpy(self.calibration.errors(steps, alphas) * unit[:, :, None])
            # Here the levels stand where the steps do elsewhere.
            values = add_errors(rows[:, None], errors.movedim(2, 1)).movedim(1, 2).numpy()
        return _fill_blind(view.unscaled(values), panel, origins, view.window_length)

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
        return _fill_blind(self.view.unscaled(values), panel, origins, self.view.window_length)

    def paths(
        self, panel: Panel, origins: Rows, *, horizon: int, num_samples: int, generator: torch.Generator
    ) -> Array:
        """Sample paths of shape (origins, num_samples, horizon, variables), in the global scale."""
        view, calibration = self.view, self.calibration
        windows, instance = view.windows(panel, origins, horizon=horizon), _instance(panel, origins)

        def draw(scale: Tensor, numbers: Tensor) -> Tensor:
            unit = calibration.units.of(scale.numpy(), panel.keys, instance[numbers.numpy()])
            return torch.from_numpy(unit[:, None] * calibration.draw(len(unit), generator))

        return sample_paths(
            self.network,
            windows,
            num_samples=num_samples,
            block=calibration.steps,
            output_length=view.output_length,
            scale_of=view.scale_of,
            draw=draw,
            lowest=torch.from_numpy(view.lowest(len(panel.columns))),
            widths=view.widths,
        ).numpy()


def _instance(panel: Panel, origins: Rows) -> Rows:
    """Series of the window at each origin."""
    return np.searchsorted(panel.bounds, origins, side="right") - 1


@dataclass(frozen=True)
class Pretrained:
    """A model learned from other series than those to forecast, and the columns that it knows.

    Attributes
    ----------
    model : Model
        What was learned.
    columns, covariate_columns : pd.Index
        Labels of the variables and of the covariates.
    num_windows : int
        Windows seen so far, all chunks together.
    """

    model: Model
    columns: pd.Index
    covariate_columns: pd.Index
    num_windows: int

    @property
    def design(self) -> dict[str, Any]:
        """Parameters of the forecaster that cannot change after pretraining."""
        networks = self.model.network.networks
        return {**asdict(networks[0].size), "loss": self.model.view.loss, "num_members": len(networks)}


def _fill_blind(values: Array, panel: Panel, origins: Rows, window_length: int) -> Array:
    """Where a whole context is missing, forecast the last value seen before it, or the level of the series."""
    instance = _instance(panel, origins)
    start = panel.bounds[instance]
    rows = np.arange(len(panel.values))[:, None]
    latest = np.maximum.accumulate(np.where(np.isfinite(panel.values), rows, -1), axis=0)[origins - 1]
    blind = (latest < np.maximum(start, origins - window_length)[:, None]) | (origins == start)[:, None]
    if not blind.any():
        return values
    seen = (latest >= start[:, None]) & (origins > start)[:, None]
    last = np.take_along_axis(panel.values, np.maximum(latest, 0), axis=0)
    guess = np.where(seen, last, panel.level[instance])
    blind, guess = (blind, guess) if values.ndim == 2 else (blind[..., None], guess[..., None])
    return np.where(blind, guess, values)
