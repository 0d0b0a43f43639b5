"""A download in progress: a file under a temporary name that grows, resumes, and is verified in the end."""

import hashlib
import http.client
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from uapseg.errors import UapsegError

READ_TIMEOUT = 20.0
"""Seconds without data after which a connection is closed."""

STALE_AFTER = 3 * READ_TIMEOUT
"""Seconds without data after which a partial file is taken over: no running download is silent for so long."""

_CHUNK = 1 << 16
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}

Check = Callable[[Path], object]
"""Validates a downloaded file, and raises `UapsegError` if it is not what it should be."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to download.

    Attributes:
        url: The address, http or https.
        path: Where to save the file.
        checksum: ``sha256:`` or ``md5:`` and the first hexadecimal digits, or all of them; empty checks nothing.
        size: The size in bytes, if known.

    Example:
        >>> Download(url="https://example.org/a.png", path=Path("a.png")).remedy
        'try again later, or put the file at a.png'
    """

    url: str
    path: Path
    checksum: str = ""
    size: int | None = None

    @property
    def remedy(self) -> str:
        """What a user can do if the download fails, for error messages."""
        return f"try again later, or put the file at {self.path}"


@dataclass(frozen=True)
class Progress:
    """The progress of a download in bytes.

    Attributes:
        received: Bytes received so far.
        total: The size of the whole download; None while it is unknown.

    Example:
        >>> Progress(received=512, total=None).received
        512
    """

    received: int
    total: int | None


class InterruptedDownloadError(Exception):
    """A failure of the server that may be temporary; the message says which."""


class NoConnectionError(InterruptedDownloadError):
    """The server cannot be reached."""


class DiskError(UapsegError):
    """A file cannot be written, so that other files cannot be either."""


class WrongContentError(UapsegError):
    """A complete file is not the one that was requested."""


class Part:
    """A partial download, under a temporary name of its own so that no other download writes to it.

    Args:
        download: The file to download. With a checksum, the part that an earlier download left is resumed.
    """

    def __init__(self, download: Download) -> None:
        self._download, self._version = download, ""
        folder, name = download.path.parent, download.path.name
        self._resumable_path = folder / f".{name}.part"
        self._path = folder / f".{name}.{secrets.token_hex(4)}.part"
        with self._disk():
            folder.mkdir(parents=True, exist_ok=True)
            if download.checksum:
                self._take_over()

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return self._path.stat().st_size if self._path.exists() else 0

    def receive(self) -> Generator[Progress, None, None]:
        """Requests the missing bytes and appends them.

        Yields:
            The progress after each chunk.

        Raises:
            InterruptedDownloadError: The connection ended early.
            UapsegError: The server has no such file.
        """
        if not (self._version or self._download.checksum):
            self.discard()  # nothing would tell whether the rest is of the same file
        with _answer(self._download, self.size, self._version) as answer:
            if answer.status != HTTPStatus.PARTIAL_CONTENT:
                self.discard()
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {self.size}-"):
                self.discard()
                raise InterruptedDownloadError("it sent another part than requested")
            etag = answer.headers.get("ETag", "")
            self._version = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
            yield from self._add(answer)

    def verify(self, check: Check | None) -> None:
        """Checks size and checksum, and calls ``check``.

        Args:
            check: Validates the file; None for no further check.

        Raises:
            WrongContentError: It is not the requested file.
        """
        download = self._download
        kind, _, digits = download.checksum.partition(":")
        is_expected = download.size in {None, self.size}
        if is_expected and digits:
            with self._disk(), self._path.open("rb") as file:
                is_expected = hashlib.file_digest(file, kind).hexdigest().startswith(digits.lower())
        if not is_expected:
            raise WrongContentError(
                f"The download from {download.url} is not the expected file, as its size or checksum differs: "
                f"{download.remedy}."
            )
        if check:
            try:
                check(self._path)
            except UapsegError as error:
                raise WrongContentError(f"The download from {download.url} cannot be used. {error}") from error

    def put_in_place(self) -> None:
        """Moves the part to its final name."""
        with self._disk():
            self._path.replace(self._download.path)

    def discard(self) -> None:
        """Deletes what was received, to start over."""
        self._version = ""
        with self._disk():
            self._path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Keeps the part if a later download can resume it, and deletes it otherwise."""
        with suppress(OSError):
            if self._download.checksum:
                self._path.replace(self._resumable_path)
            else:
                self._path.unlink(missing_ok=True)

    def _take_over(self) -> None:
        """Resumes the part that an earlier download left: renaming it succeeds for one process only."""
        abandoned_name = re.compile(rf"\.{re.escape(self._download.path.name)}\.[0-9a-f]{{8}}\.part")
        for part in self._resumable_path.parent.iterdir():
            with suppress(OSError):
                is_abandoned = abandoned_name.fullmatch(part.name) and time.time() - part.stat().st_mtime > STALE_AFTER
                if part == self._resumable_path or is_abandoned:
                    part.replace(self._path)
                    return

    def _add(self, answer: http.client.HTTPResponse) -> Generator[Progress, None, None]:
        received_bytes = self.size
        total = self._download.size if answer.length is None else received_bytes + answer.length
        with self._disk():
            file = self._path.open("ab", buffering=0)
        with file:
            while chunk := _next(answer):
                with self._disk():
                    file.write(chunk)
                received_bytes += len(chunk)
                yield Progress(received_bytes, total)
        if total is not None and received_bytes < total:
            raise InterruptedDownloadError(f"it stopped after {received_bytes} of {total} bytes")

    @contextmanager
    def _disk(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise DiskError(f"The file {self._download.path} cannot be written: {error.strerror}.") from error


def _answer(download: Download, position: int, version: str) -> http.client.HTTPResponse:
    """Requests a file from a byte position on."""
    if urlsplit(download.url).scheme not in {"http", "https"}:
        raise UapsegError(f"{download.url} cannot be fetched: an address begins with http:// or https://.")
    request = urllib.request.Request(download.url, headers={"User-Agent": "uapseg"})  # noqa: S310  checked above
    if position:
        request.add_header("Range", f"bytes={position}-")
    if position and version:
        request.add_header("If-Range", version)
    try:
        return urllib.request.urlopen(request, timeout=READ_TIMEOUT)  # noqa: S310  checked above
    except urllib.error.HTTPError as error:
        raise _refusal(download, error) from error
    except urllib.error.URLError as error:
        raise NoConnectionError(_reason(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise InterruptedDownloadError(_reason(error)) from error


def _refusal(download: Download, error: urllib.error.HTTPError) -> Exception:
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return WrongContentError(f"{download.url} is shorter than what was downloaded before: {download.remedy}.")
    if error.code in _PASSING or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return InterruptedDownloadError(f"it answers {error.code} {error.reason}")
    return UapsegError(f"{download.url} answers {error.code} {error.reason}: {download.remedy}.")


def _next(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise InterruptedDownloadError(_reason(error)) from error


def _reason(error: str | BaseException) -> str:
    return (str(error) or "the connection broke off").rstrip(".")
