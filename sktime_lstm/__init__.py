"""LSTM forecasting for sktime: one class, `LSTMForecaster`."""

from typing import TYPE_CHECKING, Any

from sktime_lstm.forecaster import LSTMForecaster, load_model

if TYPE_CHECKING:
    from sktime_lstm.backtesting import backtest

__version__ = "0.1.0"
__all__ = ["LSTMForecaster", "__version__", "backtest", "load_model"]


def __getattr__(name: str) -> Any:
    """Import `backtest` when it is first asked for: pipelines and metrics of sktime come with it."""
    if name == "backtest":
        from sktime_lstm.backtesting import backtest

        return backtest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
