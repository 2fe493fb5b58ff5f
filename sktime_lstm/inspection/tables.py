"""A look inside a model: what its gates do in the last window, and how much each naive forecast counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.data.horizon import ResolvedHorizon
from sktime_lstm.data.panel import Panel
from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.forecasting.fitted_model import FittedModel
from sktime_lstm.forecasting.rollout import forecast_windows
from sktime_lstm.network.network import Ensemble


def gate_activations(
    model: FittedModel, panel: Panel, resolved: ResolvedHorizon, *, member: int, units: bool
) -> pd.DataFrame:
    """Gates and states of one network in the last window of each series.

    Parameters
    ----------
    model : Model
        What was learned.
    panel : Panel
        All points that `resolved` speaks about.
    resolved : Request
        The last window of each series, with as many future points as the network forecasts at once.
    member : int
        Number of the network in its ensemble.
    units : bool
        Whether to return each unit or the mean over all.

    Returns
    -------
    pd.DataFrame
        Columns: the instance levels, ``time``, ``layer``, ``gate``, with `units` also ``unit``, and ``value``.
    """
    preprocessing, members = model.preprocessing, model.network.networks
    if not 0 <= member < len(members):
        raise ValueError(f"member must be a number from 0 to {len(members) - 1}, but member={member!r} was passed.")
    instance, first_rows = np.unique(resolved.instance, return_index=True)
    origins = panel.rows(instance, resolved.origin[first_rows])
    window = preprocessing.window_index(panel, origins, horizon=preprocessing.output_length).batch(slice(None))
    scaled = window.scaled(preprocessing.scale_of(window.context))
    with torch.no_grad():
        layers = members[member].trace(scaled)
    # Of shape (rows, layer, gate, unit).
    values = torch.stack([torch.stack([*states.values()], 2) for states in layers], 2).flatten(0, 1).numpy()
    levels = {"layer": range(len(layers)), "gate": list(layers[0]), "unit": range(values.shape[-1])}
    if not units:
        del levels["unit"]
        values = values.mean(-1)
    return _tidy(resolved.index, levels, values, "value")


def anchor_weights(model: FittedModel, panel: Panel, resolved: ResolvedHorizon) -> pd.DataFrame:
    """Weight of each naive forecast in each forecast, the mean over the members.

    Parameters
    ----------
    model : Model
        What was learned.
    panel : Panel
        All points that `resolved` speaks about.
    resolved : Request
        Rows of the forecast.

    Returns
    -------
    pd.DataFrame
        Columns: the instance levels, ``time``, ``variable``, ``anchor``, ``weight``.
    """
    weights = np.full((len(resolved.index), len(panel.columns), len(ANCHORS)), np.nan)
    asked = resolved.position >= panel.first[resolved.instance]
    if asked.any():
        weights[asked] = _weights(
            model, panel, panel.rows(resolved.instance, resolved.origin)[asked], resolved.step[asked]
        )
    return _tidy(resolved.index, {"variable": panel.columns, "anchor": ANCHORS}, weights, "weight")


def around_the_end(model: FittedModel, panel: Panel, resolved: ResolvedHorizon) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Observations in the past of the last windows, NaN where there are none, and the forecasts of their future."""
    past, future = resolved.only(~resolved.is_future), resolved.only(resolved.is_future)
    observed = np.full((len(past.index), len(panel.columns)), np.nan)
    stored = panel.stores(past.instance, past.position)
    observed[stored] = panel.values[panel.rows(past.instance, past.position)[stored]]
    forecast = model.forecast(panel, panel.rows(future.instance, future.origin), future.step)
    return pd.DataFrame(observed, past.index, panel.columns), pd.DataFrame(forecast, future.index, panel.columns)


def _weights(
    model: FittedModel, panel: Panel, origins: npt.NDArray[np.int64], steps: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Weights of rows as in `Model.forecast`, of shape (rows, variable, anchor)."""
    preprocessing, listener = model.preprocessing, _Listener(model.network)
    distinct, which = np.unique(origins, return_inverse=True)
    windows = preprocessing.window_index(panel, distinct, horizon=int(steps.max()))
    forecast_windows(listener, windows, output_length=preprocessing.output_length, scale_of=preprocessing.scale_of)
    blocks = math.ceil(windows.horizon / preprocessing.output_length)
    batches = [torch.cat(listener.heard[start : start + blocks], 1) for start in range(0, len(listener.heard), blocks)]
    return np.asarray(torch.cat(batches).numpy()[which, steps - 1], dtype=np.float64)


class _Listener(nn.Module):
    """Forecasts like the ensemble and keeps the weights of every block that it is asked for."""

    def __init__(self, ensemble: Ensemble) -> None:
        super().__init__()
        self.ensemble = ensemble
        self.heard: list[Tensor] = []

    def forward(self, window: WindowBatch) -> Tensor:
        self.heard.append(torch.stack([network.anchor_weights(window) for network in self.ensemble.networks]).mean(0))
        forecast: Tensor = self.ensemble(window)
        return forecast


def _tidy(index: pd.Index, levels: dict[str, Any], values: npt.NDArray[Any], name: str) -> pd.DataFrame:
    """One line for each value of an array whose axes are the rows of `index` and then `levels`."""
    names = [f"level_{n}" if level is None else level for n, level in enumerate(index.names[:-1])]
    rows = index.to_frame(index=False).set_axis([*names, "time"], axis=1)
    repeated = rows.take(np.repeat(np.arange(len(rows)), values[0].size)).reset_index(drop=True)
    labels = pd.MultiIndex.from_product([*levels.values()], names=list(levels)).to_frame(index=False)
    for level in labels:
        repeated[level] = np.tile(labels[level].to_numpy(), len(rows))
    repeated[name] = values.ravel()
    return repeated
