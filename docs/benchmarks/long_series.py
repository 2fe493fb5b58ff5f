"""A long series: half-hourly electricity demand of Victoria, the next day from ten origins.

    python docs/benchmarks/long_series.py vic_elec.csv

The file has the columns `date`, `Demand`, `Temperature` and `Holiday` and a row for each half hour of 2012 to 2014: the
data `vic_elec` of the R package tsibbledata, which are not ours to ship (its column `Time`, in UTC, is `date` here).

`LSTMForecaster` is fitted once, on all but the last thirty days, and updated by `update(update_params=False)`. The
exponential smoothing methods are fitted at each origin to the last ten weeks, since all the data would take them hours.
The covariates of the day to be forecast are known, where in practice the temperature would be a forecast too.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sktime.forecasting.ets import AutoETS
from statsmodels.tsa.seasonal import MSTL

import sktime_lstm
from sktime_lstm import LSTMForecaster

RESULTS = Path(__file__).with_name("long_series.csv")
DAY, WEEK = 48, 336
RECENT = 10 * WEEK
ORIGINS = [-step * DAY for step in range(30, 0, -3)]
COVARIATES = ["Temperature", "Holiday"]

Forecasts = tuple[list[np.ndarray], float]


def load(path: Path) -> pd.DataFrame:
    """Demand and covariates with half-hourly stamps in UTC."""
    table = pd.read_csv(path)
    index = pd.DatetimeIndex(pd.to_datetime(table["date"], utc=True)).tz_localize(None)
    return table.set_axis(index).drop(columns="date").astype(float).asfreq("30min")


def lstm(columns: list[str]) -> Callable[[pd.DataFrame], Forecasts]:
    """`LSTMForecaster` with default parameters and these covariates."""

    def run(table: pd.DataFrame) -> Forecasts:
        y, X = table["Demand"], table[columns] if columns else None
        past = slice(None, ORIGINS[0])
        start = time.process_time()
        forecaster = LSTMForecaster(random_state=0)
        forecaster.fit(y[past], X=None if X is None else X[past], fh=range(1, DAY + 1))
        fit_s, forecasts = time.process_time() - start, []
        for before, origin in zip([None, *ORIGINS], ORIGINS, strict=False):
            if before:
                new = slice(before, origin)
                forecaster.update(y[new], X=None if X is None else X[new], update_params=False)
            following = slice(origin, origin + DAY or None)
            forecasts.append(forecaster.predict(X=None if X is None else X[following]).to_numpy())
        return forecasts, fit_s

    return run


def each(forecast: Callable[[pd.Series], np.ndarray]) -> Callable[[pd.DataFrame], Forecasts]:
    """Forecast from each origin by itself; the seconds are those of one of them."""

    def run(table: pd.DataFrame) -> Forecasts:
        start = time.process_time()
        forecasts = [forecast(table["Demand"][:origin]) for origin in ORIGINS]
        return forecasts, (time.process_time() - start) / len(ORIGINS)

    return run


def ets(past: pd.Series) -> np.ndarray:
    """AutoETS of sktime with a daily season, which is initialised heuristically: else it has 48 states to optimise."""
    model = AutoETS(auto=True, sp=DAY, initialization_method="heuristic")
    return model.fit(past[-RECENT:].reset_index(drop=True)).predict(range(1, DAY + 1)).to_numpy()


def mstl(past: pd.Series) -> np.ndarray:
    """Daily and weekly season by MSTL, repeated; AutoETS for the rest."""
    recent = past[-RECENT:].to_numpy()
    seasons = MSTL(recent, periods=(DAY, WEEK)).fit().seasonal
    rest = AutoETS(auto=True).fit(pd.Series(recent - seasons.sum(axis=1))).predict(range(1, DAY + 1)).to_numpy()
    return rest + seasons[-DAY:, 0] + seasons[-WEEK : DAY - WEEK, 1]


METHODS: dict[str, Callable[[pd.DataFrame], Forecasts]] = {
    "LSTMForecaster with X": lstm(COVARIATES),
    "LSTMForecaster": lstm([]),
    "seasonal naive, the day before": each(lambda past: past[-DAY:].to_numpy()),
    "seasonal naive, the week before": each(lambda past: past[-WEEK : DAY - WEEK].to_numpy()),
    "AutoETS, last ten weeks": each(ets),
    "MSTL and AutoETS, last ten weeks": each(mstl),
}


def evaluate(table: pd.DataFrame, name: str) -> dict[str, object]:
    """Run one method and return its row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecasts, fit_s = METHODS[name](table)
    demand = table["Demand"].to_numpy()
    errors = [np.abs(demand[o : o + DAY or None] - f).mean() for o, f in zip(ORIGINS, forecasts, strict=True)]
    found = [f"{package} {version(package)}" for package in ("sktime", "torch", "statsmodels", "pandas", "numpy")]
    ours = f"python {platform.python_version()}, sktime-lstm {sktime_lstm.__version__}"
    return {
        "method": name,
        "MAE": round(float(np.mean(errors)), 1),
        "fit_s": round(fit_s, 2),
        "versions": ", ".join([ours, *found]),
        "date": date.today().isoformat(),
        "command": f"long_series.py vic_elec.csv --methods '{name}'",
    }


def main() -> None:
    """Run the methods asked for, replace their rows in `long_series.csv` and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="CSV file of the data")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    arguments = parser.parse_args()
    table = load(arguments.data)
    rows = pd.DataFrame([evaluate(table, name) for name in arguments.methods])
    if RESULTS.exists():
        rows = pd.concat([rows, pd.read_csv(RESULTS)]).drop_duplicates("method")
    rows.sort_values("MAE").to_csv(RESULTS, index=False)
    print(rows.sort_values("MAE")[["method", "MAE", "fit_s"]].to_string(index=False))


if __name__ == "__main__":
    main()
