"""Which windows a panel holds, and a batch of them on demand; they are never all made at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sktime_lstm.network import Window
from sktime_lstm.series import Panel

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """An index of windows over flat arrays.

    Attributes
    ----------
    values : Tensor of shape (rows, variables), float64
        Observations, NaN where missing.
    covariates : Tensor of shape (rows, covariates), float32
        Standardised covariates, 0 where missing.
    bounds : Tensor of shape (instances + 1,)
        Instance i owns the rows ``bounds[i]`` to ``bounds[i + 1] - 1``.
    origins : Tensor of shape (windows,)
        Row of the first future point of each window.
    window_length, horizon, sp : int
        Points before the origin, points from it on, and the seasonal period.
    records : Tensor of shape (rows, variables, anchors) or None
        Mean error of each naive forecast as it is known at each row.
    """

    values: Tensor
    covariates: Tensor
    bounds: Tensor
    origins: Tensor
    window_length: int
    horizon: int
    sp: int
    records: Tensor | None = None

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.origins)

    def at(self, origins: Rows) -> Windows:
        """Windows at other origins of the same data."""
        return replace(self, origins=torch.from_numpy(origins))

    def window(self, chosen: Tensor | slice) -> Window:
        """Context, covariates and record of the `chosen` windows, unscaled."""
        past, future = torch.arange(-self.window_length, 0), torch.arange(self.horizon)
        covariates = self._gather(self.covariates, chosen, torch.cat([past, future]), missing=0.0)
        record = None if self.records is None else self.records[self.origins[chosen]]
        return Window(self._gather(self.values, chosen, past, missing=torch.nan), covariates, self.sp, record)

    def target(self, chosen: Tensor | slice) -> Tensor:
        """What the `chosen` windows must forecast, of shape (batch, horizon, variable), unscaled."""
        return self._gather(self.values, chosen, torch.arange(self.horizon), missing=torch.nan)

    def _gather(self, flat: Tensor, chosen: Tensor | slice, steps: Tensor, *, missing: float) -> Tensor:
        """Rows at `steps` from the origins; outside the instance they are missing."""
        origins = self.origins[chosen]
        instance = torch.searchsorted(self.bounds, origins, right=True)
        rows = origins[:, None] + steps
        outside = (rows < self.bounds[instance - 1, None]) | (rows >= self.bounds[instance, None])
        return flat[rows.clamp(0, len(flat) - 1)].masked_fill_(outside[..., None], missing)


def training_origins(panel: Panel, *, horizon: int, shortest: int) -> Rows:
    """Rows at which a window has a complete future and at least `shortest` points before it.

    A series too short for that is asked for less, down to two points. Windows without an observed point on either
    side of the origin are left out.
    """
    latest = panel.lengths - horizon
    earliest = np.minimum(shortest, np.maximum(2, latest - 3))
    counts = np.maximum(latest - earliest + 1, 0)
    starts = np.repeat(panel.bounds[:-1] + earliest, counts)
    origins: Rows = starts + np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return np.asarray(origins[_observed_on_both_sides(panel, origins, horizon)])


def hold_out_latest(panel: Panel, origins: Rows, *, horizon: int, share: float) -> tuple[Rows, Rows]:
    """Split into windows to train on and the latest of each series, whose future no training window touches."""
    instance = np.searchsorted(panel.bounds, origins, side="right") - 1
    counts = np.bincount(instance, minlength=panel.num_instances)
    held = np.ceil(counts * share).astype(np.int64)
    rank_from_end = (counts.cumsum() - 1)[instance] - np.arange(len(origins))
    late = rank_from_end < held[instance]
    first_late = np.full(panel.num_instances, np.iinfo(np.int64).max)
    np.minimum.at(first_late, instance[late], origins[late])
    return origins[origins + horizon <= first_late[instance]], origins[late]


def thin(origins: Rows, most: int) -> Rows:
    """At most `most` of the origins, evenly spread."""
    if len(origins) <= most:
        return origins
    return origins[np.linspace(0, len(origins) - 1, most).astype(np.int64)]


def _observed_on_both_sides(panel: Panel, origins: Rows, horizon: int) -> npt.NDArray[np.bool_]:
    seen = np.isfinite(panel.values).any(axis=1)
    if seen.all():
        return np.ones(len(origins), dtype=bool)
    count = np.concatenate([[0], seen.cumsum()])
    start = panel.bounds[np.searchsorted(panel.bounds, origins, side="right") - 1]
    before, after = count[origins] - count[start], count[origins + horizon] - count[origins]
    return np.asarray((before > 0) & (after > 0))
