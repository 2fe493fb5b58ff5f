"""The forecaster looked into: gates, weights of the naive forecasts, and the pictures it draws."""

from __future__ import annotations

import copy
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from numpy.testing import assert_allclose, assert_array_equal
from sktime.exceptions import NotFittedError
from toys import small, wave

mpl.use("Agg")

MONTHS = pd.period_range("2020-01", periods=60, freq="M", name="month")
LOOKS = {
    "gate_activations": lambda forecaster: forecaster.gate_activations(),
    "anchor_weights": lambda forecaster: forecaster.anchor_weights(fh=[1, 2]),
    "plot_gates": lambda forecaster: forecaster.plot_gates(),
    "plot_anchor_weights": lambda forecaster: forecaster.plot_anchor_weights(fh=[1, 2]),
    "plot_history": lambda forecaster: forecaster.plot_history(),
    "plot_forecast": lambda forecaster: forecaster.plot_forecast(fh=[1, 2]),
}
every_look = pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def y():
    return wave(40, MONTHS[:40]).rename("sold")


@pytest.fixture(scope="module")
def quick(y):
    return small().fit(y, fh=[1, 2, 3])


@pytest.fixture(scope="module")
def shops():
    """Four series under two levels; one of them is shorter."""
    keys = [("north", "x"), ("north", "y"), ("south", "x"), ("south", "y")]
    series = {key: wave(40 - 5 * n, MONTHS[: 40 - 5 * n], seed=n).to_frame("sold") for n, key in enumerate(keys)}
    return pd.concat(series, names=["region", "shop"])


def test_gates_cover_the_window_and_the_steps_that_are_forecast_at_once(quick):
    gates = quick.gate_activations()
    assert list(gates.columns) == ["time", "layer", "gate", "unit", "value"]
    assert gates["time"].unique().tolist() == list(MONTHS[40 - quick.window_length_ : 43])


def test_gates_of_a_panel_have_the_instance_levels_in_front(shops):
    gates = small().fit(shops, fh=[1]).gate_activations(units=False)
    assert list(gates.columns) == ["region", "shop", "time", "layer", "gate", "value"]
    ends = gates.groupby(["region", "shop"])["time"].max()
    assert ends.tolist() == list(MONTHS[[40, 35, 30, 25]])


def test_gates_of_the_same_series_passed_again_are_the_same(y, quick):
    pd.testing.assert_frame_equal(quick.gate_activations(y), quick.gate_activations())


def test_gates_of_another_series_are_those_after_moving_on_to_it(quick):
    longer = wave(50, MONTHS[:50])
    moved = copy.deepcopy(quick).update(longer, update_params=False)
    pd.testing.assert_frame_equal(quick.gate_activations(longer), moved.gate_activations())


def test_a_network_learned_from_one_series_can_look_at_a_panel(shops, quick):
    gates = quick.gate_activations(shops, units=False)
    alone = quick.gate_activations(shops.loc[("south", "y")], units=False)
    of_panel = gates[(gates["region"] == "south") & (gates["shop"] == "y")]
    assert_allclose(of_panel["value"], alone["value"], atol=1e-6)


def test_series_with_other_columns_are_refused(y, quick):
    with pytest.raises(ValueError, match="y has the columns"):
        quick.gate_activations(pd.DataFrame({"a": y, "b": y}))


def test_covariates_of_the_future_are_needed_and_matter():
    y, X = wave(40, MONTHS[:40]), pd.DataFrame({"x": wave(60, MONTHS, seed=1)})
    forecaster = small().fit(y, X=X[:40], fh=[1, 2])
    with pytest.raises(ValueError, match="X is missing"):
        forecaster.gate_activations()
    with pytest.raises(ValueError, match="X does not cover the forecasting horizon"):
        forecaster.gate_activations(X=X[:41])
    gates, changed = forecaster.gate_activations(X=X), forecaster.gate_activations(X=X[40:42] + 1)
    differs = gates["value"] != changed["value"]
    assert gates["time"][differs].unique().tolist() == list(MONTHS[40:42])
    pd.testing.assert_frame_equal(forecaster.gate_activations(y, X), gates)


def test_weights_explain_the_steps_asked_for(quick):
    weights = quick.anchor_weights(fh=[1, 5, 30])
    assert list(weights.columns) == ["time", "variable", "anchor", "weight"]
    assert weights["time"].unique().tolist() == [*MONTHS[[40, 44]], MONTHS[39] + 30]
    assert weights["variable"].unique().tolist() == ["sold"]
    assert_allclose(weights.groupby("time")["weight"].sum(), 1, rtol=1e-6)


def test_weights_of_the_horizon_of_fit_are_shown_without_asking(quick):
    pd.testing.assert_frame_equal(quick.anchor_weights(), quick.anchor_weights(fh=[1, 2, 3]))


def test_weights_of_a_forecast_in_the_past_are_shown_too(quick):
    assert_allclose(quick.anchor_weights(fh=[-3, 0]).groupby("time")["weight"].sum(), 1, rtol=1e-6)


def test_a_forecaster_without_anchors_has_no_weights(y):
    with pytest.raises(ValueError, match="Fit it with anchored=True"):
        small(anchored=False).fit(y).anchor_weights(fh=[1])


@every_look
def test_looking_changes_nothing(look, y):
    forecaster = small().fit(y, fh=[1, 2, 3])
    before, output = dict(forecaster.__dict__), forecaster.predict().to_numpy()
    look(forecaster)
    assert forecaster.__dict__.keys() == before.keys()
    assert [name for name, value in forecaster.__dict__.items() if value is not before[name]] == []
    assert_array_equal(forecaster.predict().to_numpy(), output)


@every_look
def test_before_fit_there_is_nothing_to_see(look):
    with pytest.raises(NotFittedError):
        look(small())


@every_look
@pytest.mark.parametrize(
    "kind", ["array", "several variables", "hierarchy", "missing values", "integers in steps of 2"]
)
def test_every_kind_of_data_can_be_looked_into(look, kind, y, shops):
    gaps = y.copy()
    gaps.iloc[[5, -1, -2]] = np.nan
    data = {
        "array": y.to_numpy(),
        "several variables": pd.DataFrame({"a": y, "b": -y}),
        "hierarchy": shops,
        "missing values": gaps,
        "integers in steps of 2": y.set_axis(pd.RangeIndex(0, 80, 2)),
    }
    look(small().fit(data[kind], fh=[1, 2]))


@pytest.mark.parametrize("look", [look for name, look in LOOKS.items() if name.startswith("plot")])
def test_without_matplotlib_the_error_says_what_to_install(look, quick, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'sktime-lstm\[plot\]'"):
        look(quick)


def test_the_picture_of_the_forecast_shows_what_predict_says(quick):
    ax = quick.plot_forecast(y_true=wave(43, MONTHS[:43])[40:].rename("sold"), coverage=[0.5, 0.9])
    lines = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    assert_allclose(lines["forecast"][1:], quick.predict().to_numpy())
    assert_allclose(lines["actual"], wave(43)[40:])
    assert len(ax.collections) == 2


def test_the_picture_of_the_gates_shows_another_layer(y):
    forecaster = small(num_layers=2).fit(y, fh=[1, 2])
    pictures = [forecaster.plot_gates(layer=layer) for layer in (0, 1)]
    first, second = (axes[1].get_lines()[0].get_ydata() for axes in pictures)
    assert (first != second).any()
    with pytest.raises(ValueError, match="layer must be a number from 0 to 1, but layer=2 was passed"):
        forecaster.plot_gates(layer=2)
