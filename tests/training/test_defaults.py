"""The recipe: whatever the sizes are, these laws hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sktime_lstm.data.windows import min_context
from sktime_lstm.training import defaults
from sktime_lstm.training.defaults import DataSize

SIZES = [
    DataSize(np.array(lengths), sp, max_step)
    for lengths in ([1], [2], [3], [9], [30], [144], [5000], [1, 400], [20] * 500, [100] * 1000)
    for sp in (1, 12)
    for max_step in (None, 1, 500)
]
WINDOWS = [1, 2, 10, 99, 100, 500, 513, 999, 1000, 5000, 30_000, 10**6]
every_size = pytest.mark.parametrize("data_size", SIZES, ids=str)


@every_size
def test_a_window_holds_at_least_a_point_and_never_a_whole_series(data_size):
    assert 1 <= defaults.choose_window_length(data_size) <= max(data_size.lengths.max() - 1, 1)


@every_size
def test_the_history_is_never_a_whole_series_and_only_without_a_season_more_than_the_window(data_size):
    history = defaults.choose_history(data_size)
    assert 0 <= history <= min(64, data_size.lengths.max() - 1) if data_size.sp == 1 else history == 0


@every_size
def test_what_is_learned_at_once_is_never_longer_than_what_is_forecast_at_once(data_size):
    output_length = defaults.choose_output_length(data_size)
    assert 1 <= defaults.choose_training_length(data_size, output_length) <= output_length


@every_size
def test_no_training_window_is_longer_than_the_typical_series(data_size):
    training_length = defaults.choose_training_length(data_size, defaults.choose_output_length(data_size))
    assert training_length <= max(np.median(data_size.lengths) - 2, 1)


@pytest.mark.parametrize("max_step", [1, 5])
def test_no_more_steps_are_forecast_at_once_than_are_asked_for(max_step):
    for data_size in SIZES:
        asked = DataSize(data_size.lengths, data_size.sp, max_step)
        assert defaults.choose_output_length(asked) <= max_step


@pytest.mark.parametrize("sp", [2, 4, 12])
def test_a_window_of_a_long_seasonal_series_holds_a_season(sp):
    assert defaults.choose_window_length(DataSize(np.array([100]), sp, None)) >= sp


@pytest.mark.parametrize("sp", [1, 4, 12, 52])
def test_a_training_window_has_seen_a_season(sp):
    assert min_context(sp) >= sp


def steps_of_a_panel(windows):
    return defaults.choose_steps(windows, num_series=100)


@pytest.mark.parametrize("choose", [defaults.choose_hidden_size, steps_of_a_panel])
def test_more_windows_never_make_the_training_smaller(choose):
    chosen = [choose(windows) for windows in WINDOWS]
    assert chosen == sorted(chosen)
    assert chosen[0] >= 1


def test_of_a_very_long_series_only_some_windows_count():
    assert (
        defaults.choose_steps(1_000_000, 1) == defaults.choose_steps(10_000, 1) < defaults.choose_steps(1_000_000, 100)
    )


def test_the_learning_rate_rises_while_windows_are_few_and_falls_when_they_are_many():
    rates = [defaults.choose_learning_rate(windows) for windows in WINDOWS]
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert min(rates) > 0


@pytest.mark.parametrize("windows", WINDOWS)
def test_few_windows_make_one_batch_and_many_make_batches_of_a_bounded_number_of_points(windows):
    size = defaults.choose_batch_size(windows, 50)
    assert size == windows or 32 <= size <= 256


def test_the_longer_a_window_the_fewer_make_a_batch():
    sizes = [defaults.choose_batch_size(100_000, points) for points in (20, 100, 300, 10_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 32


@pytest.mark.parametrize(
    "choose",
    [defaults.choose_hidden_size, steps_of_a_panel, lambda windows: defaults.choose_batch_size(windows, 50)],
    ids=["hidden_size", "steps", "batch_size"],
)
def test_sizes_are_plain_integers(choose):
    assert {type(choose(windows)) for windows in WINDOWS} == {int}


def test_series_that_are_forecast_alone_are_as_few_as_one_of_them():
    together = DataSize(np.full(100, 60), 4, 8)
    alone = replace(together, alone=True)
    assert (together.few, alone.few) == (False, True)
    assert defaults.choose_window_length(alone) == defaults.choose_window_length(DataSize(np.array([60]), 4, 8)) == 26
