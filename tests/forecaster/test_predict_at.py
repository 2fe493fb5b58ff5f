"""Forecasts from many cutoffs at once: those of moving on from one to the next."""

import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from toys import TOO_SHORT, panel_of_waves, small, wave

MONTHS = pd.period_range("2010-01", periods=200, freq="M")
STEPS = [1, 2, 5]


def series(length=60, seed=0):
    return wave(length, MONTHS[:length], seed)


def unequal_panel():
    """Series that begin and end at different times, one of them in the middle of the others."""
    spans = {"a": (0, 60), "b": (5, 60), "c": (0, 50), "d": (46, 60)}
    return pd.concat({key: wave(60, MONTHS[:60], ord(key)).to_frame("y")[slice(*span)] for key, span in spans.items()})


def with_gaps():
    y = series()
    y.iloc[[3, 20, 44, 45]] = np.nan
    y = y.drop(y.index[30])
    y.iloc[-15:-6] = np.nan
    return y


def with_jump():
    y = series()
    y.iloc[-8:] += 300
    return y


def covariates_of(y, seed=1):
    columns = {"x": np.random.default_rng(seed).normal(size=len(y))}
    return pd.DataFrame(columns, index=y.index)


def times(data):
    return data.index.get_level_values(-1)


def until(data, cutoff):
    return None if data is None else data[times(data) <= cutoff]


def one_by_one(forecaster, y, cutoffs, ask, X=None):
    """Answers of a copy of the forecaster that is updated to one cutoff after the other."""
    forecaster, answers = copy.deepcopy(forecaster), []
    for cutoff in cutoffs:
        forecaster.update(until(y, cutoff), X=until(X, cutoff), update_params=False)
        answers.append(ask(forecaster))
    return answers


def fitted_until(y, cutoff, X=None, **parameters):
    return small(**parameters).fit(until(y, cutoff), X=until(X, cutoff))


