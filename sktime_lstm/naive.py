"""Naive forecasts of a window: the anchors from which the network starts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ANCHORS = ("last", "smooth", "slow", "mean", "drift", "trend", "seasonal", "seasonal drift")
"""Names of the naive forecasts, in the order of the last axis."""

SMOOTH, SLOW = 0.7, 0.9
ENOUGH_OF_A_SEASON = 0.8
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
        In the order of `ANCHORS`. Of the seasonally adjusted context, with the season added again: the last value; the
        means with weights that fall by 0.7 and by 0.9 a step; the mean; the line from the first value to the last; and
        the line of least squares with weights that fall by 0.9 a step [1]_. Of the context itself: the value one season
        earlier, and that plus the mean change over a season. NaN where an anchor does not exist: the last two for
        ``sp=1`` or a context shorter than a season.

    References
    ----------
    .. [1] Brown (1963), "Smoothing, forecasting and prediction of discrete time series".
    """
    steps = torch.arange(horizon, device=context.device)
    season = season_ahead(context, sp)
    places = torch.arange(context.shape[1], device=context.device) - context.shape[1]
    plain = _plain(context - season[:, places % sp], steps)
    anchors = [forecast + season[:, steps % sp] for forecast in plain]
    if is_seasonal(context.shape[1], sp):
        return torch.stack([*anchors, *_seasonal(context, steps, sp)], -1)
    absent = torch.full_like(anchors[0], torch.nan)
    return torch.stack([*anchors, absent, absent], -1)


def is_seasonal(window_length: int, sp: int) -> bool:
    """Tell whether the seasonal anchors exist for windows of this length."""
    return 1 < sp <= window_length


def change_over_season(context: Tensor, sp: int) -> Tensor:
    """Difference to the value one season earlier, 0 where one of the two is missing; shape of the context."""
    change = torch.zeros_like(context)
    change[:, sp:] = (context[:, sp:] - context[:, :-sp]).nan_to_num()
    return change


def season_ahead(context: Tensor, sp: int) -> Tensor:
    """How far each of the next `sp` steps lies above or below the level of its season.

    This is the classical decomposition: the mean deviation of each phase from a moving average over a season. It is
    shrunk, after Stein, by the share of its variance that the scatter within the phases explains.

    Returns
    -------
    Tensor of shape (batch, sp, variable)
        Zero unless every phase is seen at least once, which takes two seasons, and for ``sp=1``.
    """
    batch, length, variables = context.shape
    if sp == 1 or length < 2 * sp:
        return context.new_zeros(batch, sp, variables)
    phases = _phases(context - _moving_average(context, sp), sp)
    season = phases.nanmean(1)
    known = torch.isfinite(season).all(1, keepdim=True)
    season = torch.where(known, season - season.mean(1, keepdim=True), 0.0)
    return season * _reliability(phases, season)


def _moving_average(context: Tensor, sp: int) -> Tensor:
    """Centred mean over a season; NaN near the ends and where too little of the season was observed."""
    batch, length, variables = context.shape
    kernel = context.new_ones(sp + 1 - sp % 2)
    if sp % 2 == 0:
        kernel[[0, -1]] = 0.5
    half = len(kernel) // 2
    seen = torch.isfinite(context).to(context.dtype)
    both = torch.stack([context.nan_to_num(), seen]).transpose(2, 3).reshape(-1, 1, length)
    sums = nn.functional.conv1d(both, kernel[None, None] / sp).view(2, batch, variables, -1).transpose(2, 3)
    mean = torch.where(sums[1] >= ENOUGH_OF_A_SEASON, sums[0] / sums[1], torch.nan)
    return nn.functional.pad(mean, (0, 0, half, half), value=torch.nan)


def _reliability(phases: Tensor, season: Tensor) -> Tensor:
    """Share of the variance of the season that is not noise, of shape (batch, 1, variable); 1 if it is unknown."""
    count = torch.isfinite(phases).sum(1, keepdim=True)
    scatter = (phases - phases.nanmean(1, keepdim=True)).square().nan_to_num().sum((1, 2), keepdim=True)
    freedom = (count - 1).clamp(min=0).sum(2, keepdim=True)
    noise = scatter / freedom.clamp(min=1) / count.to(season.dtype).mean(2, keepdim=True).clamp(min=1)
    variance = season.square().mean(1, keepdim=True).clamp(min=SMALLEST)
    return (1 - noise[:, 0] / variance).clamp(min=0)


