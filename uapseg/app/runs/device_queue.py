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

MAX_WAITING = 1000
MAX_CALLS = 16
"""Programs that wait at once, each with a thread of the server."""

RANK_SECONDS = 0.5
"""How old the order may be: a waiter that leaves without saying so is noticed that much later."""

FULL = "Too many runs wait for the device already: try again in a few minutes."


class Waiter(Protocol):
    """A visitor's run or an API call that waits for the device.

    Attributes:
        ticket: A new number each time the waiter joins the queue.
    """

    ticket: int

    @property
    def is_present(self) -> bool:
        """Whether the waiter is still connected; an absent one keeps its position, but is skipped."""
        ...


class Call:
    """An API call that waits. It always counts as present, so that a call whose client has gone is carried out too.

    Example:
        >>> Call().is_present
        True
    """

    ticket = 0
    is_present = True


class RunQueue:
    """A queue for a device that a fixed number of runs can use at once.

    Args:
        places: That number; None takes ``UAPSEG_CONCURRENCY``, or 1.

    Raises:
        UapsegError: ``UAPSEG_CONCURRENCY`` is not a positive whole number.

    Example:
        >>> queue, first, second = RunQueue(places=1), Call(), Call()
        >>> queue.join(first)
        >>> queue.join(second)
        >>> queue.enter(first), queue.enter(second), queue.place(second)
        (True, False, 1)
    """

    def __init__(self, places: int | None = None) -> None:
        self._capacity = _read_places() if places is None else places
        self._waiters: dict[Waiter, None] = {}
        self._users: set[Waiter] = set()
        self._turn_times: dict[Waiter, float] = {}
        self._ranks: dict[Waiter, int] = {}
        self._is_stale, self._ranks_time = True, 0.0
        self._tickets = itertools.count(1)
        self._condition = threading.Condition()

    def join(self, waiter: Waiter) -> None:
        """Appends a waiter to the queue.

        Raises:
            UapsegError: The queue is full.
        """
        with self._condition:
            calls = sum(isinstance(waiting_one, Call) for waiting_one in self._waiters)
            if len(self._waiters) >= MAX_WAITING or (isinstance(waiter, Call) and calls >= MAX_CALLS):
                raise UapsegError(FULL)
            self._append(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Removes a waiter from the queue, or releases its device; does nothing if it has neither."""
        with self._condition:
            self._users.discard(waiter)
            self._waiters.pop(waiter, None)
            self._turn_times.pop(waiter, None)
            self._notify()

    def place(self, waiter: Waiter) -> int:
        """The position of a waiter in the queue: 1 is next; 0 if it does not wait."""
        with self._condition:
            if waiter not in self._waiters:
                return 0
            return self._order().get(waiter) or len(self._ranks) + 1

    def turn(self, waiter: Waiter) -> bool:
        """Whether the device is free for this waiter."""
        with self._condition:
            return self._is_next(waiter)

    def enter(self, waiter: Waiter) -> bool:
        """Gives the device to a waiter until it leaves, if it is its turn; returns whether it was."""
        with self._condition:
            self._notify()  # an absent waiter blocks nobody
            if not self._is_next(waiter):
                return False
            del self._waiters[waiter]
            self._turn_times.pop(waiter, None)
            self._users.add(waiter)
            self._notify()
            return True

    def has(self, waiter: Waiter) -> bool:
        """Whether this waiter has the device."""
        with self._condition:
            return waiter in self._users

    @contextmanager
    def turn_of(self, call: Call) -> Generator[None, None, None]:
        """Waits until an API call has the device, and releases it when the block ends.

        Raises:
            UapsegError: The queue is full.
        """
        self.join(call)
        try:
            while not self.enter(call):
                with self._condition:
                    self._condition.wait(RANK_SECONDS)
            yield
        finally:
            self.leave(call)

    def _append(self, waiter: Waiter) -> None:
        self._waiters.pop(waiter, None)
        self._turn_times.pop(waiter, None)
        waiter.ticket = next(self._tickets)
        self._waiters[waiter] = None
        self._notify()

    def _notify(self) -> None:
        self._is_stale = True
        self._condition.notify_all()

    def _is_next(self, waiter: Waiter) -> bool:
        if waiter not in self._waiters:
            return False
        rank = self._order().get(waiter)
        return rank is not None and rank <= self._capacity - len(self._users)

    def _order(self) -> dict[Waiter, int]:
        """The position of every present waiter, cached briefly: hundreds of waiters query it many times a second."""
        time_now = time.monotonic()
        if self._is_stale or time_now - self._ranks_time > RANK_SECONDS:
            self._call(time_now)
            self._ranks = {waiter: rank for rank, waiter in enumerate(self._present_waiters(), 1)}
            self._is_stale, self._ranks_time = False, time_now
        return self._ranks

    def _call(self, time_now: float) -> None:
        """Notes whose turn it is; a waiter that does not respond goes to the end."""
        free_places = max(0, self._capacity - len(self._users))
        for waiter in itertools.islice(self._present_waiters(), free_places):
            if time_now - self._turn_times.setdefault(waiter, time_now) > CALL_SECONDS:
                self._append(waiter)

    def _present_waiters(self) -> list[Waiter]:
        return [waiter for waiter in self._waiters if waiter.is_present]


def _read_places() -> int:
    """The number of runs that may train at once."""
    return read_number("UAPSEG_CONCURRENCY", 1, 1, "runs at once")
