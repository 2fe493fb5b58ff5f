"""What covariates are worth: one measured series and three simulations.

    python docs/benchmarks/covariates.py vic_elec.csv

The file is that of `long_series.py`; without it the simulations alone are run. LightGBM needs
`requirements-lightgbm.txt`. The simulations are these:

* promotion: one series of 240 points that a promotion lifts by 10, its next 30 points, twenty draws
* shops: 100 shops of five categories over 200 days. Promotion, price and three kinds of holidays change their sales,
  by more in one category than in another; so do the days of the week. The next 14 days, three draws. What is known are
  price, promotion, holiday and category.
* vector autoregressions: three variables of lag one, whose coefficients on each other have the given deviation;
  forecasts of the next 60 points, one and four steps ahead, twelve draws
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from long_series import DAY, ORIGINS, load

import sktime_lstm
from sktime_lstm import LSTMForecaster

RESULTS = Path(__file__).with_name("covariates.csv")
Row = tuple[str, str, float, float]
"""Data, method, mean absolute error and seconds."""


def vic_elec(table: pd.DataFrame) -> Iterator[Row]:
    """Demand of the next day from ten origins, by a forecaster that is fitted once and updated."""
    for name, columns, past in (
        ("without X", [], None),
        ("temperature, known only in the past", ["Temperature"], ["Temperature"]),
        ("temperature and holidays, known ahead", ["Temperature", "Holiday"], None),
    ):
        y, X = table["Demand"], table[columns] if columns else None
        start, errors = time.process_time(), []
        forecaster = LSTMForecaster(past_covariates=past, random_state=0)
        forecaster.fit(y[: ORIGINS[0]], X=None if X is None else X[: ORIGINS[0]], fh=range(1, DAY + 1))
        seconds = time.process_time() - start
        for before, origin in zip([None, *ORIGINS], ORIGINS, strict=False):
            if before:
                new = slice(before, origin)
                forecaster.update(y[new], X=None if X is None else X[new], update_params=False)
            day = slice(origin, origin + DAY or None)
            forecast = forecaster.predict(X=None if X is None else X[day])
            errors.append((forecast - y[day]).abs().mean())
        yield "vic_elec", name, float(np.mean(errors)), seconds


def promotion(draws: int = 20) -> Iterator[Row]:
    """A promotion that is known ahead."""
    for name in ("without X", "promotion"):
        start, errors = time.process_time(), []
        for draw in range(draws):
            generator = np.random.default_rng(draw)
            X = pd.DataFrame({"promotion": generator.integers(0, 2, 270)})
            y = 10 * X["promotion"] + pd.Series(generator.normal(0, 0.3, 270))
            known = {} if name == "without X" else {"X": X[:240]}
            future = {} if name == "without X" else {"X": X[240:]}
            forecast = LSTMForecaster(random_state=0).fit(y[:240], **known).predict(fh=range(1, 31), **future)
            errors.append((forecast - y[240:]).abs().mean())
        yield "promotion", name, float(np.mean(errors)), (time.process_time() - start) / draws


CATEGORIES = ["bakery", "drinks", "garden", "meat", "toys"]
HOLIDAYS = ["none", "easter", "summer fair", "christmas"]


def shops(draw: int, num_shops: int = 100, days: int = 214) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sales and covariates of the shops."""
    generator = np.random.default_rng(draw)
    week = generator.normal(0, 0.25, (5, 7))
    lift, elasticity = generator.uniform(0.1, 0.9, 5), generator.uniform(-3.0, -0.5, 5)
    festive = np.column_stack([np.zeros(5), generator.normal(0.3, 0.4, (5, 3))])
    holiday = np.where(generator.random(days) < 0.08, generator.integers(1, 4, days), 0)
    sales, covariates = {}, {}
    stamps = pd.period_range("2024-01-01", periods=days, freq="D", name="day")
    for shop in range(num_shops):
        kind = generator.integers(5)
        offers = np.repeat(generator.random(days // 7 + 1) < 0.25, 7)[:days]
        price = np.repeat(1 + 0.1 * generator.normal(size=days // 28 + 1), 28)[:days]
        level = generator.normal(3, 1) + 0.02 * generator.normal(size=days).cumsum()
        noise = 0.15 * generator.normal(size=days)
        log = level + week[kind][np.arange(days) % 7] + lift[kind] * offers + festive[kind][holiday]
        name = f"shop {shop:03}"
        sales[name] = pd.DataFrame({"sales": np.exp(log + elasticity[kind] * np.log(price) + noise)}, stamps)
        columns = {"price": price, "promotion": offers, "holiday": np.array(HOLIDAYS)[holiday]}
        covariates[name] = pd.DataFrame({**columns, "category": CATEGORIES[kind]}, stamps)
    return pd.concat(sales, names=["shop"]), pd.concat(covariates, names=["shop"])


def lightgbm(y: pd.DataFrame, X: pd.DataFrame, future: pd.DataFrame, *, steps: int, concurrent: bool) -> pd.DataFrame:
    """LightGBM in the direct reduction of sktime, one model for each step, with dummy columns for the categories.

    `concurrent` gives it the covariates of the step that it forecasts, else it has those before the origin.
    """
    from lightgbm import LGBMRegressor
    from sktime.forecasting.compose import DirectReductionForecaster

    both = pd.get_dummies(pd.concat([X, future]), dtype=float).astype(float)
    both.columns = [str(column).replace(" ", "_") for column in both]
    treatment = "concurrent" if concurrent else "shifted"
    regressor = LGBMRegressor(random_state=0, verbose=-1, n_jobs=1)
    reduction = DirectReductionForecaster(regressor, window_length=28, X_treatment=treatment, pooling="global")
    reduction.fit(y, X=both.loc[X.index], fh=range(1, steps + 1))
    return reduction.predict(X=both.loc[future.index])


def lightgbm_by_hand(y: pd.DataFrame, X: pd.DataFrame, future: pd.DataFrame, *, steps: int) -> pd.DataFrame:
    """The same without sktime: 28 lags relative to the mean of the shop, and the covariates of the step."""
    from lightgbm import LGBMRegressor

    lags, num_shops = 28, y.index.get_level_values("shop").nunique()
    both = pd.get_dummies(pd.concat([X, future]), dtype=float).astype(float).sort_index().to_numpy()
    columns, values = both.reshape(num_shops, -1, both.shape[1]), y["sales"].to_numpy().reshape(num_shops, -1)
    level, known = values.mean(axis=1, keepdims=True), values.shape[1]
    values, forecast = values / level, np.empty((num_shops, steps))
    for step in range(1, steps + 1):
        origins = np.arange(lags, known - step + 1)
        past = np.stack([values[:, origins - lag] for lag in range(1, lags + 1)], -1)
        seen = np.concatenate([past, columns[:, origins + step - 1]], -1).reshape(-1, lags + columns.shape[2])
        regressor = LGBMRegressor(random_state=0, verbose=-1, n_jobs=1)
        regressor.fit(seen, values[:, origins + step - 1].ravel())
        last = np.concatenate([values[:, : -lags - 1 : -1], columns[:, known + step - 1]], -1)
        forecast[:, step - 1] = regressor.predict(last)
    return pd.DataFrame((forecast * level).ravel(), future.index, ["sales"])


def lstm(y: pd.DataFrame, X: pd.DataFrame, future: pd.DataFrame, *, steps: int, informed: bool) -> pd.DataFrame:
    """`LSTMForecaster` with default parameters."""
    forecaster = LSTMForecaster(random_state=0).fit(y, X=X if informed else None, fh=range(1, steps + 1))
    return forecaster.predict(X=future if informed else None)


def of_shops(draws: int = 3, steps: int = 14) -> Iterator[Row]:
    """One fit for all shops; errors relative to the mean sales of each shop, in percent."""
    methods: dict[str, Callable[..., pd.DataFrame]] = {
        "without X": lambda *data: lstm(*data, steps=steps, informed=False),
        "price, promotion, holiday, category": lambda *data: lstm(*data, steps=steps, informed=True),
        "LightGBM by hand, the same columns": lambda *data: lightgbm_by_hand(*data, steps=steps),
        "LightGBM in sktime, the same columns of each step": lambda *data: lightgbm(
            *data, steps=steps, concurrent=True
        ),
        "LightGBM in sktime, the same columns of the past": lambda *data: lightgbm(
            *data, steps=steps, concurrent=False
        ),
    }
    for name, method in methods.items():
        start, errors = time.process_time(), []
        for draw in range(draws):
            y, X = shops(draw)
            ahead = y.index.get_level_values("day") > y.index.get_level_values("day").max() - steps
            forecast = method(y[~ahead], X[~ahead], X[ahead])
            error = (forecast - y[ahead]).abs()["sales"].groupby("shop").mean()
            errors.append(100 * (error / y[~ahead]["sales"].groupby("shop").mean()).mean())
        yield "100 shops", name, float(np.mean(errors)), (time.process_time() - start) / draws


def autoregression(draw: int, length: int, strength: float) -> pd.DataFrame:
    """Three variables that depend on each other's last values."""
    generator = np.random.default_rng(draw)
    weights = np.diag(generator.uniform(0.2, 0.7, 3)) + strength * generator.normal(size=(3, 3)) * (1 - np.eye(3))
    weights *= min(1, 0.9 / np.abs(np.linalg.eigvals(weights)).max())
    root, values = np.linalg.cholesky(0.5 * np.eye(3) + 0.5), np.zeros((length + 50, 3))
    for time_step in range(1, length + 50):
        values[time_step] = weights @ values[time_step - 1] + root @ generator.normal(size=3)
    return pd.DataFrame(100 + values[50:], columns=list("abc"))


def forecast_ahead(y: pd.DataFrame, known: int) -> float:
    """Mean absolute error of the points after those known, one and four steps ahead."""
    forecaster, errors = LSTMForecaster(random_state=0).fit(y[:known], fh=range(1, 5)), []
    for cutoff in range(known, len(y) - 3, 4):
        if cutoff > known:
            forecaster.update(y[cutoff - 4 : cutoff], update_params=False)
        errors.append((forecaster.predict(fh=[1, 4]) - y.iloc[[cutoff, cutoff + 3]]).abs().to_numpy())
    return float(np.mean(errors))


def several_variables(draws: int = 12) -> Iterator[Row]:
    """All variables at once against each by itself."""
    for length in (120, 400, 1500):
        for strength in (0.0, 0.15, 0.4):
            data = f"vector autoregression, {length} points, strength {strength}"
            for name, split in (("column by column", True), ("all at once", False)):
                start, errors = time.process_time(), []
                for draw in range(draws):
                    y = autoregression(draw, length + 60, strength)
                    parts = [y[[column]] for column in y] if split else [y]
                    errors.append(np.mean([forecast_ahead(part, length) for part in parts]))
                yield data, name, float(np.mean(errors)), (time.process_time() - start) / draws


def write(rows: Iterator[Row]) -> None:
    """Replace the rows in `covariates.csv`, each as soon as it is there."""
    for data, method, error, seconds in rows:
        packages = ("sktime", "torch", "pandas", "numpy") + (("lightgbm",) if method.startswith("LightGBM") else ())
        ours = f"python {platform.python_version()}, sktime-lstm {sktime_lstm.__version__}"
        row = {"data": data, "method": method, "MAE": round(error, 3), "seconds": round(seconds, 2)}
        row |= {"versions": ", ".join([ours, *(f"{each} {version(each)}" for each in packages)])}
        table = pd.DataFrame([row | {"date": date.today().isoformat()}])
        if RESULTS.exists():
            table = pd.concat([pd.read_csv(RESULTS), table]).drop_duplicates(["data", "method"], keep="last")
        table.to_csv(RESULTS, index=False)
        print(f"{data:50} {method:45} {error:10.3f} {seconds:8.1f} s", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="CSV file of the data vic_elec")
    parser.add_argument("--only", choices=["vic_elec", "promotion", "shops", "variables"], help="one part alone")
    arguments = parser.parse_args()
    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "promotion": promotion,
        "shops": of_shops,
        "variables": several_variables,
    }
    if arguments.data is not None:
        parts["vic_elec"] = lambda: vic_elec(load(arguments.data))
    warnings.simplefilter("ignore")
    for name, part in parts.items():
        if arguments.only in (None, name):
            write(part())


if __name__ == "__main__":
    main()
