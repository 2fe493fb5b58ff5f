"""The naive forecasts: by hand, against sktime, and under a change of units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sktime.forecasting.naive import NaiveForecaster
from statsmodels.tsa.seasonal import seasonal_decompose

from sktime_lstm.anchors import naive
from sktime_lstm.anchors.naive import (
    ANCHORS,
    anchors_of,
    change_over_season,
    is_seasonal,
    naive_forecasts,
    season_ahead,
    with_anchors,
)
from sktime_lstm.anchors.smoothing import SMOOTHERS
from sktime_lstm.data.scaling import window_scale
from sktime_lstm.data.windows import ScaledWindows, WindowIndex

NAN = torch.nan


def forecast(values, name, *, horizon=3, sp=1):
    """One naive forecast of one series."""
    context = torch.tensor(values, dtype=torch.float64).view(1, -1, 1)
    return naive_forecasts(context, horizon=horizon, sp=sp)[0, :, 0, ANCHORS.index(name)].tolist()


def random_context(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def steps(start, stop):
    return torch.arange(float(start), float(stop), dtype=torch.float64)


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ([1, 2, 4], "last", [4, 4, 4]),
        ([1, 2, NAN], "last", [2, 2, 2]),
        ([NAN, 3, NAN, NAN], "last", [3, 3, 3]),
        ([1, 2, 5], "drift", [7, 9, 11]),
        ([NAN, 1, NAN, 5], "drift", [7, 9, 11]),
        ([7], "drift", [7, 7, 7]),
        ([NAN, 7], "drift", [7, 7, 7]),
        ([1, 2, 6], "mean", [3, 3, 3]),
        ([1, NAN, 6, NAN, 2], "mean", [3, 3, 3]),
        ([1, 5, NAN], "drift", [13, 17, 21]),
        ([1, 2, 4], "smooth", [(0.49 * 1 + 0.7 * 2 + 4) / 2.19] * 3),
        ([1, NAN, 4], "smooth", [(0.49 * 1 + 4) / 1.49] * 3),
        ([1, 2, 4], "slow", [(0.81 * 1 + 0.9 * 2 + 4) / 2.71] * 3),
        ([1, 2, 3], "smooth drift", [4, 5, 6]),
        ([1, NAN, 3, NAN], "smooth drift", [5, 6, 7]),
        ([7], "smooth drift", [7, 7, 7]),
    ],
)
def test_a_forecast_without_season(values, name, expected):
    np.testing.assert_allclose(forecast(values, name), expected)


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ([1, 10, 2, 11], "seasonal", [2, 11, 2, 11, 2]),
        ([99, 1, 10, 2, 11], "seasonal", [2, 11, 2, 11, 2]),
        ([1, 10], "seasonal", [1, 10, 1, 10, 1]),
        ([1, 10, NAN, 11], "seasonal", [1, 11, 1, 11, 1]),
        ([1, 10, 2, NAN], "seasonal", [2, 10, 2, 10, 2]),
        ([NAN, 10, NAN, 11], "seasonal", [11, 11, 11, 11, 11]),
        # One season later both phases stand 1 and 3 higher, on average 2.
        ([1, 10, 2, 13], "seasonal drift", [4, 15, 6, 17, 8]),
        ([1, 10, NAN, 13], "seasonal drift", [4, 16, 7, 19, 10]),
        ([1, 10], "seasonal drift", [1, 10, 1, 10, 1]),
        # The season is one below and one above its mean, which is 2.
        ([1, 3, 1, 3, 1, 3], "last", [1, 3, 1, 3, 1]),
        # Two and a half seasons, and then the next phase is the higher one.
        ([1, 3, 1, 3, 1], "last", [3, 1, 3, 1, 3]),
        # A single season does not tell what repeats.
        ([1, 3, 1], "last", [1, 1, 1, 1, 1]),
    ],
)
def test_a_forecast_with_a_season_of_two(values, name, expected):
    np.testing.assert_allclose(forecast(values, name, horizon=5, sp=2), expected, rtol=1e-6)


def with_zero(values, name, *, zero=0.0, horizon=3, sp=1):
    """One naive forecast of one series whose data are 0 at `zero`."""
    context = torch.as_tensor(values, dtype=torch.float64).view(1, -1, 1)
    forecasts = naive_forecasts(context, horizon=horizon, sp=sp, zero=torch.full((1, 1, 1), zero, dtype=torch.float64))
    return forecasts[0, :, 0, ANCHORS.index(name)].numpy()


@pytest.mark.parametrize("zero", [0.0, -7.0])
def test_a_series_that_grows_by_a_share_does_so_on(zero):
    growing = 1.3 ** steps(0, 12) + zero
    np.testing.assert_allclose(with_zero(growing, "smooth drift", zero=zero), 1.3 ** steps(12, 15) + zero, rtol=1e-4)
    assert forecast(growing.tolist(), "smooth drift")[-1] < 1.3**13.5 + zero


def test_a_season_that_grows_with_the_level_grows_on():
    season = torch.tensor([0.5, 1.0, 1.5, 1.0])
    growing = 1.05 ** steps(0, 40) * season.repeat(10)
    # The moving average of a season lies above the middle of its logarithms by nearly nothing.
    expected = 1.05 ** steps(40, 44) * season
    np.testing.assert_allclose(with_zero(growing, "smooth drift", horizon=4, sp=4), expected, rtol=1e-2)


@pytest.mark.parametrize("name", SMOOTHERS)
@pytest.mark.parametrize(
    "values", [steps(0, 30) % 7, steps(1, 9) ** 3, steps(-20, 10)], ids=["zeros", "few", "negative"]
)
def test_without_many_positive_data_nothing_grows_by_shares(values, name):
    np.testing.assert_allclose(with_zero(values, name), forecast(values.tolist(), name))


def test_a_line_is_likelier_straight():
    values = steps(10, 40) + 0.3 * random_context(30)
    straight = forecast(values.tolist(), "smooth drift")
    np.testing.assert_allclose(with_zero(values, "smooth drift"), straight, rtol=1e-2)


@pytest.mark.parametrize("sp", [1, 4])
def test_shares_have_the_units_of_the_data_but_not_their_level(sp):
    context = (0.1 * steps(0, 30) + random_context(30)).exp().view(1, -1, 1)
    zero = torch.zeros(1, 1, 1, dtype=torch.float64)

    def forecast_of(values, zero):
        return naive_forecasts(values, horizon=5, sp=sp, zero=zero)

    expected = forecast_of(context, zero)
    torch.testing.assert_close(forecast_of(1e-2 * context, zero), 1e-2 * expected, equal_nan=True)
    # Where zero moves with the data nothing changes; where it stays behind, growth is a smaller share.
    torch.testing.assert_close(forecast_of(context - 9, zero - 9), expected - 9, equal_nan=True)
    assert not torch.allclose(forecast_of(context + 9, zero), expected + 9, equal_nan=True)


@pytest.mark.parametrize("zero", [NAN, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", SMOOTHERS)
def test_without_a_zero_nothing_grows_by_shares(zero, name):
    doubling = (2.0 ** steps(0, 12)).tolist()
    np.testing.assert_allclose(with_zero(doubling, name, zero=zero), forecast(doubling, name))


def test_each_variable_has_a_zero_of_its_own():
    context = (2.0 ** steps(0, 12))[None, :, None].repeat(1, 1, 2)
    zero = torch.tensor([0.0, NAN], dtype=torch.float64).view(1, 1, 2)
    both = naive_forecasts(context, horizon=3, sp=1, zero=zero)[0, :, :, ANCHORS.index("smooth drift")]
    np.testing.assert_allclose(both[:, 0], with_zero(context[0, :, 0], "smooth drift"))
    np.testing.assert_allclose(both[:, 1], forecast(context[0, :, 0].tolist(), "smooth drift"))


def test_no_growth_is_beyond_all_measure():
    rocket = 100.0 ** steps(0, 12)
    ahead = with_zero(rocket, "smooth drift", horizon=50)
    assert np.isfinite(ahead).all()
    assert ahead.max() <= 1.001 * np.e * rocket.max().item()


def test_missing_values_do_not_keep_positive_data_from_growing():
    growing = 1.3 ** steps(0, 14)
    growing[[0, 5, 6]] = NAN
    np.testing.assert_allclose(with_zero(growing, "smooth drift"), 1.3 ** steps(14, 17), rtol=1e-4)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_an_outlier_at_the_end_is_no_endless_growth(name):
    values = [*(10 + random_context(40)).tolist(), 60.0]
    assert max(with_zero(values, name, horizon=18)) < 1.001 * np.e * 60


def rising_season(start, stop, sp):
    """A season of ups and downs of mean zero on a straight line."""
    season = random_context(sp) * 5
    return 3 * steps(start, stop) + (season - season.mean())[steps(start, stop).long() % sp]


@pytest.mark.parametrize("sp", [2, 3, 4, 7, 12])
@pytest.mark.parametrize("length", [36, 41])
def test_a_season_on_a_line_goes_on_exactly(sp, length):
    ahead = forecast(rising_season(0, length, sp).tolist(), "smooth drift", horizon=15, sp=sp)
    np.testing.assert_allclose(ahead, rising_season(length, length + 15, sp), rtol=1e-5)


def test_only_smoothing_looks_farther_back_than_the_window_length():
    context = random_context(1, 30, 1)
    before = naive_forecasts(context, horizon=4, sp=1, window_length=12)[0, 0, 0]
    context[:, 5] += 100
    after = naive_forecasts(context, horizon=4, sp=1, window_length=12)[0, 0, 0]
    changed = [name for name, one, other in zip(ANCHORS, before, after, strict=True) if abs(one - other) > 1e-9]
    assert changed == list(SMOOTHERS)


@pytest.mark.parametrize("sp", [2, 3, 4, 7, 12])
def test_the_season_is_that_of_the_classical_decomposition_shrunk_towards_none(sp):
    noisy = rising_season(0, 5 * sp, sp) + random_context(5 * sp)
    expected = seasonal_decompose(noisy.numpy(), period=sp).seasonal[:sp]
    season = season_ahead(noisy[None, :, None], sp)[0, :, 0].numpy()
    kept = season @ expected / (expected @ expected)
    assert 0.5 < kept < 1
    np.testing.assert_allclose(season, kept * expected)


def test_a_season_that_is_all_noise_is_left_out():
    # From one season to the next the two phases change places.
    swapping = torch.tensor([1.0, 3, 3, 1, 1, 3, 3, 1, 1, 3]).view(1, -1, 1)
    assert (season_ahead(swapping, 2) == 0).all()


def test_a_missing_value_changes_a_season_little():
    context = rising_season(0, 40, 4).view(1, -1, 1)
    complete = season_ahead(context, 4)
    context[0, [10, 25]] = NAN
    torch.testing.assert_close(season_ahead(context, 4), complete, rtol=0.3, atol=0.3)


@pytest.mark.parametrize("hidden", [slice(0, None, 4), slice(0, 20), slice(None)])
def test_there_is_no_season_if_a_phase_was_never_seen_inside(hidden):
    context = rising_season(0, 24, 4).view(1, -1, 1)
    context[0, hidden] = NAN
    assert (season_ahead(context, 4) == 0).all()


@pytest.mark.parametrize(
    ("name", "strategy", "sp"),
    [("last", "last", 1), ("drift", "drift", 1), ("mean", "mean", 1), ("seasonal", "last", 4)],
)
def test_sktime_forecasts_the_same(name, strategy, sp):
    y = pd.Series(random_context(22).numpy())
    expected = NaiveForecaster(strategy, sp=sp).fit(y).predict(np.arange(1, 11)).to_numpy().ravel()
    np.testing.assert_allclose(forecast(y.tolist(), name, horizon=10, sp=sp), expected)


@pytest.mark.parametrize("sp", [1, 7])
def test_there_is_no_seasonal_forecast_without_a_whole_season(sp):
    exists = naive_forecasts(random_context(2, 6, 1), horizon=3, sp=sp).isfinite()
    for number, name in enumerate(ANCHORS):
        assert exists[..., number].unique().tolist() == [not name.startswith("seasonal")], name


@pytest.mark.parametrize("sp", [1, 3])
@pytest.mark.parametrize("hidden", [[], [0], [5], [2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]])
def test_missing_values_make_no_forecast_missing(sp, hidden):
    context = random_context(2, 6, 2)
    complete = naive_forecasts(context, horizon=4, sp=sp)
    context[:, hidden] = NAN
    assert naive_forecasts(context, horizon=4, sp=sp).isnan().equal(complete.isnan())


@pytest.mark.parametrize("sp", [1, 3])
def test_the_forecasts_have_the_units_and_the_level_of_the_data(sp):
    context = random_context(3, 8, 2)
    moved = naive_forecasts(1e3 * context - 1e6, horizon=5, sp=sp)
    expected = 1e3 * naive_forecasts(context, horizon=5, sp=sp) - 1e6
    torch.testing.assert_close(moved, expected, equal_nan=True)


@pytest.mark.parametrize("sp", [1, 3])
def test_each_window_and_variable_is_forecast_on_its_own(sp):
    context = random_context(3, 8, 2)
    context[1, 4:, 0] = NAN
    together = naive_forecasts(context, horizon=5, sp=sp)
    for window in range(3):
        for variable in range(2):
            alone = naive_forecasts(context[window, None, :, variable, None], horizon=5, sp=sp)
            torch.testing.assert_close(together[window, :, variable], alone[0, :, 0], equal_nan=True)


@pytest.mark.parametrize("sp", [1, 3])
def test_a_step_is_forecast_the_same_however_many_follow(sp):
    context = random_context(3, 8, 1)
    longer = naive_forecasts(context, horizon=9, sp=sp)
    torch.testing.assert_close(longer[:, :4], naive_forecasts(context, horizon=4, sp=sp), equal_nan=True)


@pytest.mark.parametrize(
    ("window_length", "sp", "expected"), [(12, 12, True), (11, 12, False), (12, 1, False), (1, 1, False), (2, 2, True)]
)
def test_a_season_must_fit_into_the_window(window_length, sp, expected):
    assert is_seasonal(window_length, sp) is expected


def test_the_change_over_a_season_is_zero_where_it_is_unknown():
    context = torch.tensor([1.0, 10, 3, NAN, 6, 11]).view(1, -1, 1)
    torch.testing.assert_close(change_over_season(context, 2).flatten(), torch.tensor([0.0, 0, 2, 0, 3, 0]))


def test_a_season_longer_than_the_window_changes_nothing():
    context = random_context(1, 3, 1)
    torch.testing.assert_close(change_over_season(context, 5), torch.zeros_like(context))


def examples():
    """Windows of one series of a season."""
    values = random_context(40, 2)
    origins = torch.arange(10, 36)
    windows = WindowIndex(values, torch.zeros(40, 0), torch.tensor([0, 40]), origins, window_length=8, horizon=3, sp=4)
    return ScaledWindows(windows, window_scale, torch.device("cpu"))


def test_anchors_made_in_advance_are_those_of_each_batch():
    chosen = torch.tensor([3, 0, 25])
    window, target = examples().batch(chosen)
    prepared, same_target = with_anchors(examples()).batch(chosen)
    assert window.anchors is None
    torch.testing.assert_close(prepared.anchors, anchors_of(window), equal_nan=True)
    torch.testing.assert_close(same_target, target)


def test_anchors_that_take_too_much_memory_are_not_made_in_advance(monkeypatch):
    # Windows, steps, variables, anchors and bytes of a number.
    monkeypatch.setattr(naive, "MAX_BYTES_IN_ADVANCE", 26 * 3 * 2 * len(ANCHORS) * 4 - 1)
    assert with_anchors(examples()).anchors is None


def test_a_season_of_which_a_third_is_missing_is_found_as_if_it_were_there():
    generator = torch.Generator().manual_seed(0)
    pattern = 5 * torch.sin(2 * torch.pi * torch.arange(72) / 12)
    complete = (0.3 * torch.arange(72) + pattern).repeat(20, 1)[..., None]
    missing = complete.masked_fill(torch.rand(complete.shape, generator=generator) < 1 / 3, torch.nan)
    found, expected = season_ahead(missing, 12), season_ahead(complete, 12)
    error = (found - expected).abs().mean((1, 2))
    assert error.median() < 0.1 * pattern.abs().mean()
