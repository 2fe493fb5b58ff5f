"""The forecaster inside the composites of sktime: each gives the numbers that the bare forecaster and a pencil give."""

import copy
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sktime.datasets import load_airline
from sktime.forecasting.compose import (
    BaggingForecaster,
    ColumnEnsembleForecaster,
    EnsembleForecaster,
    ForecastByLevel,
    ForecastingPipeline,
    MultiplexForecaster,
    TransformedTargetForecaster,
)
from sktime.forecasting.conformal import ConformalIntervals
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from sktime.performance_metrics.forecasting.probabilistic import PinballLoss
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter
from sktime.transformations.bootstrap import MovingBlockBootstrapTransformer
from sktime.transformations.boxcox import LogTransformer
from sktime.transformations.detrend import Deseasonalizer, Detrender
from sktime.transformations.hierarchical.aggregate import Aggregator
from sktime.transformations.lag import Lag
from toys import small

FH = [1, 2, 3]


@pytest.fixture(scope="module")
def airline():
    return load_airline()


@pytest.fixture(scope="module")
def bare(airline):
    """What the bare forecaster says to the airline series."""
    return small().fit(airline, fh=FH).predict().to_numpy()


@pytest.fixture(scope="module")
def shops():
    """Two regions of two shops each, 40 months."""
    months = pd.period_range("2020-01", periods=40, freq="M")
    index = pd.MultiIndex.from_product([["north", "south"], ["x", "y"], months], names=["region", "shop", "month"])
    noise = np.random.default_rng(0).normal(size=(4, 40)).cumsum(axis=1)
    return pd.DataFrame({"sales": (noise + np.array([[10], [20], [30], [40]])).ravel()}, index=index)


# Pipelines


def test_a_logarithm_is_taken_and_given_back(airline):
    pipeline = TransformedTargetForecaster([("log", LogTransformer()), ("forecast", small())])
    forecast = pipeline.fit(airline, fh=FH).predict()
    by_hand = np.exp(small().fit(np.log(airline), fh=FH).predict())
    assert_allclose(forecast.to_numpy(), by_hand.to_numpy())


def test_trend_and_season_are_removed_and_given_back(airline):
    forecast = (Deseasonalizer(sp=12) * Detrender() * small()).fit(airline, fh=FH).predict()
    season, trend = Deseasonalizer(sp=12), Detrender()
    rest = trend.fit_transform(season.fit_transform(airline))
    by_hand = season.inverse_transform(trend.inverse_transform(small().fit(rest, fh=FH).predict()))
    assert_allclose(forecast.to_numpy(), by_hand.to_numpy())


def test_a_transformed_target_is_updated_through_the_pipeline(airline):
    pipeline = TransformedTargetForecaster([("log", LogTransformer()), ("forecast", small())])
    forecast = pipeline.fit(airline[:120]).update(airline[120:], update_params=False).predict(fh=FH)
    by_hand = small().fit(np.log(airline[:120])).update(np.log(airline[120:]), update_params=False).predict(fh=FH)
    assert_allclose(forecast.to_numpy(), np.exp(by_hand).to_numpy())


def test_intervals_go_through_the_pipeline(airline):
    pipeline = TransformedTargetForecaster([("log", LogTransformer()), ("forecast", small())])
    interval = pipeline.fit(airline, fh=FH).predict_interval(coverage=0.8)
    by_hand = np.exp(small().fit(np.log(airline), fh=FH).predict_interval(coverage=0.8))
    assert_allclose(interval.to_numpy(), by_hand.to_numpy())


def test_covariates_are_transformed_before_the_forecaster_sees_them(airline):
    y = airline[:60]
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=64)}, index=airline.index[:64])
    pipeline = ForecastingPipeline([("lag", Lag(1, index_out="original")), ("forecast", small())])
    forecast = pipeline.fit(y, X=X[:60], fh=FH).predict(X=X[60:63])
    lagged = X.shift(1).set_axis(["lag_1__x"], axis=1)
    by_hand = small().fit(y, X=lagged[:60], fh=FH).predict(X=lagged[60:63])
    assert_allclose(forecast.to_numpy(), by_hand.to_numpy())


