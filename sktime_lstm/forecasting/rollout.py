"""Forecasts beyond the length the network was trained on: block by block, each fed back into the context."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypedDict

import torch
from torch import Tensor, nn

from sktime_lstm.data.scaling import ScaleOf
from sktime_lstm.data.windows import WindowBatch, WindowIndex, split_into_batches
from sktime_lstm.forecasting.intervals import RANDOM_WALK_GROWTH, ErrorUnits
from sktime_lstm.network.losses import PredictiveOf

ROUNDING, RIDGE = 1e-12, 1e-6


class RolloutRules(TypedDict):
    """Keywords of what a rollout follows."""

    output_length: int
    scale_of: ScaleOf
    predictive_of: PredictiveOf | None


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
    steps = torch.arange(start + 1, start + length + 1, dtype=first.dtype, device=first.device)[:, None, None]
    return far * (steps / middle_of_far) ** power


def add_errors(forecast: Tensor, errors: Tensor) -> Tensor:
    """Add errors of shape (..., horizon, variable) to what `roll_out` returns, scaled by the spread of its side."""
    if forecast.ndim == errors.ndim:
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
    rules: RolloutRules = {"output_length": output_length, "scale_of": scale_of, "predictive_of": predictive_of}
    whole_blocks = math.ceil(windows.horizon / output_length) * output_length
    enough = replace(windows, horizon=whole_blocks)
    with torch.no_grad():
        batches = split_into_batches(len(windows), enough.points_per_window, windows.values.device)
        parts = [roll_out(network, enough.batch(chosen), **rules) for chosen in batches]
    return torch.cat(parts)[:, : windows.horizon]


@dataclass(frozen=True)
class Innovations:
    """The errors that sample paths are made of, and what they may not fall below.

    Attributes
    ----------
    errors : Tensor of shape (windows, num_samples, blocks, block, variable)
        In units. The errors of a whole block are added to its forecast at a time, so that they go together over steps
        and variables.
    units : ErrorUnits
        Units of the windows.
    lowest : Tensor of shape (windows, horizon, variable)
        No path goes below.
    """

    errors: Tensor
    units: ErrorUnits
    lowest: Tensor

    def to(self, device: torch.device) -> Innovations:
        """Same on a device."""
        return Innovations(self.errors.to(device), self.units.to(device), self.lowest.to(device))

    def add_to(self, ahead: Tensor, scale: Tensor, chosen: Tensor, number: int) -> Tensor:
        """Add those of a block to the forecasts for it.

        Parameters
        ----------
        ahead : Tensor of shape (windows, num_samples, block, variable), or with the spread
            Forecasts of each path as `roll_out` returns them.
        scale : Tensor of shape (windows, num_samples, variable)
            Scale of the context of each path.
        chosen : Tensor of shape (windows,)
            Numbers of the windows.
        number : int
            Number of the block.

        Returns
        -------
        Tensor of shape (windows, num_samples, block, variable)
        """
        units = self.units.only(chosen[:, None].expand(scale.shape[:2]))
        path = add_errors(ahead, self.errors[chosen, :, number] * units.of(scale)[:, :, None])
        start, block = number * path.shape[2], path.shape[2]
        floor = self.lowest[chosen, None, start : start + block]
        return torch.maximum(path[:, :, : floor.shape[2]], floor)


def sample_paths(
    network: nn.Module,
    windows: WindowIndex,
    innovations: Innovations,
    *,
    num_followed: int | None = None,
    output_length: int,
    scale_of: ScaleOf,
    predictive_of: PredictiveOf | None = None,
) -> Tensor:
    """Draw sample paths that continue every window of an index.

    A sampled block is appended to the context, and what comes next is forecast from there. With `num_followed` only so
    many paths of each window are read on by the network; the forecasts of the others follow from these, by `extended`.

    Parameters
    ----------
    network : nn.Module
        Forecasts a scaled window.
    windows : WindowIndex
        Where to start, and how far to go.
    innovations : Innovations
        What is added to the forecasts of the blocks.
    num_followed : int or None
        Paths of each window that the network reads; None for all.
    output_length : int
        Steps forecast in one go.
    scale_of : callable
        Scale of a context.
    predictive_of : callable or None
        What to make of the further outputs of the network, if it has some.

    Returns
    -------
    Tensor of shape (windows, num_samples, windows.horizon, variable), float64, unscaled
    """
    _, num_samples, blocks, block, _ = innovations.errors.shape
    num_followed = min(num_followed or num_samples, num_samples)
    rules: RolloutRules = {"output_length": output_length, "scale_of": scale_of, "predictive_of": predictive_of}
    # The first block starts from the same past on all paths of a window, so it is forecast once.
    first = forecast_windows(network, replace(windows, horizon=block), **rules)
    padded = math.ceil(block / output_length) * output_length
    longer = replace(windows, horizon=(blocks - 1) * block + padded)

    def walk(chosen: Tensor) -> Tensor:
        start = longer.batch(chosen)
        ahead = first[chosen][:, None].expand(-1, num_samples, *first.shape[1:])
        scale = scale_of(start.recent).scale.expand(-1, num_samples, -1)
        path = innovations.add_to(ahead, scale, chosen, 0)
        for number in range(1, blocks):
            covariates = start.covariates[:, number * block :][:, : longer.context_length + padded]
            here = replace(start, covariates=covariates)
            ahead, scale = _forecast_paths(network, here, path, block=block, num_followed=num_followed, rules=rules)
            path = torch.cat([path, innovations.add_to(ahead, scale, chosen, number)], 2)
        return path

    with torch.no_grad():
        points = longer.points_per_window * num_followed
        return torch.cat([walk(chosen) for chosen in split_into_batches(len(windows), points, windows.values.device)])


def _forecast_paths(
    network: nn.Module, start: WindowBatch, path: Tensor, *, block: int, num_followed: int, rules: RolloutRules
) -> tuple[Tensor, Tensor]:
    """Forecast the next block of each path, and the scale of its context.

    Parameters
    ----------
    network : nn.Module
        Forecasts a scaled window.
    start : WindowBatch
        Where the paths began, with the covariates from the context of the next block on.
    path : Tensor of shape (windows, num_samples, steps, variable)
        The paths so far.
    block, num_followed : int
        Steps to forecast, and paths of each window that the network reads.
    rules : RolloutRules
        What the rollout follows.

    Returns
    -------
    Tensors of shape (windows, num_samples, block, variable), or with the spread, and (windows, num_samples, variable)
    """
    (num_windows, num_samples), shape = path.shape[:2], (len(path), num_followed)
    features = path_features(path[:, :, -block:])
    followed, nearest = evenly_ranked(features.sum(2), num_followed)
    which = torch.arange(num_windows, device=path.device).repeat_interleave(num_followed)
    windows, length = start.only(which), start.context.shape[1]
    context = torch.cat([windows.context, path[which, followed.flatten()]], 1)[:, -length:]
    windows = replace(windows, context=context)
    ahead = roll_out(network, windows, **rules)[:, :block].unflatten(0, shape)
    scale = rules["scale_of"](windows.recent).scale[:, 0].unflatten(0, shape)
    if num_followed == num_samples:
        return ahead, scale
    known = torch.cat([ahead.flatten(2), scale], -1)
    found = extended(known, features, followed, nearest)
    return found[..., : -scale.shape[2]].unflatten(2, ahead.shape[2:]), found[..., -scale.shape[2] :]


def path_features(path: Tensor) -> Tensor:
    """What the forecast after paths mostly depends on: where they end, and run, of each variable.

    Parameters
    ----------
    path : Tensor of shape (windows, num_samples, steps, variable)
        Latest steps of the paths.

    Returns
    -------
    Tensor of shape (windows, num_samples, 2 variables)
        Last value, and mean in which later steps count more; standardised over the paths of a window.
    """
    weights = torch.arange(1, path.shape[2] + 1, dtype=path.dtype, device=path.device)[:, None]
    values = torch.cat([path[:, :, -1], (path * weights).sum(2) / weights.sum()], 2)
    centred = values - values.mean(1, keepdim=True)
    size = centred.square().mean(1, keepdim=True).sqrt()
    return torch.where(size > ROUNDING * values.abs().amax(1, keepdim=True), centred / size, 0.0).nan_to_num(0.0)


def evenly_ranked(height: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Paths of each window that lie evenly between the lowest and the highest, by heights of shape (windows, paths).

    Returns
    -------
    Tensors of shape (windows, number) and (windows, paths)
        Numbers of these paths, and which of them is the nearest in rank to each path.
    """
    paths = height.shape[1]
    if number == paths:
        everyone = torch.arange(paths, device=height.device).expand(len(height), -1)
        return everyone, everyone
    order, place = height.argsort(1), torch.arange(paths, device=height.device)
    ranks = torch.linspace(0, paths - 1, number, device=height.device).round().long()
    groups = (place * ((number - 1) / (paths - 1))).round().long()
    return order[:, ranks], torch.empty_like(order).scatter_(1, order, groups.expand_as(order))


