"""Gates remember: a number that was marked fifty steps ago comes back from LSTM and GRU, not from a plain network."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sktime_lstm import LSTMForecaster

FARTHEST = 50


def recall_task(points, *, gaps, seed):
    """A series that repeats, where it is asked, the number marked so many steps before, and is missing elsewhere."""
    rng = np.random.default_rng(seed)
    gaps = rng.integers(gaps[0], gaps[1] + 1, points)
    marked = np.cumsum(np.concatenate([[0], gaps[:-1]]) + rng.integers(1, 5, points))
    marked, asked = (part[marked + gaps < points] for part in (marked, marked + gaps))
    X = pd.DataFrame({"number": rng.uniform(-1, 1, points), "marked": 0.0, "asked": 0.0})
    X.loc[marked, "marked"] = X.loc[asked, "asked"] = 1.0
    y = pd.Series(np.nan, index=X.index)
    y[asked] = X["number"][marked].to_numpy()
    return y, X


def share_forgotten(cell):
    """Squared error on a new series with the farthest gaps only, over that of always answering the mean."""
    y, X = recall_task(20_000, gaps=(1, FARTHEST), seed=0)
    textbook = {"anchored": False, "scaler": "none", "loss": "mse", "output_length": FARTHEST, "sp": 1}
    training = {"learning_rate": 0.01, "batch_size": 32, "max_epochs": 1, "random_state": 0}
    forecaster = LSTMForecaster(FARTHEST + 4, cell=cell, hidden_size=32, **textbook, **training).fit(y, X=X)
    y, X = (part.set_axis(part.index + 20_000) for part in recall_task(3_000, gaps=(FARTHEST, FARTHEST), seed=1))
    forecaster.update(y, X=X, update_params=False)
    asked = y.dropna().index[1:]
    answers = forecaster.predict(fh=asked - forecaster.cutoff[0], X=X)
    return (answers - y[asked]).pow(2).mean() / y[asked].var(ddof=0)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_gated_network_recalls_a_number_after_fifty_steps(cell):
    assert share_forgotten(cell) < 0.05


@pytest.mark.slow
def test_a_plain_network_does_not():
    assert share_forgotten("rnn") > 0.5
