"""Files on disk and inside zip and tar archives, read alike and without unpacking anything to disk."""

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
from uapseg.io.images import MAX_PIXELS, MIN_SIDE, read_picture, size_of

END_BYTES = 32 * 1024
"""Bytes of each end of a file that go into its fingerprint."""

MAX_BYTES = 256 << 20
"""The largest file that is read; a zip archive may claim any size."""

MAX_MEMBERS = 1_000_000
"""The most files in a zip archive."""

_BROKEN = (
    OSError, KeyError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error
)  # fmt: skip
"""What zipfile raises on archives that are damaged, encrypted, or compressed by an unknown method."""


@dataclass(frozen=True)
class File:
    """A file on disk.

    Example:
        >>> Path("a.txt").write_text("hello")
        5
        >>> file = File(Path("a.txt"))
        >>> file.name, file.read(), file.ends()
        ('a.txt', b'hello', (5, b'hello', b'hello'))
    """

    path: Path

    @property
    def fields(self) -> list[str | int]:
        """What `from_fields` makes the same file from."""
        return [str(self.path)]

    @property
    def name(self) -> str:
        """The file name, with unprintable characters replaced."""
        return _printable(self.path.name)

    def read(self) -> bytes:
        """Reads the file.

        Raises:
            UapsegError: It cannot be read, or is larger than `MAX_BYTES`.
        """
        self._size()
        return read(self.path)

    def ends(self) -> tuple[int, bytes, bytes]:
        """Reads the size in bytes and the first and last `END_BYTES` bytes.

        Raises:
            UapsegError: The file cannot be read.
        """
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
    """A file inside a zip archive; its name is never used as a path.

    Example:
        >>> with zipfile.ZipFile("a.zip", "w") as archive:
        ...     archive.writestr("folder/a.txt", "hello")
        >>> member = ZipMember(Path("a.zip"), "folder/a.txt")
        >>> member.name, member.read()
        ('a.txt', b'hello')
    """

    archive: Path
    inside: str

    @property
    def fields(self) -> list[str | int]:
        """What `from_fields` makes the same file from."""
        return [str(self.archive), self.inside]

    @property
    def name(self) -> str:
        """The file name without folders, with unprintable characters replaced."""
        return _printable(PurePosixPath(self.inside.replace("\\", "/")).name)

    def read(self) -> bytes:
        """Decompresses the file in memory.

        Raises:
            UapsegError: It is damaged, encrypted, or larger than `MAX_BYTES`.
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
        """Reads the size in bytes and the first and last `END_BYTES` bytes.

        Raises:
            UapsegError: The file cannot be decompressed.
        """
        content = self.read()
        return len(content), content[:END_BYTES], content[-END_BYTES:]


@dataclass(frozen=True)
class TarMember:
    """A file inside an uncompressed tar archive, found by its position; its name is never used as a path.

    Attributes:
        archive: The archive.
        inside: The name of the file in it.
        offset: Where its content begins in the archive, in bytes.
        size: The length of its content in bytes.

    Example:
        >>> Path("a.tar").write_bytes(b"header, hello, padding")
        22
        >>> TarMember(Path("a.tar"), "folder/a.txt", offset=8, size=5).read()
        b'hello'
    """

    archive: Path
    inside: str
    offset: int
    size: int

    @property
    def fields(self) -> list[str | int]:
        """What `from_fields` makes the same file from."""
        return [str(self.archive), self.inside, self.offset, self.size]

    @property
    def name(self) -> str:
        """The file name without folders, with unprintable characters replaced."""
        return _printable(PurePosixPath(self.inside).name)

    def read(self) -> bytes:
        """Reads the file.

        Raises:
            UapsegError: It cannot be read, or is larger than `MAX_BYTES`.
        """
        if self.size > MAX_BYTES:
            raise _too_large(self.name)
        return self._read(0, self.size)

    def ends(self) -> tuple[int, bytes, bytes]:
        """Reads the size in bytes and the first and last `END_BYTES` bytes.

        Raises:
            UapsegError: The file cannot be read.
        """
        length = min(self.size, END_BYTES)
        return self.size, self._read(0, length), self._read(self.size - length, length)

    def _read(self, start: int, length: int) -> bytes:
        try:
            with self.archive.open("rb") as file:
                file.seek(self.offset + start)
                content = file.read(length)
        except OSError as error:
            raise UapsegError(f"The archive {self.archive} cannot be read: {error.strerror}.") from error
        if len(content) < length:
            raise UapsegError(f"The archive {self.archive} ends within {self.name}: copy or download it again.")
        return content


Source = File | ZipMember | TarMember


def from_fields(fields: Sequence[str | int]) -> Source:
    """Returns the file that has these ``fields``.

    Example:
        >>> from_fields(ZipMember(Path("a.zip"), "a.txt").fields)
        ZipMember(archive=PosixPath('a.zip'), inside='a.txt')
    """
    path, *inside = fields
    if not inside:
        return File(Path(str(path)))
    if len(inside) == 1:
        return ZipMember(Path(str(path)), str(inside[0]))
    name, offset, size = inside
    return TarMember(Path(str(path)), str(name), int(offset), int(size))


def open_zip(archive: Path) -> zipfile.ZipFile:
    """Opens a zip archive; each process opens it once.

    Raises:
        UapsegError: The file is not a zip archive, or holds more than a million files.

    Example:
        >>> with zipfile.ZipFile("b.zip", "w") as archive:
        ...     archive.writestr("a.txt", "hello")
        >>> open_zip(Path("b.zip")).namelist()
        ['a.txt']
    """
    try:
        return _opened_zip(archive, archive.stat().st_mtime_ns, os.getpid())
    except _BROKEN as error:
        raise UapsegError(f"{archive} cannot be opened as a zip archive: it is damaged or of another kind.") from error


@lru_cache(maxsize=8)
def _opened_zip(archive: Path, modified_ns: int, process: int) -> zipfile.ZipFile:  # noqa: ARG001  forked, they'd share a position
    zip_file = zipfile.ZipFile(archive)
    if len(zip_file.namelist()) > MAX_MEMBERS:
        raise UapsegError(f"{archive} holds more than {MAX_MEMBERS:,} files: use a smaller archive.")
    return zip_file


def fingerprint_all(sources: Sequence[Source]) -> list[str | None]:
    """Computes what identifies each picture whatever its name: a hash of its size in bytes and of both ends.

    JPEG and PNG files are judged by their header and end; all other files are decoded.

    Args:
        sources: The files.

    Returns:
        For each file 32 hexadecimal digits, or None if it is not an intact picture.

    Example:
        >>> Path("a.txt").write_text("no picture")
        10
        >>> fingerprint_all([File(Path("a.txt"))])
        [None]
    """
    with ThreadPoolExecutor(thread_count(), thread_name_prefix="look") as pool:
        return list(pool.map(_fingerprint, sources))


def fingerprint_readable(sources: Iterable[Source]) -> dict[Source, str]:
    """Computes the fingerprints of the intact pictures among some files, leaving out the others.

    Example:
        >>> from PIL import Image
        >>> Image.new("L", (32, 32)).save("a.png")
        >>> fingerprints = fingerprint_readable([File(Path("a.png")), File(Path("missing.png"))])
        >>> [(file.name, len(digits)) for file, digits in fingerprints.items()]
        [('a.png', 32)]
    """
    files = list(sources)
    return {
        source: fingerprint for source, fingerprint in zip(files, fingerprint_all(files), strict=True) if fingerprint
    }


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
    has_end_marker = (first[:2] == b"\xff\xd8" and b"\xff\xd9" in last) or (first[1:4] == b"PNG" and b"IEND" in last)
    return has_end_marker and shape is not None and min(shape) >= MIN_SIDE and shape[0] * shape[1] <= MAX_PIXELS


def _printable(name: str) -> str:
    """Replaces control characters and others that a terminal cannot show."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _too_large(name: str) -> UapsegError:
    return UapsegError(f"{name} is larger than {MAX_BYTES >> 20} MiB: use a smaller picture.")
