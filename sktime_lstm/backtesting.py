"""Compare forecasters on the same rolling folds of a series, a panel or a hierarchy."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sktime.datatypes import convert_to
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.forecasting.compose import ForecastingPipeline, TransformedTargetForecaster
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.naive import NaiveForecaster
from sktime.performance_metrics.forecasting import (
    MeanAbsolutePercentageError,
    MeanAbsoluteScaledError,
    MeanSquaredError,
)
from sktime.split.base import BaseSplitter
from sktime.transformations.series.impute import Imputer
from tqdm import tqdm

from sktime_lstm.data.horizon import Flags
from sktime_lstm.data.panel import Panel, read_panel
from sktime_lstm.data.seasonality import calendar_periods, find_period
from sktime_lstm.data.time_axis import Positions
from sktime_lstm.forecaster import LSTMForecaster

SCORES = ["MASE", "sMAPE", "RMSE"]
TIMES = ["fit_time", "predict_time"]

_STRATEGIES = ("refit", "update", "no-update_params")
# A season of 24 points makes one ARIMA search on 500 points take more than a minute.
_MAX_MODELLED_SEASON = 12
# sktime needs three stamps to infer a frequency from them.
_MIN_POINTS = 3
_LIBRARIES = {"joblib", "numpy", "pandas", "pmdarima", "scipy", "skbase", "sklearn", "sktime", "statsmodels"}


def backtest(
    y: Any,
    forecasters: Mapping[str, BaseForecaster] | Sequence[BaseForecaster] | BaseForecaster | None = None,
    *,
    fh: Any,
    X: Any = None,
    sp: int | None = None,
    initial_window: int | None = None,
    step_length: int | None = None,
    max_folds: int = 5,
    strategy: str = "refit",
    per_fold: bool = False,
    error_score: float | str = np.nan,
    backend: str | None = None,
    backend_params: dict[str, Any] | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Score forecasters on the same rolling folds, each trained on the past alone.

    The last test window ends with `y`; each earlier one lies `step_length` points before the next. Every training
    window starts with `y` and ends where its test window begins.

    Parameters
    ----------
    y : pd.Series, pd.DataFrame or any other sktime time series, panel or hierarchy
        What to forecast. Missing values are allowed, and missing rows count as missing values; neither is scored.
    forecasters : dict of str to sktime forecaster, list of them, one of them, or None, default=None
        The competitors, by name or named after their class. None compares `default_forecasters`.
    fh : int, list of int or ForecastingHorizon
        Steps to forecast from the end of each training window: 12 is short for 1, ..., 12.
    X : like `y`, default=None
        Covariates with a row for every row of `y`. Those of the test window are given to the forecasters.
    sp : int or None, default=None
        Seasonal period of MASE and of the default forecasters. None takes the one that `LSTMForecaster` finds in
        `y`: the period of its frequency if `y` shows that season, else 1.
    initial_window : int or None, default=None
        Minimum number of time points to train on. None is half of those in `y`, or fewer if `fh` needs them.
    step_length : int or None, default=None
        Points between two folds. None is the largest step of `fh`, so that no point is tested twice.
    max_folds : int, default=5
        Maximum number of folds; the latest are kept.
    strategy : {"refit", "update", "no-update_params"}, default="refit"
        What happens between folds, as in sktime's ``evaluate``. With ``"no-update_params"`` an `LSTMForecaster` is
        fitted to the first fold and forecasts all of them together, by `LSTMForecaster.predict_at`; `fit_time` is then
        that of the first fold, and `predict_time` the same for all.
    per_fold : bool, default=False
        Whether to return one row for every forecaster and fold instead of the means.
    error_score : float or "raise", default=nan
        Score in every fold of a forecaster that fails in one of them or forecasts missing values; a warning then
        gives the reason. "raise" raises the error.
    backend, backend_params : str and dict, default=None
        Where folds run in parallel, as in sktime's ``evaluate``.
    verbose : int, default=0
        1 shows a progress bar that counts the forecasters.

    Returns
    -------
    pd.DataFrame
        One row for each forecaster, the lowest MASE first, with the columns

        * ``MASE``: mean absolute error divided by that of the seasonal naive forecast within the training window;
        * ``sMAPE``: mean of ``200 |a - f| / (|a| + |f|)``, in percent;
        * ``RMSE``: root mean squared error, in units of `y`;
        * ``fit_time``, ``predict_time``: seconds,

        each the mean over folds; within a fold the mean over series and variables. With `per_fold` the index is
        (forecaster, fold) in the order of `forecasters`, and ``cutoff`` is the last time stamp of the training
        window. In a panel a fold scores those series that cover its test window, or, if `strategy` is not
        ``"refit"``, those that cover all test windows.

    Raises
    ------
    TypeError
        If `y` is no time series, or `forecasters` neither dict nor list of forecasters.
    ValueError
        If `y` is too short for one fold, `fh` is not in the future, or an argument is out of range.

    Warns
    -----
    UserWarning
        For each forecaster that fails. Warnings of sktime's own forecasters during the fit are suppressed.

    Notes
    -----
    Time stamps of weeks, months, quarters and years are turned into periods, because several of sktime's forecasters
    fail on a DatetimeIndex of such a frequency.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime.forecasting.naive import NaiveForecaster
    >>> from sktime_lstm import backtest
    >>> forecasters = {
    ...     "naive": NaiveForecaster(),
    ...     "seasonal naive": NaiveForecaster(sp=12),
    ... }
    >>> scores = backtest(load_airline(), forecasters, fh=12)
    >>> scores["MASE"].round(2).to_dict()
    {'seasonal naive': 1.33, 'naive': 2.3}
    """
    horizon = _check_horizon(fh)
    _check_settings(strategy, error_score)
    data = _read(y, X)
    sp = data.seasonal_period if sp is None else _check_at_least_one(sp, "sp")
    folds = _latest_folds(data.times, horizon, sp, initial_window, step_length, max_folds)
    folds.same_series = strategy != "refit"
    _check_not_empty(folds, data.y.index)
    competitors = default_forecasters(sp) if forecasters is None else _by_name(forecasters)
    settings = {"strategy": strategy, "backend": backend, "backend_params": backend_params}
    shown = tqdm(competitors.items(), disable=not verbose, unit="forecaster")
    scores = {
        name: _scores(name, forecaster, data, folds, sp=sp, error_score=error_score, **settings)
        for name, forecaster in shown
    }
    table = pd.concat(scores, names=["forecaster", "fold"])
    return table if per_fold else _means(table)


