"""Covariates: those known only in the past."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from toys import small, wave

from sktime_lstm import LSTMForecaster, backtest, load_model

LENGTH, STEPS = 60, range(1, 9)
FULL = range(-LENGTH + 1, 9)


def covariates(length=LENGTH + 10, seed=5):
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(length, 2)), columns=["price", "rain"])


def driven(X, length=LENGTH):
    """A series that follows the price at once and the rain of the step before."""
    return wave(length) + 3 * X["price"][:length] + 3 * X["rain"].shift(1, fill_value=0.0)[:length]


def fitted(past, **parameters):
    X = covariates()
    parameters = {"max_epochs": 20, "learning_rate": 0.02, "output_length": 3, **parameters}
    return small(past_covariates=past, **parameters).fit(driven(X), X=X[:LENGTH])


@pytest.fixture(scope="module")
def rainy():
    """The rain is known only in the past; eight steps are three blocks."""
    return fitted(["rain"])


@pytest.fixture(scope="module")
def all_past():
    return fitted(["rain", "price"])


# Known only in the past


def test_a_column_known_only_in_the_past_is_not_needed_in_predict(rainy):
    X = covariates()[LENGTH:]
    forecast = rainy.predict(fh=STEPS, X=X[["price"]])
    assert np.isfinite(forecast.to_numpy()).all()
    assert_array_equal(rainy.predict(fh=STEPS, X=X).to_numpy(), forecast.to_numpy())


@pytest.mark.parametrize("future", [1e9, np.inf, np.nan])
@pytest.mark.parametrize("method", ["predict", "predict_interval", "predict_samples"])
def test_what_the_future_holds_of_such_a_column_is_never_read(rainy, method, future):
    X = covariates()[LENGTH:]
    expected = getattr(rainy, method)(fh=FULL, X=X[["price"]]).to_numpy()
    assert_array_equal(getattr(rainy, method)(fh=FULL, X=X.assign(rain=future)).to_numpy(), expected)


def test_in_sample_forecasts_know_of_such_a_column_what_came_before(rainy):
    """A change of the rain at a point changes the forecasts of later points alone."""
    X, y = covariates(), driven(covariates())
    changed = X.copy()
    changed.loc[40, "rain"] += 5
    forecasts = [rainy.clone().fit(y, X=X[:LENGTH]).predict(fh=range(-LENGTH + 1, 1))]
    twin = rainy.clone().fit(y, X=X[:LENGTH]).update(y, X=changed[:LENGTH], update_params=False)
    forecasts.append(twin.predict(fh=range(-LENGTH + 1, 1)))
    before, after = (forecast.to_numpy() for forecast in forecasts)
    assert_array_equal(before[:41], after[:41])
    assert (before[41:44] != after[41:44]).all()


def test_the_past_of_such_a_column_counts(all_past):
    X, y = covariates(), driven(covariates())
    twin = all_past.clone().fit(y, X=X[:LENGTH])
    forecast = twin.predict(fh=STEPS).to_numpy()
    X.loc[LENGTH - 1, "rain"] += 5
    assert (twin.update(y, X=X[:LENGTH], update_params=False).predict(fh=STEPS).to_numpy() != forecast).all()


def test_without_other_columns_predict_needs_no_covariates(all_past):
    X = covariates()[LENGTH:]
    forecast = all_past.predict(fh=STEPS).to_numpy()
    assert_array_equal(all_past.predict(fh=STEPS, X=X).to_numpy(), forecast)
    assert_array_equal(all_past.predict(fh=STEPS, X=X[:2]).to_numpy(), forecast)


def test_the_other_columns_are_still_asked_for(rainy):
    with pytest.raises(ValueError, match=r"X is missing.*\['price'\]"):
        rainy.predict(fh=STEPS)
    with pytest.raises(ValueError, match=r"X does not cover the forecasting horizon: 6 time stamp"):
        rainy.predict(fh=STEPS, X=covariates()[LENGTH : LENGTH + 2])


def test_the_linear_effect_of_such_a_column_is_not_taken_out():
    X = covariates()
    y = wave(LENGTH) + 10 * X[:LENGTH].sum(axis=1)
    effect = small(past_covariates=["rain"]).fit(y, X=X[:LENGTH])._model.preprocessing.effect
    assert effect[0] > 0
    assert effect[1] == 0


def test_an_update_brings_the_past_of_every_column(rainy):
    X, y = covariates(), driven(covariates(), LENGTH + 2)
    with pytest.raises(ValueError, match=r"X has the columns \['price'\]"):
        rainy.clone().fit(y[:LENGTH], X=X[:LENGTH]).update(y[LENGTH:], X=X[["price"]][LENGTH : LENGTH + 2])
    twin = rainy.clone().fit(y[:LENGTH], X=X[:LENGTH]).update(y[LENGTH:], X=X[LENGTH : LENGTH + 2])
    assert np.isfinite(twin.predict(fh=STEPS, X=X[["price"]][LENGTH + 2 :]).to_numpy()).all()


def test_a_saved_forecaster_hides_the_same_columns(rainy, tmp_path):
    rainy.save_model(tmp_path / "model")
    X = covariates()[LENGTH:]
    loaded = load_model(tmp_path / "model")
    assert loaded.past_covariates == ["rain"]
    expected = rainy.predict(fh=STEPS, X=X)
    assert_array_equal(loaded.predict(fh=STEPS, X=X.assign(rain=1e9)).to_numpy(), expected.to_numpy())


@pytest.mark.parametrize("again", [None, ["rain"], ("rain",)])
def test_what_was_pretrained_hides_the_same_columns_after_a_fit(rainy, again):
    X, y = covariates(), driven(covariates())
    tuned = small(pretrained=rainy, past_covariates=again).fit(y, X=X[:LENGTH])
    assert np.isfinite(tuned.predict(fh=STEPS, X=X[["price"]][LENGTH:]).to_numpy()).all()


def test_other_columns_than_in_pretraining_are_refused(rainy):
    X, y = covariates(), driven(covariates())
    with pytest.raises(ValueError, match=r"past_covariates=\['price'\], but the pretrained network has .*\['rain'\]"):
        small(pretrained=rainy, past_covariates=["price"]).fit(y, X=X[:LENGTH])


def test_a_name_that_is_no_column_is_refused():
    X = covariates()
    with pytest.raises(ValueError, match="past_covariates names 'snow', but X has the columns"):
        small(past_covariates=["snow"]).fit(driven(X), X=X[:LENGTH])
    with pytest.raises(ValueError, match="past_covariates names 'rain', but X is missing"):
        small(past_covariates=["rain"]).fit(driven(X))


def test_a_backtest_measures_what_can_be_known():
    """The covariate gives the series away, one step too late."""
    X = covariates()
    y = pd.Series(np.random.default_rng(0).normal(size=LENGTH))
    X = X[:LENGTH].assign(rain=y)
    forecasters = {
        "ahead": small(),
        "past": small(past_covariates=["rain"]),
    }
    scores = backtest(y, forecasters, fh=[1, 2], X=X[["rain"]], max_folds=3)["MASE"]
    assert scores["ahead"] < 0.5 * scores["past"]


def test_a_cause_one_step_before_halves_the_error_of_the_next_step():
    cause = np.random.default_rng(0).normal(size=1501)
    y = pd.Series(cause[:-1] + 0.1 * np.random.default_rng(1).normal(size=1500))
    X = pd.DataFrame({"cause": cause[1:]})
    forecaster = LSTMForecaster(past_covariates=["cause"], random_state=0).fit(y[:1400], X=X[:1400], fh=[1])
    forecast = forecaster.update(y[1400:], X=X[1400:], update_params=False).predict(fh=range(-99, 1))
    assert (forecast - y[1400:]).abs().mean() < 0.5 * y[1400:].abs().mean()


def test_gates_are_those_of_a_window_whose_future_is_hidden(rainy):
    X = covariates()[LENGTH:]
    expected = rainy.gate_activations(X=X[["price"]])["value"]
    assert_allclose(rainy.gate_activations(X=X.assign(rain=1e3))["value"], expected)


# Categories

WEATHERS = {"sun": 12.0, "rain": -8.0, "fog": 0.0}


def weather(length=LENGTH + 10, seed=3):
    kinds = np.random.default_rng(seed).choice(list(WEATHERS), length)
    return pd.DataFrame({"weather": kinds}), 50 + pd.Series([WEATHERS[kind] for kind in kinds])


@pytest.fixture(scope="module")
def outdoors():
    X, y = weather()
    return small().fit(y[:LENGTH], X=X[:LENGTH])


def test_a_forecast_follows_the_category_of_its_step(outdoors):
    X, y = weather()
    assert (outdoors.predict(fh=STEPS, X=X[LENGTH:]) - y[LENGTH : LENGTH + 8]).abs().max() < 1


@pytest.mark.parametrize("dtype", ["category", "string", object])
def test_categories_may_have_any_type_of_pandas(outdoors, dtype):
    X, y = weather()
    X = X.astype(dtype)
    forecast = small().fit(y[:LENGTH], X=X[:LENGTH]).predict(fh=STEPS, X=X[LENGTH:])
    assert_array_equal(forecast.to_numpy(), outdoors.predict(fh=STEPS, X=X[LENGTH:].astype(str)).to_numpy())


def test_truth_values_are_zero_and_one():
    X = pd.DataFrame({"open": np.random.default_rng(0).random(LENGTH + 10) < 0.5})
    y = wave(LENGTH) + 5 * X["open"][:LENGTH]
    forecasts = [
        small().fit(y, X=some[:LENGTH]).predict(fh=STEPS, X=some[LENGTH:]).to_numpy()
        for some in (X, X.astype("boolean"), X.astype(float))
    ]
    assert_array_equal(forecasts[0], forecasts[2])
    assert_array_equal(forecasts[1], forecasts[2])


def test_categories_that_fit_has_not_seen_count_as_missing(outdoors):
    X = weather()[0][LENGTH:].astype(object)
    new, missing = X.copy(), X.copy()
    new.iloc[[0, 4]], missing.iloc[[0, 4]] = "hail", None
    forecast = outdoors.predict(fh=STEPS, X=new)
    assert_array_equal(forecast.to_numpy(), outdoors.predict(fh=STEPS, X=missing).to_numpy())
    assert np.isfinite(forecast.to_numpy()).all()


def test_an_update_may_bring_categories_that_fit_has_not_seen(outdoors):
    X, y = weather()
    X.iloc[LENGTH : LENGTH + 2] = "hail"
    twin = outdoors.clone().fit(y[:LENGTH], X=X[:LENGTH])
    twin.update(y[LENGTH : LENGTH + 4], X=X[LENGTH : LENGTH + 4])
    assert (twin.predict(fh=[1, 2], X=X[LENGTH + 4 :]) - y[LENGTH + 4 : LENGTH + 6]).abs().max() < 2


def test_a_saved_forecaster_knows_its_categories(outdoors, tmp_path):
    X = weather()[0][LENGTH:]
    outdoors.save_model(tmp_path / "model")
    forecast = load_model(tmp_path / "model").predict(fh=STEPS, X=X)
    assert_array_equal(forecast.to_numpy(), outdoors.predict(fh=STEPS, X=X).to_numpy())


def test_what_was_pretrained_knows_its_categories_among_others(outdoors):
    """The weather of a new series has another kind, and comes in another order."""
    X, y = weather(seed=4)
    X.iloc[:3] = "hail"
    tuned = LSTMForecaster(pretrained=outdoors, fine_tune="none").fit(y[:LENGTH], X=X[:LENGTH])
    assert (tuned.predict(fh=STEPS, X=X[LENGTH:]) - y[LENGTH : LENGTH + 8]).abs().max() < 3


def test_numbers_where_pretraining_has_seen_categories_are_refused(outdoors):
    X, y = weather()
    with pytest.raises(TypeError, match="Column 'weather' of X holds numbers, but pretraining has seen categories"):
        small(pretrained=outdoors).fit(y, X=pd.DataFrame({"weather": np.arange(float(len(X)))}))


def test_a_category_known_only_in_the_past_is_hidden():
    X, y = weather()
    forecaster = small(past_covariates=["weather"]).fit(y[:LENGTH], X=X[:LENGTH])
    assert_array_equal(forecaster.predict(fh=STEPS).to_numpy(), forecaster.predict(fh=STEPS, X=X[LENGTH:]).to_numpy())


def many_categories(length=400):
    """Forty categories, each of which lifts the series by as much as its number."""
    numbers = np.random.default_rng(0).integers(0, 40, length)
    X = pd.DataFrame({"item": [f"item {number:02}" for number in numbers]})
    return X, pd.Series(0.5 * numbers + np.random.default_rng(1).normal(0, 0.1, length))


def test_many_categories_are_learned_by_an_embedding(tmp_path):
    X, y = many_categories()
    forecaster = LSTMForecaster(max_epochs=60, learning_rate=0.01, random_state=0).fit(y[:360], X=X[:360], fh=[1, 2])
    assert forecaster._model.network.embeddings[0].shape == (41, 6)
    forecast = forecaster.update(y[360:], X=X[360:], update_params=False).predict(fh=range(-39, 1))
    assert (forecast - y[360:]).abs().mean() < 0.6 * (y[360:] - y[:360].median()).abs().mean()
    forecaster.save_model(tmp_path / "model")
    future = pd.DataFrame({"item": ["item 03", "never seen"]}, index=[400, 401])
    known = forecaster.predict(fh=[1, 2], X=future)
    assert_array_equal(load_model(tmp_path / "model").predict(fh=[1, 2], X=future).to_numpy(), known.to_numpy())


# Static columns of a panel


def two_groups(number=12, length=40, seed=0):
    """Series that return to zero in group "a" and turn around in group "b"; their last value alone does not tell."""
    generator, series, labels = np.random.default_rng(seed), {}, {}
    for member in range(number):
        group = "ab"[member % 2]
        values = np.zeros(length)
        for step in range(1, length):
            values[step] = (0.8 if group == "a" else -0.8) * values[step - 1] + generator.normal()
        series[member] = pd.DataFrame({"y": values})
        labels[member] = pd.DataFrame({"group": [group] * length})
    return pd.concat(series), pd.concat(labels)


def of_steps(frame, steps):
    return frame[frame.index.get_level_values(-1).isin(steps)]


@pytest.fixture(scope="module")
def labelled():
    y, X = two_groups(length=20)
    X["price"] = np.random.default_rng(0).normal(size=len(X))
    forecaster = small(anchored=False, max_epochs=20, learning_rate=0.02)
    return forecaster.fit(of_steps(y, range(18)), X=of_steps(X, range(18))), X


def test_a_static_column_may_be_left_out_of_the_future(labelled):
    forecaster, X = labelled
    future = of_steps(X, [18, 19])
    forecast = forecaster.predict(fh=[1, 2], X=future)
    assert_array_equal(forecaster.predict(fh=[1, 2], X=future[["price"]]).to_numpy(), forecast.to_numpy())
    other = forecaster.predict(fh=[1, 2], X=future.assign(group="a"))
    assert (other != forecast)["y"].tolist() == [False, False, True, True] * 6


def test_other_columns_are_asked_for_beside_a_static_one(labelled):
    forecaster, X = labelled
    with pytest.raises(ValueError, match=r"X is missing.*\['price'\]"):
        forecaster.predict(fh=[1, 2])
    with pytest.raises(ValueError, match="X has the columns"):
        forecaster.predict(fh=[1, 2], X=of_steps(X, [18, 19])[["group"]])


def test_with_static_columns_alone_predict_needs_no_covariates():
    y, X = two_groups(length=20)
    forecaster = small().fit(of_steps(y, range(18)), X=of_steps(X, range(18)))
    forecast = forecaster.predict(fh=[1, 2]).to_numpy()
    assert_array_equal(forecaster.predict(fh=[1, 2], X=of_steps(X, [18, 19])).to_numpy(), forecast)
    assert_array_equal(forecaster.predict(fh=[1, 2], X=of_steps(X, [18])).to_numpy(), forecast)


def test_a_constant_column_of_one_series_is_no_label():
    X = pd.DataFrame({"one": np.ones(30)})
    with pytest.raises(ValueError, match="X is missing"):
        small().fit(wave(30), X=X).predict(fh=[1])


def test_a_label_that_tells_two_kinds_of_series_apart_reduces_the_error():
    """A promotion lifts the one group by as much as it lowers the other, so that it has no effect on the whole."""
    generator, rows = np.random.default_rng(0), pd.MultiIndex.from_product([range(40), range(40)])
    is_a, promotion = rows.get_level_values(0) % 2 == 0, generator.integers(0, 2, len(rows))
    X = pd.DataFrame({"promotion": promotion, "group": np.where(is_a, "a", "b")}, rows)
    y = pd.DataFrame({"y": np.where(is_a, 3, -3) * promotion + generator.normal(0, 0.5, len(rows))}, rows)
    known, ahead, errors = range(34), range(34, 40), []
    for columns in (["promotion", "group"], ["promotion"]):
        forecaster = LSTMForecaster(random_state=0).fit(
            of_steps(y, known), X=of_steps(X, known)[columns], fh=range(1, 7)
        )
        forecast = forecaster.predict(X=of_steps(X, ahead)[["promotion"]])
        errors.append((forecast - of_steps(y, ahead)).abs()["y"].mean())
    assert errors[0] < 0.9 * errors[1]


# What they explain


def test_the_table_of_effects_finds_those_of_a_simulation_within_their_errors(outdoors):
    table = outdoors.covariate_effects().set_index("category")
    difference = table["effect"]["sun"] - table["effect"]["rain"]
    assert abs(difference - 20) < 1
    assert (table["standard_error"] > 0).all()
    assert table["covariate"].unique().tolist() == ["weather"]


def test_the_table_of_effects_has_zeros_for_what_is_known_only_in_the_past(rainy):
    table = rainy.covariate_effects().set_index("covariate")
    assert table.loc["rain", ["effect", "standard_error"]].tolist() == [0, 0]
    assert abs(table.loc["price", "effect"] - 3) < 4 * table.loc["price", "standard_error"]


def test_past_rows_of_x_in_predict_change_nothing():
    generator = np.random.default_rng(0)
    months = pd.period_range("2010-01", periods=72, freq="M")
    X = pd.DataFrame({"x": generator.normal(size=72)}, months)
    y = 5 * X["x"] + generator.normal(size=72)
    forecaster = LSTMForecaster(random_state=0).fit(y[:60], X=X[:60])
    whole, future = (forecaster.predict(fh=range(1, 13), X=some + 2) for some in (X, X[60:]))
    np.testing.assert_array_equal(whole, future)


def test_a_column_of_categories_that_is_all_missing_has_no_effect_and_is_no_error():
    months = pd.period_range("2010-01", periods=60, freq="M")
    generator = np.random.default_rng(0)
    X = pd.DataFrame({"b": pd.Categorical([None] * 60, categories=["a"]), "x": generator.normal(size=60)}, months)
    y = pd.Series(X["x"] + generator.normal(size=60), months)
    assert "x" in str(LSTMForecaster(random_state=0).fit(y, X=X).covariate_effects())
