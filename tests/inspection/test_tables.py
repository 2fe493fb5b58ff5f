"""A look inside: the gates of the last window, and the weights behind a forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from toys import TOY, fitted, forecast

from sktime_lstm.anchors.naive import ANCHORS, naive_forecasts
from sktime_lstm.data.horizon import last_windows
from sktime_lstm.inspection.tables import anchor_weights, around_the_end, gate_activations
from sktime_lstm.network.cells import CELLS

GATES = {
    "lstm": ["input gate", "forget gate", "candidate", "output gate", "cell state", "hidden state"],
    "gru": ["reset gate", "update gate", "candidate", "hidden state"],
    "rnn": ["hidden state"],
    "peephole": ["input gate", "forget gate", "candidate", "output gate", "cell state", "hidden state"],
    "cifg": ["input gate", "forget gate", "candidate", "output gate", "cell state", "hidden state"],
    "layernorm_lstm": ["input gate", "forget gate", "candidate", "output gate", "cell state", "hidden state"],
}


def window_of(model, panel=TOY, future=None):
    """The panel with room for the future, and its last windows."""
    future = future or model.preprocessing.output_length
    last = panel.axis.stamps(panel.last.max(keepdims=True))[0]
    resolved = last_windows(panel, last, past=model.preprocessing.window_length, future=future)
    return panel.extended(panel.last + future), resolved


def gates_of(model, panel=TOY, *, member=0, units=True):
    return gate_activations(model, *window_of(model, panel), member=member, units=units)


def weights_of(model, panel=TOY, *, steps=2):
    extended, resolved = window_of(model, panel, future=steps)
    return anchor_weights(model, extended, resolved.only(resolved.is_future))


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_shows_its_own_gates_at_every_step_of_the_window(cell):
    gates = gates_of(fitted(cell=cell, num_layers=2))
    assert list(gates.columns) == ["level_0", "time", "layer", "gate", "unit", "value"]
    assert gates["gate"].unique().tolist() == GATES[cell]
    # Three series, six points of the past and two of the future, two layers, three units.
    assert len(gates) == 3 * 8 * 2 * len(GATES[cell]) * 3
    assert gates[gates["level_0"] == 1]["time"].unique().tolist() == list(range(18, 26))
    assert not gates.duplicated(["level_0", "time", "layer", "gate", "unit"]).any()


@pytest.mark.parametrize("cell", ["lstm", "peephole"])
def test_the_cell_state_is_what_the_gates_make_of_the_one_before(cell):
    gates = gates_of(fitted(cell=cell)).pivot(index=["level_0", "unit", "time"], columns="gate", values="value")
    before = gates["cell state"].groupby(["level_0", "unit"]).shift().fillna(0.0)
    expected = gates["forget gate"] * before + gates["input gate"] * gates["candidate"]
    np.testing.assert_allclose(gates["cell state"], expected, atol=1e-6)
    np.testing.assert_allclose(gates["hidden state"], gates["output gate"] * np.tanh(gates["cell state"]), atol=1e-6)


def test_the_coupled_gates_sum_to_one():
    gates = gates_of(fitted(cell="cifg")).pivot(index=["level_0", "unit", "time"], columns="gate", values="value")
    np.testing.assert_allclose(gates["input gate"] + gates["forget gate"], 1, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_hidden_states_shown_are_those_of_the_forecast(cell):
    model, seen = fitted(cell=cell), []
    network = model.network.networks[0]
    network.output.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    forecast(model, steps=[1, 2])
    gates = gates_of(model)
    shown = gates[(gates["level_0"] == 0) & (gates["gate"] == "hidden state") & (gates["time"] >= 30)]
    np.testing.assert_allclose(shown["value"], seen[0][0].detach().numpy().ravel(), atol=1e-6)


def test_the_mean_is_that_of_the_units():
    model = fitted()
    keys = ["level_0", "time", "layer", "gate"]
    means = gates_of(model).groupby(keys, sort=False)["value"].mean()
    pd.testing.assert_series_equal(gates_of(model, units=False).set_index(keys)["value"], means, rtol=1e-5)


def test_each_member_has_gates_of_its_own():
    model = fitted(num_members=2)
    first, second = gates_of(model), gates_of(model, member=1)
    assert (first["value"] != second["value"]).mean() > 0.9


@pytest.mark.parametrize("member", [-1, 2])
def test_a_member_that_does_not_exist_is_refused(member):
    with pytest.raises(ValueError, match=f"member must be a number from 0 to 1, but member={member} was passed"):
        gates_of(fitted(num_members=2), member=member)


def test_weights_have_one_row_for_each_anchor_of_each_step_and_sum_to_one():
    weights = weights_of(fitted())
    assert list(weights.columns) == ["level_0", "time", "variable", "anchor", "weight"]
    assert weights["anchor"].unique().tolist() == list(ANCHORS)
    assert len(weights) == 3 * 2 * len(ANCHORS)
    np.testing.assert_allclose(weights.groupby(["level_0", "time"])["weight"].sum(), 1, rtol=1e-6)


def test_before_anything_is_learned_but_the_start_the_forecast_is_the_weighted_sum():
    """With corrections taken away, weights times naive forecasts are the forecast, also in the second block."""
    model = fitted()
    network = model.network.networks[0]
    per_variable = 1 + len(ANCHORS)
    with torch.no_grad():
        network.output.weight.view(1, per_variable, -1)[:, 0] = 0
        network.output.bias.view(1, per_variable)[:, 0] = 0
    weights = weights_of(model, steps=4)
    weights = weights[weights["level_0"] == 0].pivot(index="time", columns="anchor", values="weight")[list(ANCHORS)]
    output = forecast(model, steps=np.arange(1, 5))
    past = torch.from_numpy(np.r_[TOY.series(0)[-6:], output[:2]])
    blocks = [naive_forecasts(window[None], horizon=2, sp=4)[0, :, 0].nan_to_num() for window in (past[:6], past[2:])]
    np.testing.assert_allclose((weights.to_numpy() * torch.cat(blocks).numpy()).sum(1), output[:, 0], rtol=1e-5)


def test_the_weights_of_several_members_are_their_mean():
    model = fitted(num_members=2)
    heard = []
    for network in model.network.networks:
        single = fitted()
        single.network.members[0] = network
        heard.append(weights_of(single)["weight"])
    np.testing.assert_allclose(weights_of(model)["weight"], (heard[0] + heard[1]) / 2, rtol=1e-5)


def test_a_row_before_the_series_has_no_weights():
    model = fitted()
    extended, resolved = window_of(model, future=1)
    early = resolved.only(resolved.is_future)
    early.position[0] = -1
    weights = anchor_weights(model, extended, early)
    assert weights["weight"].isna().tolist() == [True] * len(ANCHORS) + [False] * (2 * len(ANCHORS))


def test_around_the_end_lie_the_last_observations_and_their_forecast():
    model = fitted()
    past, future = around_the_end(model, *window_of(model))
    np.testing.assert_array_equal(past.loc[0].to_numpy(), TOY.series(0)[-6:])
    np.testing.assert_allclose(future.loc[1].to_numpy(), forecast(model, instance=1, steps=[1, 2]), rtol=1e-6)


def test_before_the_first_point_there_are_no_observations():
    panel = TOY.extended(TOY.last)
    model = fitted(window_length=40)
    past, _ = around_the_end(model, *window_of(model, panel))
    assert past.loc[1].isna().to_numpy().ravel().tolist() == [True] * 16 + [False] * 24
