"""Which windows a panel holds, and a batch of them on demand; they are never all made at once."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sktime_lstm.data.panel import Panel
from sktime_lstm.data.scaling import Scale, ScaleOf

Rows = npt.NDArray[np.int64]

MAX_BATCH, MAX_POINTS_PER_BATCH = 2_048, 32_000
GPU_BATCHES = 64
"""As many times as many windows fill a GPU."""

Tensors = TypeVar("Tensors", "WindowBatch", "WindowIndex")


class AnchorErrors(Protocol):
    """Mean error of each naive forecast as it is known at some origins, of shape (batch, variable, anchor)."""

    def __call__(self, origins: Tensor) -> Tensor:
        """Look it up."""

    def to(self, device: torch.device) -> Self:
        """Same on a device."""


@dataclass(frozen=True)
class WindowBatch:
    """A batch of windows: the past of each and what is known of its future.

    Attributes
    ----------
    context : Tensor of shape (batch, time, variable)
        The past, NaN where missing.
    covariates : Tensor of shape (batch, time + horizon, covariate)
        Known covariates of past and future.
    sp : int
        Seasonal period.
    anchor_errors : Tensor of shape (batch, variable, anchor) or None
        Mean absolute error of each naive forecast in the series so far; without it all start alike.
    scale : Tensor of shape (batch, 1, variable) or None
        What one unit of the context is in the units of the data; None where no loss asks for it.
    window_length : int or None
        Latest points of the context that the recurrent layers read and that its scale is taken from; None for all. The
        points before serve the naive forecasts alone.
    zero : Tensor of shape (batch, 1, variable) or None
        Value of the context that is 0 in the data, NaN where there is none; None if it is not known.
    anchors : Tensor of shape (batch, horizon, variable, anchor) or None
        Naive forecasts of the scaled context; None if they are still to be made.
    """

    context: Tensor
    covariates: Tensor
    sp: int
    anchor_errors: Tensor | None = None
    scale: Tensor | None = None
    window_length: int | None = None
    zero: Tensor | None = None
    anchors: Tensor | None = None

    @property
    def horizon(self) -> int:
        """Number of future steps."""
        return self.covariates.shape[1] - self.context.shape[1]

    @property
    def num_variables(self) -> int:
        """Number of variables."""
        return self.context.shape[2]

    def only(self, chosen: Tensor) -> WindowBatch:
        """Windows of these numbers, each as often as it is named."""
        return _with_tensors(self, {name: values[chosen] for name, values in _tensors(self).items()})

    def of_variable(self, number: int) -> WindowBatch:
        """Windows of one of the variables alone."""
        one = [number]
        return replace(
            self,
            context=self.context[..., one],
            anchor_errors=None if self.anchor_errors is None else self.anchor_errors[:, one],
            scale=None if self.scale is None else self.scale[..., one],
            zero=None if self.zero is None else self.zero[..., one],
            anchors=None if self.anchors is None else self.anchors[:, :, one],
        )

    @property
    def recent(self) -> Tensor:
        """The part of the context that the recurrent layers read, of shape (batch, window_length, variable)."""
        return self.context[:, -(self.window_length or self.context.shape[1]) :]

    def scaled(self, scale: Scale) -> WindowBatch:
        """Windows whose context is in this scale, in the precision of the network."""
        zero = None if self.zero is None else scale.apply(self.zero).float()
        return replace(self, context=scale.apply(self.context).float(), zero=zero)


@dataclass(frozen=True)
class WindowIndex:
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
    anchor_errors : AnchorErrors or None
        What is known of the naive forecasts at each origin.
    shift : Tensor of shape (windows, variables) or None
        Points by which the context of a variable ends before the origin; None for 0 everywhere.
    hidden : Tensor of shape (windows, variables) or None
        How many of the last points of a context count as missing; None for none.
    history : int
        Points before the origin that the naive forecasts see, if more than `window_length`.
    zero : Tensor of shape (variables,) or None
        Value that is 0 in the data, NaN where there is none; None if no variable has one.
    past_only : Tensor of shape (covariates,) or None
        Which covariates are known only in the past; None if all are known in the future too.
    """

    values: Tensor
    covariates: Tensor
    bounds: Tensor
    origins: Tensor
    window_length: int
    horizon: int
    sp: int
    anchor_errors: AnchorErrors | None = None
    shift: Tensor | None = None
    hidden: Tensor | None = None
    history: int = 0
    zero: Tensor | None = None
    past_only: Tensor | None = None

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.origins)

    @property
    def context_length(self) -> int:
        """Points before the origin: those that the recurrent layers read, and those for the naive forecasts alone."""
        return max(self.window_length, self.history)

    @property
    def points_per_window(self) -> int:
        """Points of context and horizon together."""
        return self.context_length + self.horizon

    def at(self, origins: Rows, *, horizon: int | None = None) -> WindowIndex:
        """Windows at other origins of the same data, of another horizon if one is named."""
        return replace(self, origins=torch.from_numpy(origins), horizon=horizon or self.horizon)

    def only(self, chosen: Tensor) -> WindowIndex:
        """Windows of these numbers alone."""
        chosen = chosen.to(self.origins.device)
        shift, hidden = (None if each is None else each[chosen] for each in (self.shift, self.hidden))
        return replace(self, origins=self.origins[chosen], shift=shift, hidden=hidden)

    def to(self, device: torch.device) -> WindowIndex:
        """Same windows on a device, where their batches are made, too."""
        moved = {name: values.to(device) for name, values in _tensors(self).items()}
        errors = None if self.anchor_errors is None else self.anchor_errors.to(device)
        return replace(_with_tensors(self, moved), anchor_errors=errors)

    def batch(self, chosen: Tensor | slice) -> WindowBatch:
        """Context, covariates and errors of the naive forecasts of the `chosen` windows, unscaled."""
        device = self.values.device
        past, future = torch.arange(-self.context_length, 0, device=device), torch.arange(self.horizon, device=device)
        context = self._context(chosen, past)
        covariates = self._gather(self.covariates, chosen, torch.cat([past, future]), missing=0.0)
        if self.past_only is not None:
            covariates[:, len(past) :, self.past_only] = 0.0
        errors = None if self.anchor_errors is None else self.anchor_errors(self.origins[chosen])
        zero = None if self.zero is None else self.zero.expand(len(context), 1, -1)
        return WindowBatch(context, covariates, self.sp, errors, window_length=self.window_length, zero=zero)

    def _context(self, chosen: Tensor | slice, past: Tensor) -> Tensor:
        context = self._gather(self.values, chosen, past, missing=torch.nan)
        if self.shift is not None:
            for variable, shift in enumerate(self.shift[chosen].T):
                steps = past - shift[:, None]
                context[..., variable] = self._gather(self.values[:, [variable]], chosen, steps, missing=torch.nan)[
                    ..., 0
                ]
        if self.hidden is not None:
            context.masked_fill_(past[:, None] >= -self.hidden[chosen][:, None], torch.nan)
        return context

    def target(self, chosen: Tensor | slice) -> Tensor:
        """What the `chosen` windows must forecast, of shape (batch, horizon, variable), unscaled."""
        steps = torch.arange(self.horizon, device=self.values.device)
        return self._gather(self.values, chosen, steps, missing=torch.nan)

    def _gather(self, flat: Tensor, chosen: Tensor | slice, steps: Tensor, *, missing: float) -> Tensor:
        """Rows at `steps` from the origins, the same for all or a row of them each; outside they are missing."""
        origins = self.origins[chosen]
        instance = torch.searchsorted(self.bounds, origins, right=True)
        rows = origins[:, None] + steps
        outside = (rows < self.bounds[instance - 1, None]) | (rows >= self.bounds[instance, None])
        return flat[rows.clamp(0, len(flat) - 1)].masked_fill_(outside[..., None], missing)


