"""Panels chunk by chunk: from an iterable or from a folder."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from toys import panel_of_waves, small

from sktime_lstm.data.chunks import learn_from_chunks, read_chunks

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
    with pytest.raises(ValueError, match=r"chunks holds no panel. Pass an iterable of panels or a folder"):
        list(read_chunks([]))
    with pytest.raises(ValueError, match="chunks holds no panel"):
        list(read_chunks(tmp_path))


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        ("nowhere", ValueError, "there is no folder 'nowhere'. Pass a folder with files named"),
        (CHUNKS[0], TypeError, r"chunks is one panel. Pass an iterable of panels, such as \[panel\], or call pretrain"),
    ],
)
def test_what_holds_no_panels_is_refused_with_advice(chunks, error, message):
    with pytest.raises(error, match=message):
        list(read_chunks(chunks))


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"a\.parquet' is no parquet file that can be read"):
        list(read_chunks(tmp_path))


# Learning


def test_every_chunk_is_learned_from_with_its_covariates_or_none():
    learned = []
    learn_from_chunks(["first", ("second", "X")], lambda y, X: learned.append((y, X)))
    assert learned == [("first", None), ("second", "X")]


@pytest.mark.parametrize("broken", ["reading", "learning"])
def test_an_error_says_how_many_chunks_were_learned_from_and_how_to_go_on(broken):
    def chunks():
        yield from (1, 2)
        if broken == "reading":
            raise OSError("the disk is gone.")
        yield 0

    def learn(y, X):
        if not y:
            raise OSError("the disk is gone.")

    message = (
        "Chunk 3 failed: the disk is gone. What was learned from the 2 before is kept. To go on, pass the chunks from"
    )
    with pytest.raises(ValueError, match=message) as caught:
        learn_from_chunks(chunks(), learn)
    assert isinstance(caught.value.__cause__, OSError)


def test_an_error_of_the_first_chunk_comes_as_it_is():
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        learn_from_chunks([0, 1], lambda y, X: 1 / y)


def test_a_bar_counts_the_chunks_where_it_is_wanted(capsys):
    learn_from_chunks(CHUNKS, lambda y, X: None)
    assert capsys.readouterr().err == ""
    learn_from_chunks(CHUNKS, lambda y, X: None, verbose=True)
    assert "3/3" in capsys.readouterr().err


def weights(forecaster):
    network = forecaster.pretrained_model_.model.network
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).numpy()


def test_what_the_finished_chunks_gave_is_kept_when_one_fails():
    good, other = panel_of_waves(3), panel_of_waves(3, seed=9)
    forecaster = small()
    with pytest.raises(ValueError, match=r"Chunk 2 failed: .* What was learned from the 1 before is kept"):
        forecaster.pretrain_stream([good, other.rename(columns={"y": "a"}).assign(b=1.0)])
    assert forecaster.n_pretrain_instances_ == 3
    np.testing.assert_array_equal(weights(forecaster), weights(small().pretrain(good)))
    forecaster.pretrain_stream([other])
    np.testing.assert_array_equal(weights(forecaster), weights(small().pretrain_stream([good, other])))


def test_a_first_chunk_that_fails_changes_nothing():
    forecaster = small()
    before = dict(forecaster.__dict__)
    with pytest.raises(TypeError):
        forecaster.pretrain_stream([3])
    assert forecaster.__dict__ == before
