"""The table of a user: what is read from a file, and what a bad cell is called."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile

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


MONTHS = pd.date_range("2023-01-01", periods=24, freq="MS")
DAYS = pd.date_range("2024-03-01", periods=12)


def stamps_of(csv, texts):
    lines = [f"{text},{number}" for number, text in enumerate(texts)]
    return read_csv_file(csv("t,v", *lines), time="t", target=["v"]).y.index


@pytest.mark.parametrize(
    ("dates", "form"),
    [
        (MONTHS, "%d/%m/%Y"),
        (MONTHS, "%m/%d/%Y"),
        (MONTHS.delete(5), "%d.%m.%Y"),
        (MONTHS, "%d/%m/%y"),
        (MONTHS, "%y/%m/%d"),
        (DAYS, "%d/%m/%Y"),
        (DAYS, "%m/%d/%Y"),
        (DAYS, "%Y/%m/%d"),
        (DAYS, "%Y.%m.%d"),
        (MONTHS, "%b-%y"),
        (MONTHS, "%Y%m"),
    ],
)
def test_of_two_readings_of_dates_the_one_with_a_regular_grid_is_taken(csv, dates, form):
    assert stamps_of(csv, dates.strftime(form)).to_list() == dates.to_list()


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y"])
def test_dates_that_are_months_one_way_and_days_the_other_are_refused(csv, form):
    message = "column 't', row 2: '0[12]/0[12]/2023' may be 2023-0.-0. or 2023-0.-0.. Write all dates in ISO 8601"
    with pytest.raises(ValueError, match=message):
        stamps_of(csv, MONTHS[:12].strftime(form))


def test_dates_that_are_irregular_either_way_are_refused(csv):
    with pytest.raises(ValueError, match=r"may be 2024-01-02 or 2024-02-01. Write all dates in ISO 8601"):
        stamps_of(csv, ["01/02/2024", "03/05/2024", "09/04/2024"])


def test_integers_that_end_in_months_throughout_are_months(csv):
    assert stamps_of(csv, range(201501, 201513)).to_list() == list(pd.date_range("2015-01", periods=12, freq="MS"))
    assert stamps_of(csv, range(201501, 201514)).to_list() == list(range(201501, 201514))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("freq", ["MS", "D", "15min"])
def test_regular_counts_since_1970_are_dates(csv, unit, freq):
    dates = pd.date_range("2024-01-01", periods=24, freq=freq).delete(7)
    assert stamps_of(csv, (dates - pd.Timestamp(0)) // pd.Timedelta(1, unit)).to_list() == dates.to_list()


@pytest.mark.parametrize("stamps", [[1700000000, 1700000003, 1700000010], [5 * 10**9, 5 * 10**9 + 1], [1700000000]])
def test_other_large_integers_stay_integers(csv, stamps):
    lines = [f"{stamp},1" for stamp in stamps]
    table = read_csv_file(csv("t,v", *lines), time="t", target=["v"])
    assert table.with_stamps_of_file(table.y).index.to_list() == stamps


def test_a_series_may_be_called_na(csv):
    y = read_csv_file(csv("land,t,v", "NA,0,1", "NA,1,2", "DE,0,3"), time="t", target=["v"], panel=["land"]).y
    assert y.index.to_list() == [("DE", 0), ("NA", 0), ("NA", 1)]


@pytest.mark.parametrize("spelling", ["", " ", "NA", "NaN", "nan", "null", "N/A", "n/a", "None", "#N/A"])
def test_a_missing_number_has_many_spellings(csv, spelling):
    y = read_csv_file(csv("t,v", "0,1", f"1,{spelling}", "2,3"), time="t", target=["v"]).y
    np.testing.assert_array_equal(y["v"], [1, np.nan, 3])


def test_spaces_around_names_and_cells_do_not_count(csv):
    table = read_csv_file(csv(" t , v ,s", "0 , 1 ,a ", " 1 ,2, a"), time="t", target=["v"], panel=["s"])
    assert table.y["v"].to_dict() == {("a", 0): 1, ("a", 1): 2}


def test_a_name_that_comes_twice_matters_only_where_it_is_asked_for(csv):
    assert read_csv_file(csv("t,v,,", "0,1,,", "1,2,,"), time="t", target=["v"]).y["v"].to_list() == [1, 2]


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
        (["day,sold", "2024-01-01,5,6,7"], "is no CSV table: Expected 2 fields in line 2, saw 4"),
        (["day,sold", "13:00,5"], "column 'day', row 1: '13:00' is a time without a date"),
        (["day,sold", "NA,5"], "column 'day', row 1: 'NA' is no date like the others"),
        (["day,sold", "99999999999999999999,5"], "'99999999999999999999' is no date like the others"),
        (["day,sold,sold", "2024-01-01,5,6"], "--target: there are 2 columns 'sold'. Rename all but one"),
        (["day;sold", "2024-01-01;5"], "Its columns are separated by ';': separate them by commas"),
        (["day;sold", "2024-01-01;5,5"], "is no CSV table.*Its columns are separated by ';'.*decimals with a point"),
        (["day\tsold", "2024-01-01\t5"], "Its columns are separated by tabs"),
        (["# sales", "day,sold", "2024-01-01,5"], "Its first line must name the columns, but is '# sales'"),
        (["# a, b", "day,sold", "2024-01-01,5"], "there is no column 'day'.*Its first line must name the columns"),
    ],
)
def test_an_error_names_the_column_and_the_row(csv, lines, message):
    with pytest.raises(ValueError, match=message):
        read_csv_file(csv(*lines), time="day", target=["sold"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no CSV table: it is empty"),
        (b'a,b\n"1,2\n', "is no CSV table: EOF inside string"),
        ("day,sold\n1,2\n".encode("utf-16"), "is not written in UTF-8. Save it as CSV in UTF-8"),
        ("day,größe\n1,2\n".encode("latin-1"), "is not written in UTF-8. Save it as CSV in UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_csv_file(path, time="day", target=["sold"])


TEXT = b"day,sold\n" + b"".join(b"2024-01-%02d,%d\n" % (day, day * day) for day in range(1, 29))
ZIPPED = io.BytesIO()
with zipfile.ZipFile(ZIPPED, "w") as archive:
    archive.writestr("table.csv", TEXT)
PACKED = {"gz": gzip.compress(TEXT), "bz2": bz2.compress(TEXT), "xz": lzma.compress(TEXT), "zip": ZIPPED.getvalue()}


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("damage", ["none", "half of it", "something else"])
def test_a_damaged_packed_file_is_named(tmp_path, suffix, damage):
    whole = PACKED[suffix]
    path = tmp_path / f"table.csv.{suffix}"
    path.write_bytes({"none": whole, "half of it": whole[: len(whole) // 2], "something else": TEXT}[damage])
    if damage == "none":
        assert read_csv_file(path, time="day", target=["sold"]).y["sold"].to_list()[-1] == 28 * 28
    else:
        with pytest.raises(ValueError, match=r"table\.csv\.\w+' cannot be read .* may be damaged or not complete"):
            read_csv_file(path, time="day", target=["sold"])


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder. Name a CSV file"):
        read_csv_file(tmp_path, time="day", target=["sold"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows, where CI runs this file too, has no named pipes")
def test_a_pipe_is_read_like_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[TEXT])
    writer.start()
    assert len(read_csv_file(tmp_path / "pipe", time="day", target=["sold"]).y) == 28
    writer.join()


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
