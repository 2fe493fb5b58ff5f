"""How much worse forecasts of held-out windows become when a covariate is taken from other windows."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.data.windows import Rows, split_into_batches
from sktime_lstm.forecasting.fitted_model import FittedModel, PretrainedModel
from sktime_lstm.forecasting.rollout import roll_out
from sktime_lstm.network.network import Network
from sktime_lstm.runtime import seeded_generator
from sktime_lstm.training.fit import choose_fine_tuning, multipliers_from
from sktime_lstm.training.holdout import keep_share, select_share
from sktime_lstm.training.preparation import PreparedPanel, prepare_for, without_held_out_effect
from sktime_lstm.training.settings import Settings
from sktime_lstm.training.trainer import HOLD_OUT, Trainer

PERMUTE = 101
"""Stream of the random numbers of the permutations."""


def permutation_importance(
    model: FittedModel,
    panel: Panel,
    settings: Settings,
    start: PretrainedModel | None,
    *,
    num_repeats: int,
    root_seed: int,
) -> tuple[Array, Array]:
    """Errors of a network that has not seen the latest quarter of the windows, on these windows.

    In each repetition every window is given the whole course of one covariate from another window, with what that
    course explains [1]_. The network is trained anew, as the hold-out network of a fit is.

    Returns
    -------
    error : array of shape (variables,)
        Mean absolute error with all covariates as they are, in the global scale.
    permuted : array of shape (covariates, variables, num_repeats)
        The same with one covariate from other windows.

    References
    ----------
    .. [1] Breiman (2001), "Random forests", Machine Learning 45(1).
    """
    prepared = prepare_for(model, panel, model.preprocessing)
    origins, held_out = prepared.held_out()
    num_covariates, num_variables = len(panel.covariate_columns), len(panel.columns)
    if len(held_out) == 0 or len(origins) == 0:
        return np.full(num_variables, np.nan), np.full((num_covariates, num_variables, num_repeats), np.nan)
    prepared = without_held_out_effect(prepared, origins)
    permuted = PermutedWindows(_network(prepared, origins, held_out, settings, start, root_seed), prepared, held_out)
    generator, errors = seeded_generator(root_seed, PERMUTE), np.empty((num_covariates, num_variables, num_repeats))
    for repeat in range(num_repeats):
        donor = torch.randperm(len(held_out), generator=generator)
        for covariate in range(num_covariates):
            errors[covariate, :, repeat] = permuted.error(covariate, donor)
    return permuted.error(None, torch.arange(len(held_out))), errors


def _network(
    prepared: PreparedPanel,
    origins: Rows,
    held_out: Rows,
    settings: Settings,
    start: PretrainedModel | None,
    root_seed: int,
) -> Network:
    """Hold-out network of a fit; a pretrained one that is not to be trained further has not seen these windows."""
    mode = "scratch" if start is None else choose_fine_tuning(start, settings, prepared.panel)
    start = None if mode == "scratch" else start
    known = None if start is None else start.model.network
    if known is not None and mode == "none":
        return known
    settings = replace(settings, loss=prepared.preprocessing.loss, patience=None)
    with Trainer(prepared, settings, root_seed, multipliers=multipliers_from(start)) as trainer:
        network = trainer.train_network(origins, HOLD_OUT, start=copy.deepcopy(known))
    if prepared.prior_errors is None:
        return network
    return keep_share(network, select_share(network, prepared.examples(held_out), known), known)


@dataclass(frozen=True)
class PermutedWindows:
    """Windows at some origins of a panel, of which one covariate may come from other windows."""

    network: Network
    prepared: PreparedPanel
    origins: Rows

    def error(self, covariate: int | None, donor: Tensor) -> Array:
        """Mean absolute error of each variable if window i has the covariate of window ``donor[i]``."""
        preprocessing, panel = self.prepared.preprocessing, self.prepared.panel
        windows, errors = self.prepared.windows.at(self.origins), []
        chosen_channels = preprocessing.encoder.column_of_channels(panel.covariates.shape[1]) == covariate
        effect = torch.from_numpy(preprocessing.effect[chosen_channels])
        units = torch.from_numpy(self.prepared.units[panel.series_of(self.origins)])
        whole = -(-windows.horizon // preprocessing.output_length) * preprocessing.output_length
        longer = replace(windows, horizon=whole)
        for chosen in split_into_batches(len(windows), longer.points_per_window):
            window, target = longer.batch(chosen), windows.target(chosen)
            length, covariates = window.context.shape[1], window.covariates.clone()
            covariates[..., chosen_channels] = longer.batch(donor[chosen]).covariates[..., chosen_channels]
            change = (covariates - window.covariates)[..., chosen_channels].double() @ effect * units[chosen][:, None]
            changed = replace(window, context=window.context - change[:, :length], covariates=covariates)
            with torch.no_grad():
                forecast = roll_out(self.network, changed, **preprocessing.rollout_rules)
            forecast = forecast if preprocessing.predictive_of is None else forecast[..., 0]
            forecast = (forecast + change[:, length:])[:, : windows.horizon]
            errors.append((forecast - target).abs().nanmean(1))
        return np.asarray(torch.cat(errors).nanmean(0).numpy(), dtype=np.float64)
