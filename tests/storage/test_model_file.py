"""Files of models: what comes back, what is refused, and that no file does harm."""

import contextlib
import copy
import json
import os
import pickle
import random
import struct

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler
from sktime.exceptions import NotFittedError
from sktime.utils._testing.hierarchical import _make_hierarchical
from toys import small, wave

from sktime_lstm import LSTMForecaster, load_model
from sktime_lstm.storage import model_file

MONTHS = pd.period_range("2010-01", periods=60, freq="M")
Y = wave(40, MONTHS[:40])
PANEL = pd.concat(
    {key: wave(40, MONTHS[:40], seed).to_frame("y") for seed, key in enumerate("abc")}, names=["id", "time"]
)


def answers(forecaster, X=None, fh=tuple(range(-3, 6))):
    forecast = forecaster.predict(fh=list(fh), X=X)
    intervals = forecaster.predict_interval(fh=list(fh), X=X).to_numpy()
    return forecast, np.concatenate([np.ravel(forecast), np.ravel(intervals)])


def saved(forecaster, folder):
    forecaster.save_model(folder / "model.safetensors")
    return folder / "model.safetensors"


def there_and_back(forecaster, folder):
    return load_model(saved(forecaster, folder))


def assert_same(one, other, X=None):
    (forecast, numbers), (forecast_too, numbers_too) = answers(one, X), answers(other, X)
    assert type(forecast_too) is type(forecast)
    if isinstance(forecast, pd.DataFrame | pd.Series):
        assert forecast_too.index.equals(forecast.index)
        assert forecast_too.index.names == forecast.index.names
        assert getattr(forecast_too, "name", None) == getattr(forecast, "name", None)
    assert_array_equal(numbers_too, numbers)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A small file that no test changes."""
    return saved(small().fit(Y), tmp_path_factory.mktemp("models"))


# What comes back


@pytest.mark.parametrize(
    "index",
    [
        MONTHS[:40],
        pd.period_range("2010", periods=40, freq="Y"),
        pd.period_range("2010-01-05", periods=40, freq="W-TUE"),
        pd.date_range("2010-01-31", periods=40, freq="ME"),
        pd.date_range("2010-01-01", periods=40, freq="15min"),
        pd.date_range("2010-03-27", periods=40, freq="h", tz="Europe/Berlin"),
        pd.date_range("2010-01-01", periods=40, freq="B", unit="ns"),
        pd.DatetimeIndex(np.array(pd.date_range("2010-01-01", periods=40, freq="D"))),
        pd.RangeIndex(5, 45),
        pd.Index(range(0, 80, 2)),
    ],
    ids=lambda index: f"{type(index).__name__} {index.dtype} {getattr(index, 'freqstr', None)}",
)
def test_every_index_comes_back(index, tmp_path):
    forecaster = small().fit(wave(40, index).rename("name"))
    assert_same(forecaster, there_and_back(forecaster, tmp_path))


@pytest.mark.parametrize(
    "y",
    [
        Y,
        Y.rename("sales"),
        Y.to_frame("sales"),
        pd.DataFrame({"a": Y, 3: Y + 1}),
        Y.to_numpy(),
        np.stack([Y, Y + 1]).reshape(2, 1, -1),
        PANEL,
        PANEL.rename(index={"a": 1, "b": 2, "c": 3}),
        _make_hierarchical(hierarchy_levels=(2, 2), min_timepoints=20, max_timepoints=30, same_cutoff=False),
    ],
    ids=["series", "named", "frame", "two variables", "array", "3D array", "panel", "numbered", "hierarchy"],
)
def test_every_kind_of_data_comes_back(y, tmp_path):
    forecaster = small().fit(y)
    assert_same(forecaster, there_and_back(forecaster, tmp_path))


@pytest.mark.parametrize("scaler", ["window", "standard", "minmax", "robust", "none", StandardScaler(with_std=False)])
def test_every_named_scaler_comes_back(scaler, tmp_path):
    forecaster = small(scaler=scaler).fit(pd.DataFrame({"a": Y, "b": 100 * Y}))
    assert_same(forecaster, there_and_back(forecaster, tmp_path))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "peephole", "cifg"])
def test_every_network_comes_back(cell, tmp_path):
    forecaster = small(cell=cell, num_layers=2, anchored=False).fit(Y)
    assert_same(forecaster, there_and_back(forecaster, tmp_path))


@pytest.mark.parametrize("loss", ["mae", "mse", "huber", "quantile", "normal", "negative_binomial"])
def test_every_loss_comes_back(loss, tmp_path):
    forecaster = small(loss=loss).fit(Y.abs().round())
    assert_same(forecaster, there_and_back(forecaster, tmp_path))


def test_what_is_known_of_the_history_comes_back(tmp_path):
    forecaster = small().fit(PANEL)
    loaded = there_and_back(forecaster, tmp_path)
    assert_array_equal(loaded._summary.units, forecaster._summary.units)
    assert_array_equal(loaded._summary.error_sums.total, forecaster._summary.error_sums.total)
    assert_array_equal(loaded._summary.error_sums.count, forecaster._summary.error_sums.count)


def test_covariates_come_back(tmp_path):
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=60), "w": 1.0}, MONTHS)
    forecaster = small().fit(Y, X=X)
    assert_same(forecaster, there_and_back(forecaster, tmp_path), X=X)


@pytest.mark.parametrize("fh", [None, [1, 2, 5], MONTHS[41:43]], ids=str)
def test_choices_and_the_horizon_come_back(fh, tmp_path):
    forecaster = small().fit(Y, fh=fh)
    loaded = there_and_back(forecaster, tmp_path)
    assert loaded.get_params() == forecaster.get_params()
    names = ("window_length_", "output_length_", "sp_", "hidden_size_")
    assert [getattr(loaded, name) for name in names] == [getattr(forecaster, name) for name in names]
    pd.testing.assert_frame_equal(loaded.history_, forecaster.history_)
    if fh is not None:
        pd.testing.assert_series_equal(loaded.predict(), forecaster.predict())


@pytest.mark.parametrize("update_params", [False, True])
def test_an_update_goes_on_as_if_nothing_had_happened(update_params, tmp_path):
    forecaster = small(dropout=0.3).fit(Y)
    loaded = there_and_back(forecaster, tmp_path)
    more = wave(50, MONTHS[:50])[40:]
    assert_same(forecaster.update(more, update_params=update_params), loaded.update(more, update_params=update_params))


def test_a_second_fit_agrees(tmp_path):
    forecaster = small(random_state=np.random.RandomState(3)).fit(Y)
    assert_same(there_and_back(forecaster, tmp_path).fit(Y[:30]), forecaster.fit(Y[:30]))


def test_a_loaded_forecaster_can_be_saved_cloned_and_pickled(tmp_path):
    forecaster = small().fit(Y)
    loaded = there_and_back(there_and_back(forecaster, tmp_path), tmp_path)
    assert_same(forecaster, pickle.loads(pickle.dumps(loaded)))
    assert loaded.clone().state == "new"


def test_pretraining_comes_back_and_is_the_start_of_the_next_fit(tmp_path):
    forecaster = small().pretrain(PANEL)
    loaded = there_and_back(forecaster, tmp_path)
    assert loaded.state == "pretrained"
    assert loaded.n_pretrain_instances_ == 3
    assert_same(forecaster.fit(Y), loaded.fit(Y))
    again = there_and_back(forecaster, tmp_path)
    assert_same(forecaster, again)
    assert_same(forecaster.fit(Y[:30]), again.fit(Y[:30]))


@pytest.mark.parametrize("learned", ["pretrained", "fitted"])
def test_the_path_of_a_file_as_parameter_equals_the_forecaster(learned, tmp_path):
    base = small().pretrain(PANEL) if learned == "pretrained" else small().fit(PANEL)
    path = saved(base, tmp_path)
    for given in (path, str(path)):
        assert_same(small(pretrained=given).clone().set_params(random_state=0).fit(Y), small(pretrained=base).fit(Y))


def test_a_file_holds_the_pretraining_that_was_passed_as_parameter(tmp_path):
    base = small().pretrain(PANEL)
    loaded = there_and_back(small(pretrained=base, fine_tune="none").fit(Y), tmp_path)
    assert loaded.pretrained is None
    assert_same(loaded.fit(Y[:30]), small(pretrained=base, fine_tune="none").fit(Y[:30]))


def test_a_file_is_data_of_a_known_kind_and_size(file):
    with safe_open(file, framework="numpy") as content:
        description = json.loads(content.metadata()["content"])
    assert description["format"] == 1
    assert description["versions"].keys() >= {"sktime", "torch", "safetensors"}
    assert os.path.getsize(file) < 40_000


# Writing


def test_a_crash_while_writing_leaves_the_old_file(file, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(file.read_bytes())
    monkeypatch.setattr(model_file.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        small(max_epochs=1).fit(Y).save_model(path)
    assert path.read_bytes() == file.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_saving_changes_nothing_in_the_forecaster(tmp_path):
    forecaster = small().fit(Y)
    before = copy.deepcopy(forecaster)
    saved(forecaster, tmp_path)
    assert forecaster.__dict__.keys() == before.__dict__.keys()
    assert_same(forecaster.update(Y[30:]), before.update(Y[30:]))


def test_what_has_learned_nothing_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError, match="Call fit or pretrain before save_model"):
        small().save_model(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("forecaster", "y"),
    [
        (small(scaler=PowerTransformer()), Y),
        (small(scaler=FunctionTransformer(np.log, np.exp)), Y),
        (small(), Y.to_frame(frozenset("a"))),
        (small(), wave(40, pd.date_range("2020-01-01", periods=40, freq=pd.offsets.CDay(holidays=["2020-01-01"])))),
    ],
    ids=["transformer", "function", "label", "calendar"],
)
def test_what_needs_code_is_refused_before_anything_is_written(forecaster, y, tmp_path):
    forecaster.fit(y)
    with pytest.raises(ValueError, match="cannot be saved, since a file holds plain values"):
        forecaster.save_model(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


# What is refused


def forged(file, path, change_content=lambda content: None, change_arrays=lambda arrays: None):
    """A copy of a file with other content and a checksum that fits it."""
    with safe_open(file, framework="numpy") as opened:
        header, arrays = opened.metadata(), load_file(file)
    content = json.loads(header["content"])
    change_content(content)
    change_arrays(arrays)
    text = json.dumps(content)
    save_file(arrays, path, {**header, "content": text, "sha256": model_file._checksum(text, arrays)})
    return path


def parts_of(plain, *names):
    for name in names:
        plain = plain["parts"][name] if isinstance(name, str) else plain[name]
    return plain


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        small(pretrained=tmp_path / "nowhere").fit(Y)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 8, b"\xff" * 100, struct.pack("<Q", 2**62) + b"{}", pickle.dumps([1, 2, 3]), b"date,value\n1,2\n"],
)
def test_foreign_bytes_are_refused(content, tmp_path):
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_model(tmp_path / "model")


def test_a_foreign_file_of_the_same_kind_is_refused(tmp_path):
    save_file({"weight": np.zeros(3)}, tmp_path / "model")
    with pytest.raises(ValueError, match="header does not name this format"):
        load_model(tmp_path / "model")


def test_a_longer_file_is_refused(file, tmp_path):
    (tmp_path / "model").write_bytes(file.read_bytes() + b"\x00")
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_model(tmp_path / "model")


def test_a_failed_load_leaves_the_forecaster_that_wanted_it_as_it_was(file, tmp_path):
    (tmp_path / "model").write_bytes(file.read_bytes())
    forecaster = small(pretrained=tmp_path / "model").fit(Y)
    expected = answers(forecaster)[1]
    (tmp_path / "model").write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cannot be loaded"):
        forecaster.fit(Y[:30])
    assert_array_equal(answers(forecaster)[1], expected)


def test_a_network_larger_than_its_weights_is_refused_before_room_is_made_for_it(file, tmp_path):
    def enlarge(content):
        parts_of(content["snapshot"], "fit", "model", "network", "size")["parts"]["hidden_size"] = 10**9

    with pytest.raises(ValueError, match="larger than its weights"):
        load_model(forged(file, tmp_path / "model", enlarge))


@pytest.mark.parametrize("hidden_size", [3, 5, 4.0, "4", True, None, -1])
def test_a_size_that_is_not_that_of_the_weights_is_refused(hidden_size, file, tmp_path):
    def resize(content):
        parts_of(content["snapshot"], "fit", "model", "network", "size")["parts"]["hidden_size"] = hidden_size

    with pytest.raises(ValueError, match="cannot be loaded"):
        load_model(forged(file, tmp_path / "model", resize))


def test_data_that_do_not_fit_together_are_refused(file, tmp_path):
    def cut(arrays):
        (name,) = (name for name in arrays if name.endswith("memory.bounds"))
        arrays[name][-1] += 1

    with pytest.raises(ValueError, match="do not fit together"):
        load_model(forged(file, tmp_path / "model", change_arrays=cut))


@pytest.mark.parametrize("kind", ["os.system", "builtins.eval", "Popen"])
def test_a_kind_that_is_not_in_the_table_is_refused(kind, file, tmp_path):
    def smuggle(content):
        parts_of(content["snapshot"], "fit")["parts"]["root_seed"] = {"kind": kind, "parts": {"command": "echo harm"}}

    with pytest.raises(ValueError, match="cannot be loaded"):
        load_model(forged(file, tmp_path / "model", smuggle))


def test_a_newer_format_is_refused_with_the_advice_to_upgrade(file, tmp_path):
    with pytest.raises(ValueError, match=r"newer version, in format 2; this one reads up to 1\. Upgrade: pip install"):
        load_model(forged(file, tmp_path / "model", lambda content: content.update(format=2)))


# Mutations


def mutations(data, seed, count):
    """Copies of a file with flipped bits, changed, removed, repeated or foreign bytes."""
    draw = random.Random(seed)
    header = struct.unpack("<Q", data[:8])[0] + 8
    for _ in range(count):
        changed = bytearray(data)
        place = draw.randrange(header if draw.random() < 0.6 else len(data))
        length = draw.choice([1, 1, 2, 8, 100])
        act = draw.randrange(6)
        if act == 0:
            changed[place] ^= 1 << draw.randrange(8)
        elif act == 1:
            changed[place : place + length] = draw.randbytes(length)
        elif act == 2:
            del changed[place : place + length]
        elif act == 3:
            changed[place:place] = draw.randbytes(length)
        elif act == 4:
            del changed[place:]
        else:
            other = draw.randrange(len(data))
            changed[place : place + length] = data[other : other + length]
        if bytes(changed) != data:
            yield bytes(changed)


def outcome(path):
    """Description and arrays of what a file gives, or None if it is refused as it should be."""
    arrays = {}
    with contextlib.suppress(ValueError):
        plain = model_file._described(model_file.read_snapshot(path), "forecaster", arrays)
        return plain, {name: array.tobytes() for name, array in arrays.items()}


def test_of_four_thousand_mutated_files_none_is_accepted_with_other_content(file, tmp_path):
    path, expected, accepted = tmp_path / "model", outcome(file), 0
    for changed in mutations(file.read_bytes(), seed=0, count=4_000):
        path.write_bytes(changed)
        found = outcome(path)
        assert found in (None, expected)
        accepted += found is not None
    assert accepted < 40


def spots(plain):
    """Every place of a description where a value stands: the list or dictionary that holds it, and its key."""
    entries = enumerate(plain) if isinstance(plain, list) else plain.items() if isinstance(plain, dict) else ()
    for key, value in list(entries):
        yield plain, key
        yield from spots(value)


def test_forged_descriptions_load_or_are_refused_and_do_nothing_else(file, tmp_path):
    draw = random.Random(0)
    values = [None, True, -1, 0, 10**12, 1.5, "", "M", "LSTM", [], {}, [1], {"kind": "tuple", "parts": {"items": []}}]

    def change(content):
        holder, key = draw.choice(list(spots(content["snapshot"])))
        holder[key] = draw.choice(values)

    assert any(outcome(forged(file, tmp_path / "model", change)) is None for _ in range(300))


def test_a_loaded_forecaster_is_of_our_class(file):
    assert type(load_model(file)) is LSTMForecaster
