"""How long a panel of a hundred thousand series takes, and how much memory, in a fresh process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sktime_lstm import LSTMForecaster

pytestmark = pytest.mark.benchmark

SCRIPT = Path(__file__).parents[2] / "docs" / "benchmarks" / "scale.py"
NUM_SERIES, LENGTH = 100_000, 60
MOST_FOR_PATHS = 15
MOST = {"fit_s": 180, "predict_s": 45, "peak_GB": 4}


@pytest.mark.parametrize("method", ["LSTMForecaster", "LSTMForecaster, fine_tune='none'"])
def test_a_hundred_thousand_series_are_one_panel(report, method):
    command = [sys.executable, str(SCRIPT), "--once", method, str(NUM_SERIES), str(LENGTH)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
    for what in ("fit", "predict"):
        report(
            f"{what} of {NUM_SERIES} series of {LENGTH} points by {method} (sktime alone)",
            f"{found[f'{what}_s']:.1f} s ({found[f'sktime_{what}_s']:.1f} s)",
        )
    report(f"peak memory of the process, {NUM_SERIES} series of {LENGTH} points", f"{found['peak_GB']:.2f} GB")
    assert {what: found[what] <= most for what, most in MOST.items()} == dict.fromkeys(MOST, True)


def test_a_hundred_far_paths_of_each_of_a_thousand_series(report):
    rng, seconds = np.random.default_rng(0), {}
    walks = 100 + rng.normal(size=(1_000, 60)).cumsum(axis=1)
    index = pd.MultiIndex.from_product([range(1_000), pd.period_range("2000-01", periods=60, freq="M")])
    y = pd.DataFrame({"y": walks.ravel()}, index)
    for fine_tune in ("none", "full"):
        forecaster = LSTMForecaster(fine_tune=fine_tune, random_state=0).fit(y, fh=range(1, 13))
        start = time.process_time()
        forecaster.predict_samples(fh=range(1, 101), num_samples=100)
        seconds[fine_tune] = time.process_time() - start
        report(f"1000 x 100 x 100 sample paths, fine_tune={fine_tune!r}", f"{seconds[fine_tune]:.1f} s")
    assert max(seconds.values()) <= MOST_FOR_PATHS
