"""Losses: how far a forecast is from its target, with the missing targets left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SpreadOf = Callable[[Tensor, Tensor], Tensor]
"""From answers of shape (batch, horizon, variable, 1 + outputs) and the scales of the windows, of shape (batch, 1,
variable), to the spread below and above the forecast, of shape (batch, horizon, variable, 2), in units of the scale."""

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
ONE_SIDE = len(QUANTILES) // 2
DEGREES_OF_FREEDOM = 5.0
MIN_SPREAD = 1e-2
MIN_MEAN = 0.05
COUNTS = "negative_binomial"


@dataclass(frozen=True)
class Loss:
    """Mean of a pointwise loss over the targets that were observed.

    Attributes
    ----------
    pointwise : callable
        Loss of each answer, target and scale of the window; without further outputs an answer is the forecast.
    outputs : int
        Outputs of the network beside each forecast, which tell how far the truth may be from it.
    spread_of : callable or None
        How far that is; None if nothing is learned of it.
    """

    pointwise: Callable[[Tensor, Tensor, Tensor], Tensor]
    outputs: int = 0
    spread_of: SpreadOf | None = None

    def __call__(self, output: Tensor, target: Tensor, scale: Tensor | None = None) -> Tensor:
        """Loss of an answer to a target of shape (batch, horizon, variable); NaN marks a missing target."""
        seen = torch.isfinite(target)
        one = torch.ones_like(target[:, :1]) if scale is None else scale
        each = self.pointwise(output, torch.where(seen, target, 0.0), one)
        return torch.where(seen, each, 0.0).sum() / seen.sum().clamp(min=1)


def _of_point(pointwise: Callable[..., Tensor]) -> Loss:
    return Loss(lambda forecast, target, scale: pointwise(forecast, target, reduction="none"))


def _spread(output: Tensor, scale: Tensor | None = None) -> Tensor:
    """Spread of a symmetric distribution from its one output."""
    return functional.softplus(output[..., 1]) + MIN_SPREAD


def _both_sides(output: Tensor, scale: Tensor) -> Tensor:
    return _spread(output)[..., None].expand(*output.shape[:-1], 2)


def _normal(output: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Negative log-likelihood of a normal distribution, but for a constant."""
    spread = _spread(output)
    return spread.log() + ((target - output[..., 0]) / spread).square() / 2


def _student_t(output: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Negative log-likelihood of Student's t with five degrees of freedom, but for a constant."""
    spread = _spread(output)
    distance = ((target - output[..., 0]) / spread).square()
    return spread.log() + (DEGREES_OF_FREEDOM + 1) / 2 * torch.log1p(distance / DEGREES_OF_FREEDOM)


def quantiles(output: Tensor) -> Tensor:
    """Quantiles at the levels `QUANTILES`: the forecast less and plus sums of positive steps, so they cannot cross."""
    below, above = functional.softplus(output[..., 1:]).split(ONE_SIDE, -1)
    median = output[..., :1]
    return torch.cat([median - below.cumsum(-1).flip(-1), median, median + above.cumsum(-1)], -1)


def _pinball(output: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Mean over the levels of twice the pinball loss: at the median it is the absolute error."""
    missed = target[..., None] - quantiles(output)
    levels = missed.new_tensor(QUANTILES)
    return 2 * torch.maximum(levels * missed, (levels - 1) * missed).mean(-1)


def _tenths(output: Tensor, scale: Tensor) -> Tensor:
    """Distance of the outer tenths from the median."""
    each = quantiles(output)
    low, middle, high = QUANTILES.index(0.1), ONE_SIDE, QUANTILES.index(0.9)
    return torch.stack([each[..., middle] - each[..., low], each[..., high] - each[..., middle]], -1)


def _count_mean(output: Tensor, scale: Tensor) -> Tensor:
    """Mean in counts: the forecast itself, which near and below zero goes over into a positive curve."""
    forecast = output[..., 0] * scale
    return torch.where(
        forecast > MIN_MEAN,
        forecast,
        MIN_MEAN * (forecast.clamp(max=MIN_MEAN) / MIN_MEAN - 1).exp() + 1e-6,
    )


def _negative_binomial(output: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Negative log-likelihood of counts with variance mean + spread * mean^2."""
    count, mean, inverse = target * scale, _count_mean(output, scale), 1 / _spread(output)
    return (
        torch.lgamma(inverse)
        + torch.lgamma(count + 1)
        - torch.lgamma(count + inverse)
        + (count + inverse) * (inverse + mean).log()
        - inverse * inverse.log()
        - count * mean.log()
    )


def _count_deviation(output: Tensor, scale: Tensor) -> Tensor:
    """Standard deviation of the counts, in units of the scale."""
    mean = _count_mean(output, scale)
    deviation = (mean + _spread(output) * mean.square()).sqrt() / scale
    return deviation[..., None].expand(*output.shape[:-1], 2)


LOSSES: dict[str, Loss] = {
    "mae": _of_point(functional.l1_loss),
    "mse": _of_point(functional.mse_loss),
    "huber": _of_point(functional.huber_loss),
    "quantile": Loss(_pinball, 2 * ONE_SIDE, _tenths),
    "normal": Loss(_normal, 1, _both_sides),
    "student_t": Loss(_student_t, 1, _both_sides),
    COUNTS: Loss(_negative_binomial, 1, _count_deviation),
}
"""Losses by name. The first three learn the forecast alone, the others also how far the truth may be from it."""
