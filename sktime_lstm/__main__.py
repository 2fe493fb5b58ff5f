"""The command line: forecast the airline series, or a CSV file of one's own."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from sktime_lstm.backtesting import backtest
from sktime_lstm.csv_files import CsvData, read_csv_file
from sktime_lstm.forecaster import LSTMForecaster
from sktime_lstm.inspection.plots import plot_forecast

AIRLINE_STEPS = 12
AIRLINE_PICTURE = "airline_forecast.png"
PICTURES = (".png", ".svg", ".pdf", ".jpg")
MAX_ROWS = 60
MAX_STEPS = 100_000

EPILOG = """\
Without a file, sktime's airline series is forecast 12 months ahead, compared
with naive, seasonal naive, ETS and ARIMA forecasts, and drawn to
airline_forecast.png. With covariates, the file has rows with an empty target
for the time to forecast. Nothing is overwritten without --force.

examples:
  sktime-lstm
  sktime-lstm sales.csv --time date --target sales --fh 12
  sktime-lstm sales.csv --time date --target sales --fh 12 --plot sales.png
  sktime-lstm sales.csv --time date --target sales --fh 12 --backtest
  sktime-lstm shops.csv --time date --target sales --panel shop --fh 12 \\
      --output forecast.csv
  sktime-lstm hours.csv --time hour --target load --fh 48 --sp 24,168 \\
      --covariates temperature
"""


@dataclass(frozen=True)
class Forecast:
    """What came out of one run."""

    point: pd.DataFrame
    intervals: pd.DataFrame
    periods: tuple[int, ...]
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 after a line on stderr that says what to change."""
    arguments = _parser().parse_args(argv)
    try:
        with _plain_notes():
            _run(arguments)
    except BrokenPipeError:
        # The reader has gone (head, for example); without this Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("sktime_lstm: stopped.", file=sys.stderr)
        return 2
    except (ArithmeticError, ImportError, MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        print(f"sktime_lstm: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    """Tells of a wrong option in one line, like every other mistake."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"sktime_lstm: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sktime-lstm",
        description="Forecast time series with an LSTM.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", nargs="?", type=Path, help="CSV file, compressed or not; without one the airline series is forecast")
    add("--time", metavar="COLUMN", help="column of the time stamps, dates or integers")
    add("--target", metavar="COLUMNS", type=_names, default=[], help="what to forecast: one column or more, a,b")
    add("--covariates", metavar="COLUMNS", type=_names, default=[], help="columns that are known in the future: a,b")
    add("--panel", metavar="COLUMNS", type=_names, default=[], help="columns that tell several series apart: a,b")
    add("--fh", metavar="STEPS", type=_steps, help="how many steps to forecast")
    add("--sp", metavar="PERIODS", type=_periods, help="seasonal periods in steps: 12, or 24,168, or 1 for none")
    add("--coverage", type=_share, default=0.9, help="share of actual values that the interval covers (default: 0.9)")
    add("--backtest", action="store_true", help="compare with naive, seasonal naive, ETS and ARIMA forecasts")
    add("--output", metavar="CSV", type=Path, help="save the forecast as a table")
    add("--plot", metavar="PICTURE", type=Path, help="save the forecast as a picture: .png, .svg or .pdf")
    add("--force", action="store_true", help="replace files that are there already")
    add("--random-state", metavar="SEED", type=_seed, default=0, help="seed of the training (default: 0)")
    add("--version", action="version", version=f"sktime-lstm {_version()}")
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _steps(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_STEPS:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MAX_STEPS}, got {text!r}")
    return int(text)


def _periods(text: str) -> list[int]:
    parts = _names(text)
    if not parts or not all(part.isdecimal() and int(part) >= 1 for part in parts):
        raise argparse.ArgumentTypeError(f"expected whole numbers of at least 1, such as 12 or 24,168, got {text!r}")
    return [int(part) for part in parts]


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got {text!r}")
    return share


def _version() -> str:
    try:
        return version("sktime-lstm")
    except PackageNotFoundError:
        return "(not installed)"


def _run(arguments: argparse.Namespace) -> None:
    picture = _picture(arguments)
    _check_distinct({"the input file": arguments.file, "--output": arguments.output, "--plot": picture})
    _check_destinations([arguments.output, picture], force=arguments.force)
    table = _airline(arguments) if arguments.file is None else _users_table(arguments)
    steps = arguments.fh or AIRLINE_STEPS
    table.check_future_covariates(steps)
    print(_summary(table), flush=True)
    forecaster = LSTMForecaster(sp=_one_or_several(arguments.sp), random_state=arguments.random_state)
    forecast = _forecast(forecaster, table, steps, arguments.coverage)
    rows = table.with_stamps_of_file(_side_by_side(forecast))
    # Saved before anything is printed, so that the files are there even if the reader of the output goes away.
    saved = _save(rows, table, forecast, arguments.output, picture)
    _print_forecast(rows, forecast, arguments.coverage)
    for line in saved:
        print(f"\n{line}")
    if arguments.backtest or arguments.file is None:
        _print_backtest(table, steps)


def _picture(arguments: argparse.Namespace) -> Path | None:
    """Where to draw; a picture that nobody asked for takes a free name and is no reason to fail."""
    if arguments.plot is None and arguments.file is not None:
        return None
    if not find_spec("matplotlib"):
        advice = "a picture needs matplotlib: pip install 'sktime-lstm[plot]'."
        if arguments.plot is not None:
            raise ImportError(advice)
        warnings.warn(advice, UserWarning, stacklevel=2)
        return None
    if arguments.plot is not None:
        return _check_picture(arguments.plot)
    return Path(AIRLINE_PICTURE) if arguments.force else _free_name(Path(AIRLINE_PICTURE))


def _check_picture(path: Path) -> Path:
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"--plot: {str(path)!r} must end in one of {', '.join(PICTURES)}.")
    return path


