"""Forecasting horizons: which rows they ask for, and from where each is answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import ForecastingHorizon

from sktime_lstm.data.horizon import find_cutoffs, future_steps, last_windows, pairs_of, resolve_at, resolve_horizon
from sktime_lstm.data.panel import read_panel

DAYS = pd.date_range("2020-01-01", periods=20, freq="D")
MONTHS = pd.period_range("2020-01", periods=20, freq="M")
COUNTS = pd.RangeIndex(20)
EVENS = pd.RangeIndex(0, 40, 2)
INDEXES = {"dates": DAYS, "periods": MONTHS, "integers": COUNTS, "integers in steps of 2": EVENS}


def panel_of(index):
    return read_panel(pd.DataFrame({"y": 1.0}, index=index), None)


def ask(index, fh, cutoff=None, **options):
    """Request to a series over `index`, from its end unless a cutoff is given."""
    return resolve_horizon(panel_of(index), ForecastingHorizon(fh, **options), index[-1] if cutoff is None else cutoff)


def rows(resolved):
    """Position, origin and step of each row."""
    return list(zip(resolved.position.tolist(), resolved.origin.tolist(), resolved.step.tolist(), strict=True))


@pytest.mark.parametrize("name", ["dates", "periods", "integers"])
def test_steps_ahead_are_counted_from_the_cutoff(name):
    index = INDEXES[name]
    resolved = ask(index[:10], [1, 2, 5])
    assert resolved.index.equals(index[[10, 11, 14]])
    assert rows(resolved) == [(10, 10, 1), (11, 10, 2), (14, 10, 5)]
    assert resolved.is_future.all()


@pytest.mark.parametrize("name", INDEXES)
def test_time_stamps_are_asked_for_by_themselves(name):
    index = INDEXES[name]
    resolved = ask(index[:10], index[[10, 14]], is_relative=False)
    assert resolved.index.equals(index[[10, 14]])
    assert rows(resolved) == [(10, 10, 1), (14, 10, 5)]


@pytest.mark.parametrize("name", ["dates", "periods", "integers"])
def test_rows_in_the_past_are_forecast_one_step_ahead(name):
    index = INDEXES[name]
    resolved = ask(index[:10], [-3, -1, 0])
    assert resolved.index.equals(index[[6, 8, 9]])
    assert rows(resolved) == [(6, 6, 1), (8, 8, 1), (9, 9, 1)]
    assert not resolved.is_future.any()


@pytest.mark.parametrize("name", INDEXES)
def test_past_and_future_may_be_asked_for_together(name):
    index = INDEXES[name]
    resolved = ask(index[:10], index[[0, 9, 10, 12]], is_relative=False)
    assert rows(resolved) == [(0, 0, 1), (9, 9, 1), (10, 10, 1), (12, 10, 3)]
    assert resolved.is_future.tolist() == [False, False, True, True]


def test_integers_are_counted_one_by_one_also_where_the_grid_has_steps_of_two():
    resolved = ask(EVENS[:10], [1, 2, 3])  # 18 is the last: 19 and 20 are answered by 20, 21 by 22
    assert resolved.index.tolist() == [19, 20, 21]
    assert rows(resolved) == [(10, 10, 1), (10, 10, 1), (11, 10, 2)]


def test_integers_are_counted_from_the_cutoff_also_where_it_is_off_the_grid():
    resolved = ask(EVENS[:10], [1, 2], cutoff=5)
    assert resolved.index.tolist() == [6, 7]
    assert rows(resolved) == [(3, 3, 1), (4, 3, 2)]


def test_steps_may_be_given_as_durations():
    resolved = ask(DAYS[:10], pd.to_timedelta([1, 3], unit="D"), is_relative=True)
    assert resolved.index.equals(pd.DatetimeIndex(DAYS[[10, 12]], freq=None))
    assert rows(resolved) == [(10, 10, 1), (12, 10, 3)]


def test_rows_before_the_first_observation_have_no_earlier_origin():
    assert rows(ask(DAYS[:10], DAYS[:1] - pd.Timedelta(days=2), is_relative=False))[0][:2] == (-2, 0)


@pytest.mark.parametrize("name", ["dates", "periods", "integers"])
def test_after_the_cutoff_is_moved_back_nothing_later_is_known(name):
    index = INDEXES[name]
    resolved = ask(index[:10], [0, 1, 3], cutoff=index[5])
    assert resolved.index.equals(index[[5, 6, 8]])
    assert rows(resolved) == [(5, 5, 1), (6, 6, 1), (8, 6, 3)]
    assert resolved.is_future.tolist() == [False, True, True]


def test_the_answer_carries_the_name_of_the_time():
    panel = read_panel(pd.DataFrame({"y": 1.0}, index=DAYS[:5].rename("day")), None)
    assert resolve_horizon(panel, ForecastingHorizon([1]), DAYS[4]).index.name == "day"


@pytest.mark.parametrize(("freq", "following"), [("MS", "2020-04-01"), ("ME", "2020-04-30"), ("W", "2020-01-26")])
def test_calendar_steps_follow_the_calendar(freq, following):
    index = pd.date_range("2020-01-01", periods=3, freq=freq)
    assert ask(index, [1]).index.equals(pd.DatetimeIndex([following]))


def unequal_panel(index, names=("who", "when")):
    """Series a has the first ten points, series b ends three earlier."""
    labels = pd.MultiIndex.from_tuples([("a", t) for t in index[:10]] + [("b", t) for t in index[:7]], names=names)
    return read_panel(pd.DataFrame({"y": 1.0}, index=labels), None)


@pytest.mark.parametrize("name", ["dates", "periods", "integers"])
def test_steps_ahead_are_counted_from_the_end_of_each_series(name):
    index = INDEXES[name]
    resolved = resolve_horizon(unequal_panel(index), ForecastingHorizon([1, 2]), index[9])
    assert resolved.index.tolist() == [("a", index[10]), ("a", index[11]), ("b", index[7]), ("b", index[8])]
    assert resolved.index.names == ["who", "when"]
    assert resolved.instance.tolist() == [0, 0, 1, 1]
    assert rows(resolved) == [(10, 10, 1), (11, 10, 2), (7, 7, 1), (8, 7, 2)]


@pytest.mark.parametrize("name", INDEXES)
def test_a_time_stamp_is_asked_of_every_series_from_its_own_end(name):
    index = INDEXES[name]
    resolved = resolve_horizon(unequal_panel(index), ForecastingHorizon(index[[8, 10]], is_relative=False), index[9])
    assert resolved.index.tolist() == [("a", index[8]), ("a", index[10]), ("b", index[8]), ("b", index[10])]
    assert rows(resolved) == [(8, 8, 1), (10, 10, 1), (8, 7, 2), (10, 7, 4)]
    assert resolved.is_future.tolist() == [False, True, True, True]


def test_a_cutoff_moved_back_holds_for_the_series_that_reach_it():
    resolved = resolve_horizon(unequal_panel(DAYS), ForecastingHorizon([1]), DAYS[8])
    assert rows(resolved) == [(9, 9, 1), (7, 7, 1)]


def test_the_levels_of_a_hierarchy_come_back():
    index = pd.MultiIndex.from_product([["n", "s"], ["x", "y"], DAYS[:3]], names=["region", "shop", "day"])
    panel = read_panel(pd.DataFrame({"y": 1.0}, index=index), None)
    output = resolve_horizon(panel, ForecastingHorizon([1]), DAYS[2]).index
    expected = pd.MultiIndex.from_product([["n", "s"], ["x", "y"], DAYS[[3]]], names=["region", "shop", "day"])
    assert output.equals(expected)
    assert output.names == expected.names


def test_a_time_stamp_off_the_grid_is_named():
    with pytest.raises(ValueError, match="2020-02-01 12:00:00 is not on the grid"):
        ask(DAYS[:10], pd.DatetimeIndex(["2020-02-01 12:00"]), is_relative=False)


def test_a_single_date_of_unknown_step_cannot_be_forecast():
    with pytest.raises(ValueError, match="have no frequency"):
        ask(pd.DatetimeIndex(["2020-02-01"]), [1])


def test_a_horizon_of_numpy_integers_is_as_good_as_a_list():
    assert rows(ask(COUNTS[:10], np.array([1, 3]))) == rows(ask(COUNTS[:10], [1, 3]))


@pytest.mark.parametrize("name", INDEXES)
def test_the_last_window_reaches_to_both_sides_of_the_end_and_is_seen_from_there(name):
    index = INDEXES[name]
    resolved = last_windows(panel_of(index[:10]), index[9], past=2, future=3)
    assert resolved.index.equals(index[8:13])
    assert resolved.position.tolist() == [8, 9, 10, 11, 12]
    assert set(resolved.origin) == {10}
    assert resolved.is_future.tolist() == [False, False, True, True, True]


def test_each_series_has_its_last_window_at_its_own_end():
    y = pd.concat({"a": pd.DataFrame({"y": 1.0}, index=COUNTS[:5]), "b": pd.DataFrame({"y": 1.0}, index=COUNTS[:3])})
    resolved = last_windows(read_panel(y, None), 4, past=1, future=1)
    assert list(resolved.index) == [("a", 4), ("a", 5), ("b", 2), ("b", 3)]


def test_a_window_may_begin_before_its_series():
    assert list(last_windows(panel_of(COUNTS[:2]), 1, past=4, future=1).index) == [-2, -1, 0, 1, 2]


def test_some_rows_of_a_request_are_a_request():
    resolved = ask(DAYS[:10], [1, 2, 5])
    part = resolved.only(resolved.step > 1)
    assert part.index.equals(DAYS[[11, 14]])
    assert rows(part) == [(11, 10, 2), (14, 10, 5)]


# ---- many cutoffs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INDEXES)
def test_every_cutoff_is_asked_as_if_the_series_ended_there(name):
    index, steps = INDEXES[name], np.array([1, 3])
    found, cutoff = resolve_at(panel_of(index), steps, np.array([4, 7]))
    assert cutoff.tolist() == [0, 0, 1, 1]
    for number, size in enumerate((5, 8)):
        alone = ask(index[:size], steps)
        assert found.index[cutoff == number].equals(alone.index)
        assert rows(found.only(cutoff == number)) == rows(alone)


def test_a_series_that_has_ended_is_asked_from_its_end_and_one_not_yet_begun_not_at_all():
    early, late = pd.DataFrame({"y": 1.0}, index=COUNTS[:6]), pd.DataFrame({"y": 1.0}, index=COUNTS[5:12])
    panel = read_panel(pd.concat({"early": early, "late": late}), None)
    found, cutoff = resolve_at(panel, np.array([1]), np.array([3, 8]))
    assert found.index.tolist() == [("early", 4), ("early", 6), ("late", 9)]
    assert cutoff.tolist() == [0, 1, 1]
    assert pairs_of(found).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("index", "cutoffs", "expected"),
    [
        (DAYS, ["2020-01-05", "2020-01-03", "2020-01-05"], [2, 4]),
        (DAYS.tz_localize("Europe/Berlin"), ["2020-01-03"], [2]),
        (DAYS, DAYS[3], [3]),
        (MONTHS, "2020-03", [2]),
        (MONTHS, MONTHS[[7, 6]], [6, 7]),
        (EVENS, [4, 2], [1, 2]),
        (COUNTS, 7, [7]),
    ],
)
def test_cutoffs_are_found_in_ascending_order_each_once(index, cutoffs, expected):
    stamps, position = find_cutoffs(panel_of(index), cutoffs)
    assert position.tolist() == expected
    assert stamps.equals(index[expected])


@pytest.mark.parametrize(
    ("index", "cutoffs", "message"),
    [
        (DAYS, [], "cutoffs is empty"),
        (DAYS, ["2020-02-20"], "later observations as y"),
        (EVENS, [3], "no time stamp of the data"),
        (COUNTS, [1.5], "cutoffs must be time stamps like those of y"),
        (MONTHS, ["yesterday"], "cutoffs must be time stamps like those of y"),
        (DAYS, MONTHS[:2], "cutoffs must be time stamps like those of y"),
    ],
)
def test_a_cutoff_that_is_no_time_stamp_of_the_data_is_an_error(index, cutoffs, message):
    with pytest.raises(ValueError, match=message):
        find_cutoffs(panel_of(index), cutoffs)


@pytest.mark.parametrize("fh", [[0, 1], [-1], ForecastingHorizon(DAYS[:2], is_relative=False)], ids=str)
def test_a_horizon_from_any_cutoff_counts_steps_ahead(fh):
    fh = fh if isinstance(fh, ForecastingHorizon) else ForecastingHorizon(fh)
    with pytest.raises(ValueError, match="fh must count steps"):
        future_steps(fh)
