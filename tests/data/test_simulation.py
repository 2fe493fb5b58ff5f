"""Simulated series: each ingredient has the law that its name says, and the shares are those that were asked for."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sktime_lstm.data.simulation import KINDS, MIXTURE, RANGES, SHARES, Prior, simulate_series

SEASONAL = {name for name, prior in KINDS.items() if prior.season == 1}


def period_for(kind):
    return 12 if kind in SEASONAL else 1


def drawn(num_series, length, seed=0, *, sp=1, **ingredients):
    """Series of nothing but these ingredients."""
    return simulate_series(num_series, length, sp=sp, kinds=Prior.only(**ingredients), random_state=seed)


def autocorrelation(series, lag=1):
    """Of each series."""
    rest = series - series.mean(axis=1, keepdims=True)
    return (rest[:, lag:] * rest[:, :-lag]).sum(axis=1) / (rest**2).sum(axis=1)


# The whole


@pytest.mark.parametrize(("sp", "kinds"), [(1, None), (12, None), ((7, 365), "season"), (4, {"mixed": 1, "counts": 2})])
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(sp, kinds):
    first, again, other = (simulate_series(20, 30, sp=sp, kinds=kinds, random_state=seed) for seed in (5, 5, 6))
    assert_array_equal(first, again)
    assert not np.any(np.all(first == other, axis=1))


def test_a_generator_moves_on_and_starts_where_its_seed_does():
    generator = np.random.default_rng(3)
    first, second = simulate_series(4, 10, random_state=generator), simulate_series(4, 10, random_state=generator)
    assert_array_equal(first, simulate_series(4, 10, random_state=3))
    assert not np.any(first == second)


def test_without_a_seed_every_call_gives_other_numbers():
    assert not np.array_equal(simulate_series(3, 10), simulate_series(3, 10))


def test_the_global_generator_is_neither_used_nor_changed():
    np.random.seed(0)  # noqa: NPY002 (the legacy generator is what is tested)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = simulate_series(3, 10, sp=4, random_state=0)
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert_array_equal(simulate_series(3, 10, sp=4, random_state=0), first)


@pytest.mark.parametrize("sp", [1, 2, 12, (24, 168), 1000], ids=str)
@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_any_length_goes_with_any_period(length, sp):
    series = simulate_series(200, length, sp=sp, random_state=0)
    assert series.shape == (200, length)
    assert series.dtype == np.float64
    assert np.abs(series).max() < 1e5


@pytest.mark.parametrize("kind", KINDS)
def test_no_series_is_constant(kind):
    series = simulate_series(1000, 12, sp=period_for(kind), kinds=kind, random_state=0)
    assert np.ptp(series, axis=1).min() > 0


@pytest.mark.parametrize("length", [40, 4000])
def test_magnitudes_stay_sane_in_series_of_any_length(length):
    series = simulate_series(400, length, sp=12, random_state=0)
    assert np.median(series.std(axis=1)) < 10
    assert series.std(axis=1).max() < 2000


def test_a_prior_of_nothing_gives_zeros():
    assert_array_equal(drawn(3, 5), np.zeros((3, 5)))


def test_weights_are_the_shares_of_the_kinds():
    kinds = {"noise": 1, Prior.only(): 3}
    silent = np.ptp(simulate_series(8000, 10, kinds=kinds, random_state=0), axis=1) == 0
    assert silent.mean() == pytest.approx(0.75, abs=0.02)


def test_a_kind_of_no_weight_is_not_drawn():
    kinds = {"noise": 0, "intermittent demand": 2}
    assert simulate_series(100, 10, kinds=kinds, random_state=0).min() == 0


def test_a_kind_may_be_given_by_its_name_and_as_it_is():
    series = simulate_series(50, 10, kinds={"noise": 1, KINDS["noise"]: 1}, random_state=0)
    assert_array_equal(series, simulate_series(50, 10, kinds={"noise": 2}, random_state=0))


def test_by_default_the_mixture_is_drawn():
    series = simulate_series(50, 30, sp=4, random_state=0)
    assert_array_equal(series, simulate_series(50, 30, sp=4, kinds=MIXTURE, random_state=0))


def test_a_share_is_the_share_of_the_series_that_have_the_ingredient():
    flat = np.ptp(drawn(8000, 10, trend=0.3), axis=1) == 0
    assert 1 - flat.mean() == pytest.approx(0.3, abs=0.02)


def test_every_field_of_the_prior_is_a_share_or_a_range():
    assert {field.name for field in fields(Prior)} == {*SHARES, *RANGES}


# Trends


def test_a_trend_is_a_straight_line():
    line = drawn(300, 40, trend=1)
    assert_allclose(np.diff(line, n=2), 0, atol=1e-10)
    assert np.abs(np.diff(line)).min() > 0


@pytest.mark.parametrize("share", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("ingredient", ["trend", "damped_trend", "saturation", "exponential_growth"])
def test_the_share_that_was_asked_for_rises(ingredient, share):
    series = drawn(4000, 20, upward=share, **{ingredient: 1})
    assert np.mean(series[:, -1] > series[:, 0]) == pytest.approx(share, abs=0.03)


def test_a_damped_trend_flattens_by_a_constant_factor():
    slopes = np.diff(drawn(300, 30, damped_trend=1))
    factors = slopes[:, 1:] / slopes[:, :-1]
    assert np.all((factors > 0.69) & (factors < 0.99))
    assert_allclose(factors, factors[:, :1] * np.ones(28), rtol=1e-6)


def test_a_broken_trend_is_made_of_straight_lines():
    bends = np.abs(np.diff(drawn(2000, 60, broken_trend=1), n=2)) > 1e-9
    assert np.mean(bends.sum(axis=1)) == pytest.approx(2 * 58 / 60, abs=0.1)


def test_saturation_goes_one_way_and_is_steepest_in_the_middle_of_its_rise():
    curve = drawn(500, 60, saturation=1)
    steps = np.diff(curve) * np.sign(curve[:, -1:] - curve[:, :1])
    assert steps.min() > -1e-12
    assert np.all((np.diff(np.sign(np.diff(steps)), axis=1) > 1).sum(axis=1) == 0)


def test_a_slope_that_changes_is_smoother_than_a_random_walk():
    def roughness(series):
        return np.median(np.diff(series, n=2).std(axis=1) / np.diff(series).std(axis=1))

    assert roughness(drawn(1000, 80, changing_slope=1)) < 0.6
    assert roughness(drawn(1000, 80, random_walk=1)) > 0.8


def test_the_variance_of_a_random_walk_grows_with_time():
    walk = drawn(20_000, 81, random_walk=1)
    walk = walk / np.diff(walk).std(axis=1, keepdims=True)
    assert np.var(walk[:, 80] - walk[:, 40]) == pytest.approx(np.var(walk[:, 40] - walk[:, 0]), rel=0.1)
    assert np.var(walk[:, 80] - walk[:, 0]) > 1.8 * np.var(walk[:, 40] - walk[:, 0])


def test_a_cycle_swings_without_a_fixed_period():
    cycle = drawn(400, 400, cycle=1)
    turns = [np.diff(np.flatnonzero(np.diff(np.sign(wave)) > 0)) for wave in cycle]
    lengths = np.array([gaps.mean() for gaps in turns if len(gaps) > 3])
    spreads = np.array([gaps.std() / gaps.mean() for gaps in turns if len(gaps) > 3])
    assert 5 < np.median(lengths) < 60
    assert np.median(spreads) > 0.1


# Seasons


@pytest.mark.parametrize("sp", [2, 3, 4, 7, 12, 52])
@pytest.mark.parametrize("smooth", [0, 1])
def test_a_season_without_noise_repeats_after_its_period(sp, smooth):
    season = drawn(100, 4 * sp, sp=sp, season=1, smooth_season=smooth)
    assert_allclose(season[:, sp:], season[:, :-sp], atol=1e-9)


@pytest.mark.parametrize("sp", [2, 4, 12, 52])
@pytest.mark.parametrize("smooth", [0, 1])
def test_a_season_has_the_size_that_was_asked_for_and_the_mean_zero(sp, smooth):
    season = drawn(100, 2 * sp, sp=sp, season=1, smooth_season=smooth, season_size=(3.0, 3.0))
    assert_allclose(season.std(axis=1), 3, rtol=1e-6)
    assert_allclose(season.mean(axis=1), 0, atol=1e-9)


def test_a_smooth_season_is_smoother_than_a_rough_one():
    smooth, rough = (np.median(autocorrelation(drawn(300, 96, sp=24, season=1, smooth_season=s))) for s in (1, 0))
    assert smooth > 0.6
    assert abs(rough) < 0.2


def test_several_seasons_repeat_after_their_common_multiple_only():
    season = drawn(100, 90, sp=(4, 6), season=1)
    assert_allclose(season[:, 12:], season[:, :-12], atol=1e-9)
    for sp in (4, 6):
        assert np.all(np.abs(season[:, sp:] - season[:, :-sp]).max(axis=1) > 0.01)


def test_each_of_several_seasons_is_drawn_on_its_own():
    silent = np.ptp(drawn(4000, 20, sp=(4, 6), season=0.5), axis=1) == 0
    assert silent.mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("smooth", [0, 1])
def test_an_evolving_season_differs_more_from_an_earlier_season(smooth):
    season = drawn(400, 240, sp=12, season=1, smooth_season=smooth, evolving_season=1)
    late, middle, early = (np.sum((season[:, 228:] - season[:, k : k + 12]) ** 2, axis=1) for k in (216, 120, 0))
    assert np.mean(late < middle) > 0.95
    assert np.mean(middle < early) > 0.6


def test_a_growing_season_changes_its_amplitude_alone():
    season = drawn(200, 120, sp=12, season=1, growing_season=1)
    years = season.reshape(200, 10, 12)
    amplitude = years.std(axis=2)
    steady = np.mean(np.abs(amplitude / amplitude[:, :1] - 1).max(axis=1) < 0.05)
    assert steady < 0.1
    signs = np.sign(years[:, 0]) == np.sign(years[:, -1])
    assert signs.all()


def test_a_multiplicative_season_grows_with_the_level():
    kind = Prior.only(exponential_growth=1, upward=1.0, season=1, total_growth=(2.0, 2.0), spread=(0.2, 0.2))
    years = simulate_series(200, 120, sp=12, kinds=kind, random_state=0).reshape(200, 10, 12)
    level, swing = years.mean(axis=2), years.std(axis=2)
    assert np.all(swing[:, -1] > 3 * swing[:, 0])
    assert np.median(swing[:, -1] / swing[:, 0] / (level[:, -1] / level[:, 0])) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("sp", [2, 3, 4, 7, 12])
@pytest.mark.parametrize("points", [0, 1])
def test_seasonal_adjustment_takes_a_fixed_season_out_and_leaves_the_line(sp, points):
    adjusted = drawn(100, 5 * sp + points, sp=sp, season=1, trend=1, seasonal_adjustment=1)
    assert_allclose(np.diff(adjusted, n=2), 0, atol=1e-9)


def test_seasonal_adjustment_leaves_less_of_a_season_than_chance():
    def seasonal(**ingredients):
        years = drawn(200, 120, sp=12, noise=1, **ingredients).reshape(200, 10, 12)
        return np.mean(years.mean(axis=1).var(axis=1) / years.var(axis=(1, 2)))

    assert seasonal() == pytest.approx(11 / 120, rel=0.1)
    assert seasonal(seasonal_adjustment=1) < 0.03


def test_series_of_fewer_than_two_seasons_are_not_adjusted():
    short = {"sp": 12, "season": 1, "evolving_season": 0}
    assert_array_equal(drawn(50, 23, **short, seasonal_adjustment=1), drawn(50, 23, **short))


def test_a_period_of_one_is_no_season():
    assert_array_equal(drawn(5, 20, sp=[1], season=0.9), np.zeros((5, 20)))


def test_a_period_given_twice_counts_once():
    twice, once = drawn(5, 20, sp=(4, 4), season=1), drawn(5, 20, sp=4, season=1)
    assert_array_equal(twice, once)


# Noise


def test_noise_has_the_size_that_was_asked_for_and_no_memory():
    noise = drawn(400, 500, noise=1, noise_size=(2.0, 2.0))
    assert noise.std() == pytest.approx(2, rel=0.01)
    assert np.mean(noise**4) / np.mean(noise**2) ** 2 == pytest.approx(3, abs=0.1)
    assert autocorrelation(noise).mean() == pytest.approx(0, abs=0.01)


def test_heavy_tails_are_those_of_a_t_distribution_with_three_degrees_of_freedom():
    noise = drawn(400, 500, noise=1, heavy_tails=1, noise_size=(1.0, 1.0))
    # P(|t| > 5.841) = 0.01 for three degrees of freedom, and the variance of t is 3.
    assert np.mean(np.abs(noise) > 5.841 / np.sqrt(3)) == pytest.approx(0.01, abs=0.001)


def test_autocorrelated_noise_is_stationary_from_its_first_point():
    noise = drawn(20_000, 30, noise=1, autocorrelated_noise=1, noise_size=(1.0, 1.0))
    assert_allclose(noise.std(axis=0), 1, rtol=0.03)


def test_autocorrelated_noise_has_coefficients_of_either_sign():
    memory = autocorrelation(drawn(1000, 400, noise=1, autocorrelated_noise=1))
    assert np.mean(memory < -0.1) > 0.2
    assert np.mean(memory > 0.5) > 0.2


def test_changing_variance_comes_in_calm_and_wild_times():
    def memory_of_squares(**form):
        return np.mean(autocorrelation(np.abs(drawn(500, 500, noise=1, **form))))

    assert memory_of_squares(changing_variance=1) > 0.1
    assert memory_of_squares() == pytest.approx(0, abs=0.01)


# Events


def test_a_level_shift_stays():
    shifts = drawn(2000, 60, level_shift=1)
    changes = np.abs(np.diff(shifts)) > 0
    assert np.median(changes.sum(axis=1)) == 1
    assert np.abs(np.diff(shifts))[changes].min() >= 2


def test_a_temporary_shift_fades_away_by_a_constant_factor():
    shifts = drawn(4000, 60, temporary_shift=1)
    starts = [(series, np.flatnonzero(series)[0]) for series in shifts]
    factors = [series[k + 1 :] / series[k:-1] for series, k in starts if k < 50]
    single = [steps[0] for steps in factors if np.ptp(steps) < 1e-6]
    assert len(single) / len(factors) == pytest.approx(np.exp(-0.5), abs=0.06)
    assert 0.5 <= min(single) < max(single) <= 0.97


def test_outliers_are_single_and_far_off():
    outliers = drawn(2000, 100, outliers=1)
    assert np.mean(outliers != 0) == pytest.approx(1 - 0.98 * 0.99, abs=0.002)
    assert np.abs(outliers[outliers != 0]).min() >= 3


# What is observed


@pytest.mark.parametrize("share", ["positive", "exponential_growth"])
def test_a_positive_series_stays_positive_and_of_a_sane_size(share):
    series = simulate_series(2000, 60, sp=12, kinds=replace(KINDS["mixed"], counts=0.0, **{share: 1.0}), random_state=0)
    series = series[~(series == 0).any(axis=1)]
    assert len(series) > 1900
    assert series.min() > 0
    assert series.max() < 2e4


def test_the_spread_is_the_standard_deviation_of_the_logarithm():
    series = drawn(100, 200, positive=1, noise=1, spread=(0.5, 0.5))
    assert_allclose(np.log(series).std(axis=1), 0.5, rtol=1e-6)
    assert_allclose(np.log(series).mean(axis=1), 0, atol=1e-9)


def test_exponential_growth_multiplies_by_the_factor_asked_for():
    series = drawn(100, 30, exponential_growth=1, upward=1.0, total_growth=(2.0, 2.0))
    assert_allclose(series[:, -1] / series[:, 0], np.exp(2))
    assert np.diff(series).min() > 0


def test_exponential_growth_is_about_the_same_factor_at_every_step():
    steps = np.diff(np.log(drawn(1000, 40, exponential_growth=1, total_growth=(3.0, 3.0), upward=1.0)))
    early, late = steps[:, 5:15].mean(axis=1), steps[:, 25:].mean(axis=1)
    assert np.median(late / early) == pytest.approx(1, abs=0.1)
    assert np.quantile(late / early, 0.9) < 2


def test_no_step_of_a_short_series_grows_faster_than_the_limit_on_average():
    series = drawn(100, 6, exponential_growth=1, upward=1.0, total_growth=(9.0, 9.0))
    assert_allclose(np.log(series[:, -1] / series[:, 0]), 0.4 * 5)


def test_counts_are_whole_and_not_negative():
    counts = simulate_series(1000, 40, sp=4, kinds="counts", random_state=0)
    assert_array_equal(counts, np.round(counts))
    assert counts.min() == 0


def test_counts_vary_as_much_as_a_poisson_distribution_or_more():
    counts = drawn(4000, 200, counts=1)
    ratio = counts.var(axis=1) / counts.mean(axis=1)
    steady = np.abs(ratio - 1) < 0.3
    assert np.mean(steady) == pytest.approx(0.5, abs=0.15)
    assert np.mean(ratio < 0.7) < 0.01
    assert np.mean(ratio > 1.3) > 0.3


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_intermittent_demand_has_the_zeros_asked_for(share):
    demand = drawn(2000, 100, intermittent_demand=1, zeros=(share, share))
    assert np.mean(demand == 0) == pytest.approx(share, abs=0.01)


def test_intermittent_demand_is_whole_and_at_least_one_where_it_is_not_zero():
    demand = simulate_series(1000, 40, kinds="intermittent demand", random_state=0)
    assert_array_equal(demand, np.round(demand))
    assert demand[demand != 0].min() == 1


def test_zeros_of_an_intermittent_demand_come_in_runs_in_some_series_and_at_random_in_others():
    idle = drawn(2000, 400, intermittent_demand=1, zeros=(0.5, 0.5)) == 0
    memory = autocorrelation(idle.astype(float))
    assert np.mean(np.abs(memory) < 0.1) > 0.45
    assert np.mean(memory > 0.2) > 0.2


def test_demand_occurs_at_least_once_however_rare_it_is():
    demand = drawn(2000, 5, intermittent_demand=1, zeros=(0.95, 0.95))
    assert np.all(demand.sum(axis=1) >= 1)


def test_a_constant_stretch_holds_one_value_for_half_of_the_series_at_most():
    same = np.diff(drawn(2000, 100, constant_stretch=1, noise=1)) == 0
    assert same.sum(axis=1).max() <= 50
    assert np.mean(same.sum(axis=1)) == pytest.approx(20.8, abs=1.5)
    assert np.all((np.diff(same.astype(int)) == 1).sum(axis=1) + same[:, 0] <= 1)


def test_a_staircase_changes_at_some_times_only():
    same = np.diff(drawn(2000, 100, staircase=1, random_walk=1)) == 0
    assert 0.65 < same.mean() < 0.8
    assert same.mean(axis=1).max() < 1


# What may be passed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_series": 0}, "num_series must be at least 1, but num_series=0"),
        ({"length": -3}, "length must be at least 1, but length=-3"),
        ({"sp": 0}, "sp must be at least 1, but sp=0"),
        ({"sp": (12, -1)}, "sp must be at least 1, but sp=-1"),
        ({"random_state": -1}, "random_state must be at least 0, but random_state=-1"),
        ({"kinds": "sine"}, "kinds must name known kinds, but 'sine' was passed. Pass one of 'mixed', 'noise'"),
        ({"kinds": {"sine": 1}}, "kinds must name known kinds, but 'sine'"),
        ({"kinds": {}}, "weights of kinds must be numbers of at least 0, not all of them 0"),
        ({"kinds": {"noise": 0}}, "not all of them 0, but kinds={'noise': 0}"),
        ({"kinds": {"noise": -1, "counts": 3}}, "weights of kinds must be numbers of at least 0"),
        ({"kinds": {"noise": np.inf}}, "weights of kinds must be numbers"),
        ({"kinds": {"noise": "much"}}, "weights of kinds must be numbers"),
        ({"kinds": "season"}, "kinds='season' has a season in every series, but sp=1 is no season. Pass sp=12, say"),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(wrong, message):
    with pytest.raises(ValueError, match=message):
        simulate_series(**({"num_series": 2, "length": 5} | wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_series": 2.0}, "num_series must be an integer, but num_series=2.0"),
        ({"length": True}, "length must be an integer, but length=True"),
        ({"sp": "12"}, "sp must be an integer, but sp='12'"),
        ({"sp": 52.18}, "sp must be an integer, but sp=52.18"),
        ({"random_state": "seed"}, "random_state must be None, an integer or a numpy Generator"),
        ({"random_state": np.random.RandomState(0)}, "random_state must be None, an integer"),
        ({"kinds": ["noise"]}, "kinds must be a name, a Prior, a mapping"),
        ({"kinds": {3: 1.0}}, "kinds must be a name, a Prior, a mapping .* but one of them is 3"),
    ],
)
def test_a_wrong_type_is_named_with_the_remedy(wrong, message):
    with pytest.raises(TypeError, match=message):
        simulate_series(**({"num_series": 2, "length": 5} | wrong))


@pytest.mark.parametrize("share", [-0.1, 1.5, np.nan, "all", True])
def test_a_share_lies_between_zero_and_one(share):
    with pytest.raises(ValueError, match="trend must be a share between 0 and 1, but trend="):
        Prior(trend=share)


@pytest.mark.parametrize("sizes", [(0.0, 1.0), (2.0, 1.0), (1.0,), 1.0, [0.1, 1.0], (1.0, np.inf), ("a", "b")])
def test_a_range_is_an_increasing_pair_of_positive_numbers(sizes):
    with pytest.raises(ValueError, match=r"noise_size must be a tuple \(low, high\) with 0 < low <= high"):
        Prior(noise_size=sizes)


def test_not_all_points_of_an_intermittent_demand_can_be_zero():
    with pytest.raises(ValueError, match="zeros must end below 1"):
        Prior(zeros=(0.5, 1.0))


def test_only_keeps_what_tells_one_form_of_an_ingredient_from_the_other():
    prior = Prior.only(trend=1)
    assert {name for name in SHARES if getattr(prior, name)} == {"trend", "upward", "smooth_season"}