def _free_name(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}_{number}")
    return free


def _check_distinct(places: dict[str, Path | None]) -> None:
    """Let no result replace another or the data, by whatever links, even with --force."""
    named = [(name, path) for name, path in places.items() if path is not None]
    for (first, one), (second, other) in combinations(named, 2):
        both_there = one.exists() and other.exists()
        if os.path.realpath(one) == os.path.realpath(other) or (both_there and one.samefile(other)):
            raise ValueError(f"{second} {str(other)!r} is the same file as {first}. Choose another name.")


def _check_destinations(paths: Sequence[Path | None], *, force: bool) -> None:
    """Find out before the work whether its results can be kept."""
    for path in filter(None, paths):
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to save {path.name!r} in.")
        if path.is_dir():
            raise IsADirectoryError(f"{str(path)!r} is a folder. Add the name of a file in it.")
        if path.exists() and not force:
            raise FileExistsError(f"{str(path)!r} is there already. Choose another name, or replace it with --force.")


def _airline(arguments: argparse.Namespace) -> CsvData:
    from sktime.datasets import load_airline

    if arguments.time or arguments.target or arguments.covariates or arguments.panel:
        raise ValueError("--time, --target, --covariates and --panel speak of a file: name it first.")
    return CsvData(load_airline().to_frame("passengers"), None)


def _users_table(arguments: argparse.Namespace) -> CsvData:
    needed = {"--time": arguments.time, "--target": arguments.target, "--fh": arguments.fh}
    absent = [option for option, value in needed.items() if not value]
    if absent:
        raise ValueError(f"a file needs {', '.join(absent)} too, for example --time date --target sales --fh 12.")
    return read_csv_file(
        arguments.file,
        time=arguments.time,
        target=arguments.target,
        covariates=arguments.covariates,
        panel=arguments.panel,
    )


def _summary(table: CsvData) -> str:
    index = table.with_stamps_of_file(table.y).index
    many = f" in {len(index.droplevel(-1).unique())} series" if isinstance(index, pd.MultiIndex) else ""
    times = index.get_level_values(-1)
    first, last = (str(time).removesuffix(" 00:00:00") for time in (times.min(), times.max()))
    rows = "1 row" if len(index) == 1 else f"{len(index)} rows"
    return f"{', '.join(map(str, table.y.columns))}: {rows}{many}, {first} to {last}"


def _one_or_several(periods: list[int] | None) -> int | list[int] | None:
    return periods[0] if periods and len(periods) == 1 else periods


