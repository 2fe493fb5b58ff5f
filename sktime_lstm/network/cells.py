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
from torch.nn.functional import layer_norm, linear

Weights = Mapping[str, Tensor]
State = dict[str, Tensor]
"""Gates and states of a step by their name; the names of gates, whose values lie between 0 and 1, end in "gate"."""

HIDDEN, CELL = "hidden state", "cell state"


class RecurrentLayer(nn.Module, ABC):
    """One recurrent layer; a subclass holds the weights and gives the equations.

    The output has hidden_size channels per direction; those of the two directions stand side by side.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size

    @property
    @abstractmethod
    def weights(self) -> list[Weights]:
        """Weights of each direction by their letter."""

    @staticmethod
    def project(inputs: Tensor, w: Weights) -> Tensor:
        """Return that part of a step that knows no state: all steps at once, of shape (time, batch, channel)."""
        return linear(inputs, w["W"], w["b"])

    @staticmethod
    @abstractmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """State after one step with projected inputs of shape (batch, channel)."""

    @staticmethod
    def initialise_constants(w: Weights) -> None:
        """Set the weights that do not start at random."""

    def trace(self, inputs: Tensor) -> State:
        """Gates and states of all steps, each of shape (batch, time, hidden_size x directions)."""
        walks = self._walks(inputs)
        return {name: _side_by_side(walks, name) for name in walks[0][0]}

    def _walks(self, inputs: Tensor) -> list[list[State]]:
        """State at every step of each direction."""
        return [self._walk(inputs, w, backwards=bool(number)) for number, w in enumerate(self.weights)]

    def _walk(self, inputs: Tensor, w: Weights, *, backwards: bool) -> list[State]:
        """State at every step of one direction, in the order of time."""
        nothing = inputs.new_zeros(len(inputs), self.hidden_size)
        state, states = {HIDDEN: nothing, CELL: nothing}, []
        projected = self.project(inputs.transpose(0, 1), w).unbind()
        for x in reversed(projected) if backwards else projected:
            state = self.step(x, state, w)
            states.append(state)
        return states[::-1] if backwards else states


class FusedLayer(RecurrentLayer):
    """A layer that runs in torch's fused kernel; its equations serve to look inside."""

    kernel: ClassVar[Callable[..., nn.RNNBase]]

    def __init__(self, input_size: int, hidden_size: int, *, bidirectional: bool = False) -> None:
        super().__init__(hidden_size)
        # Made without memory and filled by `initialise`: drawing weights here would advance torch's global generator.
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "bidirectional": bidirectional}
        empty = self.kernel(**sizes, batch_first=True, device="meta", dtype=torch.float32)
        self.recurrence = empty.to_empty(device="cpu")

    @property
    def weights(self) -> list[Weights]:
        """Weights of each direction by their letter, as torch orders them."""
        return [dict(zip(("W", "R", "b", "d"), direction, strict=True)) for direction in self.recurrence.all_weights]

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

    def __init__(self, input_size: int, hidden_size: int, *, bidirectional: bool = False) -> None:
        super().__init__(hidden_size)
        shapes = self.shapes(input_size, hidden_size)
        self.directions = nn.ModuleList(
            nn.ParameterDict({name: torch.empty(shape, dtype=torch.float32) for name, shape in shapes.items()})
            for _ in range(1 + bidirectional)
        )

    @staticmethod
    @abstractmethod
    def shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Shape of each weight by its letter."""

    @property
    def weights(self) -> list[Weights]:
        """Weights of each direction by their letter."""
        # A plain dictionary: looking a weight up in the module at every step takes longer than some of the products.
        return [dict(direction.items()) for direction in self.directions if isinstance(direction, nn.ParameterDict)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Hidden states of every step."""
        return _side_by_side(self._walks(inputs), HIDDEN)


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


class LayerNormLSTMLayer(UnrolledLayer):
    """LSTM with layer normalisation (Ba et al., 2016, "Layer normalization", equations 20 to 22).

    With LN(a) = (a - mean(a)) / std(a) over the channels of each step, gains u, v and s, and biases b and t::

        i, f, g, o = u * LN(W x) + v * LN(R h') + b       b_f starts at one
        c = sigmoid(f) * c' + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(s * LN(c) + t)
    """

    @staticmethod
    def shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Weights in the order i, f, g, o."""
        wide, narrow = (4 * hidden_size,), (hidden_size,)
        return {**_lstm_shapes(input_size, hidden_size, gates=4), "u": wide, "v": wide, "s": narrow, "t": narrow}

    @staticmethod
    def project(inputs: Tensor, w: Weights) -> Tensor:
        """Return u * LN(W x) + b."""
        return layer_norm(linear(inputs, w["W"]), w["u"].shape, w["u"], w["b"])

    @staticmethod
    def step(x: Tensor, before: State, w: Weights) -> State:
        """Equations of the class."""
        i, f, g, o = (x + layer_norm(linear(before[HIDDEN], w["R"]), w["v"].shape, w["v"])).chunk(4, -1)
        state = _lstm_state(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid(), before[CELL])
        squashed = layer_norm(state[CELL], w["s"].shape, w["s"], w["t"]).tanh()
        return {**state, HIDDEN: state["output gate"] * squashed}

    @staticmethod
    def initialise_constants(w: Weights) -> None:
        """Open the forget gate; nothing is scaled or shifted yet."""
        _forget_part(w["b"]).fill_(1.0)
        for gain in ("u", "v", "s"):
            w[gain].fill_(1.0)
        w["t"].zero_()


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
                for weights in layer.weights:
                    layer.initialise_constants(weights)


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


def _side_by_side(walks: list[list[State]], name: str) -> Tensor:
    """One entry of the states of all steps and directions, of shape (batch, time, hidden_size x directions)."""
    return torch.cat([torch.stack([state[name] for state in states], 1) for states in walks], -1)


CELLS: dict[str, type[FusedLayer] | type[UnrolledLayer]] = {
    "lstm": LSTMLayer,
    "gru": GRULayer,
    "rnn": RNNLayer,
    "peephole": PeepholeLayer,
    "cifg": CIFGLayer,
    "layernorm_lstm": LayerNormLSTMLayer,
}
