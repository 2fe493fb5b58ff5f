"""A look inside: the gates of the last window, and the weights behind a forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toys import NAN, TOY, fitted, forecast, panel_of, past_of, season

from sktime_lstm.anchors.naive import ANCHORS, naive_forecasts
from sktime_lstm.data.horizon import last_windows
from sktime_lstm.data.panel import read_panel
from sktime_lstm.inspection.tables import (
    RecordingNetwork,
    anchor_weights,
    forecast_after_window,
    gate_activations,
    observed_window,
)
from sktime_lstm.network.cells import CELLS

GATES = {
    "lstm": ["input gate", "forget gate", "candidate", "output gate", "cell state", "hidden state"],
    "gru": ["reset gate", "update gate", "candidate", "hidden state"],
    "rnn": ["hidden state"],
    "peephole": ["input gate", "forget gate", "candidate", "output gate", "cell state", "hidden state"],
    "cifg": ["input gate", "forget gate", "candidate", "output gate", "cell state", "hidden state"],
}


def window_of(model, panel=TOY, future=None):
    """The past with room for the future, and the last windows."""
    future = future or model.preprocessing.output_length
    last = panel.axis.stamps(panel.last.max(keepdims=True))[0]
    resolved = last_windows(panel, last, past=model.preprocessing.window_length, future=future)
    return past_of(model, panel, steps=future), resolved


def gates_of(model, panel=TOY, *, units=True):
    return gate_activations(model, *window_of(model, panel), units=units)


def weights_of(model, panel=TOY, *, steps=2):
    past, resolved = window_of(model, panel, future=steps)
    return anchor_weights(model, past, resolved.only(resolved.is_future))


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
    network = model.network
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


def test_weights_have_one_row_for_each_anchor_of_each_step_and_sum_to_one():
    weights = weights_of(fitted())
    assert list(weights.columns) == ["level_0", "time", "variable", "anchor", "weight"]
    assert weights["anchor"].unique().tolist() == list(ANCHORS)
    assert len(weights) == 3 * 2 * len(ANCHORS)
    np.testing.assert_allclose(weights.groupby(["level_0", "time"])["weight"].sum(), 1, rtol=1e-6)


def test_before_anything_is_learned_but_the_start_the_forecast_is_the_weighted_sum():
    """With corrections taken away, weights times naive forecasts are the forecast, also in the second block."""
    model = fitted()
    network = model.network
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


def test_a_row_before_the_series_has_no_weights():
    model = fitted()
    past, resolved = window_of(model, future=1)
    early = resolved.only(resolved.is_future)
    early.position[0] = -1
    weights = anchor_weights(model, past, early)
    assert weights["weight"].isna().tolist() == [True] * len(ANCHORS) + [False] * (2 * len(ANCHORS))


@pytest.mark.parametrize("gap", [0, 3, 8], ids=["complete", "with a gap", "empty context"])
@pytest.mark.parametrize("steps", [2, 5])
def test_the_weights_shown_are_those_of_the_forecast(gap, steps):
    model = fitted(learning_rate=0.1)
    panel = panel_of(np.r_[season(1), np.full(gap, NAN)])
    recording = RecordingNetwork(model.network)
    forecast(replace(model, network=recording), panel, steps=np.arange(1, steps + 1))
    expected = torch.cat(recording.weights, 1)[0, :steps, 0].numpy()
    shown = weights_of(model, panel, steps=steps)["weight"].to_numpy().reshape(steps, len(ANCHORS))
    np.testing.assert_allclose(shown, expected, rtol=1e-5, atol=1e-7)


def test_the_gates_of_an_empty_context_are_those_of_the_forecast():
    model, seen = fitted(), []
    panel = panel_of(np.r_[season(1), np.full(8, NAN)])
    model.network.output.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    forecast(model, panel, steps=[1, 2])
    gates = gates_of(model, panel)
    shown = gates[(gates["gate"] == "hidden state") & (gates["time"] >= 38)]
    np.testing.assert_allclose(shown["value"], seen[0][0].detach().numpy().ravel(), atol=1e-6)


# ---- the window itself -----------------------------------------------------------------------------------------------


def test_in_the_window_lie_the_last_observations():
    model = fitted()
    past, resolved = window_of(model)
    np.testing.assert_array_equal(observed_window(past.panel, resolved).loc[0].to_numpy(), TOY.series(0)[-6:])


def test_before_the_first_point_there_are_no_observations():
    model = fitted(window_length=40)
    past, resolved = window_of(model)
    observed = observed_window(past.panel, resolved).loc[1]
    assert observed.isna().to_numpy().ravel().tolist() == [True] * 16 + [False] * 24


def test_after_the_window_comes_the_forecast():
    model = fitted()
    after = forecast_after_window(model, *window_of(model))
    np.testing.assert_allclose(after.loc[1].to_numpy(), forecast(model, instance=1, steps=[1, 2]), rtol=1e-6)
    assert after.loc[1].index.tolist() == [24, 25]


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gate", "time", "value", "unit", "layer", "weight", "anchor", "variable"])
def test_a_level_with_the_name_of_another_column_gets_an_underscore(name):
    index = pd.MultiIndex.from_product([["a", "b"], range(30)], names=[name, "when"])
    panel = read_panel(pd.DataFrame({"y": np.r_[season(1), season(2)]}, index), None)
    model = fitted(panel)
    for table in (gates_of(model, panel), weights_of(model, panel)):
        assert table.columns.is_unique
        label = f"{name}_" if f"{name}_" in table.columns else name
        assert table[label].unique().tolist() == ["a", "b"]
        assert len(set(table.columns) & {name, f"{name}_"}) >= 1
