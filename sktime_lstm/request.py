"""What a forecasting horizon asks for: which rows, each answered from which origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sktime_lstm.series import Panel
from sktime_lstm.time_axis import Positions


@dataclass(frozen=True)
class Request:
    """Rows of an answer, instance after instance, times ascending; all arrays have shape (rows,).

    Attributes
    ----------
    index : pd.Index
        Index of the answer.
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


def make_request(panel: Panel, fh: Any, cutoff: Any) -> Request:
    """Translate sktime's forecasting horizon at the time stamp `cutoff`; each series ends at its own last point."""
    cutoffs = np.minimum(panel.last, panel.axis.position_before(cutoff))
    labels, position = _wanted(panel, fh, cutoff, cutoffs)
    rows_each = len(position) // panel.num_instances
    instance = np.repeat(np.arange(panel.num_instances), rows_each)
    unknown = cutoffs[instance] + 1
    origin = np.maximum(np.minimum(position, unknown), panel.first[instance])
    return Request(_answer_index(panel, instance, labels), instance, position, origin, position >= unknown)


def _wanted(panel: Panel, fh: Any, cutoff: Any, cutoffs: Positions) -> tuple[pd.Index, Positions]:
    """Labels and grid positions of all rows, series after series."""
    wanted = fh.to_pandas()
    if not fh.is_relative or isinstance(wanted, pd.TimedeltaIndex):
        labels = cutoff + wanted if fh.is_relative else wanted
        return _repeated(labels, panel.num_instances), np.tile(panel.axis.answering(labels), panel.num_instances)
    steps = wanted.to_numpy(dtype=np.int64)
    if panel.axis.is_integer:
        ends = np.minimum(int(cutoff), panel.axis.stamps(cutoffs).to_numpy()) if panel.keys is not None else [cutoff]
        labels = pd.Index(np.add.outer(np.asarray(ends, dtype=np.int64), steps).ravel())
        return labels, panel.axis.answering(labels)
    position = np.add.outer(cutoffs, steps).ravel()
    return panel.axis.stamps(position), position


def _repeated(labels: pd.Index, times: int) -> pd.Index:
    return labels if times == 1 else labels.take(np.tile(np.arange(len(labels)), times))


def _answer_index(panel: Panel, instance: Positions, labels: pd.Index) -> pd.Index:
    if panel.keys is None:
        return labels.rename(panel.time_name)
    keys = panel.keys[instance].to_frame(index=False)
    arrays = [keys[column] for column in keys.columns]
    return pd.MultiIndex.from_arrays([*arrays, labels], names=[*panel.keys.names, panel.time_name])
