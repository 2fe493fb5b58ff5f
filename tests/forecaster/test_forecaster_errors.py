"""What bad input gets: one error that says what was expected, what came and what to do."""

import numpy as np
import pandas as pd
import pytest
from toys import TOO_SHORT, small

from sktime_lstm import LSTMForecaster


def ramp(length, index=None):
    return pd.Series(np.arange(length) + np.tile([0.0, 3, 1], length)[:length], index=index)


def panel(names, start=0, stop=20):
    return pd.concat({name: ramp(stop)[start:] for name in names}, names=["series", "time"]).to_frame("y")


@pytest.fixture(scope="module")
def plain():
    return small().fit(ramp(30).rename("sales"))


@pytest.fixture(scope="module")
def informed():
    return small().fit(ramp(30), X=pd.DataFrame({"price": ramp(30), "rain": 1.0}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window_length", 0),
        ("window_length", 2.5),
        ("output_length", -1),
        ("output_length", True),
        ("sp", 0),
        ("sp", "12"),
        ("cell", "elman"),
        ("cell", None),
        ("hidden_size", 0),
        ("num_layers", 0),
        ("num_layers", None),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", np.nan),
        ("anchored", 1),
        ("scaler", "log"),
        ("scaler", 3),
        ("loss", "mape"),
        ("max_epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", np.inf),
        ("weight_decay", -0.1),
        ("patience", 0),
        ("time_budget", -1.0),
        ("device", 0),
        ("random_state", -1),
        ("random_state", 1.5),
        ("random_state", "seed"),
        ("verbose", -1),
    ],
)
def test_a_parameter_out_of_range_is_named_with_what_was_passed(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*{name}={value!r} was passed"):
        LSTMForecaster(**{name: value})


def test_set_params_checks_as_the_constructor_does():
    with pytest.raises(ValueError, match="hidden_size must be an integer of at least 1"):
        small().set_params(hidden_size=0)


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(ValueError, match=rf"device='{device}' is not available here.*Pass 'auto', 'cpu'"):
        small(device=device).fit(ramp(30))


def test_irregular_dates_are_named_with_advice():
    dates = pd.DatetimeIndex(
        ["2020-01-01 00:00", "2020-01-01 10:07", "2020-01-02 11:13:21", "2020-03-07", "2020-03-09"]
    )
    with pytest.raises(ValueError, match=r"irregular.*2020-01-01.*asfreq.*PeriodIndex"):
        small().fit(ramp(5, dates))


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([*range(9), 20_000]),
        pd.PeriodIndex([*pd.period_range("2020-01-01", periods=9, freq="h"), pd.Period("2023-01-01", freq="h")]),
        pd.DatetimeIndex([*pd.date_range("2020-01-01", periods=9, freq="h"), pd.Timestamp("2023-01-01")]),
    ],
    ids=["integer", "period", "date"],
)
def test_a_grid_of_almost_nothing_but_gaps_is_refused(index):
    """Such stamps are rarely meant, and a grid of all the points between may not fit into memory."""
    with pytest.raises(ValueError, match=r"irregular|regularly"):
        small().fit(ramp(10, index))


def test_dates_off_the_grid_are_refused_in_an_update():
    dates = pd.date_range("2020-01-01", periods=30, freq="D")
    forecaster = small().fit(ramp(30, dates))
    with pytest.raises(ValueError, match="2020-01-31 05:00:00 is not on the grid"):
        forecaster.update(pd.Series([1.0], index=[pd.Timestamp("2020-01-31 05:00")]))


def test_dates_off_the_grid_are_refused_in_predict():
    forecaster = small().fit(ramp(30, pd.date_range("2020-01-01", periods=30, freq="MS")))
    with pytest.raises(ValueError, match="2022-07-15 00:00:00 is not on the grid"):
        forecaster.predict(fh=pd.DatetimeIndex(["2022-07-15"]))


@TOO_SHORT
def test_one_date_without_a_frequency_cannot_be_continued():
    forecaster = small().fit(ramp(1, pd.DatetimeIndex(["2020-01-01"])))
    with pytest.raises(ValueError, match="no frequency"):
        forecaster.predict(fh=[1])


@pytest.mark.parametrize("index", [pd.Index([0, 1, 1, 2]), pd.to_datetime(["2020-01-01"] * 2 + ["2020-01-02"] * 2)])
def test_a_time_stamp_that_occurs_twice_is_named(index):
    with pytest.raises(ValueError, match=r"Time stamp .* occurs more than once"):
        small().fit(pd.Series([1.0, 2, 3, 4], index=index))


def test_a_time_stamp_that_occurs_twice_in_the_covariates_is_named(informed):
    X = pd.DataFrame({"price": 1.0, "rain": 1.0}, index=[30, 30, 31])
    with pytest.raises(ValueError, match="Time stamp 30 occurs more than once"):
        informed.predict(fh=[1, 2], X=X)


