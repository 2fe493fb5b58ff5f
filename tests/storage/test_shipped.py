"""The network that comes with the package: small, the same for all, and what it serves."""

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from toys import wave

from sktime_lstm import LSTMForecaster
from sktime_lstm.storage.shipped import FILE, shipped_model

MONTHS = pd.period_range("2010-01", periods=60, freq="M")
Y = wave(60, MONTHS)
FH = range(1, 13)


def default(**parameters):
    return LSTMForecaster(**{"random_state": 0, **parameters})


def point(forecaster, y=Y, **data):
    return forecaster.fit(y, fh=FH, **data).predict()


def test_the_file_has_less_than_a_megabyte():
    assert (files("sktime_lstm.storage") / FILE).stat().st_size < 1_000_000


def test_it_is_read_once():
    assert shipped_model() is shipped_model()


def test_it_serves_series_of_any_season_and_has_seen_nothing_but_one_variable():
    assert shipped_model().is_universal
    assert list(shipped_model().covariate_columns) == []
    assert shipped_model().model.network.size.num_variables == 1


def test_a_short_series_is_forecast_without_training():
    forecaster = default().fit(Y)
    assert len(forecaster.history_) == 0
    assert forecaster._model.network is shipped_model().model.network


def test_the_seed_does_not_matter_without_training():
    assert_array_equal(point(default()), point(default(random_state=1)))


@pytest.mark.parametrize(
    "other",
    [
        {"cell": "gru"},
        {"hidden_size": 8},
        {"num_layers": 2},
        {"dropout": 0.1},
        {"anchored": False},
        {"scaler": "standard"},
        {"loss": "mse"},
        {"loss": "normal"},
    ],
)
def test_settings_that_it_cannot_serve_are_learned_from_scratch(other):
    parameters = {"max_epochs": 2, **other}
    assert_array_equal(point(default(**parameters)), point(default(pretrained=None, **parameters)))


@pytest.mark.parametrize("given", [{"hidden_size": 64}, {"loss": "quantile"}, {"cell": "lstm"}, {"lower_bound": 0.0}])
def test_settings_that_it_serves_leave_it_alone(given):
    assert_array_equal(point(default(**given)), point(default()))


@pytest.mark.parametrize(
    "how", [{"max_epochs": 2}, {"batch_size": 8}, {"learning_rate": 0.01}, {"patience": 2}, {"fine_tune": "full"}]
)
def test_who_says_how_to_train_gets_a_training_from_its_weights(how):
    forecaster = default(**how).fit(Y)
    assert len(forecaster.history_) > 0
    assert forecaster.hidden_size_ == 64


def test_a_thousand_points_are_enough_to_train():
    long, short = (wave(length, pd.RangeIndex(length)) for length in (1000, 999))
    assert len(default().fit(long).history_) > 0
    assert len(default().fit(short).history_) == 0
    assert len(default(fine_tune="none").fit(long).history_) == 0


def test_training_leaves_the_weights_alone_that_all_share():
    before = [parameter.detach().clone() for parameter in shipped_model().model.network.parameters()]
    default(max_epochs=2, learning_rate=0.05).fit(Y).update(Y)
    assert all(
        parameter.equal(old) for parameter, old in zip(shipped_model().model.network.parameters(), before, strict=True)
    )


def test_several_variables_are_forecast_one_by_one():
    both = pd.DataFrame({"a": Y, "b": wave(60, MONTHS, seed=1)})
    together = default(sp=4).fit(both, fh=FH)
    for name in both:
        alone = default(sp=4).fit(both[name], fh=FH)
        assert_allclose(together.predict()[name], alone.predict(), rtol=1e-5)
        assert_allclose(
            together.predict_quantiles(alpha=[0.1, 0.9])[name],
            alone.predict_quantiles(alpha=[0.1, 0.9]).iloc[:, :2],
            rtol=1e-5,
        )


def test_the_series_of_a_small_panel_share_what_is_known_of_the_naive_forecasts():
    panel = pd.concat({number: wave(60, MONTHS, seed=number).to_frame("y") for number in range(3)})
    forecaster = default().fit(panel, fh=FH)
    assert len(forecaster.history_) == 0
    assert np.isfinite(forecaster.predict_interval().to_numpy()).all()


