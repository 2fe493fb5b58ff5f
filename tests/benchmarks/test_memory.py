"""How much memory it takes to fit, and to work through a folder of files, each measured in a fresh process.

Only Linux can reset the peak of a process; elsewhere these benchmarks fail for want of its file.
"""

import gc
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import BaseForecaster

from sktime_lstm import LSTMForecaster

STREAMING = Path(__file__).parents[2] / "docs" / "benchmarks" / "streaming.py"
CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
BYTES_PER_POINT = 8
MOST_BYTES_PER_POINT = 8 * BYTES_PER_POINT
MEGABYTE = 1e6
# Allocators keep some of what is freed.
MOST_GROWTH_OF_STREAM = 20 * MEGABYTE

pytestmark = pytest.mark.benchmark


class EmptyForecaster(BaseForecaster):
    """Learns nothing: what it takes is taken by sktime."""

    _tags = LSTMForecaster._tags
    _config = LSTMForecaster._config

    def _fit(self, y, X, fh):
        return self


FORECASTERS = {"ours": lambda: LSTMForecaster(random_state=0, time_budget=2), "empty": EmptyForecaster}
STAMPS = {
    "integer": pd.RangeIndex,
    "hourly": lambda length: pd.date_range("2020-01-01", periods=length, freq="h"),
}


def make_panel(num_series, length, stamps):
    index = pd.MultiIndex.from_product([range(num_series), STAMPS[stamps](length)], names=["series", "time"])
    walks = np.random.default_rng(0).normal(size=(num_series, length)).cumsum(axis=1)
    season = 10 * np.sin(2 * np.pi * np.arange(length) / 24)
    return pd.DataFrame({"y": (walks + season).ravel()}, index=index)


def growth(forecaster, num_series, stamps):
    """Bytes by which the peak of fit lies above the state with libraries and data loaded."""
    # The first fit of a process loads parts of the libraries.
    FORECASTERS[forecaster]().fit(make_panel(3, 60, stamps))
    y = make_panel(num_series, 1_000, stamps)
    gc.collect()
    before = resident("VmRSS")
    CLEAR.write_text("5")
    FORECASTERS[forecaster]().fit(y)
    return resident("VmHWM") - before


def resident(name):
    return int(re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())[1]) * 1024


def measured(*arguments, script=__file__):
    command = [sys.executable, script, *map(str, arguments)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("stamps", STAMPS)
def test_fit_of_a_million_points_takes_eight_times_the_data_and_a_batch(stamps, report):
    whole, empty = measured("ours", 1_000, stamps), measured("empty", 1_000, stamps)
    # A hundredth of the data is trained with the same network and batches.
    batch = measured("ours", 10, stamps)
    figures = [f"{size / MEGABYTE:.0f} MB" for size in (whole, batch, whole - batch, empty)]
    report(
        f"peak of fit, a million points, {stamps} (data: 8 MB)",
        "{} - one batch {} = {} (sktime alone {})".format(*figures),
    )
    assert whole - batch <= MOST_BYTES_PER_POINT * 1_000_000


def test_a_folder_of_ten_times_the_files_takes_the_same_memory(report):
    few, many = (measured("--measure", "file by file", number, script=STREAMING) for number in (1_000, 10_000))
    figures = " / ".join(f"{size / MEGABYTE:.0f} MB" for size in (few, many))
    report("peak of learning and forecasting, 1000 / 10000 series in files of 500", figures)
    assert many <= few + MOST_GROWTH_OF_STREAM


if __name__ == "__main__":
    print(growth(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
