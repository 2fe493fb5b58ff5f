"""Panels that come one after the other, from an iterable or from a folder of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

Chunk = Any
"""A panel that sktime knows, or a pair of one and its covariates."""


def learn_from_chunks(
    chunks: Iterable[Chunk] | str | PathLike[str], learn: Callable[[Any, Any], object], *, verbose: bool = False
) -> None:
    """Call `learn(y, X)` for each chunk; an error after the first says how many were learned from.

    Parameters
    ----------
    chunks : iterable or path
        As in `read_chunks`.
    learn : callable
        Learns from a panel and its covariates or None.
    verbose : bool, default=False
        Whether a bar counts the chunks.

    Raises
    ------
    ValueError
        If a chunk after the first fails; its cause is what went wrong. An error of the first is raised as it is.
    """
    learned = 0
    try:
        with tqdm(total=_number_of(chunks), disable=not verbose, unit="chunk") as bar:
            for chunk in read_chunks(chunks):
                learn(*chunk if isinstance(chunk, tuple) else (chunk, None))
                learned += 1
                bar.update()
    except Exception as error:
        if not learned:
            raise
        raise ValueError(_after_a_failure(learned, error)) from error


def _after_a_failure(learned: int, error: Exception) -> str:
    return (
        f"Chunk {learned + 1} failed: {error} What was learned from the {learned} before is kept. To go on, pass the "
        f"chunks from this one on, corrected or left out, to pretrain_stream again."
    )


def read_chunks(chunks: Iterable[Chunk] | str | PathLike[str]) -> Iterator[Chunk]:
    """Panels of an iterable, or of the parquet files of a folder in the order of their names; at least one."""
    if isinstance(chunks, pd.DataFrame | pd.Series):
        raise TypeError("chunks is one panel. Pass an iterable of panels, such as [panel], or call pretrain.")
    if isinstance(chunks, str | PathLike):
        chunks = map(_read_panel, _files(chunks))
    number = 0
    for number, chunk in enumerate(chunks, start=1):  # noqa: B007  it is needed after the loop
        yield chunk
    if not number:
        raise ValueError("chunks holds no panel. Pass an iterable of panels or a folder with files named *.parquet.")


def _files(folder: str | PathLike[str]) -> list[Path]:
    if not Path(folder).is_dir():
        raise ValueError(f"chunks: there is no folder {str(folder)!r}. Pass a folder with files named *.parquet.")
    return sorted(Path(folder).glob("*.parquet"))


def _read_panel(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(file)!r} is no parquet file that can be read: {error}.") from error


def _number_of(chunks: object) -> int | None:
    """Number of chunks, None if only reading them tells."""
    if isinstance(chunks, str | PathLike):
        return len(_files(chunks))
    return len(chunks) if isinstance(chunks, list | tuple) else None
