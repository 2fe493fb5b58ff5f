"""Rolling out: each block of forecasts is fed back before the next is made."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from sktime_lstm.data.scaling import unit_scale, window_scale
from sktime_lstm.data.windows import MAX_BATCH, WindowBatch, WindowIndex
from sktime_lstm.forecasting.intervals import ErrorUnits
from sktime_lstm.forecasting.rollout import (
    Innovations,
    add_errors,
    evenly_ranked,
    extended,
    extrapolated_spread,
    forecast_windows,
    path_features,
    roll_out,
    sample_paths,
)


class CountOn(nn.Module):
    """Forecast the last value plus one, plus two, ..."""

    def forward(self, window):
        return window.context[:, -1:] + torch.arange(1, window.horizon + 1)[:, None]


class Fibonacci(nn.Module):
    """Forecast every step by the sum of the two last values."""

    def forward(self, window):
        return window.context[:, -2:].sum(1, keepdim=True).repeat(1, window.horizon, 1)


class Always(nn.Module):
    """Forecast every step by the same scaled value."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, window):
        return torch.full((len(window.context), window.horizon, window.context.shape[2]), self.value)


class FutureCovariate(nn.Module):
    """Forecast each step by its covariate."""

    def forward(self, window):
        return window.covariates[:, -window.horizon :]


def window_of(*context, horizon):
    values = torch.tensor(context, dtype=torch.float64).view(1, -1, 1)
    return WindowBatch(values, torch.zeros(1, len(context) + horizon, 1), sp=1)


def rolled(network, *context, horizon, output_length, scale_of=unit_scale):
    window = window_of(*context, horizon=horizon)
    return roll_out(network, window, output_length=output_length, scale_of=scale_of).flatten().tolist()


@pytest.mark.parametrize("output_length", [1, 2, 3, 6])
def test_counting_on_gives_one_two_three(output_length):
    assert rolled(CountOn(), 0.0, horizon=6, output_length=output_length) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("output_length", "expected"), [(1, [2, 3, 5, 8, 13, 21]), (2, [2, 2, 4, 4, 8, 8]), (3, [2, 2, 2, 4, 4, 4])]
)
def test_each_block_sees_the_forecasts_before_it(output_length, expected):
    assert rolled(Fibonacci(), 1.0, 1.0, horizon=6, output_length=output_length) == expected


def test_every_block_has_its_own_scale():
    # (0, 2) is 1 +- 1, three units above is 4; (2, 4) is 3 +- 1, gives 6; (4, 6) is 5 +- 1, gives 8.
    assert rolled(Always(3.0), 0.0, 2.0, horizon=3, output_length=1, scale_of=window_scale) == [4, 6, 8]


def test_the_network_sees_scaled_values():
    # (0, 4) is 2 +- 2, so the last value is 1 unit above; one more is 2 units above.
    assert rolled(CountOn(), 0.0, 4.0, horizon=1, output_length=1, scale_of=window_scale) == [6]


def test_a_constant_context_goes_on_whatever_the_network_says():
    assert rolled(Always(3.0), 5.0, 5.0, horizon=4, output_length=2, scale_of=window_scale) == [5, 5, 5, 5]


def test_a_small_change_of_a_large_value_is_not_rounded_away():
    assert rolled(Always(1.0), 1e9, 1e9 + 4, horizon=1, output_length=1, scale_of=window_scale) == [1e9 + 4]


@pytest.mark.parametrize("output_length", [1, 2, 3, 6])
def test_every_step_sees_its_own_covariates(output_length):
    covariates = torch.arange(10.0).view(1, 10, 1)
    window = WindowBatch(torch.zeros(1, 4, 1, dtype=torch.float64), covariates, sp=1)
    forecast = roll_out(FutureCovariate(), window, output_length=output_length, scale_of=unit_scale)
    assert forecast.flatten().tolist() == [4, 5, 6, 7, 8, 9]


def test_the_window_is_left_as_it_was():
    window = window_of(1.0, 1.0, horizon=6)
    roll_out(Fibonacci(), window, output_length=1, scale_of=unit_scale)
    torch.testing.assert_close(window.context, window_of(1.0, 1.0, horizon=6).context)


