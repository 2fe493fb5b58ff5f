"""Scales: the pair (loc, scale) of every window, and the scalers that hold for all the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler
from torch import Tensor

from sktime_lstm.validation import check_transformer

MIN_RELATIVE_SCALE = 1e-13
MAX_TARGET = 20.0


@dataclass(frozen=True)
class Scale:
    """Where the values of a window lie and how far they spread; both of shape (batch, 1, variable).

    `bound` is the farthest that a scaled target may lie from 0.
    """

    loc: Tensor
    scale: Tensor
    bound: float = np.inf

    def apply(self, values: Tensor) -> Tensor:
        """Bring values of shape (batch, time, variable) to this scale; where it is 0, only the location is removed."""
        return (values - self.loc) / torch.where(self.scale > 0, self.scale, 1.0)

    def undo(self, values: Tensor) -> Tensor:
        """Bring scaled values back; where the scale is 0, every value becomes the location."""
        return values * self.scale + self.loc

    def bounded(self, target: Tensor) -> Tensor:
        """Pull scaled targets to the bound: after a quiet context one jump would outweigh all other windows."""
        return target.clamp(-self.bound, self.bound)


ScaleOf = Callable[[Tensor], Scale]


def window_scale(context: Tensor) -> Scale:
    """Mean and standard deviation of the observed values of each window and variable.

    The context has shape (batch, time, variable), NaN where missing. A window that does not vary has scale 0: its
    forecast is its only value.
    """
    seen = torch.isfinite(context)
    count = seen.sum(1, keepdim=True).clamp(min=1)
    # Relative to the largest value, so that no square is too large or too small for a number.
    size = torch.where(seen, context.abs(), 0.0).amax(1, keepdim=True)
    relative = torch.where(seen, context, 0.0) / torch.where(size > 0, size, 1.0)
    loc = relative.sum(1, keepdim=True) / count
    scale = (torch.where(seen, relative - loc, 0.0).square().sum(1, keepdim=True) / count).sqrt()
    return Scale(loc * size, torch.where(scale > MIN_RELATIVE_SCALE, scale, 0.0) * size, MAX_TARGET)


def count_scale(context: Tensor) -> Scale:
    """Mean size of the observed values of each window and variable, 1 if all are zero; nothing is shifted."""
    seen = torch.isfinite(context)
    size = torch.where(seen, context.abs(), 0.0).sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp(min=1)
    return Scale(torch.zeros_like(size), torch.where(size > 0, size, 1.0), MAX_TARGET)


def unit_scale(context: Tensor) -> Scale:
    """Scale that changes nothing: the values come scaled already."""
    one = context.new_ones(context.shape[0], 1, context.shape[2])
    return Scale(torch.zeros_like(one), one)


class Scaler(Protocol):
    """What is used of a scikit-learn transformer."""

    def transform(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...  # noqa: D102
    def inverse_transform(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...  # noqa: D102


GLOBAL_SCALERS: dict[str, Callable[[], Any]] = {
    "standard": StandardScaler,
    "minmax": lambda: MinMaxScaler((-1, 1)),
    "robust": RobustScaler,
    "none": FunctionTransformer,
    "window": FunctionTransformer,
}


def fit_scaler(scaler: Any, values: npt.NDArray[np.float64]) -> Scaler:
    """Fit the scaler of that name, or a clone of the transformer, to values of shape (rows, variables)."""
    fresh = GLOBAL_SCALERS[scaler]() if isinstance(scaler, str) else clone(scaler)
    fitted: Scaler = fresh.fit(values)
    if not isinstance(scaler, str):
        check_transformer(fitted, values)
    return fitted


FITTED_SCALERS: dict[type, tuple[str, ...]] = {
    StandardScaler: ("mean_", "scale_"),
    MinMaxScaler: ("min_", "scale_"),
    RobustScaler: ("center_", "scale_"),
    FunctionTransformer: (),
}
"""What the scalers learn, as far as it takes to scale and scale back."""


def scaled_zero(scaler: Any, num_variables: int) -> npt.NDArray[np.float64]:
    """Where a fitted scaler brings a 0 of each variable; NaN where its scale may not be linear."""
    if type(scaler) not in FITTED_SCALERS or getattr(scaler, "func", None) is not None:
        return np.full((num_variables,), np.nan)
    return np.asarray(scaler.transform(np.zeros((1, num_variables))), dtype=np.float64).ravel()


def scaler_state(scaler: Any) -> dict[str, Any]:
    """Parameters of a scaler of these types, and what it has learned if it was fitted."""
    names = (*FITTED_SCALERS[type(scaler)], "n_features_in_")
    learned = {name: getattr(scaler, name) for name in names if hasattr(scaler, name)}
    return {"parameters": scaler.get_params(), "learned": learned}


def restored_scaler(kind: type, parameters: dict[str, Any], learned: dict[str, Any]) -> Scaler:
    """Inverse of `scaler_state`."""
    scaler: Scaler = kind(**parameters)
    for name in FITTED_SCALERS[kind] + ("n_features_in_",):
        if name in learned:
            setattr(scaler, name, learned[name])
    return scaler


def scale_rule(scaler: Any) -> ScaleOf:
    """Scale of each window: its own for ``"window"``, none on top of a global scaler."""
    return window_scale if isinstance(scaler, str) and scaler == "window" else unit_scale
