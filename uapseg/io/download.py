"""Fetching files: resumed where they stopped, tried again, checked, and in place whole or not at all."""

import os
import queue
import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_cache_path

from uapseg.errors import UapsegError
from uapseg.io.transport import (
    Check,
    DiskError,
    Download,
    InterruptedDownloadError,
    NoConnectionError,
    Part,
    Progress,
    WrongContentError,
)

__all__ = ["Download", "Progress", "UnreachableError", "cache_folder", "fetch", "fetch_all"]

ATTEMPTS = 4
"""How often in a row a server may fail without sending anything new."""

RETRY_DELAY = 0.5
"""Seconds before the second attempt; doubled before each further one."""


class UnreachableError(UapsegError):
    """No connection at all: other files of the same server need not be tried."""


def cache_folder() -> Path:
    """Where the project keeps what it fetches and draws: ``UAPSEG_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("UAPSEG_CACHE") or user_cache_path("uapseg"))


def fetch(download: Download, check: Check | None = None) -> Generator[Progress, None, None]:
    """Fetches a file, unless it is there already.

    A file with a checksum goes on where an earlier call stopped, any other where an earlier attempt of this call did.

    Args:
        download: What to fetch.
        check: Looks at the file before it is put in place.

    Raises:
        UapsegError: There is no connection, no such file, or it is not the one it should be.
    """
    if download.path.is_file():
        return
    part = Part(download)
    try:
        yield from _attempts(part, download, check)
        part.put_in_place()
    finally:
        part.leave()


def fetch_all(
    downloads: Iterable[Download], *, parallel: int = 8, check: Check | None = None
) -> Generator[Progress, None, list[str]]:
    """Fetches many files at once; those that are there already are left alone.

    Args:
        downloads: What to fetch.
        parallel: How many at once.
        check: Looks at each file before it is put in place, on any thread.

    Returns:
        The names of the files that could not be fetched.

    Raises:
        UapsegError: There is no connection, or no room on the disk.
    """
    batch = _Batch([d for d in {d.path: d for d in downloads}.values() if not d.path.is_file()], check)
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="fetch")
    ended: queue.SimpleQueue[Future[None]] = queue.SimpleQueue()
    try:
        for number in range(len(batch.downloads)):
            pool.submit(batch.fetch, number).add_done_callback(ended.put)
        left = len(batch.downloads)
        while left:
            with suppress(queue.Empty):
                ended.get(timeout=0.2).result()
                left -= 1
            yield batch.progress()
    finally:
        batch.stopped = True
        pool.shutdown(cancel_futures=True)
    return sorted(batch.failed)


class _Batch:
    """Files that are fetched at once, and how far each is."""

    def __init__(self, downloads: Sequence[Download], check: Check | None) -> None:
        self.downloads, self.failed, self.stopped = downloads, list[str](), False
        self._check = check
        self._received = [0] * len(downloads)
        self._totals = [download.size for download in downloads]

    def fetch(self, number: int) -> None:
        """Fetches one of them; one that fails is named in ``failed``.

        Raises:
            UapsegError: There is no connection, or no room on the disk, so that the others would fail as well.
        """
        download = self.downloads[number]
        try:
            with closing(fetch(download, self._check)) as steps:
                for step in steps:
                    self._received[number], self._totals[number] = step.received, step.total
                    if self.stopped:
                        return
        except (UnreachableError, DiskError):
            raise
        except UapsegError:
            self.failed.append(download.path.name)

    def progress(self) -> Progress:
        """How far they are together; files of unknown size are taken to be as large as the others are on average."""
        known = [total for total in self._totals if total is not None]
        total = round(sum(known) * len(self._totals) / len(known)) if known else None
        return Progress(sum(self._received), total)


def _attempts(part: Part, download: Download, check: Check | None) -> Generator[Progress, None, None]:
    """Receives until the file is whole and right; a wrong one is fetched once more from its start."""
    furthest, failures, mended = part.size, 0, False
    while True:
        try:
            yield from part.receive()
            part.verify(check)
        except InterruptedDownloadError as error:
            failures = 1 if part.size > furthest else failures + 1
            furthest = max(furthest, part.size)
            if failures == ATTEMPTS:
                raise _exhausted_error(download, error) from error
        except WrongContentError:
            part.discard()
            if mended:
                raise
            mended = True
        else:
            return
        time.sleep(RETRY_DELAY * 2 ** max(0, failures - 1))


def _exhausted_error(download: Download, error: InterruptedDownloadError) -> UapsegError:
    if isinstance(error, NoConnectionError):
        host = urlsplit(download.url).netloc
        return UnreachableError(
            f"There is no connection to {host} ({error}): check the internet connection, "
            f"or put the file at {download.path}."
        )
    return UapsegError(f"{download.url} could not be fetched ({error}): {download.remedy}.")
