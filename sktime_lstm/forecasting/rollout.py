"""Forecasts beyond the length the network was trained on: block by block, each fed back into the context."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from sktime_lstm.data.scaling import ScaleOf
from sktime_lstm.data.windows import WindowBatch, WindowIndex
from sktime_lstm.network.losses import SpreadOf

MAX_BATCH = 512


def roll_out(
    network: nn.Module, window: WindowBatch, *, output_length: int, scale_of: ScaleOf, spread_of: SpreadOf | None = None
) -> Tensor:
    """Forecast all steps for which `window` has covariates.

    Parameters
    ----------
    network : nn.Module
        Forecasts a scaled window.
    window : Window
        Unscaled; its horizon is a multiple of `output_length`.
    output_length : int
        Steps forecast in one go. They are appended to the context before the next block is forecast.
    scale_of : callable
        Scale of a context; every block has its own.
    spread_of : callable or None
        What to make of the further outputs of the network, if it has some.

    Returns
    -------
    Tensor of shape (batch, horizon, variable), float64, unscaled
        With `spread_of` the shape is (batch, horizon, variable, 3): the forecast, and the spread of the
        actual value below and above it, in units of the scale of the window.
    """
    context, blocks, spreads = window.context, [], []
    length = context.shape[1]
    for start in range(0, window.horizon, output_length):
        covariates = window.covariates[:, start : start + length + output_length]
        scale = scale_of(context)
        block = replace(window, context=context, covariates=covariates)
        output = network(block.scaled(scale)).double()
        blocks.append(scale.undo(output if spread_of is None else output[..., 0]))
        if spread_of is not None:
            spreads.append(spread_of(output, scale.scale) * scale.scale[..., None])
        context = torch.cat([context, blocks[-1]], 1)[:, -length:]
    if spread_of is None:
        return torch.cat(blocks, 1)
    unit = scale_of(window.context).scale[..., None]
    return torch.cat([torch.cat(blocks, 1)[..., None], torch.cat(spreads, 1) / torch.where(unit > 0, unit, 1.0)], -1)


def add_errors(forecast: Tensor, errors: Tensor) -> Tensor:
    """Add errors of shape (batch, horizon, variable) to what `roll_out` returns, each as wide as its side."""
    if forecast.ndim == 3:
        return forecast + errors
    return forecast[..., 0] + errors * torch.where(errors < 0, forecast[..., 1], forecast[..., 2])


def forecast_windows(
    network: nn.Module,
    windows: WindowIndex,
    *,
    output_length: int,
    scale_of: ScaleOf,
    spread_of: SpreadOf | None = None,
) -> Tensor:
    """Forecast every window of an index, a batch at a time.

    Returns
    -------
    Tensor of shape (windows, windows.horizon, variable), float64, unscaled
        With `spread_of` as `roll_out` returns it.
    """
    whole_blocks = math.ceil(windows.horizon / output_length) * output_length
    enough = replace(windows, horizon=whole_blocks)
    with torch.no_grad():
        parts = [
            roll_out(network, enough.batch(chosen), output_length=output_length, scale_of=scale_of, spread_of=spread_of)
            for chosen in torch.arange(len(windows)).split(MAX_BATCH)
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
    draw: Callable[[Tensor, Tensor], Tensor],
    lowest: Tensor,
    spread_of: SpreadOf | None = None,
) -> Tensor:
    """Continue every window of an index in many possible ways.

    The errors of a whole block are added to its forecast at a time, so that they go together over steps and variables;
    then the sampled block is appended to the context, and what comes next is forecast from there.

    Parameters
    ----------
    network : nn.Module
        Forecasts a scaled window.
    windows : Windows
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
        Errors of shape (batch, block, variable), unscaled, for the scales of contexts, of shape (batch, variable), that
        belong to the windows of these numbers, of shape (batch,).
    lowest : Tensor of shape (variable,)
        No path goes below.
    spread_of : callable or None
        What to make of the further outputs of the network, if it has some.

    Returns
    -------
    Tensor of shape (windows, num_samples, windows.horizon, variable), float64, unscaled
    """
    blocks = math.ceil(windows.horizon / block)
    # The first block starts from the same past on all paths of a window, so it is forecast once.
    first = forecast_windows(
        network, replace(windows, horizon=block), output_length=output_length, scale_of=scale_of, spread_of=spread_of
    )
    padded = math.ceil(block / output_length) * output_length
    enough = replace(windows, horizon=(blocks - 1) * block + padded)

    def walk(numbers: Tensor) -> Tensor:
        window, forecast, path = enough.batch(numbers), first[numbers], []
        context = window.context
        for start in range(0, blocks * block, block):
            if start:
                known = window.covariates[:, start : start + windows.window_length + padded]
                part = replace(window, context=context, covariates=known)
                forecast = roll_out(network, part, output_length=output_length, scale_of=scale_of, spread_of=spread_of)
            errors = draw(scale_of(context).scale[:, 0], numbers)
            path.append(add_errors(forecast[:, :block], errors).clamp(min=lowest))
            context = torch.cat([context, path[-1]], 1)[:, -windows.window_length :]
        return torch.cat(path, 1)[:, : windows.horizon]

    with torch.no_grad():
        numbers = torch.arange(len(windows)).repeat_interleave(num_samples)
        paths = torch.cat([walk(some) for some in numbers.split(MAX_BATCH)])
    sampled: Tensor = paths.unflatten(0, (len(windows), num_samples))
    return sampled
