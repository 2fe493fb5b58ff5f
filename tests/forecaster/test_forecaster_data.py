"""What kinds of data the forecaster takes: missing values, gaps, dtypes, short series, covariates and panels."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from toys import TOO_SHORT, small, wave

from sktime_lstm import LSTMForecaster


def panel(lengths, names="abcdefgh", seed=0):
    """Several series in one frame with the index levels of sktime."""
    series = {
        name: wave(length, seed=seed + number)
        for number, (name, length) in enumerate(zip(names, lengths, strict=False))
    }
    return pd.concat(series, names=["series", "time"]).to_frame("y")


def covariates(length, seed=5):
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(length, 2)), columns=["a", "b"])


def all_answers(forecaster, length):
    """Forecasts of the whole past and of the future, and intervals, in one array."""
    fh = range(-length + 1, 11)
    return np.column_stack([forecaster.predict(fh=fh), forecaster.predict_interval(fh=fh)])


def assert_known_after_the_first_observation(answers, y):
    """Forecasts of the past exist where something was observed before, those of the future all."""
    observed_before = np.r_[0, y.notna().cumsum()[:-1]] > 0
    expected = np.r_[observed_before, [True] * (len(answers) - len(y))]
    assert_array_equal(np.isfinite(answers), np.broadcast_to(expected[:, None], answers.shape))


# Missing values and gaps


@TOO_SHORT
@pytest.mark.parametrize("place", [slice(0, 1), slice(0, 12), slice(5, 25), slice(28, 29), slice(-1, None),
                                   slice(-12, None), slice(None, None, 2), slice(1, None)], ids=str)  # fmt: skip
@pytest.mark.parametrize("length", [20, 30, 70])
def test_values_may_be_missing_anywhere(place, length):
    y = wave(length)
    y.iloc[place] = np.nan
    assert_known_after_the_first_observation(all_answers(small().fit(y), length), y)


@pytest.mark.parametrize("parameters", [{}, {"anchored": False}, {"scaler": "standard"}, {"scaler": "robust"},
                                        {"patience": 1}, {"sp": 4}, {"output_length": 1}], ids=str)  # fmt: skip
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_values_may_be_missing_at_random(share, parameters):
    y = pd.DataFrame({"a": wave(60), "b": wave(60, seed=1)})
    y = y.mask(np.random.default_rng(0).random(y.shape) < share)
    forecaster = small(**parameters).fit(y)
    forecast, intervals = forecaster.predict(fh=range(-59, 11)), forecaster.predict_interval(fh=range(-59, 11))
    for name in y:
        assert_known_after_the_first_observation(np.column_stack([forecast[name], intervals[name]]), y[name])


def test_after_whole_seasons_without_values_the_forecast_is_that_from_the_last_value_seen():
    y = wave(40)
    forecaster = small(window_length=10, sp=4, output_length=1).fit(y)
    expected = forecaster.predict(fh=[1, 2, 3]).to_numpy()
    forecaster.update(y.reindex(range(39, 60)), update_params=False)
    assert_allclose(forecaster.predict(fh=[1, 2, 3]).to_numpy(), expected, rtol=1e-6)


def test_a_context_without_values_has_wider_intervals_than_one_with_values():
    y, widths = wave(60), []
    for missing in (0, 15, 45):
        forecaster = small(window_length=10).fit(y).update(y.reindex(range(59, 60 + missing)), update_params=False)
        widths.append(np.diff(forecaster.predict_interval(fh=[1, 2, 3]).to_numpy())[:, 0])
    assert (np.array(widths) > 0).all()
    assert (np.diff(widths, axis=0) > 0).all()


def test_a_variable_without_values_leaves_the_others_alone():
    y = pd.DataFrame({"good": wave(40), "empty": np.nan})
    assert np.isfinite(small().fit(y).predict(fh=[1, 2, 3])["good"].to_numpy()).all()


def test_a_variable_without_values_has_no_forecast():
    y = pd.DataFrame({"good": wave(40), "empty": np.nan})
    assert np.isnan(small().fit(y).predict(fh=[1, 2, 3])["empty"].to_numpy()).all()


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(40),
        pd.period_range("2020-01", periods=40, freq="M"),
        pd.date_range("2020-01-01", periods=40, freq="D"),
        pd.date_range("2020-01-01", periods=40, freq="B"),
        pd.date_range("2020-01-01", periods=40, freq="MS"),
        pd.date_range("2020-03-28", periods=40, freq="h", tz="Europe/Berlin"),
    ],
    ids=lambda index: f"{type(index).__name__}-{getattr(index, 'freqstr', None)}",
)
def test_a_missing_row_is_a_missing_value(index):
    y = wave(40, index)
    y.iloc[[7, 20, 21]] = np.nan
    whole, gaps = small().fit(y), small().fit(y.dropna())
    assert_array_equal(gaps.predict(fh=[1, 2, 3]).to_numpy(), whole.predict(fh=[1, 2, 3]).to_numpy())
    assert list(gaps.predict(fh=[1, 2, 3]).index) == list(whole.predict(fh=[1, 2, 3]).index)


def test_what_a_missing_covariate_would_have_been_influences_nothing():
    """Both columns are missing in the same rows, whatever lay there before."""
    X, y = covariates(43), wave(40)
    other = X.copy()
    other.iloc[[3, 39, 41]] = 1e6
    forecasts = []
    for known in (X, other):
        known.iloc[[3, 39, 41]] = np.nan
        forecasts.append(small().fit(y, X=known[:40]).predict(fh=[1, 2, 3], X=known[40:]).to_numpy())
    assert np.isfinite(forecasts[0]).all()
    assert_array_equal(*forecasts)


def test_a_covariate_may_be_missing_altogether():
    X = covariates(43).assign(b=np.nan)
    forecast = small().fit(wave(40), X=X[:40]).predict(fh=[1, 2, 3], X=X[40:])
    assert np.isfinite(forecast.to_numpy()).all()


def test_values_before_the_window_do_not_influence_a_forecast_without_anchors():
    y = wave(60)
    forecaster = small(window_length=10, sp=4, anchored=False).fit(y)
    forecast = forecaster.predict(fh=[1, 2, 3]).to_numpy()
    changed = y + np.where(np.arange(60) < 50, 100.0, 0.0)
    assert_array_equal(forecaster.update(changed, update_params=False).predict(fh=[1, 2, 3]).to_numpy(), forecast)


def test_values_before_the_window_tell_which_anchor_to_believe():
    """A jump at the end stays where the series has wandered before, and passes where it has returned to its mean."""
    end, noise = np.r_[np.zeros(9), 4.0], np.random.default_rng(0).normal(size=50)
    forecaster = small(window_length=10, sp=1, output_length=1).fit(pd.Series(np.r_[noise.cumsum(), end]))
    wandering = forecaster.predict(fh=[1]).item()
    forecaster.update(pd.Series(np.r_[noise, end]), update_params=False)
    assert forecaster.predict(fh=[1]).item() < wandering - 0.5


# Kinds of numbers


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "float32", "float16", "Int64", "Float32", "Float64"])
def test_every_kind_of_number_is_forecast_like_a_float(dtype):
    y = pd.Series(np.arange(40) % 7 + 1.0)
    forecast = small().fit(y.astype(dtype)).predict(fh=[1, 2, 3]).astype(float)
    assert_allclose(forecast.to_numpy(), small().fit(y).predict(fh=[1, 2, 3]).to_numpy())


@pytest.mark.parametrize("dtype", ["bool", "boolean", "int64", "Int64", "float32", "Float64"])
def test_every_kind_of_covariate_counts_like_a_float(dtype):
    X, y = pd.DataFrame({"flag": np.arange(43) % 2.0, "slope": np.linspace(0, 1, 43)}), wave(40)
    other = X.astype({"flag": dtype})
    forecast = small().fit(y, X=other[:40]).predict(fh=[1, 2, 3], X=other[40:])
    assert_array_equal(forecast.to_numpy(), small().fit(y, X=X[:40]).predict(fh=[1, 2, 3], X=X[40:]).to_numpy())


def test_a_nullable_missing_value_is_missing():
    y, X = wave(40), covariates(43)
    y.iloc[4], X.iloc[6, 0] = np.nan, np.nan
    nullable = small().fit(y.astype("Float64"), X=X[:40].astype("Float64"))
    forecast = nullable.predict(fh=[1, 2, 3], X=X[40:].astype("Float64")).astype(float)
    assert_array_equal(forecast.to_numpy(), small().fit(y, X=X[:40]).predict(fh=[1, 2, 3], X=X[40:]).to_numpy())


@pytest.mark.parametrize("columns", [["a", "b"], [0, 1], [("a", 1), ("a", 2)], ["b", "a"]], ids=str)
def test_variables_keep_their_names_and_order(columns):
    y = pd.DataFrame({0: wave(40), 1: wave(40, seed=1) + 1000}).set_axis(pd.Index(columns, tupleize_cols=False), axis=1)
    forecast = small().fit(y).predict(fh=[1])
    assert list(forecast.columns) == columns
    assert (forecast.iloc[0].to_numpy() > 500).tolist() == [False, True]


# Short and simple series


@TOO_SHORT
@pytest.mark.parametrize("length", range(1, 31))
def test_a_short_series_has_a_forecast_of_past_and_future(length):
    y = wave(length)
    assert_known_after_the_first_observation(all_answers(small().fit(y), length), y)


@TOO_SHORT
@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize(
    "parameters",
    [{"max_epochs": None}, {"patience": 2}, {"scaler": "standard"}, {"scaler": "minmax"}, {"anchored": False},
     {"window_length": 50}, {"output_length": 40}, {"window_length": 5, "output_length": 4}, {"sp": 12},
     {"time_budget": 1.0}, {"batch_size": 3}], ids=str,
)  # fmt: skip
def test_a_short_series_is_enough_for_every_recipe(length, parameters):
    y = wave(length + 2)
    forecaster = small(**parameters).fit(y[:length], fh=[1, 2, 3])
    assert np.isfinite(forecaster.predict().to_numpy()).all()
    assert np.isfinite(forecaster.update(y[length:]).predict().to_numpy()).all()


@TOO_SHORT
@pytest.mark.parametrize("scaler", ["window", "standard", "minmax", "robust", "none"])
def test_the_forecast_of_one_point_is_that_point(scaler):
    assert_allclose(small(scaler=scaler).fit(pd.Series([7.5])).predict(fh=[1, 2, 50]).to_numpy(), 7.5)


@TOO_SHORT
def test_a_short_history_has_its_columns():
    assert {"step", "loss", "seconds"} <= set(small().fit(pd.Series([7.5])).history_.columns)


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, -1e6, 1e-8, 1e12])
def test_a_constant_goes_on_exactly(value):
    """Exactly: but for the rounding of the mean of the window."""
    forecaster = small().fit(pd.Series(np.full(40, value)))
    assert_allclose(all_answers(forecaster, 40)[1:], value, rtol=1e-15)


def test_a_constant_variable_goes_on_beside_a_moving_one():
    y = pd.DataFrame({"moving": wave(40), "constant": 3.0})
    assert_array_equal(small().fit(y).predict(fh=[1, 2, 3])["constant"].to_numpy(), 3.0)


def test_after_a_long_calm_a_jump_is_no_catastrophe():
    y = pd.Series(np.r_[np.zeros(60), 100.0, np.zeros(9)])
    forecast = small(max_epochs=50).fit(y).predict(fh=[1, 2, 3])
    assert forecast.between(-100, 200).all()


def test_a_training_that_explodes_is_reported_and_still_forecasts():
    forecaster = small(learning_rate=1e6, scaler="none", max_epochs=50).fit(wave(60))
    assert forecaster.history_["failures"].iloc[-1] > 0
    assert np.isfinite(forecaster.predict(fh=[1, 2, 3]).to_numpy()).all()


# Covariates


@pytest.fixture(scope="module")
def informed():
    X = covariates(50)
    return small(max_epochs=20, learning_rate=0.02).fit(wave(40) + 3 * X["a"][:40], X=X[:40])


def test_covariates_that_explain_the_series_halve_the_error():
    promotion = np.random.default_rng(0).integers(0, 2, 270)
    y = pd.Series(10 * promotion + np.random.default_rng(1).normal(0, 0.3, 270))
    X = pd.DataFrame({"promotion": promotion})
    forecaster = LSTMForecaster(random_state=0)
    empty = forecaster.fit(y[:240]).predict(fh=range(1, 31))
    seeing = forecaster.fit(y[:240], X=X[:240]).predict(fh=range(1, 31), X=X[240:])
    assert (seeing - y[240:]).abs().mean() < 0.5 * (empty - y[240:]).abs().mean()
    assert seeing[promotion[240:] == 1].mean() > seeing[promotion[240:] == 0].mean() + 5


def test_covariates_of_the_future_count(informed):
    X = covariates(50)
    forecast, other = informed.predict(fh=range(1, 11), X=X[40:]), informed.predict(fh=range(1, 11), X=X[40:] + 1)
    assert np.abs(forecast.to_numpy() - other.to_numpy()).min() > 0


def test_rows_of_covariates_from_the_past_change_nothing(informed):
    X = covariates(50)
    forecast = informed.predict(fh=range(1, 11), X=X)
    assert_array_equal(forecast.to_numpy(), informed.predict(fh=range(1, 11), X=X[40:]).to_numpy())


def test_rows_of_covariates_beyond_the_horizon_change_nothing(informed):
    X = covariates(50)
    forecast = informed.predict(fh=[1, 2], X=X[40:])
    assert_array_equal(forecast.to_numpy(), informed.predict(fh=[1, 2], X=X[40:42]).to_numpy())


def test_rows_of_covariates_from_the_future_change_nothing_in_fit(informed):
    X = covariates(50)
    longer = small(max_epochs=20, learning_rate=0.02).fit(wave(40) + 3 * X["a"][:40], X=X)
    forecast = longer.predict(fh=range(1, 11), X=X[40:])
    assert_array_equal(forecast.to_numpy(), informed.predict(fh=range(1, 11), X=X[40:]).to_numpy())


def test_columns_of_covariates_are_found_by_name(informed):
    X = covariates(50)
    forecast = informed.predict(fh=range(1, 11), X=X.loc[40:, ["b", "a"]])
    assert_array_equal(forecast.to_numpy(), informed.predict(fh=range(1, 11), X=X[40:]).to_numpy())


def test_covariates_are_needed_only_in_the_rows_of_the_horizon():
    X = covariates(50)
    one_block = small(output_length=5).fit(wave(40) + X["a"][:40], X=X[:40])
    sparse = one_block.predict(fh=[2, 5], X=X.loc[[41, 44]])
    assert np.isfinite(sparse.to_numpy()).all()
    assert list(sparse.index) == [41, 44]


def test_in_sample_forecasts_need_no_covariates(informed):
    past = informed.predict(fh=range(-39, 1)).to_numpy()
    assert np.isfinite(past).tolist() == [False] + [True] * 39
    assert_array_equal(informed.predict(fh=range(-39, 1), X=covariates(40)).to_numpy(), past)


def test_the_scale_of_a_covariate_does_not_matter():
    X, y = covariates(50), wave(40)
    forecast = small().fit(y, X=X[:40]).predict(fh=[1, 2, 3], X=X[40:])
    large = small().fit(y, X=X[:40] * 1e4 - 1e5).predict(fh=[1, 2, 3], X=X[40:] * 1e4 - 1e5)
    assert_allclose(large.to_numpy(), forecast.to_numpy(), rtol=1e-4)


def test_a_constant_covariate_says_nothing():
    X = pd.DataFrame({"one": np.ones(43)})
    forecast = small().fit(wave(40), X=X[:40]).predict(fh=[1, 2, 3], X=X[40:])
    zero = small().fit(wave(40), X=X[:40] * 0).predict(fh=[1, 2, 3], X=X[40:] * 0)
    assert_array_equal(forecast.to_numpy(), zero.to_numpy())


# Panels and hierarchies


def test_a_panel_of_one_is_forecast_like_the_series():
    forecast = small().fit(panel([40])).predict(fh=range(-5, 4))
    assert_array_equal(forecast["y"].to_numpy(), small().fit(wave(40)).predict(fh=range(-5, 4)).to_numpy())


def test_each_series_of_a_panel_continues_from_its_own_end():
    forecast = small().fit(panel([30, 20])).predict(fh=[1, 2])
    assert list(forecast.index) == [("a", 30), ("a", 31), ("b", 20), ("b", 21)]
    assert forecast.index.names == ["series", "time"]


def test_each_series_of_a_dated_panel_continues_from_its_own_end():
    y = panel([30, 20])
    months = pd.date_range("2020-01-01", periods=32, freq="MS")
    y.index = pd.MultiIndex.from_tuples([(name, months[time]) for name, time in y.index], names=["series", "month"])
    forecast = small().fit(y).predict(fh=[1, 2])
    assert list(forecast.index) == [("a", months[30]), ("a", months[31]), ("b", months[20]), ("b", months[21])]


def test_the_order_of_the_series_does_not_matter():
    y = panel([30, 30, 30])
    turned = y.loc[["c", "a", "b"]]
    assert turned.index[0] == ("c", 0)
    forecast, other = small().fit(y).predict(fh=[1, 2]), small().fit(turned).predict(fh=[1, 2])
    assert_array_equal(other.loc[forecast.index].to_numpy(), forecast.to_numpy())


def test_a_series_of_a_panel_depends_on_its_own_context_alone():
    y = panel([40, 40])
    forecaster = small().fit(y)
    forecast = forecaster.predict(fh=range(-20, 4)).loc["a"].to_numpy()
    forecaster.update(y.loc[["b"]] * 100, update_params=False)
    assert_array_equal(forecaster.predict(fh=range(-20, 4)).loc["a"].to_numpy(), forecast)


def test_series_of_any_scale_share_one_network():
    y = panel([40, 40])
    y.loc["b", "y"] = 1e6 * y.loc["a", "y"].to_numpy() - 1e5
    forecast = small().fit(y).predict(fh=[1, 2, 3])["y"]
    assert_allclose(forecast["b"].to_numpy(), 1e6 * forecast["a"].to_numpy() - 1e5, rtol=1e-4)


def test_a_hierarchy_keeps_its_levels():
    parts = {("north", "x"): wave(40), ("north", "y"): wave(35, seed=1), ("south", "x"): wave(40, seed=2)}
    y = pd.concat(parts, names=["region", "shop", "time"]).to_frame("sales")
    forecast = small().fit(y).predict(fh=[1])
    assert list(forecast.index) == [("north", "x", 40), ("north", "y", 35), ("south", "x", 40)]
    assert forecast.index.names == ["region", "shop", "time"]


def test_covariates_of_a_panel_are_found_by_series_and_time():
    y = panel([30, 30])
    rows = pd.MultiIndex.from_product([["a", "b"], range(33)], names=["series", "time"])
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=66)}, index=rows)
    forecaster = small(max_epochs=20, learning_rate=0.02).fit(y, X=X[X.index.get_level_values("time") < 30])
    future = X[X.index.get_level_values("time") >= 30]
    forecast = forecaster.predict(fh=[1, 2, 3], X=future).to_numpy()
    assert_array_equal(forecaster.predict(fh=[1, 2, 3], X=future.loc[["b", "a"]]).to_numpy(), forecast)
    changed = future.copy()
    changed.loc["b", "x"] = 5.0
    other = forecaster.predict(fh=[1, 2, 3], X=changed).to_numpy()
    assert ((other != forecast).ravel() == [False] * 3 + [True] * 3).all()


def test_a_long_and_a_short_series_fit_together():
    y = panel([200, 1, 2, 15])
    forecaster = small().fit(y)
    assert np.isfinite(forecaster.predict(fh=range(1, 20)).to_numpy()).all()
    assert np.isfinite(forecaster.predict_interval(fh=range(1, 20)).to_numpy()).all()


def test_a_series_absent_from_an_update_continues_from_its_own_end():
    y = panel([30, 22])
    known = y.drop([("b", 20), ("b", 21)])
    forecast = small().fit(known).update(y.loc[[("b", 20), ("b", 21)]], update_params=False).predict(fh=[1])
    assert list(forecast.index) == [("a", 30), ("b", 22)]


def test_a_new_series_may_arrive_with_an_update():
    forecast = small().fit(panel([30])).update(panel([30, 30]).loc[["b"]]).predict(fh=[1, 2])
    assert list(forecast.index) == [("a", 30), ("a", 31), ("b", 30), ("b", 31)]
    assert np.isfinite(forecast.to_numpy()).all()


def test_names_of_series_may_be_of_several_kinds():
    y = pd.concat({"a": wave(30), 1: wave(20)}, names=["series", "time"]).to_frame("y")
    forecast = small().fit(y).predict(fh=[1])
    assert set(forecast.index) == {("a", 30), (1, 20)}
