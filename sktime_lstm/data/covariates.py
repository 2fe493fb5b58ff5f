"""What is known of the columns of X: which of them only in the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sktime_lstm.validation import check_named_columns

Mask = npt.NDArray[np.bool_]


def known_only_in_the_past(columns: pd.Index, names: Sequence[Any] | None) -> Mask | None:
    """Which of the columns are named, of shape (columns,); None if none is."""
    if not names:
        return None
    check_named_columns(names, columns)
    return np.asarray(columns.isin(list(names)))


def columns_where(columns: pd.Index, chosen: Mask | None) -> pd.Index:
    """The columns that are chosen, none for None."""
    return columns[:0] if chosen is None else columns[chosen]
