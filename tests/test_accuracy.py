"""Default parameters forecast better than repeating the past, on series that come with sktime."""

import numpy as np
from sktime.datasets import (
    load_airline,
    load_longley,
    load_lynx,
    load_PBS_dataset,
    load_shampoo_sales,
    load_uschange,
)

from sktime_lstm import LSTMForecaster

# Each with its season and its horizon.
SERIES = {
    "airline": (load_airline, 12, 12),
    "drug sales": (load_PBS_dataset, 12, 12),
    "lynx": (load_lynx, 1, 6),
    "shampoo": (load_shampoo_sales, 1, 6),
    "population": (lambda: load_longley()[1]["POP"], 1, 2),
    "product": (lambda: load_longley()[1]["GNP"], 1, 2),
    "consumption": (lambda: load_uschange()[0], 1, 4),
    "production": (lambda: load_uschange()[1]["Production"], 1, 4),
    "savings": (lambda: load_uschange()[1]["Savings"], 1, 4),
}
ORIGINS = 3
# At the seasonal naive forecast itself a broken default could hide behind the luck of a few origins.
CLEARLY = 0.85


def mean_errors(**parameters):
    """MASE of the forecaster and of the seasonal naive forecast, means over origins and series."""
    folds = [
        errors(y[:-start], y[-start:][:horizon], sp, parameters)
        for load, sp, horizon in SERIES.values()
        for y in [load()]
        for start in horizon * np.arange(1, ORIGINS + 1)
    ]
    return np.mean(folds, axis=0)


def errors(past, future, sp, parameters):
    forecaster = LSTMForecaster(random_state=0, **parameters).fit(past, fh=range(1, len(future) + 1))
    naive = np.resize(past.to_numpy()[-sp:], len(future))
    scale = np.abs(past.diff(sp)).mean()
    return [np.abs(future.to_numpy() - forecast).mean() / scale for forecast in (forecaster.predict(), naive)]


def test_defaults_beat_the_seasonal_naive_forecast():
    ours, naive = mean_errors()
    assert ours < CLEARLY * naive


def test_this_comparison_notices_a_network_that_has_learned_nothing():
    ours, naive = mean_errors(anchored=False, max_epochs=1)
    assert ours > naive
