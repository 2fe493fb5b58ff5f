"""The methods that `m3.py` compares: how each is fitted to the series of a group and returns their forecasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

FREQUENCIES = {"yearly": "Y", "quarterly": "Q", "monthly": "M"}
WINDOWS = {"yearly": 8, "quarterly": 18, "monthly": 30, "other": 8}
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
# The default 100 epochs of darts are 20 000 to 280 000 steps.
MOST_DARTS_STEPS = 10_000

Predict = Callable[[], np.ndarray]
Fit = Callable[["list[np.ndarray]", "Task"], Predict]


@dataclass(frozen=True)
class Task:
    """What a method is told about the series: their group, the steps to forecast and the seasonal period."""

    group: str
    horizon: int
    period: int


@dataclass(frozen=True)
class Method:
    """How to fit a method, to each series `alone` or to all together, and what has to be imported in which Python."""

    fit: Fit
    alone: bool = True
    environment: str = "own"
    imports: str = "numpy"


def naive(forecast: Callable[[np.ndarray, int, int], np.ndarray]) -> Method:
    """Method that has nothing to fit."""
    return Method(lambda pasts, task: lambda: forecast(pasts[0], task.horizon, task.period)[None])


def seasonal_naive(past: np.ndarray, horizon: int, period: int) -> np.ndarray:
    """Repeat the last season."""
    return np.tile(past[-period:], horizon // period + 1)[:horizon]


def naive2(past: np.ndarray, horizon: int, period: int) -> np.ndarray:
    """Repeat the last value of the seasonally adjusted series, as in the M competitions."""
    if not is_seasonal(past, period):
        return np.repeat(past[-1], horizon)
    index = seasonal_index(past, period)
    return past[-1] / index[-1] * seasonal_naive(index, horizon, period)


def is_seasonal(past: np.ndarray, period: int) -> bool:
    """Test the autocorrelation at the period at 90 %, as in the M competitions."""
    if period == 1 or len(past) < 3 * period:
        return False
    centred = past - past.mean()
    correlation = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, period + 1)]) / (centred @ centred)
    limit = 1.645 * np.sqrt((1 + 2 * np.sum(correlation[:-1] ** 2)) / len(past))
    return bool(abs(correlation[-1]) > limit)


def seasonal_index(past: np.ndarray, period: int) -> np.ndarray:
    """Seasonal factor of each point, by classical multiplicative decomposition; the period is even."""
    weights = np.r_[0.5, np.ones(period - 1), 0.5] / period
    ratio = np.full(len(past), np.nan)
    ratio[period // 2 : -period // 2] = past[period // 2 : -period // 2] / np.convolve(past, weights, mode="valid")
    factors = np.array([np.nanmean(ratio[phase::period]) for phase in range(period)])
    return np.resize(factors / factors.mean(), len(past))


def fit_lstm(pasts: list[np.ndarray], task: Task) -> Predict:
    """`LSTMForecaster` with default parameters."""
    from sktime_lstm import LSTMForecaster

    forecaster = LSTMForecaster(random_state=0).fit(frame(pasts, task), fh=range(1, task.horizon + 1))
    return lambda: forecaster.predict().to_numpy().reshape(-1, task.horizon)


def frame(pasts: list[np.ndarray], task: Task) -> pd.Series | pd.DataFrame:
    """The series as sktime takes them: alone, or all of them as a panel."""
    series = [pd.Series(past, index=time_index(task.group, len(past)), name="y") for past in pasts]
    return series[0] if len(series) == 1 else pd.concat(dict(enumerate(series)), names=["series", "time"]).to_frame()


def time_index(group: str, length: int) -> pd.Index:
    """Periods of the frequency of the group; numbers for "other", whose frequency the competition does not tell."""
    if group not in FREQUENCIES:
        return pd.RangeIndex(length)
    return pd.period_range("1950-01-01", periods=length, freq=FREQUENCIES[group])


def statsforecast(name: str) -> Method:
    """Model of statsforecast with default parameters."""

    def fit(pasts: list[np.ndarray], task: Task) -> Predict:
        import statsforecast.models

        model = getattr(statsforecast.models, name)(season_length=task.period).fit(y=pasts[0])
        return lambda: np.asarray(model.predict(h=task.horizon)["mean"])[None]

    return Method(fit, environment="classical", imports="statsforecast.models")


def neuralforecast(options: Callable[[list[np.ndarray], Task], dict[str, object]]) -> Method:
    """LSTM of neuralforecast."""

    def fit(pasts: list[np.ndarray], task: Task) -> Predict:
        from neuralforecast import NeuralForecast
        from neuralforecast.models import LSTM

        model = LSTM(h=task.horizon, random_seed=0, **QUIET, **options(pasts, task))
        frames = [pd.DataFrame({"unique_id": n, "ds": np.arange(len(y)), "y": y}) for n, y in enumerate(pasts)]
        forecaster = NeuralForecast([model], freq=1)
        forecaster.fit(pd.concat(frames))
        return lambda: forecaster.predict()["LSTM"].to_numpy().reshape(-1, task.horizon)

    return Method(fit, alone=False, environment="peers", imports="neuralforecast")


def darts(options: Callable[[list[np.ndarray], Task], dict[str, object]]) -> Method:
    """Block LSTM of darts on series scaled to 0 to 1, as its guide advises; window and horizon have no default."""

    def fit(pasts: list[np.ndarray], task: Task) -> Predict:
        from darts import TimeSeries
        from darts.dataprocessing.transformers import Scaler
        from darts.models import BlockRNNModel

        window = WINDOWS[task.group]
        shortest = window + task.horizon
        # darts refuses shorter series.
        padded = [np.pad(past, (max(shortest - len(past), 0), 0), mode="edge") for past in pasts]
        scaler = Scaler()
        scaled = scaler.fit_transform([TimeSeries.from_values(past.astype(np.float32)) for past in padded])
        model = BlockRNNModel(window, task.horizon, model="LSTM", random_state=0, **options(padded, task))
        model.fit(scaled, verbose=False)
        return lambda: np.stack([s.values()[:, 0] for s in scaler.inverse_transform(forecast(model, scaled))])

    def forecast(model: object, scaled: list[object]) -> list[object]:
        return model.predict(model.output_chunk_length, series=scaled, verbose=False)

    return Method(fit, alone=False, environment="peers", imports="darts.models.forecasting.block_rnn_model")


def steps_of_ours(pasts: list[np.ndarray]) -> int:
    """Optimiser steps that `LSTMForecaster` takes on so many points."""
    return min(3_000, int(40 * (sum(map(len, pasts)) / 100) ** 0.6))


def neuralforecast_by_default(pasts: list[np.ndarray], task: Task) -> dict[str, object]:
    """Nothing but filling up the series that are shorter than its window of three horizons, which it refuses."""
    return {"start_padding_enabled": min(map(len, pasts)) < 3 * task.horizon}


def neuralforecast_as_ours(pasts: list[np.ndarray], task: Task) -> dict[str, object]:
    """Window, scaling by window, batches and steps of `LSTMForecaster`."""
    return {
        "input_size": WINDOWS[task.group],
        "scaler_type": "standard",
        "batch_size": 256,
        "windows_batch_size": 256,
        "max_steps": steps_of_ours(pasts),
        "start_padding_enabled": True,
    }


def darts_by_default(pasts: list[np.ndarray], task: Task) -> dict[str, object]:
    """Nothing but the limit to the steps."""
    return {"pl_trainer_kwargs": {**QUIET, "accelerator": "cpu", "max_steps": MOST_DARTS_STEPS}}


def darts_as_ours(pasts: list[np.ndarray], task: Task) -> dict[str, object]:
    """Scaling by window, batches and steps of `LSTMForecaster`."""
    return {
        "use_reversible_instance_norm": True,
        "batch_size": 256,
        "n_epochs": 1_000,
        "pl_trainer_kwargs": {**QUIET, "accelerator": "cpu", "max_steps": steps_of_ours(pasts)},
    }


METHODS = {
    "LSTMForecaster local": Method(fit_lstm, imports="sktime_lstm"),
    "LSTMForecaster global": Method(fit_lstm, alone=False, imports="sktime_lstm"),
    "SeasonalNaive": naive(seasonal_naive),
    "Naive2": naive(naive2),
    "AutoARIMA": statsforecast("AutoARIMA"),
    "AutoETS": statsforecast("AutoETS"),
    "DynamicOptimizedTheta": statsforecast("DynamicOptimizedTheta"),
    "neuralforecast LSTM": neuralforecast(neuralforecast_by_default),
    "neuralforecast LSTM as ours": neuralforecast(neuralforecast_as_ours),
    "darts BlockRNN": darts(darts_by_default),
    "darts BlockRNN as ours": darts(darts_as_ours),
}
