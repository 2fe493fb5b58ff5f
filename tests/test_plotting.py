"""Pictures: what is drawn, where, and how it is called."""

from __future__ import annotations

import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import dates, pyplot

from sktime_lstm.plotting import FORECAST, plot_backtest, plot_forecast

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
    ax = plot_forecast(series(0, 9), forecast, intervals=both, truth=series(10, 12))
    assert labels(ax) == ["history", "90 % interval", "50 % interval", "forecast", "truth"]


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
