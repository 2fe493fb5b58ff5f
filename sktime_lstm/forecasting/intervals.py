"""From the errors of held-out windows to quantiles of the forecast, and to errors to draw."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import stdtrit
from scipy.stats import rankdata
from torch import Tensor

from sktime_lstm.data.panel import Labels, find_series, no_series
from sktime_lstm.runtime import seeded_generator

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

STORED_LEVELS = 1_001
STORED_PATHS = 1_000
MIN_WINDOWS = 3
WINDOW_SHARE = 0.4
MIN_WINDOW_SCALE = 0.1
GROWTH = 0.85
RANDOM_WALK_GROWTH, OUTAGE_GROWTH = 0.5, 0.25
WINDOWS_OF_PRIOR = 2.0
WINDOWS_OF_OTHERS = 8.0
WINDOWS_OF_SHAPE = 20.0
MIN_DEGREES_OF_FREEDOM = 4.0
OUTER_LEVEL = 0.975


@dataclass(frozen=True)
class ErrorUnits:
    """From the scales of some windows to the units of their errors; tensors have shape (windows, variables).

    Attributes
    ----------
    typical_scale : Tensor
        That of the series of each window; NaN where it is not known.
    series_ratio : Tensor
        Errors of the series over those of all.
    otherwise : Tensor
        Typical scale where neither the series nor the window has one.
    """

    typical_scale: Tensor
    series_ratio: Tensor
    otherwise: Tensor

    def of(self, scale: Tensor) -> Tensor:
        """Units of windows with this scale; one that does not vary has the typical scale of its series."""
        typical = torch.where(self.typical_scale.isfinite(), self.typical_scale, scale)
        typical = torch.where(typical > 0, typical, self.otherwise)
        # After a quiet context the errors will not be as small as its scale.
        scale = torch.maximum(torch.where(scale > 0, scale, typical), MIN_WINDOW_SCALE * typical)
        return self.series_ratio * scale**WINDOW_SHARE * typical ** (1 - WINDOW_SHARE)

    def only(self, chosen: Tensor) -> ErrorUnits:
        """Units of the windows of these numbers, each as often as it is named."""
        return ErrorUnits(self.typical_scale[chosen], self.series_ratio[chosen], self.otherwise[chosen])

    def to(self, device: torch.device) -> ErrorUnits:
        """Same on a device."""
        return ErrorUnits(*(each.to(device) for each in (self.typical_scale, self.series_ratio, self.otherwise)))


@dataclass(frozen=True)
class ErrorScales:
    """The unit in which the errors of a window are counted.

    It lies between the scale of the window and the typical scale of its series, nearer to the latter, since the errors
    of a series change less than its windows do, and is multiplied by how much larger the errors of this series are than
    those of others.

    Attributes
    ----------
    keys : Labels or None
        Labels of the series; None for a single series without an instance level.
    typical_scale : array of shape (instances, variables)
        Geometric mean of the scales of its windows; NaN where there is none.
    series_ratio : array of shape (instances, variables)
        Errors of the series over those of all; 1 where nothing is known.
    """

    keys: Labels | None
    typical_scale: Array
    series_ratio: Array

    def of(self, scale: Array, keys: Labels | None, instance: Rows, *, otherwise: Array) -> Array:
        """Units of shape (windows, variables) of windows with this `scale`; other parameters are those of `units`."""
        return np.asarray(self.units(keys, instance, otherwise=otherwise).of(torch.from_numpy(scale)).numpy())

    def units(self, keys: Labels | None, instance: Rows, *, otherwise: Array) -> ErrorUnits:
        """What the units of windows rest on whose series is ``keys[instance]``.

        Where the series was not met before, its typical scale is that of the window, or `otherwise` if that is 0.
        """
        # A single series may be there several times, once for each cutoff.
        row = find_series(self.keys, keys)[np.zeros_like(instance) if keys is None else instance]
        known = (row >= 0)[:, None]
        typical, ratio = np.where(known, self.typical_scale[row], np.nan), np.where(known, self.series_ratio[row], 1.0)
        return ErrorUnits(*map(torch.from_numpy, (typical, ratio, np.broadcast_to(otherwise, ratio.shape).copy())))

    def knowing(self, keys: Labels | None) -> ErrorScales:
        """Leave out all series but these, so that little has to be sent to another process."""
        if keys is None or self.keys is None:
            return self
        keys = keys.unique()
        row = find_series(self.keys, keys)
        known = (row >= 0)[:, None]
        typical, ratio = np.where(known, self.typical_scale[row], np.nan), np.where(known, self.series_ratio[row], 1.0)
        return ErrorScales(keys, typical, ratio)


@dataclass(frozen=True)
class Calibration:
    """Distribution of the forecast error.

    The error at a step is the unit of its window, times the root mean square error of the step, times a quantile of a
    standardised distribution that all steps share.

    Attributes
    ----------
    error_scales : ErrorScales
        Unit of a window.
    rmse_by_step : array of shape (steps, variables)
        Root mean square error of each step in these units, never falling.
    growth : array of shape (variables,)
        Beyond the last step the root mean square error grows with this power of the step.
    standard_quantiles : array of shape (levels, variables)
        Quantiles of the standardised error at evenly spaced levels, with median 0: the median forecast is the point
        forecast.
    ranks : array of shape (windows, steps, variables)
        Rank of each held-out error among those of its step and variable: how steps and variables go together.
    """

    error_scales: ErrorScales
    rmse_by_step: Array
    growth: Array
    standard_quantiles: Array
    ranks: npt.NDArray[np.int64]

    @property
    def steps(self) -> int:
        """Number of steps whose errors were measured."""
        return len(self.rmse_by_step)

    def for_each_of(self, variables: int) -> Calibration:
        """Distribution of one variable as that of each of several, which are independent of each other."""
        several = [np.repeat(each, variables, axis=1) for each in (self.rmse_by_step, self.standard_quantiles)]
        apart = len(self.ranks) // variables
        ranks = np.concatenate([np.roll(self.ranks, number * apart, axis=0) for number in range(variables)], axis=2)
        scales = uncalibrated(1, variables).error_scales
        return Calibration(scales, several[0], np.repeat(self.growth, variables), several[1], ranks)

    def sizes(self, errors: Array, instance: Rows, num_instances: int, *, stride: float | Array) -> Array:
        """How large the errors of each series are, halfway in logarithms to what was measured: (instances, variables).

        Errors of the past count for a half, as all that was learned from it does: what comes next is often less like it
        than one of its parts is like another. Parameters are those of `calibrate`; the errors may be of fewer steps,
        and each window may have a `stride` of its own.
        """
        steps = min(self.steps, errors.shape[1])
        relative = errors[:, :steps] / np.maximum(self.rmse_by_step[:steps], np.finfo(float).tiny)
        return np.asarray(np.sqrt(_series_ratio(relative, instance, num_instances, stride)))

    def with_sizes(self, sizes: Array, keys: Labels | None) -> Calibration:
        """Same for series whose errors have these sizes."""
        return replace(self, error_scales=ErrorScales(keys, np.full_like(sizes, np.nan), sizes))

    def errors(self, steps: Rows, alphas: list[float], *, steps_more: Rows | None = None) -> Array:
        """Error quantiles of shape (rows, variables, alphas), in units, for `steps` >= 1 of shape (rows, variables).

        `steps_more` are those by which an outage makes the forecast reach farther than it says.
        """
        quantiles = self._standard_quantiles_at(np.tile(np.asarray(alphas)[:, None], len(self.growth)))
        later = np.zeros_like(steps) if steps_more is None else steps_more
        return np.asarray((self._rmse(steps + later) * self._outage(later))[:, :, None] * quantiles.T)

    def widening(self, steps_more: Rows) -> Array:
        """Factor by which the error of each step grows if it lies farther ahead: (windows, steps, variables)."""
        if not steps_more.any():
            return np.ones((len(steps_more), 1, 1))
        steps = np.arange(1, self.steps + 1)[:, None] + steps_more[:, None]
        farther = np.stack([self._rmse(each) for each in steps]) * self._outage(steps_more)[:, None]
        return np.asarray(farther / np.where(self.rmse_by_step > 0, self.rmse_by_step, 1.0))

    def _outage(self, steps_more: Rows) -> Array:
        """Factor for what an outage adds to the error beyond the steps: nobody has seen what happened in it."""
        return np.asarray((1 + steps_more / self.steps) ** OUTAGE_GROWTH)

    def _rmse(self, steps: Rows) -> Array:
        """Root mean square error at steps of shape (rows, variables)."""
        measured = self.rmse_by_step[np.minimum(steps, self.steps) - 1, np.arange(len(self.growth))]
        return np.asarray(measured * np.maximum(steps / self.steps, 1.0) ** self.growth)

    def draw(self, numbers: Array) -> Array:
        """Errors of shape (draws, steps, variables), in units, for random numbers in [0, 1) of shape (draws, 2).

        The first one draws a held-out window, whose ranks are turned into quantiles, so that each step and variable has
        the distribution of `errors` and they go together as they did there [1]_. The second one is the place within a
        rank.

        References
        ----------
        .. [1] Clark et al. (2004), "The Schaake shuffle", Journal of Hydrometeorology 5.
        """
        chosen, within = (numbers[:, 0] * len(self.ranks)).astype(np.int64), numbers[:, 1, None, None]
        return self.rmse_by_step * self._standard_quantiles_at((self.ranks[chosen] + within) / len(self.ranks))

    def _standard_quantiles_at(self, levels: Array) -> Array:
        """Quantiles of the standardised error at `levels`, whose last axis is the variable."""
        place = levels * (len(self.standard_quantiles) - 1)
        low = np.minimum(place.astype(np.int64), len(self.standard_quantiles) - 2)
        variable = np.arange(levels.shape[-1])
        below, above = self.standard_quantiles[low, variable], self.standard_quantiles[low + 1, variable]
        return np.asarray(below + (place - low) * (above - below))


def calibrate(errors: Array, scale: Array, instance: Rows, keys: Labels | None, *, stride: float = 1.0) -> Calibration:
    """Learn the error distribution.

    Windows of one series overlap, so at step s as many of them tell as much as n / s independent ones, or as more
    where they lie apart. This effective number decides how far they are trusted:

    * The mean square error of a step is averaged with what the step before makes expect, errors that grow with the
      power 0.85 of the step, which counts as two windows.
    * The size of the errors of a series is averaged with that of all series, which counts as eight windows.
    * The shape is that of the errors, by conformal prediction with its finite-sample correction, averaged with that of
      Student's t, which counts as twenty. Its 95 % interval has as many degrees of freedom as there are effective
      windows (at least four), since so few leave the size of the errors in doubt; inside it has four, since errors of
      forecasts have heavy tails.

    Parameters
    ----------
    errors : array of shape (windows, steps, variables)
        Observed minus forecast over the scale of the window, NaN where nothing was observed.
    scale : array of shape (windows, variables)
        Scale of each window.
    instance : array of shape (windows,)
        Series of each window, numbered as in `keys`.
    keys : pd.Index or None
        Labels of the series; None for a single series without an instance level.
    stride : float
        Steps from one window of a series to the next.

    Returns
    -------
    Calibration
        With fewer than three windows, one scale unit of normally distributed error that grows with the square root of
        the step: so little data cannot tell more.
    """
    seen = np.isfinite(errors)
    if len(errors) < MIN_WINDOWS or not seen.any(axis=(0, 1)).all():
        return uncalibrated(errors.shape[1], errors.shape[2])
    typical = _typical_scale(scale, instance, 1 if keys is None else len(keys))
    relative = errors * (np.where(scale > 0, scale, np.nan) / typical[instance])[:, None] ** (1 - WINDOW_SHARE)
    relative_to_all = relative / np.maximum(_rmse_by_step(relative, stride), np.finfo(float).tiny)
    ratio = _series_ratio(relative_to_all, instance, len(typical), stride)
    relative = relative / ratio[instance][:, None]
    rmse = _rmse_by_step(relative, stride)
    standardised = np.divide(relative, rmse, out=np.zeros_like(relative), where=rmse > 0)
    growth = np.full(errors.shape[2], RANDOM_WALK_GROWTH)
    quantiles = _standard_quantiles(standardised, stride)
    return Calibration(ErrorScales(keys, typical, ratio), rmse, growth, quantiles, _ranks(standardised))


def uncalibrated(steps: int, variables: int) -> Calibration:
    """Normal error of one scale unit at the first step, growing with the square root of the step."""
    rmse = np.sqrt(np.arange(1, steps + 1))[:, None].repeat(variables, axis=1)
    quantiles = _student(np.inf)[:, None].repeat(variables, axis=1)
    scales = ErrorScales(no_series(), np.full((1, variables), np.nan), np.ones((1, variables)))
    growth = np.full(variables, RANDOM_WALK_GROWTH)
    return Calibration(scales, rmse, growth, quantiles, _ranks(_walks(steps, variables)))


def growth_of_paths(paths: Array, steps: int) -> Array:
    """Power of the step with which the spread of sample paths grows beyond the measured steps, of shape (variables,).

    Parameters
    ----------
    paths : array of shape (windows, paths, steps, variables)
        Sample paths over more steps than were measured.
    steps : int
        Number of steps whose errors were measured.
    """
    # Relative to the largest value, so that no square is too large for a number.
    paths = paths / (np.nanmax(np.abs(paths), axis=(0, 1, 2)) + np.finfo(float).tiny)
    spread = np.sqrt(np.nanmean(np.nanvar(paths, axis=1), axis=0))
    return _growth(spread[:steps].max(axis=0), spread.max(axis=0), paths.shape[2] / steps)


def growth_of_errors(errors: Array, steps: int) -> Array:
    """Power of the step with which errors grow from the later half of the measured steps to that of a far horizon.

    Parameters
    ----------
    errors : array of shape (windows, far, variables)
        Errors over the scale of the window, over more steps than were measured; NaN where nothing was observed.
    steps : int
        Number of steps whose errors were measured.
    """
    far = errors.shape[1]
    return _growth(_rmse(errors[:, steps // 2 : steps]), _rmse(errors[:, far // 2 :]), far / steps)


def _rmse(errors: Array) -> Array:
    """Root mean square of the observed errors of each variable, 0 without any."""
    seen = np.isfinite(errors)
    squares = np.where(seen, errors, 0.0) ** 2
    return np.asarray(np.sqrt(squares.sum(axis=(0, 1)) / np.maximum(seen.sum(axis=(0, 1)), 1)))


def _growth(near: Array, far: Array, ratio: float) -> Array:
    quotient = np.divide(far, near, out=np.ones_like(far), where=near > 0)
    return np.asarray(np.clip(np.log(np.maximum(quotient, 1.0)) / np.log(ratio), 0.0, 1.0))


def _weights(steps: int, stride: float | Array) -> Array:
    """As how many independent windows each one counts at each step, of shape (steps, 1), or (windows, steps, 1)."""
    return np.asarray(np.minimum(np.asarray(stride)[..., None] / np.arange(1, steps + 1), 1.0))[..., None]


def _effective(seen: npt.NDArray[np.bool_], stride: float) -> Array:
    """Effective number of windows at each step, of shape (steps, variables)."""
    return np.asarray(seen.sum(axis=0) * _weights(seen.shape[1], stride))


def _typical_scale(scale: Array, instance: Rows, num_instances: int) -> Array:
    """Geometric mean of the positive scales of each series, of shape (instances, variables)."""
    positive = scale > 0
    logs = _sums(np.log(np.where(positive, scale, 1.0)), instance, num_instances)
    counts = _sums(positive.astype(float), instance, num_instances)
    return np.where(counts > 0, np.exp(logs / np.maximum(counts, 1)), np.nan)


def _series_ratio(standard: Array, instance: Rows, num_instances: int, stride: float | Array) -> Array:
    """How much larger the errors of each series are than those of all, of shape (instances, variables)."""
    seen = np.isfinite(standard)
    counts = _sums(seen.sum(axis=1).astype(float), instance, num_instances)
    squares = _sums(np.square(np.where(seen, standard, 0.0)).sum(axis=1), instance, num_instances)
    mean = np.divide(squares, counts, out=np.ones_like(squares), where=counts > 0)
    effective = _sums((seen * _weights(seen.shape[1], stride)).mean(axis=1), instance, num_instances)
    return np.sqrt((effective * mean + WINDOWS_OF_OTHERS) / (effective + WINDOWS_OF_OTHERS))


def _sums(values: Array, instance: Rows, num_instances: int) -> Array:
    """Sums over the windows of each series."""
    sums = np.zeros((num_instances, values.shape[1]))
    np.add.at(sums, instance, values)
    return sums


def _rmse_by_step(errors: Array, stride: float) -> Array:
    """Root mean square of each step, smoothed over the steps, of shape (steps, variables)."""
    seen = np.isfinite(errors)
    squares = np.square(np.where(seen, errors, 0.0)).sum(axis=0)
    means = squares / np.maximum(seen.sum(axis=0), 1)
    effective = _effective(seen, stride)
    smooth = np.empty_like(means)
    expected = np.where(effective[0] > 0, means[0], means.max(axis=0))
    for step, (mean, number) in enumerate(zip(means, effective, strict=True)):
        if step:
            expected = smooth[step - 1] * ((step + 1) / step) ** (2 * GROWTH)
        smooth[step] = (number * mean + WINDOWS_OF_PRIOR * expected) / (number + WINDOWS_OF_PRIOR)
    return np.sqrt(np.maximum.accumulate(smooth, axis=0))


def _standard_quantiles(standard: Array, stride: float) -> Array:
    """Quantiles of errors over spread, of shape (levels, variables)."""
    variables = standard.shape[2]
    number = _effective(np.isfinite(standard), stride).mean(axis=0)
    shapes = []
    for variable, few in enumerate(number):
        levels = np.clip(0.5 + (np.linspace(0, 1, STORED_LEVELS) - 0.5) * (few + 1) / few, 0, 1)
        measured = np.nanquantile(standard[..., variable], levels)
        own = few / (few + WINDOWS_OF_SHAPE)
        doubt = stdtrit(max(few, MIN_DEGREES_OF_FREEDOM), OUTER_LEVEL) / stdtrit(MIN_DEGREES_OF_FREEDOM, OUTER_LEVEL)
        student = doubt * _student(MIN_DEGREES_OF_FREEDOM)
        shapes.append(own * (measured - measured[STORED_LEVELS // 2]) + (1 - own) * student)
    return np.stack(shapes, axis=1).reshape(STORED_LEVELS, variables)


def _student(freedom: float) -> Array:
    """Quantiles of Student's t at the stored levels, the outermost ones finite."""
    levels = np.linspace(0, 1, STORED_LEVELS).clip(0.5 / STORED_LEVELS, 1 - 0.5 / STORED_LEVELS)
    return np.asarray(stdtrit(freedom, levels))


def _ranks(standard: Array) -> npt.NDArray[np.int64]:
    """Rank of each error among those of its step and variable; a missing one takes the place of the step before."""
    chosen = np.linspace(0, len(standard) - 1, min(len(standard), STORED_PATHS)).astype(np.int64)
    errors = standard[chosen].copy()
    errors[:, 0] = np.nan_to_num(errors[:, 0])
    for step in range(1, errors.shape[1]):
        errors[:, step] = np.where(np.isfinite(errors[:, step]), errors[:, step], errors[:, step - 1])
    return np.ascontiguousarray(rankdata(errors, method="ordinal", axis=0) - 1)


def _walks(steps: int, variables: int) -> Array:
    """Random walks, whose ranks stand for those of errors where none were measured."""
    shocks = torch.randn((STORED_PATHS, steps, variables), generator=seeded_generator(0), dtype=torch.float64)
    return np.asarray(shocks.numpy().cumsum(axis=1))
