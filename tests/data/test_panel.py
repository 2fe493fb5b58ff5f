"""From pandas to arrays: where every value lands, and what merging keeps."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from sktime_lstm.data.panel import Panel, find_series, read_panel, sampled_index, under_level, unused_name

NAN = np.nan
GIVEN = {"a": {0: 1.0, 1: 2.0, 3: 4.0}, "b": {2: 30.0, 3: NAN, 4: 50.0}}
DAYS = pd.date_range("2020-01-01", periods=6, freq="D")


def single(values, name="y"):
    """One series from {time: value}."""
    return pd.DataFrame({name: values}, dtype=float).sort_index()


def frame(given, name="y"):
    """A panel from {instance: {time: value}}."""
    labels = [(key, time) for key, row in given.items() for time in row]
    index = pd.MultiIndex.from_tuples(labels, names=["who", "when"])
    return pd.DataFrame({name: [value for row in given.values() for value in row.values()]}, index=index)


def rows_of(panel: Panel, number: int):
    """Values of an instance by grid position."""
    return dict(enumerate(panel.series(number)[:, 0].tolist(), start=int(panel.first[number])))


def assert_same(panel: Panel, other: Panel):
    for field in fields(Panel):
        mine, theirs = getattr(panel, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs, err_msg=field.name)
        else:
            assert mine.equals(theirs) if isinstance(mine, pd.Index) else mine == theirs, field.name


# ---- back to pandas --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [single({10: 1, 11: 2, 12: 5}), frame({"a": {0: 1.0, 1: 2.0}, "b": {3: 4.0}})], ids=len)
def test_a_complete_panel_becomes_the_frame_it_was_read_from(y):
    pd.testing.assert_frame_equal(read_panel(y, None).frame(), y, check_index_type=False)


def test_the_frame_of_a_panel_shows_the_gaps():
    assert read_panel(single({10: 1, 11: 2, 14: 5}), None).frame()["y"].isna().tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]


# ---- reading ---------------------------------------------------------------------------------------------------------


def test_a_gap_is_filled_with_missing_values():
    panel = read_panel(single({10: 1, 11: 2, 14: 5}), None)
    np.testing.assert_array_equal(panel.values[:, 0], [1, 2, NAN, NAN, 5])
    assert (panel.keys, panel.num_instances, panel.lengths.tolist(), panel.last.tolist()) == (None, 1, [5], [4])


@pytest.mark.parametrize(
    "index",
    [DAYS[[0, 1, 3]], pd.period_range("2020-01", periods=4, freq="M")[[0, 1, 3]], pd.Index([0, 2, 6])],
    ids=["dates", "periods", "integers in steps of 2"],
)
def test_every_kind_of_index_is_laid_on_its_grid(index):
    panel = read_panel(pd.DataFrame({"y": [1.0, 2.0, 4.0]}, index=index), None)
    np.testing.assert_array_equal(panel.values[:, 0], [1, 2, NAN, 4])


def test_series_of_a_panel_start_and_end_where_they_do():
    panel = read_panel(frame(GIVEN), None)
    assert panel.first.tolist() == [0, 2]
    assert panel.last.tolist() == [3, 4]
    assert panel.bounds.tolist() == [0, 4, 7]
    np.testing.assert_array_equal(panel.series(0)[:, 0], [1, 2, NAN, 4])
    np.testing.assert_array_equal(panel.series(1)[:, 0], [30, NAN, 50])


def test_the_order_of_the_rows_does_not_matter():
    y, X = frame(GIVEN), frame(GIVEN, "x")
    shuffled = np.random.default_rng(0).permutation(len(y))
    assert_same(read_panel(y.iloc[shuffled], X.iloc[shuffled[::-1]]), read_panel(y, X))


def test_instances_are_sorted_by_their_label():
    panel = read_panel(frame({"b": GIVEN["b"], "a": GIVEN["a"]}), None)
    assert panel.keys.tolist() == ["a", "b"]
    assert panel.series(0)[0, 0] == 1


def test_a_hierarchy_has_one_instance_for_each_combination_of_its_levels():
    index = pd.MultiIndex.from_tuples([("n", "x", 0), ("n", "x", 1), ("n", "y", 1), ("s", "x", 0)])
    panel = read_panel(pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index=index), None)
    assert panel.keys.tolist() == [("n", "x"), ("n", "y"), ("s", "x")]
    assert [panel.series(number)[:, 0].tolist() for number in range(3)] == [[1, 2], [3], [4]]


def test_several_variables_stay_side_by_side():
    y = pd.DataFrame({"u": [1, 2], "v": [10.5, NAN]})
    panel = read_panel(y, None)
    np.testing.assert_array_equal(panel.values, [[1, 10.5], [2, NAN]])
    assert panel.columns.tolist() == ["u", "v"]


def test_covariates_land_beside_their_values():
    panel = read_panel(single({0: 1, 1: 2, 3: 4}), single({0: 10, 1: 20, 2: 30, 3: 40}, "x"))
    np.testing.assert_array_equal(panel.covariates[:, 0], [10, 20, 30, 40])


def test_the_frames_of_the_user_are_not_written_to():
    y, X = frame(GIVEN), frame(GIVEN, "x")
    before = y.copy(), X.copy()
    panel = read_panel(y, X)
    panel.values[:] = panel.covariates[:] = -1
    pd.testing.assert_frame_equal(y, before[0])
    pd.testing.assert_frame_equal(X, before[1])


@pytest.mark.parametrize(
    ("y", "X", "expected"),
    [
        (frame({"a": {0: 1.0}, "b": {0: NAN, 1: NAN}}), None, "Series 'b' of y has no observed value"),
        (single({0: NAN, 1: NAN}), None, "y has no observed value"),
        (single({0: 1, 1: np.inf}), None, "y has an infinite value at 1"),
        (single({0: 1, 1: 2}), single({0: 1, 1: -np.inf}, "x"), "X has an infinite value at 1"),
        (frame(GIVEN), frame({"a": GIVEN["a"]}, "x"), "X has no rows for series 'b'"),
        (pd.concat([single({0: 1}), single({0: 2})]), None, "occurs more than once"),
        (pd.concat([frame(GIVEN), frame(GIVEN)]), None, "occurs more than once"),
        (single({0: 1}), pd.concat([single({0: 1}), single({0: 2})]), "occurs more than once"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused(y, X, expected):
    with pytest.raises(ValueError, match=expected):
        read_panel(y, X)


def test_text_is_refused():
    with pytest.raises(TypeError, match="All columns of y must be numeric"):
        read_panel(pd.DataFrame({"y": ["a", "b"]}), None)


# ---- rows ------------------------------------------------------------------------------------------------------------


def test_rows_and_positions_of_a_panel_by_hand():
    panel = read_panel(frame(GIVEN), None)  # a: positions 0 to 3 in rows 0 to 3; b: 2 to 4 in rows 4 to 6
    instance, position = np.array([0, 0, 1, 1, 1]), np.array([0, 4, 2, 4, 1])
    assert panel.rows(instance, position).tolist() == [0, 4, 4, 6, 3]
    assert panel.stores(instance, position).tolist() == [True, False, True, True, False]


def test_an_extended_panel_reaches_the_wanted_positions_and_no_series_gets_shorter():
    panel = read_panel(frame(GIVEN), frame(GIVEN, "x")).extended(np.array([5, 1]))
    assert panel.last.tolist() == [5, 4]
    np.testing.assert_array_equal(panel.values[:, 0], [1, 2, NAN, 4, NAN, NAN, 30, NAN, 50])
    np.testing.assert_array_equal(panel.covariates, panel.values)


def test_extending_leaves_the_original_alone():
    panel = read_panel(frame(GIVEN), None)
    panel.extended(np.array([9, 9]))
    assert_same(panel, read_panel(frame(GIVEN), None))


# ---- the end of a panel ----------------------------------------------------------------------------------------------


def end_of(panel, length, **options):
    return panel.cut(np.arange(panel.num_instances), panel.last, past=length, **options)


def tail_of(values, length, *, X=None):
    panel = read_panel(pd.DataFrame({"y": values}, dtype=float), X)
    return end_of(panel, length).values[:, 0]


@pytest.mark.parametrize(
    ("values", "length", "expected"),
    [
        ([1, 2, 3, 4, 5], 2, [4, 5]),
        ([1, 2, 3, 4, 5], 5, [1, 2, 3, 4, 5]),
        ([1, 2, 3], 9, [1, 2, 3]),
        ([1, 2, NAN, 4, 5], 3, [NAN, 4, 5]),
        ([1, 2, 3, NAN, 5], 2, [NAN, 5]),
        ([7, 8, 1, 2, 3, NAN, NAN], 2, [1, 2, 3, NAN, NAN]),
        ([7, 8, 2, 3, NAN, NAN, NAN], 1, [2, 3, NAN, NAN, NAN]),
        ([1, NAN, NAN, NAN], 1, [1, NAN, NAN, NAN]),
    ],
)
def test_a_tail_holds_the_last_rows_and_as_many_before_the_last_observation_where_that_is_older(
    values, length, expected
):
    np.testing.assert_array_equal(tail_of(values, length), expected)


def test_a_tail_reaches_back_behind_the_last_observation_of_every_variable():
    y = pd.DataFrame({"u": np.arange(8.0), "v": [10, 20, 30, 40, 50, NAN, NAN, NAN]})
    # Two rows before the last observation of the second variable, that observation, and three rows after it.
    np.testing.assert_array_equal(end_of(read_panel(y, None), 2).values, y.to_numpy()[2:])


def test_a_tail_holds_a_series_whole_whose_other_variable_was_never_observed():
    y = pd.DataFrame({"u": [1.0, 2, 3, 4, 5], "v": NAN})
    np.testing.assert_array_equal(end_of(read_panel(y, None), 2).values, y.to_numpy())


def test_each_series_has_a_tail_of_its_own_with_its_covariates_and_its_place_in_time():
    y = frame({"a": {0: 1.0, 1: 2, 2: 3, 3: 4}, "b": {2: 50.0}, "c": {1: 6.0, 2: 7, 3: NAN, 4: NAN, 5: NAN}})
    tail = end_of(read_panel(y, -y.rename(columns={"y": "x"})), 2)
    assert tail.bounds.tolist() == [0, 2, 3, 8]
    assert tail.first.tolist() == [2, 2, 1]
    assert tail.last.tolist() == [3, 2, 5]
    np.testing.assert_array_equal(tail.values[:, 0], [3, 4, 50, 6, 7, NAN, NAN, NAN])
    np.testing.assert_array_equal(tail.covariates, -tail.values)


def test_taking_the_tail_leaves_the_panel_alone():
    panel = read_panel(frame(GIVEN), None)
    end_of(panel, 1).values[:] = -1
    assert_same(panel, read_panel(frame(GIVEN), None))


def test_a_series_may_be_cut_at_several_points_with_room_after_them():
    y = frame({"a": {0: 1.0, 1: 2, 2: 3, 3: 4}, "b": {2: 50.0, 3: 60.0}})
    panel = read_panel(y, -y.rename(columns={"y": "x"}))
    cut = panel.cut(np.array([0, 1, 0]), np.array([1, 2, 3]), past=3, future=2)
    assert cut.keys.tolist() == ["a", "b", "a"]
    assert cut.bounds.tolist() == [0, 4, 7, 12]
    assert cut.first.tolist() == [0, 2, 1]
    np.testing.assert_array_equal(cut.values[:, 0], [1, 2, NAN, NAN, 50, NAN, NAN, 2, 3, 4, NAN, NAN])
    # Covariates of the future are known as far as they are stored.
    np.testing.assert_array_equal(cut.covariates[:, 0], [-1, -2, -3, -4, -50, -60, NAN, -2, -3, -4, NAN, NAN])


def test_a_part_of_a_panel_is_the_panel_of_its_series():
    panel = read_panel(frame(GIVEN), None)
    assert_same(panel.part(1, 2), read_panel(frame({"b": GIVEN["b"]}), None, memory=panel))
    assert_same(panel.part(0, 9), panel)


def test_the_labels_of_many_rows_are_those_of_one_row_after_the_other():
    y = frame(GIVEN)
    y.index = pd.MultiIndex.from_tuples([("all", *labels) for labels in y.index], names=["top", "who", "when"])
    panel = read_panel(y, None)
    found = panel.index(np.array([1, 0, 1]), pd.Index([3, 9, -1]))
    assert found.names == ["top", "who", "when"]
    assert found.tolist() == [("all", "b", 3), ("all", "a", 9), ("all", "b", -1)]


# ---- covariates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3]])
def test_covariates_are_written_by_their_time_stamp_and_rows_outside_are_left_aside(order):
    panel = read_panel(single({0: 1, 1: 2, 2: 3}), single({0: 10, 1: 20, 2: 30}, "x")).extended(np.array([4]))
    X = single({-1: -1, 1: 21, 3: 31, 4: 41, 99: -1}, "x").iloc[order]
    np.testing.assert_array_equal(panel.with_covariates(X).covariates[:, 0], [10, 21, 30, 31, 41])
    assert panel.covered_by(X).tolist() == [False, True, False, True, True]


def test_covariates_find_their_series():
    panel = read_panel(frame(GIVEN), frame(GIVEN, "x"))
    X = frame({"c": {3: -1.0}, "b": {4: 51.0, 0: -1.0}, "a": {2: 3.0}}, "x")
    np.testing.assert_array_equal(panel.with_covariates(X).covariates[:, 0], [1, 2, 3, 4, 30, NAN, 51])
    assert panel.covered_by(X).tolist() == [False, False, True, False, False, False, True]


def test_columns_of_covariates_are_matched_by_name():
    panel = read_panel(single({0: 1}), pd.DataFrame({"u": [1.0], "v": [2.0]}))
    changed = panel.with_covariates(pd.DataFrame({"v": [20.0], "u": [10.0]}))
    np.testing.assert_array_equal(changed.covariates, [[10, 20]])
    np.testing.assert_array_equal(panel.covariates, [[1, 2]])


def test_a_covariate_that_becomes_missing_is_missing():
    panel = read_panel(single({0: 1, 1: 2}), single({0: 10, 1: 20}, "x"))
    np.testing.assert_array_equal(panel.with_covariates(single({1: NAN}, "x")).covariates[:, 0], [10, NAN])


# ---- merging ---------------------------------------------------------------------------------------------------------


def read_after(memory: Panel, newer, X=None):
    return memory.merged(read_panel(newer, X, memory=memory))


def test_where_both_have_a_row_the_newer_value_counts():
    merged = read_after(read_panel(single({0: 1, 1: 2, 2: 3}), None), single({1: 20, 2: NAN, 3: 40}))
    np.testing.assert_array_equal(merged.values[:, 0], [1, 20, NAN, 40])


@pytest.mark.parametrize("start", [1, 3, 4])
def test_overlapping_data_merge_like_disjoint_data(start):
    y, X = single({time: 10 + time for time in range(8)}), single({time: -time for time in range(8)}, "x")
    merged = read_after(read_panel(y.loc[:3], X.loc[:3]), y.loc[start:], X.loc[start:])
    assert_same(merged, read_panel(y, X))


@pytest.mark.parametrize("offset", ["D", "MS", "W", "h"])
def test_merging_dates_is_like_reading_them_at_once(offset):
    y = pd.DataFrame({"y": np.arange(12.0)}, index=pd.date_range("2020-01-01", periods=12, freq=offset))
    assert_same(read_after(read_panel(y[:8], None), y[6:]), read_panel(y, None))


def test_merging_what_is_known_already_changes_nothing():
    y, X = frame(GIVEN), frame(GIVEN, "x")
    panel = read_panel(y, X)
    assert_same(read_after(panel, y, X), panel)


def test_a_gap_between_old_and_new_is_missing():
    merged = read_after(read_panel(single({0: 1, 1: 2}), None), single({4: 5}))
    np.testing.assert_array_equal(merged.values[:, 0], [1, 2, NAN, NAN, 5])


def test_earlier_data_are_put_in_front():
    merged = read_after(read_panel(single({5: 1, 6: 2}), None), single({2: -2, 3: -1}))
    np.testing.assert_array_equal(merged.values[:, 0], [-2, -1, NAN, 1, 2])
    assert merged.first.tolist() == [-3]


def test_a_new_series_joins_the_panel_in_its_place():
    merged = read_after(read_panel(frame(GIVEN), None), frame({"aa": {1: 7.0, 2: 9.0}, "b": {5: 60.0}}))
    assert merged.keys.tolist() == ["a", "aa", "b"]
    assert rows_of(merged, 1) == {1: 7, 2: 9}
    np.testing.assert_equal(rows_of(merged, 2), {2: 30, 3: NAN, 4: 50, 5: 60})


def test_series_without_news_stay_as_they_are():
    merged = read_after(read_panel(frame(GIVEN), None), frame({"b": {5: 60.0}}))
    np.testing.assert_equal(rows_of(merged, 0), {0: 1, 1: 2, 2: NAN, 3: 4})


def test_merging_leaves_both_parts_alone():
    old, new = read_panel(frame(GIVEN), None), read_panel(frame({"b": {4: 0.0}}), None)
    old.merged(new)
    assert_same(old, read_panel(frame(GIVEN), None))
    assert_same(new, read_panel(frame({"b": {4: 0.0}}), None))


def test_a_hierarchy_merges_like_a_panel():
    index = pd.MultiIndex.from_tuples([("n", "x", 0), ("n", "x", 1), ("s", "x", 0), ("s", "y", 1)])
    y = pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index=index)
    merged = read_after(read_panel(y.iloc[[0, 2]], None), y.iloc[[1, 3]])
    assert_same(merged, read_panel(y, None))


def test_a_new_stamp_must_lie_on_the_known_grid():
    memory = read_panel(pd.DataFrame({"y": [1.0, 2.0]}, index=DAYS[:2]), None)
    with pytest.raises(ValueError, match="2020-01-03 12:00:00 is not on the grid"):
        read_panel(pd.DataFrame({"y": [3.0]}, index=[pd.Timestamp("2020-01-03 12:00")]), None, memory=memory)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_second_of_two_lonely_dates_shows_the_step(steps):
    memory = read_panel(pd.DataFrame({"y": [1.0]}, index=pd.DatetimeIndex(DAYS[:1].to_list())), None)
    merged = read_after(memory, pd.DataFrame({"y": [2.0]}, index=DAYS[[steps]]))
    np.testing.assert_array_equal(merged.values[:, 0], [1, 2])
    assert merged.axis.stamps(np.array([0, 1])).equals(DAYS[[0, steps]])


# ---- the same series in another panel --------------------------------------------------------------------------------


def agreement(old, new, X=None, new_X=None):
    return read_panel(old, X).agrees_with(read_panel(new, new_X)).tolist()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], True),
        ([1, 2, 3], [1, 2, 3, 4, 5], True),
        ([1, NAN, 3], [1, NAN, 3, NAN], True),
        ([1, 2, 3], [1, 2], False),
        ([1, 2, 3], [1, 20, 3, 4], False),
        ([1, NAN, 3], [1, 2, 3, 4], False),
        ([1, 2, 3], [1, NAN, 3, 4], False),
    ],
)
def test_a_longer_series_agrees_if_all_known_points_are_the_same(old, new, expected):
    assert agreement(pd.DataFrame({"y": old}, dtype=float), pd.DataFrame({"y": new}, dtype=float)) == [
        0 if expected else -1
    ]


def test_a_series_that_begins_earlier_now_does_not_agree():
    assert agreement(single({1: 1, 2: 2}), single({1: 1, 2: 2, 3: 3})) == [0]
    old, new = read_panel(single({1: 1, 2: 2}), None), single({0: 0, 1: 1, 2: 2})
    assert old.agrees_with(old.merged(read_panel(new, None, memory=old))).tolist() == [-1]


def test_a_series_whose_covariates_have_changed_does_not_agree():
    y, X = single({0: 1, 1: 2}), single({0: 10, 1: 20}, "x")
    assert agreement(y, y, X, X) == [0]
    assert agreement(y, y, X, X + 1) == [-1]


def test_of_several_series_each_agrees_or_not_for_itself():
    old = frame({"a": {0: 1.0, 1: 2}, "b": {0: 5.0, 1: 6}, "c": {0: 7.0}})
    new = frame({"aa": {0: 1.0, 1: 2}, "b": {0: 5.0, 1: 6, 2: 7}, "c": {0: 70.0}, "a": {0: 1.0, 1: 2}})
    # In the order a, aa, b, c.
    assert agreement(old, new) == [0, -1, 1, -1]


def test_series_are_found_by_their_labels():
    assert find_series(pd.Index(["a", "b"]), pd.Index(["b", "c", "a"])).tolist() == [1, -1, 0]
    assert find_series(None, None).tolist() == [0]
    assert find_series(None, pd.Index(["a", "b"])).tolist() == [-1, -1]
    assert find_series(pd.Index(["a", "b"]), None).tolist() == [-1]


# ---- samples and names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken", "expected"), [([], "gate"), (["unit"], "gate"), (["gate"], "gate_"), (["gate", "gate_"], "gate__")]
)
def test_a_name_that_is_taken_gets_underscores(taken, expected):
    assert unused_name("gate", taken) == expected


def test_a_level_that_is_named_sample_already_keeps_its_name():
    index = pd.MultiIndex.from_tuples([("a", 5)], names=["sample", "when"])
    assert sampled_index(index, 2).names == ["sample_", "sample", "when"]


def test_samples_of_a_series_are_labelled_by_number_and_time():
    found = sampled_index(pd.Index([5, 6], name="when"), 2)
    assert found.names == ["sample", "when"]
    assert found.tolist() == [(0, 5), (0, 6), (1, 5), (1, 6)]


def test_samples_of_a_panel_are_labelled_by_number_instance_and_time():
    index = pd.MultiIndex.from_tuples([("b", "x", 5), ("a", "y", 5)], names=["region", "shop", "when"])
    found = sampled_index(index, 2)
    assert found.names == ["sample", "region", "shop", "when"]
    assert found.tolist() == [(0, "b", "x", 5), (0, "a", "y", 5), (1, "b", "x", 5), (1, "a", "y", 5)]


def test_samples_keep_the_kind_of_the_time_stamps():
    periods = pd.period_range("2020-01", periods=3, freq="M")
    assert sampled_index(periods, 2).get_level_values(1).tolist() == [*periods, *periods]


def test_an_index_is_repeated_under_a_new_level():
    index = pd.Index([5, 7], name="cutoff")
    found = under_level(index, pd.Index(["x", "y"]), np.array([0, 0, 1, 1]), name="cutoff")
    assert found.names == ["cutoff_", "cutoff"]
    assert found.tolist() == [("x", 5), ("x", 7), ("y", 5), ("y", 7)]


# ---- static covariates -----------------------------------------------------------------------------------------------


def test_what_is_constant_in_each_series_but_not_in_all_is_static():
    rows = pd.MultiIndex.from_product([["a", "b"], range(3)])
    X = pd.DataFrame({"label": [1, NAN, 1, 2, 2, 2], "same": 5, "moves": [1, 1, 1, 1, 1, 2]}, index=rows, dtype=float)
    panel = read_panel(pd.DataFrame({"y": range(6)}, index=rows, dtype=float), X)
    np.testing.assert_array_equal(panel.static_values(), [[1, NAN, NAN], [2, NAN, NAN]])
    longer = panel.extended(np.array([3, 2]), covariates=panel.static_values())
    np.testing.assert_array_equal(longer.covariates[3], [1, NAN, NAN])
