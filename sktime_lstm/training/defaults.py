"""The recipe: sizes that follow the data where the user chose none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sktime_lstm.anchors.smoothing import MAX_POINTS

FEW_WINDOWS, MANY_WINDOWS = 1_000, 5_000
LONG_SERIES = 2_000
SMALL_SET = 512
POINTS_PER_STEP = 8_000
MAX_WINDOWS_PER_SERIES = 5_000
MAX_SPARSE_WINDOW = 128
MAX_OUTPUT_LENGTH = 100
MAX_STEPS_LEARNED = 36


@dataclass(frozen=True)
class DataSize:
    """How much data there are.

    Attributes
    ----------
    lengths : array of shape (instances,)
        Points of each series.
    sp : int
        Seasonal period.
    max_step : int or None
        Largest step of the forecasting horizon, None if it is not known yet.
    observed_share : float
        Share of the points that were observed.
    alone : bool
        Whether each series is forecast as if there were no other.
    """

    lengths: npt.NDArray[np.int64]
    sp: int
    max_step: int | None
    observed_share: float = 1.0
    alone: bool = False

    @property
    def points(self) -> int:
        """Points of all series together, about the number of windows; of a typical one if each is alone."""
        return int(np.median(self.lengths) if self.alone else self.lengths.sum())

    @property
    def few(self) -> bool:
        """Whether all there is are a few hundred windows, as in a single short series."""
        return self.points < FEW_WINDOWS

    @property
    def one_long_series(self) -> bool:
        """Whether all there is are thousands of points of one series, which teach more than simulated series do."""
        return len(self.lengths) == 1 and self.points >= LONG_SERIES


def choose_window_length(data_size: DataSize) -> int:
    """Points of context: as many seasons as show what repeats; without a season, enough to show a trend."""
    if data_size.sp == 1:
        wanted = int(np.clip(np.median(data_size.lengths) // 4, 8, 16))
        # As many observations, where most points are missing.
        wanted = min(math.ceil(wanted / data_size.observed_share), MAX_SPARSE_WINDOW)
    elif data_size.few:
        wanted = 5 * data_size.sp + 6
    else:
        wanted = 3 * data_size.sp + 6
    return int(max(1, min(wanted, data_size.lengths.max() - 1)))


def choose_history(data_size: DataSize) -> int:
    """Points that the naive forecasts see: without a season smoothing gains from more than the network reads."""
    return int(min(MAX_POINTS, data_size.lengths.max() - 1)) if data_size.sp == 1 else 0


def choose_output_length(data_size: DataSize) -> int:
    """Steps forecast in one go: the horizon if it is known, else a season; the steps beyond are rolled out."""
    whole_seasons = max(MAX_OUTPUT_LENGTH // data_size.sp, 1) * data_size.sp
    return min(data_size.max_step or max(data_size.sp, 8), whole_seasons)


def farthest_step_learned(sp: int) -> int:
    """Farthest step of the simulated series of a season from which the network of the package has learned."""
    return 13 if sp == 1 else min(max(2 * sp, 12), MAX_STEPS_LEARNED)


def choose_training_length(data_size: DataSize, output_length: int) -> int:
    """Steps of a training window: the fewer points a series has, the shorter, so that it holds enough windows."""
    typical = int(np.median(data_size.lengths))
    seasonal = data_size.sp if data_size.few else output_length
    plain = min(typical // 8, output_length // 3) if data_size.few else typical // 6
    wanted = seasonal if data_size.sp > 1 else plain
    return int(max(1, min(wanted, output_length, typical - max(data_size.sp, 3) - 2)))


def choose_hidden_size(num_windows: int) -> int:
    """Units of the recurrent layers: more of them hurt where windows are few."""
    return 16 if num_windows < FEW_WINDOWS else 32 if num_windows < MANY_WINDOWS else 64


def choose_batch_size(num_windows: int, window_points: int) -> int:
    """Windows of one step: all of them where they are few, else some eight thousand points.

    Larger steps of 64 units need more working memory than glibc keeps at hand and take twice as long a window.
    """
    if num_windows <= SMALL_SET and num_windows * window_points <= 4 * POINTS_PER_STEP:
        return max(num_windows, 1)
    return int(np.clip(POINTS_PER_STEP // window_points, 32, 256))


def choose_learning_rate(num_windows: int) -> float:
    """Peak of the schedule: the fewer windows, the less a network is allowed to move away from the anchors."""
    if num_windows < FEW_WINDOWS:
        return 5e-3 * num_windows / FEW_WINDOWS
    return 3e-3 if num_windows < 30_000 else 2e-3


def choose_steps(num_windows: int, num_series: int) -> int:
    """Optimiser steps: a handful for one short series, whose anchors are left alone, more for a panel.

    Of a very long series only some thousand windows count: their neighbours tell nearly the same.
    """
    counted = min(num_windows, MAX_WINDOWS_PER_SERIES * num_series)
    growth = counted / FEW_WINDOWS if counted < FEW_WINDOWS else (counted / FEW_WINDOWS) ** 0.6
    return int(np.clip(160 * growth, 10, 3_000))
