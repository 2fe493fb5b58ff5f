"""How a network sees a panel: which scales, how much past, how many steps at once, which season."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sktime_lstm.baseline import Baseline
from sktime_lstm.naive import ANCHORS
from sktime_lstm.recipe import shortest_context
from sktime_lstm.scaling import Scale, ScaleOf, Scaler
from sktime_lstm.series import Array, Panel
from sktime_lstm.windowing import Rows, Windows

MOST_JUDGED = 50_000
JUDGED_PER_BATCH = 2_048


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
    baseline : Baseline or None
        What is known before training, if the network is anchored.
    """

    scaler: Scaler
    scale_of: ScaleOf
    covariate_scale: Scale
    window_length: int
    output_length: int
    sp: int
    training_length: int
    baseline: Baseline | None = None

    def windows(self, panel: Panel, origins: Rows, *, horizon: int) -> Windows:
        """Windows of `panel` at the rows `origins`, in the global scale."""
        values = np.require(self.scaler.transform(panel.values), dtype=np.float64, requirements="W")
        covariates = self.covariate_scale.apply(torch.from_numpy(panel.covariates)[None])[0]
        windows = Windows(
            values=torch.from_numpy(values),
            covariates=covariates.nan_to_num_().float(),
            bounds=torch.from_numpy(panel.bounds),
            origins=torch.from_numpy(origins),
            window_length=self.window_length,
            horizon=horizon,
            sp=self.sp,
        )
        return windows if self.baseline is None else replace(windows, records=self._records(windows, self.baseline))

    def _records(self, windows: Windows, baseline: Baseline) -> Tensor:
        """Track record of the naive forecasts at every row, from windows that end before it."""
        rows = torch.arange(len(windows.values))
        start = windows.bounds[torch.searchsorted(windows.bounds, rows, right=True) - 1]
        every = max(1, self.training_length // 4, math.ceil(len(rows) / MOST_JUDGED))
        age = rows - start
        judged = rows[(age >= shortest_context(self.sp)) & (age % every == 0)]
        past = replace(windows, origins=judged, horizon=self.training_length)
        errors = torch.full((len(rows), windows.values.shape[1], len(ANCHORS)), torch.nan, dtype=torch.float32)
        for chosen in torch.arange(len(judged)).split(JUDGED_PER_BATCH):
            window, target = past.window(chosen), past.target(chosen)
            scale = self.scale_of(window.context)
            scaled = replace(window, context=scale.apply(window.context).float())
            wrong = baseline.errors_of(scaled, scale.bounded(scale.apply(target)).float())
            errors[judged[chosen]] = wrong.masked_fill(scale.scale.transpose(1, 2) == 0, torch.nan)
        return baseline.track_records(errors, windows.bounds, delay=self.training_length, every=every)

    def unscaled(self, values: Array) -> Array:
        """Undo the global scale of values of shape (rows, variables) or (rows, variables, levels)."""
        if values.ndim == 2:
            return np.asarray(self.scaler.inverse_transform(values))
        levels = [self.unscaled(values[:, :, level]) for level in range(values.shape[2])]
        return np.stack(levels, axis=-1)
