"""Recurrent layers by name: the equations of one step, and the layer over time; (batch, time, input) to output.

Letters of the literature: x, h, c are input, hidden state and cell state, W and R their weights, b and d the biases,
* the product of elements. Both states start at zero.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

Weights = Mapping[str, Tensor]
State = dict[str, Tensor]
"""Gates and states of a step by their name; the names of gates, whose values lie between 0 and 1, end in "gate"."""

HIDDEN, CELL = "hidden state", "cell state"


class RecurrentLayer(nn.Module, ABC):
    """One recurrent layer; a subclass holds the weights and gives the equations.

    The output has hidden_size channels.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size

    @property
    @abstractmethod
    def weights(self) -> Weights:
        """Weights by their letter."""

    @staticmethod
    def project(inputs: Tensor, w: Weights) -> Tensor:
        """Input projection, independent of the state and so computed for all steps at once: (time, batch, channel)."""
        return linear(inputs, w["W"], w["b"])

    @staticmethod
    @abstractmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """State after one step with projected inputs of shape (batch, channel)."""

    @staticmethod
    def initialise_constants(w: Weights) -> None:
        """Set the weights that do not start at random."""

    def trace(self, inputs: Tensor) -> State:
        """Gates and states of all steps, each of shape (batch, time, hidden_size)."""
        states = self._states(inputs)
        return {name: torch.stack([state[name] for state in states], 1) for name in states[0]}

    def _states(self, inputs: Tensor) -> list[State]:
        """State at every step, in the order of time."""
        nothing = inputs.new_zeros(len(inputs), self.hidden_size)
        state, states, w = {HIDDEN: nothing, CELL: nothing}, [], self.weights
        for x in self.project(inputs.transpose(0, 1), w).unbind():
            state = self.step(x, state, w)
            states.append(state)
        return states


class FusedLayer(RecurrentLayer):
    """A layer that runs in torch's fused kernel; its equations serve to look inside."""

    kernel: ClassVar[Callable[..., nn.RNNBase]]

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        # Made without memory and filled by `initialise`: drawing weights here would advance torch's global generator.
        empty = self.kernel(input_size, hidden_size, batch_first=True, device="meta", dtype=torch.float32)
        self.recurrence = empty.to_empty(device="cpu")

    @property
    def weights(self) -> Weights:
        """Weights by their letter, as torch orders them."""
        return dict(zip(("W", "R", "b", "d"), self.recurrence.all_weights[0], strict=True))

    def forward(self, inputs: Tensor) -> Tensor:
        """Hidden states of every step."""
        outputs: Tensor = self.recurrence(inputs)[0]
        return outputs


