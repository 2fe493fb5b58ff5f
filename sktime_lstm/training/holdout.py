"""What held-out windows show: how much of what was learned to keep, and how large the errors are."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sktime_lstm.data.panel import Array
from sktime_lstm.data.windows import (
    Rows,
    ScaledWindows,
    WindowIndex,
    hold_out_latest,
    split_into_batches,
    thin,
    thin_each,
)
from sktime_lstm.forecasting.intervals import Calibration, calibrate, growth_of_errors, growth_of_paths
from sktime_lstm.forecasting.rollout import Innovations, forecast_windows, sample_paths
from sktime_lstm.network.network import Network
from sktime_lstm.runtime import seeded_generator
from sktime_lstm.training.preparation import HELD_OUT_SHARE, MAX_HELD_OUT, PreparedPanel
from sktime_lstm.training.trainer import GROW

MAX_PER_SERIES, MANY_FOR_SERIES, PER_SERIES_OF_MANY = 8, 20_000, 2
ENOUGH_WINDOWS, FEW_WINDOWS_SHARE = 25, 0.5
WINDOWS_FOR_SIZE = 5
WINDOWS_FOR_GROWTH, PATHS_FOR_GROWTH = 16, 8
FAR_HORIZON, FAR_PATHS = 16, 3
SHARES = (0.5, 0.25, 0.75, 0.0, 1.0)


def _most_windows(num_series: int) -> int:
    """Windows that show how large the errors of each series are: a few of each, of very many series two."""
    return min(MAX_PER_SERIES * num_series, max(MANY_FOR_SERIES, PER_SERIES_OF_MANY * num_series))


def keep_share(network: Network, factor: float, start: Network | None) -> Network:
    """Copy that keeps a share of what was learned: of the output, or of the way from where training has started.

    References
    ----------
    .. [1] Wortsman et al. (2022), "Robust fine-tuning of zero-shot models", CVPR.
    """
    kept = copy.deepcopy(network)
    if start is None:
        kept.shrink(factor)
    else:
        kept.move_back(start, factor)
    return kept


def select_share(network: Network, held_out: ScaledWindows, start: Network | None = None) -> float:
    """Select the share of what was learned to keep: a half, unless held-out windows show that another one is better.

    One-standard-error rule (after Breiman et al., 1984, "Classification and regression trees"): where a half is worse
    than the best share by more than one standard error of the difference, it is the share closest to a half that is
    not. Windows overlap, so that n of them over h steps tell as much as n / h independent ones.
    """
    errors = {share: _errors_of(keep_share(network, share, start), held_out) for share in SHARES}
    best = min(SHARES, key=lambda share: float(errors[share].nanmean()))

    def is_as_good(share: float) -> bool:
        worse = errors[share] - errors[best]
        worse = worse[torch.isfinite(worse)]
        if len(worse) == 0:
            return True
        effective = len(worse) / held_out.windows.horizon
        return bool(worse.mean() <= worse.std(correction=0) / math.sqrt(effective))

    return next((share for share in SHARES if is_as_good(share)), best)


def _errors_of(network: Network, held_out: ScaledWindows) -> Tensor:
    """Mean absolute error of the forecast of each window."""
    errors = []
    with torch.no_grad():
        for chosen in split_into_batches(len(held_out), held_out.windows.points_per_window):
            window, target = held_out.batch(chosen)
            forecast = network(window)
            forecast = forecast[..., 0] if network.size.num_distribution_outputs else forecast
            errors.append((forecast - target).abs().flatten(1).nanmean(1))
    return torch.cat(errors)


def measure_errors(network: Network, prepared: PreparedPanel, max_step: int | None, *, root_seed: int) -> Calibration:
    """Distribution of the errors of a network that has not seen the latest quarter of the windows."""
    measured = HeldOutErrors(network, prepared)
    calibration = measured.calibration(max_step)
    return replace(calibration, growth=measured.growth(calibration, root_seed))


@dataclass(frozen=True)
class HeldOutErrors:
    """Errors of a network on the latest windows of a panel, rolled out as in a forecast."""

    network: Network
    prepared: PreparedPanel

    def calibration(self, max_step: int | None) -> Calibration:
        """Distribution of the errors as far ahead as the data reach.

        The windows are the quarter that the network has not seen, or the latest half where a quarter would be too few:
        a short training memorises little.
        """
        preprocessing, panel = self.prepared.preprocessing, self.prepared.panel
        wanted = max_step or max(preprocessing.sp, 8)
        horizon = max(preprocessing.output_length, min(wanted, int(panel.lengths.max()) // 4))
        latest = self._latest(HELD_OUT_SHARE)
        if len(latest) < ENOUGH_WINDOWS * horizon:
            latest = self._latest(FEW_WINDOWS_SHARE)
        most = max(MAX_HELD_OUT, _most_windows(panel.num_instances))
        chosen, stride = thin(latest, most), max(len(latest) / most, 1.0)
        errors, scale = self._relative_errors(self.prepared.windows.at(chosen, horizon=horizon))
        return calibrate(errors, scale, panel.series_of(chosen), panel.keys, stride=stride)

    def sizes(self, calibration: Calibration) -> Array:
        """How large the errors of each series are in units of a distribution known beforehand: (instances, variables).

        A few windows of each series are forecast, the same ones whatever other series there are; without any the size
        is 1.
        """
        panel, latest = self.prepared.panel, self._latest(FEW_WINDOWS_SHARE)
        if len(latest) == 0:
            return np.ones((panel.num_instances, panel.values.shape[1]))
        chosen, stride = thin_each(latest, panel.series_of(latest), WINDOWS_FOR_SIZE)
        horizon = min(self.prepared.preprocessing.output_length, calibration.steps)
        errors, _ = self._relative_errors(self.prepared.windows.at(chosen, horizon=horizon))
        return calibration.sizes(errors, panel.series_of(chosen), panel.num_instances, stride=stride)

    def growth(self, calibration: Calibration, root_seed: int) -> Array:
        """Power of the step with which errors grow beyond the measured ones, of shape (variables,).

        Errors of a few windows show it that are rolled out as far as a quarter of the series reaches. Where that is
        hardly farther than what was measured, sample paths show it.
        """
        far = min(int(self.prepared.panel.lengths.max()) // 4, FAR_HORIZON * calibration.steps)
        if far >= 2 * calibration.steps:
            latest = self._latest(FEW_WINDOWS_SHARE)
            latest = thin(latest[self._has_future(latest, far)], WINDOWS_FOR_GROWTH)
            errors, _ = self._relative_errors(self.prepared.windows.at(latest, horizon=far))
            if np.isfinite(errors[:, far // 2 :]).any(axis=(0, 1)).all():
                return growth_of_errors(errors, calibration.steps)
        latest = thin(self._latest(HELD_OUT_SHARE), WINDOWS_FOR_GROWTH)
        if len(latest) == 0:
            return calibration.growth
        return growth_of_paths(self._paths(calibration, latest, root_seed), calibration.steps)

    def _latest(self, share: float) -> Rows:
        """Origins of the latest share of the windows of each series."""
        return hold_out_latest(self.prepared.panel, self.prepared.origins_within(1), horizon=1, share=share)[1]

    def _has_future(self, origins: Rows, horizon: int) -> npt.NDArray[np.bool_]:
        panel = self.prepared.panel
        return origins + horizon <= panel.bounds[panel.series_of(origins) + 1]

    def _relative_errors(self, windows: WindowIndex) -> tuple[Array, Array]:
        """Errors over the scale of the window, of shape (windows, steps, variables), and these scales."""
        preprocessing = self.prepared.preprocessing
        forecast = forecast_windows(self.network, windows, **preprocessing.rollout_rules)
        point, spreads = (
            (forecast, None) if preprocessing.predictive_of is None else (forecast[..., 0], forecast[..., 1:])
        )
        errors, scales = [], []
        for chosen in split_into_batches(len(windows), windows.points_per_window):
            scale = preprocessing.scale_of(windows.batch(chosen).recent)
            error = scale.bounded(scale.apply(windows.target(chosen))) - scale.apply(point[chosen])
            if spreads is not None:
                error = error / torch.where(error < 0, spreads[chosen, ..., 0], spreads[chosen, ..., 1])
            errors.append(torch.where(scale.scale > 0, error, torch.nan))
            scales.append(scale.scale[:, 0])
        return torch.cat(errors).numpy(), torch.cat(scales).numpy()

    def _paths(self, calibration: Calibration, origins: Rows, root_seed: int) -> Array:
        """Sample paths over three times the measured steps."""
        preprocessing, panel = self.prepared.preprocessing, self.prepared.panel
        windows = self.prepared.windows.at(origins, horizon=FAR_PATHS * calibration.steps)
        instance, generator = panel.series_of(origins), seeded_generator(root_seed, GROW)
        shape = (len(origins), PATHS_FOR_GROWTH, FAR_PATHS)
        numbers = torch.rand((math.prod(shape), 2), generator=generator, dtype=torch.float64).numpy()
        errors = torch.from_numpy(calibration.draw(numbers)).unflatten(0, shape)
        units = calibration.error_scales.units(panel.keys, instance, otherwise=self.prepared.units[instance])
        lowest = torch.from_numpy(preprocessing.lowest(panel.values.shape[1]))
        innovations = Innovations(errors, units, lowest.expand(len(windows), windows.horizon, -1))
        return sample_paths(self.network, windows, innovations, **preprocessing.rollout_rules).numpy()