def default_forecasters(sp: int = 1) -> dict[str, BaseForecaster]:
    """Return LSTMForecaster and the classical forecasters that it has to beat.

    ETS and ARIMA (sktime's ``AutoETS`` and ``AutoARIMA``) need the extra ``baselines`` and are left out with a
    warning where it is not installed. Missing values are interpolated for them, and a season of more than 12 points
    is taken out before and put back afterwards: to search a model with such a season takes minutes to hours.

    Parameters
    ----------
    sp : int, default=1
        Seasonal period. Without one (1) there is no seasonal naive forecast.

    Returns
    -------
    dict of str to sktime forecaster
        "LSTM" (with ``random_state=0``, so that a backtest can be repeated), "naive", "seasonal naive", "ETS", "ARIMA".

    Examples
    --------
    >>> from sktime_lstm.backtesting import default_forecasters
    >>> list(default_forecasters(sp=12))
    ['LSTM', 'naive', 'seasonal naive', 'ETS', 'ARIMA']
    """
    sp = _check_at_least_one(sp, "sp")
    with _silenced():
        forecasters = {"LSTM": LSTMForecaster(random_state=0), "naive": NaiveForecaster()}
        if sp > 1:
            forecasters["seasonal naive"] = NaiveForecaster(sp=sp)
        if find_spec("statsmodels"):
            forecasters["ETS"] = _ets(sp)
        if find_spec("pmdarima"):
            forecasters["ARIMA"] = _arima(sp)
    absent = [name for name in ("ETS", "ARIMA") if name not in forecasters]
    if absent:
        _warn(f"{' and '.join(absent)} left out of the comparison: pip install 'sktime-lstm[baselines]' adds them.")
    return forecasters


