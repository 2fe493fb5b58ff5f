"""Pictures: a forecast beside its history, a look inside the network, its training, and the scores of a backtest."""

from __future__ import annotations

import numbers
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sktime_lstm.training.loop import GRADIENT_NORM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette keeps apart for every kind of colour vision.
HISTORY, FORECAST, ACTUAL, OTHERS = "#333333", "#0072B2", "#D55E00", "#999999"
# Okabe and Ito's other colours, for parts that have no meaning of their own.
PARTS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MAX_AXES = 6
# What the ends of the scale mean where "shut" and "open" would not say it: both gates keep the old state at 1.
_ENDS = {gate: ("forget", "remember") for gate in ("forget gate", "update gate")}
_MIN_FOR_TWO_COLUMNS = 4
# So much history per forecast step lets the eye compare without shrinking the forecast to a tick.
_HISTORY_PER_STEP = 8
_MIN_HISTORY = 50


def plot_forecast(
    y: pd.Series | pd.DataFrame,
    forecast: pd.Series | pd.DataFrame,
    *,
    intervals: pd.DataFrame | None = None,
    y_true: pd.Series | pd.DataFrame | None = None,
    ax: Axes | npt.NDArray[Any] | None = None,
) -> Axes | npt.NDArray[Any]:
    """Draw a forecast after the history that it continues.

    Parameters
    ----------
    y : pd.Series or pd.DataFrame
        History: a series, a multivariate series, a panel or a hierarchy on any index that sktime knows. The latest
        part is drawn: 8 points for each step of the forecast, and 50 at least.
    forecast : like `y`
        Result of ``predict``.
    intervals : pd.DataFrame or None, default=None
        Result of ``predict_interval``; each coverage is one band.
    y_true : like `y`, default=None
        Actual values over the horizon, if known.
    ax : Axes, array of Axes or None, default=None
        Where to draw, one axes for each variable of each series. None makes a new figure.

    Returns
    -------
    Axes or array of Axes
        An axes for one univariate series. Otherwise an array with one axes for each variable of each series, the first
        6 of them.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `ax` has fewer axes than there is to draw.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime_lstm import LSTMForecaster
    >>> from sktime_lstm.inspection import plot_forecast
    >>> y = load_airline()
    >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
    >>> y_pred = forecaster.fit(y, fh=range(1, 13)).predict()
    >>> intervals = forecaster.predict_interval(coverage=0.9)
    >>> ax = plot_forecast(y, y_pred, intervals=intervals)
    >>> ax.get_legend_handles_labels()[1]
    ['history', '90 % interval', 'forecast']
    """
    panels = _small_multiples(y)
    axes = _axes(len(panels), ax)
    for axis, (key, column) in zip(axes, panels, strict=True):
        parts = [_one_series(frame, key, column) for frame in (y, forecast, y_true)]
        _draw_history(axis, parts[0], _HISTORY_PER_STEP * len(parts[1]))
        _draw_bands(axis, parts[0], intervals, key, column)
        _draw_forecast(axis, parts[0], parts[1])
        _draw_actual(axis, parts[2])
        axis.set_title(_title(y, key, column))
        _finish(axis)
    axes[0].legend(frameon=False)
    return axes if len(panels) > 1 else axes[0]


def plot_backtest(table: pd.DataFrame, *, metric: str = "MASE", ax: Axes | None = None) -> Axes:
    """Draw one bar for each forecaster of a backtest, the best on top, and a point for each fold.

    Parameters
    ----------
    table : pd.DataFrame
        Result of `backtest`. With ``per_fold=True`` the bar is the mean, and each fold adds a point.
    metric : str, default="MASE"
        Column to draw.
    ax : Axes or None, default=None
        Where to draw. None makes a new figure.

    Returns
    -------
    Axes
        The axes drawn on.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `table` has no column `metric`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sktime_lstm.inspection import plot_backtest
    >>> forecasters = pd.Index(["LSTM", "naive"], name="forecaster")
    >>> table = pd.DataFrame({"MASE": [0.8, 1.2]}, index=forecasters)
    >>> plot_backtest(table).get_xlabel()
    'MASE (lower is better)'
    """
    if metric not in table.columns:
        raise ValueError(f"table has no column {metric!r}; metric must be one of {list(table.columns)}.")
    scores = table[metric].dropna()
    means = scores.groupby(level="forecaster", sort=False).mean().sort_values(ascending=False)
    axis: Axes = _axes(1, ax)[0]
    labels = {name: f"{name}  {mean:.3g}" for name, mean in means.items()}
    axis.barh([*labels.values()], means, color=[FORECAST if name == "LSTM" else OTHERS for name in labels])
    if scores.index.nlevels > 1:
        rows = scores.index.get_level_values("forecaster").map(labels)
        axis.plot(scores, rows, "o", color=HISTORY, ms=4, label="one fold")
        axis.legend(frameon=False)
    axis.set_xlabel(f"{metric} ({'seconds' if metric.endswith('_time') else 'lower is better'})")
    axis.margins(x=0.1)
    axis.spines[["top", "right"]].set_visible(False)
    return axis


