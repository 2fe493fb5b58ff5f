"""Read the table of a user: from a CSV file to the target and the covariates of one or more series."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from sktime_lstm.data.time_axis import find_time_axis

# What pandas takes for a missing number, whatever its case.
MISSING_NUMBERS = ("na", "nan", "-nan", "n/a", "#n/a", "<na>", "null", "none")
FIRST_EPOCH, LAST_EPOCH = pd.Timestamp(1990, 1, 1), pd.Timestamp(2100, 1, 1)
EPOCH_UNITS: tuple[Literal["s", "ms", "us", "ns"], ...] = ("s", "ms", "us", "ns")
# A reading of dates that could be read otherwise is trusted if it leaves at most every other row of its grid empty.
MAX_ROWS_PER_STAMP = 2


@dataclass(frozen=True)
class CsvData:
    """What a file says of one or more series.

    Attributes
    ----------
    y : pd.DataFrame
        Target up to the last observation of each series.
    X : pd.DataFrame or None
        Covariates of the past and of the future.
    step, offset : int
        An integer time stamp of the file is ``offset + step * label``, where label is that of `y`: sktime counts
        integer stamps in steps of 1.
    """

    y: pd.DataFrame
    X: pd.DataFrame | None
    step: int = 1
    offset: int = 0

    @property
    def past_covariates(self) -> pd.DataFrame | None:
        """Covariates of the rows of `y`."""
        return None if self.X is None else self.X[self.X.index.isin(self.y.index)]

    def with_stamps_of_file(self, forecast: pd.DataFrame) -> pd.DataFrame:
        """Label a forecast with the time stamps that the file uses."""
        if (self.step, self.offset) == (1, 0):
            return forecast
        stamps = forecast.index.get_level_values(-1) * self.step + self.offset
        levels = [forecast.index.get_level_values(level) for level in range(forecast.index.nlevels - 1)]
        names = forecast.index.names
        return forecast.set_axis(pd.MultiIndex.from_arrays([*levels, stamps], names=names) if levels else stamps)

    def check_future_covariates(self, steps: int) -> None:
        """Raise an error unless `steps` rows after the last observation of each series have all covariates."""
        if self.X is None:
            return
        later = self.X[~self.X.index.isin(self.y.index)]
        groups = _series_of_rows(later.index)
        counts = groups.value_counts().reindex(_series_of_rows(self.y.index).unique(), fill_value=0)
        if counts.min() < steps:
            raise ValueError(
                f"the covariates {list(self.X.columns)} must be known for the {steps} time stamps to forecast, but "
                f"{counts.idxmin()} has only {counts.min()} rows after its last observation. Add rows with an empty "
                f"target, or leave out --covariates."
            )
        _check_no_empty_covariate(later[groups.groupby(groups).cumcount().to_numpy() < steps])


def read_csv_file(
    path: str | Path, *, time: str, target: Sequence[str], covariates: Sequence[str] = (), panel: Sequence[str] = ()
) -> CsvData:
    r"""Read one or more series from a CSV file, compressed or not.

    Columns are separated by commas and the first line names them. Rows may be in any order. Rows after the last
    observation of a series hold the covariates of its future.

    Parameters
    ----------
    path : str or Path
        The file, in UTF-8; gz, bz2, zip, xz and zst are unpacked. ``/dev/stdin`` is what is piped in.
    time : str
        Column of the time stamps, dates or integers; see the notes.
    target : sequence of str
        Columns to forecast. A cell that is empty, or NA, NaN, N/A, null or None in any case, is a missing value.
    covariates : sequence of str, default=()
        Columns that are known in the future, with the same missing values.
    panel : sequence of str, default=()
        Columns that tell the series apart, from the highest level to the lowest; () if there is one series. Here NA
        is a name like any other.

    Returns
    -------
    CsvData
        Target and covariates, sorted by series and time.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no table, a column is missing or there twice, or a cell holds no time or no number; the message names
        column and row. If dates can be read with the month first and with the day first, and not just one of both
        gives a regular grid that is at least half full.

    Notes
    -----
    All stamps of a file are read by one rule, the first of these that fits every row:

    * Integers 190001 to 209912 that end in 01 to 12 are months, those of eight digits such as 20240131 days.
    * Integers that as seconds, milliseconds, microseconds or nanoseconds since 1970 (UTC) all lie in the years 1990 to
      2099, and then form a regular grid, are dates.
    * Other integers are counters; their greatest common step is the step of the series.
    * Dates in ISO 8601, with offsets from UTC or without; where the offsets differ, all become UTC.
    * Months such as Jan-24, and what else pandas takes for dates. Of 01/02/2024, whose month may come first or last,
      the reading is taken that reads every row; if both do, the one with a regular grid.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sktime_lstm.csv_files import read_csv_file
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "sales.csv")
    ...     _ = file.write_text("day,sold\n2024-01-02,7\n2024-01-01,5\n")
    ...     read_csv_file(file, time="day", target=["sold"]).y["sold"].to_list()
    [5, 7]
    """
    cells = _read_cells(path)
    _check_columns(cells, {"--time": [time], "--target": target, "--covariates": covariates, "--panel": panel})
    cells = _stripped(cells[[time, *target, *covariates, *panel]])
    step, offset, index = _read_index(cells, time, panel)
    _check_no_duplicates(index, panel)
    values = {column: _numbers(cells[column]) for column in [*target, *covariates]}
    frame = pd.DataFrame(values).set_axis(index).sort_index()
    y = _observed_part(frame[list(target)])
    return CsvData(y, frame[list(covariates)] if covariates else None, step, offset)


def _read_cells(path: str | Path) -> pd.DataFrame:
    """Every cell as text, so that an error can quote it; missing where it is empty."""
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}.")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder. Name a CSV file.")
    try:
        lines = _lines(path)
    except (ImportError, MemoryError, PermissionError):
        raise
    except Exception as error:  # Each way to pack a file has errors of its own.
        raise ValueError(f"{str(path)!r} {_what_is_wrong(path, error)}") from error
    if len(lines) == 1:
        raise ValueError(f"{str(path)!r} has no rows below its header.")
    header = lines.iloc[0].fillna("").str.strip().to_list()
    return lines.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)


def _lines(path: str | Path, **options: Any) -> pd.DataFrame:
    """Lines of the file, the header among them: as header, pandas would rename a name that comes twice."""
    lines: pd.DataFrame = pd.read_csv(
        path,
        header=None,
        dtype=str,
        encoding="utf-8-sig",
        skipinitialspace=True,
        keep_default_na=False,
        na_values=[""],
        **options,
    )
    return lines


def _what_is_wrong(path: str | Path, error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "is not written in UTF-8. Save it as CSV in UTF-8."
    if isinstance(error, pd.errors.EmptyDataError):
        return "is no CSV table: it is empty."
    if isinstance(error, pd.errors.ParserError) and not isinstance(error.__context__, Exception):
        fault = " ".join(str(error).split()).rpartition("C error: ")[2]
        return f"is no CSV table: {fault}.{_hint(_first_line(path))}"
    return f"cannot be read ({error}). It may be damaged or not complete."


def _first_line(path: str | Path) -> list[str]:
    """Cells of the first line; none if it cannot be read, or not again."""
    try:
        return _lines(path, nrows=1).iloc[0].fillna("").to_list()
    except (OSError, ValueError):
        return []


def _hint(header: Sequence[str]) -> str:
    """What to change if the names of the columns show why a table cannot be read; else nothing."""
    line = ",".join(header)
    if "\0" in line:
        return " It is not written in UTF-8: save it as CSV in UTF-8."
    separator = max(";\t|", key=line.count)
    if line.count(separator) > line.count(","):
        name = "tabs" if separator == "\t" else repr(separator)
        return f" Its columns are separated by {name}: separate them by commas, and write decimals with a point."
    if line.startswith("#") or len(header) == 1:
        return f" Its first line must name the columns, but is {line!r}."
    return ""


def _check_columns(cells: pd.DataFrame, wanted: dict[str, Sequence[str]]) -> None:
    names, used = cells.columns.to_list(), dict[str, str]()
    for option, column in [(option, column) for option, columns in wanted.items() for column in columns]:
        if column not in names:
            raise ValueError(f"{option}: there is no column {column!r}; the file has {names}.{_hint(names)}")
        if names.count(column) > 1:
            raise ValueError(f"{option}: there are {names.count(column)} columns {column!r}. Rename all but one.")
        if column in used:
            raise ValueError(f"column {column!r} is named by {used[column]} and by {option}; it can be only one.")
        used[column] = option


def _stripped(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells without spaces around them; missing where nothing is left."""
    stripped = pd.DataFrame({name: cells[name].str.strip() for name in cells.columns})
    return stripped.mask(stripped == "")


