"""Laws that hold from end to end: covariates, gaps, jumps, counts, clocks, several seasons, settings of the caller."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.base
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer, PowerTransformer
from toys import TOO_SHORT, small, wave

from sktime_lstm import LSTMForecaster

NAN = np.nan


def default(**parameters):
    """The forecaster as users meet it."""
    return LSTMForecaster(**{"random_state": 0, **parameters})


def noise_fits(length, num_covariates, seeds):
    """Mean absolute error, and coverage of the 90 % interval, of the next six points of noise beside noise."""
    errors, covered = [], []
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        y = pd.Series(generator.normal(size=length + 6))
        X = pd.DataFrame(generator.normal(size=(length + 6, num_covariates))) if num_covariates else None
        past, future = (None, None) if X is None else (X[:length], X[length:])
        quantiles = (
            default().fit(y[:length], X=past, fh=range(1, 7)).predict_quantiles(X=future, alpha=[0.05, 0.5, 0.95])
        )
        low, middle, high = quantiles.to_numpy().T
        actual = y[length:].to_numpy()
        errors.append(np.abs(actual - middle).mean())
        covered.append(np.mean((low <= actual) & (actual <= high)))
    return np.mean(errors), np.mean(covered)


@pytest.mark.slow
@pytest.mark.parametrize(("length", "num_covariates"), [(60, 50), (120, 80)])
def test_many_covariates_of_pure_noise_do_little_harm_and_the_intervals_know_it(length, num_covariates):
    without, _ = noise_fits(length, 0, 36)
    error, coverage = noise_fits(length, num_covariates, 36)
    assert error <= 1.25 * without
    assert 0.8 <= coverage <= 0.98


@pytest.mark.parametrize("every", [2, 7])
def test_the_effect_of_a_covariate_is_found_where_most_values_are_missing(every):
    errors = {}
    for seed in range(4):
        generator = np.random.default_rng(seed)
        X = pd.DataFrame({"promotion": generator.integers(0, 2, 210).astype(float)})
        complete = 10 * X["promotion"] + 0.3 * generator.normal(size=210)
        for step in (1, every):
            y = complete.where(np.arange(210) % step == 0)[:200]
            forecast = default().fit(y, X=X[:200]).predict(fh=range(1, 11), X=X[200:])
            errors.setdefault(step, []).append((complete[200:] - forecast).abs().mean())
    assert np.mean(errors[every]) <= 1.5 * np.mean(errors[1])


def width(forecaster, fh=(1,)):
    low, high = forecaster.predict_interval(fh=list(fh), coverage=0.9).to_numpy().T
    return high - low


@pytest.mark.parametrize("seed", range(3))
def test_after_an_outage_longer_than_a_window_the_interval_is_wider_than_before_it(seed):
    shocks = pd.Series(np.random.default_rng(seed).normal(size=100))
    for y in (shocks, shocks.cumsum()):
        outage = y.where(np.arange(100) < 70)
        before, after = default(sp=1).fit(y[:70]), default(sp=1).fit(outage)
        assert width(after) > width(before) > 0
        samples = after.predict_samples(fh=[1], num_samples=200)
        assert samples.to_numpy().std() > 0.2 * width(after)[0]


@pytest.mark.filterwarnings("ignore:y has too few observed points")
@pytest.mark.parametrize(
    "values",
    [[5.0] * 40 + [9.0], [1.0, 2.0] + [NAN] * 20, [1.0, 2, 3] + [5.0] * 14, [0.0] * 30 + [1.0] + [0.0] * 30],
    ids=["a last jump", "an outage", "a plateau", "one event"],
)
@pytest.mark.parametrize("loss", ["mae", "normal", "quantile"])
def test_only_a_constant_series_has_an_interval_without_width(values, loss):
    assert (width(default(loss=loss).fit(pd.Series(values)), (1, 5)) > 0).all()
    assert (width(default(loss=loss).fit(pd.Series([7.0] * 30)), (1, 5)) == 0).all()


@pytest.mark.parametrize(
    ("place", "value"), [(131, 1000.0), (130, 1000.0), (129, 1000.0), (128, 1000.0), (131, -800.0)]
)
def test_an_outlier_at_the_end_may_be_a_mistake_and_the_interval_says_so(place, value):
    values = np.random.default_rng(0).normal(100, 2, 144)
    y = pd.Series(values[:132], pd.period_range("2010-01", periods=132, freq="M"))
    y.iloc[place] = value
    forecaster = default().fit(y)
    low, high = forecaster.predict_interval(fh=range(1, 13), coverage=0.9).to_numpy().T
    assert np.mean((low <= values[132:]) & (values[132:] <= high)) >= 0.5
    samples = forecaster.predict_samples(fh=[1], num_samples=100).to_numpy()
    assert 0.2 < np.mean(np.abs(samples - 100) < 20) < 0.8


def days(seed, length, *, noise=4.0):
    generator, steps = np.random.default_rng(seed), np.arange(length)
    year, week = 30 * np.sin(2 * np.pi * steps / 365.25), 5 * np.sin(2 * np.pi * steps / 7)
    return pd.Series(
        100 + year + week + noise * generator.normal(size=length), pd.date_range("2015-01-01", periods=length)
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_days_find_their_week_and_year_and_forecast_a_year_better_than_the_year_before(seed):
    series = days(seed, 9 * 365)
    y, actual = series[: 8 * 365], series[8 * 365 :]
    forecaster = default().fit(y)
    assert forecaster.sp_ == (7, 365)
    forecast = forecaster.predict(fh=range(1, 366))
    naive = pd.Series(y.to_numpy()[-365:], actual.index)
    for horizon in (28, 91, 365):
        assert (actual - forecast)[:horizon].abs().mean() <= (actual - naive)[:horizon].abs().mean()
    low, high = forecaster.predict_interval(fh=range(1, 366), coverage=0.9).to_numpy().T
    assert np.mean((low <= actual) & (actual <= high)) >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_hours_find_their_day_and_week(seed):
    generator, steps = np.random.default_rng(seed), np.arange(10 * 168)
    values = 10 * np.sin(2 * np.pi * steps / 24) - 20 * (steps // 24 % 7 >= 5) + 3 * generator.normal(size=len(steps))
    series = pd.Series(100 + values, pd.date_range("2024-01-01", periods=len(steps), freq="h"))
    y, actual = series[: 8 * 168], series[8 * 168 :].to_numpy()
    forecaster = default().fit(y)
    assert forecaster.sp_ == (24, 168)
    forecast, naive = forecaster.predict(fh=range(1, 337)).to_numpy(), np.resize(y.to_numpy()[-168:], 336)
    for horizon in (24, 168, 336):
        assert np.abs(actual - forecast)[:horizon].mean() <= np.abs(actual - naive)[:horizon].mean()


@pytest.mark.parametrize(
    ("sp", "expected"), [([24, 168], (24, 168)), ((168, 24), (24, 168)), (24, 24), (168, 168), (1, 1)]
)
def test_seasons_may_be_named(sp, expected):
    assert small(sp=sp).fit(pd.Series(np.random.default_rng(0).normal(size=400))).sp_ == expected


def test_a_long_season_goes_on_through_update_and_saved_state():
    pattern = np.tile(np.r_[np.zeros(80), 10 * np.ones(20)], 6)
    y = pd.Series(pattern + 0.1 * np.random.default_rng(0).normal(size=600))
    forecaster = small(sp=100).fit(y[:400])
    np.testing.assert_allclose(forecaster.predict(fh=range(1, 101)), pattern[:100], atol=1.5)
    forecaster.update(y[400:450], update_params=False)
    np.testing.assert_allclose(forecaster.predict(fh=range(1, 51)), pattern[50:100], atol=1.5)
    one_by_one = small(sp=100).fit(y[:400])
    for place in range(400, 450):
        one_by_one.update(y[place : place + 1], update_params=False)
    np.testing.assert_allclose(one_by_one.predict(fh=range(1, 51)), forecaster.predict(fh=range(1, 51)), rtol=1e-6)


def test_counts_are_never_forecast_below_zero_and_stay_within_reach():
    falling = default(loss="negative_binomial").fit(pd.Series(np.arange(60.0, 20.0, -1.0)))
    assert (falling.predict(fh=range(1, 61)) >= 0).all()
    sold_out = default(loss="negative_binomial").fit(pd.Series(np.r_[np.arange(30.0, 0.0, -1.0), np.zeros(20)]))
    low, high = sold_out.predict_interval(fh=range(1, 11), coverage=0.9).to_numpy().T
    assert (low >= 0).all()
    assert (high < 30).all()


def test_a_forecast_in_the_past_knows_nothing_of_what_came_after():
    y = pd.Series(np.arange(60.0))
    changed = y + 1000.0 * (y >= 30)
    first, second = (default().fit(each).predict(fh=range(-59, 1)) for each in (y, changed))
    assert np.isnan(first.iloc[0])
    assert np.isnan(second.iloc[0])
    np.testing.assert_allclose(first[1:4], second[1:4], atol=3)


@pytest.mark.parametrize("length", [60, 3_000])
def test_the_forecast_of_a_step_depends_on_nothing_else_that_is_asked_for(length):
    y = wave(length)
    forecaster = small(batch_size=4096).fit(y)
    whole = forecaster.predict(fh=range(-5, 40))
    for fh in ([1], [3], [39], [-2], [-5, 1, 7]):
        np.testing.assert_allclose(forecaster.predict(fh=fh), whole.to_numpy()[np.array(fh) + 5], rtol=1e-6)


@pytest.mark.parametrize(
    ("zone", "start", "points"),
    [
        ("Africa/Cairo", "2024-03-01", 50),
        ("Africa/Cairo", "2024-03-01", 70),
        ("America/Santiago", "2024-08-01", 30),
        ("America/Havana", "2024-02-10", 26),
        ("America/Sao_Paulo", "2018-10-01", 60),
        ("Europe/Berlin", "2024-03-01", 40),
    ],
)
def test_days_go_on_where_the_clock_changes_at_midnight(zone, start, points):
    naive = pd.date_range(start, periods=points + 25, freq="D")
    stamps = naive.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(naive), dtype=bool))
    forecaster = small().fit(pd.Series(np.arange(float(points)), stamps[:points]))
    pd.testing.assert_index_equal(
        forecaster.predict(fh=range(1, 21)).index, stamps[points : points + 20], exact="equiv"
    )
    forecaster.update(pd.Series(np.arange(5.0), stamps[points : points + 5]), update_params=False)
    assert forecaster.predict(fh=[1]).index[0] == stamps[points + 5]


def test_a_stamp_far_away_is_refused_in_update_and_nothing_has_changed():
    forecaster = small().fit(wave(50))
    before = forecaster.predict(fh=[1, 2])
    for stamp in (20_000_000, 10**12):
        with pytest.raises(ValueError, match="nearly all are missing"):
            forecaster.update(pd.Series([1.0], index=[stamp]))
    pd.testing.assert_series_equal(forecaster.predict(fh=[1, 2]), before)


def test_scattered_stamps_are_refused_with_advice():
    scattered = pd.to_datetime(np.sort(np.random.default_rng(0).choice(300_000, 300, replace=False)), unit="ms")
    with pytest.raises(ValueError, match="asfreq"):
        small().fit(pd.Series(np.arange(300.0), scattered))


def test_rows_of_covariates_off_the_grid_are_left_aside():
    business = pd.bdate_range("2024-01-01", periods=90)
    generator = np.random.default_rng(0)
    X = pd.DataFrame({"x": generator.normal(size=130)}, pd.date_range("2024-01-01", periods=130))
    y = pd.Series(generator.normal(size=80), business[:80])
    daily, matching = small().fit(y, X=X[:"2024-04-19"]), small().fit(y, X=X.loc[business[:80]])
    pd.testing.assert_series_equal(
        daily.predict(fh=[1, 2, 3], X=X["2024-04-20":]), matching.predict(fh=[1, 2, 3], X=X.loc[business[80:83]])
    )


@pytest.mark.parametrize("level", ["unit", "variable", "gate", "layer", "value", "time", "anchor", "weight", "sample"])
def test_names_of_index_levels_never_collide_with_those_of_a_table(level):
    y = pd.concat({key: wave(30, seed=key).to_frame("y") for key in (3, 4)}, names=[level, "when"])
    forecaster = small().fit(y)
    for table in (forecaster.gate_activations(), forecaster.anchor_weights(fh=[1, 2])):
        assert table.columns.is_unique
        assert set(table.iloc[:, 0]) == {3, 4}
    names = forecaster.predict_samples(fh=[1], num_samples=2).index.names
    assert len(set(names)) == 3
    assert names[1:] == [level, "when"]


def test_the_output_format_of_scikit_learn_does_not_matter():
    y = wave(60)
    expected = small(scaler="standard", lower_bound=0).fit(y).predict_samples(fh=[1, 2], num_samples=3)
    with sklearn.config_context(transform_output="pandas"):
        found = small(scaler="standard", lower_bound=0).fit(y).predict_samples(fh=[1, 2], num_samples=3)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (FunctionTransformer(np.negative, np.negative), "in its order"),
        (PCA(1), "refuses missing values"),
        (FunctionTransformer(np.nan_to_num, np.nan_to_num), "changes columns or missing values"),
    ],
    ids=["decreasing", "mixing columns", "filling gaps"],
)
def test_a_transformer_that_cannot_serve_is_refused_in_fit(transformer, message):
    with pytest.raises(ValueError, match=message):
        small(scaler=transformer).fit(wave(60))


@pytest.mark.parametrize(
    "transformer", [FunctionTransformer(np.log1p, np.expm1), PowerTransformer()], ids=["log", "power"]
)
def test_a_transformer_that_rises_column_by_column_serves(transformer):
    y = wave(60).clip(lower=0)
    quantiles = small(scaler=transformer).fit(y).predict_quantiles(fh=[1, 5], alpha=[0.1, 0.5, 0.9]).to_numpy()
    assert (np.diff(quantiles) > 0).all()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_neither_the_default_dtype_nor_the_default_device_of_torch_matters(dropout):
    y = wave(60)
    expected = small(dropout=dropout).fit(y).predict(fh=[1, 2])
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        found = small(dropout=dropout).fit(y).predict(fh=[1, 2])
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    pd.testing.assert_series_equal(found, expected)


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e200, 1e300])
def test_the_unit_of_the_data_may_be_as_small_or_large_as_a_number(factor):
    y = wave(60)
    forecaster, expected = small().fit(factor * y), small().fit(y)
    np.testing.assert_allclose(forecaster.predict(fh=[1, 5]) / factor, expected.predict(fh=[1, 5]), rtol=1e-4)
    found, intervals = (each.predict_interval(fh=[1, 5]).to_numpy() for each in (forecaster, expected))
    np.testing.assert_allclose(found / factor, intervals, rtol=1e-4)


def test_a_fitted_forecaster_is_kept_as_it_was_passed_and_survives_clones():
    teacher = small().fit(wave(120, seed=1))
    before = teacher.predict(fh=[1, 2])
    learner = small(pretrained=teacher, fine_tune="none")
    assert learner.pretrained is teacher
    assert learner.get_params(deep=False)["pretrained"] is teacher
    expected = learner.clone().clone().fit(wave(60)).predict(fh=[1, 2])
    pd.testing.assert_series_equal(learner.fit(wave(60)).predict(fh=[1, 2]), expected)
    pd.testing.assert_series_equal(teacher.predict(fh=[1, 2]), before)


@TOO_SHORT
def test_a_warning_points_at_the_line_of_the_user():
    with pytest.warns(UserWarning, match="too few observed points") as caught:
        small().fit(pd.Series([1.0]))
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (pd.Series([], dtype=float, index=pd.RangeIndex(0)), ValueError, "y has no row"),
        (pd.Series([1.0, 2, 3, 4], pd.timedelta_range("1D", periods=4)), TypeError, "DatetimeIndex, a PeriodIndex"),
    ],
    ids=["empty", "durations"],
)
def test_what_is_no_time_series_is_refused_in_plain_words(y, error, message):
    with pytest.raises(error, match=message):
        small().fit(y)


def test_a_window_thousands_of_points_longer_than_the_series_is_refused():
    with pytest.raises(ValueError, match="window_length=1000000, but the longest series has 60 points"):
        small(window_length=1_000_000).fit(wave(60))


@pytest.mark.parametrize("first", [1, 2, 5])
def test_a_new_series_that_starts_with_few_points_ends_up_as_if_they_had_come_at_once(first):
    generator = np.random.default_rng(0)
    X = pd.DataFrame({"x": generator.integers(0, 2, 160).astype(float)})
    y = 100 + 20 * X["x"] + generator.normal(size=160)

    def shop(key, start, stop):
        return tuple(pd.concat({key: part.iloc[start:stop]}) for part in (y.to_frame("y"), X))

    old, new = shop("old", 0, 100), shop("new", 0, 100)
    at_once, piecemeal = (small(max_epochs=5).fit(old[0], X=old[1]) for _ in range(2))
    at_once.update(*new, update_params=False)
    for start, stop in ((0, first), (first, 100)):
        piecemeal.update(*shop("new", start, stop), update_params=False)
    last = pd.concat([shop(key, 100, 105)[1] for key in ("old", "new")])
    found, expected = (each.predict(fh=range(1, 6), X=last).loc["new"] for each in (piecemeal, at_once))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("is_panel", [False, True])
def test_a_reading_that_is_missing_today_is_taken_in_and_moves_the_cutoff(is_panel):
    y, today = wave(60), pd.Series([NAN], index=[60])
    if is_panel:
        y, today = (pd.concat({"a": each.to_frame("y"), "b": each.to_frame("y")}) for each in (y, today))
    forecaster = small().fit(y).update(today, update_params=False)
    assert forecaster.predict(fh=[1]).index.get_level_values(-1)[0] == 61
    assert np.isfinite(forecaster.predict(fh=[1]).to_numpy()).all()


def test_scikit_learn_clones_as_sktime_does():
    learner = small(pretrained=small().fit(wave(120, seed=1)), fine_tune="none")
    expected = learner.clone().fit(wave(60)).predict(fh=[1, 2])
    pd.testing.assert_series_equal(sklearn.base.clone(learner).fit(wave(60)).predict(fh=[1, 2]), expected)
