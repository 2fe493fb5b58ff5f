"""The time axis: stamps to positions and back, for every index that sktime knows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sktime_lstm.data.time_axis import TimeAxis, find_time_axis

POINTS = 30


def dates(freq, start="2020-01-01", **options):
    """Dates that forget their frequency, as they come out of a file."""
    return pd.DatetimeIndex(pd.date_range(start, periods=POINTS, freq=freq, **options), freq=None)


INDEXES = {
    "period M": pd.period_range("2020-11", periods=POINTS, freq="M"),
    "period 2M": pd.period_range("2020-11", periods=POINTS, freq="2M"),
    "period 3D": pd.period_range("2020-02-27", periods=POINTS, freq="3D"),
    "period Q": pd.period_range("2020Q3", periods=POINTS, freq="Q"),
    "period Y": pd.period_range("1960", periods=POINTS, freq="Y"),
    "period W": pd.period_range("2020-12-01", periods=POINTS, freq="W"),
    "period h": pd.period_range("2020-12-31 20:00", periods=POINTS, freq="h"),
    "range": pd.RangeIndex(POINTS),
    "range from 5 in steps of 2": pd.RangeIndex(5, 5 + 2 * POINTS, 2),
    "integers": pd.Index(np.arange(-7, POINTS - 7)),
    "integers in steps of 2": pd.Index(np.arange(100, 100 + 2 * POINTS, 2)),
    "D": dates("D"),
    "D from a given frequency": pd.date_range("2020-02-27", periods=POINTS, freq="D"),
    "D at noon": dates("D", "2020-01-01 12:00"),
    "D in seconds": dates("D").as_unit("s"),
    "D in nanoseconds": dates("D").as_unit("ns"),
    "h": dates("h", "2020-12-31 20:00"),
    "15min": dates("15min"),
    "10s": dates("10s"),
    "3D": dates("3D"),
    "W-WED": dates("W-WED"),
    "2W-WED": dates("2W-WED"),
    "B": dates("B"),
    "MS": dates("MS"),
    "2MS": dates("2MS"),
    "ME": dates("ME"),
    "BME": dates("BME"),
    "QS": dates("QS"),
    "QE": dates("QE"),
    "QS-FEB": dates("QS-FEB"),
    "YS": dates("YS"),
    "YE": dates("YE"),
    "D across the start of summer time": dates("D", "2024-03-20", tz="Europe/Berlin"),
    "D across the end of summer time": dates("D", "2024-10-20", tz="Europe/Berlin"),
    "h across the start of summer time": dates("h", "2024-03-30 20:00", tz="Europe/Berlin"),
    "h across the end of summer time": dates("h", "2024-10-26 20:00", tz="Europe/Berlin"),
    "W across the start of summer time": dates("W", "2024-02-20", tz="Europe/Berlin"),
    "MS in Berlin": dates("MS", "2020-01-01", tz="Europe/Berlin"),
    "D in UTC": dates("D", tz="UTC"),
}
every_index = pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())


@every_index
def test_neighbouring_stamps_have_neighbouring_positions(index):
    np.testing.assert_array_equal(find_time_axis(index).positions(index), np.arange(POINTS))


@every_index
def test_positions_give_the_stamps_back(index):
    assert find_time_axis(index).stamps(np.arange(POINTS)).equals(index)


@every_index
def test_positions_in_any_order_give_the_stamps_in_that_order(index):
    order = np.array([7, 0, 29, 7, 3])
    assert find_time_axis(index).stamps(order).equals(index.take(order))


@every_index
def test_stamps_before_the_origin_have_negative_positions(index):
    axis = TimeAxis(index[10], find_time_axis(index).step)
    np.testing.assert_array_equal(axis.positions(index), np.arange(-10, 20))


@every_index
def test_negative_positions_give_earlier_stamps(index):
    axis = TimeAxis(index[10], find_time_axis(index).step)
    assert axis.stamps(np.arange(-10, 20)).equals(index)


@every_index
def test_a_gap_is_counted(index):
    seen = np.r_[0:11, 13:20, 25:30]
    np.testing.assert_array_equal(find_time_axis(index[seen]).positions(index[seen]), seen)


@every_index
def test_the_axis_goes_on_beyond_the_stamps_it_was_found_on(index):
    axis = find_time_axis(index[:20])
    assert axis.stamps(np.arange(20, 30)).equals(index[20:])
    np.testing.assert_array_equal(axis.positions(index[20:]), np.arange(20, 30))


@every_index
def test_the_last_grid_point_not_later_than_a_grid_point_is_itself(index):
    axis = TimeAxis(index[10], find_time_axis(index).step)
    assert [axis.position_before(stamp) for stamp in index[[0, 9, 10, 29]]] == [-10, -1, 0, 19]


@every_index
def test_a_stamp_on_the_grid_is_answered_by_itself(index):
    np.testing.assert_array_equal(find_time_axis(index).positions_rounded_up(index), np.arange(POINTS))


@every_index
def test_no_stamps_have_no_positions(index):
    assert find_time_axis(index).positions(index[:0]).tolist() == []


@pytest.mark.filterwarnings("ignore:PeriodDtype.B. is deprecated", "ignore:Period with BDay freq is deprecated")
def test_periods_of_business_days_skip_the_weekend():
    index = pd.period_range("2020-01-02", periods=POINTS, freq="B")
    axis = find_time_axis(index)
    thursday, friday, monday = pd.Period("2020-01-02", "B"), pd.Period("2020-01-03", "B"), pd.Period("2020-01-06", "B")
    assert axis.positions(pd.PeriodIndex([thursday, friday, monday])).tolist() == [0, 1, 2]
    assert axis.stamps(np.arange(-3, POINTS))[3:].equals(index)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.Index([0, 4, 6]), [0, 2, 3]),
        (pd.Index([10, 20, 50]), [0, 1, 4]),
        (pd.Index([3, 4, 10]), [0, 1, 7]),
        (pd.PeriodIndex(["2020-01", "2020-03", "2021-01"], freq="M"), [0, 2, 12]),
        (pd.DatetimeIndex(["2020-01-01", "2020-02-01", "2021-01-01"]), [0, 1, 12]),
        (pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-12-31"]), [0, 1, 11]),
        (pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-03-01"]), [0, 1, 60]),
        (pd.DatetimeIndex(["2020-01-01", "2020-01-03", "2020-01-09"]), [0, 1, 4]),
    ],
    ids=str,
)
def test_few_scattered_stamps_lie_on_the_widest_grid_that_holds_them(index, expected):
    assert find_time_axis(index).positions(index).tolist() == expected


def test_series_that_start_at_different_times_share_one_grid():
    first, second = pd.date_range("2020-01-01", periods=5), pd.date_range("2020-01-04", periods=9)
    together = pd.DatetimeIndex([*first, *second])
    axis = find_time_axis(together, groups=np.repeat([0, 1], [5, 9]))
    assert axis.positions(together).tolist() == [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_a_known_frequency_counts_more_than_what_the_stamps_suggest():
    stamps = pd.date_range("2020-01-03", periods=2, freq="B")
    assert find_time_axis(stamps).positions(stamps).tolist() == [0, 1]
    assert find_time_axis(stamps).stamps(np.array([2]))[0] == pd.Timestamp("2020-01-07")


IRREGULAR = [
    ["2020-01-01 00:00", "2020-01-01 00:00:01", "2020-06-17 13:14:15"],
    ["2020-01-01", "2020-01-02", "2020-01-02 11:00", "2020-01-07", "2020-03-01"],
    ["2020-01-15", "2020-02-14", "2020-03-17", "2020-05-01 12:34:56.789"],
]


@pytest.mark.parametrize("stamps", IRREGULAR)
def test_irregular_stamps_are_refused_with_advice(stamps):
    with pytest.raises(ValueError, match=r"irregular.*asfreq.*resample"):
        find_time_axis(pd.DatetimeIndex(stamps))


@pytest.mark.parametrize(
    ("grid", "stray"),
    [
        (pd.Index([0, 2, 4]), pd.Index([5])),
        (INDEXES["MS"], pd.DatetimeIndex(["2020-01-02"])),
        (INDEXES["D"], pd.DatetimeIndex(["2019-12-31 12:00"])),
        (INDEXES["h"], pd.DatetimeIndex(["2021-06-01 00:30"])),
        (INDEXES["period 2M"], pd.PeriodIndex(["2020-12"], freq="2M")),
    ],
    ids=["integers", "MS", "D", "h", "period 2M"],
)
def test_a_stamp_off_the_grid_is_named(grid, stray):
    with pytest.raises(ValueError, match=f"{stray[0]} is not on the grid"):
        find_time_axis(grid).positions(stray)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [("2020-01-15", 0), ("2020-03-31 23:59", 2), ("2019-12-31", -1), ("2018-06-15", -19), ("2020-02-01", 1)],
)
def test_a_date_between_two_grid_points_comes_after_the_earlier(stamp, expected):
    assert find_time_axis(INDEXES["MS"]).position_before(pd.Timestamp(stamp)) == expected


@pytest.mark.parametrize(("stamp", "before", "output"), [(4, 2, 2), (5, 2, 3), (6, 3, 3), (-1, -1, 0), (-3, -2, -1)])
def test_an_integer_between_two_grid_points_is_answered_by_the_later(stamp, before, output):
    axis = find_time_axis(pd.Index([0, 2, 4]))
    assert axis.position_before(stamp) == before
    assert axis.positions_rounded_up(pd.Index([stamp])).tolist() == [output]


def test_a_single_date_lies_on_a_grid_of_unknown_step():
    stamp = pd.DatetimeIndex(["2020-05-17"])
    axis = find_time_axis(stamp)
    assert axis.step is None
    assert axis.positions(stamp).tolist() == [0]
    assert axis.stamps(np.array([0])).equals(stamp)
    assert axis.position_before(pd.Timestamp("2020-05-18")) == 0
    assert axis.position_before(pd.Timestamp("2020-05-16")) == -1


@pytest.mark.parametrize("position", [1, -1])
def test_a_single_date_has_no_neighbours(position):
    axis = find_time_axis(pd.DatetimeIndex(["2020-05-17"]))
    with pytest.raises(ValueError, match="have no frequency"):
        axis.stamps(np.array([position]))


@pytest.mark.parametrize(
    ("stamp", "following"),
    [(pd.Index([7]), pd.Index([8])), (pd.PeriodIndex(["2020-12"], freq="M"), pd.PeriodIndex(["2021-01"], freq="M"))],
    ids=["integer", "period"],
)
def test_a_single_integer_or_period_has_neighbours(stamp, following):
    assert find_time_axis(stamp).stamps(np.array([1])).equals(following)


@pytest.mark.parametrize(("kind", "expected"), [("range", True), ("integers", True), ("period M", False), ("D", False)])
def test_an_axis_knows_whether_its_stamps_are_integers(kind, expected):
    assert find_time_axis(INDEXES[kind]).is_integer is expected
