"""Bitcoin: the textbook recipe, the defaults and simpler forecasts on the same folds.

    python docs/tutorials/bitcoin.py bitcoin_daily.csv

Makes bitcoin.csv. The file has a column `date` and a column `close`, as many exchanges offer for
download; it is not ours to ship. The last 1000 days are used, the latest 20 folds of 14 days each, and every method is
trained anew for each fold.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pandas as pd
from sktime.forecasting.arima import AutoARIMA
from sktime.forecasting.base import BaseForecaster
from sktime.forecasting.compose import TransformedTargetForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.transformations.series.boxcox import LogTransformer

from sktime_lstm import LSTMForecaster, backtest

RESULTS = Path(__file__).with_suffix(".csv")
DAYS, HORIZON, FOLDS = 1000, 14, 20


def textbook() -> LSTMForecaster:
    """Scaling to (-1, 1), windows of 30 days, one layer, one step."""
    return LSTMForecaster(
        window_length=30,
        output_length=1,
        sp=1,
        hidden_size=50,
        pretrained=None,
        anchored=False,
        scaler="minmax",
        loss="mse",
        learning_rate=2e-3,
        batch_size=32,
        max_epochs=10,
        random_state=0,
    )


def competitors() -> dict[str, BaseForecaster]:
    """All methods; prices move in percent, hence the logarithm."""
    logarithm = [LogTransformer(), LSTMForecaster(random_state=0)]
    return {
        "textbook": textbook(),
        "default": LSTMForecaster(random_state=0),
        "default, logarithm": TransformedTargetForecaster(logarithm),
        "last price": NaiveForecaster(),
        "last week again": NaiveForecaster(sp=7),
        "ARIMA": AutoARIMA(suppress_warnings=True),
    }


def prices(path: str) -> pd.Series:
    """Read the last days of the file."""
    table = pd.read_csv(path, parse_dates=["date"], index_col="date")
    return table["close"].rename("dollars").asfreq("D").iloc[-DAYS:]


def main(path: str) -> None:
    """Measure, and keep the scores."""
    warnings.simplefilter("ignore")
    y = prices(path)
    scores = backtest(y, competitors(), fh=HORIZON, sp=1, max_folds=FOLDS)
    scores = scores[["MASE", "sMAPE", "fit_time"]].round(3)
    scores.assign(first=f"{y.index[0]:%d %B %Y}", last=f"{y.index[-1]:%d %B %Y}").to_csv(RESULTS)


if __name__ == "__main__":
    main(sys.argv[1])
