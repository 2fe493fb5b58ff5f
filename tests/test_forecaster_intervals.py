"""Probabilistic forecasts of the forecaster: sample paths, the lower bound, and coverage on simulated data."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from toys import small, wave

from sktime_lstm import LSTMForecaster

FH = list(range(1, 7))
MONTHS = pd.period_range("2010-01", periods=66, freq="M", name="month")


def panel_of_shops():
    index = pd.MultiIndex.from_product([["a", "b"], MONTHS], names=["shop", "month"])
    return pd.DataFrame({"sales": np.r_[wave(66), 100 * wave(66, seed=1)]}, index=index)


def hierarchy():
    y = pd.concat({"north": panel_of_shops(), "south": 2 * panel_of_shops()}, names=["region"])
    return y


def with_gaps():
    y = wave(66, index=MONTHS)
    y.iloc[[3, 4, 40, 65]] = np.nan
    return y


KINDS = {
    "series": lambda: wave(66, index=MONTHS),
    "several variables": lambda: pd.DataFrame({"u": wave(66, MONTHS), "v": 50 * wave(66, MONTHS, seed=1)}),
    "panel": panel_of_shops,
    "hierarchy": hierarchy,
    "missing values": with_gaps,
}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS.keys())
def fitted(request):
    y = request.param()
    return y, small().fit(y, fh=FH)


def test_samples_have_a_row_for_each_sample_series_and_time_and_a_column_for_each_variable(fitted):
    y, forecaster = fitted
    point = pd.DataFrame(forecaster.predict(fh=FH))
    samples = forecaster.predict_samples(fh=FH, num_samples=7)
    assert list(samples.index.names) == ["sample", *point.index.names]
    assert list(samples.columns) == list(pd.DataFrame(y).columns)
    for number in range(7):
        assert samples.loc[number].index.equals(point.index)
    assert np.isfinite(samples.to_numpy()).all()


def test_samples_have_the_predicted_quantiles(fitted):
    _, forecaster = fitted
    samples = forecaster.predict_samples(fh=FH, num_samples=3_000)
    found = np.quantile(samples.to_numpy().reshape(3_000, -1), [0.1, 0.5, 0.9], axis=0).T
    expected = forecaster.predict_quantiles(fh=FH, alpha=[0.1, 0.5, 0.9]).to_numpy().reshape(-1, 3)
    assert_allclose(found, expected, atol=0.1 * np.ptp(expected, axis=1).max())


def test_quantiles_rise_and_their_median_is_the_point_forecast(fitted):
    _, forecaster = fitted
    fh = [-70, -20, 0, *FH, 30]
    quantiles = forecaster.predict_quantiles(fh=fh, alpha=[0.05, 0.25, 0.5, 0.75, 0.95]).to_numpy()
    point = pd.DataFrame(forecaster.predict(fh=fh)).to_numpy()
    quantiles = quantiles.reshape(*point.shape, 5)
    before_the_start = np.isnan(point)
    assert (np.diff(quantiles[~before_the_start], axis=-1) > 0).all()
    assert_allclose(quantiles[..., 2], point)


def test_samples_leave_the_forecaster_and_its_point_forecast_as_they_were(fitted):
    _, forecaster = fitted
    before = forecaster.predict(fh=FH).to_numpy()
    state = set(forecaster.__dict__)
    forecaster.predict_samples(fh=[3, 40], num_samples=2)
    assert set(forecaster.__dict__) == state
    assert_array_equal(forecaster.predict().to_numpy(), before)


def test_the_variance_and_the_interval_need_no_skpro(fitted, monkeypatch):
    _, forecaster = fitted
    monkeypatch.setitem(sys.modules, "skpro", None)
    assert (forecaster.predict_var(fh=FH).to_numpy() > 0).all()
    assert np.isfinite(forecaster.predict_interval(fh=FH).to_numpy()).all()


def test_the_distribution_of_skpro_has_the_predicted_mean(fitted):
    pytest.importorskip("skpro")
    _, forecaster = fitted
    assert_allclose(
        forecaster.predict_proba(fh=FH).mean().to_numpy().ravel(), forecaster.predict(fh=FH).to_numpy().ravel()
    )


@pytest.fixture(scope="module")
def quick():
    return small().fit(wave(66, index=MONTHS), fh=FH)


def test_the_same_call_draws_the_same_samples(quick):
    assert_array_equal(quick.predict_samples(fh=FH, num_samples=5), quick.predict_samples(fh=FH, num_samples=5))
    assert_array_equal(
        quick.predict_samples(fh=FH, num_samples=5, random_state=3),
        quick.predict_samples(fh=FH, num_samples=5, random_state=3),
    )


def test_another_seed_draws_other_samples(quick):
    assert (
        quick.predict_samples(fh=FH, num_samples=5, random_state=1)
        != quick.predict_samples(fh=FH, num_samples=5, random_state=2)
    ).all(axis=None)


def test_samples_of_the_past_are_one_step_ahead(quick):
    past = quick.predict_samples(fh=[-10], num_samples=2_000)
    assert_allclose(past.to_numpy().mean(), quick.predict(fh=[-10]).item(), atol=0.3)


def test_samples_follow_the_covariates():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"price": rng.normal(size=72)}, index=pd.period_range("2010-01", periods=72, freq="M"))
    y = 5 * X["price"] + rng.normal(scale=0.1, size=72)
    forecaster = small(sp=1).fit(y[:66], X=X[:66], fh=FH)
    mean = forecaster.predict_samples(X=X[66:], num_samples=500).groupby(level=1).mean()
    assert np.abs(mean.to_numpy().ravel() - y[66:].to_numpy()).max() < 1.5


@pytest.mark.parametrize("num_samples", [0, 1.5, "many", None])
def test_a_senseless_number_of_samples_is_refused(quick, num_samples):
    with pytest.raises(ValueError, match="num_samples must be an integer of at least 1"):
        quick.predict_samples(fh=FH, num_samples=num_samples)


def test_the_sum_over_a_lead_time_spreads_more_than_independent_steps_would():
    """Of a random walk the steps of a path err in the same direction."""
    walks = np.random.default_rng(0).normal(size=(100, 60)).cumsum(axis=1)
    index = pd.MultiIndex.from_product([range(100), range(60)], names=["series", "time"])
    forecaster = small(sp=1).fit(pd.DataFrame({"y": walks.ravel()}, index=index), fh=FH)
    samples = forecaster.predict_samples(num_samples=500)["y"].unstack("time")
    of_sum = samples.sum(axis=1).groupby("series").var()
    if_independent = samples.groupby("series").var().sum(axis=1)
    assert (of_sum / if_independent).mean() > 2


def test_variables_that_move_together_do_so_in_every_sample():
    shared = np.random.default_rng(0).normal(size=66).cumsum()
    noise = np.random.default_rng(1).normal(scale=0.05, size=(66, 2))
    y = pd.DataFrame({"u": shared + noise[:, 0], "v": 3 * shared + noise[:, 1]})
    samples = small(sp=1).fit(y, fh=FH).predict_samples(num_samples=500)
    assert samples.groupby(level=1).corr().xs("u", level=1)["v"].min() > 0.7


# The lower bound


def sales(length=66):
    """Counts near zero."""
    return pd.Series(np.random.default_rng(0).poisson(1.5, size=length).astype(float), index=MONTHS[:length])


@pytest.mark.parametrize("scaler", ["window", "standard"])
def test_no_answer_is_below_the_bound(scaler):
    forecaster = small(lower_bound=0, scaler=scaler).fit(sales())
    fh = range(-30, 40)
    assert (forecaster.predict_quantiles(fh=fh, alpha=[0.001, 0.5]).to_numpy() >= 0).all()
    assert (forecaster.predict_samples(fh=fh, num_samples=50).to_numpy() >= 0).all()
    assert (forecaster.predict(fh=fh).to_numpy() >= 0).all()


def test_the_bound_moves_nothing_that_lies_above_it():
    free, held = (small(lower_bound=bound).fit(sales()) for bound in (None, 0))
    expected = free.predict_quantiles(fh=FH, alpha=[0.01, 0.5, 0.9]).to_numpy()
    assert (expected < 0).any()
    assert_array_equal(held.predict_quantiles(fh=FH, alpha=[0.01, 0.5, 0.9]).to_numpy(), np.maximum(expected, 0))


def test_data_below_the_bound_are_refused_in_fit_and_in_update():
    with pytest.raises(ValueError, match="below lower_bound=10"):
        small(lower_bound=10).fit(sales())
    forecaster = small(lower_bound=0).fit(sales(60))
    with pytest.raises(ValueError, match="below lower_bound=0"):
        forecaster.update(sales()[60:] - 100)


@pytest.mark.parametrize("bound", ["0", np.inf, True])
def test_a_senseless_bound_is_refused(bound):
    with pytest.raises(ValueError, match="lower_bound must be a number, or None"):
        LSTMForecaster(lower_bound=bound)


# Coverage on simulated data


def noise(rng, number):
    return rng.normal(size=(number, 66))


def random_walk(rng, number):
    return rng.normal(size=(number, 66)).cumsum(axis=1)


def heavy_tails(rng, number):
    return 10 * np.sin(2 * np.pi * np.arange(66) / 12) + rng.standard_t(3, size=(number, 66))


def counts(rng, number):
    return rng.poisson(4, size=(number, 66)).astype(float)


def step_change(rng, number):
    return rng.normal(size=(number, 66)) + np.where(np.arange(66) < 30, 0, 10)


def coverage(values, *, alone, share=1.0, promised=0.8):
    """Share of the last six points that intervals hold, whose ends are moved to a `share` of their distance."""
    if alone:
        parts = [pd.Series(row, index=MONTHS) for row in values]
    else:
        index = pd.MultiIndex.from_product([range(len(values)), MONTHS], names=["series", "month"])
        parts = [pd.DataFrame({"y": values.ravel()}, index=index)]
    hits = []
    for y in parts:
        known = y.index.get_level_values("month") < MONTHS[60]
        forecaster = small().fit(y[known], fh=FH)
        lower, middle, upper = (
            forecaster.predict_quantiles(alpha=[0.5 - promised / 2, 0.5, 0.5 + promised / 2]).to_numpy().T
        )
        truth = y[~known].to_numpy().ravel()
        hits.append((middle + share * (lower - middle) <= truth) & (truth <= middle + share * (upper - middle)))
    return np.mean(hits)


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False], ids=["one series each", "panel"])
@pytest.mark.parametrize("simulate", [noise, random_walk, heavy_tails, counts, step_change])
def test_intervals_hold_what_they_promise_and_would_not_at_half_the_width(simulate, alone):
    values = simulate(np.random.default_rng(0), 30 if alone else 100)
    assert coverage(values, alone=alone) == pytest.approx(0.8, abs=0.1)
    assert coverage(values, alone=alone, share=0.5) < 0.7
