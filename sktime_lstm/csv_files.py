"""Read the table of a user: from a CSV file to the target and the covariates of one or more series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


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

    Rows may be in any order. Rows after the last observation of a series hold the covariates of its future.

    Parameters
    ----------
    path : str or Path
        The file; gz, bz2, zip, xz and zst are unpacked.
    time : str
        Column of the time stamps: integers, or dates as pandas reads them.
    target : sequence of str
        Columns to forecast. Empty cells are missing values.
    covariates : sequence of str, default=()
        Columns that are known in the future.
    panel : sequence of str, default=()
        Columns that tell the series apart, from the highest level to the lowest; () if there is one series.

    Returns
    -------
    Table
        Target and covariates, sorted by series and time.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no table, a column is missing, or a cell holds no time or no number; the message names column and row.

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
    step, offset, index = _read_index(cells, time, panel)
    _check_no_duplicates(index, panel)
    values = {column: _numbers(cells[column]) for column in [*target, *covariates]}
    frame = pd.DataFrame(values).set_axis(index).sort_index()
    y = _observed_part(frame[list(target)])
    return CsvData(y, frame[list(covariates)] if covariates else None, step, offset)


def _read_cells(path: str | Path) -> pd.DataFrame:
    """Every cell as text, so that an error can quote it; None where it is empty."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}.")
    try:
        with warnings.catch_warnings():
            # Of a row that is longer than the header pandas only warns, and drops what is too much.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            cells = pd.read_csv(path, dtype=str, skipinitialspace=True, index_col=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} is no CSV table: {error}") from error
    if cells.empty:
        raise ValueError(f"{str(path)!r} has no rows below its header.")
    return cells


def _check_columns(cells: pd.DataFrame, wanted: dict[str, Sequence[str]]) -> None:
    used: dict[str, str] = {}
    for option, columns in wanted.items():
        for column in columns:
            if column not in cells.columns:
                raise ValueError(f"{option}: there is no column {column!r}; the file has {list(cells.columns)}.")
            if column in used:
                raise ValueError(f"column {column!r} is named by {used[column]} and by {option}; it can be only one.")
            used[column] = option


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
    if cells.str.fullmatch(r"[+-]?\d+").all() and not cells.str.fullmatch(r"(19|20)\d\d[01]\d[0-3]\d").all():
        return cells.astype("int64")
    # Every row is read by the same rule: a rule for each row would take 3/4 for April and 13/4 for the 13th.
    ways: list[dict[str, Any]] = [{}, {"format": "ISO8601"}, {"dayfirst": True}, {"format": "ISO8601", "utc": True}]
    readings = [_read_dates(cells, **way) for way in ways]
    complete = [reading for reading in readings if reading.notna().all()]
    if not complete:
        row = int(np.argmax(max(readings, key=lambda reading: reading.notna().sum()).isna()))
        raise _wrong_cell(cells, row, "is no date like the others. Write them all alike.")
    return complete[0]


def _read_dates(cells: pd.Series, **way: Any) -> pd.Series:
    with warnings.catch_warnings():
        # pandas warns of a guess; here every guess is tried and only one that reads all rows is taken.
        warnings.simplefilter("ignore")
        try:
            return pd.to_datetime(cells, errors="coerce", **way)
        except ValueError:
            return pd.Series(pd.NaT, index=cells.index)


def _numbers(cells: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(cells, errors="coerce")
    wrong = (numbers.isna() & cells.notna()).to_numpy() | np.isinf(numbers.to_numpy(dtype=float, na_value=np.nan))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _wrong_cell(cells, row, "is not a finite number. Correct it, or empty the cell.")
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
