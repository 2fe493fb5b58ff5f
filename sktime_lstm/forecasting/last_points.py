"""Contexts whose last points need care: those that are missing, and those that may be wrong."""

from __future__ import annotations

import torch
from torch import Tensor

JUMP = 3.0
DOUBTFUL = 4
MIN_CHANGES = 5


def context_shift(age: Tensor, *, window_length: int, sp: int) -> Tensor:
    """Points by which a context is to end before its origin, since nothing was observed in its later half.

    Parameters
    ----------
    age : Tensor
        How many points before the origin the last observation lies.
    window_length, sp : int
        Points of context, and the seasonal period: whole seasons are skipped, so that the phases stay.

    Returns
    -------
    Tensor
        0 where the later half holds an observation.
    """
    return torch.where(age > window_length // 2, (age - 1) // sp * sp, 0)


def points_in_doubt(context: Tensor) -> Tensor:
    """How many of the last points of a context may be wrong: those from a jump on that dwarfs all changes before.

    Only jumps to one of the last four points count. Whether such a jump is a mistake or a new level, no method can know
    from so few points.

    Parameters
    ----------
    context : Tensor of shape (batch, time, variable)
        NaN where missing.

    Returns
    -------
    Tensor of shape (batch, variable)
    """
    if context.shape[1] <= DOUBTFUL + MIN_CHANGES + 1:
        return torch.zeros(context.shape[0], context.shape[2], dtype=torch.int64)
    change = context.diff(dim=1).abs()
    # One change more, since the step back from a wrong point before the last four is no jump to one of them.
    latest, before = change[:, -DOUBTFUL - 1 :].nan_to_num(), change[:, : -DOUBTFUL - 1]
    enough = torch.isfinite(before).sum(1) >= MIN_CHANGES
    usual = before.nan_to_num().amax(1)
    jumps = (latest > JUMP * usual[:, None]) & (enough & (usual > 0))[:, None]
    age = torch.arange(DOUBTFUL + 1, 0, -1, device=context.device)[:, None]
    first = (jumps * age).amax(1)
    return torch.where(first <= DOUBTFUL, first, 0)
