"""The recurrent layers: equal to torch's and to their equations, without touching torch's global generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sktime_lstm.cells import CELLS, initialise

ORACLES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
INPUTS = torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(0))
every_cell = pytest.mark.parametrize("cell", CELLS)


def drawn_layer(cell, *, bidirectional=False, seed=1):
    layer = CELLS[cell](2, 4, bidirectional=bidirectional)
    initialise(layer, 4, torch.Generator().manual_seed(seed))
    return layer


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


STEPS = {"lstm": lstm_step, "gru": gru_step, "rnn": rnn_step}


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_layer_equals_that_of_torch_with_the_same_weights(cell, bidirectional):
    layer = drawn_layer(cell, bidirectional=bidirectional)
    oracle = ORACLES[cell](2, 4, batch_first=True, bidirectional=bidirectional)
    oracle.load_state_dict(layer.recurrence.state_dict())
    torch.testing.assert_close(layer(INPUTS), oracle(INPUTS)[0], atol=1e-6, rtol=0)


@every_cell
def test_a_layer_obeys_its_equations(cell):
    layer = drawn_layer(cell)
    weights = [parameter.detach().double().numpy() for parameter in layer.parameters()]
    h, c, states = np.zeros((3, 4)), np.zeros((3, 4)), []
    for x in INPUTS.double().numpy().swapaxes(0, 1):
        h, c = STEPS[cell](x, h, c, *weights)
        states.append(h)
    np.testing.assert_allclose(layer(INPUTS).detach().numpy(), np.stack(states, axis=1), atol=1e-6)


@every_cell
def test_a_bidirectional_layer_is_one_in_each_direction_side_by_side(cell):
    both = drawn_layer(cell, bidirectional=True)
    weights = both.recurrence.state_dict()
    for reverse, half in ((False, both(INPUTS)[..., :4]), (True, both(INPUTS)[..., 4:].flip(1))):
        alone = drawn_layer(cell)
        wanted = {name: weights[name + "_reverse" * reverse] for name in alone.recurrence.state_dict()}
        alone.recurrence.load_state_dict(wanted)
        torch.testing.assert_close(half, alone(INPUTS.flip(1) if reverse else INPUTS))


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
def test_weights_fill_the_usual_range(cell):
    weights = torch.cat([parameter.flatten() for parameter in drawn_layer(cell).parameters()])
    assert 0.4 < weights.abs().max() <= 0.5  # 1 / sqrt(4 hidden units)
    assert weights.min() < -0.4
