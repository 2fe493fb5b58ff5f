"""Contexts whose last points need care: those that are missing, and those that may be wrong."""

from __future__ import annotations

import torch
from torch import Tensor

JUMP = 3.0
DOUBTFUL = 4
MIN_CHANGES = 6


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

    Only jumps to one of the last four points, and out of the range of the points before, count. Whether such a jump is
    a mistake or a new level, no method can know from so few points.

    Parameters
    ----------
    context : Tensor of shape (batch, time, variable)
        NaN where missing.

    Returns
    -------
    Tensor of shape (batch, variable)
    """
    if context.shape[1] <= DOUBTFUL + MIN_CHANGES:
        return torch.zeros(context.shape[0], context.shape[2], dtype=torch.int64)
    change, early, late = context.diff(dim=1).abs(), context[:, :-DOUBTFUL], context[:, -DOUBTFUL:]
    before, latest = change[:, :-DOUBTFUL], change[:, -DOUBTFUL:].nan_to_num()
    usual = before.nan_to_num().amax(1, keepdim=True)
    low, high = (early.nan_to_num(nan=beyond) for beyond in (torch.inf, -torch.inf))
    # The step back from a wrong point is as large, but leads to where the series has been before.
    outside = (late < low.amin(1, keepdim=True) - usual) | (late > high.amax(1, keepdim=True) + usual)
    enough = (torch.isfinite(before).sum(1, keepdim=True) >= MIN_CHANGES) & (usual > 0)
    age = torch.arange(DOUBTFUL, 0, -1, device=context.device)[:, None]
    return (age * (enough & outside & (latest > JUMP * usual))).amax(1)
