"""The recurrent layers: equal to torch's and to their equations, without touching torch's global generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sktime_lstm.network.cells import CELLS, HIDDEN, FusedLayer, initialise

ORACLES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
INPUTS = torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(0))
every_cell = pytest.mark.parametrize("cell", CELLS)
fused_cell = pytest.mark.parametrize("cell", ORACLES)


def drawn_layer(cell, *, seed=1, start=True):
    """A layer as it starts, or with all weights at random."""
    layer = CELLS[cell](2, 4)
    initialise(layer, 4, torch.Generator().manual_seed(seed))
    if not start:
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(seed))
    return layer


def gradients(layer, outputs):
    """Gradients of all weights and of the inputs for a loss that tells the outputs apart."""
    inputs = INPUTS.clone().requires_grad_()
    (outputs(layer, inputs) * torch.linspace(1, 2, 3 * 7)[:, None].reshape(3, 7, 1)).sin().sum().backward()
    return [inputs.grad, *(parameter.grad for parameter in layer.parameters())]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, h, c, W, R, b, d):
    i, f, g, o = np.split(x @ W.T + b + h @ R.T + d, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, c, W, R, b, d):
    (r, z, n), (r_h, z_h, n_h) = np.split(x @ W.T + b, 3, axis=-1), np.split(h @ R.T + d, 3, axis=-1)
    z = sigmoid(z + z_h)
    return (1 - z) * np.tanh(n + sigmoid(r + r_h) * n_h) + z * h, c


def rnn_step(x, h, c, W, R, b, d):
    return np.tanh(x @ W.T + b + h @ R.T + d), c


def peephole_step(x, h, c, W, R, b, p):
    i, f, g, o = np.split(x @ W.T + b + h @ R.T, 4, axis=-1)
    i, f = sigmoid(i + p[0] * c), sigmoid(f + p[1] * c)
    c = f * c + i * np.tanh(g)
    return sigmoid(o + p[2] * c) * np.tanh(c), c


def cifg_step(x, h, c, W, R, b):
    f, g, o = np.split(x @ W.T + b + h @ R.T, 3, axis=-1)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


STEPS = {
    "lstm": lstm_step,
    "gru": gru_step,
    "rnn": rnn_step,
    "peephole": peephole_step,
    "cifg": cifg_step,
}


@every_cell
@pytest.mark.parametrize("start", [True, False])
def test_a_layer_obeys_its_equations(cell, start):
    layer = drawn_layer(cell, start=start)
    weights = {letter: weight.detach().double().numpy() for letter, weight in layer.weights.items()}
    h, c, states = np.zeros((3, 4)), np.zeros((3, 4)), []
    for x in INPUTS.double().numpy().swapaxes(0, 1):
        h, c = STEPS[cell](x, h, c, **weights)
        states.append(h)
    np.testing.assert_allclose(layer(INPUTS).detach().numpy(), np.stack(states, axis=1), atol=1e-6)


@fused_cell
def test_a_fused_layer_equals_that_of_torch_with_the_same_weights(cell):
    layer = drawn_layer(cell)
    oracle = ORACLES[cell](2, 4, batch_first=True)
    oracle.load_state_dict(layer.recurrence.state_dict())
    torch.testing.assert_close(layer(INPUTS), oracle(INPUTS)[0], atol=1e-6, rtol=0)


@every_cell
def test_the_look_inside_shows_the_hidden_states_of_the_layer(cell):
    layer = drawn_layer(cell)
    torch.testing.assert_close(layer.trace(INPUTS)[HIDDEN], layer(INPUTS), atol=1e-6, rtol=0)


@fused_cell
def test_the_readable_equations_have_the_gradients_of_the_fused_kernel(cell):
    fused = gradients(drawn_layer(cell), lambda layer, inputs: layer(inputs))
    own = gradients(drawn_layer(cell), lambda layer, inputs: layer.trace(inputs)[HIDDEN])
    for one, other in zip(own, fused, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@every_cell
def test_gradients_are_those_of_finite_differences(cell):
    layer = drawn_layer(cell, start=False).double()
    inputs = INPUTS[:2, :4].double().requires_grad_()
    weights = list(layer.parameters())
    # Of a fused layer this also checks the readable equations: they are what a look inside computes.
    outputs = layer.trace if isinstance(layer, FusedLayer) else lambda inputs: {HIDDEN: layer(inputs)}
    assert torch.autograd.gradcheck(lambda inputs, *_: outputs(inputs)[HIDDEN], (inputs, *weights))


@every_cell
def test_gates_lie_between_zero_and_one_and_have_the_shape_of_the_output(cell):
    layer = drawn_layer(cell)
    for name, values in layer.trace(100 * INPUTS).items():
        assert values.shape == (3, 7, 4)
        if name.endswith("gate"):
            assert 0 <= values.min() < values.max() <= 1


def as_lstm(layer, W, R, b):
    """An LSTM of torch with these weights."""
    oracle = nn.LSTM(2, 4, batch_first=True)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    oracle.load_state_dict(dict(zip(names, (W, R, b, torch.zeros(16)), strict=True)))
    return oracle


def test_an_lstm_without_peepholes_is_a_peephole_lstm_with_peepholes_of_zero():
    layer = drawn_layer("peephole")
    weights = layer.weights
    oracle = as_lstm(layer, weights["W"], weights["R"], weights["b"])
    assert (layer(INPUTS) - oracle(INPUTS)[0]).abs().max() > 1e-3
    torch.nn.init.zeros_(weights["p"])
    torch.testing.assert_close(layer(INPUTS), oracle(INPUTS)[0], atol=1e-6, rtol=0)


def test_coupled_gates_are_those_of_an_lstm_whose_forget_gate_is_one_minus_its_input_gate():
    layer = drawn_layer("cifg")
    weights = layer.weights

    def uncoupled(weight):
        """Rows i, f, g, o from f, g, o: sigmoid(-a) is 1 - sigmoid(a)."""
        f, g, o = weight.detach().chunk(3)
        return torch.cat([-f, f, g, o])

    oracle = as_lstm(layer, *(uncoupled(weights[letter]) for letter in ("W", "R", "b")))
    torch.testing.assert_close(layer(INPUTS), oracle(INPUTS)[0], atol=1e-6, rtol=0)


@every_cell
def test_no_step_sees_a_later_one(cell):
    layer, changed = drawn_layer(cell), INPUTS.clone()
    changed[:, 4:] += 1
    torch.testing.assert_close(layer(changed)[:, :4], layer(INPUTS)[:, :4])
    assert (layer(changed)[:, 4] != layer(INPUTS)[:, 4]).all()


@every_cell
def test_weights_come_from_the_given_generator_alone(cell):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = drawn_layer(cell)(INPUTS)
    torch.testing.assert_close(torch.get_rng_state(), before)
    torch.manual_seed(99)
    torch.testing.assert_close(drawn_layer(cell)(INPUTS), first, atol=0, rtol=0)
    assert (drawn_layer(cell, seed=2)(INPUTS) != first).any()


@every_cell
def test_weights_of_inputs_and_states_fill_the_usual_range(cell):
    drawn = drawn_layer(cell).weights
    weights = torch.cat([drawn["W"].flatten(), drawn["R"].flatten()])
    assert 0.4 < weights.abs().max() <= 0.5  # 1 / sqrt(4 hidden units)
    assert weights.min() < -0.4


@pytest.mark.parametrize(("cell", "rows"), [("lstm", slice(4, 8)), ("peephole", slice(4, 8)), ("cifg", slice(0, 4))])
def test_the_bias_of_the_forget_gate_starts_at_one(cell, rows):
    weights = drawn_layer(cell).weights
    # torch adds two biases; only their sum counts.
    bias = sum(weights[letter] for letter in ("b", "d") if letter in weights)
    assert bias[rows].tolist() == [1.0] * 4
    assert (bias != 1).sum() == len(bias) - 4
