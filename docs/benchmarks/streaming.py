"""Memory for a folder of series that is never loaded whole: learn from it file by file, then forecast file by file.

    python docs/benchmarks/streaming.py

Each folder has ten times the series of the one before, in files of five hundred series of sixty months. Each is
worked through in a fresh process, file by file and, for comparison, as one panel. Figures go to `streaming.csv`;
`pages.py` puts them into the pages.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from sktime_lstm import LSTMForecaster

RESULTS = Path(__file__).with_name("streaming.csv")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
SERIES_PER_FILE, MONTHS = 500, 60
SIZES = (1_000, 10_000, 100_000)
FH = range(1, 13)
# What training takes does not depend on how long it lasts.
SETTINGS = {"random_state": 0, "time_budget": 0.5}


def write_folder(folder: Path, num_series: int, *, series_per_file: int = SERIES_PER_FILE) -> None:
    """Write seasonal random walks, some hundred in a file."""
    generator = np.random.default_rng(0)
    times = pd.date_range("2020-01-01", periods=MONTHS, freq="MS")
    season = 10 * np.sin(2 * np.pi * np.arange(MONTHS) / 12)
    for start in range(0, num_series, series_per_file):
        names = range(start, min(start + series_per_file, num_series))
        walks = generator.normal(size=(len(names), MONTHS)).cumsum(axis=1)
        index = pd.MultiIndex.from_product([names, times], names=["series", "time"])
        pd.DataFrame({"value": (walks + season).ravel()}, index).to_parquet(folder / f"{start:06d}.parquet")


def learn(source: Path, model: Path) -> None:
    """Learn from all files and write down what was learned."""
    LSTMForecaster(**SETTINGS).pretrain_stream(source, fh=FH).save_model(model)


def forecast(source: Path, model: Path, target: Path) -> None:
    """Forecast each file into one of the same name."""
    for file in sorted(source.glob("*.parquet")):
        forecaster = LSTMForecaster(pretrained=model, fine_tune="none").fit(pd.read_parquet(file))
        forecaster.predict_interval(FH).to_parquet(target / file.name)


def file_by_file(source: Path, scratch: Path) -> None:
    """Learn from a folder and forecast it."""
    learn(source, scratch / "model")
    forecast(source, scratch / "model", scratch)


def at_once(source: Path, scratch: Path) -> None:
    """Fit and forecast all files as one panel."""
    forecaster = LSTMForecaster(**SETTINGS).fit(pd.read_parquet(source), fh=FH)
    forecaster.predict_interval().to_parquet(scratch / "forecasts.parquet")


WAYS = {"file by file": file_by_file, "at once": at_once}


def peak(way: str, num_series: int) -> float:
    """Bytes by which the peak lies above the state with the libraries loaded."""
    with tempfile.TemporaryDirectory() as folder:
        source, few, scratch = (Path(folder, name) for name in ("source", "few", "scratch"))
        for path in (source, few, scratch):
            path.mkdir()
        # What the libraries load at their first use is loaded by two small files.
        write_folder(few, 40, series_per_file=20)
        write_folder(source, num_series)
        WAYS[way](few, scratch)
        before = resident("VmRSS")
        CLEAR.write_text("5")
        WAYS[way](source, scratch)
        return resident("VmHWM") - before


def resident(name: str) -> int:
    """Bytes of memory of this process now or at its peak."""
    return int(re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())[1]) * 1024


def peak_in_fresh_process(way: str, num_series: int) -> float:
    """What `peak` finds in a process of its own."""
    command = [sys.executable, __file__, "--measure", way, str(num_series)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure every folder in both ways and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "SERIES"), help="print the peak of this process")
    asked = parser.parse_args().measure
    if asked:
        print(peak(asked[0], int(asked[1])))
        return
    from m3 import versions

    about = {"versions": versions(), "date": date.today().isoformat(), "command": "streaming.py"}
    rows = [
        {"way": way, "series": size, "peak_MB": round(peak_in_fresh_process(way, size) / 1e6), **about}
        for way in WAYS
        for size in SIZES
    ]
    pd.DataFrame(rows).to_csv(RESULTS, index=False)
    print(pd.DataFrame(rows)[["way", "series", "peak_MB"]].to_string(index=False))


if __name__ == "__main__":
    main()
