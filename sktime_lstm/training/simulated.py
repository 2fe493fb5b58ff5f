"""Pretraining on nothing but simulated series: what no short series can teach, but all of them share."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sktime_lstm.anchors.naive import ANCHORS, anchors_of
from sktime_lstm.anchors.track_record import KnownErrors, own_errors, score_anchors
from sktime_lstm.data.panel import Array, unnamed
from sktime_lstm.data.scaling import fit_scaler, window_scale
from sktime_lstm.data.simulation import Prior, simulate_series
from sktime_lstm.data.windows import ScaledWindows, WindowBatch, WindowIndex, min_context
from sktime_lstm.forecasting.fitted_model import FittedModel, PretrainedModel
from sktime_lstm.forecasting.intervals import Calibration, calibrate, uncalibrated
from sktime_lstm.forecasting.preprocessing import Preprocessing
from sktime_lstm.network.losses import LOSSES
from sktime_lstm.network.network import Network, NetworkSize, log_errors
from sktime_lstm.runtime import seeded_generator
from sktime_lstm.training import defaults
from sktime_lstm.training.loop import GRADIENT_NORM, AdamW, one_cycle

LOSS = "quantile"
PERIODS = {1: 0.30, 4: 0.22, 12: 0.26, 7: 0.06, 6: 0.05, 24: 0.05, 52: 0.06}
"""Seasonal periods, and the share of the batches of each."""

KINDS: dict[str | Prior, float] = {
    "mixed": 0.62,
    "smooth trend": 0.10,
    "random walk": 0.14,
    "broken trend": 0.04,
    "exponential growth": 0.04,
    "saturation": 0.03,
    "damped trend": 0.03,
}
"""What is drawn, such as growth, but also its end, and much that only seems to grow."""

KINDS_OF_SEASONS = {**KINDS, "weak season": 0.10}
"""Same where there is a season."""

MAX_LENGTH_WITHOUT_SEASON, MAX_LENGTH = 150, 260
LATER_SHARE = 0.45
LIFTED_SHARE, LIFTED_BY = 0.5, (0.1, 20.0)
MAX_PER_SERIES = 16
MAX_POINTS_PER_STEP = 25_000
MAX_RELATIVE_LOSS = 30.0
AVERAGED_STEPS = 1_000
SHRINKAGE = 0.5
"""Factor by which the learned output is shrunk in the end: real series grow less steadily than simulated ones."""

MAX_ERROR = 8.0


@dataclass(frozen=True)
class SimulationPlan:
    """How long to learn from simulated series, and how.

    Attributes
    ----------
    steps : int
        Optimiser steps of the whole schedule.
    num_windows : int
        Windows of a step; fewer where they are long.
    points_per_window : int
        A series gives one window to learn from for so many points, at random origins. They share the errors of the
        naive forecasts, which take longest.
    hidden_size : int
        Units of the LSTM layer.
    learning_rate, weight_decay : float
        Peak of the one-cycle schedule, and decoupled weight decay of AdamW.
    batches_for_errors : int
        Further batches, on which the distribution of the errors is measured in the end. Few of them reach the farthest
        steps: of 5000 about 40 reach step 36.
    seed : int
        What everything is drawn from.
    """

    steps: int = 60_000
    num_windows: int = 128
    points_per_window: int = 8
    hidden_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    batches_for_errors: int = 5_000
    seed: int = 0


@dataclass(frozen=True)
class Shape:
    """What the series of a batch have in common: season, length of the history, and steps to forecast."""

    sp: int
    length: int
    horizon: int

    @property
    def window_length(self) -> int:
        """Points that the network reads in a fit of one such series."""
        return defaults.choose_window_length(self._size)

    @property
    def history(self) -> int:
        """Points that the naive forecasts see."""
        return defaults.choose_history(self._size)

    @property
    def training_length(self) -> int:
        """Steps over which the naive forecasts are scored."""
        return defaults.choose_training_length(self._size, self.horizon)

    @property
    def stride(self) -> int:
        """Points from one scored window to the next."""
        return max(1, self.training_length // 4)

    @property
    def scored(self) -> Tensor:
        """Points before each window on which the naive forecasts are scored."""
        first = -(-min_context(self.sp) // self.stride) * self.stride
        return torch.arange(first, max(first, self.length - self.training_length + 1), self.stride)

    @property
    def _size(self) -> defaults.DataSize:
        return defaults.DataSize(np.array([self.length]), self.sp, self.horizon)


def windows_alone(values: Array, shape: Shape) -> WindowIndex:
    """Windows of many series of one shape, as a fit of each of them alone would make them.

    Parameters
    ----------
    values : array of shape (series, points)
        At least the history of each series.
    shape : Shape
        From which the window length and all others follow.

    Returns
    -------
    WindowIndex
        At no origin yet. What the naive forecasts were wrong by is known at each one from the windows that end before.
    """
    windows = WindowIndex(
        values=torch.from_numpy(np.ascontiguousarray(values).reshape(-1, 1)),
        covariates=torch.zeros(values.size, 0),
        bounds=torch.arange(0, values.size + 1, values.shape[1]),
        origins=torch.zeros(0, dtype=torch.int64),
        window_length=shape.window_length,
        horizon=shape.training_length,
        sp=shape.sp,
        history=shape.history,
        zero=torch.zeros(1, dtype=torch.float64),
    )
    scored = windows.bounds[:-1, None] + shape.scored
    record = score_anchors(replace(windows, origins=scored.flatten()), window_scale, weight=shape.stride)
    return replace(windows, horizon=shape.horizon, anchor_errors=KnownErrors(record, own_errors(1)))


def scaled_batch(windows: WindowIndex) -> tuple[WindowBatch, Tensor]:
    """All windows of an index with their naive forecasts, and targets; a context that does not vary has none."""
    window, target = ScaledWindows(windows, window_scale, torch.device("cpu")).batch(slice(None))
    assert window.scale is not None
    return replace(window, anchors=anchors_of(window)), target.masked_fill(window.scale == 0, torch.nan)


def simulated_batch(rng: np.random.Generator, plan: SimulationPlan) -> tuple[WindowBatch, Tensor]:
    """Windows of simulated series of one shape, and their targets."""
    shape = draw_shape(rng)
    num_windows = min(plan.num_windows, MAX_POINTS_PER_STEP // (shape.window_length + shape.horizon))
    per_series = min(max(shape.length // plan.points_per_window, 2), MAX_PER_SERIES)
    num_series = max(1, num_windows // per_series)
    kinds = KINDS if shape.sp == 1 else KINDS_OF_SEASONS
    values = simulate_series(num_series, shape.length + shape.horizon, sp=shape.sp, kinds=kinds, random_state=rng)
    windows = windows_alone(lifted(rng, values), shape)
    # Before the first scored window ends nothing is known of the naive forecasts.
    earliest = max(int(shape.scored[0]) + shape.training_length, int(shape.length * LATER_SHARE))
    ages = rng.integers(min(earliest, shape.length), shape.length + 1, (num_series, per_series))
    return scaled_batch(replace(windows, origins=(windows.bounds[:-1, None] + torch.from_numpy(ages)).flatten()))


def draw_shape(rng: np.random.Generator) -> Shape:
    """Season, length and horizon of a batch; lengths are uniform in their logarithm, so that many are short."""
    sp = int(rng.choice([*PERIODS], p=[*PERIODS.values()]))
    shortest, longest = max(sp + 4, 6), MAX_LENGTH if sp >= 12 else MAX_LENGTH_WITHOUT_SEASON
    length = round(math.exp(rng.uniform(math.log(shortest), math.log(longest))))
    nearest, farthest = max(2, sp // 2), defaults.farthest_step_learned(sp)
    shape = Shape(sp, length, int(rng.integers(nearest, farthest + 1)))
    return shape if len(shape.scored) else draw_shape(rng)


def lifted(rng: np.random.Generator, values: Array) -> Array:
    """Series of which some that are not positive are moved up, since most of what is measured is positive."""
    lowest, extent = values.min(axis=1), np.ptp(values, axis=1)
    low, high = np.log(LIFTED_BY)
    lift = extent * np.exp(rng.uniform(low, high, len(values))) - lowest
    chosen = (lowest < 0) & (rng.random(len(values)) < LIFTED_SHARE)
    return values + np.where(chosen, lift, 0.0)[:, None]


def relative_loss(network: nn.Module, window: WindowBatch, target: Tensor) -> Tensor:
    """Absolute error and loss of the quantiles over the usual error of the best naive forecast, cut off where large.

    Noisy series do not outweigh smooth ones then, as in the mean absolute scaled error.
    """
    assert window.anchors is not None
    unit = log_errors(window, window.anchors)[:, None, :, 0].exp()
    output, seen = network(window), torch.isfinite(target)
    known = torch.where(seen, target, 0.0)
    each = (output[..., 0] - known).abs() + LOSSES[LOSS].pointwise(output, known, torch.ones_like(unit))
    return torch.where(seen, (each / unit).clamp(max=MAX_RELATIVE_LOSS), 0.0).sum() / seen.sum().clamp(min=1)


class SimulationTraining:
    """A training on simulated series under way, which can be written down and continued.

    Every step draws from a generator of its own, so that a training that was interrupted ends as it would have.

    Attributes
    ----------
    network : Network
        The weights of the latest step.
    average : Network
        Their exponential average over some thousand steps: what is to be used.
    losses : list of float
        Loss of each step.
    spent : float
        Share of the time that was used up by then.
    """

    def __init__(self, plan: SimulationPlan) -> None:
        self.plan, self.spent, self.losses = plan, 0.0, list[float]()
        size = NetworkSize(
            num_variables=1,
            num_covariates=0,
            hidden_size=plan.hidden_size,
            num_distribution_outputs=LOSSES[LOSS].outputs,
            sees_errors=True,
            corrects_by_errors=True,
        )
        self.network, self.average = (Network(size, seeded_generator(plan.seed)) for _ in range(2))
        self.optimiser = AdamW(self.network.parameters(), weight_decay=plan.weight_decay)

    def run(self, steps: int, *, spent: Callable[[], float] = lambda: 0.0) -> None:
        """Take so many further steps, as far as the schedule or the time allows, of which a share is `spent`."""
        for step in range(len(self.losses), min(len(self.losses) + steps, self.plan.steps)):
            self.spent = spent()
            if self.spent >= 1:
                break
            rate = one_cycle(max(step / self.plan.steps, self.spent))
            self._learn(np.random.default_rng([self.plan.seed, step]), rate)

    def _learn(self, rng: np.random.Generator, rate: float) -> None:
        """Take one step, unless its gradient is not finite."""
        window, target = simulated_batch(rng, self.plan)
        self.network.zero_grad()
        loss = relative_loss(self.network, window, target)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        if torch.isfinite(norm):
            self.optimiser.step(rate * self.plan.learning_rate)
        self.losses.append(loss.item())
        self._average(1 / min(len(self.losses), AVERAGED_STEPS))

    @torch.no_grad()
    def _average(self, share: float) -> None:
        for mean, latest in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(latest, share)

    def state(self) -> dict[str, Any]:
        """All that it takes to go on."""
        return {
            "plan": asdict(self.plan),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "moments": self.optimiser.moments,
            "optimiser_steps": self.optimiser.steps,
            "losses": self.losses,
            "spent": self.spent,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken, by the plan of then."""
        self.plan = SimulationPlan(**state["plan"])
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.moments, self.optimiser.steps = state["moments"], state["optimiser_steps"]
        self.losses, self.spent = list(state["losses"]), state["spent"]


