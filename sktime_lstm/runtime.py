"""Where and how to compute: device, threads, the engine of the user, seeds and the clock."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from sktime.utils.parallel import parallelize
from tqdm import tqdm

AUTO_CUDA_WINDOWS = 20_000
BACKENDS = ("None", "loky", "multiprocessing", "threading", "joblib", "dask", "ray")
"""Those of sktime that compute at once; its ``"dask_lazy"`` would leave that to the caller."""

Answer = TypeVar("Answer", covariant=True)

_LOCK = threading.Lock()
_INSIDE = {"count": 0, "threads": 1}
_HERE = threading.local()


@contextmanager
def single_thread() -> Iterator[None]:
    """Let torch compute with one thread and give the caller's setting back afterwards.

    The networks here are small: more threads wait for each other longer than they compute, and a process that was
    forked while torch ran several of them would hang. Blocks may be nested and may run in several Python threads;
    the setting that the first block found is the one that the outermost block of each thread restores.
    """
    with _LOCK:
        if _INSIDE["count"] == 0:
            _INSIDE["threads"] = torch.get_num_threads()
        _INSIDE["count"] += 1
        _HERE.depth = getattr(_HERE, "depth", 0) + 1
        torch.set_num_threads(1)
    try:
        # Tensors made in inference mode could not be trained; a caller may be in it.
        with torch.inference_mode(False), _cpu_as_default():
            yield
    finally:
        with _LOCK:
            _INSIDE["count"] -= 1
            _HERE.depth -= 1
            torch.set_num_threads(1 if _HERE.depth else _INSIDE["threads"])


def _cpu_as_default() -> AbstractContextManager[Any]:
    """Let new tensors lie on the CPU where the caller has chosen another default device."""
    return nullcontext() if torch.empty(0).device.type == "cpu" else torch.device("cpu")


class Job(Protocol[Answer]):
    """What can be computed in another process, with all that it takes."""

    def answer(self) -> Answer:
        """Compute it."""


@dataclass(frozen=True)
class Engine:
    """Where jobs are run: a backend of sktime's `parallelize` and its parameters, and whether a bar counts them.

    `device` is that on which each job that forecasts computes, as `forecasting_device` reads it.
    """

    backend: str | None = None
    parameters: dict[str, Any] | None = None
    verbose: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Check the backend even where there is only one job, which does not use it."""
        if self.backend not in (None, *BACKENDS):
            raise ValueError(
                f"backend:parallel={self.backend!r} is none of {BACKENDS}. "
                f"Set one of them, or None, with set_config(**{{'backend:parallel': ...}})."
            )

    def run(self, jobs: Iterable[Job[Answer]], number: int) -> list[Answer]:
        """Run all jobs and return their answers in order."""
        shown = tqdm(jobs, total=number, disable=not self.verbose or number < 2, unit="chunk")
        # Other processes for a single job would only cost their start.
        backend = self.backend if number > 1 else None
        return list(parallelize(run_job, shown, {}, backend, self.parameters))


HERE = Engine()
"""One job after the other."""


def run_job(job: Job[Answer], meta: dict[str, Any]) -> Answer:
    """Answer a job, in whatever process or thread it is."""
    with single_thread():
        return job.answer()


def resolve_device(device: str, num_windows: int) -> torch.device:
    """Device to compute on; "auto" is a GPU if there is one and the data are many enough to fill it."""
    if device == "auto":
        return torch.device("cuda" if num_windows >= AUTO_CUDA_WINDOWS and torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.zeros(1, device=resolved).item()
    # torch raises the first for a name or number that is not there, and the second for a kind it was built without.
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"LSTMForecaster: device={device!r} is not available here ({str(error).splitlines()[0]}). "
            f"Pass 'auto', 'cpu' or a device that torch lists."
        ) from error
    return resolved


def resolve_seed(random_state: int | np.random.RandomState | None) -> int:
    """Seed from which all others are derived; a RandomState is read, not advanced."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(copy.deepcopy(random_state).randint(2**31 - 1))
    return int(random_state)


def forecasting_device(device: str, num_windows: int) -> torch.device:
    """Device to forecast on: the same, but the CPU if it is not there, since a model may be used on another machine."""
    try:
        return with_doubles(resolve_device(device, num_windows))
    except ValueError:
        return torch.device("cpu")


def with_doubles(device: torch.device) -> torch.device:
    """The device if it has numbers of double precision, of which windows are made, else the CPU."""
    return torch.device("cpu") if device.type == "mps" else device


def seeded_generator(root_seed: int, *path: int, device: torch.device | None = None) -> torch.Generator:
    """Random generator for one purpose, independent of those with another `path` under the same root."""
    state = np.random.SeedSequence(root_seed, spawn_key=path).generate_state(2, dtype=np.uint32)
    return torch.Generator(device or "cpu").manual_seed(int(state[0]) << 31 ^ int(state[1]))


class Deadline:
    """A time budget in seconds that runs from the moment it is made; None never ends."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._start = time.perf_counter()

    @property
    def is_endless(self) -> bool:
        """Whether there is no budget."""
        return self._seconds is None

    @property
    def spent(self) -> float:
        """Share of the budget that is used up: 0 at the start, 1 or more at the end."""
        if self._seconds is None:
            return 0.0
        return (time.perf_counter() - self._start) / self._seconds if self._seconds > 0 else 1.0

    def next_part(self, parts: int) -> Deadline:
        """Deadline of the next of `parts` equal parts of what is left."""
        if self._seconds is None:
            return self
        return Deadline(max(self._seconds * (1 - self.spent), 0.0) / parts)
