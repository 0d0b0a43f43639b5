"""The queue for the device: the visitors' runs and the calls of programs wait in one line."""

import itertools
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from uapseg.errors import UapsegError
from uapseg.io.environment import read_number

CALL_SECONDS = 10.0
"""A waiter that does not come within this time when it is its turn goes to the end of the queue."""

MOST_WAITING = 1000
MOST_CALLS = 16
"""Programs that wait at once, each with a thread of the server."""

RANK_SECONDS = 0.5
"""How old the order may be: a waiter that leaves without saying so is noticed that much later."""

FULL = "Too many runs wait for the device already: try again in a few minutes."


class Waiter(Protocol):
    """A visitor's run or a program that waits for the device.

    Attributes:
        ticket: Another number each time the waiter joins the queue.
    """

    ticket: int

    @property
    def is_present(self) -> bool:
        """Whether the waiter is still there; who is not loses no place, but is passed over."""
        ...


class Call:
    """A program that waits: it is there as long as its request is.

    Example:
        >>> Call().is_present
        True
    """

    ticket = 0
    is_present = True


class RunQueue:
    """A queue for a device that a few can use at once.

    Args:
        places: How many; None takes ``UAPSEG_CONCURRENCY``, or 1.

    Raises:
        UapsegError: ``UAPSEG_CONCURRENCY`` is not such a number.

    Example:
        >>> queue, first, second = RunQueue(places=1), Call(), Call()
        >>> queue.join(first)
        >>> queue.join(second)
        >>> queue.enter(first), queue.enter(second), queue.place(second)
        (True, False, 1)
    """

    def __init__(self, places: int | None = None) -> None:
        self._places = _read_places() if places is None else places
        self._waiting: dict[Waiter, None] = {}
        self._using: set[Waiter] = set()
        self._turn_came: dict[Waiter, float] = {}
        self._ranks: dict[Waiter, int] = {}
        self._stale, self._ranked = True, 0.0
        self._tickets = itertools.count(1)
        self._changed = threading.Condition()

    def join(self, waiter: Waiter) -> None:
        """Puts a waiter at the end.

        Raises:
            UapsegError: Too many wait already.
        """
        with self._changed:
            calls = sum(isinstance(each, Call) for each in self._waiting)
            if len(self._waiting) >= MOST_WAITING or (isinstance(waiter, Call) and calls >= MOST_CALLS):
                raise UapsegError(FULL)
            self._append(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Takes a waiter out of the queue, or the device from it; does nothing where it has neither."""
        with self._changed:
            self._using.discard(waiter)
            self._waiting.pop(waiter, None)
            self._turn_came.pop(waiter, None)
            self._notify()

    def place(self, waiter: Waiter) -> int:
        """How many wait before this one, and it: 1 is next; 0 does not wait."""
        with self._changed:
            if waiter not in self._waiting:
                return 0
            return self._order().get(waiter) or len(self._ranks) + 1

    def turn(self, waiter: Waiter) -> bool:
        """Whether the device is free for this one."""
        with self._changed:
            return self._is_next(waiter)

    def enter(self, waiter: Waiter) -> bool:
        """Gives the device to a waiter until it leaves, if it is its turn; whether it was."""
        with self._changed:
            self._notify()  # nobody who has gone stands in the way
            if not self._is_next(waiter):
                return False
            del self._waiting[waiter]
            self._turn_came.pop(waiter, None)
            self._using.add(waiter)
            self._notify()
            return True

    def has(self, waiter: Waiter) -> bool:
        """Whether the device works for this one."""
        with self._changed:
            return waiter in self._using

    @contextmanager
    def turn_of(self, call: Call) -> Generator[None, None, None]:
        """Waits until a program has the device, and takes it back in the end.

        Raises:
            UapsegError: Too many wait already.
        """
        self.join(call)
        try:
            while not self.enter(call):
                with self._changed:
                    self._changed.wait(RANK_SECONDS)
            yield
        finally:
            self.leave(call)

    def _append(self, waiter: Waiter) -> None:
        self._waiting.pop(waiter, None)
        self._turn_came.pop(waiter, None)
        waiter.ticket = next(self._tickets)
        self._waiting[waiter] = None
        self._notify()

    def _notify(self) -> None:
        self._stale = True
        self._changed.notify_all()

    def _is_next(self, waiter: Waiter) -> bool:
        if waiter not in self._waiting:
            return False
        rank = self._order().get(waiter)
        return rank is not None and rank <= self._places - len(self._using)

    def _order(self) -> dict[Waiter, int]:
        """The place of everyone who is there, worked out now and then: hundreds ask for it many times a second."""
        now = time.monotonic()
        if self._stale or now - self._ranked > RANK_SECONDS:
            self._call(now)
            self._ranks = {waiter: rank for rank, waiter in enumerate(self._present_waiters(), 1)}
            self._stale, self._ranked = False, now
        return self._ranks

    def _call(self, now: float) -> None:
        """Notes whose turn it is; who has not come goes to the end."""
        free = max(0, self._places - len(self._using))
        for waiter in itertools.islice(self._present_waiters(), free):
            if now - self._turn_came.setdefault(waiter, now) > CALL_SECONDS:
                self._append(waiter)

    def _present_waiters(self) -> list[Waiter]:
        return [waiter for waiter in self._waiting if waiter.is_present]


def _read_places() -> int:
    """How many runs may go at once."""
    return read_number("UAPSEG_CONCURRENCY", 1, 1, "runs at once")
