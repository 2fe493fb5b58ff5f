"""Seasons longer than a window: estimated from the history of a series, taken out before and added to the forecast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sktime_lstm.data.panel import Array
from sktime_lstm.data.seasonality import detrended
from sktime_lstm.data.time_axis import Positions

MEMORY = 0.9
ENOUGH_OF_A_WINDOW, MIN_COUNT = 0.9, 1e-12
WIDTHS_PER_PERIOD = (200, 48, 24)
SHARE_OF_SERIES = 0.25
CLEAR, VISIBLE, FEW_CYCLES = 0.5, 0.4, 3
MAX_TESTED_SERIES, MAX_TESTED_CYCLES = 20, 20
ROUNDING_OF_SUMS = 1e-10


@dataclass(frozen=True)
class LongSeason:
    """A season that is followed through the history of a series.

    Attributes
    ----------
    period : int
        Its length in steps.
    width : int
        Steps over which its pattern is smoothed.
    weight : float
        Share of the pattern so far that is expected to come again, between 0 and 1.
    """

    period: int
    width: int
    weight: float


def choose_long_seasons(
    series: Iterable[Array], candidates: Sequence[int], *, short: int, certain: bool = False
) -> tuple[LongSeason, ...]:
    """Find the seasons that at least a quarter of the series show beyond the shorter ones.

    Parameters
    ----------
    series : iterable of array of shape (time,)
        NaN where missing. The longest twenty are looked at, in their latest twenty cycles.
    candidates : sequence of int
        Periods to look for, in ascending order.
    short : int
        Period of the season that windows hold; 1 for none.
    certain : bool
        Whether the seasons are known to be there, so that none is left out.
    """
    if not candidates:
        return ()
    longest = sorted(series, key=len, reverse=True)[:MAX_TESTED_SERIES]
    rests = [_without_short_season(y[-MAX_TESTED_CYCLES * candidates[-1] :], short) for y in longest]
    chosen: list[LongSeason] = []
    for period in candidates:
        seen = [_season_of(rest, period, short) for rest in rests if len(rest) > (1 if certain else 2) * period]
        found = [season for season in seen if certain or season.is_visible]
        if found and len(found) >= SHARE_OF_SERIES * len(rests):
            season = max(found, key=lambda season: season.correlation)
            chosen.append(season.season(certain=certain))
            rests = [rest - _component(rest, chosen[-1]) for rest in rests]
    return tuple(chosen)


def seasonal_components(values: Array, bounds: Positions, seasons: Sequence[LongSeason], *, short: int) -> list[Array]:
    """Estimate of each season at every row, from the cycles before it; within the first cycle from those after it.

    Each season is the mean deviation of its phase from a moving average over its period, with weights that fall by 0.9
    a cycle, as in the classical decomposition, shrunk by the share that is expected to come again. Seasons are
    estimated one after the other on what the shorter ones leave. No row knows what is nearer than half a period before
    it.

    Parameters
    ----------
    values : array of shape (rows, variables)
        NaN where missing, such as rows to be forecast.
    bounds : array of shape (instances + 1,)
        Instance i owns the rows ``bounds[i]`` to ``bounds[i + 1] - 1``.
    seasons : sequence of LongSeason
        The shortest first.
    short : int
        Period of the season that windows hold, which is left to them.

    Returns
    -------
    list of array of shape (rows, variables)
        One for each season.
    """
    components = [np.zeros_like(values) for _ in seasons]
    for start, stop in pairwise(bounds):
        for variable in range(values.shape[1]):
            rest = _without_short_season(values[start:stop, variable], short)
            for season, component in zip(seasons, components, strict=True):
                component[start:stop, variable] = _component(rest, season)
                rest = rest - component[start:stop, variable]
    return components


@dataclass(frozen=True)
class _Evidence:
    """What a series shows of a season: the correlation of its cycles, and how many there are."""

    period: int
    width: int
    cycles: float
    correlation: float

    @property
    def is_visible(self) -> bool:
        """Whether it is there; two cycles of a random walk are alike more easily than several."""
        return self.correlation >= (CLEAR if self.cycles < FEW_CYCLES else VISIBLE)

    def season(self, *, certain: bool) -> LongSeason:
        """Season whose pattern is trusted the more, the more alike its cycles are and the more of them were seen."""
        correlation = max(self.correlation, CLEAR if certain else 0.0)
        weight = self.cycles * correlation / (1 + (self.cycles - 1) * correlation)
        return LongSeason(self.period, self.width, min(weight, 1.0))


def _season_of(y: Array, period: int, short: int) -> _Evidence:
    width = _best_width(y, period, short)
    correlation = _correlation_of_cycles(_moving_average(y, width), period)
    return _Evidence(period, width, len(y) / period, correlation)


def _correlation_of_cycles(y: Array, period: int) -> float:
    """Correlation of the series less its straight line with itself a cycle later; random walks rarely reach a half."""
    rest = detrended(y)
    earlier, later = rest[:-period], rest[period:]
    both = np.isfinite(y[:-period]) & np.isfinite(y[period:])
    # What is left of a straight line is rounding.
    if both.sum() < period / 2 or min(np.ptp(earlier[both]), np.ptp(later[both])) <= ROUNDING_OF_SUMS:
        return 0.0
    return float(np.corrcoef(earlier[both], later[both])[0, 1])


def _best_width(y: Array, period: int, short: int) -> int:
    """Width whose pattern of the cycles before is nearest to a cycle; the widest where there are too few cycles."""
    widths = [1, *(period // parts for parts in WIDTHS_PER_PERIOD if period >= 2 * parts)]
    if short > 1 and period % short:
        # The short season has another phase in every cycle; only whole ones cancel.
        widths = [short * max(1, round(width / short)) for width in widths[-1:]]
    deviation = y - _moving_average(y, period)
    errors: list[float] = []
    for width in widths:
        rest = deviation - _component(y, LongSeason(period, width, 1.0), past_only=True)
        errors.append(float(np.nanmean(rest**2)) if np.isfinite(rest).any() else 0.0)
    return widths[int(np.argmin(errors))] if any(errors) else widths[-1]


def _component(y: Array, season: LongSeason, *, past_only: bool = False) -> Array:
    """Weighted mean of the deviations at the same phase of earlier cycles, 0 where there are none."""
    deviation = _moving_average(y - _moving_average(y, season.period), season.width)
    past = _mean_of_cycles_before(deviation, season.period)
    if past_only:
        return season.weight * past
    future = _mean_of_cycles_before(deviation[::-1], season.period)[::-1]
    return season.weight * np.where(np.isfinite(past), past, np.nan_to_num(future))


def _mean_of_cycles_before(deviation: Array, period: int) -> Array:
    """Mean over earlier cycles with weights that fall by `MEMORY` a cycle; NaN where there are none."""
    # Here, since few series have long seasons and importing it takes longer than importing this package.
    from scipy.signal import lfilter

    missing = -len(deviation) % period
    cycles = np.pad(deviation, (0, missing), constant_values=np.nan).reshape(-1, period)
    seen = np.isfinite(cycles)
    parts = (np.where(seen, cycles, 0.0), seen * 1.0)
    sums, counts = (lfilter([0.0, 1.0], [1.0, -MEMORY], part, axis=0) for part in parts)
    mean = np.divide(sums, counts, out=np.full_like(cycles, np.nan), where=counts > MIN_COUNT)
    return np.asarray(mean.ravel()[: len(deviation)])


def _without_short_season(y: Array, short: int) -> Array:
    """Series less the pattern that its short season has had so far."""
    return y - _component(y, LongSeason(short, 1, 1.0)) if 1 < short < len(y) else y


def _moving_average(y: Array, width: int) -> Array:
    """Centred mean, with half a weight at both ends of an even width; NaN where too little was observed."""
    if width <= 1:
        return y
    half, ends = width // 2, 0.5 if width % 2 == 0 else 1.0
    seen = np.isfinite(y)
    sums, counts = (_centred_sum(part, half, ends) for part in (np.where(seen, y, 0.0), seen * 1.0))
    enough = counts >= ENOUGH_OF_A_WINDOW * width
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=enough)


def _centred_sum(y: Array, half: int, ends: float) -> Array:
    """Sum from `half` steps before to `half` steps after, the two ends with this weight."""
    padded = np.pad(y, half)
    total = np.concatenate([[0.0], padded.cumsum()])
    inner = total[2 * half + 1 :] - total[: -2 * half - 1]
    return np.asarray(inner - (1 - ends) * (padded[: len(y)] + padded[2 * half :]))
