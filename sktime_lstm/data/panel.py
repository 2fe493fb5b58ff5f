"""From pandas to arrays: many series on one regular grid, end to end in flat arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sktime_lstm.data.covariates import Categories, coded, kinds_of
from sktime_lstm.data.time_axis import Positions, TimeAxis, check_not_nearly_empty, find_time_axis
from sktime_lstm.validation import (
    check_each_instance_in,
    check_index,
    check_no_duplicates,
    check_observed,
    numeric_values,
)

Array = npt.NDArray[np.float64]
Labels = pd.Index
"""Labels of series, variables or covariates; what comes after this folder passes them on unread."""


@dataclass(frozen=True)
class Panel:
    """One or more series, end to end in flat arrays; a single series is a panel of one.

    Attributes
    ----------
    axis : TimeAxis
        The grid that all series share.
    time_name : object
        Name of the time level.
    keys : pd.Index or None
        Sorted labels of the instances; None for a single series without an instance level.
    columns, covariate_columns : pd.Index
        Labels of the variables and of the covariates.
    first : array of shape (instances,)
        Grid position of the first point of each instance.
    bounds : array of shape (instances + 1,)
        Instance i owns the rows ``bounds[i]`` to ``bounds[i + 1] - 1``, one for each grid point.
    values : array of shape (rows, variables)
        Observations, NaN where missing.
    covariates : array of shape (rows, covariates)
        Covariates at the same points, NaN where missing; a category is its code.
    categories : tuple of pd.Index or None
        Categories of each covariate in the order of their codes, None for one of numbers.
    """

    axis: TimeAxis
    time_name: Any
    keys: pd.Index | None
    columns: pd.Index
    covariate_columns: pd.Index
    first: Positions
    bounds: Positions
    values: Array
    covariates: Array
    categories: Categories = ()

    @property
    def num_instances(self) -> int:
        """Number of series."""
        return len(self.first)

    @property
    def lengths(self) -> Positions:
        """Number of grid points of each series, of shape (instances,)."""
        return np.diff(self.bounds)

    @property
    def last(self) -> Positions:
        """Grid position of the last point of each series, of shape (instances,)."""
        return self.first + self.lengths - 1

    def series(self, instance: int) -> Array:
        """Observations of one instance, of shape (time, variables)."""
        return self.values[self.bounds[instance] : self.bounds[instance + 1]]

    def frame(self) -> pd.DataFrame:
        """Observations of every grid point with the index and the columns of y, NaN where missing."""
        instance, position = self._labels(self.keys)
        return pd.DataFrame(self.values, self.index(instance, self.axis.stamps(position)), self.columns)

    def index(self, instance: Positions, stamps: pd.Index) -> pd.Index:
        """Index of rows that belong to these instances and time stamps, with the names of y."""
        if self.keys is None:
            return stamps.rename(self.time_name)
        # Labels are factorised once, not once for each row.
        is_multiple = isinstance(self.keys, pd.MultiIndex)
        levels: list[Any] = list(self.keys.levels) if is_multiple else [self.keys]  # type: ignore[attr-defined]
        codes: list[Any] = list(self.keys.codes) if is_multiple else [np.arange(len(self.keys))]  # type: ignore[attr-defined]
        times, time_level = pd.factorize(stamps, sort=True)
        levels.append(time_level)
        codes = [*(code[instance] for code in codes), times]
        names = [*self.keys.names, self.time_name]
        return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=False)

    def series_of(self, rows: Positions) -> Positions:
        """Number of the series that owns each flat row."""
        return np.searchsorted(self.bounds, rows, side="right") - 1

    def rows(self, instance: Positions, position: Positions) -> Positions:
        """Flat row of each grid `position` of its `instance`, also outside what is stored."""
        return self.bounds[instance] + position - self.first[instance]

    def stores(self, instance: Positions, position: Positions) -> npt.NDArray[np.bool_]:
        """Tell whether each `position` lies between the first and the last point of its `instance`."""
        return (position >= self.first[instance]) & (position <= self.last[instance])

    def static_values(self) -> Array:
        """Value of each covariate that is constant in each series but not the same in all, NaN for the others.

        Returns
        -------
        array of shape (instances, covariates)
        """
        low, high = (each.reduceat(self.covariates, self.bounds[:-1], axis=0) for each in (np.fmin, np.fmax))
        constant = ((low == high) | np.isnan(low)).all(axis=0)
        differs = np.fmin.reduce(low, axis=0) < np.fmax.reduce(high, axis=0)
        return np.where(constant & differs, low, np.nan)

    def extended(self, last: Positions, *, covariates: Array | None = None) -> Panel:
        """Append missing rows until instance i reaches grid position ``last[i]``, with these covariates of each."""
        extra = np.maximum(last - self.last, 0)
        where = np.repeat(self.bounds[1:], extra)
        return replace(
            self,
            bounds=self.bounds + np.concatenate([[0], extra.cumsum()]),
            values=np.insert(self.values, where, np.nan, axis=0),
            covariates=np.insert(
                self.covariates, where, np.nan if covariates is None else covariates.repeat(extra, axis=0), axis=0
            ),
        )

    def cut(self, instance: Positions, end: Positions, *, past: int, future: int = 0) -> Panel:
        """Cut stretches out of series, each a series of its own; one series may be cut several times.

        Parameters
        ----------
        instance, end : array of shape (stretches,)
            Series of each stretch, and grid position of its last known point.
        past : int
            Rows up to the end; as many before the last observations if those are earlier.
        future : int
            Missing rows after the end. Covariates that are stored for them stay.
        """
        last_row = self.rows(instance, end)
        kept = end - self.first[instance] + 1
        kept = np.minimum(kept, past + self._age_of_last_observation(instance, last_row, past))
        lengths = kept + future
        bounds = np.concatenate([[0], lengths.cumsum()])
        ahead = np.arange(bounds[-1]) - np.repeat(bounds[:-1] + kept - 1, lengths)
        rows = np.repeat(last_row, lengths) + ahead
        stored = rows < np.repeat(self.bounds[instance + 1], lengths)
        rows = np.minimum(rows, len(self.values) - 1)
        return replace(
            self,
            keys=None if self.keys is None else self.keys.take(instance),
            first=end - kept + 1,
            bounds=bounds,
            values=np.where((ahead <= 0)[:, None], self.values[rows], np.nan),
            covariates=np.where(stored[:, None], self.covariates[rows], np.nan),
        )

    def part(self, start: int, stop: int) -> Panel:
        """Keep the series from number `start` up to that before `stop`."""
        rows = slice(self.bounds[start], self.bounds[min(stop, self.num_instances)])
        return replace(
            self,
            keys=None if self.keys is None else self.keys[start:stop],
            first=self.first[start:stop],
            bounds=self.bounds[start : stop + 1] - self.bounds[start],
            values=self.values[rows],
            covariates=self.covariates[rows],
        )

    def _age_of_last_observation(self, instance: Positions, last_row: Positions, length: int) -> Positions:
        """Points from the last row of each stretch back to where each variable was observed; 0 if within `length`."""
        start, age = self.bounds[instance], np.zeros(len(instance), dtype=np.int64)
        latest = np.maximum(last_row[:, None] - np.arange(length), start[:, None])
        unseen = np.flatnonzero(~np.isfinite(self.values[latest]).any(axis=1).all(axis=1))
        for values in self.values.T if len(unseen) else ():
            observed = np.concatenate([[-1], np.flatnonzero(np.isfinite(values))])
            newest = observed[np.searchsorted(observed, last_row[unseen], side="right") - 1]
            age[unseen] = np.maximum(age[unseen], last_row[unseen] + 1 - np.maximum(newest, start[unseen]))
        return age

    def agrees_with(self, newer: Panel) -> Positions:
        """For each series of `newer` its number here if the points known here are the same there, else -1."""
        known = find_series(self.keys, newer.keys)
        into_newer = find_series(newer.keys, self.keys)
        instance = np.repeat(np.arange(self.num_instances), self.lengths)
        offset = np.arange(len(self.values)) - self.bounds[instance]
        there = newer.bounds[into_newer[instance]] + offset
        same = (newer.first[into_newer] == self.first)[instance] & (offset < newer.lengths[into_newer][instance])
        there = np.where(same, there, 0)
        for mine, theirs in ((self.values, newer.values), (self.covariates, newer.covariates)):
            same &= ((mine == theirs[there]) | (np.isnan(mine) & np.isnan(theirs[there]))).all(axis=1)
        unchanged = np.logical_and.reduceat(same, self.bounds[:-1])
        return np.where((known >= 0) & unchanged[known], known, -1)

    def with_covariates(self, X: pd.DataFrame, *, after: Positions | None = None) -> Panel:
        """Write `X` over the columns and rows of covariates that both have; rows of `X` elsewhere are left aside.

        Only rows beyond the grid position ``after[i]`` of instance i are written, if it is given.
        """
        rows, inside = self._rows_of(X)
        if after is not None:
            instance = self.series_of(rows)
            later = rows > self.rows(instance, after[instance])
            inside[inside], rows = later, rows[later]
        covariates, categories = self.covariates.copy(), list(self.categories or (None,) * len(self.covariate_columns))
        written = self.covariate_columns.get_indexer(X.columns)
        values, known = coded(X[inside], tuple(categories[number] for number in written))
        covariates[np.ix_(rows, written)] = values
        for number, some in zip(written, known, strict=True):
            categories[number] = some
        return replace(self, covariates=covariates, categories=tuple(categories))

    def covered_by(self, X: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Tell for each row whether `X` has a row of the same instance and time."""
        covered = np.zeros(len(self.values), dtype=bool)
        covered[self._rows_of(X)[0]] = True
        return covered

    def merged(self, newer: Panel) -> Panel:
        """Both in one; where both have a row the newer one counts, also if its value is missing."""
        keys = self.keys if self.keys is None or newer.keys is None else self.keys.union(newer.keys)
        old, new = self._labels(keys), newer._labels(keys)
        blank = replace(self, axis=newer.axis, keys=keys, categories=newer.categories)._blank(
            *np.concatenate([old, new], axis=1)
        )
        for part, (instance, position) in ((self, old), (newer, new)):
            rows = blank.rows(instance, position)
            blank.values[rows], blank.covariates[rows] = part.values, part.covariates
        return blank

    def _rows_of(self, X: pd.DataFrame) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """Rows of this panel that have a row in `X`, and which rows of `X` those are; the others are left aside."""
        instance, stamps = _split(X.index, self.keys)
        position, on_grid = self.axis.find_rounded_up(stamps)
        inside = (instance >= 0) & on_grid & self.stores(instance, position)
        return self.rows(instance, position)[inside], inside

    def _labels(self, keys: pd.Index | None) -> Positions:
        """Instance, numbered as in `keys`, and grid position of every row, of shape (2, rows)."""
        number = np.zeros(1, dtype=np.int64)
        if keys is not None and self.keys is not None:
            number = keys.get_indexer(self.keys)
        position = np.arange(len(self.values)) - np.repeat(self.bounds[:-1] - self.first, self.lengths)
        return np.stack([np.repeat(number, self.lengths), position])

    def _blank(self, instance: Positions, position: Positions) -> Panel:
        """Make room for rows at these positions: every array is new and missing."""
        num_instances = 1 if self.keys is None else len(self.keys)
        first = np.full(num_instances, np.iinfo(np.int64).max)
        last = np.full(num_instances, np.iinfo(np.int64).min)
        np.minimum.at(first, instance, position)
        np.maximum.at(last, instance, position)
        bounds = np.concatenate([[0], np.cumsum(last - first + 1)])
        check_not_nearly_empty(int(bounds[-1]), len(position))
        missing = [np.full((bounds[-1], len(c)), np.nan) for c in (self.columns, self.covariate_columns)]
        return replace(self, first=first, bounds=bounds, values=missing[0], covariates=missing[1])