CASES = {
    "a series": (series, {}),
    "a series without a season": (lambda: wave(60, seed=3).cumsum(), {"sp": 1}),
    "time stamps": (lambda: wave(60, pd.date_range("2020-01-01", periods=60, freq="D")), {}),
    "integers": (lambda: wave(60), {}),
    "gaps and an outage": (with_gaps, {}),
    "a jump": (with_jump, {}),
    "a panel": (lambda: panel_of_waves(3), {}),
    "an unequal panel": (unequal_panel, {}),
    "two variables": (lambda: pd.concat([series(), series(seed=5)], axis=1, keys=["u", "v"]), {}),
    "a global scaler": (series, {"scaler": "standard"}),
    "a learned spread": (series, {"loss": "quantile"}),
    "a textbook network": (series, {"anchored": False}),
    "a bound": (series, {"lower_bound": 0}),
    "long seasons": (lambda: series(200), {"sp": [4, 70]}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("question", ["predict", "predict_interval", "predict_quantiles", "predict_samples"])
def test_all_cutoffs_at_once_are_answered_as_one_after_the_other(name, question):
    make, parameters = CASES[name]
    y = make()
    stamps = times(y).unique().sort_values()
    cutoffs = stamps[[-14, -13, -9, -7, -5, -1]]
    forecaster = fitted_until(y, cutoffs[0], **parameters)
    asked = {
        "predict": {},
        "predict_interval": {"coverage": [0.5, 0.9]},
        "predict_quantiles": {"alpha": [0.1, 0.5]},
        "predict_samples": {"num_samples": 3},
    }[question]
    found = forecaster.predict_at(cutoffs, STEPS, y=y, **asked)
    expected = one_by_one(forecaster, y, cutoffs, lambda moved: getattr(moved, question)(STEPS, **asked))
    for cutoff, answer in zip(cutoffs, expected, strict=True):
        mine = found.xs(cutoff, level="cutoff")
        assert_allclose(mine.to_numpy(), answer.to_numpy().reshape(mine.shape), rtol=1e-6, atol=1e-6)
        assert mine.index.equals(answer.index)


@pytest.mark.parametrize("make", [series, lambda: unequal_panel().drop("c")], ids=["a series", "a panel"])
@pytest.mark.parametrize("start", [-30, -14], ids=["short at first", "long"])
def test_covariates_are_known_at_every_cutoff(make, start):
    y = make()
    X = covariates_of(y)
    y = y + 4 * X["x"] if isinstance(y, pd.Series) else y + 4 * X.to_numpy()
    cutoffs = times(y).unique().sort_values()[[start, start + 1, -8, -7]]
    forecaster = fitted_until(y, cutoffs[0], X)
    found = forecaster.predict_at(cutoffs, [1, 2, 3], X=X, y=y)
    expected = one_by_one(forecaster, y, cutoffs, lambda moved: moved.predict([1, 2, 3], X=X), X)
    for cutoff, answer in zip(cutoffs, expected, strict=True):
        assert_allclose(found.xs(cutoff).to_numpy().ravel(), answer.to_numpy().ravel(), rtol=1e-6)


@TOO_SHORT
@pytest.mark.parametrize("with_covariates", [False, True])
def test_a_series_that_was_short_at_first_is_forecast_as_one_by_one(with_covariates):
    y = series()
    X = covariates_of(y) if with_covariates else None
    cutoffs = y.index[[11, 14, 27, 33, 40]]
    forecaster = fitted_until(y, cutoffs[0], X)
    found = forecaster.predict_at(cutoffs, [1, 2], X=X, y=y, coverage=0.9)
    expected = one_by_one(forecaster, y, cutoffs, lambda moved: moved.predict_interval([1, 2], X=X), X)
    for cutoff, answer in zip(cutoffs, expected, strict=True):
        assert_allclose(found.xs(cutoff).to_numpy(), answer.to_numpy(), rtol=1e-6)


def test_no_forecast_knows_what_came_after_its_cutoff():
    y = series()
    forecaster, cutoffs = small().fit(y), y.index[[30, 40]]
    other = y.copy()
    other.iloc[41:] = 1e3
    assert_allclose(forecaster.predict_at(cutoffs, STEPS, y=other), forecaster.predict_at(cutoffs, STEPS))


def test_cutoffs_that_were_seen_need_no_data_and_come_back_in_order():
    y = series()
    found = small().fit(y).predict_at([y.index[50], y.index[40]], fh=[1])
    assert found.index.tolist() == [(y.index[40], y.index[41]), (y.index[50], y.index[51])]
    assert found.index.names == ["cutoff", None]


def test_the_last_cutoff_gives_the_forecast_of_predict():
    y = panel_of_waves(3)
    forecaster = small().fit(y)
    found = forecaster.predict_at(MONTHS[59], STEPS).droplevel("cutoff")
    pd.testing.assert_frame_equal(found, forecaster.predict(STEPS))


def test_the_horizon_of_fit_is_the_default():
    y = series()
    forecaster = small().fit(y, fh=[2, 3])
    assert list(forecaster.predict_at(y.index[40]).index.get_level_values(1)) == list(y.index[[42, 43]])


def test_the_forecaster_stays_as_it_was():
    y = series()
    forecaster = small().fit(y[:40])
    before = forecaster.predict(STEPS), forecaster.cutoff, set(vars(forecaster))
    forecaster.predict_at(y.index[45:50], [1], y=y, num_samples=2)
    after = forecaster.predict(STEPS), forecaster.cutoff, set(vars(forecaster))
    pd.testing.assert_series_equal(after[0], before[0])
    assert after[1:] == before[1:]


def test_the_data_itself_are_left_alone():
    y, X = series(), covariates_of(series())
    kept = y.copy(), X.copy()
    small().fit(y[:40], X[:40]).predict_at(y.index[45:50], [1], X=X, y=y)
    pd.testing.assert_series_equal(y, kept[0])
    pd.testing.assert_frame_equal(X, kept[1])


def test_covariates_after_the_data_are_asked_for():
    y, X = series(), covariates_of(series())
    forecaster = small().fit(y[:50], X[:50])
    assert len(forecaster.predict_at(y.index[40:45], [1])) == 5
    with pytest.raises(ValueError, match="X is missing"):
        forecaster.predict_at(y.index[40:50], [1])
    with pytest.raises(ValueError, match="X does not cover the forecasting horizon: 1 time stamp"):
        forecaster.predict_at(y.index[40:50], [1, 2], X=X[:51])


def test_only_one_kind_of_answer_can_be_asked_for():
    forecaster = small().fit(series())
    with pytest.raises(ValueError, match="coverage and num_samples were passed together"):
        forecaster.predict_at(MONTHS[50], [1], coverage=0.9, num_samples=3)
    with pytest.raises(ValueError, match="num_samples"):
        forecaster.predict_at(MONTHS[50], [1], num_samples=0)


def test_a_bar_counts_the_chunks_of_cutoffs(capsys):
    y = wave(1_200)
    forecaster = small(verbose=1).fit(y)
    capsys.readouterr()
    forecaster.predict_at(range(100, 1_200), [1])
    assert "3/3" in capsys.readouterr().err
    forecaster.predict([1])
    assert capsys.readouterr().err == ""


def test_a_bar_counts_the_cutoffs_that_are_looked_at_one_by_one(capsys):
    y = series(200)
    forecaster = small(sp=[4, 70]).fit(y[:170])
    forecaster.verbose = 1
    forecaster.predict_at(y.index[170:173], [1], y=y)
    assert "3/3" in capsys.readouterr().err


def test_a_series_that_has_not_begun_is_left_out_even_if_none_of_it_is_known():
    months = pd.period_range("2015-01", periods=60, freq="M")
    values = np.random.default_rng(0).normal(size=60).cumsum()
    panel = pd.concat({"b": pd.Series(values[50:], months[50:]), "z": pd.Series(values, months)}).to_frame("y")
    forecasts = small().fit(panel).predict_at([months[45]], [1])
    assert forecasts.index.get_level_values(1).unique().tolist() == ["z"]
