"""Forecasts of many series from many cutoffs: in chunks, which the engine of the user may run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from sktime_lstm.data.horizon import ResolvedHorizon, pairs_of
from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.data.time_axis import Positions
from sktime_lstm.data.windows import Rows
from sktime_lstm.forecasting.fitted_model import MAX_PATHS, FittedModel
from sktime_lstm.forecasting.preprocessing import HistorySummary
from sktime_lstm.runtime import Engine, forecasting_device, seeded_generator

# The same with every engine and without one: the last digits of a forecast depend on its batch.
SERIES_PER_CHUNK = 512


@dataclass(frozen=True)
class Request:
    """What is asked of every row: the point forecast, or the quantiles at `alphas`, or `num_samples` drawn values.

    These are drawn with random numbers of the streams under `seed`, a root seed and the number of a stream.
    """

    alphas: list[float] | None = None
    num_samples: int | None = None
    seed: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the answer for each row and variable."""
        asked = self.num_samples if self.alphas is None else len(self.alphas)
        return () if asked is None else (asked,)

    def on(self, engine: Engine, num_origins: int) -> torch.device:
        """Device on which forecasts from so many origins are computed."""
        return forecasting_device(engine.device, num_origins * (self.num_samples or 1))

    @property
    def series_per_chunk(self) -> int:
        """How many series are forecast at once."""
        return SERIES_PER_CHUNK if self.num_samples is None else max(MAX_PATHS // self.num_samples, 1)


@dataclass(frozen=True)
class Job:
    """Some series, what is asked of them, and all that it takes to answer.

    Attributes
    ----------
    model : FittedModel
        What forecasts.
    panel, summary : Panel and HistorySummary
        The series.
    origins, steps : array of shape (rows,)
        Rows of the panel after which the future begins, and steps ahead.
    streams : array of shape (distinct origins, 2)
        What sets the random numbers of each origin apart from those of others.
    request : Request
        What is asked of each row.
    device : torch.device
        Where to compute.
    complete : bool
        Whether forecasts start within the series; else all start where its history ends.
    """

    model: FittedModel
    panel: Panel
    summary: HistorySummary
    origins: Rows
    steps: Rows
    streams: Rows
    request: Request
    device: torch.device
    complete: bool

    def answer(self) -> Array:
        """Forecasts of shape (rows, variables, *request.shape)."""
        model, request = self.model.on(self.device), self.request
        past = model.past_of(self.panel, self.summary, complete=self.complete)
        if request.num_samples is None:
            return model.forecast(past, self.origins, self.steps, request.alphas)
        return model.sample(
            past, self.origins, self.steps, num_samples=request.num_samples, random=self._random_numbers
        )

    def _random_numbers(self, draw: int, shape: tuple[int, ...]) -> Array:
        """Numbers of every origin from a stream of its own: they depend neither on chunks nor on other cutoffs."""
        generators = (seeded_generator(*self.request.seed, draw, *map(int, key)) for key in self.streams)
        return torch.stack([torch.rand(shape, generator=each, dtype=torch.float64) for each in generators]).numpy()


def forecast_from_ends(
    model: FittedModel, panel: Panel, summary: HistorySummary, rows: ResolvedHorizon, request: Request, engine: Engine
) -> Array:
    """Forecast rows after the ends of series, each of which may be cut off at several cutoffs.

    Parameters
    ----------
    model : FittedModel
        What forecasts.
    panel : Panel
        The series, with covariates of the rows to forecast.
    summary : HistorySummary
        Of each series as it was known before each distinct pair of series and origin, in the order of `rows`.
    rows : ResolvedHorizon
        What to forecast; rows of one pair follow each other.
    request : Request
        What is asked of each row.
    engine : Engine
        Where to compute.
    """
    first = pairs_of(rows)
    instance, end = rows.instance[first], rows.origin[first] - 1
    borders = np.append(first, len(rows.origin))
    past, parts = 2 * model.preprocessing.context_length, chunks(len(first), request.series_per_chunk)
    device = request.on(engine, len(first))

    def jobs() -> Iterator[Job]:
        for chosen in parts:
            asked = slice(borders[chosen[0]], borders[chosen[-1] + 1])
            steps, number = rows.step[asked], np.repeat(chosen - chosen[0], np.diff(borders)[chosen])
            part = panel.cut(instance[chosen], end[chosen], past=past, future=int(steps.max()))
            origins = part.rows(number, rows.origin[asked])
            streams = np.stack([instance[chosen], np.zeros_like(chosen)], axis=1)
            known = model.knowing(part.keys)
            yield Job(known, part, summary.only(chosen), origins, steps, streams, request, device, complete=False)

    return np.concatenate(engine.run(jobs(), len(parts)))


def forecast_within(
    model: FittedModel, panel: Panel, summary: HistorySummary, rows: ResolvedHorizon, request: Request, engine: Engine
) -> Array:
    """Forecast rows from origins within the panel; arguments as in `forecast_from_ends`, one summary a series."""
    parts = chunks(panel.num_instances, request.series_per_chunk)
    borders = np.searchsorted(rows.instance, [*(part[0] for part in parts), panel.num_instances])
    asked, device = [slice(*pair) for pair in pairwise(borders)], request.on(engine, len(pairs_of(rows)))

    def jobs() -> Iterator[Job]:
        for chosen, wanted in zip(parts, asked, strict=True):
            if wanted.start == wanted.stop:
                continue
            part, steps = panel.part(chosen[0], chosen[-1] + 1), rows.step[wanted]
            instance = rows.instance[wanted] - chosen[0]
            origins = part.rows(instance, rows.origin[wanted])
            distinct = np.unique(origins)
            within = part.series_of(distinct)
            streams = np.stack([within + chosen[0], distinct - part.bounds[within] + 1], axis=1)
            known = model.knowing(part.keys)
            yield Job(known, part, summary.only(chosen), origins, steps, streams, request, device, complete=True)

    return np.concatenate(engine.run(jobs(), sum(wanted.start < wanted.stop for wanted in asked)))


def chunks(number: int, size: int) -> list[Positions]:
    """Numbers of so many series, chunk by chunk."""
    return [np.arange(start, min(start + size, number)) for start in range(0, number, size)]
