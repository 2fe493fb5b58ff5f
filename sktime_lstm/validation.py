"""What may be passed: the rules of the parameters and of the data, and the message for each breach."""

from __future__ import annotations

import math
import numbers
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

MAX_WINDOW_LENGTH = 10_000
SCALER_ADVICE = (
    "Pass one that scales each column by itself, keeps NaN and is increasing, such as StandardScaler, PowerTransformer "
    "or FunctionTransformer(np.log1p, np.expm1), or the name of a scaler."
)


@dataclass(frozen=True)
class Rule:
    """A value is right if `holds(value)`; `expected` says in words what is."""

    holds: Callable[[Any], bool]
    expected: str


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_) and math.isfinite(value)


def integer(at_least: int) -> Rule:
    """Rule of a whole number."""
    return Rule(lambda value: _is_integer(value) and value >= at_least, f"an integer of at least {at_least}")


def number(above: float = 0.0, below: float = np.inf, *, closed: bool = False) -> Rule:
    """Rule of a finite real number in (above, below), or in [above, below) if `closed`."""
    words = f"at least {above:g}" if closed else f"greater than {above:g}"
    words += "" if below == np.inf else f" and less than {below:g}"
    return Rule(
        lambda value: _is_number(value) and (value >= above if closed else value > above) and value < below,
        f"a number {words}",
    )


def bound() -> Rule:
    """Rule of a limit; None is no limit."""
    return Rule(lambda value: value is None or _is_number(value), "a number, or None for no bound")


def one_of(*options: str) -> Rule:
    """Rule of a choice by name."""
    return Rule(lambda value: isinstance(value, str) and value in options, "one of " + ", ".join(map(repr, options)))


def text() -> Rule:
    """Rule of a name."""
    return Rule(lambda value: isinstance(value, str), "a string")


def boolean() -> Rule:
    """Rule of a switch."""
    return Rule(lambda value: isinstance(value, bool | np.bool_), "True or False")


def optional(rule: Rule) -> Rule:
    """Rule that also lets None pass."""
    return Rule(
        lambda value: value is None or rule.holds(value), rule.expected + ", or None to choose it from the data"
    )


def one_or_several(rule: Rule) -> Rule:
    """Rule that also lets a list or tuple of such values pass."""
    return Rule(
        lambda value: (
            rule.holds(value)
            or (isinstance(value, list | tuple) and len(value) > 0 and all(rule.holds(each) for each in value))
        ),
        f"{rule.expected}, or a list of them",
    )


def column_names() -> Rule:
    """Rule of a list of names of columns; None is no column."""
    return Rule(
        lambda value: value is None or isinstance(value, list | tuple),
        "a list of names of columns of X, or None for none",
    )


def name_or_transformer(*options: str) -> Rule:
    """Rule of a scaler: a name, or an object that scales and scales back."""
    named = one_of(*options)
    return Rule(
        lambda value: named.holds(value) or (hasattr(value, "fit") and hasattr(value, "inverse_transform")),
        f"{named.expected}, or a scikit-learn transformer with inverse_transform",
    )


def seed() -> Rule:
    """Rule of a random state."""
    return Rule(
        lambda value: value is None or (_is_integer(value) and value >= 0) or isinstance(value, np.random.RandomState),
        "None, an integer of at least 0 or a numpy RandomState",
    )


