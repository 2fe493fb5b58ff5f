"""The network as an ONNX file, for programs without Python or torch."""

from __future__ import annotations

import inspect
import io
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.network.cells import FusedLayer
from sktime_lstm.network.network import Network

OPSET = 17


class _TensorsIn(nn.Module):
    """The network with plain tensors as inputs, a fixed season and a fixed number of points to read."""

    def __init__(self, network: Network, sp: int, window_length: int) -> None:
        super().__init__()
        self.network, self.sp, self.window_length = network, sp, window_length

    def forward(
        self, context: Tensor, covariates: Tensor, anchor_errors: Tensor | None = None, zero: Tensor | None = None
    ) -> Tensor:
        """Forecast of shape (batch, horizon, variable)."""
        window = WindowBatch(context, covariates, self.sp, anchor_errors, window_length=self.window_length, zero=zero)
        forecast: Tensor = self.network(window)
        return forecast


def export_onnx(
    network: Network, path: str | PathLike[str], *, window_length: int, context_length: int, sp: int
) -> None:
    """Write the network with batch, context and horizon left open.

    Parameters
    ----------
    network : Network
        Of LSTM, GRU or plain recurrent layers.
    path : path
        File to write.
    window_length, context_length, sp : int
        Points that the recurrent layers read, points of context to trace with, and seasonal period. A context that
        holds a season makes a network that wants at least a season.
    """
    try:
        import onnx  # noqa: F401  torch needs it
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("ONNX files need the package onnx: pip install 'sktime-lstm[onnx]'.") from error
    size = network.size
    if not all(isinstance(layer, FusedLayer) for layer in network.layers):
        raise ValueError(f"cell={size.cell!r} has no counterpart in ONNX. Use cell='lstm', 'gru' or 'rnn'.")
    horizon, variables = sp + 2, size.num_variables
    example = [
        torch.randn(3, context_length, variables, generator=torch.Generator().manual_seed(0)),
        torch.zeros(3, context_length + horizon, size.num_covariates),
        torch.ones(3, variables, len(ANCHORS)),
        torch.full((3, 1, variables), -10.0),
    ]
    names = ["context", "covariates", "anchor_errors", "zero"][: 4 if size.anchored else 2]
    axes = {name: {0: "batch"} for name in names}
    axes |= {"context": {0: "batch", 1: "time"}, "covariates": {0: "batch", 1: "time and horizon"}}
    written = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns that Python decides by shapes, which is meant; and that torch has a newer one, which takes a
        # minute and fixes the horizon.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _TensorsIn(network, sp, window_length).eval(),
            tuple(example[: len(names)]),
            written,  # type: ignore[arg-type]  # the older exporter takes files
            input_names=names,
            output_names=["forecast"],
            dynamic_axes={**axes, "forecast": {0: "batch", 1: "horizon"}},
            opset_version=OPSET,
            **_older_exporter(),
        )
    Path(path).write_bytes(written.getvalue())


def _older_exporter() -> dict[str, Any]:
    """Option that chooses the exporter by tracing, where torch has another one."""
    return {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
