"""The linear effect of covariates, from which the network starts."""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 1e-3
MIN_PENALTY = 1e-9


def linear_effect(values: Tensor, covariates: Tensor) -> Tensor:
    """Effect of one unit of each covariate on each variable, by ridge regression of changes on changes.

    Levels would do for a stationary series, but two trends explain each other; their changes do not.

    Parameters
    ----------
    values : Tensor of shape (batch, time, variable)
        Scaled windows, NaN where missing.
    covariates : Tensor of shape (batch, time, covariate)
        Standardised covariates of the same points.

    Returns
    -------
    Tensor of shape (covariate, variable)
    """
    change = values.diff(dim=1).flatten(0, 1).double()
    cause = covariates.diff(dim=1).flatten(0, 1).double()
    effects = [_ridge(cause, one) for one in change.unbind(-1)]
    return torch.stack(effects, -1).to(values.dtype)


def _ridge(cause: Tensor, change: Tensor) -> Tensor:
    """Coefficients, shape (covariate,), over the rows whose change was observed; the mean change is the trend."""
    seen = torch.isfinite(change)
    cause, change = cause[seen], change[seen]
    cause, change = cause - cause.mean(0), change - change.mean()
    gram = cause.T @ cause
    penalty = RIDGE * gram.diagonal().mean() + MIN_PENALTY
    ridge: Tensor = torch.linalg.solve(gram + penalty * torch.eye(len(gram), dtype=gram.dtype), cause.T @ change)
    return ridge
