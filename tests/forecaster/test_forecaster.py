"""The forecaster on good data: the main job, the laws it obeys, the recipes it offers and its intervals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, QuantileTransformer
from sktime.datasets import load_airline
from sktime.forecasting.base import ForecastingHorizon
from toys import TOO_SHORT, small, wave

from sktime_lstm import LSTMForecaster

FREQUENCIES = ["D", "h", "15min", "W", "B", "MS", "ME", "QS", "YS", "3D", "2MS", "QE", "W-WED"]


@pytest.fixture(scope="module")
def airline():
    return load_airline()


@pytest.fixture(scope="module")
def default(airline):
    """The forecaster without any argument but the seed."""
    return LSTMForecaster(random_state=0).fit(airline)


@pytest.fixture(scope="module")
def quick(airline):
    return small().fit(airline)


def test_the_main_job_beats_the_seasonal_naive_forecast(airline):
    past, future = airline[:-12].to_numpy(), airline[-12:].to_numpy()
    forecast = LSTMForecaster(random_state=0).fit(airline[:-12]).predict(fh=range(1, 13))
    assert np.abs(forecast.to_numpy() - future).mean() < np.abs(past[-12:] - future).mean()


def test_the_main_job_answers_with_the_next_twelve_months(airline, default):
    forecast = default.predict(fh=range(1, 13))
    assert list(forecast.index) == list(pd.period_range("1961-01", periods=12, freq="M"))
    assert forecast.name == airline.name


def test_the_main_job_finds_the_year(default):
    assert default.sp_ == 12


def test_a_second_fit_gives_the_same_forecast(airline, quick):
    first = quick.predict(fh=range(1, 13)).to_numpy()
    again = small().fit(airline)
    assert_array_equal(again.fit(airline).predict(fh=range(1, 13)).to_numpy(), first)


def test_another_seed_gives_another_forecast(airline, quick):
    other = small(random_state=1).fit(airline)
    assert np.abs(other.predict(fh=[1, 2, 3]).to_numpy() - quick.predict(fh=[1, 2, 3]).to_numpy()).max() > 0


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_forecasts_carry_the_next_dates_of_the_frequency(freq):
    dates = pd.date_range("2020-01-01", periods=52, freq=freq)
    forecast = small().fit(wave(40, dates[:40])).predict(fh=range(1, 13))
    assert list(forecast.index) == list(dates[40:])


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_a_regular_spacing_is_as_good_as_a_frequency(freq):
    dates = pd.date_range("2020-01-01", periods=52, freq=freq)
    known, bare = wave(40, dates[:40]), wave(40, pd.DatetimeIndex(list(dates[:40])))
    forecast = small().fit(bare).predict(fh=range(1, 13))
    assert list(forecast.index) == list(dates[40:])
    assert_array_equal(forecast.to_numpy(), small().fit(known).predict(fh=range(1, 13)).to_numpy())


@TOO_SHORT
@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("freq", ["D", "B", "W", "MS", "ME", "QS", "YS", "2MS"])
def test_the_frequency_of_the_index_counts_where_a_few_stamps_suggest_another(freq, length):
    dates = pd.date_range("2024-01-01", periods=length + 3, freq=freq)
    forecast = small().fit(wave(length, dates[:length])).predict(fh=[1, 2, 3])
    assert list(forecast.index) == list(dates[length:])


@pytest.mark.parametrize("freq", ["M", "Q", "Y", "W", "D", "h", "2M"])
def test_forecasts_carry_the_next_periods(freq):
    periods = pd.period_range("2020-01-01", periods=43, freq=freq)
    forecast = small().fit(wave(40, periods[:40])).predict(fh=[1, 2, 3])
    assert list(forecast.index) == list(periods[40:])


@pytest.mark.parametrize("freq", ["h", "D", "MS"])
@pytest.mark.parametrize("start", ["2024-03-25", "2024-10-20"])
def test_time_zones_survive_a_change_of_the_clock(freq, start):
    dates = pd.date_range(start, periods=212, freq=freq, tz="Europe/Berlin")
    forecast = small().fit(wave(200, dates[:200])).predict(fh=range(1, 13))
    assert list(forecast.index) == list(dates[200:])


@pytest.mark.parametrize("start", [0, 5, -100])
def test_whole_numbers_continue_wherever_they_start(start):
    y = wave(40)
    forecast = small().fit(y.set_axis(pd.RangeIndex(start, start + 40))).predict(fh=[1, 2, 3])
    assert list(forecast.index) == [start + 40, start + 41, start + 42]
    assert_array_equal(forecast.to_numpy(), small().fit(y).predict(fh=[1, 2, 3]).to_numpy())


def test_on_even_numbers_every_second_step_is_the_next_point():
    """sktime counts the steps of a horizon in units of the index."""
    y = wave(40)
    forecast = small().fit(y.set_axis(pd.Index(range(0, 80, 2)))).predict(fh=[2, 4, 6])
    assert list(forecast.index) == [80, 82, 84]
    assert_array_equal(forecast.to_numpy(), small().fit(y).predict(fh=[1, 2, 3]).to_numpy())


def test_an_array_is_forecast_like_a_series():
    y = wave(40)
    forecast = small().fit(y.to_numpy()).predict(fh=[1, 2, 3])
    assert_array_equal(forecast.ravel(), small().fit(y).predict(fh=[1, 2, 3]).to_numpy())


def test_the_third_step_is_the_same_alone_and_in_company(quick):
    assert_array_equal(quick.predict(fh=[3]).to_numpy(), quick.predict(fh=[1, 2, 3]).to_numpy()[2:])


def test_a_horizon_with_gaps_picks_its_rows(quick):
    assert_array_equal(quick.predict(fh=[1, 7, 30]).to_numpy(), quick.predict(fh=range(1, 31)).to_numpy()[[0, 6, 29]])


def test_a_horizon_given_to_fit_is_used_by_predict(airline):
    forecast = small(output_length=6).fit(airline, fh=[1, 2, 3]).predict()
    assert_array_equal(forecast.to_numpy(), small(output_length=6).fit(airline).predict(fh=[1, 2, 3]).to_numpy())


def test_predict_may_ask_for_another_horizon_than_fit(airline):
    forecaster = small().fit(airline, fh=[1, 2, 3])
    assert_array_equal(forecaster.predict().to_numpy(), forecaster.predict(fh=range(1, 21)).to_numpy()[:3])


def test_absolute_and_relative_horizons_agree(quick):
    months = ForecastingHorizon(pd.PeriodIndex(["1961-01", "1961-07"], freq="M"), is_relative=False)
    forecast = quick.predict(fh=months)
    assert list(forecast.index) == list(months.to_pandas())
    assert_array_equal(forecast.to_numpy(), quick.predict(fh=[1, 7]).to_numpy())


def test_time_spans_are_a_horizon_too():
    forecaster = small().fit(wave(40, pd.date_range("2020-01-01", periods=40, freq="D")))
    spans = forecaster.predict(fh=pd.to_timedelta([1, 2, 5], unit="D"))
    assert_array_equal(spans.to_numpy(), forecaster.predict(fh=[1, 2, 5]).to_numpy())


def test_a_horizon_may_mix_past_and_future(quick):
    mixed = quick.predict(fh=[-5, 0, 1, 3])
    assert list(mixed.index) == list(pd.PeriodIndex(["1960-07", "1960-12", "1961-01", "1961-03"], freq="M"))
    assert_array_equal(mixed.to_numpy()[:2], quick.predict(fh=[-5, 0]).to_numpy())
    assert_array_equal(mixed.to_numpy()[2:], quick.predict(fh=[1, 3]).to_numpy())


def test_in_sample_forecasts_reach_the_second_point_since_nothing_is_known_before_the_first(airline, quick):
    forecast = quick.predict(fh=airline.index)
    assert forecast.index.equals(airline.index)
    assert np.isfinite(forecast.to_numpy()).tolist() == [False] + [True] * 143


def test_in_sample_forecasts_are_one_step_ahead(airline, quick):
    truncated = small().fit(airline).update(airline[:100], update_params=False)
    in_sample = quick.predict(fh=airline.index[[100]])
    assert_allclose(in_sample.to_numpy(), truncated.predict(fh=[1]).to_numpy(), rtol=1e-6)


def test_points_up_to_the_first_have_no_forecast(quick):
    fh = [-145, -144, -143, -142]
    assert np.isnan(quick.predict(fh=fh).to_numpy()).tolist() == [True, True, True, False]
    assert np.isnan(quick.predict_interval(fh=fh).to_numpy()).tolist() == [[True] * 2] * 3 + [[False] * 2]


@pytest.mark.parametrize("factor", [4.0, 1e6, 1e-3])
def test_scaling_the_data_does_the_same_to_forecasts_and_intervals(airline, factor):
    assert_allclose(forecast_of(airline * factor) / factor, forecast_of(airline), rtol=1e-4)


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 10.0), (1e6, -5e6), (1e-3, -1e6), (0.1, -1e6)])
def test_shifting_data_that_are_not_positive_does_the_same(airline, factor, shift):
    # Positive data may grow by shares of their level, which a shift changes.
    below = airline - 700
    assert_allclose((forecast_of(below * factor + shift) - shift) / factor, forecast_of(below), rtol=1e-4)


def forecast_of(y):
    """Forecasts and their intervals."""
    forecaster = small().fit(y)
    return forecaster.predict_interval(fh=range(1, 25)).assign(point=forecaster.predict(fh=range(1, 25))).to_numpy()


def test_a_level_of_a_billion_hides_no_variation():
    y = wave(40) / 10
    forecast = small().fit(y + 1e9).predict(fh=[1, 2, 3]).to_numpy()
    assert_allclose(forecast - 1e9, small().fit(y - 100).predict(fh=[1, 2, 3]).to_numpy() + 100, atol=1e-3)


def test_an_untrained_network_treats_all_variables_alike():
    y = pd.DataFrame({"a": wave(40), "b": wave(40, seed=1) * 100})
    untrained = small(learning_rate=1e-30, sp=4)
    forecast, swapped = untrained.fit(y).predict(fh=[1, 2, 3]), untrained.fit(y[["b", "a"]]).predict(fh=[1, 2, 3])
    assert list(swapped.columns) == ["b", "a"]
    assert_allclose(swapped[["a", "b"]].to_numpy(), forecast.to_numpy())


def test_beyond_the_output_length_forecasts_are_fed_back(airline):
    # Without anchors, since a believed value would count in their track record.
    one_step = small(output_length=1, anchored=False).fit(airline)
    forecast = one_step.predict(fh=[1, 2]).to_numpy()
    believed = pd.Series(forecast[:1], index=pd.PeriodIndex(["1961-01"], freq="M"), name=airline.name)
    second = one_step.update(believed, update_params=False).predict(fh=[1])
    assert_allclose(second.to_numpy(), forecast[1:], rtol=1e-6)


def test_a_straight_line_goes_on():
    """Twelve steps ahead the last value is wrong by 24; the forecast by less than half of that."""
    forecast = LSTMForecaster(random_state=0).fit(pd.Series(2.0 * np.arange(80))).predict(fh=range(1, 13)).to_numpy()
    assert_allclose(forecast, 2.0 * np.arange(80, 92), atol=12)
    assert (np.diff(forecast) > 0).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"cell": "gru"},
        {"cell": "rnn"},
        {"cell": "peephole"},
        {"cell": "cifg"},
        {"cell": "cifg", "num_layers": 2},
        {"num_layers": 2, "dropout": 0.2},
        {"anchored": False},
        {"loss": "mse"},
        {"loss": "huber"},
        {"scaler": "standard"},
        {"scaler": "minmax"},
        {"scaler": "robust"},
        {"scaler": "none"},
        {"scaler": PowerTransformer()},
        {"scaler": QuantileTransformer(n_quantiles=20, output_distribution="normal")},
        {"scaler": FunctionTransformer(np.log, np.exp, check_inverse=False)},
        {"scaler": PowerTransformer().set_output(transform="pandas")},
        {"output_length": 1},
        {"window_length": 3},
        {"patience": 1, "batch_size": 16},
        {"time_budget": 0.05, "max_epochs": 100_000},
    ],
    ids=lambda parameters: "-".join(f"{name}={str(value).split('(')[0]}" for name, value in parameters.items()),
)
def test_every_recipe_gives_plausible_forecasts(airline, parameters):
    """Plausible: within 1949 to 1960 stretched by half its range on both sides."""
    forecaster = small(**{"max_epochs": 30, "hidden_size": 8, "learning_rate": 0.01, **parameters}).fit(airline)
    values = forecaster.predict_interval(fh=range(1, 13), coverage=0.5).to_numpy()
    assert np.isfinite(values).all()
    assert forecaster.predict(fh=range(1, 13)).between(-155, 881).all()


@pytest.mark.parametrize(
    "change", [{"cell": "gru"}, {"cell": "rnn"}, {"cell": "peephole"}, {"cell": "cifg"},
               {"num_layers": 2}, {"dropout": 0.5},
               {"anchored": False}, {"loss": "mse"}, {"scaler": "standard"}, {"window_length": 20},
               {"output_length": 3}, {"sp": 1}, {"learning_rate": 0.1}, {"batch_size": 7}, {"max_epochs": 9},
               {"hidden_size": 5}, {"weight_decay": 0.9}, {"patience": 1}], ids=str
)  # fmt: skip
def test_every_parameter_makes_a_difference(airline, quick, change):
    changed = small(**change).fit(airline).predict(fh=range(1, 13)).to_numpy()
    assert np.abs(changed - quick.predict(fh=range(1, 13)).to_numpy()).max() > 0


def test_a_transformer_that_is_passed_stays_unfitted(airline):
    scaler = PowerTransformer()
    forecaster = small(scaler=scaler).fit(airline)
    assert forecaster.scaler is scaler
    assert not hasattr(scaler, "lambdas_")


def test_the_window_and_the_season_can_be_chosen(airline):
    forecaster = small(window_length=20, output_length=5, sp=6).fit(airline)
    assert (forecaster.window_length_, forecaster.output_length_, forecaster.sp_) == (20, 5, 6)


def test_a_season_of_one_switches_seasonality_off(airline):
    assert small(sp=1).fit(airline).sp_ == 1


@pytest.mark.parametrize(("freq", "sp"), [("h", 24), ("D", 7), ("B", 5), ("MS", 12), ("QS", 4), ("2h", 12)])
def test_the_season_follows_the_frequency_where_the_series_shows_it(freq, sp):
    dates = pd.date_range("2020-01-01", periods=20 * sp, freq=freq)
    noise = np.random.default_rng(0).normal(size=20 * sp)
    assert small().fit(pd.Series(np.tile(np.arange(sp), 20) + noise / 10, index=dates)).sp_ == sp
    assert small().fit(pd.Series(np.arange(20.0 * sp), index=dates)).sp_ == 1


def test_the_season_of_numbered_points_is_found_in_the_series():
    y = pd.Series(np.tile([0.0, 1, 5, 2, 1, 3, 1], 20) + np.random.default_rng(0).normal(size=140) / 10)
    assert small().fit(y).sp_ == 7


def test_the_history_tells_the_course_of_the_training(airline):
    history = small().fit(airline).history_
    columns = ["step", "epoch", "loss", "validation_loss", "learning_rate", "gradient_norm", "failures", "seconds"]
    assert list(history.columns) == columns
    assert np.isfinite(history["loss"]).all()


def test_training_lowers_the_loss(airline):
    loss = LSTMForecaster(pretrained=None, random_state=0).fit(airline).history_["loss"]
    assert loss.iloc[-1] < loss.iloc[0]


def test_with_patience_the_history_shows_the_validation_loss(airline):
    history = small(patience=2, max_epochs=50, batch_size=16).fit(airline).history_
    assert np.isfinite(history["validation_loss"]).all()


def test_training_stops_when_patience_runs_out(airline):
    """With this learning rate nothing changes, so the first check is never bettered."""
    history = small(patience=2, max_epochs=50, learning_rate=1e-30).fit(airline).history_
    assert len(history) == 3


def test_without_time_one_step_is_taken(airline):
    history = small(time_budget=0, max_epochs=50).fit(airline).history_
    assert history["step"].tolist() == [1]


def test_an_interval_contains_the_point_forecast(default):
    interval, point = default.predict_interval(fh=range(1, 37), coverage=0.1), default.predict(fh=range(1, 37))
    lower, upper = interval.to_numpy().T
    assert (lower <= point.to_numpy()).all()
    assert (point.to_numpy() <= upper).all()


def test_intervals_never_narrow_with_the_horizon_where_one_spread_serves_all_windows(airline):
    forecaster = LSTMForecaster(pretrained=None, random_state=0).fit(airline)
    lower, upper = forecaster.predict_interval(fh=range(1, 37), coverage=0.9).to_numpy().T
    assert (np.diff(upper - lower) > -1e-6).all()
    assert (upper - lower)[35] > (upper - lower)[0]


def test_intervals_widen_from_year_to_year(default):
    lower, upper = default.predict_interval(fh=range(1, 37), coverage=0.9).to_numpy().T
    assert (np.diff((upper - lower).reshape(3, 12).mean(axis=1)) > 0).all()


def test_quantiles_keep_the_order_in_which_they_were_asked_for(default):
    alphas = [0.9, 0.1, 0.5, 0.99, 0.01]
    mixed = default.predict_quantiles(fh=[1, 2, 3], alpha=alphas)
    assert list(mixed.columns.get_level_values(-1)) == alphas
    assert_array_equal(
        mixed.to_numpy()[:, np.argsort(alphas)],
        default.predict_quantiles(fh=[1, 2, 3], alpha=sorted(alphas)).to_numpy(),
    )


def test_quantiles_never_cross(default):
    quantiles = default.predict_quantiles(fh=range(-20, 37), alpha=np.linspace(0.001, 0.999, 50).tolist())
    assert (np.diff(quantiles.to_numpy(), axis=1) >= 0).all()


def test_the_median_is_the_point_forecast(default):
    median = default.predict_quantiles(fh=range(-5, 13), alpha=[0.5]).to_numpy()[:, 0]
    assert_allclose(median, default.predict(fh=range(-5, 13)).to_numpy())


def test_intervals_of_the_past_are_one_step_wide(default):
    past, next_step = default.predict_interval(fh=[-20, -3]), default.predict_interval(fh=[1])
    width = (past.to_numpy()[:, 1] - past.to_numpy()[:, 0]) / (next_step.to_numpy()[0, 1] - next_step.to_numpy()[0, 0])
    assert ((width > 0.5) & (width < 2)).all()


def test_intervals_of_several_variables_are_not_mixed_up():
    y = pd.DataFrame({"small": wave(60), "large": 1e4 + 1e3 * wave(60, seed=1)})
    forecaster = small().fit(y)
    interval, point = forecaster.predict_interval(fh=[1, 2], coverage=[0.5, 0.9]), forecaster.predict(fh=[1, 2])
    for name in y.columns:
        of_one = interval[name].to_numpy()
        ordered = np.column_stack([of_one[:, 2], of_one[:, 0], point[name], of_one[:, 1], of_one[:, 3]])
        assert (np.diff(ordered, axis=1) >= 0).all()


def test_the_variance_is_that_of_sample_paths(default):
    paths = default.predict_samples(fh=[1, 2, 3], num_samples=20_000).iloc[:, 0].unstack("sample")
    assert_allclose(default.predict_var(fh=[1, 2, 3]).to_numpy().ravel(), paths.var(axis=1), rtol=0.1)


def test_intervals_of_noise_cover_what_they_promise():
    """A thousand forecasts of standard normal noise: 80 % intervals may miss their share by a tenth."""
    noise = np.random.default_rng(0).normal(size=(200, 65))
    index = pd.MultiIndex.from_product([range(200), range(65)], names=["series", "time"])
    y = pd.DataFrame({"y": noise.ravel()}, index=index)
    known = index.get_level_values("time") < 60
    lower, upper = small().fit(y[known]).predict_interval(fh=range(1, 6), coverage=0.8).to_numpy().T
    assert 0.7 < ((lower < y[~known]["y"]) & (y[~known]["y"] < upper)).mean() < 0.9


NOISE = np.random.default_rng(0).normal(scale=0.1, size=72)


@pytest.mark.parametrize(
    ("values", "tolerance"),
    [
        (np.full(72, 7.0), 1e-9),
        (5 + 2.0 * np.arange(72), 0.5),
        (np.tile(10 * np.sin(np.arange(12) * np.pi / 6), 6), 0.1),
        (np.arange(72) + np.tile(np.arange(12.0), 6), 1.0),
        (np.where(np.arange(72) < 40, 0.0, 10.0) + NOISE, 0.5),
    ],
    ids=["constant", "line", "season", "line and season", "step"],
)
def test_a_simple_series_goes_on_as_anyone_would_draw_it(values, tolerance):
    y = pd.Series(values, index=pd.period_range("2015-01", periods=72, freq="M"))
    forecast = LSTMForecaster(random_state=0).fit(y[:60]).predict(fh=range(1, 13))
    assert np.abs(forecast - y[60:]).max() < tolerance
