"""Print what a few fits forecast, to the last digit: the same before and after a change that should move nothing.

python docs/benchmarks/fingerprint.py > before.txt
python docs/benchmarks/fingerprint.py > after.txt && diff before.txt after.txt
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sktime.datasets import load_airline, load_longley
from sktime.utils._testing.panel import _make_panel

from sktime_lstm import LSTMForecaster


def show(name: str, forecaster: LSTMForecaster, *, X: pd.DataFrame | None = None) -> None:
    """Print point forecasts, quantiles and sample paths of a fitted forecaster."""
    fh = range(1, 7)
    frames = {
        "point": forecaster.predict(fh, X=X),
        "quantiles": forecaster.predict_quantiles(fh, X=X, alpha=[0.1, 0.9]),
        "samples": forecaster.predict_samples(fh, X=X, num_samples=3),
    }
    for kind, frame in frames.items():
        print(name, kind, *np.asarray(frame, dtype=float).ravel().tolist()[:60])


def promotion() -> tuple[pd.Series, pd.DataFrame]:
    """Weekly sales that a promotion lifts, with some weeks missing."""
    generator = np.random.default_rng(0)
    weeks = pd.period_range("2020-01-06", periods=130, freq="W")
    X = pd.DataFrame({"promotion": generator.integers(0, 2, 130), "price": generator.normal(size=130)}, weeks)
    y = pd.Series(50 + 8 * X["promotion"] - X["price"] + generator.normal(size=130), weeks)
    y.iloc[[17, 18, 60]] = np.nan
    return y, X


def main() -> None:
    """Fit, update and pretrain on one series, a panel, several variables and covariates."""
    warnings.simplefilter("ignore")
    y = load_airline()
    show("airline", LSTMForecaster(random_state=0).fit(y))
    show("airline, fh in fit", LSTMForecaster(random_state=0, lower_bound=0).fit(y, fh=range(1, 13)))
    show("airline, updated", LSTMForecaster(random_state=0).fit(y[:120]).update(y[120:]))
    show("airline, patience", LSTMForecaster(random_state=0, patience=3, cell="gru", scaler="standard").fit(y))
    show("airline, textbook", LSTMForecaster(random_state=0, anchored=False, dropout=0.1, cell="peephole").fit(y))
    panel = _make_panel(n_instances=12, n_timepoints=60, random_state=0)
    show("panel", LSTMForecaster(random_state=0, loss="normal").fit(panel))
    show("panel, quantile loss", LSTMForecaster(random_state=0, loss="quantile", max_epochs=3).fit(panel))
    show("fine-tuned", LSTMForecaster(random_state=0).pretrain(panel).fit(y))
    show("several variables", LSTMForecaster(random_state=0).fit(load_longley()[1]))
    sales, X = promotion()
    show("promotion", LSTMForecaster(random_state=0).fit(sales[:-6], X=X[:-6]), X=X[-6:])


if __name__ == "__main__":
    main()
