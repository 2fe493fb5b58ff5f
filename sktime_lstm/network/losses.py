"""Losses: how far a forecast is from its target, with the missing targets left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import NegativeBinomial, Normal
from torch.nn import functional

PredictiveOf = Callable[[Tensor, Tensor], Tensor]
"""From outputs of shape (batch, horizon, variable, 1 + outputs) and the scales of the windows, of shape (batch, 1,
variable), to the forecast and its spread below and above, of shape (batch, horizon, variable, 3), in units of the
scale."""

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
ONE_SIDE = len(QUANTILES) // 2
MIN_SPREAD = 1e-2
MIN_MEAN = 0.05
MIN_DEVIATION = 0.5
COUNTS = "negative_binomial"


@dataclass(frozen=True)
class Loss:
    """Mean of a pointwise loss over the targets that were observed.

    Attributes
    ----------
    pointwise : callable
        Loss of each output, target and scale of the window; without further outputs an output is the forecast.
    outputs : int
        Outputs of the network beside each forecast, the parameters of its predictive distribution.
    predictive_of : callable or None
        Predicted spread from these outputs; None if none is learned.
    """

    pointwise: Callable[[Tensor, Tensor, Tensor], Tensor]
    outputs: int = 0
    predictive_of: PredictiveOf | None = None

    def __call__(self, output: Tensor, target: Tensor, scale: Tensor | None = None) -> Tensor:
        """Loss of an output for a target of shape (batch, horizon, variable); NaN marks a missing target."""
        seen = torch.isfinite(target)
        one = torch.ones_like(target[:, :1]) if scale is None else scale
        each = self.pointwise(output, torch.where(seen, target, 0.0), one)
        return torch.where(seen, each, 0.0).sum() / seen.sum().clamp(min=1)


def _of_point(pointwise: Callable[..., Tensor]) -> Loss:
    return Loss(lambda forecast, target, scale: pointwise(forecast, target, reduction="none"))


def _spread(output: Tensor, scale: Tensor | None = None) -> Tensor:
    """Spread of a symmetric distribution from its one output."""
    return functional.softplus(output[..., 1]) + MIN_SPREAD


def _location_and_spread(output: Tensor, scale: Tensor) -> Tensor:
    spread = _spread(output)
    return torch.stack([output[..., 0], spread, spread], -1)


def _normal(output: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Negative log-likelihood of a normal distribution."""
    likelihood: Tensor = Normal(output[..., 0], _spread(output), validate_args=False).log_prob(target)
    return -likelihood


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


def _median_and_tenths(output: Tensor, scale: Tensor) -> Tensor:
    """Median, and the distances of the 10 % and 90 % quantiles from it."""
    each = quantiles(output)
    low, median, high = (each[..., QUANTILES.index(level)] for level in (0.1, 0.5, 0.9))
    return torch.stack([median, median - low, high - median], -1)


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
    mean, spread = _count_mean(output, scale), _spread(output)
    distribution = NegativeBinomial(1 / spread, logits=(mean * spread).log(), validate_args=False)
    likelihood: Tensor = distribution.log_prob(target * scale)
    return -likelihood


def _count_mean_and_deviation(output: Tensor, scale: Tensor) -> Tensor:
    """Mean and standard deviation of the counts, in units of the scale; the deviation is at least half a count."""
    mean = _count_mean(output, scale)
    deviation = (mean + _spread(output) * mean.square()).sqrt().clamp(min=MIN_DEVIATION)
    return torch.stack([mean, deviation, deviation], -1) / scale[..., None]


LOSSES: dict[str, Loss] = {
    "mae": _of_point(functional.l1_loss),
    "mse": _of_point(functional.mse_loss),
    "huber": _of_point(functional.huber_loss),
    "quantile": Loss(_pinball, 2 * ONE_SIDE, _median_and_tenths),
    "normal": Loss(_normal, 1, _location_and_spread),
    COUNTS: Loss(_negative_binomial, 1, _count_mean_and_deviation),
}
"""Losses by name. The first three learn the forecast alone, the others also its predictive spread."""
