"""Tables of what a fitted model does: its gates in the last window, and the weight of each naive forecast."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from sktime_lstm.anchors.covariate_effect import standard_errors
from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.data.horizon import ResolvedHorizon
from sktime_lstm.data.panel import Panel, unused_name
from sktime_lstm.data.windows import Rows, WindowBatch
from sktime_lstm.forecasting.fitted_model import FittedModel, KnownPast
from sktime_lstm.forecasting.rollout import forecast_windows
from sktime_lstm.network.network import Network


def gate_activations(model: FittedModel, past: KnownPast, resolved: ResolvedHorizon, *, units: bool) -> pd.DataFrame:
    """Gates and states of the network in the last window of each series.

    Parameters
    ----------
    model : FittedModel
        What was learned.
    past : KnownPast
        The data around that window.
    resolved : ResolvedHorizon
        The last window of each series, with as many future points as the network forecasts at once.
    units : bool
        Whether to return each unit or the mean over all.

    Returns
    -------
    pd.DataFrame
        Columns: the instance levels, ``time``, ``layer``, ``gate``, with `units` also ``unit``, and ``value``.
    """
    preprocessing = model.preprocessing
    instance, first_rows = np.unique(resolved.instance, return_index=True)
    origins = past.panel.rows(instance, resolved.origin[first_rows])
    window = model.windows(past, origins, horizon=preprocessing.output_length).batch(slice(None))
    with torch.no_grad():
        layers = model.network.trace(window.scaled(preprocessing.scale_of(window.recent)))
    # Of shape (rows, layer, gate, unit).
    values = torch.stack([torch.stack([*states.values()], 2) for states in layers], 2).flatten(0, 1).numpy()
    levels = {"layer": range(len(layers)), "gate": list(layers[0]), "unit": range(values.shape[-1])}
    if not units:
        del levels["unit"]
        values = values.mean(-1)
    return _tidy(resolved.index, levels, values, "value")


def anchor_weights(model: FittedModel, past: KnownPast, resolved: ResolvedHorizon) -> pd.DataFrame:
    """Weight of each naive forecast in each forecast.

    Parameters
    ----------
    model : FittedModel
        What was learned.
    past : KnownPast
        The data that is forecast from.
    resolved : ResolvedHorizon
        Rows of the forecast.

    Returns
    -------
    pd.DataFrame
        Columns: the instance levels, ``time``, ``variable``, ``anchor``, ``weight``.
    """
    panel = past.panel
    weights = np.full((len(resolved.index), len(panel.columns), len(ANCHORS)), np.nan)
    asked = resolved.position >= panel.first[resolved.instance]
    if asked.any():
        origins = panel.rows(resolved.instance, resolved.origin)
        weights[asked] = _weights(model, past, origins[asked], resolved.step[asked])
    return _tidy(resolved.index, {"variable": panel.columns, "anchor": ANCHORS}, weights, "weight")


def covariate_effects(model: FittedModel, panel: Panel) -> pd.DataFrame:
    """Linear effect of each covariate, with the standard error that a panel shows.

    Returns
    -------
    pd.DataFrame
        Columns: ``covariate``, ``category``, ``variable``, ``effect`` and ``standard_error``. Where nothing is taken
        out both are 0.
    """
    preprocessing, columns = model.preprocessing, panel.covariate_columns
    linear, units = preprocessing.encoder.is_linear(len(columns)), preprocessing.units(panel)
    channels = preprocessing.scaled_covariates(panel).numpy()[:, linear]
    errors = np.zeros_like(preprocessing.effect)
    if preprocessing.effect.any():
        errors[linear] = standard_errors(preprocessing.scaled_values(panel), channels, panel.bounds, units)
    deviation = preprocessing.covariate_scale.scale[0, 0].numpy()[:, None]
    # A single series has units of its own; those of a panel are the typical change of each series.
    unit = (units if panel.keys is None else np.ones_like(units[:1])) / np.where(deviation > 0, deviation, 1.0)
    labels = preprocessing.encoder.labels(columns)
    rows = [(*label, variable) for label in labels for variable in panel.columns]
    table = pd.DataFrame(rows, columns=["covariate", "category", "variable"])
    return table.assign(effect=(preprocessing.effect * unit).ravel(), standard_error=(errors * unit).ravel())


def covariate_importance(
    error: npt.NDArray[np.float64], permuted: npt.NDArray[np.float64], panel: Panel
) -> pd.DataFrame:
    """Increase of the error of each variable by each covariate that was permuted.

    Parameters
    ----------
    error : array of shape (variables,)
        Error with all covariates as they are.
    permuted : array of shape (covariates, variables, repetitions)
        The same with one of them permuted.

    Returns
    -------
    pd.DataFrame
        Columns: ``covariate``, ``variable``, ``error``, ``importance`` and ``deviation``.
    """
    increase = permuted - error[:, None]
    rows = [(covariate, variable) for covariate in panel.covariate_columns for variable in panel.columns]
    table = pd.DataFrame(rows, columns=["covariate", "variable"])
    return table.assign(
        error=np.tile(error, len(permuted)),
        importance=increase.mean(axis=2).ravel(),
        deviation=increase.std(axis=2).ravel(),
    )


def observed_window(panel: Panel, resolved: ResolvedHorizon) -> pd.DataFrame:
    """Observations in the past of the last windows, NaN where there are none."""
    past = resolved.only(~resolved.is_future)
    observed = np.full((len(past.index), len(panel.columns)), np.nan)
    stored = panel.stores(past.instance, past.position)
    observed[stored] = panel.values[panel.rows(past.instance, past.position)[stored]]
    return pd.DataFrame(observed, past.index, panel.columns)


def forecast_after_window(model: FittedModel, past: KnownPast, resolved: ResolvedHorizon) -> pd.DataFrame:
    """Forecasts of the future of the last windows."""
    future = resolved.only(resolved.is_future)
    forecast = model.forecast(past, past.panel.rows(future.instance, future.origin), future.step)
    return pd.DataFrame(forecast, future.index, past.panel.columns)


def _weights(model: FittedModel, past: KnownPast, origins: Rows, steps: Rows) -> npt.NDArray[np.float64]:
    """Weights of rows as in `FittedModel.forecast`, of shape (rows, variable, anchor)."""
    preprocessing, recording = model.preprocessing, RecordingNetwork(model.network)
    distinct, which = np.unique(origins, return_inverse=True)
    windows = model.windows(past, distinct, horizon=int(steps.max()))
    forecast_windows(recording, windows, **preprocessing.rollout_rules)
    blocks, weights = math.ceil(windows.horizon / preprocessing.output_length), recording.weights
    batches = [torch.cat(weights[start : start + blocks], 1) for start in range(0, len(weights), blocks)]
    return np.asarray(torch.cat(batches).numpy()[which, steps - 1], dtype=np.float64)


class RecordingNetwork(nn.Module):
    """Forecasts like the network and keeps the weights of the naive forecasts in every block that it is asked for."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.weights: list[Tensor] = []

    def forward(self, window: WindowBatch) -> Tensor:
        """Forecast of the network."""
        self.weights.append(self.network.anchor_weights(window))
        forecast: Tensor = self.network(window)
        return forecast


def _tidy(index: pd.Index, levels: dict[str, Any], values: npt.NDArray[Any], name: str) -> pd.DataFrame:
    """One line for each value of an array whose axes are the rows of `index` and then `levels`.

    An underscore is appended to the name of an index level that is the name of another column.
    """
    taken = ["time", *levels, name]
    names = [f"level_{n}" if level is None else level for n, level in enumerate(index.names[:-1])]
    names = [unused_name(level, taken) for level in names]
    rows = index.to_frame(index=False).set_axis([*names, "time"], axis=1)
    repeated = rows.take(np.repeat(np.arange(len(rows)), values[0].size)).reset_index(drop=True)
    labels = pd.MultiIndex.from_product([*levels.values()], names=list(levels)).to_frame(index=False)
    for level in labels:
        repeated[level] = np.tile(labels[level].to_numpy(), len(rows))
    repeated[name] = values.ravel()
    return repeated
