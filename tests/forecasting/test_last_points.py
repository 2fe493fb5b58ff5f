"""The last points of a context: where it ends after a gap, and what of it is in doubt after a jump."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sktime_lstm.forecasting.last_points import context_shift, points_in_doubt

NAN = np.nan


def column(*values):
    """One window of one variable."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


@pytest.mark.parametrize(
    ("age", "window_length", "sp", "expected"),
    [
        (0, 8, 1, 0),
        (1, 8, 1, 0),
        (4, 8, 1, 0),
        (5, 8, 1, 4),
        (30, 8, 1, 29),
        (5, 8, 4, 4),
        (6, 8, 4, 4),
        (8, 8, 4, 4),
        (9, 8, 4, 8),
        (6, 8, 12, 0),
        (13, 8, 12, 12),
    ],
)
def test_a_context_ends_whole_seasons_earlier_if_its_later_half_is_empty(age, window_length, sp, expected):
    assert context_shift(torch.tensor([age]), window_length=window_length, sp=sp).tolist() == [expected]


@pytest.mark.parametrize("sp", [1, 3, 7])
@pytest.mark.parametrize("age", range(1, 40))
def test_after_the_shift_an_observation_lies_within_the_last_season(age, sp):
    shift = context_shift(torch.tensor(age), window_length=2 * sp, sp=sp).item()
    assert shift % sp == 0
    assert 1 <= age - shift <= max(sp, 2 * sp // 2)


def test_each_variable_is_shifted_for_itself():
    assert context_shift(torch.tensor([[1, 9], [5, 0]]), window_length=6, sp=2).tolist() == [[0, 8], [4, 0]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 0, 1, 0, 1, 0, 1, 9], 2),
        ([0, 1, 0, 1, 0, 1, 0, 9, 9], 2),
        ([0, 1, 0, 1, 0, 1, 9, 9, 9], 0),
        ([0, 1, 0, 1, 0, 1, 0, 1, 4], 0),
        ([0, 1, 0, 1, 0, 1, 0, 1, 4.5], 2),
        ([0, 1, 0, 1, 0, 1, 0, 1, -9], 2),
        ([0, 1, 0, 1, 0, 1, 0, 1, 0], 0),
        ([5, 5, 5, 5, 5, 5, 5, 5, 9], 0),
        ([0, 1, 0, 1, 0, 1, 9], 0),
        ([NAN, 0, NAN, 1, NAN, 0, NAN, 1, 9], 0),
        ([0, 1, 0, 1, 0, 1, 0, NAN, NAN], 0),
    ],
)
def test_the_last_two_points_are_in_doubt_after_a_jump_of_more_than_three_times_any_change_before(values, expected):
    assert points_in_doubt(column(*values)).tolist() == [[expected]]


def test_windows_and_variables_are_in_doubt_for_themselves():
    calm, jumping = [0.0, 1, 0, 1, 0, 1, 0, 1, 0], [0.0, 1, 0, 1, 0, 1, 0, 1, 9]
    context = torch.tensor([[calm, jumping], [jumping, calm]], dtype=torch.float64).transpose(1, 2)
    assert points_in_doubt(context).tolist() == [[0, 2], [2, 0]]
