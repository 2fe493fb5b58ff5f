"""Several processes that train one network together: who takes part, and what they share."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

_ASKED_FOR = ContextVar("asked_for", default=False)
_OURS: list[object] = []


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training; alone, every method changes nothing.

    Attributes
    ----------
    rank, size : int
        Number of this process, and how many there are.
    exchanges_on : str
        Kind of device between which the group can exchange tensors: "cpu" wherever it can, else "cuda".
    """

    rank: int = 0
    size: int = 1
    exchanges_on: str = "cpu"

    def shard(self, chosen: Tensor) -> Tensor:
        """Shard of a batch for this process; the first windows are taken twice where the batch does not divide."""
        if self.size == 1:
            return chosen
        share = -(-len(chosen) // self.size)
        return chosen[(self.rank + self.size * torch.arange(share)) % len(chosen)]

    def device(self, device: torch.device) -> torch.device:
        """Device of this process: each has a GPU of its own, and takes it too where the group knows only GPUs."""
        if self.size == 1:
            return device
        if device.type == "cpu":
            device = torch.device(self.exchanges_on)
        if device.type != "cuda" or device.index is not None:
            return device
        number = os.environ.get("LOCAL_RANK")
        return torch.device("cuda", torch.cuda.current_device() if number is None else int(number))

    def wrap(self, network: nn.Module) -> nn.Module:
        """Network that starts with the weights of process 0 and whose gradients are means over the processes."""
        if self.size == 1:
            return network
        wrapped: nn.Module = nn.parallel.DistributedDataParallel(network)
        return wrapped

    def mean(self, number: float) -> float:
        """Mean over the processes, so that all of them decide alike."""
        if self.size == 1:
            return number
        together = self._exchangeable(number, torch.float64)
        dist.all_reduce(together)
        return together.item() / self.size

    def broadcast(self, number: int) -> int:
        """Number that process 0 has."""
        if self.size == 1:
            return number
        numbers = self._exchangeable(number, torch.int64)
        dist.broadcast(numbers, src=0)
        return int(numbers.item())

    def _exchangeable(self, number: float, dtype: torch.dtype) -> Tensor:
        return torch.tensor(number, dtype=dtype, device=self.device(torch.device("cpu")))


SINGLE_PROCESS = ProcessGroup()
"""No other process takes part."""


@contextmanager
def train_together() -> Iterator[None]:
    """Let `pretrain` share its work with all processes of the group that the caller has started.

    A group may be there for other reasons, and a process that waits for others that never come waits for ever. So it
    is used only inside of this block, which every process of the group has to enter. Processes that ``torchrun`` has
    started and that have no group of their own need no block.

    Raises
    ------
    RuntimeError
        If there is no process group.

    Examples
    --------
    >>> import torch.distributed as dist
    >>> from sktime.utils._testing.panel import _make_panel
    >>> from sktime_lstm import LSTMForecaster
    >>> from sktime_lstm.training.distributed import train_together
    >>> store = dist.HashStore()
    >>> dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
    >>> with train_together():
    ...     forecaster = forecaster.pretrain(_make_panel())
    >>> forecaster.n_pretrain_instances_
    20
    >>> dist.destroy_process_group()
    """
    if not (dist.is_available() and dist.is_initialized()):
        raise RuntimeError("There is no process group. Call torch.distributed.init_process_group first.")
    token = _ASKED_FOR.set(True)
    try:
        yield
    finally:
        _ASKED_FOR.reset(token)


def current_group() -> ProcessGroup:
    """Group of the processes that ``torchrun`` has started, or that of the caller inside of `train_together`."""
    if not dist.is_available():
        return SINGLE_PROCESS
    if not dist.is_initialized() and dist.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1:
        _start()
    if not dist.is_initialized() or not (_ASKED_FOR.get() or dist.group.WORLD in _OURS):
        return SINGLE_PROCESS
    return ProcessGroup(dist.get_rank(), dist.get_world_size(), _kind_of_device(dist.get_backend_config()))


def _start() -> None:
    """Start a group once in the life of a process: a second start would meet the addresses of the first."""
    # Left to itself, a torch with CUDA wants GPUs.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    _OURS.append(dist.group.WORLD)
    atexit.register(dist.destroy_process_group)


def _kind_of_device(backends: str) -> str:
    """Device for what is exchanged by backends as torch writes them down: "cuda:nccl" or "cpu:gloo,cuda:nccl"."""
    kinds = [backend.partition(":")[0] for backend in backends.split(",")]
    return "cpu" if "cpu" in kinds else kinds[0]
