"""The signals that stop a command: each is one exception, which waits while work is written to the disk."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, what ``kill`` and a shutting down system send, and the end of a terminal, which Windows does not have."""

REPEAT = 1.0
"""Seconds after which a further signal is meant to stop what the first one did not."""


class Stop(KeyboardInterrupt):
    """The end of a command by a signal.

    Args:
        number: Of the signal.
        message: What to tell the user.
    """

    def __init__(self, number: int, message: str = "Stopped.") -> None:
        super().__init__(message)
        self.number = number


class Signals:
    """Raises `Stop` in the main thread when a signal comes."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._raised = float("-inf")
        self._holds = 0

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catches the signals that this process does not ignore, until the block ends."""
        self._number, self._raised, self._holds = None, float("-inf"), 0
        if threading.current_thread() is not threading.main_thread():  # others cannot catch any
            yield
            return
        before = {number: signal.getsignal(number) for number in STOPS}
        # nohup has SIGHUP ignored, and a shell SIGINT of what it starts in the background
        ours = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
        try:
            for number in ours:
                signal.signal(number, self._handle)
            yield
        finally:
            for number, handler in ours.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lets the block come to its end first, whatever signals come."""
        self._holds += 1
        came = self._number
        try:
            yield
        finally:
            self._holds -= 1
        if self._number != came:
            self._stop()

    def check(self) -> None:
        """Raises what was lost: an exception that meets a destructor is swallowed."""
        if self._number is not None:
            self._stop()

    @property
    def number(self) -> int:
        """The signal that stopped the command; that of Ctrl-C where Python itself raised it."""
        return self._number or signal.SIGINT

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  as Python calls it
        self._number = self._number or number
        if not self._holds and time.monotonic() - self._raised > REPEAT:
            self._stop()

    def _stop(self) -> NoReturn:
        self._raised = time.monotonic()
        raise Stop(self.number)


signals = Signals()
"""Those of this process."""
