"""LSTM forecasting for sktime: one class, `LSTMForecaster`."""

from sktime_lstm.backtesting import backtest
from sktime_lstm.forecaster import LSTMForecaster, load_model

__version__ = "0.1.0"
__all__ = ["LSTMForecaster", "__version__", "backtest", "load_model"]
