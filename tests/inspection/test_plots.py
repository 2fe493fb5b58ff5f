"""Pictures: what is drawn, where, and how it is called."""

from __future__ import annotations

import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import dates, pyplot

from sktime_lstm.inspection.plots import (
    FORECAST,
    plot_anchor_weights,
    plot_backtest,
    plot_covariate_importance,
    plot_forecast,
    plot_gates,
    plot_history,
)

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def series(first, last, index=None, name="sold"):
    values = np.arange(float(first), last + 1)
    return pd.Series(values, index=range(first, last + 1) if index is None else index, name=name)


def interval(forecast, width, *, coverage=0.9):
    """Result of predict_interval: `width` below and above each variable of the forecast."""
    frame = forecast.to_frame() if forecast.ndim == 1 else forecast
    edges = [frame[variable] + side for variable in frame for side in (-width, width)]
    columns = pd.MultiIndex.from_product([frame.columns, [coverage], ["lower", "upper"]])
    return pd.concat(edges, axis=1).set_axis(columns, axis=1)


def line(ax, label):
    (found,) = [candidate for candidate in ax.get_lines() if candidate.get_label() == label]
    return found


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_forecast_continues_the_last_observation():
    ax = plot_forecast(series(0, 9), series(10, 12))
    assert line(ax, "history").get_ydata().tolist() == list(range(10))
    assert line(ax, "forecast").get_xdata().tolist() == [9, 10, 11, 12]
    assert line(ax, "forecast").get_ydata().tolist() == [9, 10, 11, 12]


def test_a_forecast_after_missing_values_starts_from_the_last_value_that_was_seen():
    y = series(0, 9)
    y.iloc[-2:] = np.nan
    assert line(plot_forecast(y, series(10, 12)), "forecast").get_xdata().tolist() == [7, 10, 11, 12]


def test_the_band_lies_between_the_ends_of_the_interval():
    forecast = series(10, 12)
    ax = plot_forecast(series(0, 9), forecast, intervals=interval(forecast, 2.0))
    corners = ax.collections[0].get_paths()[0].vertices
    assert (corners[corners[:, 0] == 12][:, 1].min(), corners[corners[:, 0] == 12][:, 1].max()) == (10, 14)


def test_every_part_is_named_in_the_legend():
    forecast = series(10, 12)
    both = pd.concat([interval(forecast, 1.0, coverage=0.5), interval(forecast, 2.0, coverage=0.9)], axis=1)
    ax = plot_forecast(series(0, 9), forecast, intervals=both, y_true=series(10, 12))
    assert labels(ax) == ["history", "90 % interval", "50 % interval", "forecast", "actual"]


def test_a_long_history_is_cut_so_that_the_forecast_can_be_seen():
    assert len(line(plot_forecast(series(0, 999), series(1000, 1011)), "history").get_xdata()) == 96


@pytest.mark.parametrize(
    "times",
    [
        pd.period_range("2020-01", periods=13, freq="M"),
        pd.date_range("2020-01-01", periods=13, freq="D"),
        pd.date_range("2020-01-01", periods=13, freq="h", tz="Europe/Berlin"),
    ],
    ids=["period", "datetime", "time zone"],
)
def test_times_are_drawn_as_dates_that_do_not_repeat_the_year(times):
    y = series(0, 12, index=times)
    ax = plot_forecast(y.iloc[:10], y.iloc[10:])
    assert isinstance(ax.xaxis.get_major_formatter(), dates.ConciseDateFormatter)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.get_xticklabels() if text.get_text()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_each_variable_has_its_own_axes():
    y = pd.DataFrame({"sold": series(0, 12), "price": 2 * series(0, 12)})
    axes = plot_forecast(y.iloc[:10], y.iloc[10:], intervals=interval(y.iloc[10:], 1.0))
    assert [ax.get_title() for ax in axes] == ["sold", "price"]
    assert line(axes[1], "forecast").get_ydata().tolist() == [18, 20, 22, 24]
    assert axes[1].collections[0].get_paths()[0].vertices[:, 1].max() == 25


def test_at_most_six_series_of_a_hierarchy_are_drawn():
    keys = [("north", number) for number in range(8)]
    y = pd.concat({key: series(0, 12).to_frame() for key in keys}, names=["region", "shop", "time"])
    past = y.index.get_level_values("time") < 10
    axes = plot_forecast(y[past], y[~past])
    assert [ax.get_title() for ax in axes] == [f"north, {number}" for number in range(6)]
    assert line(axes[5], "history").get_ydata().tolist() == list(range(10))


def test_axes_of_ones_own_are_used():
    _, ax = pyplot.subplots()
    assert plot_forecast(series(0, 9), series(10, 12), ax=ax) is ax


def test_too_few_axes_are_refused():
    y = pd.DataFrame({"sold": series(0, 12), "price": series(0, 12)})
    with pytest.raises(ValueError, match="ax has 1 axes, but 2 are needed"):
        plot_forecast(y.iloc[:10], y.iloc[10:], ax=pyplot.subplots()[1])


