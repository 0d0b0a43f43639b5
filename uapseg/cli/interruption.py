"""Signals that stop a command: each raises one exception, which waits while results are written to the disk."""

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, ``kill`` or a shutdown, and a closed terminal, which Windows does not have."""

REPEAT = 1.0
"""Seconds after which a further signal counts as a new attempt to stop."""


class Stop(KeyboardInterrupt):
    """A signal that stopped the command.

    Args:
        number: The number of the signal.
        message: The message for the user.

    Example:
        >>> Stop(15).number
        15
    """

    def __init__(self, number: int, message: str = "Stopped.") -> None:
        super().__init__(message)
        self.number = number


class Signals:
    """Raises `Stop` in the main thread when a signal arrives.

    Example:
        >>> signals = Signals()
        >>> with signals.catch():  # a signal in this block raises Stop
        ...     with signals.delay():
        ...         pass  # but not before this block has ended
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._last_stop = float("-inf")
        self._delay_depth = 0

    @contextmanager
    def catch(self) -> Generator[None]:
        """Catches the signals that this process does not ignore, while the block runs."""
        self._number, self._last_stop, self._delay_depth = None, float("-inf"), 0
        if threading.current_thread() is not threading.main_thread():  # only the main thread can set handlers
            yield
            return
        old_handlers = {number: signal.getsignal(number) for number in STOPS}
        # nohup ignores SIGHUP, and shells ignore SIGINT in background processes: both are left ignored
        caught_handlers = {
            number: handler for number, handler in old_handlers.items() if handler is not signal.SIG_IGN
        }
        try:
            for number in caught_handlers:
                signal.signal(number, self._handle)
            yield
        finally:
            for number, handler in caught_handlers.items():
                signal.signal(number, handler)

    @contextmanager
    def delay(self) -> Generator[None]:
        """Delays signals until the block has ended."""
        self._delay_depth += 1
        earlier_number = self._number
        try:
            yield
        finally:
            self._delay_depth -= 1
        if self._number != earlier_number:
            self._stop()

    def check(self) -> None:
        """Raises a stop that was lost: Python ignores exceptions that are raised inside a destructor."""
        if self._number is not None:
            self._stop()

    @property
    def number(self) -> int:
        """The signal that stopped the command; SIGINT if Python itself raised it."""
        return self._number or signal.SIGINT

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  Python passes it
        self._number = self._number or number
        if not self._delay_depth and time.monotonic() - self._last_stop > REPEAT:
            self._stop()

    def _stop(self) -> NoReturn:
        self._last_stop = time.monotonic()
        raise Stop(self.number)


signals = Signals()
"""The signals of this process."""
