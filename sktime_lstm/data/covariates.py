"""The columns of X as numbers: which hold categories, which are known only in the past, and what the network sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from sktime_lstm.data.scaling import Scale, window_scale
from sktime_lstm.validation import check_named_columns, check_same_kind, numeric_values

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Categories = tuple[pd.Index | None, ...]
"""Categories of each column, in the order of their codes; None for a column of numbers. () stands for numbers alone."""

MAX_ONE_HOT = 32
LABELS = ("string", "mixed", "mixed-integer")


def known_only_in_the_past(columns: pd.Index, names: Sequence[Any] | None) -> Mask | None:
    """Which of the columns are named, of shape (columns,); None if none is."""
    if not names:
        return None
    check_named_columns(names, columns)
    return np.asarray(columns.isin(list(names)))


def columns_where(columns: pd.Index, chosen: Mask | None) -> pd.Index:
    """The columns that are chosen, none for None."""
    return columns[:0] if chosen is None else columns[chosen]


def kinds_of(X: pd.DataFrame) -> Categories:
    """For each column no category yet, or None if it holds numbers."""
    nothing = pd.Index([], dtype=object)
    return tuple(nothing if _holds_categories(X.iloc[:, number]) else None for number in range(X.shape[1]))


def coded(X: pd.DataFrame, categories: Categories) -> tuple[Array, Categories]:
    """Values of X as numbers, NaN where missing, of shape (rows, columns): those of a category are its code.

    Categories that are not known yet are appended to the known ones, in sorted order.
    """
    numeric = np.array([known is None for known in categories], dtype=bool)
    values, extended = np.empty(X.shape), list(categories)
    values[:, numeric] = numeric_values(X.loc[:, numeric], "X")
    for number, known in enumerate(categories):
        if known is not None:
            labels = pd.Index(X.iloc[:, number].astype(object), dtype=object, tupleize_cols=False)
            extended[number] = all_known = known.append(
                _sorted(labels[labels.notna()].unique().difference(known, False))
            )
            code = all_known.get_indexer(labels)
            values[:, number] = np.where(code < 0, np.nan, code)
    return values, tuple(extended)


def _holds_categories(column: pd.Series[Any]) -> bool:
    """Whether a column holds labels; truth values are numbers, and time stamps are neither."""
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=True) in LABELS
    return isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column.dtype)


def _sorted(labels: pd.Index) -> pd.Index:
    try:
        return labels.sort_values()
    except TypeError:
        return labels[np.argsort([f"{type(label).__name__} {label}" for label in labels], kind="stable")]


@dataclass(frozen=True)
class CovariateEncoder:
    """How the columns of X become the channels that the network sees.

    A column of numbers is a channel, and so is each of up to 32 categories of a column: 1 in its rows and 0 in the
    others. A column of more categories is a channel of their numbers, for which the network learns an embedding; these
    channels are the last. A category that was not learned is a missing value: each channel is NaN, or the number is 0.

    Attributes
    ----------
    categories : tuple of Labels or None
        Categories of each column that were learned.
    past_only : array of bool of shape (columns,) or None
        Which columns are known only in the past; None if all are known in the future too.
    """

    categories: Categories = ()
    past_only: Mask | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of categories of each column that has an embedding."""
        return tuple(len(known) for known in self.categories if known is not None and _is_embedded(known))

    def column_of_channels(self, num_columns: int) -> npt.NDArray[np.int64]:
        """Number of the column that each channel comes from, of shape (channels,)."""
        columns = self._of(num_columns)
        counts = np.array([self._width(known) for known in columns], dtype=np.int64)
        embedded = [_is_embedded(known) for known in columns]
        return np.concatenate([np.arange(num_columns).repeat(counts), np.flatnonzero(embedded)])

    def labels(self, columns: pd.Index) -> list[tuple[Any, Any]]:
        """Column and category of each channel; the category is None for numbers and embedded categories."""
        known = self._of(len(columns))
        labels = [known[number] for number in range(len(columns)) if self._width(known[number])]
        categories = [label for some in labels for label in ([None] if some is None else list(some))]
        categories += [None] * len(self.sizes)
        return [(columns[n], label) for n, label in zip(self.column_of_channels(len(columns)), categories, strict=True)]

    def is_past_only(self, num_columns: int) -> Mask | None:
        """Which channels are known only in the past, of shape (channels,); None if all are known ahead."""
        return None if self.past_only is None else self.past_only[self.column_of_channels(num_columns)]

    def is_linear(self, num_columns: int) -> Mask:
        """Which channels have a linear effect on the future: neither those of the past nor the embedded ones."""
        past = self.is_past_only(num_columns)
        linear = np.ones(len(self.column_of_channels(num_columns)), dtype=bool) if past is None else ~past
        linear[len(linear) - len(self.sizes) :] = False
        return linear

    def channels(self, values: Array, categories: Categories, columns: pd.Index) -> Tensor:
        """Channels of rows whose codes stand for these `categories`, of shape (rows, channels), NaN where missing."""
        parts, embedded = [np.empty((len(values), 0))], []
        for number, known in enumerate(self._of(values.shape[1])):
            theirs = categories[number] if categories else None
            check_same_kind(columns[number], is_known=known is not None, is_now=theirs is not None)
            if known is None or theirs is None:
                parts.append(values[:, [number]])
                continue
            place = _places(values[:, number], theirs, known)[:, None]
            if not _is_embedded(known):
                parts.append(np.where(place < 0, np.nan, place == np.arange(len(known))))
            else:
                embedded.append(place + 1.0)
        return torch.from_numpy(np.concatenate([*parts, *embedded], axis=1))

    def scale_of(self, channels: Tensor) -> Scale:
        """Mean and standard deviation of each channel; numbers of categories stay as they are."""
        scale = window_scale(channels[None])
        is_number = torch.arange(channels.shape[1]) >= channels.shape[1] - len(self.sizes)
        return replace(scale, loc=scale.loc.masked_fill(is_number, 0.0), scale=scale.scale.masked_fill(is_number, 1.0))

    def _of(self, num_columns: int) -> Categories:
        return self.categories or (None,) * num_columns

    @staticmethod
    def _width(known: pd.Index | None) -> int:
        """Channels of a column, 0 for one with an embedding, or without any category."""
        return 1 if known is None else 0 if _is_embedded(known) else len(known)


def _is_embedded(known: pd.Index | None) -> bool:
    """Whether a column has so many categories that the network learns what they mean."""
    return known is not None and len(known) > MAX_ONE_HOT


def _places(codes: Array, categories: pd.Index, known: pd.Index) -> npt.NDArray[np.int64]:
    """Place among the `known` categories of each code, -1 if it is missing or not known."""
    place = np.append(known.get_indexer(categories), -1)
    return np.asarray(place[np.where(np.isnan(codes), -1, codes).astype(np.int64)], dtype=np.int64)
