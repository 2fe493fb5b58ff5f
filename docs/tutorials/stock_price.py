"""The textbook recipe for the price of a share, trained for its 100 epochs; makes stock_price.csv in some minutes.

python docs/tutorials/stock_price.py
"""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
from bokeh_sampledata.stocks import GOOG
from sklearn.preprocessing import MinMaxScaler

from sktime_lstm import LSTMForecaster

TEST_DAYS = 120


def textbook() -> LSTMForecaster:
    """Scaling to (0, 1), windows of 60 days, four layers with dropout."""
    return LSTMForecaster(
        window_length=60,
        output_length=1,
        sp=1,
        num_layers=4,
        hidden_size=50,
        dropout=0.2,
        pretrained=None,
        anchored=False,
        scaler=MinMaxScaler(),
        loss="mse",
        learning_rate=1e-3,
        batch_size=32,
        max_epochs=100,
        random_state=0,
    )


def main() -> None:
    """Train, and keep the one-step forecasts of the last days with the seconds that it took."""
    price = pd.Series(GOOG["adj_close"], name="price").iloc[-1000:].reset_index(drop=True)
    start = time.perf_counter()
    forecaster = textbook().fit(price[:-TEST_DAYS])
    seconds = time.perf_counter() - start
    forecaster.update(price[-TEST_DAYS:], update_params=False)
    forecast = forecaster.predict(fh=range(1 - TEST_DAYS, 1)).rename("textbook").round(2)
    table = forecast.rename_axis("day").to_frame().assign(seconds=round(seconds))
    table.to_csv(Path(__file__).with_suffix(".csv"))


if __name__ == "__main__":
    main()
