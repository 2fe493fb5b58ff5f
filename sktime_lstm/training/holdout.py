"""What held-out windows show: how much of what was learned to keep, and how large the errors are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sktime_lstm.data.panel import Array
from sktime_lstm.data.windows import Rows, ScaledWindows, WindowIndex, hold_out_latest, split_into_batches, thin
from sktime_lstm.forecasting.intervals import Calibration, calibrate, growth_of_errors, growth_of_paths
from sktime_lstm.forecasting.rollout import forecast_windows, sample_paths
from sktime_lstm.network.network import Network
from sktime_lstm.runtime import seeded_generator
from sktime_lstm.training.preparation import HELD_OUT_SHARE, MAX_HELD_OUT, PreparedPanel
from sktime_lstm.training.trainer import GROW

MAX_PER_SERIES = 8
ENOUGH_WINDOWS, FEW_WINDOWS_SHARE = 25, 0.5
WINDOWS_FOR_GROWTH, PATHS_FOR_GROWTH = 16, 8
FAR_HORIZON = 16
SHRINKAGE_FACTORS = (0.5, 0.25, 0.75, 0.0, 1.0)


def select_shrinkage(network: Network, held_out: ScaledWindows) -> float:
    """Select the factor by which to shrink the learned output: a half, unless held-out windows show another one.

    One-standard-error rule (after Breiman et al., 1984, "Classification and regression trees"): where a half is worse
    than the best factor by more than one standard error of the difference, it is the factor closest to a half that is
    not. Windows overlap, so that n of them over h steps tell as much as n / h independent ones.
    """
    errors = dict(zip(SHRINKAGE_FACTORS, _errors_after_shrinking(network, held_out), strict=True))
    best = min(SHRINKAGE_FACTORS, key=lambda factor: float(errors[factor].nanmean()))

    def is_as_good(factor: float) -> bool:
        worse = errors[factor] - errors[best]
        worse = worse[torch.isfinite(worse)]
        if len(worse) == 0:
            return True
        effective = len(worse) / held_out.windows.horizon
        return bool(worse.mean() <= worse.std(correction=0) / math.sqrt(effective))

    return next((factor for factor in SHRINKAGE_FACTORS if is_as_good(factor)), best)


def _errors_after_shrinking(network: Network, held_out: ScaledWindows) -> Tensor:
    """Mean absolute error of each window with each factor, of shape (factor, windows)."""
    errors = []
    with torch.no_grad():
        for chosen in split_into_batches(len(held_out), held_out.windows.points_per_window):
            window, target = held_out.batch(chosen)
            forecasts = network.shrunk_forecasts(window, SHRINKAGE_FACTORS)
            errors.append((forecasts - target).abs().flatten(2).nanmean(2))
    return torch.cat(errors, 1)


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
        most = max(MAX_HELD_OUT, MAX_PER_SERIES * panel.num_instances)
        chosen, stride = thin(latest, most), max(len(latest) / most, 1.0)
        errors, scale = self._relative_errors(self.prepared.windows.at(chosen, horizon=horizon))
        return calibrate(errors, scale, panel.series_of(chosen), panel.keys, stride=stride)

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
        windows = self.prepared.windows.at(origins, horizon=3 * calibration.steps)
        instance, generator = panel.series_of(origins), seeded_generator(root_seed, GROW)

        def draw(scale: Tensor, paths: Tensor, block: int) -> Tensor:
            chosen = instance[paths.numpy() // PATHS_FOR_GROWTH]
            unit = calibration.error_scales.of(scale.numpy(), panel.keys, chosen, otherwise=self.prepared.units[chosen])
            numbers = torch.rand((len(unit), 2), generator=generator, dtype=torch.float64).numpy()
            return torch.from_numpy(unit[:, None] * calibration.draw(numbers))

        lowest = preprocessing.lowest(panel.values.shape[1])
        return sample_paths(
            self.network,
            windows,
            num_samples=PATHS_FOR_GROWTH,
            block=calibration.steps,
            draw=draw,
            lowest=torch.from_numpy(lowest).expand(len(windows), windows.horizon, -1),
            **preprocessing.rollout_rules,
        ).numpy()
