"""Pictures: a forecast beside its history, and the scores of a backtest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette keeps apart for every kind of colour vision.
HISTORY, FORECAST, TRUTH, OTHERS = "#333333", "#0072B2", "#D55E00", "#999999"
MOST_AXES = 6
# So much history per forecast step lets the eye compare without shrinking the forecast to a tick.
_HISTORY_PER_STEP = 8
_FEWEST_HISTORY = 50


def plot_forecast(
    y: pd.Series | pd.DataFrame,
    forecast: pd.Series | pd.DataFrame,
    *,
    intervals: pd.DataFrame | None = None,
    truth: pd.Series | pd.DataFrame | None = None,
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
    truth : like `y`, default=None
        What really came, if it is known.
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
    >>> from sktime_lstm.plotting import plot_forecast
    >>> y = load_airline()
    >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).fit(y, fh=range(1, 13))
    >>> ax = plot_forecast(y, forecaster.predict(), intervals=forecaster.predict_interval(coverage=0.9))
    >>> ax.get_legend_handles_labels()[1]
    ['history', '90 % interval', 'forecast']
    """
    panels = _small_multiples(y)
    axes = _axes(len(panels), ax)
    for axis, (key, column) in zip(axes, panels, strict=False):
        parts = [_one_series(frame, key, column) for frame in (y, forecast, truth)]
        _draw_history(axis, parts[0], _HISTORY_PER_STEP * len(parts[1]))
        _draw_bands(axis, parts[0], intervals, key, column)
        _draw_forecast(axis, parts[0], parts[1])
        _draw_truth(axis, parts[2])
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
    >>> from sktime_lstm.plotting import plot_backtest
    >>> table = pd.DataFrame({"MASE": [0.8, 1.2]}, index=pd.Index(["LSTM", "naive"], name="forecaster"))
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


def _small_multiples(y: pd.Series | pd.DataFrame) -> list[tuple[Any, int]]:
    """Instance and column of each axes; None is the instance of a single series."""
    keys = y.index.droplevel(-1).unique() if isinstance(y.index, pd.MultiIndex) else [None]
    return [(key, column) for key in keys for column in range(y.shape[1] if y.ndim == 2 else 1)][:MOST_AXES]


def _axes(count: int, given: Any) -> npt.NDArray[Any]:
    if given is not None:
        axes = np.atleast_1d(np.asarray(given, dtype=object)).ravel()
        if len(axes) < count:
            raise ValueError(f"ax has {len(axes)} axes, but {count} are needed. Pass more, or None for a new figure.")
        return axes
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'sktime-lstm[plot]'") from error
    columns = 1 if count < 4 else 2
    rows = -(-count // columns)
    figure, axes = pyplot.subplots(
        rows, columns, squeeze=False, figsize=(9 if columns == 1 else 13, max(4.5, 3 * rows)), layout="constrained"
    )
    for unused in axes.ravel()[count:]:
        figure.delaxes(unused)
    return axes.ravel()[:count]


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
    shown = history.iloc[-max(wanted, _FEWEST_HISTORY) :]
    axis.plot(shown.index, shown, color=HISTORY, lw=1.2, label="history")


def _draw_forecast(axis: Axes, history: pd.Series, forecast: pd.Series) -> None:
    line = _joined(history, forecast)
    axis.plot(line.index, line, color=FORECAST, lw=2, label="forecast")


def _draw_truth(axis: Axes, truth: pd.Series) -> None:
    if len(truth):
        axis.plot(truth.index, truth, "o-", color=TRUTH, lw=1, ms=3.5, label="truth")


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


def _joined(history: pd.Series, line: pd.Series) -> pd.Series:
    """Begin a line at the last observation before it, so that no hole parts past and future."""
    before = history.dropna()
    joined: pd.Series = pd.concat([before[before.index < line.index[0]].iloc[-1:].astype(float), line])
    return joined


def _title(y: pd.Series | pd.DataFrame, key: Any, column: int) -> str:
    instance = [str(part) for part in (key if isinstance(key, tuple) else [key]) if part is not None]
    if y.ndim == 1:
        return str(y.name) if y.name is not None else ""
    variable = y.columns[column]
    named = [str(variable)] if y.shape[1] > 1 or not (instance or isinstance(variable, int)) else []
    return ", ".join([*instance, *named])


def _finish(axis: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    # The concise formatter writes the year once instead of letting whole dates overlap.
    if isinstance(axis.xaxis.get_major_locator(), AutoDateLocator):
        axis.xaxis.set_major_formatter(ConciseDateFormatter(axis.xaxis.get_major_locator()))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.25)
