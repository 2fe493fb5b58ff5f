"""How a network sees a panel: which scales, how much past, how many steps at once, which season."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.anchors.track_record import InitialMixture
from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.data.scaling import Scale, ScaleOf, Scaler
from sktime_lstm.data.windows import Rows, WindowIndex, min_context
from sktime_lstm.network.losses import LOSSES, SpreadOf

MAX_SCORED_WINDOWS = 50_000
SCORED_PER_BATCH = 2_048


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
        Mean and standard deviation of each covariate.
    window_length, output_length, sp : int
        Points of context, steps forecast in one go and seasonal period.
    training_length : int
        Steps of the windows to learn from, at most `output_length`. What is learned there serves the steps beyond.
    initial_mixture : Baseline or None
        What is known before training, if the network is anchored.
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
    initial_mixture: InitialMixture | None = None
    lower_bound: float | None = None
    loss: str = "mae"

    @property
    def spread_of(self) -> SpreadOf | None:
        """What the network has learned of how far the truth may be from its forecast."""
        return LOSSES[self.loss].spread_of

    def window_index(self, panel: Panel, origins: Rows, *, horizon: int) -> WindowIndex:
        """Windows of `panel` at the rows `origins`, in the global scale."""
        values = np.require(self.scaler.transform(panel.values), dtype=np.float64, requirements="W")
        covariates = self.covariate_scale.apply(torch.from_numpy(panel.covariates)[None])[0]
        windows = WindowIndex(
            values=torch.from_numpy(values),
            covariates=covariates.nan_to_num_().float(),
            bounds=torch.from_numpy(panel.bounds),
            origins=torch.from_numpy(origins),
            window_length=self.window_length,
            horizon=horizon,
            sp=self.sp,
        )
        return (
            windows
            if self.initial_mixture is None
            else replace(windows, anchor_errors=self._anchor_errors(windows, self.initial_mixture))
        )

    def _anchor_errors(self, windows: WindowIndex, initial_mixture: InitialMixture) -> Tensor:
        """Track record of the naive forecasts at every row, from windows that end before it."""
        rows = torch.arange(len(windows.values))
        start = windows.bounds[torch.searchsorted(windows.bounds, rows, right=True) - 1]
        every = max(1, self.training_length // 4, math.ceil(len(rows) / MAX_SCORED_WINDOWS))
        age = rows - start
        judged = rows[(age >= min_context(self.sp)) & (age % every == 0)]
        past = replace(windows, origins=judged, horizon=self.training_length)
        errors = torch.full((len(rows), windows.values.shape[1], len(ANCHORS)), torch.nan, dtype=torch.float32)
        for chosen in torch.arange(len(judged)).split(SCORED_PER_BATCH):
            window, target = past.batch(chosen), past.target(chosen)
            scale = self.scale_of(window.context)
            wrong = initial_mixture.errors_of(window.scaled(scale), scale.bounded(scale.apply(target)).float())
            errors[judged[chosen]] = wrong.masked_fill(scale.scale.transpose(1, 2) == 0, torch.nan)
        return initial_mixture.anchor_error_rows(errors, windows.bounds, delay=self.training_length, every=every)

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
