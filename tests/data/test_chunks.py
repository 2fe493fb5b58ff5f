"""Panels chunk by chunk: from an iterable or from a folder."""

from __future__ import annotations

import pandas as pd
import pytest

from sktime_lstm.data.chunks import read_chunks

CHUNKS = [pd.DataFrame({"y": [float(number), 1.0]}) for number in range(3)]


def test_the_chunks_of_an_iterable_come_in_its_order_as_they_are():
    found = list(read_chunks(chunk for chunk in CHUNKS))
    assert all(one is other for one, other in zip(found, CHUNKS, strict=True))


def test_a_pair_of_a_panel_and_its_covariates_stays_a_pair():
    pair = (CHUNKS[0], CHUNKS[1])
    assert next(read_chunks([pair])) is pair


def test_a_chunk_is_asked_for_when_it_is_needed():
    asked = []
    chunks = read_chunks(asked.append(number) or number for number in range(3))
    assert asked == []
    next(chunks)
    assert asked == [0]


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "path"])
def test_the_files_of_a_folder_come_in_the_order_of_their_names(tmp_path, kind):
    for number, name in enumerate(["b", "c", "a"]):
        CHUNKS[number].to_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "readme.txt").write_text("no panel")
    assert [chunk["y"].iloc[0] for chunk in read_chunks(kind(tmp_path))] == [2, 0, 1]


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="chunks holds no panel. Pass an iterable of panels or a folder"):
        list(read_chunks([]))
    with pytest.raises(ValueError, match="chunks holds no panel"):
        list(read_chunks(tmp_path))