def _ets(sp: int) -> BaseForecaster:
    from sktime.forecasting.ets import AutoETS

    return _prepared(AutoETS(auto=True, sp=sp if sp <= _MAX_MODELLED_SEASON else 1), sp)


def _arima(sp: int) -> BaseForecaster:
    from sktime.forecasting.arima import AutoARIMA

    season = sp if sp <= _MAX_MODELLED_SEASON else 1
    arima = _prepared(AutoARIMA(sp=season, suppress_warnings=True), sp)
    return ForecastingPipeline([("impute_X", Imputer(method="linear")), ("forecast", arima)])


def _prepared(forecaster: BaseForecaster, sp: int) -> BaseForecaster:
    """Interpolate missing values, which ETS and ARIMA refuse in spite of their tags, and take out a long season."""
    from sktime.transformations.series.detrend import Deseasonalizer

    steps = [("impute", Imputer(method="linear"))]
    if sp > _MAX_MODELLED_SEASON:
        steps.append(("deseasonalize", Deseasonalizer(sp=sp)))
    return TransformedTargetForecaster([*steps, ("forecast", forecaster)])


class _LatestFolds(BaseSplitter):
    """Expanding windows that end at the same time stamps in every series.

    sktime's own splitters count the points of each series from its first, which puts series that start at different
    times into different calendar years of one fold.

    Parameters
    ----------
    fh : array of int
        Steps of the test window.
    times : pd.Index
        The regular grid of all series.
    sizes : list of int
        Number of grid points in each training window.
    min_points : int
        A series takes part in a fold if at least so many of its points lie in the training window.
    same_series : bool
        Whether only those series take part that do so in every fold: what moves on from fold to fold keeps its series.
    """

    _tags = {"split_hierarchical": True}  # noqa: RUF012 (sktime reads it as a plain class attribute)

    def __init__(
        self, fh: Positions, times: pd.Index, sizes: list[int], min_points: int, same_series: bool = False
    ) -> None:
        self.fh = fh
        self.times = times
        self.sizes = sizes
        self.min_points = min_points
        self.same_series = same_series
        super().__init__()

    def _split(self, y: pd.Index) -> Iterator[tuple[Positions, Positions]]:
        instance = np.zeros(len(y), dtype=np.int64)
        if isinstance(y, pd.MultiIndex):
            instance = pd.factorize(y.droplevel(-1))[0]
        position = self.times.get_indexer(y.get_level_values(-1))
        parts = [(position < size, np.isin(position, size - 1 + self.fh)) for size in self.sizes]
        takes_part = np.array([self._whole(instance, *part) for part in parts])
        if self.same_series:
            takes_part[:] = takes_part.all(axis=0)
        for (train, test), whole in zip(parts, takes_part[:, instance], strict=True):
            yield np.flatnonzero(train & whole), np.flatnonzero(test & whole)

    def _whole(self, instance: Positions, train: Flags, test: Flags) -> Flags:
        """Which series have all points of the test window, and enough before."""
        counts = [np.bincount(instance[part], minlength=instance.max() + 1) for part in (train, test)]
        return np.asarray((counts[0] >= self.min_points) & (counts[1] == len(self.fh)))

    def get_n_splits(self, y: Any = None) -> int:
        """Return the number of folds."""
        return len(self.sizes)


def _check_horizon(fh: Any) -> Positions:
    horizon = fh if isinstance(fh, ForecastingHorizon) else ForecastingHorizon(fh)
    steps = horizon.to_pandas()
    if not horizon.is_relative or not pd.api.types.is_integer_dtype(steps):
        raise ValueError(f"fh counts steps from the end of each training window, for example fh=12; got fh={fh!r}.")
    if steps.min() < 1:
        raise ValueError(f"fh must lie in the future, which starts with step 1; got fh={fh!r}.")
    return np.asarray(steps, dtype=np.int64)


