"""Simulated time series of many kinds, to pretrain a network on, to test a method and to teach with."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Range: TypeAlias = tuple[float, float]
Values: TypeAlias = dict[str, Array]
"""What the prior says to each series, by name of its fields: shares of shape (series,), ranges of shape (2, series)."""
Ingredient: TypeAlias = Callable[[np.random.Generator, int, Values], Array]
Observation: TypeAlias = Callable[[np.random.Generator, Array, Values], Array]

USUAL_LENGTH, USUAL_SEASON, SHORTEST_SEASON = 100, 12, 4
"""In series longer than the first, trends have smaller steps; so they have where the season is longer than the second.
Where it is shorter they have larger ones, up to those of a season as short as the third, as without a season."""
LARGEST_SHOCK = 12.0
LARGEST_SIGNAL = 1e6
LARGEST_DEVIATION = 6.0
LARGEST_RATE = 1e6
FASTEST_GROWTH = 0.4
MOST_HARMONICS = 8


@dataclass(frozen=True)
class Prior:
    """Shares of the series that have each component, and ranges of their sizes.

    A series is drawn in two stages. First a signal: the sum of its trends, cycle, seasons and noise, measured in units
    in which noise has a standard deviation of `noise_size`. Then what is observed of it: the signal itself, its
    exponential, counts, or intermittent demand; finally, values may stay constant for some time. Each series has each
    component with the probability given here, independently of the others. Sizes are log-uniform in their range, except
    `zeros`, which is uniform.

    Parameters
    ----------
    random_walk : float, default=0.7
        Share of series whose level takes a random step at every time; the steps may be autocorrelated or heavy-tailed.
    trend : float, default=0.4
        Share with a straight line.
    damped_trend : float, default=0.2
        Share with a slope that falls by a constant factor at every step [1]_.
    changing_slope : float, default=0.4
        Share with a slope that is an autoregression, or a random walk, of its own.
    broken_trend : float, default=0.15
        Share with a line that changes its slope at one or more turning points.
    saturation : float, default=0.08
        Share with a logistic curve from one level to another.
    upward : float, default=0.75
        Share of the lines, damped trends, saturations and exponential growths that rise; the others fall. More real
        series rise than fall; 0.5 is symmetric.
    cycle : float, default=0.25
        Share with a cycle without a fixed period, the stochastic cycle of Harvey [2]_.
    season : float, default=0.8
        Share with a season, independently for each period; none if ``sp=1``.
    smooth_season : float, default=0.6
        Share of the seasons whose pattern is a sum of at most eight harmonics; the others have a value of its own for
        each phase, half of them with a few high spikes.
    evolving_season : float, default=0.5
        Share of the seasons whose pattern changes from one season to the next.
    growing_season : float, default=0.25
        Share of the seasons whose amplitude grows or shrinks along the series.
    seasonal_adjustment : float, default=0.05
        Share whose mean season is removed again, as in seasonally adjusted statistics; with several periods the first.
        No effect on series of fewer than two seasons.
    noise : float, default=1.0
        Share with noise.
    heavy_tails : float, default=0.3
        Share of the noise that has a t distribution with three degrees of freedom, not a normal one.
    autocorrelated_noise : float, default=0.5
        Share of the noise that is an autoregression of order 1.
    changing_variance : float, default=0.2
        Share of the noise whose logarithmic variance is an autoregression [3]_.
    level_shift : float, default=0.12
        Share with one or more sudden changes of level that stay.
    temporary_shift : float, default=0.08
        Share with one or more sudden changes of level that fade away.
    outliers : float, default=0.15
        Share with single outliers.
    positive : float, default=0.6
        Share that is the exponential of the signal: positive, with trend, season and noise that multiply.
    exponential_growth : float, default=0.12
        Share that grows or falls by about the same factor at every step; it is positive too.
    counts : float, default=0.03
        Share of whole numbers from a Poisson or a negative binomial distribution with the exponential of the signal as
        mean.
    intermittent_demand : float, default=0.03
        Share of whole numbers, most of which are zero; zeros may come in runs.
    constant_stretch : float, default=0.03
        Share with a constant stretch of a fifth of the series on average, at most half of it.
    staircase : float, default=0.02
        Share whose value changes at some times only, as listed prices and interest rates do.
    season_size : tuple of float, default=(0.1, 5.0)
        Standard deviation of the season.
    noise_size : tuple of float, default=(0.03, 2.0)
        Standard deviation of the noise. With an upper end far below 1 series are smooth.
    spread : tuple of float, default=(0.02, 0.9)
        Standard deviation of the logarithm of a positive series, without its exponential growth.
    total_growth : tuple of float, default=(0.3, 4.0)
        Logarithm of the factor by which exponential growth multiplies the series from its first to its last point; a
        step never multiplies by more than exp(0.4).
    zeros : tuple of float, default=(0.3, 0.95)
        Share of the points of an intermittent demand that are zero.

    Raises
    ------
    ValueError
        If a share is not between 0 and 1, or a range is not an increasing pair of positive numbers.

    See Also
    --------
    simulate_series : Draws the series.

    References
    ----------
    .. [1] Gardner and McKenzie (1985), "Forecasting trends in time series".
    .. [2] Harvey (1989), "Forecasting, structural time series models and the Kalman filter".
    .. [3] Taylor (1982), "Financial returns modelled by the product of two stochastic processes".

    Examples
    --------
    >>> from sktime_lstm.data.simulation import Prior, simulate_series
    >>> shop = Prior(positive=1.0, noise_size=(0.5, 2.0))
    >>> bool((simulate_series(3, 24, sp=12, kinds=shop, random_state=0) > 0).all())
    True
    """

    random_walk: float = 0.7
    trend: float = 0.4
    damped_trend: float = 0.2
    changing_slope: float = 0.4
    broken_trend: float = 0.15
    saturation: float = 0.08
    upward: float = 0.75
    cycle: float = 0.25
    season: float = 0.8
    smooth_season: float = 0.6
    evolving_season: float = 0.5
    growing_season: float = 0.25
    seasonal_adjustment: float = 0.05
    noise: float = 1.0
    heavy_tails: float = 0.3
    autocorrelated_noise: float = 0.5
    changing_variance: float = 0.2
    level_shift: float = 0.12
    temporary_shift: float = 0.08
    outliers: float = 0.15
    positive: float = 0.6
    exponential_growth: float = 0.12
    counts: float = 0.03
    intermittent_demand: float = 0.03
    constant_stretch: float = 0.03
    staircase: float = 0.02
    season_size: Range = (0.1, 5.0)
    noise_size: Range = (0.03, 2.0)
    spread: Range = (0.02, 0.9)
    total_growth: Range = (0.3, 4.0)
    zeros: Range = (0.3, 0.95)

    def __post_init__(self) -> None:
        """Check every field once, so that nothing later has to."""
        for name in SHARES:
            _check_share(name, getattr(self, name))
        for name in RANGES:
            _check_range(name, getattr(self, name))
        if not self.zeros[1] < 1:
            raise ValueError(
                f"Prior: zeros must end below 1, but zeros={self.zeros!r} was passed. Pass (0.3, 0.95), say."
            )

    @classmethod
    def only(cls, **chosen: Any) -> Prior:
        """Prior of nothing but the chosen ingredients: the shares of all others are 0.

        What only tells one form of an ingredient from the other, `upward` and `smooth_season`, and all ranges keep
        their defaults.

        Parameters
        ----------
        **chosen : float or tuple of float
            Fields of `Prior`.

        Returns
        -------
        Prior

        Examples
        --------
        >>> from sktime_lstm.data.simulation import Prior, simulate_series
        >>> year = Prior.only(season=1.0)
        >>> y = simulate_series(1, 36, sp=12, kinds=year, random_state=0)[0]
        >>> bool((abs(y[12:] - y[:-12]) < 1e-9).all())
        True
        """
        return cls(**{**dict.fromkeys(set(SHARES) - FORMS, 0.0), **chosen})


SHARES = tuple(field.name for field in fields(Prior) if isinstance(field.default, float))
RANGES = tuple(field.name for field in fields(Prior) if isinstance(field.default, tuple))
FORMS = {"upward", "smooth_season"}


def simulate_series(
    num_series: int,
    length: int,
    *,
    sp: int | Sequence[int] = 1,
    kinds: str | Prior | Mapping[Any, float] | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Array:
    """Draw time series from a broad prior.

    Each series is drawn independently: first its components, then their sizes, then its values. Ideas come from the
    simulators on which zero-shot forecasters were pretrained [1]_ [2]_ [3]_ [4]_.

    Parameters
    ----------
    num_series : int
        Number of series, at least 1.
    length : int
        Number of points of each, at least 1.
    sp : int or sequence of int, default=1
        Seasonal period in points; several for several seasons, such as ``(24, 168)`` for hours; 1 for no season. A
        period may be longer than the series.
    kinds : str, Prior, mapping or None, default=None
        Kinds of series. A name in `KINDS`, such as ``"intermittent demand"``; a `Prior` of your own; or a mapping of
        those to their weights, each series being of one of them. None is `MIXTURE`, the blend to pretrain on.
    random_state : int, Generator or None, default=None
        Seed, or generator to draw from, which moves on. The same seed and arguments give the same numbers, with the
        same version of numpy. None gives other numbers at each call. The global generator of numpy is neither used
        nor changed.

    Returns
    -------
    array of shape (num_series, length)
        Finite float64 values. Series that are not positive lie about 0 with a standard deviation of a few units,
        positive ones about 1. Magnitudes are arbitrary: rescale as needed.

    Raises
    ------
    ValueError
        If a size, a period, a seed, a weight or a name of a kind is out of its range.
    TypeError
        If an argument is of the wrong type.

    References
    ----------
    .. [1] Dooley and others (2023), "ForecastPFN: synthetically-trained zero-shot forecasting", arXiv 2311.01933.
    .. [2] Ansari and others (2024), "Chronos: learning the language of time series", arXiv 2403.07815 (KernelSynth).
    .. [3] Oreshkin and others (2026), "Zero-shot forecasting by simulation alone", arXiv 2601.00970 (SarSim0).
    .. [4] Moroshan and others (2025), "TempoPFN: synthetic pre-training of linear RNNs for zero-shot time series
           forecasting", arXiv 2510.25502.

    Examples
    --------
    >>> from sktime_lstm.data.simulation import simulate_series
    >>> months = simulate_series(1000, 72, sp=12, random_state=0)
    >>> months.shape
    (1000, 72)
    >>> kind = "intermittent demand"
    >>> demand = simulate_series(2, 10, kinds=kind, random_state=1)
    >>> bool((demand == 0).any())
    True
    """
    _check_integer("num_series", num_series, 1)
    _check_integer("length", length, 1)
    rng, periods = _generator(random_state), _periods(sp)
    each = _values_of_each(rng, _weights(kinds, periods), num_series)
    signal = _signal(rng, length, periods, each)
    return np.ascontiguousarray(_observed(rng, signal, each).T)


# From here on arrays have the shape (time, series): what belongs to a series broadcasts over time, and a step of a
# recursion over all series reads and writes adjacent memory.


def _signal(rng: np.random.Generator, length: int, periods: Sequence[int], each: Values) -> Array:
    """Sum of the ingredients."""
    signal = np.zeros((length, len(each["trend"])))
    for name, ingredient in ACCUMULATED.items():
        _add(rng, signal, ingredient, each, name)
    signal *= _usual_step(periods)
    for name, ingredient in ADDED.items():
        _add(rng, signal, ingredient, each, name)
    for sp in periods:
        _add(rng, signal, partial(_season, sp=sp), each, "season")
    for sp in periods[:1]:
        adjusted = _chosen(rng, each["seasonal_adjustment"])
        signal[:, adjusted] -= _mean_season(signal[:, adjusted], sp)
    return np.clip(signal, -LARGEST_SIGNAL, LARGEST_SIGNAL)


def _observed(rng: np.random.Generator, signal: Array, each: Values) -> Array:
    """What is seen of the signal; of two observations that exclude each other the later one counts."""
    observed = signal.copy()
    _observe(rng, signal, observed, each, POSITIVE)
    for name, holding in HOLDINGS.items():
        chosen = _chosen(rng, each[name])
        observed[:, chosen] = _held(observed[:, chosen], holding(rng, len(signal), len(chosen)))
    _observe(rng, signal, observed, each, WHOLE)
    return observed


def _observe(
    rng: np.random.Generator, signal: Array, observed: Array, each: Values, table: Mapping[str, Observation]
) -> None:
    """Replace, in place, those of the series that are observed in one of the ways of the table."""
    for name, observation in table.items():
        chosen = _chosen(rng, each[name])
        observed[:, chosen] = observation(rng, signal[:, chosen], _part(each, chosen))


def _add(rng: np.random.Generator, signal: Array, ingredient: Ingredient, each: Values, name: str) -> None:
    """Add an ingredient, in place, to those of the series that have it."""
    chosen = _chosen(rng, each[name])
    if len(chosen):
        signal[:, chosen] += ingredient(rng, len(signal), _part(each, chosen))


def _usual_step(periods: Sequence[int]) -> float:
    """Trends of series with long seasons have smaller steps: a week changes less than a quarter."""
    shortest = min(periods, default=SHORTEST_SEASON)
    return math.sqrt(USUAL_SEASON / max(shortest, SHORTEST_SEASON))


def _pace(length: int) -> float:
    """Usual time per step: in long series all that accumulates goes more slowly, or it would hide the rest."""
    return min(1.0, USUAL_LENGTH / length)


# Trends, which accumulate from step to step


def _random_walk(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    shocks = _shocks(rng, length, _some(rng, count, 0.25))
    steps = _autoregression(_where(rng, 0.5, rng.uniform(-0.3, 0.85, count)), shocks)
    return _accumulated(steps) * _log_uniform(rng, (0.02, 1.2), count) * math.sqrt(_pace(length))


def _trend(rng: np.random.Generator, length: int, each: Values) -> Array:
    return np.arange(length)[:, None] * _slope(rng, each) * _pace(length)


def _damped_trend(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    damping = 1 - _log_uniform(rng, (0.02, 0.3), count) * _pace(length)
    course = (1 - damping ** np.arange(length)[:, None]) / (1 - damping)
    return course * _slope(rng, each) * _pace(length)


def _changing_slope(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    steps = rng.standard_normal((length, count)) * _log_uniform(rng, (0.003, 0.12), count) * _pace(length) ** 1.5
    damping = np.where(rng.random(count) < 0.4, 1.0, rng.uniform(0.75, 1.0, count))
    return _accumulated(_recursion(damping, steps))


def _broken_trend(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    bends = _events(rng, length, count, 1.0) * _log_uniform(rng, (0.05, 0.8), count) * _pace(length)
    return _accumulated(_accumulated(bends))


def _slope(rng: np.random.Generator, each: Values) -> Array:
    count = _count(each)
    return np.abs(rng.standard_normal(count)) * _log_uniform(rng, (0.02, 0.8), count) * _direction(rng, each)


def _direction(rng: np.random.Generator, each: Values) -> Array:
    """1 for up, -1 for down."""
    return np.where(rng.random(_count(each)) < each["upward"], 1.0, -1.0)


# What is added to them


def _saturation(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    middle, width = rng.uniform(0, length, count), _log_uniform(rng, (length / 30, length / 3), count)
    curve = 1 / (1 + np.exp(-np.clip((np.arange(length)[:, None] - middle) / width, -50, 50)))
    return curve * 8 * np.abs(rng.standard_normal(count)) * _direction(rng, each)


def _cycle(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    turn = np.exp(2j * np.pi / _log_uniform(rng, (5, max(40, length / 2)), count))
    shocks = rng.standard_normal((length, count)) + 1j * rng.standard_normal((length, count))
    wave: Array = _autoregression(turn * rng.uniform(0.85, 0.998, count), shocks).real
    return wave * _log_uniform(rng, (0.2, 3.0), count)


def _noise(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    noise = _shocks(rng, length, rng.random(count) < each["heavy_tails"])
    wild = _chosen(rng, each["changing_variance"])
    noise[:, wild] *= _volatility(rng, length, len(wild))
    correlated = _chosen(rng, each["autocorrelated_noise"])
    noise[:, correlated] = _autoregression(rng.uniform(-0.6, 0.97, len(correlated)), noise[:, correlated])
    return noise * _log_uniform(rng, each["noise_size"], count)


def _volatility(rng: np.random.Generator, length: int, count: int) -> Array:
    memory = 1 - _log_uniform(rng, (0.01, 0.3), count)
    logarithm: Array = _autoregression(memory, rng.standard_normal((length, count)))
    return np.asarray(np.exp(logarithm * rng.uniform(0.3, 0.9, count)))


def _level_shift(rng: np.random.Generator, length: int, each: Values) -> Array:
    return _accumulated(4 * _events(rng, length, _count(each), 0.5))


def _temporary_shift(rng: np.random.Generator, length: int, each: Values) -> Array:
    count = _count(each)
    shifts: Array = _recursion(rng.uniform(0.5, 0.97, count), 5 * _events(rng, length, count, 0.5))
    return shifts


def _outliers(rng: np.random.Generator, length: int, each: Values) -> Array:
    return 6 * _events(rng, length, _count(each), 0.02 * length)


# Seasons


def _season(rng: np.random.Generator, length: int, each: Values, *, sp: int) -> Array:
    """Season of one period: a pattern for each time that it comes, times an amplitude that may grow."""
    count = _count(each)
    smooth = rng.random(count) < each["smooth_season"]
    change = np.where(rng.random(count) < each["evolving_season"], _log_uniform(rng, (0.02, 0.4), count), 0.0)
    season = np.empty((length, count))
    season[:, smooth] = _smooth_season(rng, length, sp, change[smooth])
    season[:, ~smooth] = _rough_season(rng, length, sp, change[~smooth])
    growth = np.where(rng.random(count) < each["growing_season"], rng.normal(scale=0.8, size=count), 0.0)
    amplitude = np.clip(1 + growth * np.linspace(0, 1, length)[:, None], 0.05, None)
    return season * amplitude * _log_uniform(rng, each["season_size"], count)


def _smooth_season(rng: np.random.Generator, length: int, sp: int, change: Array) -> Array:
    """Sum of harmonics whose coefficients move from one season to the next in straight lines."""
    harmonics = np.arange(1, min(sp // 2, MOST_HARMONICS) + 1, dtype=float)
    angles = 2 * np.pi * np.arange(length)[:, None] * harmonics / sp
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    coefficients = _coefficients(rng, harmonics, sp, length // sp + 2, change)
    season = np.empty((length, len(change)))
    for number, start in enumerate(range(0, length, sp)):
        now, passed = waves[start : start + sp], np.arange(min(sp, length - start))[:, None] / sp
        season[start : start + sp] = (1 - passed) * (now @ coefficients[number]) + passed * (
            now @ coefficients[number + 1]
        )
    return season


def _coefficients(rng: np.random.Generator, harmonics: Array, sp: int, num_seasons: int, change: Array) -> Array:
    """Of shape (num_seasons, 2 * harmonics, series); the pattern of the first has a standard deviation of 1."""
    fall = harmonics[:, None] ** -rng.uniform(0.3, 2.5, len(change))
    sizes = np.concatenate([fall, fall]) / np.sqrt(np.sum(fall**2, axis=0))
    steps = rng.standard_normal((num_seasons, len(sizes), len(change))) * sizes
    steps[0] /= np.sqrt(_power(harmonics, sp) @ steps[0] ** 2)
    steps[1:] *= change
    return np.cumsum(steps, axis=0)


def _power(harmonics: Array, sp: int) -> Array:
    """Mean square over a season of the sines, then of the cosines; the sine of two points a wave is always 0."""
    fastest = 2 * harmonics == sp
    return np.concatenate([np.where(fastest, 0.0, 0.5), np.where(fastest, 1.0, 0.5)])


def _rough_season(rng: np.random.Generator, length: int, sp: int, change: Array) -> Array:
    """Value of its own for each phase, which is a random walk over the seasons."""
    phases, count = min(sp, length), len(change)
    first = rng.standard_normal((1, phases, count))
    spikes = (rng.random((phases, count)) < max(1.5 / sp, 0.1)) & _some(rng, count, 0.5)
    first[0][spikes] *= 5.0
    first -= first.mean(axis=1, keepdims=True)
    first /= first.std(axis=1, keepdims=True) + 1e-9
    steps = rng.standard_normal((-(-length // phases) - 1, phases, count)) * change
    seasons = np.cumsum(np.concatenate([first, steps]), axis=0)
    return seasons.reshape(len(seasons) * phases, count)[:length]


def _mean_season(signal: Array, sp: int) -> Array:
    """Mean deviation of each phase from a moving average over a season: the classical decomposition."""
    length, count = signal.shape
    if length < 2 * sp:
        return np.zeros((length, count))
    sums = np.cumsum(np.concatenate([np.zeros((1, count)), signal]), axis=0)
    level = (sums[sp:] - sums[:-sp]) / sp
    level = level if sp % 2 else (level[1:] + level[:-1]) / 2
    rest = signal[sp // 2 : sp // 2 + len(level)] - level
    phases = np.stack([rest[(phase - sp // 2) % sp :: sp].mean(axis=0) for phase in range(sp)])
    centred: Array = phases - phases.mean(axis=0)
    return centred[np.arange(length) % sp]


# Observations


def _exponential(rng: np.random.Generator, signal: Array, each: Values) -> Array:
    return np.asarray(np.exp(_standardised(signal) * _log_uniform(rng, each["spread"], _count(each))))


def _grown(rng: np.random.Generator, signal: Array, each: Values) -> Array:
    """Exponential, with a growth that is constant, slows down a little or speeds up a little."""
    length, count = signal.shape
    total = np.minimum(_log_uniform(rng, each["total_growth"], count), FASTEST_GROWTH * (length - 1))
    shape = np.linspace(0, 1, length)[:, None] ** np.exp(rng.normal(scale=0.25, size=count))
    growth = np.exp(_direction(rng, each) * total * shape)
    return np.asarray(_exponential(rng, signal, each) * growth)


def _counts(rng: np.random.Generator, signal: Array, each: Values) -> Array:
    mean = _exponential(rng, signal, each) * _log_uniform(rng, (0.5, 50.0), _count(each))
    return _with_a_change(rng, _whole(rng, mean))


def _intermittent_demand(rng: np.random.Generator, signal: Array, each: Values) -> Array:
    """Demand where a latent autoregression is high: the zeros have the share drawn, and may come in runs."""
    length, count = signal.shape
    zeros = rng.uniform(*each["zeros"])
    memory = _where(rng, 0.5, np.asarray(rng.uniform(0, 0.9, count)))
    latent = _autoregression(memory, rng.standard_normal((length, count)))
    size = 1 + _whole(rng, _exponential(rng, signal, each) * _log_uniform(rng, (0.1, 20.0), count))
    return _with_a_change(rng, np.where(latent > ndtri(zeros), size, 0.0))


def _whole(rng: np.random.Generator, mean: Array) -> Array:
    """Poisson numbers; of half of the series the mean varies by a gamma distribution: negative binomial numbers."""
    varied = np.flatnonzero(_some(rng, mean.shape[1], 0.5))
    shape = _log_uniform(rng, (0.7, 10.0), len(varied))
    mean = mean.copy()
    mean[:, varied] *= rng.standard_gamma(np.broadcast_to(shape, (len(mean), len(varied)))) / shape
    return rng.poisson(np.minimum(mean, LARGEST_RATE)).astype(float)


def _with_a_change(rng: np.random.Generator, counts: Array) -> Array:
    """Add 1 at a random time, in place, where a series is constant: of rare demand there may be none at all."""
    constant = np.flatnonzero(np.ptp(counts, axis=0) == 0)
    counts[rng.integers(0, len(counts), len(constant)), constant] += 1.0
    return counts


def _standardised(signal: Array) -> Array:
    """Mean 0, standard deviation 1, far values cut off."""
    centred = signal - signal.mean(axis=0)
    deviation = np.sqrt(np.mean(centred**2, axis=0))
    relative: Array = centred / np.where(deviation > 0, deviation, 1.0)
    return np.clip(relative, -LARGEST_DEVIATION, LARGEST_DEVIATION)


# Values that are held


def _stretch(rng: np.random.Generator, length: int, count: int) -> Mask:
    """Where the value before is held: one stretch of each series, of at most half of its length."""
    start, duration = rng.integers(0, length, count), rng.uniform(0, length / 2, count)
    time = np.arange(length)[:, None]
    return (time > start) & (time <= start + duration)


def _stairs(rng: np.random.Generator, length: int, count: int) -> Mask:
    """Where the value before is held: most times, but not at one that is drawn, so that it changes once at least."""
    held = rng.random((length, count)) < rng.uniform(0.5, 0.95, count)
    held[rng.integers(min(1, length - 1), length, count), np.arange(count)] = False
    return held


def _held(series: Array, held: Mask) -> Array:
    """Repeat the last value that was not held."""
    source = np.where(held, 0, np.arange(len(series))[:, None])
    return np.take_along_axis(series, np.maximum.accumulate(source, axis=0), axis=0)


# What the ingredients are made of


def _shocks(rng: np.random.Generator, length: int, heavy: Mask) -> Array:
    """Independent values of variance 1: of the t distribution where `heavy`, else normal."""
    shocks = rng.standard_normal((length, len(heavy)))
    tails = rng.standard_t(3, (length, int(heavy.sum()))) / math.sqrt(3)
    shocks[:, heavy] = np.clip(tails, -LARGEST_SHOCK, LARGEST_SHOCK)
    return shocks


def _events(rng: np.random.Generator, length: int, count: int, usual_number: float) -> Array:
    """Zero but for a few normal values at random times; every series has one at least, of absolute value 0.5 or more.

    Beside it there are `usual_number` others on average. In half of the series all of them point the same way.
    """
    happens = rng.random((length, count)) < min(usual_number / length, 0.5)
    happens[rng.integers(0, length, count), np.arange(count)] = True
    sizes = np.zeros((length, count))
    drawn = rng.standard_normal(int(happens.sum()))
    sizes[happens] = drawn + np.copysign(0.5, drawn)
    direction = np.where(rng.random(count) < 0.5, 1.0, -1.0)
    return np.where(_some(rng, count, 0.5), np.abs(sizes) * direction, sizes)


def _autoregression(coefficient: npt.NDArray[Any], shocks: npt.NDArray[Any]) -> Any:
    """Stationary autoregression of order 1 with the variance of the shocks; complex numbers make it a cycle."""
    scaled = shocks * np.sqrt(1 - np.abs(coefficient) ** 2)
    scaled[:1] = shocks[:1]
    return _recursion(coefficient, scaled)


def _recursion(coefficient: npt.NDArray[Any], steps: npt.NDArray[Any]) -> Any:
    """x[t] = coefficient * x[t - 1] + steps[t], in place of the steps."""
    for before, now in pairwise(steps):
        now += coefficient * before
    return steps


def _accumulated(steps: Array) -> Array:
    return np.cumsum(steps, axis=0)


def _log_uniform(rng: np.random.Generator, limits: Range | Array, count: int) -> Array:
    low, high = limits
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def _some(rng: np.random.Generator, count: int, share: float) -> Mask:
    return rng.random(count) < share


def _where(rng: np.random.Generator, share: float, values: Array) -> Array:
    """Of this share of the series the value, of the others 0."""
    return np.where(_some(rng, len(values), share), values, 0.0)


# What the prior says to each series


def _values_of_each(rng: np.random.Generator, weights: Mapping[Prior, float], num_series: int) -> Values:
    """Draw the prior of each series, and line up its fields over the series."""
    chance = np.array(list(weights.values()), dtype=float)
    which = rng.choice(len(chance), num_series, p=chance / chance.sum())
    table = {name: np.array([getattr(prior, name) for prior in weights], dtype=float) for name in SHARES + RANGES}
    return {name: column[which].T for name, column in table.items()}


def _chosen(rng: np.random.Generator, share: Array) -> npt.NDArray[np.intp]:
    return np.flatnonzero(rng.random(len(share)) < share)


def _part(each: Values, chosen: npt.NDArray[np.intp]) -> Values:
    return {name: column[..., chosen] for name, column in each.items()}


def _count(each: Values) -> int:
    return len(each["trend"])


# What may be passed


def _check_integer(name: str, value: Any, at_least: int) -> None:
    """An integer of at least this size was passed."""
    if not _is_integer(value):
        raise TypeError(
            f"simulate_series: {name} must be an integer, but {name}={value!r} was passed. Pass {at_least} or more."
        )
    if value < at_least:
        raise ValueError(f"simulate_series: {name} must be at least {at_least}, but {name}={value!r} was passed.")


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_) and math.isfinite(value)


def _check_share(name: str, value: Any) -> None:
    if not (_is_number(value) and 0 <= value <= 1):
        raise ValueError(f"Prior: {name} must be a share between 0 and 1, but {name}={value!r} was passed.")


def _check_range(name: str, value: Any) -> None:
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    if not (is_pair and 0 < value[0] <= value[1]):
        raise ValueError(
            f"Prior: {name} must be a tuple (low, high) with 0 < low <= high, but {name}={value!r} was passed. "
            f"For a single size pass it twice."
        )


def _periods(sp: Any) -> list[int]:
    """Seasonal periods, each of them once; empty for none."""
    periods = list(sp) if isinstance(sp, Iterable) and not isinstance(sp, str) else [sp]
    for period in periods:
        _check_integer("sp", period, 1)
    return [int(period) for period in dict.fromkeys(periods) if period > 1]


def _generator(random_state: Any) -> np.random.Generator:
    """Generator to draw from."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is not None and not _is_integer(random_state):
        raise TypeError(
            f"simulate_series: random_state must be None, an integer or a numpy Generator, "
            f"but random_state={random_state!r} was passed. Pass an integer to draw the same numbers again."
        )
    if random_state is not None:
        _check_integer("random_state", random_state, 0)
    return np.random.default_rng(random_state)