def test_a_value_that_is_infinite_is_named_with_its_place():
    y = pd.DataFrame({"sales": ramp(30), "stock": ramp(30)})
    y.loc[7, "stock"] = -np.inf
    with pytest.raises(ValueError, match="y has an infinite value at 7 in column 'stock'"):
        small().fit(y)


def test_an_infinite_covariate_is_named_with_its_place(informed):
    X = pd.DataFrame({"price": [1.0, np.inf], "rain": 1.0}, index=[30, 31])
    with pytest.raises(ValueError, match="X has an infinite value at 31 in column 'price'"):
        informed.predict(fh=[1, 2], X=X)


def test_a_series_without_any_value_is_refused():
    with pytest.raises(ValueError, match="y has no observed value"):
        small().fit(pd.Series([np.nan, np.nan, np.nan]))


def test_the_empty_series_of_a_panel_is_named():
    y = panel(["a", "b"])
    y.loc["b", "y"] = np.nan
    with pytest.raises(ValueError, match="Series 'b' of y has no observed value"):
        small().fit(y)


def test_missing_covariates_are_listed(informed):
    with pytest.raises(ValueError, match=r"X is missing.*\['price', 'rain'\]"):
        informed.predict(fh=[1])


def test_covariates_that_end_too_early_are_told_the_first_missing_stamp(informed):
    X = pd.DataFrame({"price": 1.0, "rain": 1.0}, index=range(30, 33))
    with pytest.raises(
        ValueError, match=r"X does not cover.*2 time stamp\(s\) are missing, the first is 33, the last is 34"
    ):
        informed.predict(fh=range(1, 6), X=X)


def test_covariates_of_a_panel_must_cover_every_series():
    y = panel(["a", "b"])
    forecaster = small().fit(y, X=y.rename(columns={"y": "x"}))
    future = panel(["a"], 20, 22).rename(columns={"y": "x"})
    with pytest.raises(ValueError, match=r"X does not cover.*'b'"):
        forecaster.predict(fh=[1, 2], X=future)


def test_covariates_without_rows_for_a_series_are_refused_in_fit():
    with pytest.raises(ValueError, match="X has no rows for series 'b'"):
        small().fit(panel(["a", "b"]), X=panel(["a"]).rename(columns={"y": "x"}))


@pytest.mark.parametrize("columns", [["price"], ["price", "snow"], ["price", "rain", "snow"]])
def test_covariates_of_other_names_are_listed_with_those_of_fit(informed, columns):
    X = pd.DataFrame(1.0, index=[30], columns=columns)
    with pytest.raises(ValueError, match=r"X has the columns .* but fit has seen the covariates \['price', 'rain'\]"):
        informed.predict(fh=[1], X=X)


def test_covariates_that_fit_has_not_seen_are_refused(plain):
    with pytest.raises(ValueError, match="fit has seen no covariates"):
        plain.predict(fh=[1], X=pd.DataFrame({"price": [1.0]}, index=[30]))


def test_an_update_without_covariates_is_refused_where_fit_had_them(informed):
    with pytest.raises(ValueError, match="X is missing"):
        informed.update(ramp(31)[30:])


def test_time_stamps_as_covariates_are_refused():
    with pytest.raises(TypeError, match="All columns of X must be numeric, but 'day' is datetime64"):
        small().fit(ramp(3), X=pd.DataFrame({"day": pd.date_range("2020-01-01", periods=3)}))


def test_words_where_fit_has_seen_numbers_are_refused(informed):
    with pytest.raises(TypeError, match=r"All columns of X must be numeric, .*'rain' is"):
        informed.predict(fh=[1], X=pd.DataFrame({"price": [1.0], "rain": "much"}, index=[30]))


def test_an_update_with_other_columns_lists_both():
    forecaster = small().fit(pd.DataFrame({"a": ramp(30), "b": ramp(30)}))
    with pytest.raises(ValueError, match=r"y has the columns \['b', 'a'\], but fit has seen \['a', 'b'\]"):
        forecaster.update(pd.DataFrame({"b": [1.0], "a": 1.0}, index=[30]))


def test_an_update_of_a_series_with_a_panel_names_both_kinds(plain):
    with pytest.raises(TypeError, match="y is a panel, but fit has seen a single series"):
        plain.update(panel(["a"]))


def test_an_update_of_a_panel_with_a_series_names_both_kinds():
    with pytest.raises(TypeError, match="y is a single series, but fit has seen a panel"):
        small().fit(panel(["a", "b"])).update(ramp(3))


def test_forecasting_comes_after_fitting():
    with pytest.raises(Exception, match="not been fitted"):
        small().predict(fh=[1])


def test_a_forecast_needs_a_horizon():
    with pytest.raises(ValueError, match="fh"):
        small().fit(ramp(30)).predict()
