"""The error distribution: ordered quantiles, growing with the step, and covering what they promise."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from sktime_lstm.intervals import calibrate, uncalibrated

ALPHAS = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]


def normal_errors(windows, steps=4, variables=1, *, seed=0):
    """Errors with standard deviation 1 at the first step, 2 at the second, ..."""
    unit = np.random.default_rng(seed).normal(size=(windows, steps, variables))
    return unit * np.arange(1, steps + 1)[None, :, None]


def quantiles(errors, steps, alphas):
    return calibrate(errors).errors(np.asarray(steps), alphas)


@pytest.mark.parametrize("errors", [normal_errors(40, variables=2), normal_errors(2), normal_errors(40) ** 2])
def test_quantiles_rise_with_their_level(errors):
    assert (np.diff(quantiles(errors, [1, 2, 4, 9], ALPHAS), axis=-1) > 0).all()


@pytest.mark.parametrize("windows", [3, 40])
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


def test_the_spread_is_the_root_mean_square_error_of_the_step():
    errors = np.array([[3.0, 5], [-3, 5], [3, -5], [-3, -5]])[..., None]
    np.testing.assert_allclose(calibrate(np.tile(errors, (2, 1, 1))).spread, [[3], [5]])


def test_the_spread_never_falls():
    errors = np.array([[2.0, 1, 4, 3], [-2, -1, -4, -3], [2, -1, 4, -3], [-2, 1, -4, 3]])[..., None]
    np.testing.assert_allclose(calibrate(np.tile(errors, (2, 1, 1))).spread, [[2], [2], [4], [4]])


@pytest.mark.parametrize("windows", [2, 40])
def test_beyond_the_known_steps_the_spread_grows_with_the_square_root(windows):
    known, fourfold, ninefold = quantiles(normal_errors(windows), [4, 16, 36], ALPHAS)
    np.testing.assert_allclose(fourfold, 2 * known, atol=1e-12)
    np.testing.assert_allclose(ninefold, 3 * known, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-6, 10.0, 1e6])
def test_larger_errors_give_intervals_larger_by_the_same_factor(factor):
    errors = normal_errors(40)
    expected = factor * quantiles(errors, [1, 3, 9], ALPHAS)
    np.testing.assert_allclose(quantiles(factor * errors, [1, 3, 9], ALPHAS), expected, rtol=1e-9, atol=1e-12 * factor)


def test_mirrored_errors_give_mirrored_quantiles():
    errors = normal_errors(40) ** 2
    mirrored = -quantiles(-errors, [1, 3], ALPHAS)[..., ::-1]
    np.testing.assert_allclose(quantiles(errors, [1, 3], ALPHAS), mirrored, atol=1e-9)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_an_interval_covers_the_promised_share_of_new_errors(step, coverage):
    low, high = quantiles(normal_errors(300), [step], [0.5 - coverage / 2, 0.5 + coverage / 2])[0, 0]
    fresh = normal_errors(20_000, seed=1)[:, step - 1]
    assert np.mean((fresh >= low) & (fresh <= high)) == pytest.approx(coverage, abs=0.07)


@pytest.mark.parametrize("windows", [8, 16, 32])
def test_intervals_from_few_windows_cover_no_less_on_average(windows):
    shares = []
    for seed in range(200):
        low, high = quantiles(normal_errors(windows, 1, seed=seed), [1], [0.1, 0.9])[0, 0]
        shares.append(NormalDist().cdf(high) - NormalDist().cdf(low))
    assert 0.75 < np.mean(shares) < 0.92


@pytest.mark.parametrize("steps", [1, 4, 9])
@pytest.mark.parametrize("alpha", [0.05, 0.25, 0.5, 0.9])
def test_too_few_windows_are_answered_by_a_normal_error_of_one_scale_unit(alpha, steps):
    found = quantiles(normal_errors(3, steps=2), [steps], [alpha])
    np.testing.assert_allclose(found, NormalDist().inv_cdf(alpha) * np.sqrt(steps), rtol=1e-3, atol=1e-12)


def test_without_any_windows_every_variable_has_a_normal_error():
    found = uncalibrated(3, 2).errors(np.array([1, 4]), [0.1, 0.9])
    tenth = NormalDist().inv_cdf(0.9)
    for variable in range(2):
        expected = [[-tenth, tenth], [-2 * tenth, 2 * tenth]]
        np.testing.assert_allclose(found[:, variable], expected, rtol=1e-3)


def test_missing_errors_are_left_out():
    errors = np.array([[2.0, 3], [-2, -3], [2, 3], [-2, -3], [np.nan, np.nan]])[..., None]
    np.testing.assert_allclose(calibrate(np.concatenate([errors, errors])).spread, [[2], [3]])


def test_a_variable_without_any_error_is_answered_by_a_normal_error():
    errors = normal_errors(40, variables=2)
    errors[..., 1] = np.nan
    assert np.isfinite(quantiles(errors, [1, 9], ALPHAS)).all()


def test_a_step_that_no_window_reaches_keeps_the_spread_before_it():
    errors = normal_errors(40, steps=3)
    errors[:, 2] = np.nan
    spread = calibrate(errors).spread
    np.testing.assert_allclose(spread[2], spread[1])


def test_perfect_forecasts_have_no_interval():
    np.testing.assert_array_equal(quantiles(np.zeros((10, 3, 1)), [1, 3, 9], ALPHAS), 0)


@pytest.mark.parametrize("windows", [3, 40])
@pytest.mark.parametrize("alpha", [0.0, 1e-9, 1 - 1e-9, 1.0])
def test_the_outermost_levels_are_finite(alpha, windows):
    assert np.isfinite(quantiles(normal_errors(windows), [1, 9], [alpha])).all()