def _weights(kinds: Any, periods: Sequence[int]) -> dict[Prior, float]:
    """Priors and their weights."""
    if isinstance(kinds, str | Prior):
        return {_only_prior(kinds, periods): 1.0}
    weights = MIXTURE if kinds is None else kinds
    if not isinstance(weights, Mapping):
        raise TypeError(f"{KINDS_MUST_BE}, but kinds={kinds!r} was passed.")
    if not (all(_is_number(weight) and weight >= 0 for weight in weights.values()) and sum(weights.values()) > 0):
        raise ValueError(
            f"simulate_series: the weights of kinds must be numbers of at least 0, not all of them 0, "
            f"but kinds={kinds!r} was passed."
        )
    return _summed((_prior(kind), weight) for kind, weight in weights.items())


def _summed(weights: Iterable[tuple[Prior, float]]) -> dict[Prior, float]:
    """Weights of the priors, where one may be given twice: by its name and as it is."""
    total: dict[Prior, float] = {}
    for prior, weight in weights:
        total[prior] = total.get(prior, 0.0) + weight
    return total


def _only_prior(kind: str | Prior, periods: Sequence[int]) -> Prior:
    """Prior of the one kind that is asked for; a season that all series have needs a period."""
    prior = _prior(kind)
    if prior.season == 1 and not periods:
        raise ValueError(
            f"simulate_series: kinds={kind!r} has a season in every series, but sp=1 is no season. Pass sp=12, say."
        )
    return prior


