"""The linear effect of covariates: found by hand-made examples, untouched by trends and missing values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sktime_lstm.anchors.covariate_effect import linear_effect

TIME = torch.arange(40.0)


def noise(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def windows(covariates, effect, rest):
    """One window of one variable that is the effect of its covariates plus the rest."""
    return (covariates @ torch.tensor(effect) + rest)[None, :, None], covariates[None]


def test_the_effect_of_two_covariates_is_found():
    values, covariates = windows(noise(40, 2), [3.0, -0.5], torch.zeros(40))
    torch.testing.assert_close(linear_effect(values, covariates), torch.tensor([[3.0], [-0.5]]), rtol=0.01, atol=0.01)


def test_a_level_and_a_trend_beside_the_effect_do_not_disturb_it():
    values, covariates = windows(noise(40, 1), [3.0], 100 + 0.1 * TIME)
    torch.testing.assert_close(linear_effect(values, covariates), torch.tensor([[3.0]]), rtol=0.02, atol=0)


def test_two_trends_do_not_explain_each_other():
    values, covariates = windows(torch.stack([TIME + noise(40)], -1), [0.0], 5 * TIME + noise(40, seed=1))
    assert linear_effect(values, covariates).abs().item() < 1


def test_every_variable_has_its_own_effect():
    one, covariates = windows(noise(40, 1), [3.0], torch.zeros(40))
    both = torch.cat([one, -2 * one], -1)
    torch.testing.assert_close(linear_effect(both, covariates), torch.tensor([[3.0, -6.0]]), rtol=0.01, atol=0)


def test_missing_values_are_left_out():
    values, covariates = windows(noise(40, 1), [3.0], torch.zeros(40))
    values[0, ::7] = torch.nan
    torch.testing.assert_close(linear_effect(values, covariates), torch.tensor([[3.0]]), rtol=0.01, atol=0)


@pytest.mark.parametrize("covariate", [torch.zeros(40, 1), torch.ones(40, 1)], ids=["absent", "constant"])
def test_a_covariate_that_never_changes_has_no_effect(covariate):
    values, covariates = windows(covariate, [0.0], noise(40))
    torch.testing.assert_close(linear_effect(values, covariates), torch.zeros(1, 1))


def test_the_same_covariate_twice_shares_its_effect():
    once = noise(40, 1)
    values, covariates = windows(torch.cat([once, once], -1), [2.0, 2.0], torch.zeros(40))
    torch.testing.assert_close(linear_effect(values, covariates), torch.tensor([[2.0], [2.0]]), rtol=0.01, atol=0)
