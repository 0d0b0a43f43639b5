"""Data parallelism as an argument; one process is the trivial case. The only module that uses torch.distributed."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.io.environment import read_number

T = TypeVar("T")
dist: Any = torch.distributed  # whose functions are typed only in part

PATIENCE = timedelta(days=2)
"""How long processes wait for one that downloads; where all compute, the ten or thirty minutes of torch are enough."""


@dataclass(frozen=True)
class Workers:
    """The processes that share a run.

    Attributes:
        rank: The index of this process.
        world: The number of processes.
        local_rank: The index of this process among those of its machine.
        patient: The group that `wait` waits in; None for the one of all sums.

    Example:
        >>> Workers(rank=1, world=2).shard([10, 11, 12])
        [11]
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    patient: Any = None

    def shard(self, batch: Sequence[T]) -> Sequence[T]:
        """Returns this process's share of a batch; all shares together are the batch."""
        return batch[self.rank :: self.world]

    def sum(self, value: Tensor) -> Tensor:
        """Sums a tensor over the processes; rounding may depend on their number."""
        if self.world > 1:
            dist.all_reduce(value)
        return value

    def gather(self, rows: list[T]) -> list[T]:
        """Gathers the results for a batch from all processes, in its order; the inverse of `shard`.

        Args:
            rows: This process's results, one for each element of its share: picklable, tensors on the CPU.
        """
        if self.world == 1:
            return rows
        shares: list[Any] = [None] * self.world
        dist.all_gather_object(shares, rows)
        values: list[Any] = [None] * sum(map(len, shares))
        for rank, share in enumerate(shares):
            values[rank :: self.world] = share
        return values

    def wait(self) -> None:
        """Waits for all processes, up to `PATIENCE`: one of them may be downloading."""
        if self.world > 1:
            dist.barrier(self.patient)


SINGLE_PROCESS = Workers()


@contextmanager
def init_distributed(device: str = "auto") -> Generator[Workers]:
    """Joins the processes that torchrun started; without torchrun, a single one.

    Args:
        device: The device to compute on, as in `uapseg.attack.run.choose_device`; on GPUs, each process takes its own.

    Raises:
        UapsegError: There are fewer GPUs than processes.

    Example:
        >>> with init_distributed() as workers:
        ...     workers.world
        1
    """
    if read_number("WORLD_SIZE", 1, 1) == 1:
        yield SINGLE_PROCESS
        return
    uses_gpus = torch.cuda.is_available() and device != "cpu"
    backend = "cpu:gloo,cuda:nccl" if uses_gpus else "gloo"
    if uses_gpus:
        torch.cuda.set_device(_own_gpu(read_number("LOCAL_RANK", 0), torch.cuda.device_count()))
    dist.init_process_group(backend)
    patient = dist.new_group(backend="gloo", timeout=PATIENCE)
    try:
        yield Workers(dist.get_rank(), dist.get_world_size(), read_number("LOCAL_RANK", 0), patient)
    finally:
        dist.destroy_process_group()


def _own_gpu(local_rank: int, count: int) -> int:
    """The GPU of a process, which must be its own: NCCL refuses to share one.

    Raises:
        UapsegError: There are fewer GPUs than processes.
    """
    if local_rank >= count:
        raise UapsegError(
            f"This machine has {count} GPU{'s' * (count != 1)}, and each process needs one of its own: start at most "
            "as many with --nproc-per-node."
        )
    return local_rank