def test_the_best_forecaster_is_on_top_of_the_backtest():
    table = pd.DataFrame({"MASE": [1.2, 0.8]}, index=pd.Index(["naive", "LSTM"], name="forecaster"))
    ax = plot_backtest(table)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["naive  1.2", "LSTM  0.8"]
    assert [bar.get_width() for bar in ax.patches] == [1.2, 0.8]
    assert mpl.colors.to_hex(ax.patches[1].get_facecolor()) == FORECAST.lower()


def test_each_fold_of_a_backtest_is_a_point_and_the_bar_their_mean():
    index = pd.MultiIndex.from_product([["LSTM", "naive"], [0, 1]], names=["forecaster", "fold"])
    ax = plot_backtest(pd.DataFrame({"fit_time": [1.0, 3.0, 4.0, 6.0]}, index=index), metric="fit_time")
    assert [bar.get_width() for bar in ax.patches] == [5, 2]
    assert line(ax, "one fold").get_xdata().tolist() == [1, 3, 4, 6]
    assert ax.get_xlabel() == "fit_time (seconds)"


def test_a_forecaster_that_failed_has_no_bar():
    table = pd.DataFrame({"MASE": [1.2, np.nan]}, index=pd.Index(["naive", "ETS"], name="forecaster"))
    assert [text.get_text() for text in plot_backtest(table).get_yticklabels()] == ["naive  1.2"]


def test_a_metric_that_is_not_in_the_table_is_refused():
    table = pd.DataFrame({"MASE": [1.0]}, index=pd.Index(["naive"], name="forecaster"))
    with pytest.raises(ValueError, match=r"no column 'MAPE'; metric must be one of \['MASE'\]"):
        plot_backtest(table, metric="MAPE")


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'sktime-lstm\[plot\]'"):
        plot_forecast(series(0, 9), series(10, 12))


def gates_of(times, *names, layers=1):
    """Two units of each gate with the values 0.2 and 0.6."""
    rows = [(time, layer, name, unit) for time in times for layer in range(layers) for name in names for unit in (0, 1)]
    frame = pd.DataFrame(rows, columns=["time", "layer", "gate", "unit"])
    return frame.assign(value=0.2 + 0.4 * frame["unit"])


def parts(times=range(8)):
    """Past and forecast around the end of a window."""
    y = series(0, 7, index=times).to_frame()
    return y.iloc[:5], y.iloc[5:]


def test_the_series_stands_over_its_gates_and_states_on_the_same_axis():
    axes = plot_gates(gates_of(range(8), "forget gate", "candidate", "cell state"), *parts())
    assert [ax.get_ylabel() for ax in axes] == ["series", "forget gate", "cell state\nby unit"]
    assert line(axes[0], "history").get_ydata().tolist() == [0, 1, 2, 3, 4]
    assert line(axes[0], "forecast").get_ydata().tolist() == [4, 5, 6, 7]
    assert len({ax.get_xlim() for ax in axes}) == 1


def test_a_gate_is_drawn_by_the_mean_of_its_units_and_the_band_around_half_of_them():
    axes = plot_gates(gates_of(range(8), "input gate"), *parts())
    assert line(axes[1], "mean").get_ydata() == pytest.approx([0.4] * 8)
    heights = axes[1].collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((0.3, 0.5))


@pytest.mark.parametrize(("gate", "ends"), [("input gate", ["shut", "open"]), ("forget gate", ["forget", "remember"])])
def test_the_ends_of_the_scale_say_what_a_gate_does(gate, ends):
    axes = plot_gates(gates_of(range(8), gate), *parts())
    assert [text.get_text() for text in axes[1].get_yticklabels()] == ends
    assert axes[1].get_ylim() == (0, 1)


def test_a_state_has_a_row_of_colour_for_each_unit_that_is_white_at_zero():
    mesh = plot_gates(gates_of(range(8), "hidden state"), *parts())[1].collections[0]
    np.testing.assert_allclose(mesh.get_array(), [[0.2] * 8, [0.6] * 8])
    assert mesh.get_clim() == pytest.approx((-0.6, 0.6))


def test_a_line_parts_past_and_future():
    for ax in plot_gates(gates_of(range(8), "input gate", "cell state"), *parts()):
        assert 4.5 in [np.ravel(drawn.get_xdata())[0] for drawn in ax.get_lines()]


def test_gates_of_a_calendar_are_drawn_on_dates():
    months = pd.period_range("2020-01", periods=8, freq="M")
    axes = plot_gates(gates_of(months, "input gate", "cell state"), *parts(months))
    assert isinstance(axes[-1].xaxis.get_major_formatter(), dates.ConciseDateFormatter)
    axes[0].figure.canvas.draw()


