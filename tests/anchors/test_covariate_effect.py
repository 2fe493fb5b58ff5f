"""The linear effect of covariates: found by hand-made examples, untouched by trends and missing values."""

from __future__ import annotations

import numpy as np
import pytest

from sktime_lstm.anchors import covariate_effect
from sktime_lstm.anchors.covariate_effect import linear_effect, standard_errors, typical_change

NAN = np.nan
TIME = np.arange(60.0)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def effect_in(values, covariates, *, bounds=None, unit=None):
    """Effect on the variables of one series counted in units of 1, unless bounds and units are given."""
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    bounds = np.array([0, len(values)] if bounds is None else bounds)
    unit = np.ones((len(bounds) - 1, values.shape[1])) if unit is None else np.asarray(unit, dtype=float)
    return linear_effect(values, covariates, bounds, unit)


# ---- typical change --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 3, -1], np.sqrt((9 + 16) / 2)),
        ([0, NAN, 3, NAN, NAN, -1], np.sqrt((9 + 16) / 2)),
        ([5, 5, 5], 0),
        ([5], 0),
        ([NAN, 5, NAN], 0),
    ],
)
def test_the_typical_change_is_the_root_mean_square_from_one_observation_to_the_next(values, expected):
    found = typical_change(np.array(values, dtype=float)[:, None], np.array([0, len(values)]))
    np.testing.assert_allclose(found, [[expected]])


def test_each_series_and_each_variable_has_its_own_typical_change():
    values = np.array([[0.0, 10], [1, 10], [2, 10], [100, 50], [105, 40]])
    np.testing.assert_allclose(typical_change(values, np.array([0, 3, 5])), [[1, 0], [5, 10]])


# ---- effect ----------------------------------------------------------------------------------------------------------


def test_the_effect_of_two_covariates_is_found():
    covariates = noise(60, 2)
    np.testing.assert_allclose(effect_in(covariates @ [3.0, -0.5], covariates), [[3], [-0.5]], rtol=0.01)


def test_a_level_and_a_trend_beside_the_effect_do_not_disturb_it():
    covariates = noise(60, 1)
    np.testing.assert_allclose(effect_in(100 + 5 * TIME + 3 * covariates[:, 0], covariates), [[3]], rtol=0.01)


def test_two_trends_do_not_explain_each_other():
    covariates = (TIME + noise(60))[:, None]
    assert np.abs(effect_in(5 * TIME + noise(60, seed=1), covariates)).item() < 0.2


def test_every_variable_has_its_own_effect():
    covariates = noise(60, 1)
    np.testing.assert_allclose(effect_in(covariates * [3.0, -6.0], covariates), [[3, -6]], rtol=0.01)


@pytest.mark.parametrize("every", [2, 3, 7])
def test_missing_values_are_left_out(every):
    covariates = noise(60, 1)
    values = 3 * covariates[:, 0]
    values[::every] = NAN
    np.testing.assert_allclose(effect_in(values, covariates), [[3]], rtol=0.01)


@pytest.mark.parametrize("wanders", [True, False], ids=["random walks", "white noise"])
def test_many_covariates_of_pure_noise_beside_few_observations_have_next_to_no_effect(wanders):
    shares = []
    for seed in range(20):
        values, covariates = noise(60, seed=seed), noise(60, 50, seed=100 + seed)
        if wanders:
            values, covariates = values.cumsum(), covariates.cumsum(axis=0)
        explained = np.diff(covariates @ effect_in(values, covariates), axis=0)
        shares.append(explained.std() / np.diff(values).std())
    assert np.mean(shares) < 0.1


def test_one_covariate_among_many_that_has_an_effect_shows_it():
    covariates = noise(60, 20)
    found = effect_in(5 * covariates[:, 7] + 0.1 * noise(60, seed=1), covariates).ravel()
    assert found[7] == pytest.approx(5, rel=0.05)
    assert np.abs(np.delete(found, 7)).max() < 0.25