def _plain(context: Tensor, steps: Tensor) -> list[Tensor]:
    """Forecasts that know no season, each of shape (batch, horizon, variable)."""
    last = _carry(context, 1).nan_to_num()[:, -1:]
    mean = context.nanmean(1, keepdim=True).nan_to_num()
    levels = [last, _weighted_mean(context, SMOOTH), _weighted_mean(context, SLOW), mean]
    flat = [level.expand(-1, steps.shape[0], -1) for level in levels]
    return [*flat, _drift(context, steps), _trend(context, steps)]


def _carry(values: Tensor, dim: int) -> Tensor:
    """Carry the last observed value forward along `dim`."""
    length = values.shape[dim]
    shape = [1] * values.ndim
    shape[dim] = length
    place = torch.arange(length, device=values.device).view(shape)
    latest = torch.where(torch.isfinite(values), place, 0).cummax(dim).values
    return values.gather(dim, latest)


def _weights(context: Tensor, fall: float) -> tuple[Tensor, Tensor]:
    """Age of each step, and its share in a mean whose weights fall by a factor a step; 0 where missing."""
    length = context.shape[1]
    age = torch.arange(length - 1, -1, -1, dtype=context.dtype, device=context.device)[None, :, None]
    weights = torch.isfinite(context) * fall**age
    return age, weights / weights.sum(1, keepdim=True).clamp(min=SMALLEST)


def _weighted_mean(context: Tensor, fall: float) -> Tensor:
    weights = _weights(context, fall)[1]
    return (context.nan_to_num() * weights).sum(1, keepdim=True)


def _drift(context: Tensor, steps: Tensor) -> Tensor:
    """Straight line from the first observed value through the last."""
    filled, seen = _carry(context, 1).nan_to_num(), torch.isfinite(context).float()
    first, gap = seen.argmax(1, keepdim=True), seen.flip(1).argmax(1, keepdim=True)
    latest = context.shape[1] - 1 - gap
    slope = (filled[:, -1:] - filled.gather(1, first)) / (latest - first).clamp(min=1)
    return filled[:, -1:] + slope * (gap + 1 + steps[None, :, None])


def _trend(context: Tensor, steps: Tensor) -> Tensor:
    """Line of least squares whose weights fall with age; flat through a single value."""
    age, weights = _weights(context, SLOW)
    middle = (weights * age).sum(1, keepdim=True)
    mean = (weights * context.nan_to_num()).sum(1, keepdim=True)
    spread = (weights * (age - middle).square()).sum(1, keepdim=True)
    slope = -(weights * (age - middle) * (context.nan_to_num() - mean)).sum(1, keepdim=True) / spread.clamp(min=1e-6)
    return mean + slope * (middle + 1 + steps[None, :, None])


def _seasonal(context: Tensor, steps: Tensor, sp: int) -> list[Tensor]:
    """Seasonal naive forecast, and the same with drift."""
    seasonal = _latest_season(context, sp)[:, steps % sp]
    change = context[:, sp:] - context[:, :-sp]
    drift = change[:, -sp:].nanmean(1, keepdim=True).nan_to_num()
    return [seasonal, seasonal + drift * (1 + steps // sp)[None, :, None]]


def _latest_season(context: Tensor, sp: int) -> Tensor:
    """Last observed value of each of the `sp` phases; the last value of all where a phase was never observed."""
    latest = _carry(_phases(context, sp), 1)[:, -1]
    return torch.where(torch.isfinite(latest), latest, _carry(context, 1).nan_to_num()[:, -1:])


def _phases(context: Tensor, sp: int) -> Tensor:
    """The context season by season, of shape (batch, season, sp, variable); it ends with a whole season."""
    missing = -context.shape[1] % sp
    padded = nn.functional.pad(context, (0, 0, missing, 0), value=torch.nan)
    return padded.unflatten(1, (-1, sp))
