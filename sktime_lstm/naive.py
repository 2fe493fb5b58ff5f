"""Naive forecasts of a window: the anchors from which the network starts."""

from __future__ import annotations

import torch
from torch import Tensor

ANCHORS = ("last", "drift", "mean", "smooth", "seasonal", "seasonal drift", "seasonal level", "seasonal smooth")
"""Names of the naive forecasts, in the order of the last axis."""

SMOOTHING = 0.7
SMALLEST = 1e-12


def naive_forecasts(context: Tensor, *, horizon: int, sp: int) -> Tensor:
    """Forecast every window naively.

    Parameters
    ----------
    context : Tensor of shape (batch, time, variable)
        NaN where missing.
    horizon : int
        Number of steps to forecast.
    sp : int
        Seasonal period; 1 for none.

    Returns
    -------
    Tensor of shape (batch, horizon, variable, anchor)
        In the order of `ANCHORS`: the last value, the line from the first to the last value, the mean, the mean with
        weights that fall by 0.7 a step; the value one season earlier, that plus the mean change over a season, that
        shifted to the level of the last value, and that plus the mean change with weights that fall by 0.7 a step.
        NaN where an anchor does not exist: the means where there are seasonal anchors, and those for ``sp=1`` or a
        context shorter than a season.
    """
    steps = torch.arange(horizon, device=context.device)
    filled = _carry(context, 1).nan_to_num()
    last = filled[:, -1:].expand(-1, horizon, -1)
    absent = torch.full_like(last, torch.nan)
    plain = [last, _drift(context, filled, steps)]
    if not is_seasonal(context.shape[1], sp):
        means = [mean.expand_as(last) for mean in (_mean(context), _smooth(context))]
        return torch.stack([*plain, *means, absent, absent, absent, absent], -1)
    return torch.stack([*plain, absent, absent, *_seasonal(context, filled, steps, sp)], -1)


def is_seasonal(window_length: int, sp: int) -> bool:
    """Tell whether the seasonal anchors exist for windows of this length."""
    return 1 < sp <= window_length


def change_over_season(context: Tensor, sp: int) -> Tensor:
    """Difference to the value one season earlier, 0 where one of the two is missing; shape of the context."""
    change = torch.zeros_like(context)
    change[:, sp:] = (context[:, sp:] - context[:, :-sp]).nan_to_num()
    return change


def _carry(values: Tensor, dim: int) -> Tensor:
    """Carry the last observed value forward along `dim`."""
    length = values.shape[dim]
    shape = [1] * values.ndim
    shape[dim] = length
    place = torch.arange(length, device=values.device).view(shape)
    latest = torch.where(torch.isfinite(values), place, 0).cummax(dim).values
    return values.gather(dim, latest)


def _mean(context: Tensor) -> Tensor:
    return context.nanmean(1, keepdim=True).nan_to_num()


def _smooth(values: Tensor) -> Tensor:
    """Mean of the observed values with exponentially falling weights; 0 if there is none."""
    age = torch.arange(values.shape[1] - 1, -1, -1, dtype=values.dtype, device=values.device)[None, :, None]
    weights = torch.isfinite(values) * SMOOTHING**age
    return (values.nan_to_num() * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp(min=SMALLEST)


def _drift(context: Tensor, filled: Tensor, steps: Tensor) -> Tensor:
    """Straight line from the first observed value through the last."""
    seen = torch.isfinite(context).float()
    first, gap = seen.argmax(1, keepdim=True), seen.flip(1).argmax(1, keepdim=True)
    latest = context.shape[1] - 1 - gap
    slope = (filled[:, -1:] - filled.gather(1, first)) / (latest - first).clamp(min=1)
    return filled[:, -1:] + slope * (gap + 1 + steps[None, :, None])


def _seasonal(context: Tensor, filled: Tensor, steps: Tensor, sp: int) -> list[Tensor]:
    """Seasonal naive forecast, the same with drift, shifted to the last level, and shifted to the smoothed level."""
    season = _latest_season(context, filled, sp)
    seasonal = season[:, steps % sp]
    change = context[:, sp:] - context[:, :-sp]
    drift = change[:, -sp:].nanmean(1, keepdim=True).nan_to_num()
    level = change[:, -1:].nan_to_num().sum(1, keepdim=True)
    seasons = (1 + steps // sp)[None, :, None]
    return [seasonal, seasonal + drift * seasons, seasonal + level, seasonal + _smooth(change)]


def _latest_season(context: Tensor, filled: Tensor, sp: int) -> Tensor:
    """Last observed value of each of the `sp` phases; the last value of all where a phase was never observed."""
    batch, length, variables = context.shape
    seasons = -(-length // sp)
    padding = context.new_full((batch, seasons * sp - length, variables), torch.nan)
    phases = torch.cat([padding, context], 1).view(batch, seasons, sp, variables)
    latest = _carry(phases, 1)[:, -1]
    return torch.where(torch.isfinite(latest), latest, filled[:, -1:])
