"""A cache of decoded pictures that all datasets share, with prefetching in background threads.

Threads, not processes: Pillow releases the GIL for 93 % of the time or more, nothing has to be copied between
processes, and the forked worker of ZeroGPU may start threads but not processes.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uapseg.io.environment import read_number, thread_count

Pixels = NDArray[np.uint8]

MIB = 1 << 20
MAX_BYTES = 2048 * MIB
"""The default limit of the cache, in bytes."""


class ImageCache:
    """An LRU cache of arrays, limited by their total size in bytes.

    Args:
        limit: The size limit in bytes.

    Example:
        >>> cache = ImageCache(limit=100)
        >>> cache.submit("zeros", lambda: np.zeros(10, np.uint8)).result().sum()
        np.uint64(0)
        >>> cache.byte_count
        10
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.byte_count = 0
        self.lock = threading.Lock()
        self._arrays: OrderedDict[Hashable, Pixels] = OrderedDict()
        self._futures: dict[Hashable, Future[Pixels]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, key: Hashable, compute: Callable[[], Pixels]) -> Future[Pixels]:
        """Returns a future of the array with this key, computing it on a background thread if it is not cached.

        Args:
            key: What identifies the array.
            compute: Computes it; called once however many callers wait.
        """
        with self.lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return _future_of(self._arrays[key])
            if key not in self._futures:
                self._pool = self._pool or ThreadPoolExecutor(thread_count(), thread_name_prefix="decode")
                self._futures[key] = self._pool.submit(self._make, key, compute)
            return self._futures[key]

    def _make(self, key: Hashable, compute: Callable[[], Pixels]) -> Pixels:
        try:
            array = compute()
        except BaseException:
            with self.lock:
                del self._futures[key]
            raise
        with self.lock:
            del self._futures[key]
            self._arrays[key] = array
            self.byte_count += array.nbytes
            while self.byte_count > self.limit:
                self.byte_count -= self._arrays.popitem(last=False)[1].nbytes
        return array

    def after_fork(self) -> None:
        """Resets the cache in a forked process, which has none of its parent's threads but its locked lock."""
        self._futures, self._pool = {}, None
        self.lock.release()


@cache
def shared_cache() -> ImageCache:
    """Returns the cache that all datasets of this process share.

    Example:
        >>> shared_cache() is shared_cache()
        True
    """
    memory = ImageCache(memory_limit())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=memory.lock.acquire, after_in_parent=memory.lock.release, after_in_child=memory.after_fork
        )
    return memory


def memory_limit() -> int:
    """Returns the size limit of the shared cache: ``UAPSEG_MEMORY`` in MiB, or a quarter of the memory, at most 2 GiB.

    The processes of a ``torchrun`` share this quarter; ``UAPSEG_MEMORY`` applies to each.

    Raises:
        UapsegError: ``UAPSEG_MEMORY`` is not a number.

    Example:
        >>> memory_limit() % MIB
        0
    """
    default_bytes = min(MAX_BYTES, _available_memory() // 4) // read_number("LOCAL_WORLD_SIZE", 1, 1)
    return read_number("UAPSEG_MEMORY", default_bytes // MIB, unit="MiB") * MIB


def _available_memory() -> int:
    """Bytes of memory that this process may use; 4 GiB if unknown."""
    limits: list[int] = []
    with suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            limits.append(int(Path(file).read_text()))  # what a container is allowed
    return min((size for size in limits if size > 0), default=4096 * MIB)


def _future_of(array: Pixels) -> Future[Pixels]:
    future: Future[Pixels] = Future()
    future.set_result(array)
    return future
