"""Forecasts beyond the length the network was trained on: block by block, each fed back into the context."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from sktime_lstm.data.scaling import ScaleOf
from sktime_lstm.data.windows import WindowBatch, WindowIndex, split_into_batches
from sktime_lstm.forecasting.intervals import RANDOM_WALK_GROWTH
from sktime_lstm.network.losses import PredictiveOf


def roll_out(
    network: nn.Module,
    window: WindowBatch,
    *,
    output_length: int,
    scale_of: ScaleOf,
    predictive_of: PredictiveOf | None = None,
) -> Tensor:
    """Forecast all steps for which `window` has covariates.

    Parameters
    ----------
    network : nn.Module
        Forecasts a scaled window.
    window : WindowBatch
        Unscaled; its horizon is a multiple of `output_length`.
    output_length : int
        Steps forecast in one go. They are appended to the context before the next block is forecast.
    scale_of : callable
        Scale of a context; every block has its own.
    predictive_of : callable or None
        What to make of the further outputs of the network, if it has some.

    Returns
    -------
    Tensor of shape (batch, horizon, variable), float64, unscaled
        With `predictive_of` the shape is (batch, horizon, variable, 3): the forecast, and the spread of the
        actual value below and above it, in units of the scale of the window.
    """
    context, blocks = window.context, list[Tensor]()
    spreads = list[Tensor]()
    length = context.shape[1]
    for start in range(0, window.horizon, output_length):
        covariates = window.covariates[:, start : start + length + output_length]
        block = replace(window, context=context, covariates=covariates)
        scale = scale_of(block.recent)
        output = network(block.scaled(scale)).double()
        if predictive_of is not None:
            output, spread = predictive_of(output, scale.scale).split([1, 2], -1)
            output = output[..., 0]
            spread = spread * scale.scale[..., None]
            spreads.append(torch.maximum(spread, extrapolated_spread(spreads[0], start)) if spreads else spread)
        blocks.append(scale.undo(output))
        context = torch.cat([context, blocks[-1]], 1)[:, -length:]
    forecast = torch.cat(blocks, 1)
    if predictive_of is None:
        return forecast
    unit = scale_of(window.recent).scale[..., None]
    # Where the context does not vary, the network has nothing to say of the spread.
    relative = torch.where(unit > 0, torch.cat(spreads, 1) / torch.where(unit > 0, unit, 1.0), 1.0)
    return torch.cat([forecast[..., None], relative], -1)


def extrapolated_spread(first: Tensor, start: int) -> Tensor:
    """Spread of the steps of a block that starts later, if it goes on growing as in the first block.

    A network that reads its own forecasts takes them for observations and does not know how uncertain they are. So the
    power of the step with which the spread grows from one half of the first block to the other one goes on beyond,
    between 0 as of a stationary series and 0.5 as of a random walk, which is also taken where a block is a single step.

    Parameters
    ----------
    first : Tensor of shape (batch, output_length, variable, sides)
        Spread of the first block.
    start : int
        Steps before the later block.
    """
    length = first.shape[1]
    half = (length + 1) // 2
    near, far = first[:, :half].mean(1, keepdim=True), first[:, -half:].mean(1, keepdim=True)
    middle_of_near, middle_of_far = (half + 1) / 2, length - (half - 1) / 2
    power = torch.full_like(far, RANDOM_WALK_GROWTH)
    if middle_of_far > middle_of_near:
        growth = (far / near).log() / math.log(middle_of_far / middle_of_near)
        power = growth.nan_to_num(0.0).clamp(0.0, RANDOM_WALK_GROWTH)
    steps = torch.arange(start + 1, start + length + 1, dtype=first.dtype)[:, None, None]
    return far * (steps / middle_of_far) ** power


def add_errors(forecast: Tensor, errors: Tensor) -> Tensor:
    """Add errors of shape (batch, horizon, variable) to what `roll_out` returns, scaled by the spread of its side."""
    if forecast.ndim == 3:
        return forecast + errors
    return forecast[..., 0] + errors * torch.where(errors < 0, forecast[..., 1], forecast[..., 2])


def forecast_windows(
    network: nn.Module,
    windows: WindowIndex,
    *,
    output_length: int,
    scale_of: ScaleOf,
    predictive_of: PredictiveOf | None = None,
) -> Tensor:
    """Forecast every window of an index, a batch at a time.

    Returns
    -------
    Tensor of shape (windows, windows.horizon, variable), float64, unscaled
        With `predictive_of` as `roll_out` returns it.
    """
    whole_blocks = math.ceil(windows.horizon / output_length) * output_length
    enough = replace(windows, horizon=whole_blocks)
    with torch.no_grad():
        parts = [
            roll_out(
                network,
                enough.batch(chosen),
                output_length=output_length,
                scale_of=scale_of,
                predictive_of=predictive_of,
            )
            for chosen in split_into_batches(len(windows), enough.points_per_window)
        ]
    return torch.cat(parts)[:, : windows.horizon]


def sample_paths(
    network: nn.Module,
    windows: WindowIndex,
    *,
    num_samples: int,
    block: int,
    output_length: int,
    scale_of: ScaleOf,
    draw: Callable[[Tensor, Tensor, int], Tensor],
    lowest: Tensor,
    predictive_of: PredictiveOf | None = None,
) -> Tensor:
    """Draw sample paths that continue every window of an index.

    The errors of a whole block are added to its forecast at a time, so that they go together over steps and variables;
    then the sampled block is appended to the context, and what comes next is forecast from there.

    Parameters
    ----------
    network : nn.Module
        Forecasts a scaled window.
    windows : WindowIndex
        Where to start, and how far to go.
    num_samples : int
        Paths of each window.
    block : int
        Steps whose errors are drawn together.
    output_length : int
        Steps forecast in one go.
    scale_of : callable
        Scale of a context.
    draw : callable
        Errors of shape (batch, block, variable), unscaled, for the scales of contexts, of shape (batch, variable), the
        numbers of their paths, of shape (batch,), and the number of the block. Path p continues window
        ``p // num_samples``.
    lowest : Tensor of shape (windows, windows.horizon, variable)
        No path goes below.
    predictive_of : callable or None
        What to make of the further outputs of the network, if it has some.

    Returns
    -------
    Tensor of shape (windows, num_samples, windows.horizon, variable), float64, unscaled
    """
    blocks = math.ceil(windows.horizon / block)
    # The first block starts from the same past on all paths of a window, so it is forecast once.
    first = forecast_windows(
        network,
        replace(windows, horizon=block),
        output_length=output_length,
        scale_of=scale_of,
        predictive_of=predictive_of,
    )
    padded = math.ceil(block / output_length) * output_length
    enough = replace(windows, horizon=(blocks - 1) * block + padded)

    def walk(paths: Tensor) -> Tensor:
        numbers = paths // num_samples
        window, forecast, path = enough.batch(numbers), first[numbers], []
        covariates, length = window.covariates, windows.context_length
        for start in range(0, blocks * block, block):
            if start:
                window = replace(window, covariates=covariates[:, start : start + length + padded])
                forecast = roll_out(
                    network, window, output_length=output_length, scale_of=scale_of, predictive_of=predictive_of
                )
            errors = draw(scale_of(window.recent).scale[:, 0], paths, start // block)
            floor = lowest[numbers, start : start + block]
            path.append(torch.maximum(add_errors(forecast[:, :block], errors)[:, : floor.shape[1]], floor))
            window = replace(window, context=torch.cat([window.context, path[-1]], 1)[:, -length:])
        return torch.cat(path, 1)

    with torch.no_grad():
        batches = split_into_batches(len(windows) * num_samples, enough.points_per_window)
        paths = torch.cat([walk(chosen) for chosen in batches])
    sampled: Tensor = paths.unflatten(0, (len(windows), num_samples))
    return sampled
