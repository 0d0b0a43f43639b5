"""Where pictures come from: files, and what lies in zip archives, which are read without unpacking anything."""

import hashlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from uapseg.errors import UapsegError
from uapseg.io.environment import thread_count
from uapseg.io.files import read
from uapseg.io.images import MAX_PIXELS, SMALLEST_SIDE, read_picture, size_of

END_BYTES = 32 * 1024
"""Bytes of each end of a file that tell it from all others."""

MAX_BYTES = 256 << 20
"""Bytes of the largest picture; a zip archive may promise anything."""

MAX_MEMBERS = 1_000_000

_BROKEN = (
    OSError, KeyError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error
)  # fmt: skip
"""What zipfile raises on archives that are damaged, locked by a password, or packed in a way that it does not know."""


@dataclass(frozen=True)
class File:
    """A file of its own."""

    path: Path

    @property
    def name(self) -> str:
        """What to call it."""
        return _printable(self.path.name)

    def read(self) -> bytes:
        """Its content.

        Raises:
            UapsegError: It cannot be read, or is too large.
        """
        self._size()
        return read(self.path)

    def ends(self) -> tuple[int, bytes, bytes]:
        """Its size in bytes, and its first and last bytes."""
        size = self._size()
        try:
            with self.path.open("rb") as file:
                first = file.read(END_BYTES)
                file.seek(max(0, size - END_BYTES))
                return size, first, file.read(END_BYTES)
        except OSError as error:
            raise UapsegError(f"The file {self.path} cannot be read: {error.strerror}.") from error

    def _size(self) -> int:
        try:
            size = self.path.stat().st_size if self.path.is_file() else 0
        except OSError:  # a name that is too long
            size = 0
        if size > MAX_BYTES:
            raise _too_large(self.name)
        return size


@dataclass(frozen=True)
class ZipMember:
    """What lies in a zip archive under a name; the name is never used as a path."""

    archive: Path
    inside: str

    @property
    def name(self) -> str:
        """What to call it."""
        return _printable(PurePosixPath(self.inside.replace("\\", "/")).name)

    def read(self) -> bytes:
        """Its content, unpacked in memory.

        Raises:
            UapsegError: It is damaged, locked by a password, or too large.
        """
        try:
            with open_zip(self.archive).open(self.inside) as member:
                content = member.read(MAX_BYTES + 1)
        except _BROKEN as error:
            raise UapsegError(f"{self.name} in {self.archive.name} cannot be unpacked: {error}.") from error
        if len(content) > MAX_BYTES:
            raise _too_large(self.name)
        return content

    def ends(self) -> tuple[int, bytes, bytes]:
        """Its size in bytes, and its first and last bytes."""
        content = self.read()
        return len(content), content[:END_BYTES], content[-END_BYTES:]


Source = File | ZipMember


def open_zip(archive: Path) -> zipfile.ZipFile:
    """A zip archive, opened once in each process.

    Raises:
        UapsegError: It is none, or holds more than a million files.
    """
    try:
        return _opened_zip(archive, archive.stat().st_mtime_ns, os.getpid())
    except _BROKEN as error:
        raise UapsegError(f"{archive} cannot be opened as a zip archive: it is damaged or of another kind.") from error


@lru_cache(maxsize=8)
def _opened_zip(archive: Path, changed: int, process: int) -> zipfile.ZipFile:  # noqa: ARG001  forked, they'd share a position
    opened = zipfile.ZipFile(archive)
    if len(opened.namelist()) > MAX_MEMBERS:
        raise UapsegError(f"{archive} holds more than {MAX_MEMBERS:,} files: bring a smaller archive.")
    return opened


def fingerprint_all(sources: Sequence[Source]) -> list[str | None]:
    """What identifies each picture whatever it is called: its size in bytes and its two ends; None where it is broken.

    The headers and ends of JPEG and PNG files are looked at, all other files are decoded.
    """
    with ThreadPoolExecutor(thread_count(), thread_name_prefix="look") as pool:
        return list(pool.map(_fingerprint, sources))


def fingerprint_readable(sources: Iterable[Source]) -> dict[Source, str]:
    """The pictures among these that are whole, with their fingerprints."""
    listed = list(sources)
    return {source: found for source, found in zip(listed, fingerprint_all(listed), strict=True) if found}


def _fingerprint(source: Source) -> str | None:
    try:
        size, first, last = source.ends()
        if not _seems_whole(first, last):
            read_picture(source.read())
    except UapsegError:
        return None
    return hashlib.sha256(b"%d:" % size + first + last).hexdigest()[:32]


def _seems_whole(first: bytes, last: bytes) -> bool:
    shape = size_of(first)
    ended = (first[:2] == b"\xff\xd8" and b"\xff\xd9" in last) or (first[1:4] == b"PNG" and b"IEND" in last)
    return ended and shape is not None and min(shape) >= SMALLEST_SIDE and shape[0] * shape[1] <= MAX_PIXELS


def _printable(name: str) -> str:
    """A name for people: without what a terminal would obey or could not write."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _too_large(name: str) -> UapsegError:
    return UapsegError(f"{name} is larger than {MAX_BYTES >> 20} MiB: bring a smaller picture.")
