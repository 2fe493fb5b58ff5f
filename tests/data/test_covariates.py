"""The columns of X: which of them are known only in the past."""

from __future__ import annotations

import pandas as pd
import pytest

from sktime_lstm.data.covariates import columns_where, known_only_in_the_past

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