def count_up(number, *, horizon):
    """Windows of one point each, over the values 0 to number - 1."""
    values = torch.arange(float(number), dtype=torch.float64)[:, None]
    origins, bounds = torch.arange(1, number + 1), torch.tensor([0, number + 1])
    flat = torch.cat([values, values[:1]])
    return WindowIndex(flat, torch.zeros(number + 1, 0), bounds, origins, window_length=1, horizon=horizon, sp=1)


@pytest.mark.parametrize("output_length", [1, 3, 5, 7])
def test_the_horizon_need_not_be_a_multiple_of_the_block(output_length):
    forecast = forecast_windows(CountOn(), count_up(2, horizon=5), output_length=output_length, scale_of=unit_scale)
    assert forecast[..., 0].tolist() == [[1, 2, 3, 4, 5], [2, 3, 4, 5, 6]]


def test_windows_beyond_one_batch_keep_their_order():
    number = MAX_BATCH + 3
    forecast = forecast_windows(CountOn(), count_up(number, horizon=1), output_length=1, scale_of=unit_scale)
    torch.testing.assert_close(forecast.flatten(), torch.arange(1.0, number + 1, dtype=torch.float64))


def test_variables_do_not_mix():
    context = torch.tensor([[[0.0, 100.0]]], dtype=torch.float64)
    window = WindowBatch(context, torch.zeros(1, 5, 0), sp=1)
    forecast = roll_out(CountOn(), window, output_length=2, scale_of=unit_scale)
    assert forecast[0].T.tolist() == [[1, 2, 3, 4], [101, 102, 103, 104]]


def innovations_of(windows, *errors, num_samples=1, lowest=(-torch.inf,)):
    """The same errors in every block of every path, times the number of the window plus one."""
    blocks = -(-windows.horizon // len(errors))
    one = (
        torch.tensor(errors, dtype=torch.float64).view(1, 1, 1, -1, 1).expand(len(windows), num_samples, blocks, -1, 1)
    )
    ratio = torch.arange(1.0, len(windows) + 1, dtype=torch.float64)[:, None]
    units = ErrorUnits(torch.ones_like(ratio), ratio, torch.ones_like(ratio))
    floor = torch.tensor(lowest, dtype=torch.float64).view(1, -1, 1).expand(len(windows), windows.horizon, 1)
    return Innovations(one, units, floor)


def sampled(network, windows, *errors, num_samples=1, output_length=1, lowest=(-torch.inf,), **options):
    """Paths of these errors, which are counted in the scale of the data."""
    return sample_paths(
        network,
        windows,
        innovations_of(windows, *errors, num_samples=num_samples, lowest=lowest),
        output_length=output_length,
        scale_of=unit_scale,
        **options,
    )[..., 0]


def test_without_errors_every_path_is_the_point_forecast():
    paths = sampled(CountOn(), count_up(2, horizon=5), 0.0, 0.0, num_samples=3, output_length=2)
    assert paths.tolist() == [[[1, 2, 3, 4, 5]] * 3, [[2, 3, 4, 5, 6]] * 3]


def test_a_block_of_errors_is_added_and_the_path_goes_on_from_there():
    # 0 counts on to 1 and 2, errors make it 11 and 2; 2 counts on to 3 and 4, which become 13 and 4.
    assert sampled(CountOn(), count_up(1, horizon=4), 10.0, 0.0).tolist() == [[[11, 2, 13, 4]]]


@pytest.mark.parametrize("output_length", [1, 2, 3])
def test_errors_of_a_block_are_not_fed_back_within_it(output_length):
    found = sampled(CountOn(), count_up(1, horizon=3), 10.0, 10.0, 10.0, output_length=output_length)
    assert found.tolist() == [[[11, 12, 13]]]


def test_every_window_has_its_own_errors():
    assert sampled(CountOn(), count_up(2, horizon=1), 10.0).tolist() == [[[11]], [[22]]]


def test_a_path_that_is_held_at_the_bound_goes_on_from_the_bound():
    assert sampled(CountOn(), count_up(1, horizon=3), -9.0, lowest=[0.5]).tolist() == [[[0.5, 0.5, 0.5]]]


def test_every_step_has_a_bound_of_its_own():
    # 0 counts on to 1 - 9, held at -2; that counts on to -1 - 9, held at 5; that counts on to 6 - 9, held at -1.
    found = sampled(CountOn(), count_up(1, horizon=3), -9.0, lowest=[-2.0, 5.0, -1.0])
    assert found.tolist() == [[[-2, 5, -1]]]


def test_every_block_of_a_path_has_its_own_bounds():
    found = sampled(CountOn(), count_up(1, horizon=3), -9.0, -9.0, lowest=[0.0, 1.0, 2.0])
    assert found.tolist() == [[[0, 1, 2]]]


def test_an_error_is_as_wide_as_the_side_on_which_it_lies():
    # A forecast of 10 with a spread of 2 below and 5 above.
    forecast = torch.tensor([10.0, 2.0, 5.0]).expand(1, 3, 1, 3)
    errors = torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1)
    assert add_errors(forecast, errors).flatten().tolist() == [8, 10, 15]
    assert add_errors(forecast[..., 0], errors).flatten().tolist() == [9, 10, 11]