@dataclass(frozen=True)
class ScaledWindows:
    """Windows in the scale and on the device in which a network learns from them.

    Attributes
    ----------
    windows : WindowIndex
        The windows, unscaled.
    scale_of : callable
        Scale of each window.
    device : torch.device
        Where the network is.
    anchors : Tensor of shape (windows, horizon, variable, anchor) or None
        Naive forecasts of the scaled windows if they were made in advance.
    """

    windows: WindowIndex
    scale_of: ScaleOf
    device: torch.device
    anchors: Tensor | None = None

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.windows)

    def batch(self, chosen: Tensor | slice) -> tuple[WindowBatch, Tensor]:
        """Return scaled windows and targets."""
        chosen = chosen if isinstance(chosen, slice) else chosen.to(self.windows.values.device)
        window, target = self.windows.batch(chosen), self.windows.target(chosen)
        scale = self.scale_of(window.recent)
        anchors = None if self.anchors is None else self.anchors[chosen]
        scaled = replace(window.scaled(scale), scale=scale.scale, anchors=anchors)
        return self._on_device(scaled), self._move(scale.bounded(scale.apply(target)))

    def _on_device(self, window: WindowBatch) -> WindowBatch:
        return _with_tensors(window, {name: self._move(values) for name, values in _tensors(window).items()})

    def _move(self, values: Tensor) -> Tensor:
        return values.to(self.device, torch.float32)