def _forecast(forecaster: LSTMForecaster, table: CsvData, steps: int, coverage: float) -> Forecast:
    print("Training ...", file=sys.stderr, flush=True) if sys.stderr.isatty() else None
    start = time.perf_counter()
    forecaster.fit(table.y, X=table.past_covariates, fh=list(range(1, steps + 1)))
    seconds = time.perf_counter() - start
    point = forecaster.predict(X=table.X)
    intervals = forecaster.predict_interval(X=table.X, coverage=coverage)
    return Forecast(point, intervals, tuple(int(period) for period in np.atleast_1d(forecaster.sp_)), seconds)


def _side_by_side(forecast: Forecast) -> pd.DataFrame:
    """One table: each variable with the ends of its interval."""
    columns = {}
    for position, name in enumerate(forecast.point.columns):
        columns[str(name)] = forecast.point.iloc[:, position]
        # predict_interval has two columns for each variable, in the order of the variables.
        columns[f"{name}_lower"] = forecast.intervals.iloc[:, 2 * position]
        columns[f"{name}_upper"] = forecast.intervals.iloc[:, 2 * position + 1]
    return pd.DataFrame(columns)


def _print_forecast(rows: pd.DataFrame, forecast: Forecast, coverage: float) -> None:
    periods = [str(period) for period in forecast.periods if period > 1]
    season = f"season of {' and '.join(periods)}" if periods else "no season"
    print(f"Trained in {forecast.seconds:.1f} s, {season}. Forecast with {100 * coverage:.3g} % interval:\n")
    shown = rows.head(MAX_ROWS)
    print(shown.to_string(formatters=[f"{{:.{places}f}}".format for places in _decimals(rows)]))
    if len(rows) > MAX_ROWS:
        print(f"... {len(rows) - MAX_ROWS} more rows; --output saves them all")


def _decimals(rows: pd.DataFrame) -> list[int]:
    """Decimals of each column: those that show the largest number of its variable with six digits."""
    largest = np.abs(rows.to_numpy(dtype=float)).reshape(len(rows), -1, 3)
    digits = np.log10(np.nanmax(largest, axis=(0, 2), initial=0.0).clip(min=1e-300))
    places = np.where(digits < -299, 4, (5 - np.floor(digits)).clip(0, 10))
    return [int(each) for each in np.repeat(places, 3)]


def _save(
    rows: pd.DataFrame, table: CsvData, forecast: Forecast, output: Path | None, picture: Path | None
) -> list[str]:
    """Write the files and return what to say of them."""
    lines = []
    if output is not None:
        rows.to_csv(output)
        lines.append(f"Forecast saved to {output}")
    if picture is not None:
        _draw(table, forecast, picture)
        lines.append(f"Picture saved to {picture}")
    return lines


def _draw(table: CsvData, forecast: Forecast, picture: Path) -> None:
    import matplotlib as mpl

    # A picture that goes to a file needs no screen, which a server does not have.
    mpl.use("Agg")
    history, point, intervals = map(table.with_stamps_of_file, (table.y, forecast.point, forecast.intervals))
    axes = plot_forecast(history, point, intervals=intervals)
    np.atleast_1d(np.asarray(axes))[0].figure.savefig(picture, dpi=150)


def _print_backtest(table: CsvData, steps: int) -> None:
    print(
        f"\nBacktest, the mean over the latest folds of {steps} steps, each forecast from its past; lower is better:",
        flush=True,
    )
    scores = backtest(table.y, fh=list(range(1, steps + 1)), X=table.past_covariates)
    heads = {"sMAPE": "sMAPE %", "fit_time": "fit s", "predict_time": "predict s"}
    print(scores.rename(columns=heads).rename_axis(None).to_string(float_format=lambda value: f"{value:.3f}"))
    if scores["MASE"].notna().any():
        best = scores.index[scores["MASE"] == scores["MASE"].min()]
        print(
            f"\n{' and '.join(best)} {'has' if len(best) == 1 else 'have'} the lowest MASE, {scores['MASE'].min():.3f}."
        )


@contextmanager
def _plain_notes() -> Iterator[None]:
    """Print warnings for users as one line without the place in the code, and others not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _print_note
        yield


def _print_note(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, UserWarning):
        print(f"note: {' '.join(str(message).split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
