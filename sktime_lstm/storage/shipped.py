"""The network that comes with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

from sktime_lstm.forecasting.fitted_model import PretrainedModel
from sktime_lstm.storage.model_file import read_snapshot

FILE = "simulated.safetensors"


@cache
def shipped_model() -> PretrainedModel:
    """Read it once; nobody may change what all forecasters share."""
    with as_file(files(__package__) / FILE) as path:
        model = read_snapshot(path).pretrained
    assert model is not None
    return model
