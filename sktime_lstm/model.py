"""What was learned, and the forecasts it makes of any panel of the same columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from sktime_lstm.intervals import Calibration
from sktime_lstm.network import Ensemble
from sktime_lstm.rollout import forecast_windows
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
        windows = self.view.windows(panel, distinct, horizon=int(steps.max()))
        view = self.view
        paths = forecast_windows(
            self.network, windows, output_length=view.output_length, scale_of=view.scale_of
        ).numpy()
        values = paths[which, steps - 1]
        if alphas is not None:
            scale = view.scale_of(windows.window(slice(None)).context).scale.numpy()[which, 0]
            values = values[:, :, None] + self.calibration.errors(steps, alphas) * scale[:, :, None]
        return _fill_blind(view.unscaled(values), panel, origins, view.window_length)


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
        return {**asdict(networks[0].size), "num_members": len(networks)}


def _fill_blind(values: Array, panel: Panel, origins: Rows, window_length: int) -> Array:
    """Where a whole context is missing, forecast the last value seen before it, or the level of the series."""
    instance = np.searchsorted(panel.bounds, origins, side="right") - 1
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