def _read_index(cells: pd.DataFrame, time: str, panel: Sequence[str]) -> tuple[int, int, pd.Index]:
    """Step and offset of integer stamps, and the index of all rows."""
    stamps = _time_stamps(cells[time])
    step, offset = 1, 0
    if pd.api.types.is_integer_dtype(stamps):
        step = int(np.gcd.reduce(stamps.to_numpy() - stamps.min())) or 1
        offset = int(stamps.min()) % step
        stamps = (stamps - offset) // step
    if not panel:
        return step, offset, pd.Index(stamps, name=time)
    for column in panel:
        _check_complete(cells[column])
    return step, offset, pd.MultiIndex.from_arrays([*(cells[column] for column in panel), stamps], names=[*panel, time])


def _time_stamps(cells: pd.Series) -> pd.Series:
    _check_complete(cells)
    if cells.str.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])").all():
        return _read_dates(cells, format="%Y%m")
    if cells.str.fullmatch(r"[+-]?\d{1,18}|[1-4]\d{18}").all() and not _are_days(cells):
        return _epoch_dates(cells.astype("int64"))
    return _dates(cells)


def _are_days(cells: pd.Series) -> bool:
    return bool(cells.str.fullmatch(r"(19|20)\d\d[01]\d[0-3]\d").all())