@pytest.mark.parametrize("covariate", [np.zeros((60, 1)), np.ones((60, 1))], ids=["absent", "constant"])
def test_a_covariate_that_never_changes_has_no_effect(covariate):
    assert effect_in(noise(60), covariate).tolist() == [[0.0]]


def test_a_covariate_that_never_changes_does_not_disturb_one_that_does():
    covariates = np.concatenate([np.ones((60, 1)), noise(60, 1)], axis=1)
    np.testing.assert_allclose(effect_in(3 * covariates[:, 1], covariates), [[0], [3]], rtol=0.01)


def test_the_same_covariate_twice_shares_its_effect():
    once = noise(60, 1)
    np.testing.assert_allclose(effect_in(4 * once[:, 0], np.hstack([once, once])), [[2], [2]], rtol=0.01)


@pytest.mark.parametrize("values", [np.full(60, 7.0), [7.0, 8.0, NAN], [7.0], [NAN, NAN]], ids=len)
def test_a_series_that_shows_nothing_shows_no_effect(values):
    assert effect_in(values, noise(len(values), 1)).tolist() == [[0.0]]


# ---- several series --------------------------------------------------------------------------------------------------


def test_series_in_different_units_share_one_effect_counted_in_the_unit_of_each():
    covariates, unit = noise(120, 1), [[1.0], [1000.0]]
    values = 3 * covariates[:, 0] * np.repeat([1, 1000], 60) + np.repeat([0, 1e6], 60)
    np.testing.assert_allclose(effect_in(values, covariates, bounds=[0, 60, 120], unit=unit), [[3]], rtol=0.01)


def test_the_change_from_one_series_to_the_next_is_none():
    covariates = noise(60, 1)
    values = 3 * covariates[:, 0] + np.repeat([0, 1e6], 30)
    np.testing.assert_allclose(effect_in(values, covariates, bounds=[0, 30, 60]), [[3]], rtol=0.01)


def test_a_series_without_a_unit_shows_nothing():
    covariates = noise(120, 1)
    values = np.concatenate([3 * covariates[:60, 0], np.full(60, 8.0)])
    found = effect_in(values, covariates, bounds=[0, 60, 120], unit=[[1.0], [0.0]])
    np.testing.assert_allclose(found, effect_in(values[:60], covariates[:60]))


def test_of_more_changes_than_fit_into_memory_evenly_spread_ones_count(monkeypatch):
    covariates = noise(60, 1)
    values = np.where(TIME < 30, 3, -3) * covariates[:, 0]
    monkeypatch.setattr(covariate_effect, "MAX_CHANGES", 30)
    found = effect_in(values, covariates).item()
    # The two halves contradict each other, and both count.
    assert abs(found) < 1.5
    np.testing.assert_allclose(effect_in(3 * covariates[:, 0], covariates), [[3]], rtol=0.01)


# ---- standard errors -------------------------------------------------------------------------------------------------


def test_nineteen_in_twenty_effects_lie_within_two_standard_errors():
    """Noise of the levels, so that neighbouring changes are correlated."""
    bounds, unit, within = np.array([0, 400]), np.ones((1, 1)), []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        covariates = generator.normal(size=(400, 2))
        values = covariates @ [[1.0], [2.0]] + generator.normal(size=(400, 1))
        effect = linear_effect(values, covariates, bounds, unit)
        error = standard_errors(values, covariates, bounds, unit)
        within.append(np.abs(effect - [[1.0], [2.0]]) < 2 * error)
    assert 0.85 < np.mean(within) < 1


def test_what_does_not_vary_has_no_standard_error():
    generator = np.random.default_rng(0)
    covariates = np.column_stack([generator.normal(size=50), np.ones(50)])
    values = generator.normal(size=(50, 1))
    error = standard_errors(values, covariates, np.array([0, 50]), np.ones((1, 1)))
    assert error[0] > 0
    assert error[1] == 0
