"""The regular time axis: from time stamps to integer positions and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Positions = npt.NDArray[np.int64]

ADVICE = (
    "LSTMForecaster needs regularly spaced time stamps, with or without gaps. Use y.asfreq(...), "
    "y.resample(...).mean() or a PeriodIndex."
)
MAX_ROWS_PER_POINT = 20
MAX_GRID = 100_000_000
# Steps of fixed length; the others, days among them, follow the clock on the wall.
CLOCK_STEPS = (
    pd.offsets.Hour,
    pd.offsets.Minute,
    pd.offsets.Second,
    pd.offsets.Milli,
    pd.offsets.Micro,
    pd.offsets.Nano,
)
SHORTEST_DAY = pd.Timedelta(hours=20)


@dataclass(frozen=True)
class TimeAxis:
    """Integer positions on a regular grid of time stamps; ``start`` has position 0.

    Attributes
    ----------
    start : int, pd.Period or pd.Timestamp
        A time stamp on the grid.
    step : int, pd.offsets.BaseOffset or None
        Distance of neighbouring stamps; None when a single time stamp without a frequency left it unknown.
    """

    start: Any
    step: Any

    def positions(self, index: pd.Index) -> Positions:
        """Grid position of every stamp of `index`; a stamp off the grid is an error."""
        positions, found = self.find(index)
        if not found.all():
            raise ValueError(self._off_grid(index[~found][0]))
        return positions

    def find(self, index: pd.Index) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """Grid position of every stamp of `index`, and whether the stamp lies on the grid."""
        if len(index) == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
        if isinstance(index, pd.DatetimeIndex):
            return self._find_dates(index)
        positions, rest = np.divmod(self._distance(index), self._stride)
        return positions, rest == 0

    def positions_rounded_up(self, index: pd.Index) -> Positions:
        """Like `positions`, but an integer between two grid points stands for the later one.

        sktime counts integer stamps in index units: on the grid 0, 2, 4 one step after 4 is 5, which stands for 6.
        """
        if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
            return self.positions(index)
        return -(-self._distance(index) // self._stride)

    def find_rounded_up(self, index: pd.Index) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """Like `find`, with integers as in `positions_rounded_up`."""
        if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
            return self.find(index)
        return self.positions_rounded_up(index), np.ones(len(index), dtype=bool)

    def position_before(self, stamp: Any) -> int:
        """Position of the last grid point that is not later than `stamp`."""
        if isinstance(stamp, pd.Timestamp):
            return self._wall_position_before(self._wall(pd.DatetimeIndex([stamp]))[0])
        return int((self._distance(pd.Index([stamp])) // self._stride).item())

    def stamps(self, positions: Positions) -> pd.Index:
        """Time stamps of grid `positions`, in the order given."""
        low, high = int(positions.min(initial=0)), int(positions.max(initial=0))
        grid = self._grid(low, high)
        if len(positions) and (np.diff(positions) == 1).all():
            return grid[positions[0] - low : positions[-1] - low + 1]
        return grid.take(positions - low)

    @property
    def is_integer(self) -> bool:
        """Whether the stamps are whole numbers."""
        return not isinstance(self.start, pd.Period | pd.Timestamp)

    def _grid(self, low: int, high: int) -> pd.Index:
        """All stamps from position `low` (at most 0) to `high` (at least 0)."""
        if isinstance(self.start, pd.Timestamp):
            return self._calendar(low, high)
        if isinstance(self.start, pd.Period):
            return pd.period_range(self.start + low, periods=high - low + 1)
        integers: pd.Index = pd.Index(self.start + self.step * np.arange(low, high + 1))
        return integers

    def _calendar(self, low: int, high: int) -> pd.DatetimeIndex:
        """Stamps of a grid of dates; a time that the clock skips is the first one after it."""
        wall = self._wall_grid(low, high)
        if self._on_wall:
            wall = _localised(wall, self.start.tz)
        try:
            return pd.DatetimeIndex(wall, freq=self.step)
        except ValueError:  # The clock has skipped a stamp.
            return wall

    @property
    def _on_wall(self) -> bool:
        """Whether the grid follows the clock of a time zone, which jumps twice a year."""
        return self.start.tz is not None and not isinstance(self.step, CLOCK_STEPS)

    def _wall(self, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Stamps as the grid counts them: on the clock of the time zone if it follows that."""
        return _wall_time(index, self.start.tz) if self._on_wall else index

    def _wall_grid(self, low: int, high: int) -> pd.DatetimeIndex:
        start = self._wall(pd.DatetimeIndex([self.start]))
        if self.step is None:
            if low or high:
                raise ValueError(f"The time stamps of y have no frequency that could be found. {ADVICE}")
            return start
        unit = self.start.unit
        later: pd.DatetimeIndex = pd.date_range(start[0], periods=high + 1, freq=self.step, unit=unit)
        earlier: pd.DatetimeIndex = pd.date_range(end=start[0], periods=1 - low, freq=self.step, unit=unit)
        return later if low == 0 else pd.DatetimeIndex(earlier[:-1].append(later))

    def _find_dates(self, index: pd.DatetimeIndex) -> tuple[Positions, npt.NDArray[np.bool_]]:
        wall, low, high = self._wall(index), 0, 0
        if self.step is not None:
            self._check_within_reach(wall)
            low = min(self._wall_position_before(wall.min()), 0)
            high = max(self._wall_position_before(wall.max()), 0)
        found = self._wall_grid(low, high).get_indexer(wall)
        return found.astype(np.int64) + low, found >= 0

    def _check_within_reach(self, wall: pd.DatetimeIndex) -> None:
        """Refuse stamps so far away that the grid up to them would not fit into memory."""
        start = self._wall(pd.DatetimeIndex([self.start]))[0]
        farthest = max(abs(wall.min() - start), abs(wall.max() - start))
        check_not_nearly_empty(int(farthest / (start + self.step - start)), MAX_GRID // MAX_ROWS_PER_POINT)

    def _wall_position_before(self, stamp: pd.Timestamp) -> int:
        start = self._wall(pd.DatetimeIndex([self.start]))[0]
        if self.step is None:
            return 0 if stamp >= start else -1
        if stamp >= start:
            return len(pd.date_range(start, stamp, freq=self.step)) - 1
        steps = 1
        while self._wall_grid(-steps, 0)[0] > stamp:
            steps *= 2
        return int(self._wall_grid(-steps, 0).searchsorted(stamp, side="right")) - 1 - steps

    @property
    def _stride(self) -> int:
        return int(self.start.freq.n) if isinstance(self.start, pd.Period) else int(self.step)

    def _distance(self, index: pd.Index) -> Positions:
        return self._ordinals(index) - self._ordinals(pd.Index([self.start]))

    @staticmethod
    def _ordinals(index: pd.Index) -> Positions:
        return index.astype("int64").to_numpy(dtype=np.int64, copy=True)

    def _off_grid(self, stamp: Any) -> str:
        step = getattr(self.step, "freqstr", self.step)
        return f"Time stamp {stamp} is not on the grid that starts at {self.start} with step {step}. {ADVICE}"


def find_time_axis(index: pd.Index, *, groups: Positions | None = None) -> TimeAxis:
    """Find the regular grid under the stamps `index` of one or more series.

    Parameters
    ----------
    index : pd.Index
        Time stamps, those of one series after those of another.
    groups : array of int or None
        Number of the series of each stamp; None for one series.
    """
    start = index.min()
    if isinstance(index, pd.DatetimeIndex):
        return TimeAxis(start, index.freq if index.freq is not None else _infer_offset(index, groups))
    if isinstance(index, pd.PeriodIndex):
        axis = TimeAxis(start, index.freq)
    else:
        axis = TimeAxis(int(start), _common_step(index.to_numpy()))
    check_not_nearly_empty(axis.position_before(index.max()) + 1, len(index))
    return axis


def check_not_nearly_empty(num_rows: int, num_points: int) -> None:
    """Refuse a grid on which nearly all rows are missing."""
    if num_rows > MAX_ROWS_PER_POINT * num_points:
        raise ValueError(
            f"y has {num_points} time stamps on a grid of {num_rows} points: nearly all are missing. {ADVICE}"
        )


def _wall_time(index: pd.DatetimeIndex, zone: Any) -> pd.DatetimeIndex:
    """What the clock of the time zone shows; midnight where it was skipped and the stamp is the first time after it."""
    wall = index.tz_convert(zone).tz_localize(None)
    midnight = wall.normalize()
    skipped = _localised(midnight, zone) == index
    return pd.DatetimeIndex(midnight.where(skipped, wall))


def _localised(wall: pd.DatetimeIndex, zone: Any) -> pd.DatetimeIndex:
    """Stamps at which the clock of the time zone shows this, the first of two and the next where there is none."""
    return wall.tz_localize(zone, ambiguous=np.ones(len(wall), dtype=bool), nonexistent="shift_forward")


def _common_step(stamps: Positions) -> int:
    """Greatest step that reaches every stamp from the first."""
    return int(np.gcd.reduce(stamps - stamps.min())) or 1


def _infer_offset(index: pd.DatetimeIndex, groups: Positions | None) -> Any:
    """Find the offset of the longest regular run of stamps that puts all stamps on one grid; None for one stamp."""
    stamps = index.unique().sort_values()
    if len(stamps) < 2:
        return None
    if stamps.tz is not None and (stamps[1:] - stamps[:-1]).min() >= SHORTEST_DAY:
        return _infer_offset(_wall_time(index, stamps.tz), groups)
    for candidate in _candidate_offsets(stamps, index, groups):
        if _carries(stamps, candidate):
            return candidate
    raise ValueError(f"The time stamps of y are irregular: no frequency fits {stamps[0]} ... {stamps[-1]}. {ADVICE}")


def _candidate_offsets(stamps: pd.DatetimeIndex, index: pd.DatetimeIndex, groups: Positions | None) -> list[Any]:
    names = [pd.infer_freq(stamps)] if len(stamps) > 2 else []
    if groups is not None:
        names += [_infer_run(index[groups == group]) for group in np.unique(groups)[:3]]
    names.append(_infer_run(stamps))
    offsets = [pd.tseries.frequencies.to_offset(name) for name in names if name is not None]
    offsets += _usual_month_offsets(stamps)
    offsets.append(pd.tseries.frequencies.to_offset(pd.Series(stamps).diff().min()))
    return offsets


def _infer_run(stamps: pd.DatetimeIndex) -> str | None:
    """Infer the frequency from the first run of equally named steps, longer runs first."""
    stamps = stamps.unique().sort_values()
    for length in (10, 5, 3):
        for start in range(0, min(len(stamps) - length + 1, 50)):
            name = pd.infer_freq(stamps[start : start + length])
            if name is not None:
                return str(name)
    return None


def _usual_month_offsets(stamps: pd.DatetimeIndex) -> list[Any]:
    """Month-based offsets, which a few scattered stamps do not reveal by their distances."""
    typical_scale = {"MS": stamps.is_month_start, "ME": stamps.is_month_end}
    return [pd.tseries.frequencies.to_offset(name) for name, fits in typical_scale.items() if np.all(fits)]


def _carries(stamps: pd.DatetimeIndex, offset: Any) -> bool:
    try:
        span = stamps[-1] - stamps[0]
        typical = (stamps[0] + offset) - stamps[0]
        if typical <= pd.Timedelta(0) or span / typical > MAX_ROWS_PER_POINT * len(stamps):
            return False
        grid = pd.date_range(stamps[0], stamps[-1], freq=offset)
    except (ValueError, OverflowError):
        return False
    return bool(stamps.isin(grid).all())