def _prior(kind: Any) -> Prior:
    """Prior of this name, or the one passed."""
    if isinstance(kind, Prior):
        return kind
    if not isinstance(kind, str):
        raise TypeError(f"{KINDS_MUST_BE}, but one of them is {kind!r}.")
    if kind not in KINDS:
        raise ValueError(
            f"simulate_series: kinds must name known kinds, but {kind!r} was passed. "
            f"Pass one of {', '.join(map(repr, KINDS))}."
        )
    return KINDS[kind]


KINDS_MUST_BE = "simulate_series: kinds must be a name, a Prior, a mapping of those to their weights, or None"

ACCUMULATED: dict[str, Ingredient] = {
    "random_walk": _random_walk,
    "trend": _trend,
    "damped_trend": _damped_trend,
    "changing_slope": _changing_slope,
    "broken_trend": _broken_trend,
}
ADDED: dict[str, Ingredient] = {
    "saturation": _saturation,
    "cycle": _cycle,
    "noise": _noise,
    "level_shift": _level_shift,
    "temporary_shift": _temporary_shift,
    "outliers": _outliers,
}
POSITIVE: dict[str, Observation] = {
    "positive": _exponential,
    "exponential_growth": _grown,
}
WHOLE: dict[str, Observation] = {
    "counts": _counts,
    "intermittent_demand": _intermittent_demand,
}
HOLDINGS: dict[str, Callable[[np.random.Generator, int, int], Mask]] = {
    "constant_stretch": _stretch,
    "staircase": _stairs,
}

