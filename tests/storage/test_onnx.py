"""ONNX files: the same numbers in onnxruntime, for any batch and horizon."""

import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from toys import TOY, fitted, small, wave

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.storage.onnx import export_onnx

onnxruntime = pytest.importorskip("onnxruntime")


def session_of(model, folder):
    path = folder / "network.onnx"
    preprocessing = model.preprocessing
    export_onnx(
        model.network,
        path,
        window_length=preprocessing.window_length,
        context_length=preprocessing.context_length,
        sp=preprocessing.sp,
    )
    return onnxruntime.InferenceSession(path)


def assert_same_forecast(model, session, batch, horizon, *, time=None, covariates=0, zero=-10.0):
    time = time or model.preprocessing.context_length
    generator = np.random.default_rng(time)
    context = generator.normal(size=(batch, time, 1)).astype(np.float32)
    context[0, time // 2] = np.nan
    known = generator.normal(size=(batch, time + horizon, covariates)).astype(np.float32)
    errors = generator.uniform(0.5, 2, size=(batch, 1, len(ANCHORS))).astype(np.float32)
    zeros = np.full((batch, 1, 1), zero, dtype=np.float32)
    inputs = {"context": context, "covariates": known, "anchor_errors": errors, "zero": zeros}
    found = session.run(None, {each.name: inputs[each.name] for each in session.get_inputs()})[0]
    with torch.no_grad():
        window = WindowBatch(
            *map(torch.from_numpy, (context, known)),
            model.preprocessing.sp,
            torch.from_numpy(errors),
            window_length=model.preprocessing.window_length,
            zero=torch.from_numpy(zeros),
        )
        expected = model.network(window).numpy()
    assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"cell": "gru"}, {"cell": "rnn", "num_layers": 2}, {"anchored": False}, {"sp": 1}],
    ids=str,
)
def test_onnxruntime_forecasts_the_same_for_any_batch_context_and_horizon(changes, tmp_path):
    model = fitted(TOY, max_epochs=30, learning_rate=0.01, **changes)
    session = session_of(model, tmp_path)
    for batch, horizon in [(1, 1), (3, 2), (2, 5), (7, 40)]:
        assert_same_forecast(model, session, batch, horizon)
    for time in [*range(model.preprocessing.sp, 20), 61, 80]:
        assert_same_forecast(model, session, 2, 5, time=time)
    for zero in [np.nan, 0.0, -5e3]:
        assert_same_forecast(model, session, 2, 5, zero=zero)


def test_covariates_are_an_input(tmp_path):
    y = wave(50)
    X = wave(50, seed=3).to_frame("x")
    forecaster = small(sp=4).fit(y, X=X)
    forecaster.export_onnx(tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    assert_same_forecast(forecaster._model, session, 3, 4, covariates=1)


def test_a_pretrained_forecaster_is_exported_too(tmp_path):
    from toys import panel_of_waves

    forecaster = small().pretrain(panel_of_waves(3))
    forecaster.export_onnx(tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    assert_same_forecast(forecaster.pretrained_model_.model, session, 2, 4)


def test_cells_without_a_counterpart_are_refused(tmp_path):
    with pytest.raises(ValueError, match="cell='peephole' has no counterpart in ONNX"):
        small(cell="peephole").fit(wave(40)).export_onnx(tmp_path / "network.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sktime-lstm\[onnx\]'"):
        small().fit(wave(40)).export_onnx(tmp_path / "network.onnx")