def read_panel(y: pd.DataFrame, X: pd.DataFrame | None, *, memory: Panel | None = None) -> Panel:
    """Read sktime's inner frames, whose index is the time, or instance levels and then the time.

    With `memory` the new panel lies on the grid of what is known already.
    """
    check_index(y.index)
    check_no_duplicates(y.index)
    keys = _instance_keys(y.index)
    instance, stamps = _split(y.index, keys)
    axis = _continued_axis(memory, stamps) if memory is not None else find_time_axis(stamps, groups=instance)
    position = axis.positions(stamps)
    kinds = () if X is None else kinds_of(X) if memory is None else memory.categories
    panel = replace(_nothing(axis, keys, y, X), categories=kinds)._blank(instance, position)
    panel.values[panel.rows(instance, position)] = numeric_values(y, "y")
    _check_observed(panel, memory)
    if X is None:
        return panel
    check_no_duplicates(X.index)
    check_each_instance_in(panel.keys, X.index)
    return panel.with_covariates(X)


def find_series(known: Labels | None, wanted: Labels | None) -> Positions:
    """Row of each of the `wanted` series among the `known` ones, -1 where there is none.

    None stands for a single series without a label.
    """
    if known is None or wanted is None:
        return np.full(1 if wanted is None else len(wanted), 0 if known is wanted else -1)
    return np.asarray(known.get_indexer(wanted), dtype=np.int64)


