"""Windows: what each holds, which exist, and which are kept for checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sktime_lstm.data.panel import read_panel
from sktime_lstm.data.scaling import window_scale
from sktime_lstm.data.windows import (
    MAX_BATCH,
    MAX_POINTS_PER_BATCH,
    ScaledWindows,
    WindowBatch,
    WindowIndex,
    hold_out_latest,
    scored_origins,
    split_into_batches,
    thin,
    thin_each,
    training_origins,
)

NAN = np.nan


def panel_of(*series):
    """A panel of series that all start at time 0."""
    frames = [pd.DataFrame({"y": np.asarray(values, dtype=float)}) for values in series]
    return read_panel(pd.concat(frames, keys=range(len(frames))), None)


def windows_at(*origins, window_length=3, horizon=2):
    """Windows over two series, 1 2 3 4 and 50 60 70; the covariates are the negative values."""
    values = torch.tensor([[1.0], [2], [3], [4], [50], [60], [70]], dtype=torch.float64)
    return WindowIndex(
        values, -values.float(), torch.tensor([0, 4, 7]), torch.tensor(origins), window_length, horizon, sp=1
    )


@pytest.mark.parametrize(
    ("origin", "context", "target"),
    [
        (3, [1, 2, 3], [4, NAN]),
        (2, [NAN, 1, 2], [3, 4]),
        (0, [NAN, NAN, NAN], [1, 2]),
        (4, [NAN, NAN, NAN], [50, 60]),
        (5, [NAN, NAN, 50], [60, 70]),
        (6, [NAN, 50, 60], [70, NAN]),
    ],
)
def test_a_window_holds_its_own_series_and_nothing_else(origin, context, target):
    windows = windows_at(origin)
    window = windows.batch(slice(None))
    np.testing.assert_array_equal(window.context.flatten(), context)
    np.testing.assert_array_equal(windows.target(slice(None)).flatten(), target)
    np.testing.assert_array_equal(window.covariates.flatten(), -np.nan_to_num(context + target))


def test_chosen_windows_come_in_the_order_chosen():
    windows = windows_at(2, 3, 5)
    context = windows.batch(torch.tensor([2, 0, 2])).context[..., 0]
    np.testing.assert_array_equal(context, [[NAN, NAN, 50], [NAN, 1, 2], [NAN, NAN, 50]])
    np.testing.assert_array_equal(windows.target(torch.tensor([2, 0]))[..., 0], [[60, 70], [3, 4]])


def test_the_same_data_can_be_looked_at_from_other_origins():
    np.testing.assert_array_equal(windows_at(2).at(np.array([3, 6])).target(slice(None))[:, 0, 0], [4, 70])


def test_a_window_carries_the_track_record_known_at_its_origin():
    windows = replace(windows_at(2, 5, 6), anchor_errors=lambda origins: 10.0 * origins.view(-1, 1, 1))
    assert windows.batch(slice(None)).anchor_errors.flatten().tolist() == [20, 50, 60]
    assert windows.batch(torch.tensor([2, 0])).anchor_errors.flatten().tolist() == [60, 20]
    assert windows_at(2).batch(slice(None)).anchor_errors is None


def test_a_context_may_end_before_its_origin():
    windows = replace(windows_at(3, 3, 6), shift=torch.tensor([[0], [2], [1]]))
    expected = [[1, 2, 3], [NAN, NAN, 1], [NAN, NAN, 50]]
    np.testing.assert_array_equal(windows.batch(slice(None)).context[..., 0], expected)
    np.testing.assert_array_equal(windows.batch(torch.tensor([2, 0])).context[..., 0], [expected[2], expected[0]])
    np.testing.assert_array_equal(windows.target(slice(None))[:, 0, 0], [4, 4, 70])
    unshifted = windows_at(3, 3, 6).batch(slice(None)).covariates
    assert windows.batch(slice(None)).covariates.equal(unshifted)


def test_each_variable_of_a_context_may_end_elsewhere():
    values = torch.arange(12.0, dtype=torch.float64).view(6, 2)
    index = WindowIndex(values, torch.zeros(6, 0), torch.tensor([0, 6]), torch.tensor([4]), 2, 1, sp=1)
    context = replace(index, shift=torch.tensor([[0, 2]])).batch(slice(None)).context[0]
    assert context.T.tolist() == [[4, 6], [1, 3]]


def test_the_last_points_of_a_context_may_be_hidden():
    windows = replace(windows_at(3, 3, 6), hidden=torch.tensor([[0], [2], [1]]))
    expected = [[1, 2, 3], [1, NAN, NAN], [NAN, 50, NAN]]
    np.testing.assert_array_equal(windows.batch(slice(None)).context[..., 0], expected)
    assert windows.values.isfinite().all()


def test_a_context_may_reach_farther_back_than_what_the_recurrent_layers_read():
    windows = replace(windows_at(3, 5, window_length=2), history=3)
    window = windows.batch(slice(None))
    np.testing.assert_array_equal(window.context[..., 0], [[1, 2, 3], [NAN, NAN, 50]])
    np.testing.assert_array_equal(window.recent[..., 0], [[2, 3], [NAN, 50]])
    assert (window.horizon, windows.context_length, windows.points_per_window) == (2, 3, 5)
    np.testing.assert_array_equal(window.covariates[0, :, 0], [-1, -2, -3, -4, 0])


def test_a_history_shorter_than_the_window_changes_nothing():
    window = replace(windows_at(3), history=1).batch(slice(None))
    np.testing.assert_array_equal(window.context, windows_at(3).batch(slice(None)).context)
    np.testing.assert_array_equal(window.recent, window.context)


def test_without_a_window_length_all_of_the_context_is_read():
    window = WindowBatch(torch.zeros(1, 8, 1), torch.zeros(1, 12, 0), sp=1)
    assert window.recent.shape == (1, 8, 1)


def test_a_shift_moves_the_whole_context_and_hidden_points_are_the_last_ones():
    windows = replace(windows_at(3, window_length=2), history=3)
    shifted = replace(windows, shift=torch.tensor([[1]])).batch(slice(None))
    np.testing.assert_array_equal(shifted.context.flatten(), [NAN, 1, 2])
    hidden = replace(windows, hidden=torch.tensor([[2]])).batch(slice(None))
    np.testing.assert_array_equal(hidden.context.flatten(), [1, NAN, NAN])


def test_the_zero_of_the_data_is_scaled_with_the_context():
    windows = replace(windows_at(3, 6), zero=torch.tensor([0.0], dtype=torch.float64))
    window, _ = ScaledWindows(windows, window_scale, torch.device("cpu")).batch(slice(None))
    # Of 1, 2, 3 the mean is 2, of 50 and 60 it is 55.
    np.testing.assert_allclose(window.zero.flatten(), [-2 / np.sqrt(2 / 3), -55 / 5], rtol=1e-6)
    assert window.zero.dtype == window.context.dtype == torch.float32
    assert windows_at(3).batch(slice(None)).zero is None


def test_the_scale_is_that_of_what_the_recurrent_layers_read():
    windows = replace(windows_at(3, window_length=2), history=3)
    window, _ = ScaledWindows(windows, window_scale, torch.device("cpu")).batch(slice(None))
    np.testing.assert_allclose(window.context.flatten(), [-3, -1, 1])


def test_windows_at_other_origins_may_look_farther_ahead():
    farther = windows_at(2).at(np.array([0]), horizon=4)
    assert farther.target(slice(None)).flatten().tolist() == [1, 2, 3, 4]
    assert farther.points_per_window == 7
    assert windows_at(2).at(np.array([0])).horizon == 2


def test_the_horizon_is_what_the_covariates_reach_beyond_the_context():
    assert windows_at(2).batch(slice(None)).horizon == 2
    assert WindowBatch(torch.zeros(1, 8, 1), torch.zeros(1, 12, 0), sp=1).horizon == 4


def test_gathering_does_not_write_into_the_data():
    windows = windows_at(0, 6)
    before = windows.values.clone()
    windows.batch(slice(None)).context[:] = 0
    windows.target(slice(None))[:] = 0
    torch.testing.assert_close(windows.values, before)


@pytest.mark.parametrize("seed", range(5))
def test_windows_equal_slices_of_a_padded_series(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, 4)
    bounds = np.concatenate([[0], lengths.cumsum()])
    flat = rng.normal(size=(bounds[-1], 2))
    origins = rng.integers(0, bounds[-1], 12)
    windows = WindowIndex(*map(torch.from_numpy, (flat, flat, bounds, origins)), window_length=4, horizon=3, sp=1)
    for number, origin in enumerate(origins):
        series = np.searchsorted(bounds, origin, side="right") - 1
        padded = np.pad(flat[bounds[series] : bounds[series + 1]], ((10, 10), (0, 0)), constant_values=NAN)
        place = origin - bounds[series] + 10
        np.testing.assert_array_equal(windows.batch(slice(None)).context[number], padded[place - 4 : place])
        np.testing.assert_array_equal(windows.target(slice(None))[number], padded[place : place + 3])


@pytest.mark.parametrize(
    ("lengths", "horizon", "min_length", "expected"),
    [
        ([10], 1, 6, [6, 7, 8, 9]),
        ([10], 2, 6, [5, 6, 7, 8]),  # asked for one point less, so that there are four windows
        ([10], 3, 4, [4, 5, 6, 7]),
        ([6], 1, 3, [2, 3, 4, 5]),
        ([4], 1, 12, [2, 3]),
        ([3], 1, 3, [2]),
        ([2], 1, 3, []),
        ([1], 1, 3, []),
        ([5], 9, 3, []),
        ([6, 2, 6], 1, 3, [2, 3, 4, 5, 10, 11, 12, 13]),
    ],
)
def test_training_windows_of_series_of_these_lengths(lengths, horizon, min_length, expected):
    panel = panel_of(*[np.arange(length) for length in lengths])
    assert training_origins(panel, horizon=horizon, min_length=min_length).tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], [3, 4, 5, 6]),
        ([1, 2, 3, 4, NAN, NAN, 7, 8], [3, 5, 6]),
        ([NAN, NAN, NAN, NAN, 5, 6, 7, 8], [5, 6]),
        ([NAN, 2, 3, 4, 5, NAN, NAN, NAN], [3, 4]),
    ],
)
def test_a_training_window_has_seen_something_and_has_something_to_forecast(values, expected):
    assert training_origins(panel_of(values), horizon=2, min_length=3).tolist() == expected


def test_a_window_that_sees_only_the_neighbouring_series_is_none():
    panel = panel_of([1, 2, 3, 4, 5, 6], [NAN, NAN, NAN, NAN, NAN, 6])
    assert training_origins(panel, horizon=1, min_length=3).tolist() == [2, 3, 4, 5]


def test_the_latest_windows_of_each_series_are_held_out():
    panel = panel_of(np.arange(11), np.arange(7))
    origins = training_origins(panel, horizon=1, min_length=3)
    early, late = hold_out_latest(panel, origins, horizon=1, share=0.25)
    assert late.tolist() == [9, 10, 17]
    assert early.tolist() == [3, 4, 5, 6, 7, 8, 14, 15, 16]


def test_windows_whose_future_reaches_into_the_held_out_part_are_dropped():
    panel = panel_of(np.arange(12))
    origins = training_origins(panel, horizon=3, min_length=2)
    early, late = hold_out_latest(panel, origins, horizon=3, share=0.25)
    assert late.tolist() == [8, 9]
    assert early.tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(10))
def test_no_training_target_reaches_a_held_out_target(seed):
    rng = np.random.default_rng(seed)
    panel = panel_of(*[np.where(rng.random(n) < 0.1, NAN, 1.0) for n in rng.integers(8, 40, 5)])
    horizon = int(rng.integers(1, 6))
    origins = training_origins(panel, horizon=horizon, min_length=3)
    early, late = hold_out_latest(panel, origins, horizon=horizon, share=0.25)
    targets = [set((part[:, None] + np.arange(horizon)).ravel().tolist()) for part in (early, late)]
    assert targets[0].isdisjoint(targets[1])
    assert {*early, *late} <= {*origins}
    assert len(late) > 0


def test_without_windows_there_is_nothing_to_hold_out():
    early, late = hold_out_latest(panel_of([1]), np.zeros(0, dtype=np.int64), horizon=1, share=0.25)
    assert early.tolist() == late.tolist() == []


def test_thinning_each_series_does_not_depend_on_the_others():
    origins, instance = np.array([3, 4, 5, 6, 7, 8, 20, 21]), np.array([0] * 6 + [1] * 2)
    chosen, stands_for = thin_each(origins, instance, 3)
    assert chosen.tolist() == [4, 6, 8, 20, 21]
    assert stands_for.tolist() == [2, 2, 2, 1, 1]
    alone, _ = thin_each(origins[:6], instance[:6], 3)
    assert alone.tolist() == [4, 6, 8]


@pytest.mark.parametrize(
    ("most", "expected"), [(10, [0, 1, 2, 3, 4, 5, 6, 7, 8]), (9, list(range(9))), (3, [0, 4, 8]), (2, [0, 8])]
)
def test_thinning_keeps_an_even_spread(most, expected):
    assert thin(np.arange(9), most).tolist() == expected


# ---- scaled windows and batches --------------------------------------------------------------------------------------


def scaled(*origins, **options):
    return ScaledWindows(windows_at(*origins, **options), window_scale, torch.device("cpu"))


def test_a_window_is_learned_from_in_its_own_scale():
    # 2 and 4 are 3 +- 1, so that 7 lies four units above.
    values = torch.tensor([[2.0], [4], [7]], dtype=torch.float64)
    windows = WindowIndex(values, torch.zeros(3, 0), torch.tensor([0, 3]), torch.tensor([2]), 2, 1, sp=1)
    window, target = ScaledWindows(windows, window_scale, torch.device("cpu")).batch(slice(None))
    assert window.context.flatten().tolist() == [-1, 1]
    assert target.flatten().tolist() == [4]
    assert window.scale.flatten().tolist() == [1]


def test_scaled_windows_are_in_the_precision_of_the_network():
    window, target = scaled(3).batch(slice(None))
    assert {window.context.dtype, window.covariates.dtype, window.scale.dtype, target.dtype} == {torch.float32}


def test_a_jump_after_a_quiet_past_is_pulled_to_twenty_units():
    values = torch.tensor([[2.0], [4], [1e6]], dtype=torch.float64)
    windows = WindowIndex(values, torch.zeros(3, 0), torch.tensor([0, 3]), torch.tensor([2]), 2, 1, sp=1)
    assert ScaledWindows(windows, window_scale, torch.device("cpu")).batch(slice(None))[1].item() == 20


def test_there_are_as_many_scaled_windows_as_windows():
    assert len(scaled(2, 3, 5)) == len(windows_at(2, 3, 5)) == 3


@pytest.mark.parametrize(
    ("number", "points", "expected"),
    [
        (0, 10, []),
        (5, 10, [5]),
        (MAX_BATCH + 1, 10, [MAX_BATCH, 1]),
        (250, MAX_POINTS_PER_BATCH // 100, [100, 100, 50]),
        (2, 2 * MAX_POINTS_PER_BATCH, [1, 1]),
    ],
)
def test_a_batch_holds_a_bounded_number_of_windows_and_of_points(number, points, expected):
    batches = split_into_batches(number, points)
    assert torch.cat(batches).tolist() == list(range(number))
    assert [len(batch) for batch in batches if len(batch)] == expected


# ---- where naive forecasts are scored --------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("since", [None, [0, 9, 3, 12]])
def test_naive_forecasts_are_scored_every_so_many_points_where_the_future_is_complete(stride, horizon, since):
    lengths = [10, 12, 3, 12]
    expected, start = [], 0
    for number, length in enumerate(lengths):
        for age in range(length):
            enough_past, whole_future = age >= 4, age + horizon <= length
            is_new = since is None or age + horizon > since[number]
            if age % stride == 0 and enough_past and whole_future and is_new:
                expected.append(start + age)
        start += length
    panel = panel_of(*[np.arange(length) for length in lengths])
    found = scored_origins(
        panel, horizon=horizon, min_length=4, stride=stride, since=None if since is None else np.array(since)
    )
    assert found.tolist() == expected


def test_what_was_scored_before_and_what_came_after_are_all_windows_once():
    values = np.arange(30.0)
    options = {"horizon": 3, "min_length": 4, "stride": 2}
    whole = scored_origins(panel_of(values), **options)
    before = scored_origins(panel_of(values[:17]), **options)
    after = scored_origins(panel_of(values), **options, since=np.array([17]))
    assert [*before, *after] == whole.tolist()
