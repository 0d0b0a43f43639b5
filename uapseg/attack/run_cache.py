"""What runs of one process share, so that a changed setting loads and computes nothing anew."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class RunCache:
    """Networks, data sets and validators by what they were made of; of each kind the last few are kept.

    One cache may serve several runs at once: what two of them need at the same moment may be made twice, which costs
    time and nothing else.

    Args:
        limit: How many of each kind are kept.

    Example:
        >>> cache = RunCache(limit=1)
        >>> cache.get("network", "street", lambda: "loaded")
        'loaded'
        >>> cache.get("network", "street", lambda: "loaded again")
        'loaded'
    """

    def __init__(self, limit: int = 2) -> None:
        self._limit = limit
        self._kept: dict[str, OrderedDict[Hashable, Any]] = {}
        self._lock = threading.Lock()

    def get(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for ``key``; ``make`` is called where nothing is kept for it."""
        with self._lock:
            kept = self._kept.setdefault(kind, OrderedDict())
            if key in kept:
                kept.move_to_end(key)
                return kept[key]
        made = make()
        with self._lock:
            kept[key] = made
            while len(kept) > self._limit:
                kept.popitem(last=False)
        return made
