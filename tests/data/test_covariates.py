"""The columns of X: which are known only in the past, codes of categories, and the channels that the network sees."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sktime_lstm.data.covariates import (
    MAX_ONE_HOT,
    CovariateEncoder,
    coded,
    columns_where,
    kinds_of,
    known_only_in_the_past,
)

COLUMNS = pd.Index(["price", "rain", "wind"])


def test_named_columns_are_known_only_in_the_past_in_the_order_of_the_columns():
    mask = known_only_in_the_past(COLUMNS, ("wind", "price"))
    assert mask.tolist() == [True, False, True]
    assert columns_where(COLUMNS, mask).tolist() == ["price", "wind"]


@pytest.mark.parametrize("names", [None, [], ()])
def test_without_names_all_columns_are_known_ahead(names):
    assert known_only_in_the_past(COLUMNS, names) is None
    assert columns_where(COLUMNS, None).tolist() == []


@pytest.mark.parametrize(("columns", "seen"), [(COLUMNS, r"has the columns \['price', "), (COLUMNS[:0], "is missing")])
def test_a_name_that_is_no_column_is_refused(columns, seen):
    with pytest.raises(ValueError, match=f"past_covariates names 'snow', but X {seen}"):
        known_only_in_the_past(columns, ["snow"])


# Categories and their codes

NAN = np.nan


def codes_of(column, known=()):
    X = pd.DataFrame({"x": column})
    values, (categories,) = coded(X, (pd.Index(list(known), dtype=object),))
    return values[:, 0].tolist(), list(categories)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["b", "a", "b"], True),
        (pd.Series(["b", None, "b"], dtype="string"), True),
        (pd.Series([1, 2, 1], dtype="category"), True),
        (pd.Series(["a", 1, None], dtype=object), True),
        ([True, False, True], False),
        (pd.Series([True, None, False], dtype="boolean"), False),
        (pd.Series([True, None, False], dtype=object), False),
        (pd.Series([1, 2.5, None], dtype=object), False),
        ([1, 2, 3], False),
        (pd.date_range("2020", periods=3), False),
    ],
    ids=lambda value: getattr(value, "dtype", None) and str(value.dtype),
)
def test_words_and_pandas_categories_are_categories_and_truth_values_are_numbers(column, expected):
    assert (kinds_of(pd.DataFrame({"x": column}))[0] is not None) == expected


def test_a_category_is_coded_by_its_place_in_sorted_order_and_a_missing_one_is_missing():
    codes, categories = codes_of(pd.Series(["b", None, "c", "a", NAN], dtype=object))
    np.testing.assert_array_equal(codes, [1, NAN, 2, 0, NAN])
    assert categories == ["a", "b", "c"]


def test_new_categories_come_after_those_known_so_that_codes_stay():
    assert codes_of(["a", "c", "d"], known=["c", "b"]) == ([2, 0, 3], ["c", "b", "a", "d"])


def test_only_categories_that_occur_are_known():
    assert codes_of(pd.Categorical(["b"], categories=["a", "b"]))[1] == ["b"]


def test_categories_that_cannot_be_compared_have_an_order_too():
    assert codes_of(["b", 1, "a"])[1] == codes_of(["a", "b", 1])[1]


def test_columns_of_numbers_stay_beside_categories():
    X = pd.DataFrame({"a": [1.5, NAN], "b": ["x", "y"], "c": [True, False]})
    values, categories = coded(X, kinds_of(X))
    np.testing.assert_array_equal(values, [[1.5, 0, 1], [NAN, 1, 0]])
    assert [None if some is None else list(some) for some in categories] == [None, ["x", "y"], None]


# What the network sees

MANY = pd.Index([f"c{number:02}" for number in range(MAX_ONE_HOT + 1)], dtype=object)
SHOPS = pd.Index(["a", "b"], dtype=object)
COLUMNS_OF_X = pd.Index(["shop", "price", "item"])


def encoder(past=None):
    return CovariateEncoder((SHOPS, None, MANY), None if past is None else np.array(past))


def test_categories_are_one_hot_in_their_place_and_many_of_them_are_numbers_at_the_end():
    values = np.array([[0, 2.5, 32], [1, NAN, 0], [NAN, 1, NAN]])
    channels = encoder().channels(values, (SHOPS, None, MANY), COLUMNS_OF_X)
    np.testing.assert_array_equal(channels, [[1, 0, 2.5, 33], [0, 1, NAN, 1], [NAN, NAN, 1, 0]])
    assert encoder().sizes == (33,)
    assert encoder().column_of_channels(3).tolist() == [0, 0, 1, 2]
    assert encoder().labels(COLUMNS_OF_X) == [("shop", "a"), ("shop", "b"), ("price", None), ("item", None)]


def test_categories_are_matched_by_label_and_those_not_learned_count_as_missing():
    theirs = (pd.Index(["c", "b"], dtype=object), None, pd.Index(["new", "c01"], dtype=object))
    channels = encoder().channels(np.array([[1, 0.0, 1], [0, 0, 0]]), theirs, COLUMNS_OF_X)
    np.testing.assert_array_equal(channels, [[0, 1, 0, 2], [NAN, NAN, 0, 0]])


def test_as_many_categories_as_the_bound_are_one_hot():
    assert CovariateEncoder((MANY[:MAX_ONE_HOT],)).sizes == ()
    assert len(CovariateEncoder((MANY[:MAX_ONE_HOT],)).column_of_channels(1)) == MAX_ONE_HOT


def test_channels_are_standardised_but_for_numbers_of_categories():
    channels = encoder().channels(np.array([[0, 4, 7.0], [1, 0, 9]]), (SHOPS, None, MANY), COLUMNS_OF_X)
    scaled = encoder().scale_of(channels).apply(channels[None])[0]
    np.testing.assert_allclose(scaled, [[1, -1, 1, 8], [-1, 1, -1, 10]])


def test_channels_of_the_past_and_embedded_ones_have_no_linear_effect():
    assert encoder().is_past_only(3) is None
    assert encoder().is_linear(3).tolist() == [True, True, True, False]
    assert encoder([True, False, False]).is_past_only(3).tolist() == [True, True, False, False]
    assert encoder([True, False, False]).is_linear(3).tolist() == [False, False, True, False]


def test_without_categories_every_column_is_a_channel():
    values = np.array([[1.0, NAN]])
    np.testing.assert_array_equal(CovariateEncoder().channels(values, (), COLUMNS[:2]), values)
    assert CovariateEncoder().is_linear(2).tolist() == [True, True]


@pytest.mark.parametrize(("learned", "now"), [(None, SHOPS), (SHOPS, None)])
def test_a_column_that_changes_its_kind_is_refused(learned, now):
    with pytest.raises(TypeError, match=r"Column 'price' of X holds .*, but pretraining has seen"):
        CovariateEncoder((learned,)).channels(np.zeros((1, 1)), (now,), COLUMNS[:1])
