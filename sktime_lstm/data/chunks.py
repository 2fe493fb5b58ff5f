"""Panels that come one after the other, from an iterable or from a folder of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

Chunk = Any
"""A panel that sktime knows, or a pair of one and its covariates."""


def read_chunks(chunks: Iterable[Chunk] | str | PathLike[str]) -> Iterator[Chunk]:
    """Panels of an iterable, or of the parquet files of a folder in the order of their names; at least one."""
    if isinstance(chunks, str | PathLike):
        chunks = map(pd.read_parquet, sorted(Path(chunks).glob("*.parquet")))
    empty = True
    for chunk in chunks:
        empty = False
        yield chunk
    if empty:
        raise ValueError("chunks holds no panel. Pass an iterable of panels or a folder with files named *.parquet.")
