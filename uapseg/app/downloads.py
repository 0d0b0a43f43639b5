"""Files on their way to this machine: one thread for each set of them, however many visitors wait for it."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence

from uapseg.app import strings
from uapseg.errors import UapsegError
from uapseg.io.download import DiskError, Download, Progress, UnreachableError, WrongContentError

LOG = logging.getLogger(__name__)

DOWNLOAD_PATIENCE = 60.0
"""Seconds after which a visitor who no longer asks counts as gone."""


Steps = Generator[Progress, None, Sequence[str]]


class Fetch:
    """A set of files on its way. It stops when nobody waits for it any more; what has come stays, to go on from.

    Args:
        begin: Begins to fetch them; what it returns in the end are the names of the files that could not be had.
        total: How many bytes they are, where that is known.
        token: The first visitor who waits.
        whole: Whether every file is needed, and not only as many as can be had.

    Attributes:
        received: Bytes that have come.
        total: Bytes that there are, None where the server does not say.
        over: Whether nothing more will come.
        error: Why it failed, in a sentence; empty where it did not.
        failed: The names of the files that did not come although the others did.
        whole: Whether every file is needed.
        stopped: Whether it ended because nobody waited any more.
    """

    def __init__(self, begin: Callable[[], Steps], total: int | None, token: str, *, whole: bool = True) -> None:
        self.whole = whole
        self.received, self.total = 0, total
        self.over, self.error, self.stopped = False, "", False
        self.failed: Sequence[str] = ()
        self._begin = begin
        self._waiting = {token: time.monotonic()}
        threading.Thread(target=self._run, daemon=True).start()

    def wait_for(self, token: str) -> None:
        """Notes that a visitor waits, and still does."""
        self._waiting[token] = time.monotonic()

    def leave(self, token: str) -> None:
        """Notes that a visitor no longer waits."""
        self._waiting.pop(token, None)

    def _run(self) -> None:
        try:
            self.failed = self._fetched()
        except UapsegError as error:
            self.error = download_error(error)
        except Exception:
            LOG.exception("Files could not be fetched.")
            self.error = strings.NOT_FETCHED
        finally:
            self.over = True

    def _fetched(self) -> Sequence[str]:
        coming = self._begin()
        while True:
            try:
                progress = next(coming)
            except StopIteration as end:
                return end.value
            self.received, self.total = progress.received, progress.total or self.total
            if all(time.monotonic() - asked > DOWNLOAD_PATIENCE for asked in list(self._waiting.values())):
                coming.close()
                self.stopped = True
                return ()


def download_error(error: UapsegError) -> str:
    """Why a download failed, and how to mend it; the error's own message names files of this machine."""
    reasons = {
        UnreachableError: strings.UNREACHABLE,
        DiskError: strings.NO_ROOM,
        WrongContentError: strings.WRONG_FILE,
    }
    return next((sentence for kind, sentence in reasons.items() if isinstance(error, kind)), strings.NOT_FETCHED)


def download_size(downloads: Sequence[Download]) -> int | None:
    """How many bytes the files are; None where one of them is not known."""
    sizes = [download.size for download in downloads]
    return None if None in sizes else sum(size or 0 for size in sizes)
