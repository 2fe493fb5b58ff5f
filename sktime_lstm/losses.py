"""Losses: how far a forecast is from its target, with the missing targets left out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


def _over_observed(pointwise: Callable[..., Tensor]) -> Loss:
    """Mean of a pointwise loss over the targets that were observed."""

    def loss(forecast: Tensor, target: Tensor) -> Tensor:
        seen = torch.isfinite(target)
        each = pointwise(forecast, torch.where(seen, target, 0.0), reduction="none")
        return torch.where(seen, each, 0.0).sum() / seen.sum().clamp(min=1)

    return loss


LOSSES: dict[str, Loss] = {
    "mae": _over_observed(functional.l1_loss),
    "mse": _over_observed(functional.mse_loss),
    "huber": _over_observed(functional.huber_loss),
}
"""Loss of a forecast and a target of shape (batch, horizon, variable); NaN marks a missing target."""
