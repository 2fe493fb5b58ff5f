"""Recall a number up to k steps later: the task of long_memory.md, and the table beside it.

python docs/explanation/long_memory.py docs/explanation/long_memory.csv
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from sktime_lstm import LSTMForecaster


# Pages show the next two functions: lines of at most 79 characters.
# fmt: off
def recall_task(
    k: int, *, points: int, seed: int, exactly: bool = False
) -> tuple[pd.Series, pd.DataFrame]:
    """Series whose value, where asked, was marked 1 to k steps before.

    With `exactly` all gaps are k. Elsewhere the series is missing. Numbers are
    drawn anew at every step, so only memory of the marked one helps.
    """
    rng = np.random.default_rng(seed)
    gaps = np.full(points, k) if exactly else rng.integers(1, k + 1, points)
    pauses = rng.integers(1, 5, points)
    marked = np.cumsum(np.concatenate([[0], gaps[:-1]]) + pauses)
    asked = marked + gaps
    marked, asked = marked[asked < points], asked[asked < points]
    number = rng.uniform(-1, 1, points)
    X = pd.DataFrame({"number": number, "marked": 0.0, "asked": 0.0})
    X.loc[marked, "marked"] = X.loc[asked, "asked"] = 1.0
    y = pd.Series(np.nan, index=X.index, name="answer")
    y[asked] = X["number"][marked].to_numpy()
    return y, X


def network(
    cell: str, k: int, *, learning_rate: float = 0.01, seed: int = 0
) -> LSTMForecaster:
    """Textbook network without anchors, one pass over the data."""
    return LSTMForecaster(
        k + 4,
        output_length=k,
        sp=1,
        cell=cell,
        hidden_size=32,
        anchored=False,
        scaler="none",
        loss="mse",
        learning_rate=learning_rate,
        batch_size=32,
        max_epochs=1,
        random_state=seed,
    )


# fmt: on
def recall(forecaster: LSTMForecaster, k: int) -> pd.DataFrame:
    """Actual values and one-step forecasts where a new series asks for the number exactly k steps before."""
    y, X = recall_task(k, points=60 * k, seed=1_000, exactly=True)
    start = forecaster.cutoff[0] + 1
    y, X = y.set_axis(y.index + start), X.set_axis(X.index + start)
    forecaster.update(y, X=X, update_params=False)
    # The first answer has less than a window of this series before it.
    asked = y.dropna().index[1:]
    return pd.DataFrame({"actual": y[asked], "forecast": forecaster.predict(fh=asked - forecaster.cutoff[0], X=X)})


def share_forgotten(answers: pd.DataFrame) -> float:
    """Mean squared error over that of always answering the mean: 0 is perfect memory, 1 is none."""
    error = (answers["actual"] - answers["forecast"]).pow(2).mean()
    return float(error / answers["actual"].var(ddof=0))


def measure(cell: str, k: int, *, learning_rate: float, seed: int, exactly: bool) -> dict[str, object]:
    """Train one network, test it."""
    y, X = recall_task(k, points=40_000, seed=seed, exactly=exactly)
    started = time.perf_counter()
    forecaster = network(cell, k, learning_rate=learning_rate, seed=seed).fit(y, X=X)
    seconds = time.perf_counter() - started
    return {
        "cell": cell,
        "k": k,
        "gaps in training": "exactly k" if exactly else "1 to k",
        "learning_rate": learning_rate,
        "seed": seed,
        "forgotten": round(share_forgotten(recall(forecaster, k)), 4),
        "seconds": round(seconds, 1),
    }


def main(path: Path) -> None:
    """Write the table anew, row by row."""
    plan = [
        {"cell": cell, "k": k, "learning_rate": rate, "seed": seed, "exactly": exactly}
        for exactly in (False, True)
        for seed in (range(1) if exactly else range(3))
        for k in (20, 50, 100)
        for cell, rate in (("lstm", 0.01), ("gru", 0.01), ("rnn", 0.01), ("rnn", 0.001))
    ]
    rows: list[dict[str, object]] = []
    for settings in plan:
        rows.append(measure(**settings))
        print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