def plot_gates(
    gates: pd.DataFrame,
    y: pd.DataFrame,
    forecast: pd.DataFrame,
    *,
    layer: int = 0,
    ax: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """Plot the gates in a window, below its series and on the same time axis.

    Parameters
    ----------
    gates : pd.DataFrame
        Result of ``gate_activations`` for one series.
    y, forecast : pd.DataFrame
        The series in the past of that window and its forecast.
    layer : int, default=0
        Number of the layer to draw.
    ax : array of Axes or None, default=None
        Where to draw, one axes for the series and one for each gate and state. None makes a new figure.

    Returns
    -------
    array of Axes
        The axes drawn on, from top to bottom.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no such layer, or `ax` has fewer axes than there is to draw.

    Examples
    --------
    >>> import pandas as pd
    >>> from sktime_lstm.inspection import plot_gates
    >>> y = pd.DataFrame({"sold": [1.0, 2.0]})
    >>> forecast = pd.DataFrame({"sold": [3.0]}, index=[2])
    >>> gates = pd.DataFrame({"time": range(3), "layer": 0, "gate": "input gate"})
    >>> gates = gates.assign(unit=0, value=0.5)
    >>> [axes.get_ylabel() for axes in plot_gates(gates, y, forecast)]
    ['series', 'input gate']
    """
    layers = gates["layer"].unique()
    if layer not in layers:
        raise ValueError(f"layer must be a number from 0 to {max(layers)}, but layer={layer!r} was passed.")
    shown = gates[(gates["layer"] == layer) & gates["gate"].str.endswith(("gate", "state"))]
    names = list(shown["gate"].unique())
    is_gate = [name.endswith("gate") for name in names]
    axes = _stack_of_axes([1.6, *(1.0 if gate else 1.3 for gate in is_gate)], ax)
    _draw_window(axes[0], y, forecast)
    for axis, name, gate in zip(axes[1:], names, is_gate, strict=True):
        values = shown[shown["gate"] == name].pivot(index="time", columns="unit", values="value")
        (_draw_gate if gate else _draw_state)(axis, values.set_axis(_places(values.index)), name)
    edges = [_places(frame.index.get_level_values(-1))[end] for frame, end in ((y, -1), (forecast, 0))]
    for axis in axes:
        axis.axvline(edges[0] + (edges[1] - edges[0]) / 2, color=HISTORY, lw=1, ls=":")
        _finish(axis)
    for axis in axes[1:]:
        axis.grid(visible=False)
    if any(is_gate):
        axes[1].legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 0.95))
    axes[0].figure.align_ylabels()
    return axes


