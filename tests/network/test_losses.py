"""The losses: hand-made values, and missing targets that weigh nothing."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import NegativeBinomial, Normal
from torch.nn.functional import softplus

from sktime_lstm.network.losses import LOSSES, QUANTILES, quantiles

OF_POINT = {name: loss for name, loss in LOSSES.items() if not loss.outputs}
LEARNED = {name: loss for name, loss in LOSSES.items() if loss.outputs}
every_loss = pytest.mark.parametrize("loss", OF_POINT.values(), ids=OF_POINT.keys())
learned_loss = pytest.mark.parametrize("loss", LEARNED.values(), ids=LEARNED.keys())


def column(*values):
    """One window of one variable."""
    return torch.tensor(values).view(1, -1, 1)


@pytest.mark.parametrize(("name", "expected"), [("mae", 2.0), ("mse", 5.0), ("huber", 1.5)])
def test_the_loss_is_the_mean_over_the_targets(name, expected):
    # Errors of 1 and 3: Huber counts 1/2 and 3 - 1/2.
    torch.testing.assert_close(LOSSES[name](column(0.0, 0.0), column(1.0, -3.0)), torch.tensor(expected))


@every_loss
def test_a_missing_target_is_left_out_of_the_mean(loss):
    with_gap = loss(column(5.0, 0.5, 7.0), column(1.0, torch.nan, 2.0))
    torch.testing.assert_close(with_gap, loss(column(5.0, 7.0), column(1.0, 2.0)))


@every_loss
def test_a_missing_target_has_no_gradient(loss):
    forecast = column(5.0, 0.5, 7.0).requires_grad_()
    loss(forecast, column(1.0, torch.nan, 2.0)).backward()
    assert (forecast.grad.flatten() != 0).tolist() == [True, False, True]
    assert torch.isfinite(forecast.grad).all()


@every_loss
def test_without_any_target_loss_and_gradient_are_zero(loss):
    forecast = column(5.0, 7.0).requires_grad_()
    value = loss(forecast, column(torch.nan, torch.nan))
    value.backward()
    torch.testing.assert_close(value, torch.tensor(0.0))
    torch.testing.assert_close(forecast.grad, column(0.0, 0.0))


@every_loss
def test_a_perfect_forecast_has_no_loss(loss):
    torch.testing.assert_close(loss(column(1.0, 2.0), column(1.0, 2.0)), torch.tensor(0.0))


@every_loss
def test_too_high_is_as_bad_as_too_low(loss):
    torch.testing.assert_close(loss(column(1.5), column(0.0)), loss(column(-1.5), column(0.0)))


@every_loss
def test_every_observed_target_weighs_the_same_in_whatever_window_it_stands(loss):
    forecast = torch.zeros(2, 2, 1)
    target = torch.tensor([[1.0, 2.0], [3.0, torch.nan]])[..., None]
    torch.testing.assert_close(loss(forecast, target), loss(column(0.0, 0.0, 0.0), column(1.0, 2.0, 3.0)))


def output(loss, forecast=5.0, *, number=4, seed=0):
    """Forecasts and random further outputs, of shape (1, number, 1, 1 + outputs)."""
    further = torch.randn(1, number, 1, loss.outputs, generator=torch.Generator().manual_seed(seed))
    return torch.cat([torch.full((1, number, 1, 1), forecast), further], -1)


@learned_loss
def test_a_missing_target_is_left_out_of_a_learned_distribution(loss):
    given = output(loss).requires_grad_()
    value = loss(given, column(1.0, torch.nan, 2.0, torch.nan))
    torch.testing.assert_close(value, loss(given[:, ::2], column(1.0, 2.0)))
    value.backward()
    assert (given.grad.flatten(2).abs().sum(-1).flatten() > 0).tolist() == [True, False, True, False]
    assert given.grad.isfinite().all()


@learned_loss
@pytest.mark.parametrize("forecast", [-5.0, 0.0, 5.0])
def test_the_spread_of_a_learned_distribution_is_positive_on_both_sides(loss, forecast):
    predictive = loss.predictive_of(output(loss, forecast, number=50), torch.ones(1, 1, 1))
    assert predictive.shape == (1, 50, 1, 3)
    assert (predictive[..., 1:] > 0).all()


@pytest.mark.parametrize("name", ["normal", "quantile"])
def test_the_forecast_of_a_learned_distribution_is_the_first_output(name):
    predictive = LOSSES[name].predictive_of(output(LOSSES[name], -3.0), torch.full((1, 1, 1), 7.0))
    assert predictive[..., 0].flatten().tolist() == [-3.0] * 4


def test_the_spread_of_learned_quantiles_reaches_down_to_a_tenth_and_up_to_nine_tenths():
    given = output(LOSSES["quantile"])
    below, above = LOSSES["quantile"].predictive_of(given, torch.ones(1, 1, 1))[..., 1:].unbind(-1)
    torch.testing.assert_close(5 - below, quantiles(given)[..., QUANTILES.index(0.1)])
    torch.testing.assert_close(5 + above, quantiles(given)[..., QUANTILES.index(0.9)])


def test_the_normal_loss_is_the_likelihood_of_a_normal_distribution():
    loss, target = LOSSES["normal"], column(1.0, 3.0, 5.0, 8.0)
    given = output(loss)
    spread = loss.predictive_of(given, torch.ones(1, 1, 1))[..., 1]
    expected = -Normal(given[..., 0], spread).log_prob(target)
    torch.testing.assert_close(loss(given, target), expected.mean())


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_the_loss_of_counts_is_the_likelihood_of_the_negative_binomial_in_counts(scale):
    loss, counts = LOSSES["negative_binomial"], column(0.0, 3.0, 20.0, 8.0)
    given, unit = output(loss, 5.0 / scale), torch.full((1, 1, 1), scale)
    inverse = 1 / (softplus(given[..., 1]) + 0.01)
    expected = -NegativeBinomial(inverse, probs=5 / (5 + inverse)).log_prob(counts)
    torch.testing.assert_close(loss(given, counts / scale, unit), expected.mean())


def test_the_spread_of_counts_is_their_standard_deviation():
    loss, unit = LOSSES["negative_binomial"], torch.full((1, 1, 1), 4.0)
    given = output(loss, 5.0 / 4)
    inverse = 1 / (softplus(given[..., 1]) + 0.01)
    expected = NegativeBinomial(inverse, probs=5 / (5 + inverse)).stddev / 4
    predictive = loss.predictive_of(given, unit)
    torch.testing.assert_close(predictive[..., 1], expected)
    torch.testing.assert_close(predictive[..., 2], expected)


def test_the_forecast_of_counts_is_their_mean_which_is_never_negative():
    loss, unit = LOSSES["negative_binomial"], torch.full((1, 1, 1), 4.0)
    assert loss.predictive_of(output(loss, 5.0), unit)[..., 0].flatten().tolist() == [5.0] * 4
    # Near and below zero it goes over into a positive curve: 0.05 / e at 0.
    means = [loss.predictive_of(output(loss, forecast), unit)[0, 0, 0, 0].item() * 4 for forecast in (-1, -0.1, 0)]
    assert 0 < means[0] < means[1] < means[2] == pytest.approx(0.05 / 2.71828, rel=1e-3)


def test_a_negative_forecast_of_counts_still_has_a_likelihood_and_a_gradient():
    loss = LOSSES["negative_binomial"]
    given = output(loss, -3.0).requires_grad_()
    loss(given, column(0.0, 1.0, 2.0, 3.0)).backward()
    assert given.grad.isfinite().all()


def test_learned_quantiles_never_cross_and_their_median_is_the_forecast():
    found = quantiles(output(LOSSES["quantile"], number=100))
    assert (found.diff(dim=-1) > 0).all()
    assert (found[..., QUANTILES.index(0.5)] == 5).all()


def test_the_quantile_loss_is_least_at_the_quantiles_of_the_data():
    loss = LOSSES["quantile"]
    target = torch.distributions.Normal(0, 1).icdf((torch.arange(2_000) + 0.5) / 2_000).view(1, -1, 1)
    given = torch.zeros(1, 1, 1, 1 + loss.outputs, requires_grad=True)
    optimiser = torch.optim.Adam([given], lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        loss(given.expand(1, 2_000, 1, -1), target).backward()
        optimiser.step()
    expected = torch.distributions.Normal(0, 1).icdf(torch.tensor(QUANTILES))
    torch.testing.assert_close(quantiles(given.detach()).flatten(), expected, atol=0.08, rtol=0)
