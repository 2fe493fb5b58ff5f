"""Naive forecasts of every future step of a batch of contexts; the network mixes them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ANCHORS = ("last", "smooth", "slow", "mean", "drift", "trend", "seasonal", "seasonal drift")
"""Names of the naive forecasts, in the order of the last axis."""

SMOOTH, SLOW = 0.7, 0.9
ENOUGH_OF_A_SEASON = 0.8
MIN_VARIANCE = 1e-12
MIN_SPREAD = 1e-3


def naive_forecasts(context: Tensor, *, horizon: int, sp: int) -> Tensor:
    """Forecast every step by each of the anchors.

    Parameters
    ----------
    context : Tensor of shape (batch, time, variable)
        Observed past, NaN where missing.
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
    series = context.transpose(1, 2)
    ahead = torch.arange(horizon, device=context.device)
    if not is_seasonal(context.shape[1], sp):
        anchors = _plain(series, ahead)
        absent = torch.full_like(anchors[0], torch.nan)
        return torch.stack([*anchors, absent, absent], -1).transpose(1, 2)
    season = season_ahead(context, sp).transpose(1, 2)
    behind = torch.arange(-context.shape[1], 0, device=context.device)
    adjusted = _plain(series - season[..., behind % sp], ahead)
    anchors = [forecast + season[..., ahead % sp] for forecast in adjusted]
    return torch.stack([*anchors, *_seasonal(series, ahead, sp)], -1).transpose(1, 2)


def is_seasonal(window_length: int, sp: int) -> bool:
    """Whether a context of this length holds a whole season."""
    return 1 < sp <= window_length


def change_over_season(context: Tensor, sp: int) -> Tensor:
    """Change from one season earlier, of the shape of the context; 0 where it is not known."""
    earlier = nn.functional.pad(context, (0, 0, sp, 0), value=torch.nan)[:, :-sp]
    return (context - earlier).nan_to_num()


def season_ahead(context: Tensor, sp: int) -> Tensor:
    """How far each of the next `sp` steps lies above or below the level of its season.

    This is the classical decomposition: the mean deviation of each phase from a moving average over a season. It is
    shrunk, after Stein, by the share of its variance that the scatter within the phases explains.

    Returns
    -------
    Tensor of shape (batch, sp, variable)
        Zero unless every phase is seen at least once, which takes two seasons.
    """
    series = context.transpose(1, 2)
    phases = _phases(series - _moving_average(series, sp), sp)
    season = _mean(phases, 2)
    known = torch.isfinite(phases).any(2, keepdim=True).all(3, keepdim=True)
    season = (season - season.mean(3, keepdim=True)).masked_fill(~known, 0.0)
    return (season * _reliability(phases, season)).squeeze(2).transpose(1, 2)


def _moving_average(series: Tensor, sp: int) -> Tensor:
    """Centred mean over a season; NaN near the ends and where too little of the season was observed."""
    length, half = series.shape[-1], sp // 2
    places = torch.arange(length, device=series.device)
    distance = places[:, None] - places[half : length - half]
    share = ((distance.abs() <= half).to(series.dtype) - (distance.abs() * 2 == sp).to(series.dtype) / 2) / sp
    seen = torch.isfinite(series).to(series.dtype) @ share
    mean = series.nan_to_num() @ share / seen.clamp(min=ENOUGH_OF_A_SEASON)
    return nn.functional.pad(mean.masked_fill(seen < ENOUGH_OF_A_SEASON, torch.nan), (half, half), value=torch.nan)


def _reliability(phases: Tensor, season: Tensor) -> Tensor:
    """Share of the variance of the season that is not noise, of shape (batch, variable, 1, 1); 1 if it is unknown."""
    count = torch.isfinite(phases).sum(2, keepdim=True)
    scatter = (phases - _mean(phases, 2)).nan_to_num().square().sum((2, 3), keepdim=True)
    freedom = (count - 1).clamp(min=0).sum(3, keepdim=True)
    noise = scatter / freedom.clamp(min=1) / count.to(season.dtype).mean(3, keepdim=True).clamp(min=1)
    variance = season.square().mean(3, keepdim=True).clamp(min=MIN_VARIANCE)
    return (1 - noise / variance).clamp(min=0)


