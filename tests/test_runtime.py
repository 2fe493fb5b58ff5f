"""Device, threads, seeds and the clock."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from sktime_lstm.runtime import (
    Deadline,
    forecasting_device,
    resolve_device,
    resolve_seed,
    seeded_generator,
    single_thread,
    with_doubles,
)


@pytest.fixture
def three_threads():
    """Torch with three threads, as a user may have set it."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def drawn(*path):
    return torch.rand(4, generator=seeded_generator(*path)).tolist()


@pytest.mark.usefixtures("three_threads")
def test_torch_computes_with_one_thread_inside_and_as_before_outside():
    with single_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_the_number_of_threads_comes_back_after_an_error():
    with pytest.raises(KeyError), single_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_an_inner_block_does_not_end_the_outer():
    with single_thread():
        with single_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_overlapping_blocks_of_two_python_threads_leave_the_setting_as_it_was():
    inside, go_on, after = threading.Event(), threading.Event(), []

    def other():
        with single_thread():
            inside.set()
            go_on.wait(10)
        after.append(torch.get_num_threads())

    worker = threading.Thread(target=other)
    worker.start()
    inside.wait(10)
    with single_thread():
        go_on.set()
        worker.join(10)
    assert torch.get_num_threads() == 3
    assert after == [3]


def test_the_processor_is_always_there():
    assert resolve_device("cpu", 1) == torch.device("cpu")


def test_few_windows_stay_on_the_processor():
    assert resolve_device("auto", 10) == torch.device("cpu")


def test_many_windows_go_to_the_gpu_if_there_is_one():
    assert resolve_device("auto", 10**9).type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda:99", "auto"])
def test_where_there_is_no_such_device_the_cpu_forecasts(device):
    assert forecasting_device(device, 10) == torch.device("cpu")


@pytest.mark.parametrize(("device", "expected"), [("cpu", "cpu"), ("cuda:1", "cuda:1"), ("mps", "cpu")])
def test_windows_are_made_where_there_is_double_precision(device, expected):
    assert with_doubles(torch.device(device)) == torch.device(expected)


@pytest.mark.parametrize("device", ["tpu9000", "", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(ValueError, match=f"device='{device}' is not available here"):
        resolve_device(device, 1)


def test_a_number_is_its_own_seed():
    assert resolve_seed(42) == 42
    assert resolve_seed(np.int64(42)) == 42


def test_a_random_state_is_read_and_not_advanced():
    state = np.random.RandomState(3)
    first = resolve_seed(state)
    assert resolve_seed(state) == first
    assert state.randint(1000) == np.random.RandomState(3).randint(1000)


def test_different_random_states_give_different_seeds():
    assert resolve_seed(np.random.RandomState(3)) != resolve_seed(np.random.RandomState(4))


def test_no_seed_is_a_new_seed_each_time_and_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the global generator is what the test is about
    assert len({resolve_seed(None) for _ in range(5)}) == 5
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_the_same_root_and_path_draw_the_same_numbers():
    assert drawn(7, 1, 2) == drawn(7, 1, 2)


@pytest.mark.parametrize("other", [(8, 1, 2), (7, 2, 1), (7, 1), (7, 1, 3), (7, 1, 2, 1), (7, 1, 2, 0), (2**40, 1, 2)])
def test_another_root_or_path_draws_other_numbers(other):
    assert drawn(7, 1, 2) != drawn(*other)


def test_the_largest_seeds_are_accepted():
    assert drawn(2**64 - 1, 2**32 - 1) != drawn(2**64 - 2, 2**32 - 1)


def test_no_budget_never_ends():
    assert Deadline(None).spent == 0
    assert Deadline(None).next_part(3).spent == 0


def test_a_budget_of_nothing_is_spent_at_once():
    assert Deadline(0.0).spent == 1
    assert Deadline(0.0).next_part(3).spent >= 1


def test_the_share_that_is_spent_only_grows():
    deadline = Deadline(1e6)
    spent = [deadline.spent for _ in range(5)]
    assert spent == sorted(spent)
    assert 0 < spent[-1] < 1


def test_the_next_part_of_a_spent_budget_is_spent():
    deadline = Deadline(1e-9)
    assert deadline.spent >= 1
    assert deadline.next_part(2).spent >= 1


def test_the_next_of_several_parts_is_as_long_as_the_others_of_what_is_left():
    deadline = Deadline(1e6)
    assert deadline.next_part(4)._seconds == pytest.approx(250_000, rel=1e-3)
