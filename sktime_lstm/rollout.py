"""Forecasts beyond the length the network was trained on: block by block, each fed back into the context."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from sktime_lstm.network import Window
from sktime_lstm.scaling import ScaleOf
from sktime_lstm.windowing import Windows

LARGEST_BATCH = 512


def roll_out(network: nn.Module, window: Window, *, output_length: int, scale_of: ScaleOf) -> Tensor:
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

    Returns
    -------
    Tensor of shape (batch, horizon, variable), float64, unscaled
    """
    context, blocks = window.context, []
    length = context.shape[1]
    for start in range(0, window.horizon, output_length):
        covariates = window.covariates[:, start : start + length + output_length]
        scale = scale_of(context)
        scaled = replace(window, context=scale.apply(context).float(), covariates=covariates)
        blocks.append(scale.undo(network(scaled).double()))
        context = torch.cat([context, blocks[-1]], 1)[:, -length:]
    return torch.cat(blocks, 1)


def forecast_windows(network: nn.Module, windows: Windows, *, output_length: int, scale_of: ScaleOf) -> Tensor:
    """Forecast every window of an index, a batch at a time.

    Returns
    -------
    Tensor of shape (windows, windows.horizon, variable), float64, unscaled
    """
    whole_blocks = math.ceil(windows.horizon / output_length) * output_length
    enough = replace(windows, horizon=whole_blocks)
    with torch.no_grad():
        parts = [
            roll_out(network, enough.window(chosen), output_length=output_length, scale_of=scale_of)
            for chosen in torch.arange(len(windows)).split(LARGEST_BATCH)
        ]
    return torch.cat(parts)[:, : windows.horizon]