def _plain(series: Tensor, ahead: Tensor) -> list[Tensor]:
    """Forecasts that know no season, each of shape (batch, variable, horizon)."""
    seen, steps = torch.isfinite(series), (ahead + 1).to(series.dtype)
    mean, smooth, slow, middle, slope = _moments(series, seen)
    latest, earliest = _latest(seen), series.shape[-1] - 1 - _latest(seen.flip(-1))
    last, first = _value_at(series, latest), _value_at(series, earliest)
    drift = (last - first) / (latest - earliest).clamp(min=1)
    levels = [level.expand(-1, -1, steps.shape[0]) for level in (last, smooth, slow, mean)]
    gap = series.shape[-1] - 1 - latest
    return [*levels, last + drift * (gap + steps), slow + slope * (middle + steps)]


def _moments(series: Tensor, seen: Tensor) -> tuple[Tensor, ...]:
    """Mean, the two weighted means, and mean age and slope of the line of least squares, of (batch, variable, 1)."""
    age = torch.arange(series.shape[-1] - 1, -1, -1, dtype=series.dtype, device=series.device)
    weights = torch.stack([torch.ones_like(age), SMOOTH**age, SLOW**age, SLOW**age * age, SLOW**age * age**2], 1)
    tiny = torch.finfo(series.dtype).tiny
    total, sums = seen.to(series.dtype) @ weights, series.nan_to_num() @ weights
    mean, smooth, slow = (sums[..., :3] / total[..., :3].clamp(min=tiny)).split(1, -1)
    discounted = total[..., 2:3].clamp(min=tiny)
    middle, square, together = total[..., 3:4] / discounted, total[..., 4:] / discounted, sums[..., 3:4] / discounted
    spread = square - middle**2
    slope = (slow * middle - together) / spread.clamp(min=MIN_SPREAD)
    slope = slope.masked_fill(spread <= MIN_SPREAD, 0.0)
    return mean, smooth, slow, middle, slope


def _mean(values: Tensor, dim: int) -> Tensor:
    """Mean of the observed values along a dimension, which stays; 0 if there is none."""
    count = torch.isfinite(values).sum(dim, keepdim=True)
    return values.nan_to_num().sum(dim, keepdim=True) / count.clamp(min=1)


def _latest(seen: Tensor) -> Tensor:
    """Place of the last observed value, the last dimension being 1; 0 if there is none."""
    places = torch.arange(seen.shape[-1], device=seen.device)
    return (seen * places).amax(-1, keepdim=True)


def _value_at(series: Tensor, place: Tensor) -> Tensor:
    """Value at a place of shape (batch, variable, 1); 0 where nothing was observed."""
    return series.gather(-1, place).nan_to_num()


def _seasonal(series: Tensor, ahead: Tensor, sp: int) -> list[Tensor]:
    """Seasonal naive forecast, and the same with drift."""
    seasonal = _latest_season(series, sp)[..., ahead % sp]
    change = series[..., sp:] - series[..., :-sp]
    drift = _mean(change[..., -sp:], 2)
    return [seasonal, seasonal + drift * (1 + ahead // sp)]


def _latest_season(series: Tensor, sp: int) -> Tensor:
    """Last observed value of each of the `sp` phases; the last value of all where a phase was never observed."""
    phases = _phases(series, sp).transpose(2, 3)
    seen = torch.isfinite(phases)
    latest = _value_at(series, _latest(torch.isfinite(series)))
    return torch.where(seen.any(3), _value_at(phases, _latest(seen)).squeeze(3), latest)


def _phases(series: Tensor, sp: int) -> Tensor:
    """The series season by season, of shape (batch, variable, season, sp); it ends with a whole season."""
    missing = -series.shape[-1] % sp
    padded = nn.functional.pad(series, (missing, 0), value=torch.nan)
    return padded.reshape(*series.shape[:2], padded.shape[-1] // sp, sp)