def _check_settings(strategy: Any, error_score: Any) -> None:
    if strategy not in _STRATEGIES:
        raise ValueError(f"backtest: strategy must be one of {_STRATEGIES}, but strategy={strategy!r} was passed.")
    if error_score != "raise" and not isinstance(error_score, int | float):
        raise ValueError(f"backtest: error_score must be a number or 'raise', but {error_score!r} was passed.")


def _check_at_least_one(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"backtest: {name} must be an integer of at least 1 or left out, but {value!r} was passed.")
    return int(value)


@dataclass(frozen=True)
class _Data:
    """What the folds are cut from; `times` is the regular grid under all series."""

    y: Any
    X: pd.DataFrame | None
    times: pd.Index
    panel: Panel

    def covariates_at(self, rows: Positions) -> pd.DataFrame | None:
        """Covariates of some rows, if there are any."""
        return None if self.X is None else self.X.iloc[rows]

    @property
    def seasonal_period(self) -> int:
        """Period that the series show: classical methods fail with one that is taken in doubt."""
        parts = np.split(self.panel.values, self.panel.bounds[1:-1])
        series = (part[:, column] for part in parts for column in range(part.shape[1]))
        return find_period(series, calendar_periods(self.panel.axis.step), in_doubt=False)


def _read(y: Any, X: Any) -> _Data:
    """Give y and X a row for every point of the grid: most forecasters do not handle missing rows."""
    y = _to_pandas(y, "y")
    panel = read_panel(y.to_frame() if isinstance(y, pd.Series) else y, None)
    if isinstance(panel.axis.start, int) and panel.axis.step != 1:
        raise ValueError(
            f"y has integer time stamps with step {panel.axis.step}, but sktime counts in steps of 1. "
            f"Number the points 0, 1, 2, ... or use a PeriodIndex or DatetimeIndex."
        )
    first = panel.first.min()
    stamps = panel.axis.stamps(np.arange(first, panel.last.max() + 1))
    times = _periods_if_calendar(stamps)
    rows, renamed = (_rows(panel, grid, list(y.index.names)) for grid in (stamps, times))
    covariates = None if X is None else _covariates(X, y.index).reindex(rows).set_axis(renamed)
    return _Data(y.reindex(rows).set_axis(renamed), covariates, times, panel)


def _to_pandas(data: Any, name: str) -> Any:
    if not isinstance(data, pd.Series | pd.DataFrame | np.ndarray):
        raise TypeError(f"{name} must be a time series, panel or hierarchy that sktime knows; got {data!r}.")
    return convert_to(data, ["pd.Series", "pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"])


def _periods_if_calendar(stamps: pd.Index) -> pd.Index:
    """Turn stamps of weeks, months, quarters and years into periods.

    On a DatetimeIndex of such a frequency sktime's seasonal naive forecaster or its Deseasonalizer fails.
    """
    fixed = pd.offsets.Tick | pd.offsets.Day | pd.offsets.BusinessDay
    if not isinstance(stamps, pd.DatetimeIndex) or stamps.freq is None or isinstance(stamps.freq, fixed):
        return stamps
    try:
        return stamps.tz_localize(None).to_period()
    except ValueError:
        return stamps


def _rows(panel: Panel, times: pd.Index, names: list[Any]) -> pd.Index:
    """Index with every grid point of every series."""
    offset = panel.first.min()
    spans = zip(panel.first - offset, panel.last - offset, strict=True)
    stamps = times[np.concatenate([np.arange(first, last + 1) for first, last in spans])]
    if panel.keys is None:
        return times.rename(names[0])
    keys = panel.keys.repeat(panel.lengths)
    levels = [keys.get_level_values(level) for level in range(keys.nlevels)]
    return pd.MultiIndex.from_arrays([*levels, stamps], names=names)


