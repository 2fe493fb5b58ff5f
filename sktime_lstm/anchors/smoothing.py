"""Exponential smoothing fitted to a batch of contexts at once, without a loop over time or series."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

SMOOTHERS = ("theta", "smooth drift", "damped")
"""Names of the forecasts, in the order of the last axis."""

MAX_POINTS, SCORED_POINTS = 64, 24
LEVELS = (0.1, 0.3, 0.6, 0.9)
SLOPES = (0.1, 0.4)
DAMPING = 0.85
TREND_SHARES = (0.5, 1.0, 0.0)
MIN_ERROR = 1e-6


class Parameters(NamedTuple):
    """Parameters of a recursion; without `slope` and `damping` it is simple exponential smoothing."""

    level: float
    slope: float = 0.0
    damping: float = 0.0


SIMPLE = tuple(Parameters(level) for level in LEVELS)
DAMPED = tuple(Parameters(level, slope, DAMPING) for level in LEVELS for slope in SLOPES)


class State(NamedTuple):
    """Level and slope after the last point, and log-likelihood of the latest points, each of shape (..., 1)."""

    level: Tensor
    slope: Tensor
    log_likelihood: Tensor


class Smoothed(NamedTuple):
    """Forecasts of shape (batch, horizon, variable, smoother), and log-likelihoods of the context, with horizon 1."""

    forecast: Tensor
    log_likelihood: Tensor


class Line(NamedTuple):
    """Straight line of least squares: its value at the mean time, that time, and its slope, of (batch, variable, 1)."""

    mean: Tensor
    mean_time: Tensor
    slope: Tensor


def smoothing_forecasts(context: Tensor, *, horizon: int) -> Smoothed:
    r"""Forecast every step by exponential smoothing whose parameters are fitted to each context.

    With the one-step forecast error :math:`e_t = y_t - l_{t-1} - \phi b_{t-1}`, level and slope are

    .. math:: l_t = l_{t-1} + \phi b_{t-1} + \alpha e_t, \qquad b_t = \phi b_{t-1} + \alpha \beta e_t

    Both are linear in the context, so that one matrix product gives them for a whole grid of parameters. Level and
    slope after the last point are averaged over the grid, with weights that fall with the n-th power of the mean
    absolute error over the latest n = 24 points: the likelihood of the parameters if errors are Laplace distributed.

    Parameters
    ----------
    context : Tensor of shape (batch, time, variable)
        Observed past without season, NaN where missing. Its latest 64 points are used.
    horizon : int
        Number of steps to forecast.

    Returns
    -------
    Smoothed
        In the order of `SMOOTHERS`: half of the line of least squares, and simple exponential smoothing [1]_ of the
        rest, which is the theta method [2]_ [3]_; the whole line, and simple exponential smoothing of the rest; and
        exponential smoothing with a slope [4]_ that is damped by 0.85 a step [5]_. All start from the line, or from
        the mean. A missing point is passed over. Zero where nothing was observed.

    References
    ----------
    .. [1] Brown (1959), "Statistical forecasting for inventory control".
    .. [2] Assimakopoulos and Nikolopoulos (2000), "The theta model: a decomposition approach to forecasting".
    .. [3] Hyndman and Billah (2003), "Unmasking the Theta method".
    .. [4] Holt (1957), "Forecasting seasonals and trends by exponentially weighted moving averages".
    .. [5] Gardner and McKenzie (1985), "Forecasting trends in time series".
    """
    series = context.transpose(1, 2)[..., -MAX_POINTS:]
    line, length = fit_line(series), series.shape[-1]
    time = torch.arange(length + horizon, dtype=series.dtype, device=series.device)
    shares = torch.tensor(TREND_SHARES, dtype=series.dtype, device=series.device)[:, None, None, None]
    trend, trend_ahead = (line.mean + shares * line.slope * (time - line.mean_time)).split([length, horizon], -1)
    deviations, seen = _without_gaps(series - trend, torch.isfinite(series))
    simple, damped = final_state(deviations[:2], seen, SIMPLE), final_state(deviations[2:], seen, DAMPED)
    newest = (torch.isfinite(series) * time[:length]).amax(-1, keepdim=True)
    steps_of_slope = DAMPING * (1 - DAMPING ** (time[length:] - newest)) / (1 - DAMPING)
    level = torch.cat([simple.level.expand_as(trend_ahead[:2]), damped.level + damped.slope * steps_of_slope])
    log_likelihood = torch.cat([simple.log_likelihood, damped.log_likelihood])
    return Smoothed((trend_ahead + level).permute(1, 3, 2, 0), log_likelihood.permute(1, 3, 2, 0))


def fit_line(series: Tensor) -> Line:
    """Line of least squares through the observed points of a series of shape (batch, variable, time)."""
    seen = torch.isfinite(series).to(series.dtype)
    count = seen.sum(-1, keepdim=True).clamp(min=1)
    time = torch.arange(series.shape[-1], dtype=series.dtype, device=series.device)
    mean = series.nan_to_num().sum(-1, keepdim=True) / count
    mean_time = (seen * time).sum(-1, keepdim=True) / count
    centred = seen * (time - mean_time)
    variation = centred.square().sum(-1, keepdim=True)
    slope = (centred * (series - mean).nan_to_num()).sum(-1, keepdim=True) / variation.clamp(min=0.5)
    return Line(mean, mean_time, slope)


def final_state(deviations: Tensor, seen: Tensor, grid: tuple[Parameters, ...]) -> State:
    """State after the last point, averaged over a grid of parameters.

    Parameters
    ----------
    deviations : Tensor of shape (..., time)
        Deviations from where smoothing starts; zero before the first point that was `seen`, and none missing after it.
    seen : Tensor of shape (..., time)
        1 where a point was observed, else 0.
    grid : tuple of Parameters
        What to average over.
    """
    level, slope, forecast = _kernels(grid, deviations.dtype, deviations.device)
    length, latest = deviations.shape[-1], deviations[..., -SCORED_POINTS:]
    forecasts = (deviations @ forecast[-length:, -latest.shape[-1] :].flatten(1)).unflatten(-1, (-1, len(grid)))
    errors = ((latest[..., None] - forecasts) * seen[..., -SCORED_POINTS:, None]).abs().sum(-2)
    count = seen[..., -SCORED_POINTS:].sum(-1, keepdim=True)
    log_likelihood = -count * (errors / count.clamp(min=1)).clamp(min=MIN_ERROR).log()
    weights = log_likelihood.softmax(-1)
    level, slope = ((deviations @ kernel[-length:] * weights).sum(-1, keepdim=True) for kernel in (level, slope))
    return State(level, slope, log_likelihood.logsumexp(-1, keepdim=True))


def _without_gaps(series: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """The observed points moved together to the end with zeros before them, and where they are now."""
    length = seen.shape[-1]
    order = (seen * length + torch.arange(length, device=seen.device)).argsort(-1)
    closed = series.nan_to_num().gather(-1, order.expand_as(series))
    return closed, seen.gather(-1, order).to(series.dtype)


@cache
def _kernels(grid: tuple[Parameters, ...], dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of the points in the last level, in the last slope and in the one-step forecast of each point.

    Their shapes are (time, grid), the same, and (time, time of the forecast, grid), for `MAX_POINTS` points.
    """
    responses = torch.tensor([_impulse_response(parameters) for parameters in grid], dtype=torch.float64)
    level, slope, ahead = responses.permute(2, 1, 0)
    lag = torch.arange(MAX_POINTS) - torch.arange(MAX_POINTS)[:, None] - 1
    forecast = ahead[lag.clamp(min=0)].masked_fill(lag[..., None] < 0, 0.0)
    level, slope, forecast = (kernel.to(device, dtype) for kernel in (level.flip(0), slope.flip(0), forecast))
    return level, slope, forecast


def _impulse_response(parameters: Parameters) -> list[tuple[float, float, float]]:
    """Level, slope and forecast of the next point after a single point that was 1, and after zeros that follow it."""
    alpha, beta, phi = parameters
    forecast, slope, states = 0.0, 0.0, []
    for lag in range(MAX_POINTS):
        error = float(lag == 0) - forecast
        level = forecast + alpha * error
        slope = phi * slope + alpha * beta * error
        forecast = level + phi * slope
        states.append((level, slope, forecast))
    return states