def test_several_variables_are_drawn_in_the_scale_of_their_past():
    y, future = (frame.assign(price=1000 - 100 * frame["sold"]) for frame in parts())
    axes = plot_gates(gates_of(range(8), "input gate"), y, future)
    assert line(axes[0], "sold").get_ydata() == pytest.approx(-line(axes[0], "price").get_ydata())
    assert line(axes[0], "sold").get_ydata()[[0, 2]] == pytest.approx([-np.sqrt(2), 0])


def test_a_layer_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="layer must be a number from 0 to 1, but layer=2 was passed"):
        plot_gates(gates_of(range(8), "input gate", layers=2), *parts(), layer=2)


def weights_of(times, shares, **levels):
    """Table of weights that do not change with time."""
    rows = [(*levels.values(), time, "sold", anchor, share) for time in times for anchor, share in shares.items()]
    return pd.DataFrame(rows, columns=[*levels, "time", "variable", "anchor", "weight"])


def bars(ax):
    """Anchor, and bottom, height and place of each of its bars."""
    return {
        group.get_label(): [(bar.get_y(), bar.get_height(), bar.get_x() + bar.get_width() / 2) for bar in group]
        for group in ax.containers
    }


def test_weights_are_stacked_and_naive_forecasts_that_do_not_exist_are_left_out():
    ax = plot_anchor_weights(weights_of([7, 8], {"last": 0.25, "mean": 0.0, "drift": 0.75}))
    assert bars(ax) == {"last": [(0, 0.25, 7), (0, 0.25, 8)], "drift": [(0.25, 0.75, 7), (0.25, 0.75, 8)]}
    assert labels(ax) == ["drift", "last"]  # as they lie one above the other
    assert ax.get_title() == "sold"


def test_weights_of_a_panel_have_an_axes_for_each_series():
    tables = [
        weights_of([7, 8], {"last": share, "drift": 1 - share}, shop=shop) for shop, share in [("a", 0.2), ("b", 0.6)]
    ]
    axes = plot_anchor_weights(pd.concat(tables))
    assert [ax.get_title() for ax in axes] == ["a", "b"]
    assert [bars(ax)["last"][0][1] for ax in axes] == [0.2, 0.6]


@pytest.mark.parametrize("steps", [1, 3])
def test_weights_on_dates_are_drawn_on_dates(steps):
    ax = plot_anchor_weights(weights_of(pd.date_range("2024-01-31", periods=steps), {"last": 1.0}))
    assert [place for _, _, place in bars(ax)["last"]] == pytest.approx(
        dates.date2num(["2024-01-31"])[0] + np.arange(steps)
    )
    ax.figure.canvas.draw()


def history_of(checked=False):
    rows = [(step, 2.0 / step, 3.0 / step if checked else np.nan, 0.01, 4.0 / step) for step in (1, 2, 4)]
    columns = ["step", "loss", "validation_loss", "learning_rate", "gradient_norm"]
    return pd.DataFrame(rows, columns=columns)


def test_the_course_of_the_training_shows_loss_gradient_and_learning_rate():
    axes = plot_history(history_of())
    assert [ax.get_ylabel() for ax in axes] == ["loss", "gradient norm", "learning rate"]
    assert line(axes[0], "loss").get_xydata().tolist() == [[1, 2], [2, 1], [4, 0.5]]
    assert line(axes[1], "gradient norm").get_ydata().tolist() == [4, 2, 1]
    assert labels(axes[0]) == ["loss"]


def test_the_limit_at_which_gradients_are_clipped_is_a_line():
    assert set(line(plot_history(history_of())[1], "clipped to 1").get_ydata()) == {1.0}


def test_checks_are_drawn_beside_the_loss():
    axes = plot_history(history_of(checked=True))
    assert labels(axes[0]) == ["loss", "validation loss"]
    assert line(axes[0], "validation loss").get_xydata().tolist() == [[1, 3], [2, 1.5], [4, 0.75]]


def test_a_history_without_training_is_an_empty_picture():
    axes = plot_history(history_of()[:0])
    axes[0].figure.canvas.draw()


def test_pictures_of_several_axes_can_be_drawn_on_axes_of_ones_own():
    _, mine = pyplot.subplots(3)
    assert (plot_history(history_of(), ax=mine) == mine).all()
    assert (plot_gates(gates_of(range(8), "input gate", "cell state"), *parts(), ax=mine) == mine).all()
    with pytest.raises(ValueError, match="ax has 2 axes, but 3 are needed"):
        plot_history(history_of(), ax=mine[:2])


def test_the_most_important_covariate_is_at_the_top_with_a_bar_as_long_as_its_importance():
    rows = [("rain", "a", 3.0, 0.5, 0.1), ("price", "a", 3.0, 2.0, 0.1), ("price", "b", 3.0, 4.0, 0.3)]
    table = pd.DataFrame(rows, columns=["covariate", "variable", "error", "importance", "deviation"])
    ax = plot_covariate_importance(table)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["rain", "price"]
    assert [bar.get_width() for bar in ax.patches] == [0.5, 3.0]
