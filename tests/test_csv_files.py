"""The table of a user: what is read from a file, and what a bad cell is called."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from sktime_lstm.csv_files import read_csv_file


@pytest.fixture
def csv(tmp_path):
    """Write lines to a file and return its path."""

    def write(*lines):
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def days(*numbers):
    return [pd.Timestamp(2024, 1, number) for number in numbers]


def test_rows_are_sorted_by_time(csv):
    y = read_csv_file(csv("day,sold", "2024-01-03,9", "2024-01-01,5", "2024-01-02,7"), time="day", target=["sold"]).y
    assert y["sold"].to_list() == [5, 7, 9]
    assert y.index.to_list() == days(1, 2, 3)


def test_a_compressed_file_is_unpacked(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"day,sold\n2024-01-01,5\n"))
    assert read_csv_file(path, time="day", target=["sold"]).y["sold"].to_list() == [5]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2024-01-02", "2024-01-13", pd.Timestamp("2024-01-13")),
        ("2024-01", "2024-02", pd.Timestamp("2024-02-01")),
        ("20240102", "20240113", pd.Timestamp("2024-01-13")),
        ("2024-01-02", "2024-01-13 06:00", pd.Timestamp("2024-01-13 06:00")),
        ("01/02/2024", "01/13/2024", pd.Timestamp("2024-01-13")),
        ("02/01/2024", "13/01/2024", pd.Timestamp("2024-01-13")),
        ("2 January 2024", "13 January 2024", pd.Timestamp("2024-01-13")),
        ("2024-01-02 00:00+00:00", "2024-01-13 00:00+00:00", pd.Timestamp("2024-01-13", tz="UTC")),
        ("2024-03-30 00:00+01:00", "2024-04-01 00:00+02:00", pd.Timestamp("2024-03-31 22:00", tz="UTC")),
        ("7", "19", 1),
    ],
)
def test_times_of_many_kinds_are_read(csv, first, last, expected):
    y = read_csv_file(csv("t,v", f"{first},1", f"{last},2"), time="t", target=["v"]).y
    assert y.index[-1] == expected


def test_integer_stamps_are_counted_in_steps_and_given_back(csv):
    table = read_csv_file(csv("t,v", "5,1", "15,2", "35,3"), time="t", target=["v"])
    assert table.y.index.to_list() == [0, 1, 3]
    assert table.with_stamps_of_file(table.y).index.to_list() == [5, 15, 35]


def test_the_stamps_of_a_panel_are_given_back_too(csv):
    table = read_csv_file(csv("s,t,v", "a,10,1", "a,20,2", "b,10,3"), time="t", target=["v"], panel=["s"])
    assert table.with_stamps_of_file(table.y).index.to_list() == [("a", 10), ("a", 20), ("b", 10)]


def test_rows_after_the_last_observation_are_the_future(csv):
    lines = ["day,sold,promo", "2024-01-01,5,0", "2024-01-02,,1", "2024-01-03,6,0", "2024-01-04,,1"]
    table = read_csv_file(csv(*lines), time="day", target=["sold"], covariates=["promo"])
    assert table.y.index.to_list() == days(1, 2, 3)
    assert np.isnan(table.y["sold"].iloc[1])
    assert table.X["promo"].to_list() == [0, 1, 0, 1]
    assert table.past_covariates["promo"].to_list() == [0, 1, 0]
    table.check_future_covariates(1)


def test_each_series_of_a_panel_ends_with_its_own_last_observation(csv):
    lines = ["shop,t,sold", "a,0,1", "a,1,2", "a,2,", "b,0,3", "b,1,", "b,2,"]
    assert read_csv_file(csv(*lines), time="t", target=["sold"], panel=["shop"]).y.index.to_list() == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["day,sold", "2024-01-01,5", "tomorrow,6"], "column 'day', row 2: 'tomorrow' is no date like the others"),
        (["day,sold", "2024-01-01,5", ",6"], "column 'day', row 2: the cell is empty"),
        (["day,sold", "2024-01-01,5", "2024-01-02,many"], "column 'sold', row 2: 'many' is not a finite number"),
        (["day,sold", "2024-01-01,5", "2024-01-02,inf"], "column 'sold', row 2: 'inf' is not a finite number"),
        (["day,sold", "2024-01-01,5", "2024-01-01,6"], "rows 1 and 2 both hold time stamp 2024-01-01.*--panel"),
        (["day,sold", "2024-01-01,", "2024-01-02,"], "the file has no value in 'sold'"),
        (["date,sold", "2024-01-01,5"], r"--time: there is no column 'day'; the file has \['date', 'sold'\]"),
        (["day,bought", "2024-01-01,5"], "--target: there is no column 'sold'"),
        (["day,sold"], "has no rows below its header"),
        (["day,sold", "2024-01-01,5,6,7"], "is no CSV table: Length of header"),
    ],
)
def test_an_error_names_the_column_and_the_row(csv, lines, message):
    with pytest.raises(ValueError, match=message):
        read_csv_file(csv(*lines), time="day", target=["sold"])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is no CSV table"), (b'a,b\n"1,2\n', "is no CSV table"), (b"\xff\xfe\x00", "is no CSV table")],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_csv_file(path, time="day", target=["sold"])


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.csv"):
        read_csv_file(tmp_path / "gone.csv", time="day", target=["sold"])


def test_a_column_has_one_role(csv):
    with pytest.raises(ValueError, match="column 'sold' is named by --target and by --covariates"):
        read_csv_file(csv("day,sold", "2024-01-01,5"), time="day", target=["sold"], covariates=["sold"])


def test_duplicates_in_a_panel_are_named_with_their_series(csv):
    with pytest.raises(ValueError, match="rows 1 and 3 both hold time stamp 0 of series 'a'"):
        read_csv_file(csv("s,t,v", "a,0,1", "b,0,2", "a,0,3"), time="t", target=["v"], panel=["s"])


def test_a_series_without_observations_is_named(csv):
    with pytest.raises(ValueError, match="series 'b' has no value in 'v'"):
        read_csv_file(csv("s,t,v", "a,0,1", "b,0,"), time="t", target=["v"], panel=["s"])


def test_too_few_rows_of_future_covariates_are_counted(csv):
    lines = ["s,t,v,x", "a,0,1,0", "a,1,,0", "b,0,2,0"]
    table = read_csv_file(csv(*lines), time="t", target=["v"], covariates=["x"], panel=["s"])
    with pytest.raises(ValueError, match="for the 1 time stamps to forecast, but series 'b' has only 0 rows after"):
        table.check_future_covariates(1)


def test_an_empty_covariate_matters_only_where_it_is_forecast(csv):
    table = read_csv_file(csv("t,v,x", "0,1,", "1,,3", "2,,"), time="t", target=["v"], covariates=["x"])
    table.check_future_covariates(1)
    with pytest.raises(ValueError, match="covariate 'x' is empty at 2, which is to be forecast"):
        table.check_future_covariates(2)
