"""The seasonal period: what the calendar suggests, what a series shows and what it does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sktime_lstm.data.seasonality import autocorrelation, calendar_periods, find_period, shows_season


def wave(period, length, *, noise=0.5, seed=0):
    """A sine with noise."""
    rest = np.random.default_rng(seed).normal(scale=noise, size=length)
    return np.sin(2 * np.pi * np.arange(length) / period) + rest


def random_walk(seed, length=120):
    return np.random.default_rng(seed).normal(size=length).cumsum()


@pytest.mark.parametrize(
    ("freq", "expected"),
    [
        ("YS", []),
        ("YE", []),
        ("BYE", []),
        ("QS", [4]),
        ("QE-NOV", [4]),
        ("BQE", [4]),
        ("2QE", [2]),
        ("MS", [12]),
        ("ME", [12]),
        ("BMS", [12]),
        ("BME", [12]),
        ("2MS", [6]),
        ("5MS", []),
        ("W-WED", [52]),
        ("2W-WED", [26]),
        ("B", [5, 261]),
        ("C", [5, 261]),
        ("2B", []),
        ("D", [7, 365]),
        ("3D", []),
        ("h", [24, 168]),
        ("2h", [12, 84]),
        ("12h", [2, 14]),
        ("7h", [24]),
        ("30min", [48, 336]),
        ("15min", [96, 672]),
        ("min", [1440, 10080]),
        ("10s", [6, 360]),
        ("s", [60, 3600]),
        ("100ms", [600, 36000]),
    ],
)
def test_the_calendar_suggests_periods(freq, expected):
    assert calendar_periods(pd.tseries.frequencies.to_offset(freq)) == expected


@pytest.mark.parametrize(
    ("freq", "expected"),
    [("Y", []), ("Q", [4]), ("M", [12]), ("2M", [6]), ("W", [52]), ("D", [7, 365]), ("h", [24, 168])],
)
def test_periods_suggest_the_same_as_dates(freq, expected):
    assert calendar_periods(pd.period_range("2020-01", periods=2, freq=freq).freq) == expected


@pytest.mark.parametrize("step", [1, 2, None])
def test_integers_and_unknown_steps_say_nothing(step):
    assert calendar_periods(step) is None


@pytest.mark.parametrize(
    ("period", "length", "candidates"), [(12, 120, [12]), (24, 24 * 14, [24, 168]), (7, 140, [7]), (4, 60, [4])]
)
def test_a_noisy_season_is_found(period, length, candidates):
    assert find_period([wave(period, length)], candidates) == period


@pytest.mark.parametrize("trend", [0.0, 0.2, -1.0])
def test_a_trend_does_not_hide_the_season(trend):
    y = wave(12, 120)
    assert find_period([y + trend * np.arange(120)], [12]) == 12


def test_a_random_walk_does_not_hide_the_season():
    assert find_period([3 * wave(12, 240) + random_walk(0, 240)], [12]) == 12


def test_the_week_is_found_where_the_day_shows_nothing():
    weekly = np.repeat([0.0, 0, 0, 0, 0, 5, 5], 24)
    noise = np.random.default_rng(0).normal(size=168 * 6)
    assert find_period([np.tile(weekly, 6) + noise], [24, 168]) in (24, 168)
    assert shows_season(np.tile(weekly, 6) + noise, 168)


@pytest.mark.parametrize("period", [5, 9, 12, 30])
def test_without_candidates_the_period_is_found_by_looking(period):
    assert find_period([wave(period, 40 * period, noise=0.3)], None) == period


def test_where_the_calendar_knows_of_no_season_none_is_looked_for():
    assert find_period([wave(12, 480, noise=0.3)], []) == 1


@pytest.mark.parametrize("missing", [0.1, 0.3])
def test_missing_values_do_not_hide_the_season(missing):
    y = wave(12, 120, noise=0.3)
    y[np.random.default_rng(1).random(120) < missing] = np.nan
    assert find_period([y], [12]) == 12


def share_with_a_season(panels, candidates):
    return np.mean([find_period(panel, candidates) > 1 for panel in panels])


@pytest.mark.parametrize("candidates", [[12], [24, 168]], ids=str)
def test_random_walks_and_white_noise_are_seldom_taken_for_seasonal(candidates):
    walks = [[random_walk(20 * seed + one) for one in range(20)] for seed in range(40)]
    noise = [[wave(12, 120, noise=1e6, seed=20 * seed + one) for one in range(20)] for seed in range(40)]
    assert share_with_a_season(walks, candidates) < 0.1
    assert share_with_a_season(noise, candidates) <= 0.1


def test_without_a_calendar_a_random_walk_and_white_noise_alone_are_seldom_taken_for_seasonal():
    assert share_with_a_season([[random_walk(seed)] for seed in range(200)], None) < 0.1
    assert share_with_a_season([[wave(12, 120, noise=1e6, seed=seed)] for seed in range(200)], None) < 0.1


def test_one_series_need_only_not_speak_against_the_season_that_the_calendar_expects():
    weak = [wave(12, 48, noise=1.4, seed=seed) for seed in range(100)]
    assert np.mean([shows_season(y, 12) for y in weak]) < 0.6
    assert share_with_a_season([[y] for y in weak], [12]) > 0.8


def test_a_second_period_has_to_be_shown():
    assert find_period([random_walk(0)[:100]], [200, 60]) == 1
    assert find_period([random_walk(0)[:100]], [60]) == 1
    assert share_with_a_season([[random_walk(seed)] for seed in range(100)], [53, 12]) < 0.1


@pytest.mark.parametrize(("length", "expected"), [(13, 1), (14, 12), (24, 12)])
@pytest.mark.parametrize("number", [1, 5])
def test_series_too_short_for_the_test_are_taken_to_have_the_season_of_the_calendar(length, expected, number):
    series = [random_walk(seed)[:length] for seed in range(number)]
    assert find_period(series, [12]) == expected
    assert find_period([*series, np.arange(30.0)], [12]) == find_period(series, [12], in_doubt=False) == 1


TIME = np.arange(120.0)


@pytest.mark.parametrize("candidates", [[12], [4], None], ids=str)
@pytest.mark.parametrize(
    "trend",
    [TIME, -3 * TIME, TIME**2, 1.03**TIME, np.sqrt(TIME), np.log1p(TIME), np.tanh(TIME / 40 - 1)],
    ids=["line", "falling line", "square", "exponential", "root", "logarithm", "s-curve"],
)
def test_a_pure_trend_is_never_taken_for_seasonal(trend, candidates):
    assert find_period([trend], candidates) == 1


@pytest.mark.parametrize(
    "y",
    [np.zeros(0), np.ones(1), np.ones(2), np.ones(60), np.full(60, np.nan), np.r_[np.full(59, np.nan), 1.0]],
    ids=["empty", "one", "two", "constant", "all missing", "one observed"],
)
@pytest.mark.parametrize("candidates", [[12], None], ids=str)
def test_a_series_that_shows_nothing_has_no_season(y, candidates):
    assert find_period([y], candidates) == 1


@pytest.mark.parametrize("length", [24, 12, 5])
def test_a_season_needs_more_than_two_periods_of_data(length):
    assert not shows_season(wave(12, length, noise=0), 12)
    assert shows_season(wave(12, 60, noise=0), 12)


@pytest.mark.parametrize(("seasonal", "expected"), [(0, 1), (2, 12), (8, 12)])
def test_a_quarter_of_the_series_must_show_the_season(seasonal, expected):
    series = [wave(12, 120, noise=0.1)] * seasonal + [random_walk(3)] * (8 - seasonal)
    assert find_period(series, [12]) == expected


def test_units_and_level_do_not_matter():
    y = wave(12, 120)
    np.testing.assert_allclose(autocorrelation(1e6 * y + 1e9, 12), autocorrelation(y, 12), atol=1e-6)


def test_autocorrelation_by_its_definition():
    y = np.array([1.0, -1, 1, -1, 1, -1, 1, -1])
    y = y - np.polyval(np.polyfit(np.arange(8), y, 1), np.arange(8))
    expected = [y[lag:] @ y[: 8 - lag] / (y @ y) for lag in range(4)]
    np.testing.assert_allclose(autocorrelation(y, 3), expected, atol=1e-12)
