"""The seasonal period: what the frequency suggests, and whether the series shows it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800
MONTHS_PER_YEAR, WEEKS_PER_YEAR, DAYS_PER_YEAR = 12, 52, 365
BUSINESS_DAYS, BUSINESS_DAYS_PER_YEAR = 5, 261
TESTED_SERIES = 100
TESTED_POINTS = 5_000
MAX_UNGUIDED_PERIOD = 400
SHARE_OF_SERIES = 0.25
GUIDED, FEW_SEASONS, USUAL, UNGUIDED = 1.645, 1.0, 2.25, 3.0
"""Standard errors by which an autocorrelation must stand out: a period that the calendar suggests needs less proof than
one that is merely usual, that less than any other, and a calendar period still less where under `MANY_SEASONS` have
been seen, too few to prove much."""
MANY_SEASONS = 10
MAX_EXPECTED_PERIOD = 52
MIN_PEAK = 0.2
ROUNDING = 1e-13
USUAL_PERIODS = (4, 7, 12, 24, 52)


def calendar_periods(step: Any) -> list[int] | None:
    """Seasonal periods, in steps, that the distance of two time stamps suggests, the shortest first.

    Parameters
    ----------
    step : pandas offset, int or None
        A quarter has a period of 4, a month 12, a week 52, a business day 5 and 261, a day 7 and 365; steps below a day
        fit into the day and the week, those below a minute into the minute and the hour. Years have none. An integer
        step says nothing: None.
    """
    if not isinstance(step, pd.offsets.BaseOffset):
        return None
    months = _months(step)
    if months:
        return [MONTHS_PER_YEAR // months] if MONTHS_PER_YEAR % months == 0 and months < MONTHS_PER_YEAR else []
    if isinstance(step, pd.offsets.Week):
        return [WEEKS_PER_YEAR // step.n]
    if isinstance(step, pd.offsets.BusinessDay):
        return [BUSINESS_DAYS, BUSINESS_DAYS_PER_YEAR] if step.n == 1 else []
    return _clock_periods(step)


def find_period(series: Iterable[Array], candidates: Sequence[int] | None, *, in_doubt: bool = True) -> int:
    """First of the candidates that at least a quarter of the series show; 1 if none.

    The first one is taken `in_doubt`: a single series need only not speak against it, and where all are too short to be
    tested it is taken to be there, but not before a few points beyond a season, since a trend would be lost in it. On
    the M1 competition and on the training part of M3 a season that is assumed in vain costs less than one that is
    overlooked. Without candidates it is the usual period, or peak of the mean autocorrelation, that most of the series
    show.

    Parameters
    ----------
    series : iterable of array of shape (time,)
        NaN where missing. The longest hundred are looked at.
    candidates : sequence of int or None
        Periods in steps; None if nothing is known about them.
    in_doubt : bool
        Whether the first one is taken in doubt; else it has to be shown, too.
    """
    chosen = sorted((y[-TESTED_POINTS:] for y in series), key=len, reverse=True)[:TESTED_SERIES]
    if candidates is None:
        return _likeliest_period(chosen)
    for number, sp in enumerate(candidates):
        if _is_seasonal(chosen, sp, expected=in_doubt and number == 0 and sp <= MAX_EXPECTED_PERIOD):
            return int(sp)
    return 1


def _is_seasonal(series: Sequence[Array], sp: int, *, expected: bool) -> bool:
    """Whether the series that are long enough to be tested have a season, or may have the one that is expected."""
    tested = [y for y in series if len(y) > 2 * sp]
    if not tested:
        return expected and any(np.isfinite(y).sum() >= sp + max(2, sp // 8) for y in series)
    if expected and len(tested) == 1:
        return shows_season(tested[0], sp, critical=0.0)
    return bool(np.mean([shows_season(y, sp) for y in tested]) >= SHARE_OF_SERIES)


def shows_season(y: Array, sp: int, *, critical: float | None = None) -> bool:
    """Test whether the autocorrelation at a lag that the calendar suggests stands out, in the series or its changes.

    The threshold is that of the M4 competition, or the `critical` number of standard errors. A straight line is taken
    out first, and the lag must also stand above the mean of the shorter lags: trends and random walks correlate at
    every lag, the shorter the more.
    """
    if critical is None:
        critical = GUIDED if len(y) >= MANY_SEASONS * sp else FEW_SEASONS
    return max(_strength(y, sp), _strength(np.diff(y), sp)) > critical


def _likeliest_period(series: Sequence[Array]) -> int:
    """Period shown by the largest share of the series, of several the strongest; 1 if hardly any shows one."""
    shown = {}
    for sp in dict.fromkeys((*USUAL_PERIODS, *_peaks(series))):
        strengths = np.array([max(_strength(z, sp, is_peak=True) for z in (y, np.diff(y))) for y in series])
        share = np.mean(strengths > (USUAL if sp in USUAL_PERIODS else UNGUIDED))
        if share >= SHARE_OF_SERIES:
            shown[sp] = (share, strengths.mean())
    return max(shown, key=lambda sp: shown[sp], default=1)


def _strength(y: Array, sp: int, *, is_peak: bool = False) -> float:
    """Standard errors by which the autocorrelation at lag `sp` differs from 0; 0 if the shorter lags are as strong."""
    if sp < 2 or len(y) < 2 * sp + 1:
        return 0.0
    correlations = autocorrelation(y, sp)
    shorter = correlations[1:sp]
    bar = max(shorter.mean(), shorter[-2:].max(), MIN_PEAK) if is_peak else shorter.mean()
    noise = np.sqrt((1 + 2 * np.sum(shorter**2)) / max(np.isfinite(y).sum(), 1))
    return float(correlations[sp] / noise) if correlations[sp] > bar else 0.0


def autocorrelation(y: Array, lags: int) -> Array:
    """Autocorrelation of the detrended series at lags 0 to `lags`, of shape (lags + 1,); missing values count as 0."""
    rest = detrended(y)
    largest = np.abs(rest).max(initial=0.0)
    # Relative to the largest value, so that no square is too small for a number; less is mere rounding.
    rest = rest / largest if largest > ROUNDING else np.zeros_like(rest)
    variance = rest @ rest
    if not variance > 0:
        return np.asarray(np.eye(1, lags + 1)[0])
    length = 1 << int(np.ceil(np.log2(len(rest) + lags + 1)))
    power = np.abs(np.fft.rfft(rest, length)) ** 2
    return np.asarray(np.fft.irfft(power, length)[: lags + 1] / variance)


def _months(step: pd.offsets.BaseOffset) -> int:
    """Length of a month-based step in months; 0 for other steps."""
    kind = step.freqstr.lstrip("0123456789").split("-")[0].removeprefix("B").rstrip("SE")
    return {"M": 1, "Q": 3, "Y": 12, "A": 12}.get(kind, 0) * int(step.n)


def _clock_periods(step: pd.offsets.BaseOffset) -> list[int]:
    """Periods of a step of fixed length: the next longer units of the clock and the calendar that it divides."""
    seconds = _seconds(step)
    if seconds >= DAY:
        longer = [WEEK]
    elif seconds >= MINUTE:
        longer = [DAY, WEEK]
    else:
        longer = [MINUTE, HOUR]
    if not seconds:
        return []
    counts = {unit: round(unit / seconds) for unit in longer}
    whole = [count for unit, count in counts.items() if count > 1 and math.isclose(count * seconds, unit)]
    return [*whole, DAYS_PER_YEAR] if seconds == DAY else whole


def _seconds(step: pd.offsets.BaseOffset) -> float:
    """Length of a step of fixed length; 0 for the others."""
    if isinstance(step, pd.offsets.Day):
        return DAY * float(step.n)
    return float(pd.Timedelta(step).total_seconds()) if isinstance(step, pd.offsets.Tick) else 0.0


def _peaks(series: Sequence[Array]) -> list[int]:
    """Lags of the highest peak of the mean autocorrelation of the series and of its changes."""
    lags = min(MAX_UNGUIDED_PERIOD, max((len(y) for y in series), default=0) // 3)
    long_enough = [y for y in series if len(y) > 2 * lags]
    if lags < 3 or not long_enough:
        return []
    means = (
        np.mean([autocorrelation(y, lags) for y in some], axis=0) for some in (long_enough, map(np.diff, long_enough))
    )
    return [peak for mean in means if (peak := _highest_peak(mean)) > 1]


def _highest_peak(correlations: Array) -> int:
    """Lag of the highest value that is larger than its neighbours; 0 if there is none."""
    inner = correlations[1:-1]
    lags = np.flatnonzero((inner > correlations[:-2]) & (inner >= correlations[2:])) + 1
    return int(lags[np.argmax(correlations[lags])]) if len(lags) else 0


def detrended(y: Array) -> Array:
    """Series over its largest value, less the straight line of best fit; missing values are 0, the mean of the rest."""
    seen = np.isfinite(y)
    if seen.sum() < 3:
        return np.zeros_like(y)
    time = np.arange(len(y)) - np.arange(len(y))[seen].mean()
    size = np.abs(y[seen]).max() or 1.0
    relative = y / size
    level = relative[seen].mean()
    slope = time[seen] @ (relative[seen] - level) / (time[seen] @ time[seen])
    return np.where(seen, relative - level - slope * time, 0.0)