def _epoch_dates(stamps: pd.Series) -> pd.Series:
    """Dates of stamps that count from 1970 on; the stamps as they are if they seem to count something else."""
    for unit in EPOCH_UNITS:
        ticks = pd.Timedelta(1, unit=unit)
        low, high = ((end - pd.Timestamp(0)) // ticks for end in (FIRST_EPOCH, LAST_EPOCH))
        if stamps.min() >= low and stamps.max() < high:
            dates = pd.to_datetime(stamps, unit=unit)
            return dates if _rows_of_grid(dates) < math.inf else stamps
    return stamps


def _rows_of_grid(dates: pd.Series) -> float:
    """Number of rows of the regular grid from the first date to the last; infinite if there is none."""
    index = pd.DatetimeIndex(dates.unique()).sort_values()
    if len(index) < 2:
        return math.inf
    try:
        return find_time_axis(index).position_before(index[-1]) + 1
    except ValueError:
        return math.inf


def _dates(cells: pd.Series) -> pd.Series:
    # Every row is read by the same rule: a rule for each row would take 3/4 for April and 13/4 for the 13th.
    clear: list[dict[str, Any]] = [{"format": "ISO8601"}, {"format": "ISO8601", "utc": True}, {"format": "%b-%y"}]
    readings = [_read_dates(cells, **way) for way in clear]
    for reading in readings:
        if reading.notna().all():
            return reading
    if cells.str.match(r"\d{1,2}:\d\d").any():
        raise _wrong_cell(cells, 0, "is a time without a date. Write both, like 2024-01-31 13:00.")
    guesses = [_read_dates(cells, **way) for way in _ways_to_guess(cells)]
    complete = [guess for guess in guesses if guess.notna().all()]
    if not complete:
        row = int(np.argmax(max([*readings, *guesses], key=lambda reading: reading.notna().sum()).isna()))
        raise _wrong_cell(cells, row, "is no date like the others. Write them all alike.")
    return _regular_one(cells, complete)


def _ways_to_guess(cells: pd.Series) -> list[dict[str, Any]]:
    """Orders of day, month and year; the day never comes second after a year of four digits."""
    if cells.str.match(r"\d{4}").all():
        return [{}]
    return [{}, {"dayfirst": True}, {"yearfirst": True}]


def _regular_one(cells: pd.Series, readings: list[pd.Series]) -> pd.Series:
    """Reading to trust: the only one, or else the only one with a regular grid without too many gaps."""
    different = [one for number, one in enumerate(readings) if not any(one.equals(two) for two in readings[:number])]
    if len(different) == 1:
        return different[0]
    most = MAX_ROWS_PER_STAMP * cells.nunique()
    regular = [reading for reading in different if _rows_of_grid(reading) <= most]
    if len(regular) == 1:
        return regular[0]
    row = int(np.argmax(different[0].to_numpy() != different[1].to_numpy()))
    meanings = " or ".join(str(reading.iloc[row].date()) for reading in different)
    raise _wrong_cell(cells, row, f"may be {meanings}. Write all dates in ISO 8601, like 2024-01-31.")


def _read_dates(cells: pd.Series, **way: Any) -> pd.Series:
    with warnings.catch_warnings():
        # pandas warns of a guess; here every guess is tried and only one that reads all rows is taken.
        warnings.simplefilter("ignore")
        try:
            dates = pd.to_datetime(cells, errors="coerce", **way)
        except ValueError:
            dates = None
    if dates is None or not pd.api.types.is_datetime64_any_dtype(dates):  # Offsets from UTC that differ.
        return pd.Series(pd.NaT, index=cells.index)
    # A guess without a year is one in the first century.
    return dates.where(dates.dt.year >= 1000)


def _numbers(cells: pd.Series) -> pd.Series:
    cells = cells.mask(cells.str.casefold().isin(MISSING_NUMBERS))
    cells = cells.mask(cells.str.casefold().isin(MISSING_NUMBERS))
    numbers = pd.to_numeric(cells, errors="coerce")
    wrong = (numbers.isna() & cells.notna()).to_numpy() | np.isinf(numbers.to_numpy(dtype=float, na_value=np.nan))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _wrong_cell(cells, row, "is not a finite number. Write it like 1234.5, or empty the cell.")
    return numbers


def _check_complete(cells: pd.Series) -> None:
    empty = cells.isna().to_numpy()
    if empty.any():
        raise _wrong_cell(cells, int(np.argmax(empty)), "is empty. Fill it in, or delete the row.")


def _wrong_cell(cells: pd.Series, row: int, fault: str) -> ValueError:
    held = "the cell" if pd.isna(cells.iloc[row]) else repr(cells.iloc[row])
    return ValueError(f"column {cells.name!r}, row {row + 1}: {held} {fault}")


def _check_no_duplicates(index: pd.Index, panel: Sequence[str]) -> None:
    again = index.duplicated()
    if again.any():
        second = int(np.argmax(again))
        first = int(np.argmax(index == index[second]))
        hint = "" if panel else " If the file holds several series, name the column that tells them apart with --panel."
        stamp = index.get_level_values(-1)[second]
        label = f"time stamp {stamp}" + (f" of {_series_of_rows(index).iloc[second]}" if panel else "")
        raise ValueError(f"rows {first + 1} and {second + 1} both hold {label}. Delete one of them.{hint}")


def _observed_part(target: pd.DataFrame) -> pd.DataFrame:
    """Rows up to the last observation of each series; `target` is sorted by series and time."""
    groups = _series_of_rows(target.index)
    observed = target.notna().any(axis=1).to_numpy()
    last = pd.Series(np.where(observed, np.arange(len(target)), -1)).groupby(groups.to_numpy()).transform("max")
    if (last < 0).any():
        name = groups.iloc[int(np.argmax(last < 0))]
        absent = ", ".join(map(repr, target.columns))
        raise ValueError(f"{name} has no value in {absent}: there is nothing to learn. Delete its rows.")
    return target[np.arange(len(target)) <= last.to_numpy()]


def _check_no_empty_covariate(rows: pd.DataFrame) -> None:
    empty = rows.isna().to_numpy()
    if empty.any():
        row, column = np.argwhere(empty)[0]
        raise ValueError(
            f"covariate {rows.columns[column]!r} is empty at {rows.index[row]}, which is to be forecast. "
            f"Fill it in, or leave it out of --covariates."
        )


def _series_of_rows(index: pd.Index) -> pd.Series:
    """Name, as a message should call it, of the series to which each row belongs."""
    if not isinstance(index, pd.MultiIndex):
        return pd.Series("the file", index=range(len(index)))
    keys, names = pd.factorize(index.droplevel(-1))
    return pd.Series(np.array([f"series {name!r}" for name in names], dtype=object)[keys])