LITTLE_NOISE: Range = (0.1, 0.3)
SUM = Prior(
    level_shift=0.06,
    temporary_shift=0.04,
    outliers=0.05,
    counts=0.0,
    intermittent_demand=0.0,
    constant_stretch=0.0,
    staircase=0.0,
)
"""Sums of many things, such as the sales of a country: no counts, and few events."""

KINDS: dict[str, Prior] = {
    "mixed": Prior(),
    "noise": Prior.only(noise=1.0),
    "heavy-tailed noise": Prior.only(noise=1.0, heavy_tails=1.0),
    "autocorrelated noise": Prior.only(noise=1.0, autocorrelated_noise=1.0),
    "changing variance": Prior.only(noise=1.0, changing_variance=1.0),
    "random walk": Prior.only(random_walk=1.0),
    "linear trend": Prior.only(trend=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "damped trend": Prior.only(damped_trend=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "broken trend": Prior.only(broken_trend=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "changing slope": Prior.only(changing_slope=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "saturation": Prior.only(saturation=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "cycle": Prior.only(cycle=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "season": Prior.only(season=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "evolving season": Prior.only(season=1.0, evolving_season=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "growing season": Prior.only(season=1.0, growing_season=1.0, noise=1.0, noise_size=LITTLE_NOISE),
    "multiplicative season": Prior.only(
        season=1.0,
        exponential_growth=1.0,
        noise=1.0,
        noise_size=LITTLE_NOISE,
        spread=(0.1, 0.5),
        season_size=(1.0, 2.0),
    ),
    "weak season": replace(
        SUM, random_walk=0.9, season=1.0, smooth_season=0.9, season_size=(0.05, 0.6), noise_size=(0.05, 1.0)
    ),
    "smooth trend": replace(
        SUM,
        trend=0.8,
        upward=0.85,
        noise_size=(0.02, 0.3),
        season_size=(0.05, 2.0),
        seasonal_adjustment=0.25,
        spread=(0.05, 0.6),
    ),
    "exponential growth": Prior.only(
        exponential_growth=1.0, random_walk=0.7, noise=1.0, spread=(0.02, 0.2), total_growth=(0.7, 5.0)
    ),
    "level shift": Prior.only(level_shift=1.0, noise=1.0, noise_size=(0.3, 1.0)),
    "temporary shift": Prior.only(temporary_shift=1.0, noise=1.0, noise_size=(0.3, 1.0)),
    "outliers": Prior.only(outliers=1.0, noise=1.0, noise_size=(0.3, 1.0)),
    "counts": Prior.only(counts=1.0, random_walk=0.7, season=0.5, noise=0.5),
    "intermittent demand": Prior.only(intermittent_demand=1.0, random_walk=0.5, season=0.5, noise=0.5),
    "constant stretch": Prior.only(constant_stretch=1.0, random_walk=1.0, noise=1.0),
    "staircase": Prior.only(staircase=1.0, random_walk=1.0),
}
"""Priors by name; "mixed" is the default one, the others show one ingredient with what belongs to it."""

MIXTURE: dict[str | Prior, float] = {
    "mixed": 0.65,
    "smooth trend": 0.2,
    "exponential growth": 0.06,
    "weak season": 0.07,
    "random walk": 0.02,
}
"""Weights of the kinds that are drawn by default. Beside "mixed" stand those whose ingredients go together in real
series more often than independent draws would have it."""
