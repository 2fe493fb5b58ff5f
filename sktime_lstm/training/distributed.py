"""Several processes that train one network together: who takes part, and what they share."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training; alone, every method changes nothing.

    Attributes
    ----------
    rank, size : int
        Number of this process, and how many there are.
    """

    rank: int = 0
    size: int = 1

    def shard(self, chosen: Tensor) -> Tensor:
        """Shard of a batch for this process; the first windows are taken twice where the batch does not divide."""
        if self.size == 1:
            return chosen
        share = -(-len(chosen) // self.size)
        return chosen[(self.rank + self.size * torch.arange(share)) % len(chosen)]

    def device(self, device: torch.device) -> torch.device:
        """Device of this process: each has a GPU of its own."""
        if self.size == 1 or device.type != "cuda" or device.index is not None:
            return device
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))

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
        together = torch.tensor(number, dtype=torch.float64)
        dist.all_reduce(together)
        return float(together) / self.size

    def broadcast(self, number: int) -> int:
        """Number that process 0 has."""
        numbers = [number]
        if self.size > 1:
            dist.broadcast_object_list(numbers)
        return numbers[0]


SINGLE_PROCESS = ProcessGroup()
"""No other process takes part."""


def current_group() -> ProcessGroup:
    """Group of the processes that ``torchrun`` has started, or of those that the caller has brought together."""
    if not dist.is_available():
        return ProcessGroup()
    if not dist.is_initialized() and dist.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1:
        # Once in the life of a process: a second start would meet the addresses of the first. Left to itself, a
        # torch with CUDA wants GPUs.
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        atexit.register(dist.destroy_process_group)
    return ProcessGroup(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else ProcessGroup()