class LSTMLayer(FusedLayer):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997) with a forget gate (Gers et al., 2000).

    ::

        i = sigmoid(W_i x + b_i + R_i h' + d_i)    input gate
        f = sigmoid(W_f x + b_f + R_f h' + d_f)    forget gate, b_f + d_f starts at one (Gers et al., 2000)
        g = tanh(W_g x + b_g + R_g h' + d_g)       candidate
        o = sigmoid(W_o x + b_o + R_o h' + d_o)    output gate
        c = f * c' + i * g
        h = o * tanh(c)                            h' and c' are the states of the step before
    """

    kernel = nn.LSTM

    @staticmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """Equations of the class."""
        i, f, g, o = (x + linear(before[HIDDEN], w["R"], w["d"])).chunk(4, -1)
        return _lstm_state(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid(), before[CELL])

    @staticmethod
    def initialise_constants(w: Weights) -> None:
        """Open the forget gate: the sum of its two biases is one."""
        _forget_part(w["b"]).fill_(1.0)
        _forget_part(w["d"]).zero_()


class GRULayer(FusedLayer):
    """Gated recurrent unit (Cho et al., 2014), with the reset gate behind the product as in torch.

    ::

        r = sigmoid(W_r x + b_r + R_r h' + d_r)    reset gate
        z = sigmoid(W_z x + b_z + R_z h' + d_z)    update gate: 1 keeps the state
        n = tanh(W_n x + b_n + r * (R_n h' + d_n)) candidate
        h = (1 - z) * n + z * h'
    """

    kernel = nn.GRU

    @staticmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """Equations of the class."""
        (r, z, n), (r_h, z_h, n_h) = x.chunk(3, -1), linear(before[HIDDEN], w["R"], w["d"]).chunk(3, -1)
        r, z = (r + r_h).sigmoid(), (z + z_h).sigmoid()
        n = (n + r * n_h).tanh()
        return {"reset gate": r, "update gate": z, "candidate": n, HIDDEN: (1 - z) * n + z * before[HIDDEN]}


class RNNLayer(FusedLayer):
    """Simple recurrent layer (Elman, 1990): h = tanh(W x + b + R h' + d)."""

    kernel = nn.RNN

    @staticmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """Equation of the class."""
        return {HIDDEN: (x + linear(before[HIDDEN], w["R"], w["d"])).tanh()}


class UnrolledLayer(RecurrentLayer):
    """A layer without a fused kernel: the inputs of all steps are projected at once, then come step after step."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        shapes = self.shapes(input_size, hidden_size)
        self.letters = nn.ParameterDict(
            {name: torch.empty(shape, dtype=torch.float32) for name, shape in shapes.items()}
        )

    @staticmethod
    @abstractmethod
    def shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Shape of each weight by its letter."""

    @property
    def weights(self) -> Weights:
        """Weights by their letter."""
        # A plain dictionary: looking a weight up in the module at every step takes longer than some of the products.
        return dict(self.letters.items())

    def forward(self, inputs: Tensor) -> Tensor:
        """Hidden states of every step."""
        return torch.stack([state[HIDDEN] for state in self._states(inputs)], 1)


class PeepholeLayer(UnrolledLayer):
    """LSTM whose gates see the cell state (Gers and Schmidhuber, 2000, "Recurrent nets that time and count").

    ::

        i = sigmoid(W_i x + R_i h' + p_i * c' + b_i)    input gate
        f = sigmoid(W_f x + R_f h' + p_f * c' + b_f)    forget gate, b_f starts at one
        g = tanh(W_g x + R_g h' + b_g)                  candidate
        c = f * c' + i * g
        o = sigmoid(W_o x + R_o h' + p_o * c + b_o)     output gate
        h = o * tanh(c)
    """

    @staticmethod
    def shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Weights in the order i, f, g, o; peepholes in the order i, f, o."""
        return {**_lstm_shapes(input_size, hidden_size, gates=4), "p": (3, hidden_size)}

    @staticmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """Equations of the class."""
        (p_i, p_f, p_o), c = w["p"], before[CELL]
        i, f, g, o = torch.addmm(x, before[HIDDEN], w["R"].T).chunk(4, -1)
        i, f, g = torch.addcmul(i, p_i, c).sigmoid(), torch.addcmul(f, p_f, c).sigmoid(), g.tanh()
        c = torch.addcmul(f * c, i, g)
        o = torch.addcmul(o, p_o, c).sigmoid()
        return {"input gate": i, "forget gate": f, "candidate": g, "output gate": o, CELL: c, HIDDEN: o * c.tanh()}

    @staticmethod
    def initialise_constants(w: Weights) -> None:
        """Open the forget gate."""
        _forget_part(w["b"]).fill_(1.0)


class CIFGLayer(UnrolledLayer):
    """LSTM with coupled input and forget gates (Greff et al., 2017, "LSTM: a search space odyssey").

    ::

        f = sigmoid(W_f x + R_f h' + b_f)    forget gate, b_f starts at one
        i = 1 - f                            input gate
        g = tanh(W_g x + R_g h' + b_g)       candidate
        o = sigmoid(W_o x + R_o h' + b_o)    output gate
        c = f * c' + i * g
        h = o * tanh(c)
    """

    @staticmethod
    def shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Weights in the order f, g, o."""
        return _lstm_shapes(input_size, hidden_size, gates=3)

    @staticmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """Equations of the class."""
        f, g, o = torch.addmm(x, before[HIDDEN], w["R"].T).chunk(3, -1)
        f = f.sigmoid()
        return _lstm_state(1 - f, f, g.tanh(), o.sigmoid(), before[CELL])

    @staticmethod
    def initialise_constants(w: Weights) -> None:
        """Open the forget gate."""
        w["b"].chunk(3)[0].fill_(1.0)


def initialise(layers: nn.Module, hidden_size: int, generator: torch.Generator) -> None:
    """Draw all weights uniformly from (-1/sqrt(hidden_size), 1/sqrt(hidden_size)), as torch does by default.

    What has a start of its own is set to it, such as the bias of a forget gate to one.
    """
    bound = 1 / math.sqrt(hidden_size)
    for parameter in layers.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    with torch.no_grad():
        for layer in layers.modules():
            if isinstance(layer, RecurrentLayer):
                layer.initialise_constants(layer.weights)


def _lstm_shapes(input_size: int, hidden_size: int, *, gates: int) -> dict[str, tuple[int, ...]]:
    rows = gates * hidden_size
    return {"W": (rows, input_size), "R": (rows, hidden_size), "b": (rows,)}


def _lstm_state(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """State after a step with these gates from the cell state before it."""
    c = torch.addcmul(f * c, i, g)
    return {"input gate": i, "forget gate": f, "candidate": g, "output gate": o, CELL: c, HIDDEN: o * c.tanh()}


def _forget_part(bias: Tensor) -> Tensor:
    """Second quarter of a bias in the order i, f, g, o."""
    return bias.chunk(4)[1]


CELLS: dict[str, type[FusedLayer] | type[UnrolledLayer]] = {
    "lstm": LSTMLayer,
    "gru": GRULayer,
    "rnn": RNNLayer,
    "peephole": PeepholeLayer,
    "cifg": CIFGLayer,
}