def no_series() -> Labels:
    """Labels of no series at all."""
    return pd.Index([])


def unnamed(number: int) -> Labels:
    """Labels of so many columns that have no names, as those of a series."""
    return pd.RangeIndex(number)


def unused_name(name: Any, taken: Iterable[Any]) -> Any:
    """Return the name, with underscores appended until it is none of those taken."""
    taken = set(taken)
    while name in taken:
        name = f"{name}_"
    return name


def sampled_index(index: pd.Index, num_samples: int) -> pd.MultiIndex:
    """Index of so many samples of rows with this `index`, one after the other, under a first level ``sample``.

    An underscore is appended to its name if the index has such a level already.
    """
    numbers = np.arange(num_samples)
    return under_level(index, pd.Index(numbers), np.repeat(numbers, len(index)), name="sample")


def under_level(index: pd.Index, labels: pd.Index, codes: Positions, *, name: str) -> pd.MultiIndex:
    """Put a first level above an index, which is repeated until it has a row for each of the codes of the labels.

    An underscore is appended to the name if the index has such a level already.
    """
    levels = [index.get_level_values(level) for level in range(index.nlevels)]
    # Labels are factorised once, not once for each repetition.
    below, labels_below = zip(*(pd.factorize(level) for level in levels), strict=True)
    all_labels: list[Any] = [labels, *labels_below]
    all_codes: list[Any] = [codes, *(np.tile(code, len(codes) // max(len(index), 1)) for code in below)]
    return pd.MultiIndex(levels=all_labels, codes=all_codes, names=[unused_name(name, index.names), *index.names])


def _nothing(axis: TimeAxis, keys: pd.Index | None, y: pd.DataFrame, X: pd.DataFrame | None) -> Panel:
    whole, none = np.zeros(0, dtype=np.int64), np.zeros((0, 0))
    covariate_columns = pd.Index([]) if X is None else X.columns
    return Panel(axis, y.index.names[-1], keys, y.columns, covariate_columns, whole, whole, none, none)


def _instance_keys(index: pd.Index) -> pd.Index | None:
    """Labels of the instances in sorted order, or in order of appearance where they cannot be compared."""
    if not isinstance(index, pd.MultiIndex):
        return None
    keys = index.droplevel(-1).unique()
    try:
        return keys.sort_values()
    except TypeError:
        return keys


def _split(index: pd.Index, keys: pd.Index | None) -> tuple[Positions, pd.Index]:
    """Instance number (-1 if it is not in `keys`) and time stamp of every row."""
    if not isinstance(index, pd.MultiIndex) or keys is None:
        return np.zeros(len(index), dtype=np.int64), index
    return keys.get_indexer(index.droplevel(-1)), index.get_level_values(-1)


def _continued_axis(memory: Panel, stamps: pd.Index) -> TimeAxis:
    """Grid of the memory; where a single stamp left its step unknown, old and new stamps together show it."""
    if memory.axis.step is not None:
        return memory.axis
    together = pd.DatetimeIndex([memory.axis.start]).append(pd.DatetimeIndex(stamps))
    return replace(memory.axis, step=find_time_axis(together).step)


def _check_observed(panel: Panel, memory: Panel | None) -> None:
    """Check that every series has an observation, now or in memory."""
    counts = np.add.reduceat(np.isfinite(panel.values), panel.bounds[:-1], axis=0, dtype=np.float64)
    if memory is not None:
        counts[find_series(memory.keys, panel.keys) >= 0] = 1.0
    check_observed(counts, panel.keys)
