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


def sales(length=66):
    """Counts near zero."""
    return pd.Series(np.random.default_rng(0).poisson(1.5, size=length).astype(float), index=MONTHS[:length])


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


def test_the_distribution_of_skpro_has_the_predicted_quantiles_and_variance(fitted):
    pytest.importorskip("skpro")
    _, forecaster = fitted
    distribution = forecaster.predict_proba(fh=FH)
    point = forecaster.predict(fh=FH)
    assert_allclose(distribution.ppf(0.5).to_numpy(), point.to_numpy().reshape(distribution.shape), rtol=1e-6)
    levels = forecaster.predict_quantiles(fh=FH, alpha=[0.1, 0.9]).to_numpy()
    spread_of = levels.reshape(len(levels), -1, 2) @ [-1, 1]
    ours = (distribution.ppf(0.9) - distribution.ppf(0.1)).to_numpy()
    assert_allclose(ours, spread_of, rtol=0.1)
    assert_allclose(distribution.var().to_numpy().ravel(), forecaster.predict_var(fh=FH).to_numpy().ravel(), rtol=1e-6)
    assert distribution.index.equals(point.index)


def test_a_joint_distribution_draws_whole_paths():
    pytest.importorskip("skpro")
    forecaster = small().fit(wave(66, index=MONTHS), fh=FH)
    paths = forecaster.predict_samples(fh=FH, num_samples=199).to_numpy().reshape(199, -1)
    drawn = forecaster.predict_proba(fh=FH, marginal=False).sample().to_numpy().ravel()
    assert np.abs(paths - drawn).max(axis=1).min() < 1e-9


def test_covariances_are_left_to_the_sample_paths(quick):
    with pytest.raises(ValueError, match="Take covariances from predict_samples"):
        quick.predict_var(fh=FH, cov=True)


def test_without_skpro_the_error_says_what_to_install(monkeypatch):
    forecaster = small().fit(wave(66, index=MONTHS), fh=FH)
    for name in [name for name in sys.modules if name.split(".")[0] == "skpro"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "skpro", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sktime-lstm\[proba\]'"):
        forecaster.predict_proba(fh=FH)


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


# Learned distributions

LEARNED = ["quantile", "normal", "negative_binomial"]


@pytest.mark.parametrize("loss", LEARNED)
def test_a_learned_distribution_has_ordered_quantiles_around_the_forecast_and_agrees_with_its_samples(loss):
    forecaster = small(loss=loss, output_length=3).fit(sales(), fh=FH)
    quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.3, 0.5, 0.7, 0.9]).to_numpy()
    assert (np.diff(quantiles, axis=1) > 0).all()
    assert_allclose(quantiles[:, 2], forecaster.predict().to_numpy())
    samples = forecaster.predict_samples(num_samples=3_000).to_numpy().reshape(3_000, -1)
    found = np.quantile(samples, [0.1, 0.5, 0.9], axis=0).T
    assert_allclose(found, quantiles[:, ::2], atol=0.1 * np.ptp(quantiles))


@pytest.mark.parametrize("loss", LEARNED[:2])
def test_a_learned_distribution_has_the_units_of_the_data(loss):
    y = wave(66, MONTHS)
    found = small(loss=loss).fit(1e3 * y - 1e5).predict_quantiles(fh=FH, alpha=[0.1, 0.9])
    expected = small(loss=loss).fit(y).predict_quantiles(fh=FH, alpha=[0.1, 0.9])
    assert_allclose((found + 1e5) / 1e3, expected, rtol=1e-3)


@pytest.mark.parametrize("loss", LEARNED[:2])
def test_a_learned_distribution_knows_when_the_noise_is_larger(loss):
    """Every other season is noisy, and the covariate tells which."""
    rng = np.random.default_rng(0)
    noisy = np.tile(np.repeat([0.0, 1.0], 4), 75)
    X = pd.DataFrame({"noisy": noisy})
    y = pd.Series(rng.normal(size=600) * (0.2 + 2 * noisy))
    parameters = {"loss": loss, "sp": 1, "random_state": 0, "max_epochs": 60, "learning_rate": 0.01, "hidden_size": 8}
    forecaster = LSTMForecaster(**parameters).fit(y[:592], X=X[:592], fh=range(1, 9))
    lower, upper = forecaster.predict_quantiles(X=X[592:], alpha=[0.1, 0.9]).to_numpy().T
    assert (upper - lower)[4:].mean() > 2 * (upper - lower)[:4].mean()


@pytest.mark.parametrize("values", [sales() + 0.5, sales() - 3])
def test_what_is_no_count_is_refused_by_the_loss_of_counts(values):
    with pytest.raises(ValueError, match="loss='negative_binomial' needs counts"):
        small(loss="negative_binomial").fit(values)


def test_counts_are_not_shifted_by_a_scaler():
    with pytest.raises(ValueError, match="loss='negative_binomial' needs scaler='window'"):
        small(loss="negative_binomial", scaler="standard").fit(sales())


# The lower bound


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


def shares(values, *, alone):
    """Shares of the last six points that 80 % intervals hold, and that they would hold at half their width."""
    if alone:
        parts = [pd.Series(row, index=MONTHS) for row in values]
    else:
        index = pd.MultiIndex.from_product([range(len(values)), MONTHS], names=["series", "month"])
        parts = [pd.DataFrame({"y": values.ravel()}, index=index)]
    hits = []
    for y in parts:
        known = y.index.get_level_values("month") < MONTHS[60]
        lower, median, upper = small().fit(y[known], fh=FH).predict_quantiles(alpha=[0.1, 0.5, 0.9]).to_numpy().T
        missed = y[~known].to_numpy().ravel() - median
        hits.append([(share * (lower - median) <= missed) & (missed <= share * (upper - median)) for share in (1, 0.5)])
    return np.mean(np.concatenate(hits, axis=1), axis=1)


@pytest.mark.slow
@pytest.mark.parametrize(("alone", "most"), [(True, 0.99), (False, 0.9)], ids=["one series each", "panel"])
@pytest.mark.parametrize("simulate", [noise, random_walk, heavy_tails, counts, step_change])
def test_intervals_hold_what_they_promise_and_would_not_at_half_the_width(simulate, alone, most):
    """Those of one short series are on the cautious side."""
    whole, half = shares(simulate(np.random.default_rng(0), 30 if alone else 100), alone=alone)
    assert half < 0.75 < whole < most