def extended(known: Tensor, features: Tensor, followed: Tensor, nearest: Tensor) -> Tensor:
    """Values of all paths from those of some: by linear regression on the features, and the residual of the nearest.

    Parameters
    ----------
    known : Tensor of shape (windows, number, values)
        Values of the paths that are followed; they keep them, and no other path gets values beyond them.
    features : Tensor of shape (windows, paths, features)
        What the values depend on.
    followed, nearest : Tensor of shape (windows, number) and (windows, paths)
        As `evenly_ranked` returns them.

    Returns
    -------
    Tensor of shape (windows, paths, values)
    """
    everyone = torch.cat([torch.ones_like(features[..., :1]), features], 2)
    some = everyone.gather(1, followed[..., None].expand(-1, -1, everyone.shape[2]))
    ridge = RIDGE * torch.eye(some.shape[2], dtype=some.dtype, device=some.device)
    # Without a check, for which a GPU would have to be waited for: with the ridge there is a solution.
    slopes, _ = torch.linalg.solve_ex(some.mT @ some + ridge, some.mT @ known)
    residual = known - some @ slopes
    found = everyone @ slopes + residual.gather(1, nearest[..., None].expand(-1, -1, known.shape[2]))
    bounded: Tensor = found.clamp(known.amin(1, keepdim=True), known.amax(1, keepdim=True))
    return bounded
