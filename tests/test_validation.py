"""The rules of the parameters and of the data, and what the user reads when one is broken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import Normalizer, StandardScaler

from sktime_lstm.validation import (
    boolean,
    bound,
    check_covariates,
    check_covered,
    check_each_instance_in,
    check_no_duplicates,
    check_not_below,
    check_observed,
    check_parameters,
    check_same_series,
    integer,
    name_or_transformer,
    number,
    numeric_values,
    one_of,
    optional,
    seed,
    text,
)

PANEL_INDEX = pd.MultiIndex.from_product([["a", "b"], [0, 1]])


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (integer(1), 1),
        (integer(1), np.int64(7)),
        (number(), 0.1),
        (number(), np.float32(3)),
        (number(closed=True), 0),
        (number(0, 1, closed=True), 0.999),
        (one_of("a", "b"), "b"),
        (text(), "cuda:0"),
        (boolean(), True),
        (boolean(), np.False_),
        (optional(integer(1)), None),
        (optional(integer(1)), 2),
        (name_or_transformer("window"), "window"),
        (name_or_transformer("window"), StandardScaler()),
        (bound(), None),
        (bound(), 0),
        (bound(), -3.5),
        (seed(), None),
        (seed(), 0),
        (seed(), np.random.RandomState(0)),
    ],
)
def test_a_rule_lets_these_values_pass(rule, value):
    assert rule.holds(value)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (integer(1), 0),
        (integer(1), 1.0),
        (integer(1), "1"),
        (integer(0), True),
        (integer(1), None),
        (number(), 0),
        (number(), np.nan),
        (number(), np.inf),
        (number(), "0.1"),
        (number(), True),
        (number(0, 1, closed=True), 1),
        (number(0, 1, closed=True), -0.1),
        (one_of("a", "b"), "c"),
        (one_of("a", "b"), ["a"]),
        (text(), 0),
        (boolean(), 1),
        (boolean(), None),
        (optional(integer(1)), 0),
        (name_or_transformer("window"), "standard"),
        (name_or_transformer("window"), None),
        (name_or_transformer("window"), Normalizer()),
        (bound(), "0"),
        (bound(), np.inf),
        (seed(), -1),
        (seed(), 1.5),
        (seed(), True),
    ],
)
def test_a_rule_refuses_these_values(rule, value):
    assert not rule.holds(value)


def test_a_broken_rule_names_the_parameter_the_expectation_and_the_value():
    rules = {"window_length": optional(integer(1)), "dropout": number(0, 1, closed=True)}
    with pytest.raises(ValueError, match=r"dropout must be a number at least 0 and less than 1, but dropout=1\.5"):
        check_parameters({"window_length": None, "dropout": 1.5}, rules)


def test_the_options_are_listed():
    with pytest.raises(ValueError, match="one of 'lstm', 'gru', but cell='tcn'"):
        check_parameters({"cell": "tcn"}, {"cell": one_of("lstm", "gru")})


def test_numbers_of_any_kind_become_floats_and_missing_becomes_nan():
    frame = pd.DataFrame({"i": [1, 2], "b": [True, False], "na": pd.array([None, 3], dtype="Int64")})
    np.testing.assert_array_equal(numeric_values(frame, "y"), [[1, 1, np.nan], [2, 0, 3]])


def test_the_values_are_a_copy():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    numeric_values(frame, "y")[:] = 0
    assert frame["a"].tolist() == [1.0, 2.0]


def test_text_is_refused_with_the_kind_of_each_column():
    with pytest.raises(TypeError, match=r"columns of X must be numeric, but 'a' is int64, 'b' is (str|object)"):
        numeric_values(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "X")


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_an_infinite_value_is_located(infinite):
    with pytest.raises(ValueError, match="y has an infinite value at 11 in column 'b'"):
        numeric_values(pd.DataFrame({"a": [1, 2.0], "b": [3, infinite]}, index=[10, 11]), "y")


@pytest.mark.parametrize("index", [pd.Index([0, 1, 1]), pd.MultiIndex.from_tuples([("a", 0), ("a", 1), ("a", 1)])])
def test_a_repeated_time_stamp_is_named(index):
    with pytest.raises(ValueError, match=r"1\)* occurs more than once"):
        check_no_duplicates(index)


def test_the_same_time_in_two_series_is_no_duplicate():
    check_no_duplicates(PANEL_INDEX)


def test_a_series_without_any_value_is_named():
    with pytest.raises(ValueError, match="Series 'b' of y has no observed value"):
        check_observed(np.array([[1, 0], [0, 0]]), pd.Index(["a", "b"]))


def test_a_single_series_without_any_value_is_called_y():
    with pytest.raises(ValueError, match="y has no observed value"):
        check_observed(np.array([[0]]), None)


def test_one_missing_variable_among_several_is_fine():
    check_observed(np.array([[3, 0]]), None)


@pytest.mark.parametrize(
    ("y", "is_panel", "expected"),
    [
        (pd.DataFrame({"a": range(4)}, index=PANEL_INDEX), False, "y is a panel, but fit has seen a single series"),
        (pd.DataFrame({"a": range(4)}), True, "y is a single series, but fit has seen a panel"),
    ],
)
def test_an_update_of_another_kind_is_refused(y, is_panel, expected):
    with pytest.raises(TypeError, match=expected):
        check_same_series(y, pd.Index(["a"]), is_panel=is_panel)


@pytest.mark.parametrize("columns", [["a"], ["a", "b", "c"], ["b", "a"]])
def test_an_update_with_other_columns_is_refused(columns):
    y = pd.DataFrame(0, index=range(3), columns=columns)
    with pytest.raises(ValueError, match=r"but fit has seen \['a', 'b'\]"):
        check_same_series(y, pd.Index(["a", "b"]), is_panel=False)


def test_covariates_come_back_in_the_order_of_fit():
    X = pd.DataFrame({"b": [1], "a": [2]})
    assert check_covariates(X, pd.Index(["a", "b"]), needed=True).columns.tolist() == ["a", "b"]


def test_missing_covariates_are_asked_for_only_where_they_are_needed():
    assert check_covariates(None, pd.Index(["a"]), needed=False) is None
    assert check_covariates(None, pd.Index([]), needed=True) is None
    with pytest.raises(ValueError, match=r"X is missing: the forecaster was fitted with the covariates \['a'\]"):
        check_covariates(None, pd.Index(["a"]), needed=True)


@pytest.mark.parametrize(
    ("known", "expected"), [(["a"], r"has seen the covariates \['a'\]"), ([], "has seen no covariates")]
)
def test_other_covariates_than_in_fit_are_refused(known, expected):
    with pytest.raises(ValueError, match=expected):
        check_covariates(pd.DataFrame({"b": [1]}), pd.Index(known), needed=True)


def test_repeated_rows_of_covariates_are_refused():
    with pytest.raises(ValueError, match="occurs more than once"):
        check_covariates(pd.DataFrame({"a": [1, 2]}, index=[5, 5]), pd.Index(["a"]), needed=True)


def test_the_first_uncovered_time_stamp_is_named():
    with pytest.raises(ValueError, match=r"2 time stamp\(s\) are missing, the first is 11"):
        check_covered(pd.Index([10, 11, 12]), np.array([True, False, False]))


def test_a_covered_horizon_passes():
    check_covered(pd.Index([10, 11]), np.array([True, True]))


def test_a_series_without_covariates_is_named():
    with pytest.raises(ValueError, match="X has no rows for series 'c'"):
        check_each_instance_in(pd.Index(["a", "b", "c"]), PANEL_INDEX)


def test_covariates_of_further_series_do_not_matter():
    check_each_instance_in(pd.Index(["a"]), PANEL_INDEX)
    check_each_instance_in(None, pd.RangeIndex(3))


def test_a_value_on_the_bound_or_missing_is_not_below_it():
    check_not_below(np.array([[0.0], [np.nan]]), 0)
    check_not_below(np.array([[-1.0]]), None)


def test_a_value_below_the_bound_is_named():
    with pytest.raises(ValueError, match="y has the value -2, which is below lower_bound=0"):
        check_not_below(np.array([[1.0, -2.0], [np.nan, -1.0]]), 0)
