"""Several seasons at once, simulated: hours with a day and a week, days with a week and a year.

    python docs/benchmarks/seasons.py --seeds 50

Each simulated series is forecast once from its end. The error is the mean absolute error over the horizon and over all
seeds. The table is written to `seasons.csv`.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sktime.forecasting.ets import AutoETS
from statsmodels.tsa.seasonal import MSTL

import sktime_lstm
from sktime_lstm import LSTMForecaster

RESULTS = Path(__file__).with_name("seasons.csv")


@dataclass(frozen=True)
class Design:
    """A kind of simulated series: frequency, seasonal periods, points of history, and horizons to score."""

    freq: str
    periods: tuple[int, int]
    length: int
    horizons: tuple[int, ...]

    def simulate(self, seed: int) -> tuple[pd.Series, np.ndarray]:
        """History and future of one series: a drifting level, two patterns drawn at random, and noise."""
        generator = np.random.default_rng(seed)
        steps = np.arange(self.length + max(self.horizons))
        values = 100 + 0.2 * generator.normal(size=len(steps)).cumsum() + 3 * generator.normal(size=len(steps))
        for period in self.periods:
            waves = np.arange(1, 5)[:, None]
            size, phase = generator.normal(size=(4, 1)) / waves, generator.uniform(0, 2 * np.pi, (4, 1))
            values = values + 8 * (size * np.sin(2 * np.pi * waves * steps / period + phase)).sum(axis=0)
        index = pd.date_range("2020-01-01", periods=self.length, freq=self.freq)
        return pd.Series(values[: self.length], index), values[self.length :]


DESIGNS = {
    "hours, 8 weeks": Design("h", (24, 168), 8 * 168, (48, 336)),
    "days, 4 years": Design("D", (7, 365), 4 * 365, (28, 365)),
}
Method = Callable[[pd.Series, Design, int], np.ndarray]


def lstm(y: pd.Series, design: Design, horizon: int) -> np.ndarray:
    """Forecast by `LSTMForecaster` with default parameters."""
    return LSTMForecaster(random_state=0).fit(y).predict(range(1, horizon + 1)).to_numpy()


def mstl(y: pd.Series, design: Design, horizon: int) -> np.ndarray:
    """Seasons by MSTL, repeated; AutoETS for the rest."""
    parts = MSTL(y.to_numpy(), periods=design.periods).fit()
    rest = AutoETS(auto=True).fit(pd.Series(y.to_numpy() - parts.seasonal.sum(axis=1))).predict(range(1, horizon + 1))
    repeated = [np.resize(parts.seasonal[-period:, n], horizon) for n, period in enumerate(design.periods)]
    return rest.to_numpy() + np.sum(repeated, axis=0)


def seasonal_naive(y: pd.Series, design: Design, horizon: int) -> np.ndarray:
    """Repeat the last of the longest period."""
    return np.resize(y.to_numpy()[-design.periods[-1] :], horizon)


METHODS: dict[str, Method] = {"LSTMForecaster": lstm, "MSTL and AutoETS": mstl, "seasonal naive": seasonal_naive}


def evaluate(name: str, design_name: str, seeds: int) -> list[dict[str, object]]:
    """Mean errors of a method over the seeds, one row for each horizon."""
    design, start = DESIGNS[design_name], time.process_time()
    errors = []
    for seed in range(seeds):
        y, future = design.simulate(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forecast = METHODS[name](y, design, max(design.horizons))
        errors.append([np.abs(forecast[:horizon] - future[:horizon]).mean() for horizon in design.horizons])
    seconds = (time.process_time() - start) / seeds
    found = [f"{package} {version(package)}" for package in ("sktime", "torch", "statsmodels", "pandas", "numpy")]
    about = {
        "seeds": seeds,
        "seconds": round(seconds, 2),
        "versions": ", ".join([f"python {platform.python_version()}, sktime-lstm {sktime_lstm.__version__}", *found]),
        "date": date.today().isoformat(),
    }
    means = np.mean(errors, axis=0)
    return [
        {"series": design_name, "horizon": horizon, "method": name, "MAE": round(float(mean), 3), **about}
        for horizon, mean in zip(design.horizons, means, strict=True)
    ]


def main() -> None:
    """Run all methods on all designs, write the table and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    seeds = parser.parse_args().seeds
    rows = [row for design in DESIGNS for name in METHODS for row in evaluate(name, design, seeds)]
    table = pd.DataFrame(rows).sort_values(["series", "horizon", "MAE"], ascending=[False, True, True])
    table.to_csv(RESULTS, index=False)
    print(table[["series", "horizon", "method", "MAE", "seconds"]].to_string(index=False))


if __name__ == "__main__":
    main()
