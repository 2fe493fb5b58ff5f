"""How wrong each naive forecast has been in each series so far: what the mixture that training starts from rests on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from sktime_lstm.anchors.naive import ANCHORS, anchors_of
from sktime_lstm.data.scaling import ScaleOf
from sktime_lstm.data.windows import ScaledWindows, WindowBatch, WindowIndex, split_into_batches

PRIOR_WINDOWS = 5.0
MIN_RELATIVE_ERROR = 1e-3
MANY_BATCHES = 100
FEWEST_WINDOWS = 2


def anchor_errors(window: WindowBatch, target: Tensor) -> Tensor:
    """Mean absolute error of each naive forecast in scaled windows.

    Returns
    -------
    Tensor of shape (batch, variable, anchor)
        NaN where no target was observed, or where the anchor does not exist.
    """
    errors: Tensor = (anchors_of(window) - target[..., None]).abs().nanmean(1)
    return errors


def own_errors(variables: int) -> Tensor:
    """Prior errors that leave each series to what it has shown itself, of shape (variable, anchor): NaN."""
    return torch.full((variables, len(ANCHORS)), torch.nan)


@dataclass(frozen=True)
class ErrorSums:
    """Sums over the scored windows of each series: all that a forecast from the end of a series needs to know of them.

    Attributes
    ----------
    total, count : Tensor of shape (instances, variable, anchor), float64
        Sum of the errors of each naive forecast, and how many there were.
    """

    total: Tensor
    count: Tensor

    def at_the_end(self, bounds: Tensor) -> TrackRecord:
        """Track record of series with these bounds that was complete before their first row."""
        sums = torch.stack([self.total, self.count]).cumsum(1)
        return TrackRecord(bounds[:-1], pad(sums, (0, 0, 0, 0, 1, 0)), bounds)

    def only(self, chosen: Tensor) -> ErrorSums:
        """Sums of the series of these numbers alone."""
        return ErrorSums(self.total[chosen], self.count[chosen])

    def plus(self, newer: ErrorSums, known: Tensor) -> ErrorSums:
        """Sums with those of further windows; series i of `newer` is series ``known[i]`` here, or new if that is -1."""
        old = (known >= 0)[:, None, None]
        total, count = (torch.where(old, sums[known], 0.0) for sums in (self.total, self.count))
        return ErrorSums(newer.total + total, newer.count + count)


@dataclass(frozen=True)
class TrackRecord:
    """Running sums of the errors of each naive forecast over the scored windows of all series.

    Weights by past errors go back to Bates and Granger (1969), "The combination of forecasts".

    Attributes
    ----------
    last_rows : Tensor of shape (scored,)
        Last row of each scored window, ascending: after it the error is known.
    sums : Tensor of shape (2, scored + 1, variable, anchor), float64
        Sum of the errors, and their number, over the windows before each.
    bounds : Tensor of shape (instances + 1,)
        Instance i owns the rows ``bounds[i]`` to ``bounds[i + 1] - 1``.
    """

    last_rows: Tensor
    sums: Tensor
    bounds: Tensor

    def errors_at(self, origins: Tensor, prior: Tensor) -> Tensor:
        """Mean error of each naive forecast in the series of each origin, from windows that end before it.

        Where a series has shown little so far, the prior errors count as those of a few more windows.

        Parameters
        ----------
        origins : Tensor of shape (batch,)
            Rows of the first future points.
        prior : Tensor of shape (variable, anchor)
            Errors over the windows of all series; NaN to take what the series itself has shown until then.

        Returns
        -------
        Tensor of shape (batch, variable, anchor)
            Never 0: an anchor that was always right counts as a thousandth of the worst one. Where nothing is known
            all are the same, and tiny.
        """
        total, count = self._sums_at(origins)
        # Of several forecasts one is nearly right by chance in a single window, which tells nothing of the next one.
        alone = prior.isnan() & (count < FEWEST_WINDOWS)
        total, count = (each.masked_fill(alone, 0.0) for each in (total, count))
        prior = torch.where(prior.isnan(), total / count.clamp(min=1), prior)
        mean = (total + PRIOR_WINDOWS * prior) / (count + PRIOR_WINDOWS)
        floor = MIN_RELATIVE_ERROR * mean.amax(-1, keepdim=True)
        return torch.maximum(mean, floor).clamp(min=torch.finfo(torch.float32).tiny).float()

    def _sums_at(self, origins: Tensor) -> Tensor:
        """Sum of the errors, and their number, in the series of each origin: (2, batch, variable, anchor)."""
        return self._sums_of(torch.searchsorted(self.bounds, origins, right=True) - 1, origins)

    def _sums_of(self, instance: Tensor, origins: Tensor) -> Tensor:
        before, known = (torch.searchsorted(self.last_rows, rows) for rows in (self.bounds[instance], origins))
        return self.sums[:, known] - self.sums[:, before]

    def sums_before(self, instance: Tensor, origins: Tensor) -> ErrorSums:
        """Sums over the scored windows of these series that end before these rows."""
        total, count = self._sums_of(instance, origins)
        return ErrorSums(total, count)

    def totals(self) -> ErrorSums:
        """Sums over all scored windows of each series."""
        places = torch.searchsorted(self.last_rows, self.bounds)
        total, count = self.sums[:, places].diff(dim=1)
        return ErrorSums(total, count)


@dataclass(frozen=True)
class KnownErrors:
    """Errors of a track record with a prior: what the windows of a panel know of the naive forecasts."""

    record: TrackRecord
    prior: Tensor

    def __call__(self, origins: Tensor) -> Tensor:
        """Mean errors at these origins, of shape (batch, variable, anchor)."""
        return self.record.errors_at(origins, self.prior)

    def to(self, device: torch.device) -> KnownErrors:
        """Same on a device."""
        record = self.record
        moved = TrackRecord(*(each.to(device) for each in (record.last_rows, record.sums, record.bounds)))
        return KnownErrors(moved, self.prior.to(device))


def score_anchors(windows: WindowIndex, scale_of: ScaleOf, *, weight: int, verbose: bool = False) -> TrackRecord:
    """Score every naive forecast on windows whose future is known.

    Parameters
    ----------
    windows : WindowIndex
        Windows in ascending order of their origins, each with its whole future in the data.
    scale_of : callable
        Scale of each window; one that does not vary shows nothing.
    weight : int
        As how many windows each one counts.
    verbose : bool
        Whether a bar counts the batches, if there are many.
    """
    errors = torch.empty(len(windows), windows.values.shape[1], len(ANCHORS), dtype=torch.float32)
    batches = split_into_batches(len(windows), windows.points_per_window)
    quiet = not verbose or len(batches) < MANY_BATCHES
    for chosen in tqdm(batches, disable=quiet, desc="naive forecasts", unit="batch"):
        window, target = windows.batch(chosen), windows.target(chosen)
        scale = scale_of(window.recent)
        wrong = anchor_errors(window.scaled(scale), scale.bounded(scale.apply(target)).float())
        errors[chosen] = wrong.masked_fill(scale.scale.transpose(1, 2) == 0, torch.nan)
    seen = torch.isfinite(errors)
    sums = weight * torch.stack([errors.nan_to_num().double(), seen.double()]).cumsum(1)
    return TrackRecord(windows.origins + windows.horizon - 1, pad(sums, (0, 0, 0, 0, 1, 0)), windows.bounds)


def mean_errors(windows: ScaledWindows) -> Tensor:
    """Error of each naive forecast over all windows, of shape (variable, anchor); 0 where it does not exist."""
    batches = split_into_batches(len(windows), windows.windows.points_per_window)
    return torch.cat([anchor_errors(*windows.batch(chosen)) for chosen in batches]).nanmean(0).nan_to_num()
