"""From the errors of held-out windows to quantiles of the forecast."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STORED_LEVELS = 1_001
FEWEST_WINDOWS = 6


@dataclass(frozen=True)
class Calibration:
    """Distribution of the forecast error, in units of the scale of the window.

    The error at a step is a spread, which grows with the step, times a shape that all steps share.

    Attributes
    ----------
    spread : array of shape (steps, variables)
        Root mean square error of each step, never falling. Beyond the last step it grows with the square root.
    shape : array of shape (levels, variables)
        Quantiles of error over spread at `levels`, with median 0: the median forecast is the point forecast.
    """

    spread: Array
    shape: Array

    def errors(self, steps: npt.NDArray[np.int64], alphas: list[float]) -> Array:
        """Error quantiles of shape (rows, variables, alphas), for rows that are `steps` >= 1 ahead."""
        known = len(self.spread)
        growth = np.sqrt(np.maximum(steps / known, 1.0))
        spread = self.spread[np.minimum(steps, known) - 1] * growth[:, None]
        return np.asarray(spread[:, :, None]) * np.stack([self._shape_at(alpha) for alpha in alphas], axis=-1)

    def _shape_at(self, alpha: float) -> Array:
        place = alpha * (len(self.shape) - 1)
        low = int(np.floor(place))
        high = min(low + 1, len(self.shape) - 1)
        return np.asarray(self.shape[low] + (place - low) * (self.shape[high] - self.shape[low]))


def calibrate(errors: Array) -> Calibration:
    """Learn the error distribution.

    Parameters
    ----------
    errors : array of shape (windows, steps, variables)
        Observed minus forecast in units of the window's scale, NaN where nothing was observed.

    Returns
    -------
    Calibration
        With fewer than six windows, one scale unit of normally distributed error that grows with the square root of
        the step: so little data cannot tell more.
    """
    windows, steps, variables = errors.shape
    if windows < FEWEST_WINDOWS or not np.isfinite(errors).any(axis=(0, 1)).all():
        return uncalibrated(steps, variables)
    seen = np.isfinite(errors)
    squares = np.square(np.where(seen, errors, 0.0)).sum(axis=0)
    spread = np.maximum.accumulate(np.sqrt(squares / np.maximum(seen.sum(axis=0), 1)), axis=0)
    relative = np.divide(errors, spread, out=np.zeros_like(errors), where=spread > 0)
    levels = _conformal(np.linspace(0, 1, STORED_LEVELS), windows)
    shape = np.nanquantile(relative.reshape(-1, variables), levels, axis=0) * _widening(windows)
    return Calibration(spread, shape - shape[STORED_LEVELS // 2])


def uncalibrated(steps: int, variables: int) -> Calibration:
    """Normal error of one scale unit at the first step, growing with the square root of the step."""
    spread = np.sqrt(np.arange(1, steps + 1))[:, None].repeat(variables, axis=1)
    levels = np.linspace(0, 1, STORED_LEVELS).clip(0.5 / STORED_LEVELS, 1 - 0.5 / STORED_LEVELS)
    shape = np.array([NormalDist().inv_cdf(level) for level in levels])
    return Calibration(spread, shape[:, None].repeat(variables, axis=1))


def _conformal(levels: Array, windows: int) -> Array:
    """Move the levels outward by the finite-sample correction of conformal prediction."""
    return np.clip(0.5 + (levels - 0.5) * (windows + 1) / windows, 0, 1)


def _widening(windows: int) -> float:
    """Few windows underestimate the spread: widen as the t distribution does, about 1 + 1/n for n windows."""
    return 1 + 1 / windows
