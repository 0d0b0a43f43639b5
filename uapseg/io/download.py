"""Downloads that resume, retry, verify checksums, and appear under their name only when complete."""

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
from uapseg.io.partial_download import (
    Check,
    DiskError,
    Download,
    InterruptedDownloadError,
    NoConnectionError,
    Part,
    Progress,
    WrongContentError,
)

__all__ = [
    "DiskError", "Download", "Progress", "UnreachableError", "WrongContentError", "cache_folder", "fetch", "fetch_all",
]  # fmt: skip

ATTEMPTS = 4
"""How often in a row a server may fail without sending anything new."""

RETRY_DELAY = 0.5
"""Seconds before the second attempt; doubled before each further one."""


class UnreachableError(UapsegError):
    """There is no connection, so that other files of the same server need not be tried."""


def cache_folder() -> Path:
    """Returns the folder for downloads and rendered scenes: ``UAPSEG_CACHE``, or the user's cache folder.

    Example:
        >>> isinstance(cache_folder(), Path)
        True
    """
    return Path(os.environ.get("UAPSEG_CACHE") or user_cache_path("uapseg"))


def fetch(download: Download, check: Check | None = None) -> Generator[Progress, None, None]:
    """Downloads a file, unless it exists already.

    A file with a checksum resumes where an earlier call stopped; any other resumes within this call only.

    Args:
        download: The file to download.
        check: Validates the file before it gets its name.

    Yields:
        The progress.

    Raises:
        UapsegError: There is no connection, no such file, or the file is not the expected one.

    Example:
        >>> Path("a.png").touch()
        >>> list(fetch(Download(url="https://example.org/a.png", path=Path("a.png"))))  # nothing to do
        []
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
    downloads: Iterable[Download], *, max_parallel: int = 8, check: Check | None = None
) -> Generator[Progress, None, list[str]]:
    """Downloads many files in parallel, except those that exist already.

    Args:
        downloads: The files to download.
        max_parallel: How many to download at the same time.
        check: Validates each file before it gets its name, on any thread.

    Yields:
        The progress of all files together.

    Returns:
        The names of the files that could not be downloaded.

    Raises:
        UapsegError: There is no connection, or the disk is full.

    Example:
        >>> Path("a.png").touch()
        >>> list(fetch_all([Download(url="https://example.org/a.png", path=Path("a.png"))]))
        []
    """
    batch = _Batch([d for d in {d.path: d for d in downloads}.values() if not d.path.is_file()], check)
    pool = ThreadPoolExecutor(max_parallel, thread_name_prefix="fetch")
    finished_downloads: queue.SimpleQueue[Future[None]] = queue.SimpleQueue()
    try:
        for number in range(len(batch.downloads)):
            pool.submit(batch.fetch, number).add_done_callback(finished_downloads.put)
        remaining_count = len(batch.downloads)
        while remaining_count:
            with suppress(queue.Empty):
                finished_downloads.get(timeout=0.2).result()
                remaining_count -= 1
            yield batch.progress()
    finally:
        batch.is_stopped = True
        pool.shutdown(cancel_futures=True)
    return sorted(batch.failed_names)


class _Batch:
    """Files that are downloaded in parallel, with the progress of each."""

    def __init__(self, downloads: Sequence[Download], check: Check | None) -> None:
        self.downloads, self.failed_names, self.is_stopped = downloads, list[str](), False
        self._check = check
        self._received_bytes = [0] * len(downloads)
        self._total_bytes = [download.size for download in downloads]

    def fetch(self, number: int) -> None:
        """Downloads one of the files; if that fails, its name is added to ``failed_names``.

        Raises:
            UapsegError: There is no connection, or the disk is full, so that the others would fail too.
        """
        download = self.downloads[number]
        try:
            with closing(fetch(download, self._check)) as steps:
                for step in steps:
                    self._received_bytes[number], self._total_bytes[number] = step.received, step.total
                    if self.is_stopped:
                        return
        except (UnreachableError, DiskError):
            raise
        except UapsegError:
            self.failed_names.append(download.path.name)

    def progress(self) -> Progress:
        """The progress of all files together; a file of unknown size counts as large as the others on average."""
        known_totals = [total for total in self._total_bytes if total is not None]
        total = round(sum(known_totals) * len(self._total_bytes) / len(known_totals)) if known_totals else None
        return Progress(sum(self._received_bytes), total)


def _attempts(part: Part, download: Download, check: Check | None) -> Generator[Progress, None, None]:
    """Receives until the file is complete and correct; a wrong file is downloaded once more from the start."""
    largest_size, failures, was_restarted = part.size, 0, False
    while True:
        try:
            yield from part.receive()
            part.verify(check)
        except InterruptedDownloadError as error:
            failures = 1 if part.size > largest_size else failures + 1
            largest_size = max(largest_size, part.size)
            if failures == ATTEMPTS:
                raise _exhausted_error(download, error) from error
        except WrongContentError:
            part.discard()
            if was_restarted:
                raise
            was_restarted = True
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
