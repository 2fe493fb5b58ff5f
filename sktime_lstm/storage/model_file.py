"""One safe file: tensors and a description in JSON, written by safetensors; reading it runs no code from it.

The description is made of plain values and of objects of the kinds in `KINDS`, each as
``{"kind": ..., "parts": {...}}``. Arrays lie outside of it under the path that leads to them.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import numpy.typing as npt
import pandas as pd
import safetensors
import safetensors.numpy
import torch
from pandas.tseries.frequencies import to_offset
from torch import Tensor

from sktime_lstm.anchors.long_seasons import LongSeason
from sktime_lstm.anchors.track_record import ErrorSums
from sktime_lstm.data.covariates import CovariateEncoder
from sktime_lstm.data.panel import Panel
from sktime_lstm.data.scaling import (
    FITTED_SCALERS,
    Scale,
    count_scale,
    restored_scaler,
    scaler_state,
    unit_scale,
    window_scale,
)
from sktime_lstm.data.time_axis import TimeAxis
from sktime_lstm.forecasting.fitted_model import FittedModel, PretrainedModel
from sktime_lstm.forecasting.intervals import Calibration, ErrorScales
from sktime_lstm.forecasting.preprocessing import HistorySummary, Preprocessing
from sktime_lstm.network.network import Network, NetworkSize

FORMAT_NAME, FORMAT = "sktime-lstm", 1
PACKAGES = ("sktime-lstm", "sktime", "torch", "numpy", "pandas", "safetensors")
PLAIN = (type(None), bool, int, float, str)
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Fit:
    """What a fitted forecaster knows besides its parameters.

    Attributes
    ----------
    model, memory, summary : FittedModel, Panel, HistorySummary
        What was learned, the data, and what a forecast needs to know of their history.
    root_seed, cutoff : int
        Seed, and grid position of the last point known.
    log : list of dict
        Course of the training.
    mtype, store : str, dict
        Type of `y` as sktime calls it, and what sktime needs to give forecasts the same type.
    horizon, is_relative : pd.Index or None, bool
        Forecasting horizon, if it is known.
    """

    model: FittedModel
    memory: Panel
    summary: HistorySummary
    root_seed: int
    cutoff: int
    log: list[dict[str, float]]
    mtype: str
    store: dict[str, Any]
    horizon: pd.Index | None
    is_relative: bool


@dataclass(frozen=True)
class Snapshot:
    """A forecaster as it goes into a file."""

    parameters: dict[str, Any]
    pretrained: PretrainedModel | None
    num_pretrained: int
    fit: Fit | None


def write_snapshot(snapshot: Snapshot, path: str | os.PathLike[str]) -> None:
    """Write the file; if that fails or is interrupted, an older file of that name stays as it was."""
    arrays: Arrays = {}
    content = {"format": FORMAT, "snapshot": _described(snapshot, "forecaster", arrays), "versions": _versions()}
    text = json.dumps(content)
    header = {"name": FORMAT_NAME, "content": text, "sha256": _checksum(text, arrays)}
    data = safetensors.numpy.save(arrays, header)
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(target.parent)!r} to save {target.name!r} in. Make it first.")
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def read_snapshot(path: str | os.PathLike[str]) -> Snapshot:
    """Read a file written by `write_snapshot`, or say why not."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}. Pass the path of a file written by save_model.")
    try:
        content, arrays = _read(path)
        snapshot = _rebuilt(_checked_format(content)["snapshot"], arrays)
        if not isinstance(snapshot, Snapshot):
            raise ValueError("it holds no forecaster")
    except _NewerFormatError as error:
        raise ValueError(
            f"{str(path)!r} was written by a newer version, {error}. Upgrade: pip install --upgrade sktime-lstm."
        ) from error
    except Exception as error:  # Whatever is wrong with the file, the answer is the same.
        raise ValueError(
            f"{str(path)!r} cannot be loaded: {error}. It is not a file written by save_model, or it was damaged or "
            f"changed since; save the forecaster again."
        ) from error
    return snapshot