def pretrained_model(training: SimulationTraining) -> PretrainedModel:
    """The averaged weights as a start for any series of one variable, whatever its season.

    What the output has learned of the forecast is shrunk, as after every other training. The distribution of
    the errors is measured on simulated series that were not learned from.
    """
    shape = Shape(1, MAX_LENGTH_WITHOUT_SEASON, 8)
    preprocessing = Preprocessing(
        scaler=fit_scaler("window", np.zeros((1, 1))),
        scale_of=window_scale,
        covariate_scale=window_scale(torch.zeros(1, 1, 0, dtype=torch.float64)),
        window_length=shape.window_length,
        output_length=shape.horizon,
        sp=0,
        training_length=shape.training_length,
        scoring_stride=shape.stride,
        effect=np.zeros((0, 1)),
        loss=LOSS,
        history=shape.history,
    )
    network = copy.deepcopy(training.average).eval()
    network.shrink(SHRINKAGE)
    model = FittedModel(
        preprocessing, torch.ones(1, len(ANCHORS)), network, measured_calibration(network, training.plan)
    )
    seen = len(training.losses) * training.plan.num_windows
    return PretrainedModel(model, unnamed(1), unnamed(0), seen)


def measured_calibration(network: Network, plan: SimulationPlan) -> Calibration:
    """Distribution of the errors over the predicted spread, the same for every series."""
    errors = np.concatenate([_relative_errors(network, plan, number) for number in range(plan.batches_for_errors)])
    calibration = calibrate(errors, np.ones((len(errors), 1)), np.zeros(len(errors), dtype=np.int64), None)
    # How errors grow beyond is a matter of the predicted spread, which grows too.
    return replace(calibration, error_scales=uncalibrated(1, 1).error_scales, growth=np.zeros(1))


@torch.no_grad()
def _relative_errors(network: Network, plan: SimulationPlan, number: int) -> Array:
    """Errors of a batch over the predicted spread on their side, of shape (windows, defaults.MAX_STEPS_LEARNED, 1)."""
    window, target = simulated_batch(np.random.default_rng([plan.seed, plan.steps, number]), plan)
    predictive_of, one = LOSSES[LOSS].predictive_of, torch.ones_like(target[:, :1])
    assert predictive_of is not None
    forecast, below, above = predictive_of(network(window), one).unbind(-1)
    errors = (target - forecast) / torch.where(target < forecast, below, above)
    padded = torch.full((len(errors), defaults.MAX_STEPS_LEARNED, 1), torch.nan, dtype=torch.float64)
    padded[:, : errors.shape[1]] = errors.clamp(-MAX_ERROR, MAX_ERROR)
    return padded.numpy()
