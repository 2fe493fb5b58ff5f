"""Recurrent layers by name: each maps (batch, time, input) to (batch, time, output)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn


class FusedLayer(nn.Module):
    """One recurrent layer that runs in torch's fused kernel; the output has hidden_size channels per direction."""

    kernel: ClassVar[Callable[..., nn.RNNBase]]

    def __init__(self, input_size: int, hidden_size: int, *, bidirectional: bool = False) -> None:
        super().__init__()
        # Made without memory and filled by `initialise`: drawing weights here would advance torch's global generator.
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "bidirectional": bidirectional}
        empty = self.kernel(**sizes, batch_first=True, device="meta", dtype=torch.float32)
        self.recurrence = empty.to_empty(device="cpu")

    def forward(self, inputs: Tensor) -> Tensor:
        """Hidden states of every step; those of both directions side by side."""
        outputs: Tensor = self.recurrence(inputs)[0]
        return outputs


class LSTMLayer(FusedLayer):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate of Gers et al., 2000)."""

    kernel = nn.LSTM


class GRULayer(FusedLayer):
    """Gated recurrent unit (Cho et al., 2014)."""

    kernel = nn.GRU


class RNNLayer(FusedLayer):
    """Simple recurrent layer with tanh (Elman, 1990)."""

    kernel = nn.RNN


def initialise(layers: nn.Module, hidden_size: int, generator: torch.Generator) -> None:
    """Draw all weights uniformly from (-1/sqrt(hidden_size), 1/sqrt(hidden_size)), as torch does by default."""
    bound = 1 / math.sqrt(hidden_size)
    for parameter in layers.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)


CELLS: dict[str, type[FusedLayer]] = {"lstm": LSTMLayer, "gru": GRULayer, "rnn": RNNLayer}
