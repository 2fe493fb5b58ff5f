"""Long seasons: which are found, what is estimated of them, and that no row knows its future."""

from __future__ import annotations

import numpy as np
import pytest

from sktime_lstm.anchors.long_seasons import LongSeason, choose_long_seasons, seasonal_components

HOURS = np.arange(8 * 168)
DAILY = 10 * np.sin(2 * np.pi * HOURS / 24)
WEEKEND = -8.0 * (HOURS // 24 % 7 >= 5)
YEAR = np.sin(2 * np.pi * np.arange(8 * 365) / 365)


def noise(length, seed=0):
    return np.random.default_rng(seed).normal(size=length)


def component(values, *seasons, short=1):
    """Sum of the components of one series of one variable."""
    parts = seasonal_components(
        np.asarray(values, dtype=float)[:, None], np.array([0, len(values)]), seasons, short=short
    )
    return sum(parts)[:, 0]


@pytest.mark.parametrize("seed", range(5))
def test_a_week_is_found_beyond_the_day(seed):
    found = choose_long_seasons([DAILY + WEEKEND + noise(len(HOURS), seed)], [168], short=24)
    assert [season.period for season in found] == [168]
    assert 0.9 < found[0].weight <= 1


@pytest.mark.parametrize("seed", range(5))
def test_a_day_alone_is_no_week(seed):
    assert choose_long_seasons([DAILY + noise(len(HOURS), seed)], [168], short=24) == ()


@pytest.mark.parametrize("length", [800, 2900])
def test_noise_has_no_year_and_few_random_walks_seem_to_have_one(length):
    shocks = [noise(length, seed) for seed in range(40)]
    assert [each for each in shocks if choose_long_seasons([each], [365], short=1)] == []
    assert sum(bool(choose_long_seasons([each.cumsum()], [365], short=1)) for each in shocks) <= 4


@pytest.mark.parametrize("years", [2.2, 3, 8])
def test_a_year_of_days_is_found_as_soon_as_two_have_passed(years):
    length = int(365 * years)
    week = 3 * np.sin(2 * np.pi * np.arange(length) / 7)
    found = choose_long_seasons([30 * YEAR[:length] + week + 4 * noise(length)], [365], short=7)
    assert [season.period for season in found] == [365]


@pytest.mark.parametrize("length", [400, 480, 1_000, 5_000])
def test_a_straight_line_has_no_season(length):
    assert choose_long_seasons([7.3 * np.arange(length) - 1e4], [168], short=1) == ()


def test_less_than_two_cycles_show_no_season():
    assert choose_long_seasons([30 * YEAR[:700]], [365], short=1) == ()


def test_a_season_that_is_certain_needs_no_proof():
    found = choose_long_seasons([noise(500)], [365], short=1, certain=True)
    assert [season.period for season in found] == [365]
    assert choose_long_seasons([noise(300)], [365], short=1, certain=True) == ()


def test_one_series_in_four_must_show_a_season():
    with_year, without = 30 * YEAR + noise(len(YEAR)), noise(len(YEAR))
    assert choose_long_seasons([with_year, *[without] * 3], [365], short=1) != ()
    assert choose_long_seasons([with_year, *[without] * 4], [365], short=1) == ()


def test_a_pattern_that_repeats_exactly_is_known_from_the_second_cycle_on():
    values = np.tile([0.0, 0, 0, 8], 5)
    found = component(values, LongSeason(4, 1, 1.0))
    np.testing.assert_allclose(found, np.tile([-2.0, -2, -2, 6], 5))


def test_the_next_cycle_is_the_mean_of_those_before_with_weights_that_fall_by_a_tenth():
    # Deviations from the centred mean are 3 and -3 in the first cycles that have one, and twice that in the last.
    values = np.array([3.0, -3, 3, -3, 3, -3, np.nan, np.nan])
    np.testing.assert_allclose(component(values, LongSeason(2, 1, 1.0))[-2:], [3, -3])
    level = np.r_[values[:2], values[2:4], 2 * values[4:6], np.nan, np.nan]
    deviation = level - np.convolve(np.nan_to_num(level), [0.25, 0.5, 0.25], mode="same")
    expected = (deviation[4] + 0.9 * deviation[2]) / 1.9
    np.testing.assert_allclose(component(level, LongSeason(2, 1, 1.0))[6], expected)


def test_the_weight_shrinks_the_pattern():
    values = np.tile([0.0, 0, 0, 8], 5)
    np.testing.assert_allclose(
        component(values, LongSeason(4, 1, 0.25)), 0.25 * component(values, LongSeason(4, 1, 1.0))
    )


def test_a_level_and_a_trend_are_no_part_of_the_pattern():
    trend = 1000 + 3.0 * np.arange(20)
    found = component(trend + np.tile([0.0, 0, 0, 8], 5), LongSeason(4, 1, 1.0))
    np.testing.assert_allclose(found, np.tile([-2.0, -2, -2, 6], 5), atol=1e-9)


def test_no_row_knows_what_comes_after_half_a_period_before_it():
    values = DAILY + WEEKEND + noise(len(HOURS))
    changed = values.copy()
    changed[1000:] += 100 * noise(len(values) - 1000, seed=1)
    found, other = (component(each, LongSeason(168, 1, 1.0)) for each in (values, changed))
    np.testing.assert_array_equal(found[252:1083], other[252:1083])
    assert (found[1168:] != other[1168:]).all()


def test_missing_values_are_left_out():
    values = np.tile([0.0, 0, 0, 8], 12)
    values[[13, 30]] = np.nan
    np.testing.assert_allclose(component(values, LongSeason(4, 1, 1.0))[-4:], [-2, -2, -2, 6])


def test_series_do_not_mix():
    first, second = np.tile([0.0, 0, 0, 8], 5), np.tile([5.0, 0, 0, 0], 6)
    together = np.r_[first, second][:, None]
    (found,) = seasonal_components(together, np.array([0, 20, 44]), [LongSeason(4, 1, 1.0)], short=1)
    np.testing.assert_allclose(found[:20, 0], component(first, LongSeason(4, 1, 1.0)))
    np.testing.assert_allclose(found[20:, 0], component(second, LongSeason(4, 1, 1.0)))


def test_a_second_season_is_estimated_on_what_the_first_leaves():
    day, week = np.tile([0.0, 0, 0, 8], 42), np.tile(np.r_[np.zeros(20), np.full(8, 5.0)], 6)
    seasons = [LongSeason(4, 1, 1.0), LongSeason(28, 1, 1.0)]
    found = seasonal_components((day + week)[:, None], np.array([0, 168]), seasons, short=1)
    np.testing.assert_allclose(np.sum(found, axis=0)[-28:, 0], (day + week)[-28:] - (day + week)[-28:].mean(), atol=1.5)
