"""What the runs of one process share, so that a changed setting does not load or compute anything again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class RunCache:
    """A cache of networks, datasets and validators, keeping the most recent ones of each kind.

    It may serve several runs at once: what two of them need at the same time may be created twice, which costs time
    only.

    Args:
        limit: How many of each kind to keep.
        on_disk: Whether predictions on clean pictures may be kept on disk too, for later processes.

    Example:
        >>> cache = RunCache(limit=1)
        >>> cache.get("network", "street", lambda: "loaded")
        'loaded'
        >>> cache.get("network", "street", lambda: "loaded again")
        'loaded'
    """

    def __init__(self, limit: int = 2, *, on_disk: bool = True) -> None:
        self._limit, self.on_disk = limit, on_disk
        self._entries: dict[str, OrderedDict[Hashable, Any]] = {}
        self._lock = threading.Lock()

    def get(self, kind: str, key: Hashable, compute: Callable[[], T]) -> T:
        """Returns the value of a key, creating it with ``compute`` if it is not cached."""
        with self._lock:
            cache = self._entries.setdefault(kind, OrderedDict())
            if key in cache:
                cache.move_to_end(key)
                return cache[key]
        value = compute()
        with self._lock:
            cache[key] = value
            while len(cache) > self._limit:
                cache.popitem(last=False)
        return value