# Evaluation


@pytest.fixture(scope="module")
def folds():
    return ExpandingWindowSplitter(initial_window=120, step_length=8, fh=FH)


def forecasts_of(results):
    return np.concatenate([forecast.to_numpy().ravel() for forecast in results["y_pred"]])


def evaluated(airline, folds, **arguments):
    return evaluate(
        small(), folds, airline, scoring=MeanAbsoluteError(), return_data=True, error_score="raise", **arguments
    )


def test_evaluate_refits_in_every_fold(airline, folds):
    results = evaluated(airline, folds, strategy="refit")
    by_hand = [small().fit(airline.iloc[train], fh=FH).predict() for train, _ in folds.split(airline)]
    assert_allclose(forecasts_of(results), np.concatenate(by_hand))


def test_evaluate_without_updates_of_parameters_trains_once(airline, folds):
    results = evaluated(airline, folds, strategy="no-update_params")
    forecaster, by_hand = small().fit(airline[:120], fh=FH), []
    for train, _ in folds.split(airline):
        by_hand.append(forecaster.update(airline.iloc[train], update_params=False).predict(fh=FH))
    assert_allclose(forecasts_of(results), np.concatenate(by_hand))


def test_evaluate_updates_in_every_fold_but_the_first(airline, folds):
    results = evaluated(airline, folds, strategy="update")
    forecaster, by_hand = small().fit(airline[:120], fh=FH), []
    for fold, (train, _) in enumerate(folds.split(airline)):
        if fold:
            forecaster.update(airline.iloc[train])
        by_hand.append(forecaster.predict(fh=FH))
    assert_allclose(forecasts_of(results), np.concatenate(by_hand))


def test_evaluate_gives_the_mean_absolute_error(airline, folds):
    results = evaluated(airline, folds)
    errors = [
        np.abs(small().fit(airline.iloc[train], fh=FH).predict().to_numpy() - airline.iloc[test].to_numpy()).mean()
        for train, test in folds.split(airline)
    ]
    assert_allclose(results["test_MeanAbsoluteError"], errors)


def test_evaluate_scores_intervals(airline, folds):
    results = evaluate(small(), folds, airline, scoring=PinballLoss(alpha=[0.1, 0.9]), error_score="raise")
    losses = []
    for train, test in folds.split(airline):
        quantiles = small().fit(airline.iloc[train], fh=FH).predict_quantiles(alpha=[0.1, 0.9]).to_numpy()
        missed = airline.iloc[test].to_numpy()[:, None] - quantiles
        losses.append(np.maximum(missed * [0.1, 0.9], missed * [-0.9, -0.1]).mean())
    assert_allclose(results["test_PinballLoss"], losses)


def test_evaluate_passes_known_covariates(airline, folds):
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=144)}, index=airline.index)
    results = evaluated(airline, folds, X=X)
    by_hand = [
        small().fit(airline.iloc[train], X=X.iloc[train], fh=FH).predict(X=X.iloc[test])
        for train, test in folds.split(airline)
    ]
    assert_allclose(forecasts_of(results), np.concatenate(by_hand))


def test_evaluate_of_a_panel_forecasts_every_series(shops):
    cv = SlidingWindowSplitter(window_length=30, step_length=5, fh=FH)
    results = evaluate(small(), cv, shops, scoring=MeanAbsoluteError(), return_data=True, error_score="raise")
    first = shops[shops.index.get_level_values("month") < "2022-07"]
    assert_allclose(results["y_pred"].iloc[0].to_numpy(), small().fit(first, fh=FH).predict().to_numpy())


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_evaluate_gives_the_same_numbers_in_parallel(airline, folds, backend):
    parallel = evaluated(airline, folds, backend=backend, backend_params={"n_jobs": 2})
    assert_array_equal(forecasts_of(parallel), forecasts_of(evaluated(airline, folds)))


