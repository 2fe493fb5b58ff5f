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


WOBBLE = [0.0, 1, 0, 1, 0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ([0, 1, 0, 9], 1),
        ([0, 1, 9, 9], 2),
        ([0, 1, 9, 0], 2),
        ([0, 9, 0, 1], 3),
        ([9, 0, 1, 0], 4),
        ([9, 9, 9, 9], 4),
        ([0, 1, 0, -9], 1),
        ([0, 1, 0, 3], 0),
        ([0, 1, 0, 3.5], 1),
        ([0, 1, 0, 1], 0),
        ([0, 1, NAN, NAN], 0),
        ([0, 1, NAN, 9], 0),
        ([0, 1, 3.9, -1], 0),
    ],
)
def test_the_points_from_a_jump_on_of_more_than_three_times_any_change_before_are_in_doubt(last, expected):
    assert points_in_doubt(column(*WOBBLE, *last)).tolist() == [[expected]]


@pytest.mark.parametrize("last", [[9, 0, 1, 0, 1], [9, 9, 9, 9, 9]])
def test_a_jump_to_a_point_before_the_last_four_leaves_none_in_doubt(last):
    assert points_in_doubt(column(*WOBBLE, *last)).tolist() == [[0]]


def test_an_earlier_jump_as_large_makes_the_last_one_usual():
    assert points_in_doubt(column(0, 1, 9, *WOBBLE, 0, 1, 0, 9)).tolist() == [[0]]


@pytest.mark.parametrize("values", [[5], [5, 9], [0, 1, 0, 1, 0, 1, 0, 1, 0, 9], [5] * 15 + [9]])
def test_too_few_changes_or_none_at_all_show_nothing(values):
    assert points_in_doubt(column(*values)).tolist() == [[0]]


def test_windows_and_variables_are_in_doubt_for_themselves():
    calm, jumping = [*WOBBLE, 0.0, 1, 0, 1], [*WOBBLE, 0.0, 1, 0, 9]
    context = torch.tensor([[calm, jumping], [jumping, calm]], dtype=torch.float64).transpose(1, 2)
    assert points_in_doubt(context).tolist() == [[0, 1], [1, 0]]