def test_covariates_count_by_their_linear_effect():
    generator = np.random.default_rng(0)
    X = pd.DataFrame({"price": generator.normal(size=60)}, MONTHS)
    y = 20 + 5 * X["price"] + generator.normal(size=60)
    forecaster = default().fit(y[:48], X[:48], fh=FH)
    assert len(forecaster.history_) == 0
    assert np.abs(forecaster.predict(X=X[48:]) - y[48:]).mean() < 0.3 * np.abs(y[48:] - y[48:].mean()).mean()


def test_an_update_without_training_looks_at_the_longer_series_anew():
    updated, fitted = default().fit(Y[:20]).update(Y[20:]), default().fit(Y)
    assert_allclose(updated.predict(fh=FH), fitted.predict(fh=FH), rtol=1e-6)
    assert updated.sp_ == fitted.sp_ == 12 or updated.sp_ == fitted.sp_


def test_a_saved_forecaster_forecasts_the_same_and_still_starts_from_it(tmp_path):
    from sktime_lstm import load_model

    forecaster = default().fit(Y, fh=FH)
    forecaster.save_model(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.pretrained == "simulated"
    assert_array_equal(loaded.predict(), forecaster.predict())
    assert_array_equal(loaded.fit(Y, fh=FH).predict(), forecaster.predict())


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8])
def test_the_shortest_series_have_finite_forecasts_and_intervals(length):
    y = wave(length, MONTHS[:length])
    forecaster = default().fit(y, fh=FH)
    low, high = forecaster.predict_interval().to_numpy().T
    assert np.isfinite(forecaster.predict()).all()
    assert (low <= forecaster.predict()).all()
    assert (forecaster.predict() <= high).all()


def test_a_constant_series_stays_constant():
    assert_allclose(point(default(), pd.Series(7.0, MONTHS)), 7.0)


def test_a_device_that_is_not_there_is_an_error_even_where_nothing_is_trained():
    with pytest.raises(ValueError, match="device"):
        default(device="cuda:99").fit(Y)


def test_in_a_panel_each_series_is_forecast_as_if_it_stood_alone():
    panel = pd.concat({number: wave(60 - 9 * number, MONTHS[9 * number :], seed=number) for number in range(3)})
    together = default(sp=4).fit(panel.to_frame("y"), fh=FH)
    for number in range(3):
        alone = default(sp=4, window_length=together.window_length_).fit(panel.loc[number], fh=FH)
        assert_allclose(together.predict().loc[number, "y"], alone.predict(), rtol=1e-4)


@pytest.mark.parametrize(("length", "sp"), [(3, 1), (4, 12), (6, 12), (8, 12)])
def test_intervals_are_no_narrower_than_the_data_vary_where_no_naive_forecast_has_been_tried(length, sp):
    y = wave(length, MONTHS[:length])
    low, high = default(sp=sp).fit(y, fh=FH).predict_interval(coverage=0.9).to_numpy().T
    assert (high - low > y.std()).all()


def test_more_steps_than_it_has_learned_are_forecast_block_by_block():
    assert default(sp=12).fit(Y, fh=range(1, 61)).output_length_ == 24
    assert default(sp=12, output_length=60).fit(Y, fh=range(1, 61)).output_length_ == 60


def test_intervals_far_beyond_the_first_block_are_about_as_wide_as_those_of_a_random_walk():
    walks = np.random.default_rng(0).normal(size=(6, 200)).cumsum(axis=1)
    steps = np.array([12, 60, 120])
    ends = [LSTMForecaster().fit(pd.Series(walk)).predict_interval(steps, coverage=0.9) for walk in walks]
    widths = np.mean([np.diff(each.to_numpy(), axis=1)[:, 0] for each in ends], axis=0)
    ratio = widths / (2 * 1.645 * np.sqrt(steps))
    assert ((ratio > 0.8) & (ratio < 1.5)).all(), ratio
