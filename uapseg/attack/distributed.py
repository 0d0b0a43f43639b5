"""Several processes as an argument; a single one is the case of one. The only file that knows torch.distributed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from uapseg.io.environment import read_number

T = TypeVar("T")


@dataclass(frozen=True)
class Workers:
    """The processes that share a run.

    Attributes:
        rank: The number of this one, from 0.
        world: How many there are.
    """

    rank: int = 0
    world: int = 1

    def shard(self, batch: Sequence[T]) -> Sequence[T]:
        """This process's share of a batch; all shares together are the batch."""
        return batch[self.rank :: self.world]

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over the processes; rounding may differ with their number."""
        if self.world > 1:
            dist.all_reduce(value)
        return value

    def gather(self, rows: list[T]) -> list[T]:
        """What all processes have of a batch, in its order; the opposite of `shard`.

        Args:
            rows: What this process has for each of its share: values that pickle, tensors on the CPU.
        """
        if self.world == 1:
            return rows
        shares: list[Any] = [None] * self.world
        dist.all_gather_object(shares, rows)
        whole: list[Any] = [None] * sum(map(len, shares))
        for rank, share in enumerate(shares):
            whole[rank :: self.world] = share
        return whole

    def wait(self) -> None:
        """Returns when all processes have come here."""
        if self.world > 1:
            dist.barrier()


SINGLE_PROCESS = Workers()


@contextmanager
def init_distributed() -> Iterator[Workers]:
    """The processes that torchrun started, or this one alone."""
    if read_number("WORLD_SIZE", 1, 1) == 1:
        yield SINGLE_PROCESS
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(read_number("LOCAL_RANK", 0))
    dist.init_process_group(backend)
    try:
        yield Workers(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
