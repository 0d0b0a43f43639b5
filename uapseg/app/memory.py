"""What the page takes of the machine's memory, and gives back: the allocator of glibc would keep nearly all of it."""

import ctypes
import threading
from contextlib import suppress
from functools import cache

DECODING = threading.Lock()
"""Held while something that a stranger sent is decoded: one file at a time, however many come at once."""

ARENAS = 2
"""Heaps that threads share. By default there are eight for each core, and each keeps the most that it ever held."""

TRIM_SECONDS = 15.0

_ARENA_MAX = -8
"""What ``malloc.h`` calls M_ARENA_MAX."""


@cache
def limit_arenas() -> None:
    """Has this process share few heaps from now on, and give free memory back every few seconds.

    Does nothing where the C library is another than glibc. Call it before threads begin.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  others have none
        libc.mallopt(_ARENA_MAX, ARENAS)
        threading.Thread(target=_trim, args=(libc,), name="trim", daemon=True).start()


def _trim(libc: ctypes.CDLL) -> None:
    pause = threading.Event()
    while not pause.wait(TRIM_SECONDS):
        libc.malloc_trim(0)
