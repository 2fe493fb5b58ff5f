"""The error distribution: ordered quantiles, growing with the step, and covering what they promise."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtrit

from sktime_lstm.forecasting.intervals import (
    Calibration,
    ErrorScales,
    calibrate,
    growth_of_errors,
    growth_of_paths,
    uncalibrated,
)

ALPHAS = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
NAN = np.nan


def normal_errors(windows, steps=4, variables=1, *, seed=0):
    """Errors with standard deviation 1 at the first step, 2 at the second, ..."""
    unit = np.random.default_rng(seed).normal(size=(windows, steps, variables))
    return unit * np.arange(1, steps + 1)[None, :, None]


def calibrated(errors, *, scale=None, instance=None, keys=None):
    """Calibration of windows of one series and scale one unless told otherwise."""
    windows, _, variables = errors.shape
    scale = np.ones((windows, variables)) if scale is None else scale
    return calibrate(errors, scale, np.zeros(windows, int) if instance is None else instance, keys)


def quantiles(errors, steps, alphas):
    """Quantiles of the error of a window of scale one."""
    calibration = calibrated(errors)
    one = np.ones((1, errors.shape[2]))
    unit = calibration.error_scales.of(one, None, np.array([0]), otherwise=one)
    return calibration.errors(np.asarray(steps)[:, None], alphas) * unit[:, :, None]


@pytest.mark.parametrize("errors", [normal_errors(40, variables=2), normal_errors(2), normal_errors(40) ** 2])
def test_quantiles_rise_with_their_level(errors):
    assert (np.diff(quantiles(errors, [1, 2, 4, 9], ALPHAS), axis=-1) > 0).all()


@pytest.mark.parametrize("windows", [2, 40])
def test_levels_in_any_order_give_quantiles_in_that_order(windows):
    errors = normal_errors(windows)
    found = quantiles(errors, [1, 2, 3], [0.9, 0.1, 0.5])
    np.testing.assert_allclose(found, quantiles(errors, [1, 2, 3], [0.1, 0.5, 0.9])[..., [2, 0, 1]])


@pytest.mark.parametrize("errors", [normal_errors(40), normal_errors(2), 5 + normal_errors(40), normal_errors(40) ** 2])
def test_the_median_error_is_zero_so_that_the_median_is_the_point_forecast(errors):
    np.testing.assert_allclose(quantiles(errors, [1, 4, 50], [0.5]), 0, atol=1e-12)


def test_each_row_and_variable_has_its_own_quantiles():
    errors = normal_errors(40, variables=2) * [1.0, 100.0]
    found = quantiles(errors, [2, 1], [0.1, 0.9])
    for variable in range(2):
        alone = quantiles(errors[:, :, variable, None], [2, 1], [0.1, 0.9])
        np.testing.assert_allclose(found[:, variable], alone[:, 0])


def test_of_many_windows_the_root_mean_square_error_of_a_step_is_taken_as_it_is():
    errors = np.tile(np.array([[3.0, 5], [-3, 5], [3, -5], [-3, -5]])[..., None], (2_000, 1, 1))
    np.testing.assert_allclose(calibrated(errors).rmse_by_step, [[3], [5]], rtol=1e-3)


def test_few_windows_give_errors_that_grow_from_step_to_step():
    # Six windows of errors of one unit are 3 independent ones at step 2, where 2^1.7 is expected of two windows.
    rmse = calibrated(np.ones((6, 2, 1))).rmse_by_step[:, 0]
    np.testing.assert_allclose(rmse[1] / rmse[0], np.sqrt((3 * 1 + 2 * 2**1.7) / 5))


def test_windows_that_lie_apart_tell_more():
    # Six windows with two steps between them are independent at step 2 too.
    scale, instance = np.ones((6, 1)), np.zeros(6, int)
    rmse = calibrate(np.ones((6, 2, 1)), scale, instance, None, stride=2.0).rmse_by_step[:, 0]
    np.testing.assert_allclose(rmse[1] / rmse[0], np.sqrt((6 * 1 + 2 * 2**1.7) / 8))


def test_few_windows_have_heavy_tails_and_a_width_that_allows_for_their_number():
    errors, levels = normal_errors(40, steps=1), np.array([0.9, 0.975])
    standard = errors[:, 0, 0] / np.sqrt(np.mean(errors**2))
    measured = np.quantile(standard, 0.5 + (levels - 0.5) * 41 / 40) - np.quantile(standard, 0.5)
    student = stdtrit(4, levels) * stdtrit(40, 0.975) / stdtrit(4, 0.975)
    expected = measured * 40 / 60 + student * 20 / 60
    np.testing.assert_allclose(calibrated(errors).standard_quantiles[[900, 975], 0], expected)


def test_the_root_mean_square_error_never_falls():
    errors = np.array([[2.0, 1, 4, 3], [-2, -1, -4, -3], [2, -1, 4, -3], [-2, 1, -4, 3]])[..., None]
    rmse = calibrated(np.tile(errors, (500, 1, 1))).rmse_by_step
    np.testing.assert_allclose(rmse / rmse[0], [[1], [1], [2], [2]], rtol=0.02)


@pytest.mark.parametrize("windows", [2, 40])
def test_beyond_the_known_steps_errors_grow_with_the_square_root_unless_more_is_known(windows):
    known, fourfold, ninefold = quantiles(normal_errors(windows), [4, 16, 36], ALPHAS)
    np.testing.assert_allclose(fourfold, 2 * known, atol=1e-12)
    np.testing.assert_allclose(ninefold, 3 * known, atol=1e-12)


@pytest.mark.parametrize(("power", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (2.0, 1.0)])
def test_the_spread_grows_as_that_of_sample_paths_and_no_faster_than_a_line(power, expected):
    noise = np.random.default_rng(0).choice([-1.0, 1.0], size=(3, 50, 1, 1))
    paths = noise * np.arange(1, 13)[:, None] ** power
    np.testing.assert_allclose(growth_of_paths(paths, 4), expected, atol=1e-6)


@pytest.mark.parametrize(("far", "expected"), [(1.0, 0.0), (2.0, 0.5), (4.0, 1.0), (9.0, 1.0), (0.5, 0.0)])
def test_errors_that_were_measured_far_ahead_show_how_they_grow(far, expected):
    # Errors of 1 up to the fourth step and then of another size, sixteen steps ahead: four times as far.
    errors = np.tile(np.where(np.arange(16) < 4, 1.0, far)[:, None], (3, 1, 1)) * [[[1.0]], [[-1.0]], [[1.0]]]
    np.testing.assert_allclose(growth_of_errors(errors, 4), [expected], atol=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_far_errors_are_compared_with_the_later_half_of_those_measured(steps):
    # Errors of 1 up to the steps measured and of 4 beyond, sixteen times as far.
    errors = np.tile(np.where(np.arange(16 * steps) < steps, 1.0, 4.0)[:, None], (3, 1, 1))
    np.testing.assert_allclose(growth_of_errors(errors, steps), [0.5], atol=1e-9)


def test_errors_of_windows_that_show_nothing_do_not_grow():
    errors = np.full((3, 16, 2), NAN)
    errors[..., 0] = 1.0
    np.testing.assert_allclose(growth_of_errors(errors, 4), [0, 0], atol=1e-9)
    np.testing.assert_allclose(growth_of_errors(errors[:0], 4), [0, 0], atol=1e-9)


def test_each_variable_grows_for_itself_and_missing_errors_are_left_out():
    errors = np.ones((3, 16, 2))
    errors[:, 4:, 1] = 2
    errors[0, ::3] = NAN
    np.testing.assert_allclose(growth_of_errors(errors, 4), [0, 0.5], atol=1e-9)


def hand_made(*, growth=0.5):
    """Errors of 1 and 2 units at the first two steps, equally likely between -1 and 1 times that."""
    even = np.linspace(-1, 1, 1001)[:, None]
    scales = ErrorScales(None, np.ones((1, 1)), np.ones((1, 1)))
    return Calibration(scales, np.array([[1.0], [2.0]]), np.array([growth]), even, np.zeros((1, 2, 1), dtype=np.int64))


def test_the_error_at_a_step_is_its_root_mean_square_error_times_a_quantile():
    found = hand_made().errors(np.array([[1], [2], [8]]), [0.25, 0.5, 1.0])
    np.testing.assert_allclose(found[:, 0], [[-0.5, 0, 1], [-1, 0, 2], [-2, 0, 4]], atol=1e-12)


@pytest.mark.parametrize(("growth", "expected"), [(0.0, [2, 1]), (0.5, [2 * np.sqrt(3.5), 2]), (1.0, [7, 4])])
def test_after_an_outage_errors_are_wider_than_those_of_the_steps_that_lie_farther_ahead(growth, expected):
    # Six steps farther the first two are the seventh and the eighth. Three times as long as the two measured steps, the
    # outage adds the factor (1 + 3) ** 0.25.
    calibration, outage = hand_made(growth=growth), np.array([[0], [6]])
    found = calibration.widening(outage)
    np.testing.assert_allclose(found[:, :, 0], [[1, 1], np.sqrt(2) * np.array(expected)])
    quantiles = [calibration.errors(np.array([[1], [1]]), [1.0], steps_more=more)[1, 0, 0] for more in (None, outage)]
    np.testing.assert_allclose(quantiles[1] / quantiles[0], found[1, 0, 0])


def test_where_no_step_lies_farther_nothing_is_widened():
    np.testing.assert_array_equal(hand_made().widening(np.zeros((3, 1), dtype=np.int64)), np.ones((3, 1, 1)))


@pytest.mark.parametrize("factor", [1e-6, 10.0, 1e6])
def test_larger_errors_give_intervals_larger_by_the_same_factor(factor):
    errors = normal_errors(40)
    expected = factor * quantiles(errors, [1, 3, 9], ALPHAS)
    np.testing.assert_allclose(quantiles(factor * errors, [1, 3, 9], ALPHAS), expected, rtol=1e-9, atol=1e-12 * factor)


def test_mirrored_errors_give_mirrored_quantiles():
    errors = normal_errors(40) ** 2
    mirrored = -quantiles(-errors, [1, 3], ALPHAS)[..., ::-1]
    np.testing.assert_allclose(quantiles(errors, [1, 3], ALPHAS), mirrored, atol=1e-9)


def test_errors_that_are_larger_upward_give_intervals_that_reach_farther_upward():
    low, high = quantiles(normal_errors(2_000) ** 2, [1], [0.1, 0.9])[0, 0]
    assert high > 2 * -low


@pytest.mark.parametrize("step", [1, 2, 3, 4])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_an_interval_covers_the_promised_share_of_new_errors(step, coverage):
    low, high = quantiles(normal_errors(300), [step], [0.5 - coverage / 2, 0.5 + coverage / 2])[0, 0]
    fresh = normal_errors(20_000, seed=1)[:, step - 1]
    assert np.mean((fresh >= low) & (fresh <= high)) == pytest.approx(coverage, abs=0.07)


@pytest.mark.parametrize("windows", [3, 8, 32])
def test_intervals_from_few_windows_cover_no_less_on_average(windows):
    shares = []
    for seed in range(200):
        low, high = quantiles(normal_errors(windows, 1, seed=seed), [1], [0.1, 0.9])[0, 0]
        shares.append(NormalDist().cdf(high) - NormalDist().cdf(low))
    assert 0.75 < np.mean(shares) < 0.9


@pytest.mark.parametrize("steps", [1, 4, 9])
@pytest.mark.parametrize("alpha", [0.05, 0.25, 0.5, 0.9])
def test_too_few_windows_are_answered_by_a_normal_error_of_one_scale_unit(alpha, steps):
    found = quantiles(normal_errors(2, steps=2), [steps], [alpha])
    np.testing.assert_allclose(found, NormalDist().inv_cdf(alpha) * np.sqrt(steps), rtol=1e-3, atol=1e-12)


def test_without_any_windows_every_variable_has_a_normal_error():
    found = uncalibrated(3, 2).errors(np.array([[1], [4]]), [0.1, 0.9])
    tenth = NormalDist().inv_cdf(0.9)
    for variable in range(2):
        expected = [[-tenth, tenth], [-2 * tenth, 2 * tenth]]
        np.testing.assert_allclose(found[:, variable], expected, rtol=1e-3)


def test_missing_errors_are_left_out():
    errors = np.tile(np.array([[2.0, 3], [-2, -3], [2, 3], [-2, -3]])[..., None], (10, 1, 1))
    with_gaps = np.concatenate([errors, np.full((7, 2, 1), NAN)])
    np.testing.assert_allclose(quantiles(with_gaps, [1, 2], ALPHAS), quantiles(errors, [1, 2], ALPHAS))


def test_a_variable_without_any_error_is_answered_by_a_normal_error():
    errors = normal_errors(40, variables=2)
    errors[..., 1] = NAN
    assert np.isfinite(quantiles(errors, [1, 9], ALPHAS)).all()


def test_a_step_that_no_window_reaches_is_expected_to_be_worse_than_the_one_before():
    errors = normal_errors(40, steps=3)
    errors[:, 2] = NAN
    rmse = calibrated(errors).rmse_by_step
    np.testing.assert_allclose(rmse[2], rmse[1] * (3 / 2) ** 0.85)


def test_perfect_forecasts_have_no_interval():
    np.testing.assert_array_equal(quantiles(np.zeros((10, 3, 1)), [1, 3, 9], ALPHAS), 0)


@pytest.mark.parametrize("windows", [2, 40])
@pytest.mark.parametrize("alpha", [0.0, 1e-9, 1 - 1e-9, 1.0])
def test_the_outermost_levels_are_finite(alpha, windows):
    assert np.isfinite(quantiles(normal_errors(windows), [1, 9], [alpha])).all()


def scales(*, typical_scale, series_ratio=1.0, keys=("a",)):
    return ErrorScales(pd.Index(keys), np.array([[typical_scale]]), np.array([[series_ratio]]))


def unit(scales, scale, *, key="a", otherwise=0.0):
    one = np.array([[otherwise]])
    return scales.of(np.array([[scale]]), pd.Index([key]), np.array([0]), otherwise=one).item()


def test_the_unit_lies_between_the_scale_of_the_window_and_the_usual_one():
    assert unit(scales(typical_scale=1.0), 32.0) == pytest.approx(4)


def test_a_series_with_larger_errors_has_larger_units():
    assert unit(scales(typical_scale=4.0, series_ratio=3.0), 4.0) == pytest.approx(12)


def test_a_quiet_window_counts_as_a_tenth_of_the_usual_scale():
    assert unit(scales(typical_scale=4.0), 1e-6) == unit(scales(typical_scale=4.0), 0.4) > 0


def test_a_window_that_does_not_vary_has_the_scale_of_its_series():
    assert unit(scales(typical_scale=4.0), 0.0) == pytest.approx(4)


def test_a_window_that_does_not_vary_in_a_series_not_met_before_has_the_unit_given_for_it():
    assert unit(scales(typical_scale=4.0), 0.0, key="b", otherwise=7.0) == pytest.approx(7)
    assert unit(scales(typical_scale=NAN), 0.0, otherwise=7.0) == pytest.approx(7)
    assert unit(scales(typical_scale=NAN), 0.0) == 0


def test_of_a_series_that_was_not_met_before_the_unit_is_the_scale():
    assert unit(scales(typical_scale=32.0, series_ratio=3.0), 7.0, key="b") == pytest.approx(7)


def test_a_series_is_found_by_its_label():
    found = ErrorScales(pd.Index(["a", "b"]), np.array([[1.0], [10.0]]), np.ones((2, 1)))
    keys = pd.Index(["b", "c", "a"])
    units = found.of(np.array([[1.0], [5.0], [1.0]]), keys, np.array([0, 1, 2]), otherwise=np.zeros((3, 1)))
    # The scales of the window and of its series are 1 and 10: 10 to the power of 0.6.
    np.testing.assert_allclose(units[:, 0], [10**0.6, 5, 1])


def units_of(calibration, keys):
    """Units of a window of scale one of each series."""
    one = np.ones((len(keys), 1))
    return calibration.error_scales.of(one, keys, np.arange(len(keys)), otherwise=one)[:, 0]


def test_in_a_panel_each_series_has_the_size_of_its_own_errors():
    errors = normal_errors(600, steps=1)
    errors[::2] *= 5
    calibration = calibrated(errors, instance=np.arange(600) % 2, keys=pd.Index(["loud", "quiet"]))
    loud, quiet = units_of(calibration, pd.Index(["loud", "quiet"]))
    assert loud / quiet == pytest.approx(5, rel=0.15)


def test_a_series_with_few_windows_is_counted_much_like_the_others():
    errors = np.concatenate([normal_errors(600, steps=1), 5 * normal_errors(2, steps=1)])
    keys, instance = pd.Index(["many", "few"]), np.r_[np.zeros(600, int), 1, 1]
    many, few = units_of(calibrated(errors, instance=instance, keys=keys), keys)
    assert few < 3 * many


def random_pairs(number, seed=0):
    return np.random.default_rng(seed).random((number, 2))


def drawn(errors, number=20_000):
    return calibrated(errors).draw(random_pairs(number))


@pytest.mark.parametrize("windows", [2, 3, 40, 400])
def test_drawn_errors_have_the_calibrated_quantiles(windows):
    errors = normal_errors(windows, variables=2)
    found = np.quantile(drawn(errors), ALPHAS, axis=0)
    expected = calibrated(errors).errors(np.arange(1, 5)[:, None], ALPHAS)
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, rtol=0.08, atol=0.15)


def test_drawn_errors_go_together_as_the_held_out_ones_did():
    walk = np.random.default_rng(0).normal(size=(400, 4, 1)).cumsum(axis=1)
    errors = np.concatenate([walk, -walk, np.random.default_rng(1).normal(size=walk.shape)], axis=2)
    found = np.corrcoef(drawn(errors).reshape(-1, 12).T)
    np.testing.assert_allclose(found, np.corrcoef(errors.reshape(-1, 12).T), atol=0.06)


def test_without_windows_drawn_errors_wander():
    found = np.corrcoef(uncalibrated(4, 1).draw(random_pairs(20_000))[..., 0].T)
    np.testing.assert_allclose(found[0], 1 / np.sqrt([1, 2, 3, 4]), atol=0.06)


def test_a_panel_reduced_to_some_series_counts_their_errors_as_before():
    keys = pd.Index(["a", "b", "c"])
    scales = ErrorScales(keys, np.array([[1.0], [np.nan], [3.0]]), np.array([[1.0], [2.0], [0.5]]))
    asked, which, ones = pd.Index(["c", "new", "b", "c"]), np.arange(4), np.ones((4, 1))
    reduced = scales.knowing(asked)
    found, expected = (each.of(2 * ones, asked, which, otherwise=ones) for each in (reduced, scales))
    np.testing.assert_array_equal(found, expected)
    assert reduced.keys.tolist() == ["c", "new", "b"]


def test_a_single_series_may_be_there_several_times():
    scales = ErrorScales(None, np.array([[2.0]]), np.array([[3.0]]))
    units = scales.of(np.array([[2.0], [2.0]]), None, np.array([0, 1]), otherwise=np.ones((2, 1)))
    np.testing.assert_allclose(units, 6.0)


def test_the_same_random_numbers_draw_the_same_errors():
    calibration = calibrated(normal_errors(40))
    first, second, other = (calibration.draw(random_pairs(5, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).all()


# A distribution that was known beforehand


def test_several_variables_have_the_distribution_of_the_one_and_are_independent():
    one = calibrated(normal_errors(200))
    several = one.for_each_of(3)
    for variable in range(3):
        np.testing.assert_array_equal(
            several.errors(np.array([[1] * 3, [4] * 3]), ALPHAS)[:, variable],
            one.errors(np.array([[1], [4]]), ALPHAS)[:, 0],
        )
    drawn = several.draw(random_pairs(2_000))[:, 0]
    assert np.abs(np.corrcoef(drawn.T)[np.triu_indices(3, 1)]).max() < 0.1


def test_with_errors_as_expected_a_known_distribution_stays_about_as_it_was():
    known = calibrated(normal_errors(400))
    sizes = known.sizes(normal_errors(400, seed=1), np.zeros(400, int), 1, stride=1.0)
    assert sizes.item() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("size", [0.1, 10.0])
def test_a_known_distribution_goes_halfway_to_the_measured_size(size):
    known = calibrated(normal_errors(4_000))
    sizes = known.sizes(size * normal_errors(4_000, seed=1), np.zeros(4_000, int), 1, stride=1.0)
    assert sizes.item() == pytest.approx(np.sqrt(size), rel=0.1)


def test_a_few_errors_change_a_known_distribution_little():
    known = calibrated(normal_errors(400))
    sizes = known.sizes(3 * normal_errors(2, seed=1), np.zeros(2, int), 1, stride=1.0)
    assert sizes.item() < 1.4


def test_intervals_are_as_wide_as_the_size_of_the_errors_of_their_series():
    known = calibrated(normal_errors(400))
    keys = pd.Index(["usual", "wild"])
    scales = known.with_sizes(np.array([[1.0], [3.0]]), keys).error_scales
    units = scales.of(np.full((2, 1), 5.0), keys, np.array([0, 1]), otherwise=np.ones((2, 1)))
    np.testing.assert_allclose(units, [[5.0], [15.0]])