class Spreading(nn.Module):
    """Forecast the last value and, as further output, the step ahead."""

    def forward(self, window):
        last = window.context[:, -1:].expand(-1, window.horizon, -1)
        return torch.stack([last, torch.arange(1.0, window.horizon + 1)[:, None].expand_as(last)], -1)


def one_below_and_as_many_above(output, scale):
    """Spread of one unit below and of the further output above."""
    return torch.stack([output[..., 0], torch.ones_like(output[..., 0]), output[..., 1]], -1)


@pytest.mark.parametrize(("output_length", "above"), [(3, [1, 2, 3]), (2, [1, 2, 2 * 1.5**0.5])])
def test_a_learned_spread_comes_with_every_block_and_goes_on_growing(output_length, above):
    found = forecast_windows(
        Spreading(),
        count_up(1, horizon=3),
        output_length=output_length,
        scale_of=unit_scale,
        predictive_of=one_below_and_as_many_above,
    )
    assert found[0, :, 0, 0].tolist() == [0, 0, 0]
    assert found[0, :, 0, 1].tolist() == [1, 1, 1]
    assert found[0, :, 0, 2].tolist() == pytest.approx(above)


def test_a_path_spreads_as_was_learned():
    found = sampled(
        Spreading(), count_up(1, horizon=2), 3.0, 3.0, output_length=2, predictive_of=one_below_and_as_many_above
    )
    assert found.tolist() == [[[3, 6]]]


def test_paths_beyond_one_batch_keep_their_order():
    number = MAX_BATCH // 2 + 3
    found = sampled(CountOn(), count_up(number, horizon=2), 0.0, num_samples=3)
    torch.testing.assert_close(
        found[:, :, 0], torch.arange(1.0, number + 1, dtype=torch.float64)[:, None].expand(-1, 3)
    )


def test_every_step_of_a_path_sees_its_own_covariates():
    values, covariates = torch.zeros(11, 1, dtype=torch.float64), torch.arange(11.0)[:, None]
    windows = WindowIndex(
        values, covariates, torch.tensor([0, 11]), torch.tensor([4]), window_length=4, horizon=6, sp=1
    )
    found = sampled(FutureCovariate(), windows, 0.0, 0.0, 0.0, output_length=2)
    assert found.tolist() == [[[4, 5, 6, 7, 8, 9]]]


