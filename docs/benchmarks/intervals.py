"""Intervals on the M3 competition: how many observations they cover, and at which width.

    python docs/benchmarks/intervals.py --classical-python classical/bin/python

All yearly, quarterly and monthly series, one fit each, and the global fit to all of them; the official test part. Where
a method takes too long for that, it and ours forecast every 35th series. Each method runs in a fresh process, as in
`m3.py`, and returns its quantiles; this process scores them, replaces the rows of the same group and method in
`intervals.csv` and prints the table; `pages.py` puts them into the page. `--groups` and `--methods` run a part.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from m3 import in_fresh_process, load, versions
from m3_methods import Method, Predict, Task, frame

RESULTS = Path(__file__).with_name("intervals.csv")
GROUPS = ("yearly", "quarterly", "monthly")
COVERAGES = (50, 60, 70, 80, 90, 95)
LEVELS = sorted({round(0.5 + sign * coverage / 200, 4) for coverage in (0, *COVERAGES) for sign in (-1, 1)})


def lstm(**parameters: object) -> Callable[[list[np.ndarray], Task], Predict]:
    """Quantiles of `LSTMForecaster`."""

    def fit(pasts: list[np.ndarray], task: Task) -> Predict:
        from sktime_lstm import LSTMForecaster

        forecaster = LSTMForecaster(random_state=0, **parameters).fit(frame(pasts, task), fh=range(1, task.horizon + 1))
        return lambda: forecaster.predict_quantiles(alpha=LEVELS).to_numpy().reshape(-1, task.horizon, len(LEVELS))

    return fit


def conformal(pasts: list[np.ndarray], task: Task) -> Predict:
    """Intervals that sktime's wrapper puts around our point forecast, fitted anew to each beginning of the series."""
    from sktime.forecasting.conformal import ConformalIntervals

    from sktime_lstm import LSTMForecaster

    wrapped = ConformalIntervals(LSTMForecaster(random_state=0))
    wrapped.fit(frame(pasts, task), fh=range(1, task.horizon + 1))
    return lambda: wrapped.predict_quantiles(alpha=LEVELS).to_numpy().reshape(1, task.horizon, len(LEVELS))


def statsforecast(name: str) -> Method:
    """Intervals of a model of statsforecast with default parameters."""

    def fit(pasts: list[np.ndarray], task: Task) -> Predict:
        import statsforecast.models

        model = getattr(statsforecast.models, name)(season_length=task.period).fit(y=pasts[0])
        return lambda: both_ends(model.predict(h=task.horizon, level=list(COVERAGES)))[None]

    return Method(fit, environment="classical", imports="statsforecast.models")


def both_ends(found: dict[str, np.ndarray]) -> np.ndarray:
    """Quantiles, of shape (horizon, levels), from the ends of central intervals."""
    lower = [found[f"lo-{coverage}"] for coverage in reversed(COVERAGES)]
    return np.stack([*lower, found["mean"], *(found[f"hi-{coverage}"] for coverage in COVERAGES)], axis=-1)


METHODS = {
    "LSTMForecaster local": Method(lstm(), imports="sktime_lstm"),
    "LSTMForecaster global": Method(lstm(), alone=False, imports="sktime_lstm"),
    **{
        f"LSTMForecaster global {loss}": Method(lstm(loss=loss), alone=False, imports="sktime_lstm")
        for loss in ("quantile", "normal")
    },
    "AutoARIMA": statsforecast("AutoARIMA"),
    "AutoETS": statsforecast("AutoETS"),
    "LSTMForecaster local (1 in 35)": Method(lstm(), imports="sktime_lstm"),
    "ConformalIntervals (1 in 35)": Method(conformal, imports="sktime_lstm"),
}