def plot_covariate_importance(importance: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Plot the increase of the error if each covariate is permuted.

    Parameters
    ----------
    importance : pd.DataFrame
        Result of ``covariate_importance``.
    ax : Axes or None, default=None
        Where to draw. None makes a new figure.

    Returns
    -------
    Axes
        A bar for each covariate, the most important at the top, with a line of one standard deviation to either side.
        Of several variables the mean is drawn.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> from sktime_lstm.inspection import plot_covariate_importance
    >>> rows = [("price", "sold", 3.0, 2.0, 0.1), ("rain", "sold", 3.0, 0.5, 0.1)]
    >>> columns = ["covariate", "variable", "error", "importance", "deviation"]
    >>> ax = plot_covariate_importance(pd.DataFrame(rows, columns=columns))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['rain', 'price']
    """
    axis: Axes = _axes(1, ax)[0]
    table = importance.groupby("covariate", sort=False)[["importance", "deviation"]].mean().sort_values("importance")
    axis.barh([str(name) for name in table.index], table["importance"], xerr=table["deviation"])
    axis.set_ylim(-1, len(table))  # A single bar does not fill the picture.
    axis.set_xlabel("increase of the mean absolute error")
    _finish(axis)
    return axis


def plot_anchor_weights(weights: pd.DataFrame, *, ax: Axes | npt.NDArray[Any] | None = None) -> Axes | npt.NDArray[Any]:
    """Plot the weight of each naive forecast at each step.

    Parameters
    ----------
    weights : pd.DataFrame
        Result of ``anchor_weights``.
    ax : Axes, array of Axes or None, default=None
        Where to draw, one axes for each variable of each series. None makes a new figure.

    Returns
    -------
    Axes or array of Axes
        An axes for one univariate series. Otherwise an array with one axes for each variable of each series, the first
        6 of them.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `ax` has fewer axes than there is to draw.

    Examples
    --------
    >>> import pandas as pd
    >>> from sktime_lstm.inspection import plot_anchor_weights
    >>> weights = pd.DataFrame({"anchor": ["last", "drift"], "weight": [0.3, 0.7]})
    >>> weights.insert(0, "variable", "sold")
    >>> weights.insert(0, "time", 7)
    >>> plot_anchor_weights(weights).get_title()
    'sold'
    """
    table = weights.pivot(index=[*weights.columns[:-3]], columns=["variable", "anchor"], values="weight")
    variables = pd.DataFrame(index=table.index, columns=weights["variable"].unique())
    used = weights.loc[weights["weight"] > 0, "anchor"].unique()
    panels = _small_multiples(variables)
    axes = _axes(len(panels), ax)
    for axis, (key, column) in zip(axes, panels, strict=True):
        shares = table[[(variables.columns[column], anchor) for anchor in used]].droplevel("variable", axis=1)
        shares = shares if key is None else shares.loc[key]
        _draw_shares(axis, shares.set_axis(_places(shares.index)))
        axis.set_title(_title(variables, key, column))
        _finish(axis)
    handles, labels = axes[0].get_legend_handles_labels()
    end_of_first_row = axes[0] if len(panels) < _MIN_FOR_TWO_COLUMNS else axes[1]
    end_of_first_row.legend(handles[::-1], labels[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes if len(panels) > 1 else axes[0]


def plot_history(history: pd.DataFrame, *, ax: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """Draw the course of a training: its losses, the norm of the gradient and the learning rate.

    Parameters
    ----------
    history : pd.DataFrame
        The attribute ``history_`` of a fitted forecaster.
    ax : array of 3 Axes or None, default=None
        Where to draw. None makes a new figure.

    Returns
    -------
    array of Axes
        Those of the losses, the gradient norm before clipping with the limit, and the learning rate.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `ax` has fewer than 3 axes.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime_lstm import LSTMForecaster
    >>> from sktime_lstm.inspection import plot_history
    >>> y = load_airline()
    >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).fit(y)
    >>> [axes.get_ylabel() for axes in plot_history(forecaster.history_)]
    ['loss', 'gradient norm', 'learning rate']
    """
    axes = _stack_of_axes([1.6, 1.0, 1.0], ax)
    # Not before: without matplotlib the line above says what to install.
    from matplotlib.ticker import MaxNLocator

    losses, norms, rates = axes
    _draw_course(losses, history, "loss", FORECAST)
    if history["validation_loss"].notna().any():
        _draw_course(losses, history, "validation_loss", ACTUAL)
    losses.set_ylabel("loss")
    _draw_course(norms, history, "gradient_norm", FORECAST)
    norms.axhline(GRADIENT_NORM, color=ACTUAL, lw=1, ls="--", label=f"clipped to {GRADIENT_NORM:g}")
    norms.set_ylim(bottom=0)
    norms.set_ylabel("gradient norm")
    _draw_course(rates, history, "learning_rate", FORECAST)
    rates.set_ylabel("learning rate")
    rates.set_xlabel("step")
    rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axis in (losses, norms):
        axis.legend(*axis.get_legend_handles_labels(), frameon=False)
    for axis in axes:
        _finish(axis)
    return axes


def _small_multiples(y: pd.Series | pd.DataFrame) -> list[tuple[Any, int]]:
    """Instance and column of each axes; None is the instance of a single series."""
    keys = y.index.droplevel(-1).unique() if isinstance(y.index, pd.MultiIndex) else [None]
    return [(key, column) for key in keys for column in range(y.shape[1] if y.ndim == 2 else 1)][:MAX_AXES]


def _axes(count: int, given: Any) -> npt.NDArray[Any]:
    if given is not None:
        return _given_axes(count, given)
    columns = 1 if count < _MIN_FOR_TWO_COLUMNS else 2
    rows = -(-count // columns)
    figure, axes = _pyplot().subplots(
        rows, columns, squeeze=False, figsize=(9 if columns == 1 else 13, max(4.5, 3 * rows)), layout="constrained"
    )
    for unused in axes.ravel()[count:]:
        figure.delaxes(unused)
    chosen: npt.NDArray[Any] = axes.ravel()[:count]
    return chosen


def _stack_of_axes(heights: list[float], given: Any) -> npt.NDArray[Any]:
    """Axes one under the other that share what is horizontal."""
    if given is not None:
        return _given_axes(len(heights), given)
    size = (9, 1.3 * sum(heights) + 0.5)
    _, axes = _pyplot().subplots(len(heights), figsize=size, height_ratios=heights, sharex=True, layout="constrained")
    return np.asarray(axes, dtype=object)


def _given_axes(count: int, given: Any) -> npt.NDArray[Any]:
    axes = np.atleast_1d(np.asarray(given, dtype=object)).ravel()
    if len(axes) < count:
        raise ValueError(f"ax has {len(axes)} axes, but {count} are needed. Pass as many, or None for a new figure.")
    return axes[:count]


def _pyplot() -> ModuleType:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'sktime-lstm[plot]'.") from error
    return pyplot


def _one_series(frame: Any, key: Any, column: int) -> pd.Series:
    """Univariate series on an index that matplotlib can place."""
    if frame is None:
        return pd.Series(dtype=float)
    series: pd.Series = frame if frame.ndim == 1 else frame.iloc[:, column]
    if key is not None:
        series = series.loc[key]
    return series.set_axis(_places(series.index))


def _places(index: pd.Index) -> pd.Index:
    """Drop what matplotlib cannot place: periods, and time zones, whose clock the axis should show."""
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    return index.tz_localize(None) if isinstance(index, pd.DatetimeIndex) else index


def _draw_history(axis: Axes, history: pd.Series, wanted: int) -> None:
    shown = history.iloc[-max(wanted, _MIN_HISTORY) :]
    axis.plot(shown.index, shown, color=HISTORY, lw=1.2, label="history")


def _draw_forecast(axis: Axes, history: pd.Series, forecast: pd.Series) -> None:
    line = _joined(history, forecast)
    axis.plot(line.index, line, color=FORECAST, lw=2, label="forecast")


def _draw_actual(axis: Axes, y_true: pd.Series) -> None:
    if len(y_true):
        axis.plot(y_true.index, y_true, "o-", color=ACTUAL, lw=1, ms=3.5, label="actual")


def _draw_bands(axis: Axes, history: pd.Series, intervals: pd.DataFrame | None, key: Any, column: int) -> None:
    if intervals is None:
        return
    variable = intervals.columns.get_level_values(0).unique()[column]
    columns: list[Any] = list(intervals.columns)
    coverages = sorted(intervals[variable].columns.get_level_values(0).unique(), reverse=True)
    for shade, coverage in enumerate(coverages, start=1):
        edges = [columns.index((variable, coverage, side)) for side in ("lower", "upper")]
        lower, upper = (_joined(history, _one_series(intervals, key, edge)) for edge in edges)
        label, alpha = f"{100 * coverage:.3g} % interval", min(0.2 * shade, 0.8)
        axis.fill_between(lower.index, lower, upper, color=FORECAST, alpha=alpha, lw=0, label=label)


def _draw_window(axis: Axes, y: pd.DataFrame, forecast: pd.DataFrame) -> None:
    """Past and forecast of each variable; several are drawn in the scale of their past, to be seen together."""
    several = y.shape[1] > 1
    for column, color in zip(y.columns, _cycle(y.shape[1]), strict=True):
        past, future = (frame[column].droplevel(list(range(frame.index.nlevels - 1))) for frame in (y, forecast))
        if several:
            loc, scale = past.mean(), past.std(ddof=0) or 1.0
            past, future = (past - loc) / scale, (future - loc) / scale
        past, future = (part.set_axis(_places(part.index)) for part in (past, future))
        names = (str(column), None) if several else ("history", "forecast")
        axis.plot(past.index, past, ".-", color=color if several else HISTORY, lw=1.2, label=names[0])
        line = _joined(past, future)
        axis.plot(line.index, line, "--", color=color if several else FORECAST, lw=2, label=names[1])
    axis.legend(frameon=False)
    axis.set_ylabel("series (scaled)" if several else "series")
    axis.set_title(", ".join(map(str, y.index[0][:-1])) if isinstance(y.index, pd.MultiIndex) else "")


def _draw_gate(axis: Axes, values: pd.DataFrame, name: str) -> None:
    """Mean of the units and the band that holds the middle half of them."""
    lower, upper = (values.quantile(level, axis=1) for level in (0.25, 0.75))
    axis.fill_between(values.index, lower, upper, color=FORECAST, alpha=0.2, lw=0, label="half of the units")
    axis.plot(values.index, values.mean(axis=1), color=FORECAST, lw=1.5, label="mean")
    axis.set_ylim(0, 1)
    axis.set_yticks([0, 1], _ENDS.get(name, ("shut", "open")))
    axis.set_ylabel(name)


def _draw_state(axis: Axes, values: pd.DataFrame, name: str) -> None:
    """One row of colour for each unit, blue below zero and red above."""
    from matplotlib.ticker import MaxNLocator

    max_step = float(values.abs().to_numpy().max()) or 1.0
    limits: dict[str, Any] = {"vmin": -max_step, "vmax": max_step}
    mesh = axis.pcolormesh(values.index, values.columns, values.to_numpy().T, cmap="RdBu_r", **limits)
    axis.figure.colorbar(mesh, ax=axis, pad=0.01)
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.set_ylabel(f"{name}\nby unit")


def _draw_shares(axis: Axes, shares: pd.DataFrame) -> None:
    """Shares of each step one above the other."""
    from matplotlib.dates import date2num

    is_date = isinstance(shares.index, pd.DatetimeIndex)
    places = np.asarray(date2num(shares.index) if is_date else shares.index, dtype=float)
    width = 0.9 * np.diff(places).min(initial=np.inf)
    below = np.zeros(len(shares))
    for (anchor, share), color in zip(shares.items(), _cycle(shares.shape[1]), strict=True):
        axis.bar(places, share, width if np.isfinite(width) else 0.9, bottom=below, color=color, label=str(anchor))
        below = below + share.to_numpy()
    if is_date:
        axis.xaxis_date()
    if len(places) == 1:
        axis.set_xticks(places)
    axis.set_ylim(0, 1)
    axis.set_ylabel("weight")


def _draw_course(axis: Axes, history: pd.DataFrame, column: str, color: str) -> None:
    label = column.replace("_", " ")
    axis.plot(history["step"], history[column], ".-", color=color, lw=1.2, ms=4, alpha=0.8, label=label)


def _joined(history: pd.Series, line: pd.Series) -> pd.Series:
    """Begin a line at the last observation before it, so that no hole parts past and future."""
    before = history.dropna()
    joined: pd.Series = pd.concat([before[before.index < line.index[0]].iloc[-1:].astype(float), line])
    return joined


def _cycle(count: int) -> list[str]:
    return [PARTS[number % len(PARTS)] for number in range(count)]


def _title(y: pd.Series | pd.DataFrame, key: Any, column: int) -> str:
    instance = [str(part) for part in (key if isinstance(key, tuple) else [key]) if part is not None]
    if y.ndim == 1:
        return str(y.name) if y.name is not None else ""
    variable = y.columns[column]
    named = [str(variable)] if y.shape[1] > 1 or not (instance or isinstance(variable, numbers.Integral)) else []
    return ", ".join([*instance, *named])


def _finish(axis: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    # The concise formatter writes the year once instead of letting whole dates overlap.
    if isinstance(axis.xaxis.get_major_locator(), AutoDateLocator):
        axis.xaxis.set_major_formatter(ConciseDateFormatter(axis.xaxis.get_major_locator()))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.25)