@pytest.mark.parametrize("power", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("length", [2, 12, 13])
def test_a_spread_that_grows_with_a_power_of_the_step_goes_on_so(power, length):
    steps = torch.arange(1.0, 3 * length + 1)
    spread = (2 * steps**power)[None, :, None, None]
    later = extrapolated_spread(spread[:, :length], 2 * length)
    torch.testing.assert_close(later, spread[:, 2 * length :], rtol=0.1, atol=0.0)


def test_a_spread_that_falls_stays_and_that_of_a_single_step_grows_as_of_a_random_walk():
    falling = torch.tensor([4.0, 3.0, 2.0, 1.0]).view(1, 4, 1, 1)
    assert extrapolated_spread(falling, 8).flatten().tolist() == [1.5] * 4
    assert extrapolated_spread(torch.ones(1, 1, 1, 1), 3).item() == 2.0


class Persist(nn.Module):
    """Forecast half of the last value, in all steps."""

    def forward(self, window):
        return 0.5 * window.context[:, -1:].expand(-1, window.horizon, -1)


def random_paths(num_followed, *, network=None):
    """Twenty paths of four blocks of one step each."""
    windows = count_up(3, horizon=4)
    errors = torch.randn(3, 20, 4, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    innovations = replace(innovations_of(windows, 0.0, num_samples=20), errors=errors)
    rules = {"output_length": 1, "scale_of": unit_scale}
    return sample_paths(network or Persist(), windows, innovations, num_followed=num_followed, **rules)


@pytest.mark.parametrize("num_followed", [2, 5, 19, 20])
def test_forecasts_that_are_linear_in_the_path_need_only_two_paths_to_be_followed(num_followed):
    torch.testing.assert_close(random_paths(num_followed), random_paths(None), rtol=1e-5, atol=1e-6)


def test_the_network_reads_only_the_paths_that_are_followed():
    class Counting(Persist):
        read = 0

        def forward(self, window):
            self.read += len(window.context)
            return super().forward(window)

    networks = [Counting(), Counting()]
    for network, number in zip(networks, (None, 4), strict=True):
        random_paths(number, network=network)
    # Three windows once, and the paths of each in three further blocks.
    assert [network.read for network in networks] == [3 + 3 * 3 * 20, 3 + 3 * 3 * 4]


def test_values_follow_the_features_and_keep_the_residual_of_the_nearest_path():
    features = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64).view(1, 7, 1)
    followed, nearest = evenly_ranked(features[..., 0], 3)
    assert (followed.tolist(), nearest.tolist()) == ([[0, 3, 6]], [[0, 0, 1, 1, 1, 2, 2]])
    # The line through 0, 9, 12 at 0, 3, 6 is 1 + 2 x; its residuals are -1, 2, -1.
    known = torch.tensor([0.0, 9.0, 12.0], dtype=torch.float64).view(1, 3, 1)
    found = extended(known, features, followed, nearest).flatten()
    assert found.tolist() == pytest.approx([0, 2, 7, 9, 11, 10, 12], abs=1e-5)


def test_no_path_gets_values_beyond_those_that_are_known():
    features = torch.tensor([-9.0, 0.0, 1.0, 9.0], dtype=torch.float64).view(1, 4, 1)
    followed, nearest = torch.tensor([[1, 2]]), torch.tensor([[0, 0, 1, 1]])
    known = torch.tensor([3.0, 5.0], dtype=torch.float64).view(1, 2, 1)
    assert extended(known, features, followed, nearest).flatten().tolist() == [3, 3, 5, 5]


def test_followed_paths_reach_from_the_lowest_to_the_highest():
    height = torch.tensor([[5.0, 1.0, 4.0, 2.0, 3.0]])
    assert [each.tolist() for each in evenly_ranked(height, 3)] == [[[1, 4, 0]], [[2, 0, 2, 0, 1]]]
    assert [each.tolist() for each in evenly_ranked(height, 5)] == [[[0, 1, 2, 3, 4]], [[0, 1, 2, 3, 4]]]


def test_features_are_the_last_value_and_the_mean_in_units_of_the_paths():
    path = torch.tensor([[1.0, 2.0, 6.0], [3.0, 2.0, 0.0]], dtype=torch.float64).view(1, 2, 3, 1)
    torch.testing.assert_close(path_features(path), torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]], dtype=torch.float64))
    torch.testing.assert_close(path_features(1e9 + 1e3 * path), path_features(path))


def test_what_is_the_same_on_all_paths_or_never_seen_is_no_feature():
    path = torch.full((1, 3, 2, 2), 7.1, dtype=torch.float64)
    path[..., 1] = torch.nan
    assert path_features(path).flatten().tolist() == [0.0] * 12
