"""How long a panel of a hundred thousand series takes, and how much memory, in a fresh process that runs this file."""

import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import BaseForecaster

from sktime_lstm import LSTMForecaster

pytestmark = pytest.mark.benchmark

NUM_SERIES, LENGTH, STEPS = 100_000, 60, 12
MOST_SECONDS = {"fit": 180, "predict": 45}
MOST_BYTES = 4e9


class EmptyForecaster(BaseForecaster):
    """Learns nothing and forecasts the same numbers: what it takes is taken by sktime."""

    _tags = LSTMForecaster._tags
    _config = LSTMForecaster._config

    def _fit(self, y, X, fh):
        # Rows of the forecast as ours has them, made beforehand.
        self.answer = None
        return self

    def _predict(self, fh, X):
        return self.answer


def make_panel(num_series, length):
    index = pd.MultiIndex.from_product(
        [np.arange(num_series), pd.period_range("2015-01", periods=length, freq="M")], names=["series", "time"]
    )
    walks = np.random.default_rng(0).normal(size=(num_series, length)).cumsum(axis=1)
    season = 10 * np.sin(2 * np.pi * np.arange(length) / 12)
    return pd.DataFrame({"y": (walks + season).ravel()}, index=index)


def seconds(call):
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def measure(num_series, length):
    """Seconds of fit and predict, sktime's share of both, and the peak memory."""
    y = make_panel(num_series, length)
    ours, empty = LSTMForecaster(random_state=0), EmptyForecaster()
    fit, _ = seconds(lambda: ours.fit(y))
    predict, answer = seconds(lambda: ours.predict(range(1, STEPS + 1)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    empty_fit, _ = seconds(lambda: empty.fit(y))
    empty.answer = answer
    empty_predict, _ = seconds(lambda: empty.predict(range(1, STEPS + 1)))
    return {
        "fit": fit,
        "fit, sktime alone": empty_fit,
        "predict": predict,
        "predict, sktime alone": empty_predict,
        "peak": peak,
    }


def test_a_hundred_thousand_series_are_one_panel(report):
    command = [sys.executable, __file__, str(NUM_SERIES), str(LENGTH)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for what in ("fit", "predict"):
        report(
            f"{what} of {NUM_SERIES} series of {LENGTH} points (sktime alone)",
            f"{found[what]:.1f} s ({found[f'{what}, sktime alone']:.1f} s)",
        )
    report(f"peak memory of the process, {NUM_SERIES} series of {LENGTH} points", f"{found['peak'] / 1e9:.2f} GB")
    assert found["fit"] <= MOST_SECONDS["fit"]
    assert found["predict"] <= MOST_SECONDS["predict"]
    assert found["peak"] <= MOST_BYTES


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
