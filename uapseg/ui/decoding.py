"""What strangers bring is decoded one file at a time, however many come at once, and the memory is given back."""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

_TURN = threading.Lock()


@contextmanager
def decoding() -> Iterator[None]:
    """Waits until nothing else is decoded. Inside belongs what turns a file into arrays of the page's own sizes."""
    with _TURN:
        try:
            yield
        finally:
            trim()


def trim() -> None:
    """Gives the system the memory that is free, where the allocator would keep it for later."""
    trimmer = _trimmer()
    if trimmer:
        trimmer(0)


@cache
def _trimmer() -> Callable[[int], int] | None:
    with suppress(OSError, AttributeError, TypeError):  # the C library of Linux alone has it
        return ctypes.CDLL(None).malloc_trim
    return None