class _NewerFormatError(Exception):
    """A format that is still unknown here."""


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays, whose sizes safetensors has compared with the file before it makes room for them."""
    with safetensors.safe_open(os.fspath(path), framework="numpy") as file:
        header = file.metadata() or {}
        if header.get("name") != FORMAT_NAME:
            raise ValueError("its header does not name this format")
        arrays: Arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  it is no dictionary
    if _checksum(header["content"], arrays) != header["sha256"]:
        raise ValueError("the checksum does not fit the content")
    content: dict[str, Any] = json.loads(header["content"])
    return content, arrays


def _checksum(text: str, arrays: Arrays) -> str:
    """Hash of the description and of name, type, shape and bytes of every array."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _checked_format(content: dict[str, Any]) -> dict[str, Any]:
    """Description, if it is in the present format."""
    if content["format"] > FORMAT:
        raise _NewerFormatError(f"in format {content['format']}; this one reads up to {FORMAT}")
    return content


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@dataclass(frozen=True)
class Kind:
    """How objects of a type, or of a family of types, are taken apart into named parts and built from them."""

    type: type
    parts: Callable[[Any], dict[str, Any]]
    build: Callable[..., Any]
    family: bool = False

    def covers(self, value: Any) -> bool:
        """Whether a value is of this kind."""
        return isinstance(value, self.type) if self.family else type(value) is self.type