def work(name: str, group: str, every: str, output: str) -> None:
    """Run one method on one group in this process and write quantiles and processor seconds."""
    warnings.simplefilter("ignore")
    method = METHODS[name]
    pasts, _, task = load(group, int(every))
    importlib.import_module(method.imports)
    start = time.process_time()
    parts = [[past] for past in pasts] if method.alone else [pasts]
    quantiles = np.concatenate([method.fit(part, task)() for part in parts])
    seconds = time.process_time() - start
    Path(output).write_text(json.dumps({"seconds": seconds, "versions": versions(), "quantiles": quantiles.tolist()}))


def evaluate(group: str, name: str, python: str) -> dict[str, object]:
    """Run one method on one group in a fresh process and return its row."""
    every = 35 if name.endswith("(1 in 35)") else 1
    result = in_fresh_process(__file__, python, name, group, str(every))
    about = {"seconds": round(result["seconds"], 1), "versions": result["versions"], "date": date.today().isoformat()}
    return {"group": group, "method": name, **score(group, every, np.array(result["quantiles"])), **about}


def score(group: str, every: int, quantiles: np.ndarray) -> dict[str, object]:
    """Coverage in percent, mean scaled interval score at 95 % and mean scaled pinball loss, over the series."""
    pasts, futures, task = load(group, every)
    scale = np.array([np.mean(np.abs(past[task.period :] - past[: -task.period])) for past in pasts])
    inside = {coverage: covered(futures, quantiles, coverage) for coverage in COVERAGES}
    missed = futures[..., None] - quantiles
    pinball = np.maximum(np.array(LEVELS) * missed, (np.array(LEVELS) - 1) * missed).mean((1, 2))
    return {
        "series": len(pasts),
        **{f"covered_{coverage}": round(100 * hits.mean(), 1) for coverage, hits in inside.items()},
        **{f"steps_{c}": " ".join(f"{100 * hit:.0f}" for hit in inside[c].mean(0)) for c in (80, 90, 95)},
        "MSIS": round(np.mean(interval_score(futures, quantiles) / scale), 2),
        "pinball": round(np.mean(pinball / scale), 4),
    }


def ends(quantiles: np.ndarray, coverage: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the central interval."""
    lower, upper = (LEVELS.index(round(0.5 + sign * coverage / 200, 4)) for sign in (-1, 1))
    return quantiles[..., lower], quantiles[..., upper]


def covered(futures: np.ndarray, quantiles: np.ndarray, coverage: int) -> np.ndarray:
    """Whether each observation lies in the central interval."""
    lower, upper = ends(quantiles, coverage)
    return (lower <= futures) & (futures <= upper)


def interval_score(futures: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Width of the 95 % interval and 40 times what lies outside, the mean over the steps of each series."""
    lower, upper = ends(quantiles, 95)
    outside = np.maximum(lower - futures, 0) + np.maximum(futures - upper, 0)
    return (upper - lower + 2 / 0.05 * outside).mean(1)


def store(row: dict[str, object]) -> None:
    """Replace the row of the same group and method."""
    rows = pd.DataFrame([row, *(pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else [])])
    rows = rows.drop_duplicates(["group", "method"])
    order = {"group": list(GROUPS), "method": list(METHODS)}
    rows.sort_values(list(order), key=lambda column: column.map(order[column.name].index)).to_csv(RESULTS, index=False)


def main() -> None:
    """Run the methods asked for on the groups asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--methods", default=",".join(METHODS), help="comma-separated, of " + ", ".join(METHODS))
    parser.add_argument("--classical-python", help="Python of an environment with requirements-classical.txt")
    arguments = parser.parse_args()
    pythons = {"own": sys.executable, "classical": arguments.classical_python}
    for name in arguments.methods.split(","):
        python = pythons[METHODS[name].environment]
        for group in arguments.groups.split(",") if python else []:
            store(evaluate(group, name, python))
            print(f"{name} on {group} done", file=sys.stderr, flush=True)
    columns = ["group", "method", "covered_80", "covered_90", "covered_95", "MSIS", "pinball", "seconds"]
    print(pd.read_csv(RESULTS)[columns].to_string(index=False))


if __name__ == "__main__":
    work(*sys.argv[2:]) if sys.argv[1:2] == ["work"] else main()
