"""Permutation importance: zero for what says nothing, the size of its effect for what explains the series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toys import small

from sktime_lstm import LSTMForecaster


def data(length=200):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(length, 2)), columns=["cause", "noise"])
    return 10 * X["cause"] + np.random.default_rng(1).normal(size=length), X


@pytest.fixture(scope="module")
def forecaster():
    y, X = data()
    return small().fit(y, X=X)


def test_a_cause_is_as_important_as_a_wrong_one_is_wrong(forecaster):
    """Of y = 10 x the mean absolute error with another x is 10 E|x - x'| = 11.3, and with the noise little more."""
    table = forecaster.covariate_importance().set_index("covariate")
    total = table["importance"] + table["error"]
    assert 9 < total["cause"] < 13.5
    assert table["error"].between(0.6, 1.6).all()
    assert abs(table["importance"]["noise"]) < 0.3
    assert (table["deviation"] >= 0).all()


def test_the_forecaster_stays_as_it_is_and_the_same_call_gives_the_same_table(forecaster):
    future = data(203)[1][200:]
    before = forecaster.predict(fh=[1, 2, 3], X=future)
    first, second = forecaster.covariate_importance(num_repeats=2), forecaster.covariate_importance(num_repeats=2)
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_series_equal(forecaster.predict(fh=[1, 2, 3], X=future), before)


def test_a_label_that_is_the_same_everywhere_has_no_importance():
    y, X = data(80)
    table = small().fit(y, X=X.assign(noise=1.0)).covariate_importance().set_index("covariate")
    assert table["importance"]["noise"] == 0


def test_a_column_known_only_in_the_past_and_categories_are_rated_too():
    y, X = data(80)
    X["sign"] = np.where(X["cause"] > 0, "plus", "minus")
    table = small(past_covariates=["noise"]).fit(y, X=X).covariate_importance(num_repeats=1)
    assert table["covariate"].tolist() == ["cause", "noise", "sign"]
    assert np.isfinite(table["importance"]).all()


def test_without_covariates_the_table_is_empty():
    assert len(small().fit(data(80)[0]).covariate_importance()) == 0


def test_a_wrong_number_of_repetitions_is_refused(forecaster):
    with pytest.raises(ValueError, match="num_repeats must be an integer of at least 1"):
        forecaster.covariate_importance(num_repeats=0)


@pytest.mark.parametrize("parameters", [{"loss": "normal"}, {"anchored": False}, {"patience": 2}], ids=str)
def test_every_kind_of_fit_is_rated(parameters):
    y, X = data(80)
    forecaster = LSTMForecaster(max_epochs=2, hidden_size=4, random_state=0, **parameters).fit(y, X=X)
    assert np.isfinite(forecaster.covariate_importance(num_repeats=1)["importance"]).all()
