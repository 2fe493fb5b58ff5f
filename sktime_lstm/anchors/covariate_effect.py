"""The linear effect of covariates: taken out of a series before the network sees it, and added to its forecast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from sktime_lstm.data.panel import Array
from sktime_lstm.data.time_axis import Positions

PENALTIES = np.logspace(-2, 5, 29)
FOLDS = 5
MAX_CHANGES = 100_000


def typical_change(values: Array, bounds: Positions) -> Array:
    """Root mean square change from one observation to the next in each series.

    Parameters
    ----------
    values : array of shape (rows, variables)
        NaN where missing.
    bounds : array of shape (instances + 1,)
        Instance i owns the rows ``bounds[i]`` to ``bounds[i + 1] - 1``.

    Returns
    -------
    array of shape (instances, variables)
        0 for a constant series and for one with a single observation.
    """
    largest, squares, counts = np.zeros((3, len(bounds) - 1, values.shape[1]))
    for variable in range(values.shape[1]):
        later, earlier, instance = _successive(values[:, variable], bounds)
        change = np.abs(values[later, variable] - values[earlier, variable])
        np.maximum.at(largest[:, variable], instance, change)
        # Relative to the largest, so that no square is too large or too small for a number.
        relative = np.divide(change, largest[instance, variable], out=np.zeros_like(change), where=change > 0)
        np.add.at(squares[:, variable], instance, relative**2)
        np.add.at(counts[:, variable], instance, 1)
    return largest * np.sqrt(squares / np.maximum(counts, 1))


def linear_effect(values: Array, covariates: Array, bounds: Positions, unit: Array) -> Array:
    """Effect of one unit of each covariate on each variable, in the unit of each series.

    Ridge regression of changes on changes, from one observation to the next, however far apart they lie. Levels would
    do for a stationary series, but two trends explain each other; their changes do not. Every change counts once. The
    penalty is chosen by cross-validation over five successive parts [1]_, since neighbouring changes share an
    observation: it is the largest that is within one standard error of the best [2]_. So many covariates beside few
    observations have next to no effect, unless they show one.

    Parameters
    ----------
    values : array of shape (rows, variables)
        NaN where missing.
    covariates : array of shape (rows, covariates)
        Standardised covariates of the same points.
    bounds : array of shape (instances + 1,)
        Instance i owns the rows ``bounds[i]`` to ``bounds[i + 1] - 1``.
    unit : array of shape (instances, variables)
        Unit in which the effect on a series is counted; a series with unit 0 shows nothing.

    Returns
    -------
    array of shape (covariates, variables)

    References
    ----------
    .. [1] Burman, Chow and Nolan (1994), "A cross-validatory method for dependent data", Biometrika 81(2).
    .. [2] Breiman et al. (1984), "Classification and regression trees".
    """
    effect = np.zeros((covariates.shape[1], values.shape[1]))
    for variable in range(values.shape[1]):
        effect[:, variable] = _ridge(*_changes(values[:, variable], covariates, bounds, unit[:, variable]))
    return effect


def standard_errors(values: Array, covariates: Array, bounds: Positions, unit: Array) -> Array:
    """Standard errors of `linear_effect`, of the same shape; 0 where it finds no effect at all.

    Those of ridge regression with the penalty that was chosen, robust to errors of any variance and to the correlation
    of neighbouring changes, which share an observation [1]_. The shrinkage towards zero is not counted.

    References
    ----------
    .. [1] Newey and West (1987), "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
       covariance matrix", Econometrica 55(3).
    """
    errors = np.zeros((covariates.shape[1], values.shape[1]))
    for variable in range(values.shape[1]):
        cause, change = _changes(values[:, variable], covariates, bounds, unit[:, variable])
        varying = _varying(cause)
        if varying.any() and np.ptp(change) > 0:
            errors[varying, variable] = _ridge_errors(cause[:, varying], change)
    return errors


def _changes(values: Array, covariates: Array, bounds: Positions, unit: Array) -> tuple[Array, Array]:
    """Changes of the covariates and, in its unit, of a variable from one observation to the next."""
    later, earlier, instance = _successive(values, bounds)
    chosen = _evenly_spread(np.flatnonzero(unit[instance] > 0))
    later, earlier, instance = later[chosen], earlier[chosen], instance[chosen]
    return covariates[later] - covariates[earlier], (values[later] - values[earlier]) / unit[instance]


def _varying(cause: Array) -> npt.NDArray[np.bool_]:
    """Which covariates change at all, none where there are too few changes."""
    return np.ptp(cause, axis=0) > 0 if len(cause) >= 2 * FOLDS else np.zeros(cause.shape[1], dtype=bool)


def _ridge_errors(cause: Array, change: Array) -> Array:
    """Standard errors of the coefficients, of shape (covariates,)."""
    penalty = _largest_as_good(_errors(cause, change))
    model = Ridge(alpha=penalty).fit(cause, change)
    centred = cause - cause.mean(axis=0)
    scores = centred * (change - model.predict(cause))[:, None]
    spread = scores.T @ scores
    lags = int(4 * (len(change) / 100) ** (2 / 9))
    for lag in range(1, lags + 1):
        shared = scores[lag:].T @ scores[:-lag]
        spread += (1 - lag / (lags + 1)) * (shared + shared.T)
    inverse = np.linalg.inv(centred.T @ centred + penalty * np.eye(cause.shape[1]))
    return np.sqrt(np.maximum(np.diag(inverse @ spread @ inverse), 0.0))


def _successive(values: Array, bounds: Positions) -> tuple[Positions, Positions, Positions]:
    """Rows of each observation and of the one before it in its series, and the number of that series."""
    rows = np.flatnonzero(np.isfinite(values))
    instance = np.searchsorted(bounds, rows, side="right") - 1
    same = instance[1:] == instance[:-1]
    return rows[1:][same], rows[:-1][same], instance[1:][same]


def _evenly_spread(rows: Positions) -> Positions:
    """At most so many rows that the regression fits into memory."""
    return rows[:: -(-len(rows) // MAX_CHANGES) or 1]


def _ridge(cause: Array, change: Array) -> npt.NDArray[np.float64]:
    """Coefficients, of shape (covariates,); the intercept is the trend."""
    varying = _varying(cause)
    coefficients = np.zeros(cause.shape[1])
    if varying.any() and np.ptp(change) > 0:
        penalty = _largest_as_good(_errors(cause[:, varying], change))
        coefficients[varying] = Ridge(alpha=penalty).fit(cause[:, varying], change).coef_
    return coefficients


def _errors(cause: Array, change: Array) -> npt.NDArray[np.float64]:
    """Squared error of each change with each penalty, where its fold was left out: (changes, penalties)."""
    errors, repeated = np.empty((len(change), len(PENALTIES))), np.tile(change[:, None], len(PENALTIES))
    for kept, left_out in KFold(FOLDS).split(cause):
        forecast = Ridge(alpha=PENALTIES).fit(cause[kept], repeated[kept]).predict(cause[left_out])
        errors[left_out] = (forecast - repeated[left_out]) ** 2
    return errors


def _largest_as_good(errors: Array) -> float:
    """Largest penalty whose errors, of shape (changes, penalties), the best does not beat clearly."""
    best = errors[:, errors.mean(axis=0).argmin()]
    worse = errors - best[:, None]
    as_good = worse.mean(axis=0) <= worse.std(axis=0) / np.sqrt(len(errors))
    return float(PENALTIES[as_good].max())