def _tensors(windows: WindowBatch | WindowIndex) -> dict[str, Tensor]:
    """Fields that are tensors."""
    parts = {field.name: getattr(windows, field.name) for field in fields(windows)}
    return {name: part for name, part in parts.items() if isinstance(part, Tensor)}


def _with_tensors(windows: Tensors, others: dict[str, Any]) -> Tensors:
    return replace(windows, **others)


def split_into_batches(
    num_windows: int, points_per_window: int, device: torch.device | None = None
) -> tuple[Tensor, ...]:
    """Numbers of the windows in batches of a bounded number of points, on the device where they are."""
    on_cpu = device is None or device.type == "cpu"
    size = int(np.clip(MAX_POINTS_PER_BATCH // points_per_window, 1, MAX_BATCH)) * (1 if on_cpu else GPU_BATCHES)
    batches: tuple[Tensor, ...] = torch.arange(num_windows, device=device).split(size)
    return batches


def min_context(sp: int) -> int:
    """Fewest points before the origin of a training window: a season, so that its anchors exist."""
    return max(sp, 3)


def training_origins(panel: Panel, *, horizon: int, min_length: int) -> Rows:
    """Rows at which a window has a complete future and at least `min_length` points before it.

    A series too short for that is asked for less, down to two points. Windows without an observed point on either
    side of the origin are left out.
    """
    latest = panel.lengths - horizon
    earliest = np.minimum(min_length, np.maximum(2, latest - 3))
    counts = np.maximum(latest - earliest + 1, 0)
    starts = np.repeat(panel.bounds[:-1] + earliest, counts)
    origins: Rows = starts + np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return np.asarray(origins[_observed_on_both_sides(panel, origins, horizon)])


def hold_out_latest(panel: Panel, origins: Rows, *, horizon: int, share: float) -> tuple[Rows, Rows]:
    """Split into windows to train on and the latest of each series, whose future no training window touches."""
    instance = panel.series_of(origins)
    counts = np.bincount(instance, minlength=panel.num_instances)
    num_held_out = np.ceil(counts * share).astype(np.int64)
    rank_from_end = (counts.cumsum() - 1)[instance] - np.arange(len(origins))
    held_out = rank_from_end < num_held_out[instance]
    first_held_out = np.full(panel.num_instances, np.iinfo(np.int64).max)
    np.minimum.at(first_held_out, instance[held_out], origins[held_out])
    return origins[origins + horizon <= first_held_out[instance]], origins[held_out]


def thin(origins: Rows, max_count: int) -> Rows:
    """At most `max_count` of the origins, evenly spread."""
    if len(origins) <= max_count:
        return origins
    return origins[np.linspace(0, len(origins) - 1, max_count).astype(np.int64)]


def thin_each(origins: Rows, instance: Rows, max_count: int) -> tuple[Rows, npt.NDArray[np.float64]]:
    """At most `max_count` of the origins of each instance, evenly spread, and how many each of them stands for.

    Instances follow each other in ascending order.
    """
    counts = np.bincount(instance)
    rank, count = np.arange(len(origins)) - (counts.cumsum() - counts)[instance], counts[instance]
    kept = np.minimum(count, max_count)
    # The latest one of each of so many equal parts.
    chosen = (rank + 1) * kept // count > rank * kept // count
    return origins[chosen], (count / kept)[chosen]


def scored_origins(panel: Panel, *, horizon: int, min_length: int, stride: int, since: Rows | None = None) -> Rows:
    """Rows at which the naive forecasts are scored: every `stride` points of a series, with a complete future.

    Parameters
    ----------
    panel : Panel
        The data.
    horizon, min_length : int
        Points that are forecast, and fewest points before them.
    stride : int
        Points from one window of a series to the next, counted from the start of the series.
    since : array of shape (instances,) or None
        Number of points of each series whose windows were scored before and are left out.
    """
    first = -(-min_length // stride) * stride
    counts = np.maximum((panel.lengths - horizon - first) // stride + 1, 0)
    number = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    age = first + stride * number
    origins = np.repeat(panel.bounds[:-1], counts) + age
    return origins if since is None else np.asarray(origins[age + horizon > np.repeat(since, counts)])


def _observed_on_both_sides(panel: Panel, origins: Rows, horizon: int) -> npt.NDArray[np.bool_]:
    seen = np.isfinite(panel.values).any(axis=1)
    if seen.all():
        return np.ones(len(origins), dtype=bool)
    count = np.concatenate([[0], seen.cumsum()])
    start = panel.bounds[panel.series_of(origins)]
    before, after = count[origins] - count[start], count[origins + horizon] - count[origins]
    return np.asarray((before > 0) & (after > 0))