def test_forked_processes_do_not_hang_and_give_the_same_numbers():
    """The parent has used torch with two threads before, which is what makes forked children hang."""
    code = """
        import warnings
        warnings.simplefilter("ignore")
        import numpy as np, torch
        from sktime.datasets import load_airline
        from sktime.forecasting.model_evaluation import evaluate
        from sktime.split import ExpandingWindowSplitter
        from sktime_lstm import LSTMForecaster

        torch.set_num_threads(2)
        torch.rand(1000, 1000) @ torch.rand(1000, 1000)
        forecaster, y = LSTMForecaster(max_epochs=3, hidden_size=4, random_state=0), load_airline()
        forecaster.clone().fit(y).predict([1])
        found = []
        for backend in ("multiprocessing", None):
            cv = ExpandingWindowSplitter(initial_window=120, step_length=8, fh=[1, 2, 3])
            workers = {"n_jobs": 2} if backend else None
            results = evaluate(forecaster, cv, y, return_data=True, error_score="raise", backend=backend,
                               backend_params=workers)
            found.append(np.concatenate(list(results["y_pred"])))
        print((found[0] == found[1]).all(), torch.get_num_threads())
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (run.returncode, run.stdout.split()) == (0, ["True", "2"]), run.stderr


# Tuning and choosing


def test_the_best_parameters_are_those_of_the_smallest_error(airline, folds):
    sizes = [1, 6]
    search = ForecastingGridSearchCV(
        small(), folds, {"output_length": sizes}, scoring=MeanAbsoluteError(), backend=None, error_score="raise"
    ).fit(airline, fh=FH)
    errors = []
    for size in sizes:
        results = evaluate(small(output_length=size), folds, airline, scoring=MeanAbsoluteError())
        errors.append(results["test_MeanAbsoluteError"].mean())
    assert search.best_params_ == {"output_length": sizes[int(np.argmin(errors))]}
    assert_allclose(search.best_score_, min(errors))


def test_the_tuned_forecaster_is_the_refitted_best_one(airline, folds):
    search = ForecastingGridSearchCV(small(), folds, {"output_length": [1, 6]}, backend=None, error_score="raise")
    forecast = search.fit(airline, fh=FH).predict()
    assert_array_equal(forecast.to_numpy(), small(**search.best_params_).fit(airline, fh=FH).predict().to_numpy())


def test_a_multiplexer_gives_the_forecast_of_the_chosen_one(airline, bare):
    options = [("naive", NaiveForecaster()), ("lstm", small())]
    forecast = MultiplexForecaster(options, selected_forecaster="lstm").fit(airline, fh=FH).predict()
    assert_array_equal(forecast.to_numpy(), bare)


# Ensembles


def test_an_ensemble_of_two_is_their_mean(airline, bare):
    pair = EnsembleForecaster([("one", small()), ("two", small(random_state=1))])
    other = small(random_state=1).fit(airline, fh=FH).predict().to_numpy()
    assert_allclose(pair.fit(airline, fh=FH).predict().to_numpy(), (bare + other) / 2)


def test_each_column_of_a_column_ensemble_is_forecast_on_its_own(airline, bare):
    y = pd.DataFrame({"a": airline, "b": airline[::-1].to_numpy()})
    split = ColumnEnsembleForecaster([("first", small(), 0), ("second", small(cell="gru"), 1)])
    forecast = split.fit(y, fh=FH).predict()
    assert_array_equal(forecast["a"].to_numpy(), bare)
    assert_array_equal(forecast["b"].to_numpy(), small(cell="gru").fit(y["b"], fh=FH).predict().to_numpy())


def test_bagging_is_the_mean_over_the_bootstrapped_series(airline):
    bootstrap = MovingBlockBootstrapTransformer(n_series=3, random_state=0)
    forecast = BaggingForecaster(bootstrap.clone(), small()).fit(airline, fh=FH).predict()
    samples = bootstrap.clone().fit_transform(airline.to_frame())
    by_hand = small().fit(samples, fh=FH).predict().groupby(level=-1).mean()
    assert_allclose(forecast.to_numpy().ravel(), by_hand.to_numpy().ravel())


def test_conformal_intervals_rest_on_the_errors_of_refitted_forecasters(airline):
    y = airline[:60]
    wrapper = ConformalIntervals(small(), method="conformal", initial_window=54).fit(y, fh=[1])
    errors = y[54:] - small().fit(y[:54], fh=y.index[54:]).predict()
    assert_allclose(wrapper.residuals_matrix_.iloc[0].to_numpy(), errors.to_numpy())
    forecast = small().fit(y, fh=[1]).predict().to_numpy()
    assert_allclose(wrapper.predict().to_numpy(), forecast)
    assert_allclose(wrapper.predict_interval().to_numpy(dtype=float).mean(axis=1), forecast)


# Hierarchies

# The reconciler of sktime aggregates twice and warns about its own totals.
twice = pytest.mark.filterwarnings("ignore:Found elements in the index of X named '__total'")


@twice
@pytest.mark.parametrize("method", ["bu", "ols", "mint_shrink", "mint_cov"])
def test_reconciled_forecasts_add_up(shops, method):
    forecast = ReconcilerForecaster(small(), method=method).fit(shops, fh=FH).predict()["sales"]
    totals = forecast.xs("__total", level="shop")
    for region in ("north", "south"):
        assert_allclose(forecast[region, "x"] + forecast[region, "y"], totals[region])
    assert_allclose(totals["north"] + totals["south"], totals["__total"])


@twice
def test_bottom_up_keeps_the_forecasts_of_the_shops(shops):
    forecast = ReconcilerForecaster(small(), method="bu").fit(shops, fh=FH).predict()
    expected = small().fit(shops, fh=FH).predict()
    assert_allclose(forecast.loc[expected.index].to_numpy(), expected.to_numpy())


@twice
def test_least_squares_reconciliation_is_the_projection_by_hand(shops):
    """Rows: total, north, its shops, south, its shops; the projection onto the sums of the four shops."""
    sums = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 1]])
    expected = small().fit(Aggregator().fit_transform(shops), fh=FH).predict()
    by_hand = sums @ np.linalg.pinv(sums) @ expected.to_numpy().reshape(7, 3)
    forecast = ReconcilerForecaster(small(), method="ols").fit(shops, fh=FH).predict()
    assert_allclose(forecast.to_numpy().reshape(7, 3), by_hand)


def test_local_forecasts_are_those_of_each_series_alone(shops):
    forecast = ForecastByLevel(small(), groupby="local").fit(shops, fh=FH).predict()
    for region, shop in [("north", "x"), ("south", "y")]:
        alone = small().fit(shops.loc[(region, shop)], fh=FH).predict()
        assert_allclose(forecast.loc[(region, shop)].to_numpy(), alone.to_numpy())


def test_global_forecasts_are_those_of_one_network(shops):
    forecast = ForecastByLevel(small(), groupby="global").fit(shops, fh=FH).predict()
    assert_allclose(forecast.to_numpy(), small().fit(shops, fh=FH).predict().to_numpy())


def test_panel_forecasts_are_those_of_one_network_for_each_region(shops):
    forecast = ForecastByLevel(small(), groupby="panel").fit(shops, fh=FH).predict()
    assert_allclose(forecast.loc["north"].to_numpy(), small().fit(shops.loc["north"], fh=FH).predict().to_numpy())


def test_a_composite_can_be_copied_and_updated(airline):
    pipeline = (Detrender() * small()).fit(airline[:120])
    twin = copy.deepcopy(pipeline).update(airline[120:], update_params=False)
    assert list(pipeline.predict(fh=[1]).index) == [airline.index[120]]
    assert list(twin.predict(fh=[1]).index) == [airline.index[-1] + 1]