def _described(value: Any, path: str, arrays: Arrays) -> Any:
    """Plain description of a value; its arrays go to `arrays`."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list):
        return [_described(item, f"{path}.{number}", arrays) for number, item in enumerate(value)]
    if isinstance(value, np.ndarray | Tensor):
        plain = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        # The file holds the bytes of an array in the order of its rows.
        arrays[path] = np.array(plain, order="C")
        return {"kind": "tensor" if isinstance(value, Tensor) else "array", "parts": {"path": path}}
    try:
        name, kind = next((name, kind) for name, kind in KINDS.items() if kind.covers(value))
        parts = kind.parts(value)
    except (StopIteration, KeyError, ValueError) as error:
        raise ValueError(
            f"{path.rsplit('.', 1)[-1]}: {value!r} cannot be saved, since a file holds plain values and no code. "
            f"{_remedy(value)}; or use pickle, if you trust its readers."
        ) from error
    return {"kind": name, "parts": {key: _described(part, f"{path}.{key}", arrays) for key, part in parts.items()}}


def _remedy(value: Any) -> str:
    if isinstance(value, pd.offsets.BaseOffset):
        return "Fit to a series whose frequency pandas knows by a name, such as y.asfreq('MS'), or to a PeriodIndex"
    return "Give a scaler by its name, and labels as strings, numbers or dates"


def _rebuilt(plain: Any, arrays: Arrays) -> Any:
    """Inverse of `_described`."""
    if isinstance(plain, PLAIN):
        return plain
    if isinstance(plain, list):
        return [_rebuilt(item, arrays) for item in plain]
    parts = {key: _rebuilt(part, arrays) for key, part in plain["parts"].items()}
    if plain["kind"] == "array":
        return arrays[parts["path"]]
    if plain["kind"] == "tensor":
        return torch.from_numpy(arrays[parts["path"]])
    return KINDS[plain["kind"]].build(**parts)


def _fields(kind: type, check: Callable[[Any], None] = lambda built: None) -> Kind:
    """Kind of a dataclass: its fields are its parts; a plain one must have the annotated type."""
    hints = get_type_hints(kind)

    def build(**parts: Any) -> Any:
        for name, part in parts.items():
            if hints[name] in PLAIN and type(part) not in {hints[name], int if hints[name] is float else hints[name]}:
                raise ValueError(f"{name} of {kind.__name__} is {part!r}")
        built = kind(**parts)
        check(built)
        return built

    # Not asdict, which would take the parts apart too.
    return Kind(kind, lambda value: {field.name: getattr(value, field.name) for field in fields(value)}, build)


def _label(kind: type, parts: Callable[[Any], dict[str, Any]], build: Callable[..., Any]) -> Kind:
    """Kind of pandas objects, of which some cannot be described: their parts must give the same object again."""

    def checked(value: Any) -> dict[str, Any]:
        found = parts(value)
        same = build(**found) == value
        if not np.all(same):
            raise ValueError("not the same again")
        return found

    return Kind(kind, checked, build, family=True)


def _timestamp(value: int, unit: str, tz: str | None) -> pd.Timestamp:
    stamp = pd.Timestamp(np.datetime64(value, unit))  # type: ignore[call-overload]  # the unit is a variable
    return stamp if tz is None else stamp.tz_localize("UTC").tz_convert(tz)


def _network(size: NetworkSize, weights: dict[str, Tensor]) -> Network:
    width = 3 * size.num_variables + size.num_covariates + 1
    min_weights = size.hidden_size * (width + (2 * size.num_layers - 1) * size.hidden_size)
    min_weights += sum(size.num_categories)
    if min(size.hidden_size, size.num_layers, size.num_variables) < 1 or min_weights > sum(
        map(torch.numel, weights.values())
    ):
        raise ValueError(f"the network is larger than its weights: {size}")
    network = Network(size, torch.Generator())
    network.load_state_dict(weights)
    return network.eval()


def _check_panel(panel: Panel) -> None:
    """Arrays of a panel fit together."""
    bounds, rows, instances = panel.bounds, len(panel.values), len(panel.first)
    shapes = (panel.values.shape[1:], panel.covariates.shape, bounds.shape)
    columns = len(panel.columns)
    expected = ((columns,), (rows, len(panel.covariate_columns)), (instances + 1,))
    keys = 1 if panel.keys is None else len(panel.keys)
    if shapes != expected or keys != instances or bounds[0] != 0 or bounds[-1] != rows or (np.diff(bounds) < 1).any():
        raise ValueError("the arrays of the data do not fit together")


def _random_state(state: list[Any]) -> np.random.RandomState:
    random_state = np.random.RandomState(0)
    random_state.set_state(tuple(state))
    return random_state


FUNCTIONS = {"window": window_scale, "unit": unit_scale, "count": count_scale}
FUNCTION_NAMES: dict[Any, str] = {function: name for name, function in FUNCTIONS.items()}

KINDS = {
    **{
        kind.__name__: _fields(kind)
        for kind in (Snapshot, Fit, PretrainedModel, FittedModel, Preprocessing, Calibration, Scale, CovariateEncoder)
    },
    **{
        kind.__name__: _fields(kind)
        for kind in (ErrorSums, HistorySummary, LongSeason, NetworkSize, TimeAxis, ErrorScales)
    },
    "Panel": _fields(Panel, _check_panel),
    "Network": Kind(
        Network,
        lambda value: {"size": value.size, "weights": dict(value.state_dict())},
        _network,
    ),
    "function": Kind(type(window_scale), lambda value: {"name": FUNCTION_NAMES[value]}, lambda name: FUNCTIONS[name]),
    **{kind.__name__: Kind(kind, scaler_state, partial(restored_scaler, kind)) for kind in FITTED_SCALERS},
    "RandomState": Kind(
        np.random.RandomState,
        lambda value: {"state": [list(part) if np.ndim(part) else part for part in value.get_state()]},
        _random_state,
    ),
    "tuple": Kind(tuple, lambda value: {"items": list(value)}, lambda items: tuple(items)),
    "dict": Kind(dict, lambda value: {"items": [list(pair) for pair in value.items()]}, lambda items: dict(items)),
    "MultiIndex": _label(
        pd.MultiIndex,
        lambda value: {
            "levels": [value.get_level_values(level) for level in range(value.nlevels)],
            "names": list(value.names),
        },
        lambda levels, names: pd.MultiIndex.from_arrays(levels, names=names),
    ),
    "Index": _label(
        pd.Index,
        lambda value: {"values": list(value), "dtype": str(value.dtype), "name": value.name},
        lambda values, dtype, name: pd.Index(values, dtype=dtype, name=name, tupleize_cols=False),
    ),
    "Timestamp": _label(
        pd.Timestamp,
        lambda value: {
            "value": int(value.asm8.astype("int64")),
            "unit": value.unit,
            "tz": None if value.tz is None else str(value.tz),
        },
        _timestamp,
    ),
    "Timedelta": _label(pd.Timedelta, lambda value: {"value": value.as_unit("ns").value}, pd.Timedelta),
    "Period": _label(
        pd.Period,
        lambda value: {"ordinal": value.ordinal, "freq": value.freqstr},
        lambda ordinal, freq: pd.Period(ordinal=ordinal, freq=freq),
    ),
    "offset": _label(pd.offsets.BaseOffset, lambda value: {"freq": value.freqstr}, to_offset),
}
