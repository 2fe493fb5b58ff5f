"""The losses: hand-made values, and missing targets that weigh nothing."""

from __future__ import annotations

import pytest
import torch

from sktime_lstm.losses import LOSSES

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


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
