"""What is known before training: the effect of covariates, and how wrong each naive forecast has been so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sktime_lstm.anchors.covariate_effect import linear_effect
from sktime_lstm.anchors.naive import naive_forecasts
from sktime_lstm.data.windows import WindowBatch

PRIOR_WINDOWS = 5.0
MIN_RELATIVE_ERROR = 1e-3


@dataclass(frozen=True)
class InitialMixture:
    """Forecast from which training starts: a mixture of naive forecasts, plus a linear effect of the covariates.

    Attributes
    ----------
    effect : Tensor of shape (covariate, variable)
        Effect of one unit of each covariate, by ridge regression.
    errors : Tensor of shape (variable, anchor)
        Mean absolute error of each naive forecast over the windows of all series, in units of the window's scale.
    """

    effect: Tensor
    errors: Tensor

    def errors_of(self, window: WindowBatch, target: Tensor) -> Tensor:
        """Mean absolute error of each naive forecast in scaled windows.

        Returns
        -------
        Tensor of shape (batch, variable, anchor)
            NaN where no target was observed, or where the anchor does not exist.
        """
        effect = window.covariates @ self.effect
        past, future = effect.split([window.context.shape[1], window.horizon], 1)
        rest = replace(window, context=window.context - past)
        forecasts = naive_forecasts(rest.context, horizon=window.horizon, sp=window.sp)
        errors: Tensor = (forecasts + (future - target)[..., None]).abs().nanmean(1)
        return errors

    def anchor_error_rows(self, errors: Tensor, bounds: Tensor, *, delay: int, every: int = 1) -> Tensor:
        """Mean error of each naive forecast in a series, as it was known at each point of time.

        Weights by past errors go back to Bates and Granger (1969), "The combination of forecasts". Where a series has
        shown little so far, the errors over all series count as those of a few more windows.

        Parameters
        ----------
        errors : Tensor of shape (rows, variable, anchor)
            What `errors_of` says of the windows with their origin in each row; NaN where there is none.
        bounds : Tensor of shape (instances + 1,)
            Instance i owns the rows ``bounds[i]`` to ``bounds[i + 1] - 1``.
        delay : int
            Steps after its origin at which the error of a window is known.
        every : int
            One row of so many was judged, and stands for them all.

        Returns
        -------
        Tensor of shape (rows, variable, anchor)
            Never 0: an anchor that was always right counts as a thousandth of the worst one.
        """
        seen = torch.isfinite(errors)
        totals = torch.stack([errors.nan_to_num(), seen.to(errors.dtype)]).double().cumsum(1)
        totals = torch.nn.functional.pad(totals, (0, 0, 0, 0, 1, 0))
        rows = torch.arange(len(errors))
        start = bounds[torch.searchsorted(bounds, rows, right=True) - 1]
        known = torch.maximum(rows - delay + 1, start)
        wrong, count = every * (totals[:, known] - totals[:, start])
        mean = (wrong + PRIOR_WINDOWS * self.errors) / (count + PRIOR_WINDOWS)
        floor = MIN_RELATIVE_ERROR * mean.amax(-1, keepdim=True)
        return torch.maximum(mean, floor).clamp(min=torch.finfo(torch.float32).tiny).to(errors.dtype)


def fit_initial_mixture(window: WindowBatch, target: Tensor) -> InitialMixture:
    """Learn the baseline from scaled windows and their targets of shape (batch, horizon, variable)."""
    effect = linear_effect(torch.cat([window.context, target], 1), window.covariates)
    nothing = InitialMixture(effect, torch.empty(0))
    return InitialMixture(effect, nothing.errors_of(window, target).nanmean(0).nan_to_num())
