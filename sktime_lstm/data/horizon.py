"""Resolve a forecasting horizon into rows and forecast origins."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sktime_lstm.data.panel import Panel
from sktime_lstm.data.time_axis import Positions


@dataclass(frozen=True)
class ResolvedHorizon:
    """Rows to forecast, instance after instance, times ascending; all arrays have shape (rows,).

    Attributes
    ----------
    index : pd.Index
        Index of the forecast.
    instance : array of int
        Series of each row.
    position : array of int
        Grid position of each row.
    origin : array of int
        Grid position of the first point that the forecast may not know: one after the cutoff for rows after it, the
        row itself for rows in the past, whose forecast is one step ahead.
    is_future : array of bool
        Whether the row comes after the cutoff of its series.
    """

    index: pd.Index
    instance: Positions
    position: Positions
    origin: Positions
    is_future: npt.NDArray[np.bool_]

    @property
    def step(self) -> Positions:
        """Steps ahead of the last known point, 1 or more."""
        return self.position - self.origin + 1

    def only(self, chosen: npt.NDArray[np.bool_]) -> ResolvedHorizon:
        """Ask for the `chosen` rows alone."""
        return ResolvedHorizon(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def resolve_horizon(panel: Panel, fh: Any, cutoff: Any) -> ResolvedHorizon:
    """Translate sktime's forecasting horizon at the time stamp `cutoff`; each series ends at its own last point."""
    cutoffs = np.minimum(panel.last, panel.axis.position_before(cutoff))
    labels, position = _wanted(panel, fh, cutoff, cutoffs)
    rows_each = len(position) // panel.num_instances
    instance = np.repeat(np.arange(panel.num_instances), rows_each)
    unknown = cutoffs[instance] + 1
    origin = np.maximum(np.minimum(position, unknown), panel.first[instance])
    return ResolvedHorizon(panel.index(instance, labels), instance, position, origin, position >= unknown)


def last_windows(panel: Panel, cutoff: Any, *, past: int, future: int) -> ResolvedHorizon:
    """Ask for so many points of the past and of the future of each series, all as seen from its end.

    Parameters
    ----------
    panel : Panel
        What is known.
    cutoff : time stamp
        No series ends later; each has its own end.
    past, future : int
        Number of grid points up to the end and after it.
    """
    ends = np.minimum(panel.last, panel.axis.position_before(cutoff))
    position = np.add.outer(ends, np.arange(1 - past, 1 + future)).ravel()
    instance = np.repeat(np.arange(panel.num_instances), past + future)
    unknown = ends[instance] + 1
    index = panel.index(instance, panel.axis.stamps(position))
    return ResolvedHorizon(index, instance, position, unknown, position >= unknown)


def _wanted(panel: Panel, fh: Any, cutoff: Any, cutoffs: Positions) -> tuple[pd.Index, Positions]:
    """Labels and grid positions of all rows, series after series."""
    wanted = fh.to_pandas()
    if not fh.is_relative or isinstance(wanted, pd.TimedeltaIndex):
        labels = cutoff + wanted if fh.is_relative else wanted
        return _repeated(labels, panel.num_instances), np.tile(
            panel.axis.positions_rounded_up(labels), panel.num_instances
        )
    steps = wanted.to_numpy(dtype=np.int64)
    if panel.axis.is_integer:
        ends = np.minimum(int(cutoff), panel.axis.stamps(cutoffs).to_numpy()) if panel.keys is not None else [cutoff]
        labels = pd.Index(np.add.outer(np.asarray(ends, dtype=np.int64), steps).ravel())
        return labels, panel.axis.positions_rounded_up(labels)
    position = np.add.outer(cutoffs, steps).ravel()
    return panel.axis.stamps(position), position


def _repeated(labels: pd.Index, times: int) -> pd.Index:
    return labels if times == 1 else labels.take(np.tile(np.arange(len(labels)), times))
