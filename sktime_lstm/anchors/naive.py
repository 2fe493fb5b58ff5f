"""Naive forecasts of every future step of a batch of contexts; the network mixes them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from sktime_lstm.anchors.smoothing import SCORED_POINTS, SMOOTHERS, Smoothed, smoothing_forecasts
from sktime_lstm.data.windows import ScaledWindows, WindowBatch, split_into_batches

ANCHORS = ("last", "smooth", "slow", "mean", "drift", *SMOOTHERS, "seasonal", "seasonal drift")
"""Names of the naive forecasts, in the order of the last axis."""

SMOOTH, SLOW = 0.7, 0.9
FILLINGS = 3
ENOUGH_OF_A_SEASON, ENOUGH_OF_THE_FIRST_SEASON = 0.5, 0.8
MIN_VARIANCE = 1e-12
MIN_POINTS_FOR_LOGARITHM, MAX_ZERO, MAX_LOG_GROWTH = 10, 1e3, 1.0
MAX_BYTES_IN_ADVANCE = 20_000_000


def anchors_of(window: WindowBatch) -> Tensor:
    """Naive forecasts of scaled windows, of shape (batch, horizon, variable, anchor), unless they were made before."""
    if window.anchors is not None:
        return window.anchors
    return naive_forecasts(
        window.context, horizon=window.horizon, sp=window.sp, window_length=window.window_length, zero=window.zero
    )


def with_anchors(examples: ScaledWindows) -> ScaledWindows:
    """Windows to learn from with their naive forecasts, which training does not change, if 20 MB can hold them."""
    windows = examples.windows
    size = len(windows) * windows.horizon * windows.values.shape[1] * len(ANCHORS)
    if size * torch.float32.itemsize > MAX_BYTES_IN_ADVANCE:
        return examples
    batches = split_into_batches(len(windows), windows.points_per_window)
    return replace(examples, anchors=torch.cat([anchors_of(examples.batch(chosen)[0]) for chosen in batches]))


def naive_forecasts(
    context: Tensor, *, horizon: int, sp: int, window_length: int | None = None, zero: Tensor | None = None
) -> Tensor:
    """Forecast every step by each of the anchors.

    Parameters
    ----------
    context : Tensor of shape (batch, time, variable)
        Observed past, NaN where missing.
    horizon : int
        Number of steps to forecast.
    sp : int
        Seasonal period; 1 for none.
    window_length : int, optional
        Latest points from which the means and the drift are taken; by default all. Smoothing looks farther back.
    zero : Tensor of shape (batch, 1, variable), optional
        Value of the context that is 0 in the data; NaN where it is not known. Where all data are above it, their
        logarithms are smoothed too.

    Returns
    -------
    Tensor of shape (batch, horizon, variable, anchor)
        In the order of `ANCHORS`. Of the seasonally adjusted context, with the season added again: the last value; the
        means with weights that fall by 0.7 and by 0.9 a step; the mean; the line from the first value to the last; and
        exponential smoothing, as `smoothing_forecasts` makes it. Of the context itself: the value one season earlier,
        and that plus the mean change over a season. NaN where an anchor does not exist: the last two for ``sp=1`` or a
        context shorter than a season.
    """
    ahead, variables = torch.arange(horizon, device=context.device), context.shape[2]
    logarithm = None if zero is None else _logarithm(context, zero)
    both = context if logarithm is None else torch.cat([context, logarithm], 2)
    adjusted, season = _seasonally_adjusted(both, ahead, sp)
    recent = adjusted[:, -(window_length or context.shape[1]) :, :variables]
    plain = _plain(recent.transpose(1, 2), ahead) + season[..., :variables, None]
    forecast, log_likelihood = smoothing_forecasts(adjusted, horizon=horizon)
    smoothed = Smoothed(forecast + season[..., None], log_likelihood)
    if logarithm is not None and zero is not None:
        smoothed = _averaged_by_likelihood(smoothed, logarithm, zero)
    if is_seasonal(context.shape[1], sp):
        seasonal = torch.stack(_seasonal(context.transpose(1, 2), ahead, sp), -1).transpose(1, 2)
    else:
        seasonal = torch.full_like(plain[..., :2], torch.nan)
    return torch.cat([plain, smoothed.forecast, seasonal], -1)


def _seasonally_adjusted(context: Tensor, ahead: Tensor, sp: int) -> tuple[Tensor, Tensor]:
    """The context without its season, and the season of the steps ahead."""
    if not is_seasonal(context.shape[1], sp):
        return context, context.new_zeros(1, 1, context.shape[2])
    season = season_ahead(context, sp)
    behind = torch.arange(-context.shape[1], 0, device=context.device)
    return context - season[:, behind % sp], season[:, ahead % sp]


def _logarithm(context: Tensor, zero: Tensor) -> Tensor:
    """Logarithm of the data, up to a constant; NaN where they are not all positive, or too few to show growth."""
    value = context - zero
    positive = value.nan_to_num(torch.inf).amin(1, keepdim=True) > 0
    enough = torch.isfinite(value).sum(1, keepdim=True) >= MIN_POINTS_FOR_LOGARITHM
    # So far from zero single precision ends, and a logarithm is a straight line.
    near = zero.abs() < MAX_ZERO
    return torch.where(positive & enough & near, value, torch.nan).log()


def _averaged_by_likelihood(both: Smoothed, logarithm: Tensor, zero: Tensor) -> Smoothed:
    """Mean of smoothing the data and of smoothing their logarithms, weighted by the likelihood of each.

    Trend and season of the logarithms are shares of the level (Winters, 1960, "Forecasting sales by exponentially
    weighted moving averages"). Box and Cox (1964), "An analysis of transformations", compare the likelihoods. A
    forecast from logarithms is at most e times the largest of the latest points: an outlier at the end would be carried
    on without limit.
    """
    (additive, in_logs), (likelihood, likelihood_in_logs) = both.forecast.chunk(2, 2), both.log_likelihood.chunk(2, 2)
    latest = logarithm[:, -SCORED_POINTS:, :, None]
    exists = torch.isfinite(latest).any(1, keepdim=True)
    log_jacobian = -latest.nan_to_num().sum(1, keepdim=True)
    weight = (likelihood_in_logs + log_jacobian - likelihood).sigmoid() * exists
    largest = latest.nan_to_num(-torch.inf).amax(1, keepdim=True) + MAX_LOG_GROWTH
    multiplicative = torch.minimum(in_logs, largest).exp() + zero[..., None]
    return Smoothed(torch.where(exists, additive + weight * (multiplicative - additive), additive), likelihood)


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
    level = _moving_average(series, sp)
    season, phases = _season_around(level, series, sp)
    missing = torch.isnan(series) & _has_begun(series)
    # A network that is exported meets other windows than the one of the trace, and a GPU would have to wait to tell.
    is_traced = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]  # torch has no types for it
    if is_traced or series.device.type != "cpu" or missing.any():
        # The mean of a season of which some is missing is off by the season of what is: fill that in, and again.
        behind = torch.arange(-series.shape[-1], 0, device=series.device) % sp
        for _ in range(FILLINGS):
            filled = torch.where(missing, level + season[:, :, 0, behind], series)
            level = _moving_average(filled, sp)
            season, phases = _season_around(level, series, sp)
    return (season * _reliability(phases, season)).squeeze(2).transpose(1, 2)


def _season_around(level: Tensor, series: Tensor, sp: int) -> tuple[Tensor, Tensor]:
    """Mean deviation of each phase from a level, of shape (batch, variable, 1, sp), and all of them, by season."""
    phases = _phases(series - level, sp)
    season = _mean(phases, 2)
    known = torch.isfinite(phases).any(2, keepdim=True).all(3, keepdim=True)
    return (season - season.mean(3, keepdim=True)).masked_fill(~known, 0.0), phases


def _moving_average(series: Tensor, sp: int) -> Tensor:
    """Centred mean over a season; NaN near the ends and where too little of the season was observed."""
    seen, begun = (_mean_over_season(which, sp) for which in (torch.isfinite(series), _has_begun(series)))
    mean = _mean_over_season(series.nan_to_num(), sp) / seen.clamp(min=ENOUGH_OF_A_SEASON)
    too_little = (seen < ENOUGH_OF_A_SEASON) | (begun < ENOUGH_OF_THE_FIRST_SEASON)
    centred = mean.masked_fill(too_little, torch.nan).to(series.dtype)
    return nn.functional.pad(centred, (sp // 2, sp // 2), value=torch.nan)


def _has_begun(series: Tensor) -> Tensor:
    """Whether something was observed until then."""
    return torch.isfinite(series).to(series.dtype).cumsum(-1) > 0


def _mean_over_season(values: Tensor, sp: int) -> Tensor:
    """Mean over each `sp` successive points; for an even `sp` the mean of two neighbours, so that it has a middle."""
    sums = nn.functional.pad(values.double().cumsum(-1), (1, 0))
    means = (sums[..., sp:] - sums[..., :-sp]) / sp
    return means if sp % 2 else (means[..., 1:] + means[..., :-1]) / 2


def _reliability(phases: Tensor, season: Tensor) -> Tensor:
    """Share of the variance of the season that is not noise, of shape (batch, variable, 1, 1); 1 if it is unknown."""
    count = torch.isfinite(phases).sum(2, keepdim=True)
    scatter = (phases - _mean(phases, 2)).nan_to_num().square().sum((2, 3), keepdim=True)
    freedom = (count - 1).clamp(min=0).sum(3, keepdim=True)
    noise = scatter / freedom.clamp(min=1) / count.to(season.dtype).mean(3, keepdim=True).clamp(min=1)
    variance = season.square().mean(3, keepdim=True).clamp(min=MIN_VARIANCE)
    return (1 - noise / variance).clamp(min=0)


def _plain(series: Tensor, ahead: Tensor) -> Tensor:
    """Forecasts that know no season, of shape (batch, horizon, variable, anchor)."""
    seen, steps = torch.isfinite(series), (ahead + 1).to(series.dtype)
    latest, earliest = _latest(seen), series.shape[-1] - 1 - _latest(seen.flip(-1))
    last, first = _value_at(series, latest), _value_at(series, earliest)
    drift = (last - first) / (latest - earliest).clamp(min=1)
    levels = [level.expand(-1, -1, steps.shape[0]) for level in (last, *_means(series, seen))]
    gap = series.shape[-1] - 1 - latest
    return torch.stack([*levels, last + drift * (gap + steps)], -1).transpose(1, 2)


def _means(series: Tensor, seen: Tensor) -> tuple[Tensor, ...]:
    """The two weighted means and the mean, each of shape (batch, variable, 1)."""
    age = torch.arange(series.shape[-1] - 1, -1, -1, dtype=series.dtype, device=series.device)
    weights = torch.stack([SMOOTH**age, SLOW**age, torch.ones_like(age)], 1)
    total = (seen.to(series.dtype) @ weights).clamp(min=torch.finfo(series.dtype).tiny)
    smooth, slow, mean = (series.nan_to_num() @ weights / total).split(1, -1)
    return smooth, slow, mean


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
