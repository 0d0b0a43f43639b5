"""Label maps of many pictures: compressed, in memory up to a limit, and in a temporary file beyond it."""

import tempfile
import threading
import zlib
from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from uapseg.datasets.cache import memory_limit
from uapseg.errors import UapsegError
from uapseg.io.download import cache_folder

MEMORY_SHARE = 16
"""A store takes one part of this many of the memory for decoded pictures, see ``UAPSEG_MEMORY``."""

HEADER = 4
"""Bytes before each entry that hold its length."""


class MapStore:
    """Arrays of small integers by number.

    An entry costs 8 bytes of memory beside its compressed content. The file is deleted with the store, and when the
    process ends.

    Args:
        max_bytes: The most bytes of compressed content in memory; None for a share of the memory for decoded pictures.

    Example:
        >>> store = MapStore()
        >>> store.add(3, np.zeros((2, 512, 512), np.uint8))
        >>> 3 in store, list(store), store.read(3).size, store.nbytes < 10_000
        (True, [3], 524288, True)
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self._max_bytes = memory_limit() // MEMORY_SHARE if max_bytes is None else max_bytes
        self._starts = array("q")
        self._lock = threading.Lock()  # runs of one process may share a store
        self._byte_count = 0
        self._file = tempfile.SpooledTemporaryFile[bytes](max_size=max(1, self._max_bytes), dir=_folder())

    def __contains__(self, number: int) -> bool:
        return number < len(self._starts) and self._starts[number] >= 0

    def __iter__(self) -> Iterator[int]:
        return (number for number in range(len(self._starts)) if number in self)

    @property
    def nbytes(self) -> int:
        """The bytes of all entries, in memory and on the disk."""
        return self._byte_count

    def add(self, number: int, maps: NDArray[np.uint8]) -> None:
        """Stores an array, once for each number.

        Raises:
            UapsegError: There is no room on the disk.
        """
        content = zlib.compress(maps.tobytes(), 1)
        with self._lock:
            if number in self:
                return
            try:
                self._file.seek(self._byte_count)
                self._file.write(len(content).to_bytes(HEADER) + content)
            except OSError as error:
                raise UapsegError(
                    f"Clean predictions cannot be stored on the disk ({error.strerror}): make room in {_folder()}."
                ) from error
            self._starts.extend([-1] * (number + 1 - len(self._starts)))
            self._starts[number], self._byte_count = self._byte_count, self._byte_count + HEADER + len(content)

    def read(self, number: int) -> NDArray[np.uint8]:
        """Reads the values of an array (n), in a row."""
        with self._lock:
            self._file.seek(self._starts[number])
            content = self._file.read(int.from_bytes(self._file.read(HEADER)))
        return np.frombuffer(zlib.decompress(content), np.uint8)


def _folder() -> str | None:
    """The cache, as the system's folder for temporary files may be in memory."""
    return str(cache_folder()) if cache_folder().is_dir() else None
