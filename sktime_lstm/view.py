"""How a network sees a panel: which scales, how much past, how many steps at once, which season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sktime_lstm.losses import LOSSES, Widths
from sktime_lstm.scaling import Scale, ScaleOf, Scaler
from sktime_lstm.series import Array, Panel
from sktime_lstm.windowing import Rows, Windows


@dataclass(frozen=True)
class View:
    """Everything between raw data and network except the network.

    Attributes
    ----------
    scaler : Scaler
        Global scaler; it changes nothing where each window has its own scale.
    scale_of : callable
        Scale of each window.
    covariate_scale : Scale
        Mean and standard deviation of each covariate.
    window_length, output_length, sp : int
        Points of context, steps forecast in one go and seasonal period.
    training_length : int
        Steps of the windows to learn from, at most `output_length`. What is learned there serves the steps beyond.
    lower_bound : float or None
        No value is smaller, in the units of the data.
    loss : str
        Name of the loss.
    """

    scaler: Scaler
    scale_of: ScaleOf
    covariate_scale: Scale
    window_length: int
    output_length: int
    sp: int
    training_length: int
    lower_bound: float | None = None
    loss: str = "mae"

    @property
    def widths(self) -> Widths | None:
        """What the network has learned of how far the truth may be from its forecast."""
        return LOSSES[self.loss].widths

    def windows(self, panel: Panel, origins: Rows, *, horizon: int) -> Windows:
        """Windows of `panel` at the rows `origins`, in the global scale."""
        values = np.require(self.scaler.transform(panel.values), dtype=np.float64, requirements="W")
        covariates = self.covariate_scale.apply(torch.from_numpy(panel.covariates)[None])[0]
        return Windows(
            values=torch.from_numpy(values),
            covariates=covariates.nan_to_num_().float(),
            bounds=torch.from_numpy(panel.bounds),
            origins=torch.from_numpy(origins),
            window_length=self.window_length,
            horizon=horizon,
            sp=self.sp,
        )

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
        return np.asarray(self.scaler.transform(np.full((1, variables), self.lower_bound))[0], dtype=np.float64)
