"""How long a panel of a hundred thousand series takes, and how much memory, in a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark

SCRIPT = Path(__file__).parents[2] / "docs" / "benchmarks" / "scale.py"
NUM_SERIES, LENGTH = 100_000, 60
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