def _covariates(X: Any, index: pd.Index) -> pd.DataFrame:
    X = _to_pandas(X, "X")
    absent = index.difference(X.index)
    if len(absent):
        raise ValueError(f"X has no row for {absent[0]}. Pass X with a row for every row of y ({len(absent)} missing).")
    return X.to_frame() if isinstance(X, pd.Series) else X


def _latest_folds(
    times: pd.Index,
    horizon: Positions,
    sp: int,
    initial_window: int | None,
    step_length: int | None,
    max_folds: int,
) -> _LatestFolds:
    """Choose the folds from the end of the data, the newest being the most like the future."""
    longest_step, longest = int(horizon[-1]), len(times) - int(horizon[-1])
    step = longest_step if step_length is None else _check_at_least_one(step_length, "step_length")
    # MASE compares points one season apart, so a training window must be longer than the season.
    min_points = max(sp + 1, _MIN_POINTS)
    half = min(len(times) // 2, longest)
    min_training = max(
        half if initial_window is None else _check_at_least_one(initial_window, "initial_window"), min_points
    )
    sizes = list(range(longest, min_training - 1, -step))[: _check_at_least_one(max_folds, "max_folds")]
    if not sizes:
        raise ValueError(
            f"y covers {len(times)} time points, too few to train on {min_training} and forecast {longest_step} steps. "
            f"Pass a longer y, a shorter fh, or a smaller initial_window or sp (here {sp})."
        )
    return _LatestFolds(horizon, times, sizes[::-1], min_points)


def _check_not_empty(folds: _LatestFolds, index: pd.Index) -> None:
    """Check that some series has enough points for each fold."""
    if all(len(test) for _, test in folds.split(index)):
        return
    covers, remedy = "one of the test windows", ""
    if folds.same_series:
        covers, remedy = "all test windows", ", or strategy='refit'"
    raise ValueError(
        f"No series of y covers {covers} and has {folds.min_points} points before. "
        f"Pass a smaller max_folds or a shorter fh{remedy}."
    )


def _by_name(forecasters: Any) -> dict[str, BaseForecaster]:
    if isinstance(forecasters, BaseForecaster):
        forecasters = [forecasters]
    if not isinstance(forecasters, Mapping | list | tuple) or not forecasters:
        raise TypeError(
            f"forecasters must be a dict of names to sktime forecasters, or a list of them, with at least one entry; "
            f"got {forecasters!r}."
        )
    named = dict(forecasters) if isinstance(forecasters, Mapping) else _named_after_class(forecasters)
    for name, forecaster in named.items():
        if not isinstance(forecaster, BaseForecaster):
            raise TypeError(f"forecasters[{name!r}] must be an sktime forecaster; got {forecaster!r}.")
    return named


def _named_after_class(forecasters: Sequence[Any]) -> dict[str, Any]:
    """Use the class name, and number those of one class: NaiveForecaster, NaiveForecaster 2."""
    named: dict[str, Any] = {}
    for forecaster in forecasters:
        name = type(forecaster).__name__
        before = sum(known.split(" ")[0] == name for known in named)
        named[f"{name} {before + 1}" if before else name] = forecaster
    return named


def _scores(
    name: str,
    forecaster: BaseForecaster,
    data: _Data,
    folds: _LatestFolds,
    *,
    sp: int,
    error_score: float | str,
    **settings: Any,
) -> pd.DataFrame:
    """Score one forecaster in every fold, one row each."""
    metrics = [
        MeanAbsoluteScaledError(sp=sp),
        MeanAbsolutePercentageError(symmetric=True),
        MeanSquaredError(square_root=True),
    ]
    try:
        with _silenced(forecaster):
            if _is_forecast_at_once(forecaster, data, folds, **settings):
                found = _evaluate_at_once(forecaster, data, folds, metrics)
            else:
                found = evaluate(
                    forecaster,
                    folds,
                    data.y,
                    X=data.X,
                    scoring=metrics,
                    return_data=True,
                    error_score="raise",
                    **settings,
                )
        _check_no_missing_forecast(found["y_pred"])
    except Exception as error:
        if error_score == "raise":
            raise
        _warn(f"{name} failed and gets the score {error_score}: {type(error).__name__}: {error}")
        return _failed(folds, error_score)
    columns = [f"test_{metric.name}" for metric in metrics]
    table: pd.DataFrame = found[["cutoff", *columns, "fit_time", "pred_time"]]
    table = table.set_axis(["cutoff", *SCORES, *TIMES], axis=1)
    return table.assign(sMAPE=100.0 * table["sMAPE"])


def _is_forecast_at_once(
    forecaster: BaseForecaster, data: _Data, folds: _LatestFolds, *, strategy: str, backend: str | None, **_: Any
) -> bool:
    """Whether one fitted network can forecast all folds together, with the values that `evaluate` finds one by one.

    Covariates between the steps of `fh` are known to `predict_at`, but `evaluate` does not pass them on.
    """
    knows_as_much = data.X is None or len(folds.fh) == folds.fh[-1]
    return strategy == "no-update_params" and isinstance(forecaster, LSTMForecaster) and not backend and knows_as_much


def _evaluate_at_once(
    forecaster: LSTMForecaster, data: _Data, folds: _LatestFolds, metrics: Sequence[Any]
) -> pd.DataFrame:
    """What `evaluate` returns, from a single call for the forecasts of all folds."""
    splits = list(folds.split(data.y.index))
    cutoffs = folds.times[[size - 1 for size in folds.sizes]]
    shown = np.union1d(*splits[-1])
    (y_train, X_train), (y, X) = ((data.y.iloc[rows], data.covariates_at(rows)) for rows in (splits[0][0], shown))
    start = time.perf_counter()
    fitted = forecaster.clone().fit(y_train, X=X_train, fh=folds.fh)
    fitted_after = time.perf_counter()
    forecasts = fitted.predict_at(cutoffs, folds.fh, X=X, y=y)
    seconds = (time.perf_counter() - fitted_after) / len(splits)
    table = pd.DataFrame({"cutoff": cutoffs, "fit_time": 0.0, "pred_time": seconds})
    table.loc[0, "fit_time"] = fitted_after - start
    chosen = [(data.y.iloc[train], data.y.iloc[test]) for train, test in splits]
    table["y_pred"] = [
        forecasts.xs(cutoff).loc[actual.index] for cutoff, (_, actual) in zip(cutoffs, chosen, strict=True)
    ]
    for metric in metrics:
        scored = zip(chosen, table["y_pred"], strict=True)
        table[f"test_{metric.name}"] = [metric(test, forecast, y_train=train) for (train, test), forecast in scored]
    return table


def _check_no_missing_forecast(forecasts: pd.Series) -> None:
    # sktime's metrics skip missing values, so a forecaster that keeps silent would get the best score.
    missing = sum(int(forecast.isna().to_numpy().sum()) for forecast in forecasts)
    if missing:
        raise ValueError(f"{missing} forecast values are missing.")


def _failed(folds: _LatestFolds, error_score: Any) -> pd.DataFrame:
    cutoffs = folds.times[[size - 1 for size in folds.sizes]]
    scores = dict.fromkeys(SCORES, float(error_score))
    return pd.DataFrame({"cutoff": cutoffs, **scores, **dict.fromkeys(TIMES, np.nan)})


def _means(table: pd.DataFrame) -> pd.DataFrame:
    means = table[SCORES + TIMES].groupby(level="forecaster", sort=False).mean()
    return means.sort_values("MASE", kind="stable")


@contextmanager
def _silenced(forecaster: BaseForecaster | None = None) -> Iterator[None]:
    """Silence sktime, statsmodels and the like, but not LSTMForecaster nor forecasters of one's own."""
    # sktime switches some of its warnings back on by itself, which defeats a filter, so all are caught and sifted.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    foreign = forecaster is not None and type(forecaster).__module__.split(".")[0] not in _LIBRARIES
    for warning in caught:
        # A forecaster's warning may point at its caller, which is sktime.
        speaks = foreign and warning.category is UserWarning
        if speaks or not _LIBRARIES.intersection(Path(warning.filename).parts):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
