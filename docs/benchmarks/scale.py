"""Cost against the number of series and their length, in a fresh process for each row.

    python docs/benchmarks/scale.py                       # our rows
    python docs/benchmarks/scale.py --peers PYTHON        # those of the other libraries, with the Python that has them
    python docs/benchmarks/scale.py --once METHOD N T     # one row, as JSON

The data are random walks with a season, monthly in the panels and hourly in the long series. All methods forecast 12
steps with one thread. Seconds are those of the processor, which do not count what other jobs take. Of what ours takes,
*sktime's share* is what a forecaster takes that does nothing. `requirements-peers.txt` and `requirements-classical.txt`
list the versions of the others.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

RESULTS = Path(__file__).with_name("scale.csv")
STEPS, MONTHS = 12, 60
NUMBERS, LENGTHS = (1_000, 10_000, 100_000), (1_000, 10_000, 100_000, 1_000_000)
OURS, UNTRAINED = "LSTMForecaster", "LSTMForecaster, fine_tune='none'"
STATS, NEURAL = ("DynamicOptimizedTheta", "AutoETS"), "neuralforecast LSTM"
MOST_FOR_STATS = 10_000
"""Each series is fitted alone there, so that ten times as many take ten times as long."""

Row = dict[str, Any]


def panel(num_series: int, length: int) -> pd.DataFrame:
    """Monthly series as a panel, or a single hourly one."""
    walks = np.random.default_rng(0).normal(size=(num_series, length)).cumsum(axis=1)
    season = 10 * np.sin(2 * np.pi * np.arange(length) / (12 if num_series > 1 else 24))
    if num_series == 1:
        times: pd.Index = pd.period_range("1900-01-01", periods=length, freq="h", name="time")
    else:
        months = pd.period_range("2015-01", periods=length, freq="M")
        times = pd.MultiIndex.from_product([np.arange(num_series), months], names=["series", "time"])
    return pd.DataFrame({"y": (walks + season).ravel()}, index=times)


def seconds_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, and what came of them."""
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def peak_gigabytes() -> float:
    """Most memory that the process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure_ours(method: str, y: pd.DataFrame) -> Row:
    """Seconds of fit and predict, sktime's share of both, and the peak memory."""
    from sktime.forecasting.base import BaseForecaster

    from sktime_lstm import LSTMForecaster

    class Empty(BaseForecaster):
        """Learns nothing and forecasts what it is told: what it takes is taken by sktime."""

        _tags = LSTMForecaster._tags
        _config = LSTMForecaster._config

        def _fit(self, y: Any, X: Any, fh: Any) -> Empty:
            return self

        def _predict(self, fh: Any, X: Any) -> Any:
            return self.answer

    fh = range(1, STEPS + 1)
    # What the first fit of a process imports and loads is not a matter of scale.
    LSTMForecaster().fit(y["y"].to_numpy()[:40]).predict(fh)
    ours, empty = LSTMForecaster(random_state=0, fine_tune="none" if method == UNTRAINED else "auto"), Empty()
    before = peak_gigabytes()
    fit, _ = seconds_of(lambda: ours.fit(y))
    predict, answer = seconds_of(lambda: ours.predict(fh))
    peak = peak_gigabytes()
    fit_of_sktime, _ = seconds_of(lambda: empty.fit(y))
    empty.answer = answer
    predict_of_sktime, _ = seconds_of(lambda: empty.predict(fh))
    return {
        "fit_s": fit,
        "predict_s": predict,
        "sktime_fit_s": fit_of_sktime,
        "sktime_predict_s": predict_of_sktime,
        "peak_GB": peak,
        "data_and_imports_GB": before,
    }


def measure_statsforecast(method: str, y: pd.DataFrame) -> Row:
    """Fit and forecast of each series alone, by statsforecast in one process."""
    import statsforecast.models
    from statsforecast import StatsForecast

    model = getattr(statsforecast.models, method)
    long = long_frame(y)
    # The first call compiles.
    StatsForecast([model(season_length=12)], freq=1).forecast(df=long.iloc[: 2 * MONTHS], h=STEPS)
    before = peak_gigabytes()
    both, _ = seconds_of(lambda: StatsForecast([model(season_length=12)], freq=1, n_jobs=1).forecast(df=long, h=STEPS))
    return {"fit_s": both, "predict_s": np.nan, "peak_GB": peak_gigabytes(), "data_and_imports_GB": before}


def measure_neuralforecast(method: str, y: pd.DataFrame) -> Row:
    """One network for all series, by neuralforecast with default parameters."""
    import torch
    from neuralforecast import NeuralForecast
    from neuralforecast.models import LSTM

    torch.set_num_threads(1)
    quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)
    forecaster, long = NeuralForecast([LSTM(h=STEPS, random_seed=0, **quiet)], freq=1), long_frame(y)
    before = peak_gigabytes()
    fit, _ = seconds_of(lambda: forecaster.fit(long))
    predict, _ = seconds_of(forecaster.predict)
    return {"fit_s": fit, "predict_s": predict, "peak_GB": peak_gigabytes(), "data_and_imports_GB": before}


def long_frame(y: pd.DataFrame) -> pd.DataFrame:
    """The panel with a column for the series and one for the number of the month, as both libraries take it."""
    series = y.index.get_level_values(0).to_numpy()
    number = np.tile(np.arange(MONTHS), len(y) // MONTHS)
    return pd.DataFrame({"unique_id": series, "ds": number, "y": y["y"].to_numpy()})


def measure(method: str, num_series: int, length: int) -> Row:
    """One row of the table."""
    warnings.simplefilter("ignore")
    logging.disable()
    how = measure_statsforecast if method in STATS else measure_neuralforecast if method == NEURAL else measure_ours
    row = how(method, panel(num_series, length))
    return {"method": method, "series": num_series, "points": length, **row}


def in_a_process(method: str, num_series: int, length: int, python: str = sys.executable) -> Row:
    """The same in a fresh process with one thread."""
    command = [python, __file__, "--once", method, str(num_series), str(length)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr)
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def wanted(peers: str | None) -> list[tuple[str, int, int]]:
    """Rows to measure."""
    if peers:
        single = [(method, number, MONTHS) for method in STATS for number in NUMBERS if number <= MOST_FOR_STATS]
        return single + [(NEURAL, number, MONTHS) for number in NUMBERS]
    panels = [(method, number, MONTHS) for method in (UNTRAINED, OURS) for number in NUMBERS]
    return panels + [(method, 1, length) for method in (UNTRAINED, OURS) for length in LENGTHS]


def main() -> None:
    """Measure and keep every row as soon as it is known; rows of the same method and size are replaced."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--once", nargs=3, metavar=("METHOD", "N", "T"))
    chosen = parser.parse_args()
    if chosen.once:
        method, number, length = chosen.once
        print(json.dumps(measure(method, int(number), int(length))))
        return
    keys = ["method", "series", "points"]
    for method, number, length in wanted(chosen.peers):
        row = in_a_process(method, number, length, chosen.peers or sys.executable)
        old = pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame(columns=keys)
        table = pd.concat([old, pd.DataFrame([row])]).drop_duplicates(keys, keep="last").sort_values(keys)
        table.round(3).to_csv(RESULTS, index=False)
        print(row, flush=True)


if __name__ == "__main__":
    main()
