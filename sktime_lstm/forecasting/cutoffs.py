"""What was known of each series at earlier cutoffs, as if the forecaster had moved on from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from sktime_lstm.anchors.track_record import ErrorSums
from sktime_lstm.data.horizon import Flags, ResolvedHorizon, pairs_of
from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.data.time_axis import Positions
from sktime_lstm.forecasting.preprocessing import ENOUGH_FOR_A_UNIT, HistorySummary, Preprocessing, num_observed


@dataclass(frozen=True)
class Standpoints:
    """Pairs of a cutoff and a series that has begun by then, cutoff after cutoff; arrays have shape (pairs,).

    Attributes
    ----------
    panel : Panel
        The series, with what came after the cutoffs.
    cutoff : array of int
        Number of the cutoff, ascending in time.
    instance : array of int
        Series, ascending within a cutoff.
    end : array of int
        Grid position of the last point of the series at the cutoff.
    """

    panel: Panel
    cutoff: Positions
    instance: Positions
    end: Positions

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.end)

    def histories(self, chosen: Positions) -> Panel:
        """Everything up to these standpoints, each a series of its own."""
        return self.panel.cut(self.instance[chosen], self.end[chosen], past=int(self.panel.lengths.max()))

    @property
    def series_by_series(self) -> Positions:
        """Numbers of the pairs in the order of series and then cutoff."""
        return np.lexsort((self.cutoff, self.instance))

    def previous(self) -> Positions:
        """Number of the pair of the same series at the cutoff before, -1 for none."""
        order, before = self.series_by_series, np.full(len(self), -1)
        same = np.append(False, np.diff(self.instance[order]) == 0)
        before[order] = np.where(same, np.roll(order, 1), -1)
        return before

    def num_observed(self) -> Positions:
        """Fewest observations of a variable up to each standpoint."""
        seen = np.isfinite(self.panel.values).cumsum(axis=0)
        seen = np.concatenate([np.zeros_like(seen[:1]), seen])
        upto, start = self.panel.rows(self.instance, self.end) + 1, self.panel.bounds[self.instance]
        return np.asarray((seen[upto] - seen[start]).min(axis=1))


def standpoints(panel: Panel, rows: ResolvedHorizon, cutoff: Positions) -> Standpoints:
    """Where the forecasts of these rows start, of which `cutoff` holds the number of the cutoff of each."""
    first = pairs_of(rows)
    return Standpoints(panel, cutoff[first], rows.instance[first], rows.origin[first] - 1)


def summaries_at(
    preprocessing: Preprocessing,
    at: Standpoints,
    *,
    known: HistorySummary,
    known_panel: Panel,
    verbose: bool = False,
) -> HistorySummary:
    """Summary of the history up to each standpoint.

    It is the one that `Preprocessing.updated_summary` comes to when it moves on from cutoff to cutoff, beginning with
    what is `known`, the summary of `known_panel`; a series that was known beyond the first cutoff is summarised anew.
    Without long seasons the errors of the naive forecasts at all cutoffs are read off one track record; else
    each cutoff is looked at, and a bar counts them if `verbose`.
    """
    of_first = np.flatnonzero(at.cutoff == at.cutoff[0])
    number = np.where(num_observed(known_panel) >= ENOUGH_FOR_A_UNIT, np.arange(known_panel.num_instances), -1)
    number = np.append(number, -1)[known_panel.agrees_with(at.histories(of_first))]
    is_new = _with_new_units(at, of_first[number >= 0])
    if preprocessing.long_seasons or (preprocessing.effect.any() and is_new[len(of_first) :].any()):
        return HistorySummary.joined(list(_moved_on(preprocessing, at, known, known_panel, verbose=verbose)))
    units = _units(preprocessing, at, is_new, known.units[number])
    return HistorySummary(at.end, units, _error_sums(preprocessing, at, units))


def _with_new_units(at: Standpoints, known: Positions) -> Flags:
    """Whether the unit of a series is estimated at a standpoint, since it was hardly known before."""
    before, enough = at.previous(), at.num_observed() >= ENOUGH_FOR_A_UNIT
    is_new = np.where(before >= 0, ~enough[before], True)
    is_new[known] = False
    return is_new


def _units(preprocessing: Preprocessing, at: Standpoints, is_new: Flags, known: Array) -> Array:
    """Typical change of the series at each standpoint; those of the first ones are `known` where they are not new."""
    units = np.full((len(at), known.shape[1]), np.nan)
    units[: len(known)] = known
    chosen = np.flatnonzero(is_new)
    if len(chosen):
        units[chosen] = preprocessing.units(at.histories(chosen))
    # In between the unit stays what it was at the cutoff before.
    order, numbers = at.series_by_series, np.arange(len(at))
    estimated = (is_new | (numbers < len(known)))[order]
    latest = np.empty_like(numbers)
    latest[order] = order[np.maximum.accumulate(np.where(estimated, numbers, 0))]
    return units[latest]


def _error_sums(preprocessing: Preprocessing, at: Standpoints, units: Array) -> ErrorSums:
    """Errors of the naive forecasts before each standpoint."""
    panel, of_series = at.panel, np.zeros((at.panel.num_instances, units.shape[1]))
    of_series[at.instance] = units
    windows = preprocessing.window_index(panel, preprocessing.explained(panel, of_series))
    origins = panel.rows(at.instance, at.end) + 1
    record = preprocessing.track_record(panel, windows)
    return record.sums_before(torch.from_numpy(at.instance), torch.from_numpy(origins))


def _moved_on(
    preprocessing: Preprocessing, at: Standpoints, known: HistorySummary, known_panel: Panel, *, verbose: bool
) -> Iterator[HistorySummary]:
    """Summaries at one cutoff after the other."""
    for cutoff in tqdm(np.unique(at.cutoff), disable=not verbose, unit="cutoff"):
        panel = at.histories(np.flatnonzero(at.cutoff == cutoff))
        known, known_panel = preprocessing.updated_summary(known, known_panel, panel), panel
        yield known