def check_parameters(values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Raise a ValueError that names the first parameter that breaks its rule."""
    for name, rule in rules.items():
        if not rule.holds(values[name]):
            raise ValueError(f"LSTMForecaster: {name} must be {rule.expected}, but {name}={values[name]!r} was passed.")


def check_at_most_one(**asked: Any) -> None:
    """Check that at most one of several arguments that exclude each other was passed."""
    given = [name for name, value in asked.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} were passed together. Pass one of them, and call again for the other.")


def numeric_values(frame: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """Values of `frame` as new float64 array, of shape (rows, columns); missing is NaN, infinite is an error."""
    try:
        if any(dtype.kind in "mM" for dtype in frame.dtypes):
            raise TypeError("pandas would turn time stamps into numbers")
        values = frame.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError) as error:
        kinds = ", ".join(f"{column!r} is {dtype}" for column, dtype in frame.dtypes.items())
        advice = "Encode the others as numbers or drop them."
        raise TypeError(f"All columns of {name} must be numeric, but {kinds}. {advice}") from error
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise ValueError(
            f"{name} has an infinite value at {frame.index[row]} in column {frame.columns[column]!r}. "
            f"Replace it by a number or by NaN, which counts as missing."
        )
    return values


def check_index(index: pd.Index) -> None:
    """There are time stamps, of a kind that can be counted."""
    if len(index) == 0:
        raise ValueError("y has no row. Pass a series with at least one observation.")
    stamps = index.get_level_values(-1)
    if isinstance(stamps, pd.TimedeltaIndex):
        raise TypeError("y has Timedelta time stamps. Use a DatetimeIndex, a PeriodIndex or integers.")


def check_no_duplicates(index: pd.Index) -> None:
    """Every time stamp may occur once (in each series)."""
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(f"Time stamp {twice} occurs more than once. Drop or aggregate the duplicates first.")


def check_observed(counts: npt.NDArray[np.float64], keys: pd.Index | None) -> None:
    """Every series needs at least one observed value; `counts` has shape (instances, variables)."""
    empty = np.flatnonzero(counts.sum(axis=1) == 0)
    if len(empty):
        which = "y" if keys is None else f"Series {keys[empty[0]]!r} of y"
        raise ValueError(f"{which} has no observed value: all of it is missing. Drop it or pass some observations.")


def check_not_below(values: npt.NDArray[np.float64], lower_bound: float | None) -> None:
    """Every observation lies on or above the bound."""
    if lower_bound is not None and (values < lower_bound).any():
        raise ValueError(
            f"y has the value {np.nanmin(values):g}, which is below lower_bound={lower_bound:g}. "
            f"Pass a lower_bound that no value is below, or None."
        )


def check_counts(values: npt.NDArray[np.float64], scaler: Any) -> None:
    """Counts are whole, not negative, and not shifted."""
    if not (isinstance(scaler, str) and scaler == "window"):
        raise ValueError(
            f"loss='negative_binomial' needs scaler='window', with which counts are not shifted, "
            f"but scaler={scaler!r} was passed."
        )
    wrong = values[np.isfinite(values) & ((values < 0) | (values != np.round(values)))]
    if len(wrong):
        raise ValueError(
            f"loss='negative_binomial' needs counts, but y has the value {wrong[0]:g}. "
            f"Pass whole numbers of at least 0, or another loss."
        )


def check_transformer(transformer: Any, values: npt.NDArray[np.float64]) -> None:
    """A scaler that was passed scales each column by itself, in order, and lets missing values through.

    Parameters
    ----------
    transformer : object
        The fitted transformer.
    values : array of shape (rows, variables)
        What it was fitted to.
    """
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    high = np.where(high > low, high, low + np.maximum(np.abs(low), 1.0))
    probe = np.stack([low, high, np.full_like(low, np.nan)])
    try:
        found = np.asarray(transformer.transform(probe), dtype=np.float64)
        alone = [np.asarray(transformer.transform(np.where(row, high, low)[None]))[0] for row in np.eye(len(low)) > 0]
    except ValueError as error:
        raise ValueError(f"LSTMForecaster: scaler={transformer!r} refuses missing values. {SCALER_ADVICE}") from error
    if found.shape != probe.shape or not np.isnan(found[2]).all():
        raise ValueError(f"LSTMForecaster: scaler={transformer!r} changes columns or missing values. {SCALER_ADVICE}")
    own_column = [
        np.allclose(np.where(np.eye(len(low))[n] > 0, found[1], found[0]), row) for n, row in enumerate(alone)
    ]
    if not (found[1] > found[0]).all() or not all(own_column):
        raise ValueError(
            f"LSTMForecaster: scaler={transformer!r} does not scale each column by itself and in its order. "
            f"{SCALER_ADVICE}"
        )


def check_window_length(window_length: int | None, lengths: npt.NDArray[np.int64]) -> None:
    """A window is not thousands of points longer than every series."""
    most = max(MAX_WINDOW_LENGTH, 10 * int(lengths.max()))
    if window_length is not None and window_length > most:
        raise ValueError(
            f"LSTMForecaster: window_length={window_length}, but the longest series has {lengths.max()} points. "
            f"Pass at most {most}."
        )


def check_same_series(y: pd.DataFrame, columns: pd.Index, *, is_panel: bool) -> None:
    """An update brings the kind of data and the columns seen in fit; a single column may have any name."""
    if isinstance(y.index, pd.MultiIndex) != is_panel:
        kinds = ("a single series", "a panel")
        raise TypeError(
            f"y is {kinds[not is_panel]}, but fit has seen {kinds[is_panel]}. Pass the same kind, or fit again."
        )
    if len(y.columns) != len(columns) or (len(columns) > 1 and list(y.columns) != list(columns)):
        raise ValueError(
            f"y has the columns {list(y.columns)}, but fit has seen {list(columns)}. Pass these columns in this order."
        )


def check_as_pretrained(columns: pd.Index, covariates: pd.Index, known: pd.Index, known_covariates: pd.Index) -> None:
    """New series have as many variables as those of pretraining, in the same order, and the same covariates."""
    if len(columns) != len(known):
        raise ValueError(
            f"y has the columns {list(columns)}, but pretraining has seen {list(known)}. Pass as many, in that order, "
            f"or fine_tune='scratch' to leave the pretraining aside."
        )
    if list(covariates) != list(known_covariates):
        raise ValueError(
            f"X has the columns {list(covariates)}, but pretraining has seen {list(known_covariates)}. Pass these "
            f"columns in this order, or fine_tune='scratch' to leave the pretraining aside."
        )


def check_same_kind(column: Any, *, is_known: bool, is_now: bool) -> None:
    """A column of X that held categories when the model was learned holds some now, and numbers if it held numbers."""
    if is_known != is_now:
        kinds = ("numbers", "categories")
        raise TypeError(
            f"Column {column!r} of X holds {kinds[is_now]}, but pretraining has seen {kinds[is_known]}. Convert it by "
            f"astype(float) or astype('category'), or pass fine_tune='scratch' to leave the pretraining aside."
        )


def check_has_learned(forecaster: Any) -> None:
    """A forecaster that is passed as start was pretrained or fitted."""
    if forecaster.state == "new":
        raise ValueError(
            "LSTMForecaster: the forecaster passed as `pretrained` has learned nothing yet. Call its pretrain or fit "
            "before passing it, and do not set its parameters afterwards: that would reset it."
        )


def check_design(design: Mapping[str, Any], asked: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """A parameter of the network that was set to something else than its default agrees with pretraining."""
    name = conflict(design, asked, defaults)
    if name is not None:
        raise ValueError(
            f"LSTMForecaster: {name}={asked[name]!r}, but the pretrained network has {name}={design[name]!r}. Leave "
            f"{name} at its default, or pass fine_tune='scratch' to leave the pretraining aside."
        )


def conflict(design: Mapping[str, Any], asked: Mapping[str, Any], defaults: Mapping[str, Any]) -> str | None:
    """First parameter that was set to something else than its default and than a pretrained network has."""
    known = (name for name in design if name in asked)
    return next((name for name in known if not _one_of(asked[name], defaults[name], design[name])), None)


def _one_of(value: Any, *others: Any) -> bool:
    """Whether a value, which may be an object with an equality of its own, is one of plain ones."""
    if isinstance(value, list | tuple):
        return any(other is not None and set(value) == set(other) for other in others)
    return isinstance(value, str | float | int | None) and value in others


def check_named_columns(names: Sequence[Any], columns: pd.Index) -> None:
    """Every column that a parameter names is there."""
    absent = [name for name in names if name not in columns]
    if absent:
        seen = f"has the columns {list(columns)}" if len(columns) else "is missing"
        raise ValueError(
            f"LSTMForecaster: past_covariates names {absent[0]!r}, but X {seen}. Name columns of X, and pass X to fit."
        )


def check_covariates(
    X: pd.DataFrame | None,
    known: pd.Index,
    *,
    needed: bool,
    unread: pd.Index | None = None,
    static: pd.Index | None = None,
) -> pd.DataFrame | None:
    """Return X with its columns in the order of fit, without those that are not read; None if there are none.

    Those that are static may be absent.
    """
    if unread is not None:
        known = known.difference(unread, sort=False)
        X = None if X is None else X.drop(columns=unread, errors="ignore")
        X = None if X is None or (X.columns.empty and known.empty) else X
    if static is not None:
        known = known[~known.isin(static) | (False if X is None else known.isin(X.columns))]
        X = None if X is None or (X.columns.empty and known.empty) else X
    if X is None:
        if needed and len(known):
            raise ValueError(
                f"X is missing: the forecaster was fitted with the covariates {list(known)}. "
                f"Pass X with these columns and a row for every time stamp that is to be forecast."
            )
        return None
    check_no_duplicates(X.index)
    if set(X.columns) != set(known):
        seen = f"the covariates {list(known)}" if len(known) else "no covariates"
        raise ValueError(f"X has the columns {list(X.columns)}, but fit has seen {seen}. Pass the same columns.")
    return X[list(known)]


def check_covered(labels: pd.Index, covered: npt.NDArray[np.bool_]) -> None:
    """Every row that is to be forecast has its row in X."""
    if not covered.all():
        missing = labels[~covered]
        raise ValueError(
            f"X does not cover the forecasting horizon: {len(missing)} time stamp(s) are missing, the first is "
            f"{missing[0]}, the last is {missing[-1]}. Pass X with a row for every time stamp that is to be forecast, "
            f"with NaN where a value is not known, or name columns that are never known ahead in past_covariates."
        )


def check_each_instance_in(keys: pd.Index | None, index: pd.Index) -> None:
    """Every series of y has rows in X."""
    if keys is None:
        return
    absent = keys.difference(index.droplevel(-1))  # type: ignore[arg-type]  # the stubs know no level by number

    if len(absent):
        raise ValueError(f"X has no rows for series {absent[0]!r} of y. Pass X for every series.")


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn with the place of the caller outside this package and sktime, whose lines would tell nothing."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in ("sktime_lstm", "sktime"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_if_nothing_to_learn(num_windows: int) -> None:
    """Say that a network without training windows stays with the naive forecasts."""
    if num_windows == 0:
        warn_user(
            "y has too few observed points to train on: the forecast is the mean of naive forecasts. "
            "Pass a longer series, or pass it in a panel with longer ones."
        )


def empirical_distribution() -> Any:
    """Class of skpro for a distribution given by samples."""
    try:
        from skpro.distributions import Empirical
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "predict_proba needs the package skpro: pip install 'sktime-lstm[proba]'. predict_interval, "
            "predict_quantiles, predict_var and predict_samples do without it."
        ) from error
    return Empirical
