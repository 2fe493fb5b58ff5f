"""Resolve a forecasting horizon into rows and forecast origins."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sktime_lstm.data.panel import Panel
from sktime_lstm.data.time_axis import Positions

Flags = npt.NDArray[np.bool_]


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
    is_future: Flags

    @property
    def step(self) -> Positions:
        """Steps ahead of the last known point, 1 or more."""
        return self.position - self.origin + 1

    def only(self, chosen: Flags) -> ResolvedHorizon:
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


def resolve_at(panel: Panel, steps: Positions, cutoffs: Positions) -> tuple[ResolvedHorizon, Positions]:
    """Ask for `steps` >= 1 after each of several cutoffs, cutoff after cutoff, then series after series.

    Parameters
    ----------
    panel : Panel
        What is known. A series that ends before a cutoff is forecast from its end; one that begins later is left out.
    steps : array of shape (steps,)
        Steps ahead, ascending.
    cutoffs : array of shape (cutoffs,)
        Grid positions.

    Returns
    -------
    ResolvedHorizon, and array of shape (rows,)
        The number of the cutoff of each row.
    """
    ends = np.minimum(cutoffs[:, None], panel.last)
    cutoff, instance = np.nonzero(ends >= panel.first)
    ends = ends[cutoff, instance]
    if panel.axis.is_integer:
        # sktime counts integer stamps in index units.
        labels = pd.Index(np.add.outer(panel.axis.stamps(ends).to_numpy(), steps).ravel())
        position = panel.axis.positions_rounded_up(labels)
    else:
        position = np.add.outer(ends, steps).ravel()
        labels = panel.axis.stamps(position)
    instance, origin = np.repeat(instance, len(steps)), np.repeat(ends + 1, len(steps))
    rows = ResolvedHorizon(
        panel.index(instance, labels), instance, position, origin, np.ones(len(position), dtype=bool)
    )
    return rows, np.repeat(cutoff, len(steps))


def pairs_of(rows: ResolvedHorizon) -> Positions:
    """Number of the first row of each pair of series and origin."""
    changes = (np.diff(rows.instance) != 0) | (np.diff(rows.origin) != 0)
    return np.flatnonzero(np.append(True, changes))


def future_steps(fh: Any) -> Positions:
    """Steps of a horizon that counts from any cutoff, ascending."""
    steps = fh.to_pandas()
    if not fh.is_relative or not pd.api.types.is_integer_dtype(steps) or steps.min() < 1:
        raise ValueError(f"fh must count steps from each cutoff, 1 or more, for example fh=[1, 2, 3]; got {fh}.")
    return np.asarray(steps, dtype=np.int64)


def find_cutoffs(panel: Panel, cutoffs: Any) -> tuple[pd.Index, Positions]:
    """Distinct cutoffs in ascending order, and their grid positions."""
    given = [cutoffs] if isinstance(cutoffs, str) or not np.iterable(cutoffs) else cutoffs
    stamps = _as_stamps(panel, given).unique().sort_values()
    if not len(stamps):
        raise ValueError("cutoffs is empty. Pass at least one time stamp of y after which forecasts are to start.")
    position, found = panel.axis.find(stamps)
    outside = ~found | (position < panel.first.min()) | (position > panel.last.max())
    if outside.any():
        first, last = panel.axis.stamps(np.array([panel.first.min(), panel.last.max()]))
        raise ValueError(
            f"cutoffs holds {stamps[outside][0]}, which is no time stamp of the data seen: they reach from {first} to "
            f"{last}. Pass cutoffs from among these, or later observations as y."
        )
    return stamps, position


def _as_stamps(panel: Panel, cutoffs: Any) -> pd.Index:
    """Time stamps of the kind that the panel has."""
    start = panel.axis.start
    try:
        if isinstance(start, pd.Period):
            return pd.PeriodIndex(cutoffs, freq=start.freq)
        if isinstance(start, pd.Timestamp):
            stamps = pd.DatetimeIndex(cutoffs)
            return stamps.tz_localize(start.tz) if stamps.tz is None and start.tz is not None else stamps
        return pd.Index(np.asarray(cutoffs).astype(np.int64, casting="safe"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"cutoffs must be time stamps like those of y, such as {start!r}; got {cutoffs!r}.") from error


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
