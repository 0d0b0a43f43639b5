"""Tar archives in the format of WebDataset, on disk or downloaded: ``shards:photos-{000..099}.tar``.

Needs the package ``webdataset`` (``pip install -e ".[shards]"``), which expands the pattern and groups files by the
part of their names before the first dot. The picture of a group is its image file; its label map is another image file
whose extension says so, such as ``seg.png`` or ``mask.png``, or a PNG beside a picture of another format. A file
``classes.txt`` in the first shard, or beside it, names the classes.

Archives stay packed: an index of where each picture begins is made when they are opened. Splits depend on the content
of the pictures, as those of a folder do. The formats are described at https://github.com/webdataset/webdataset.
"""

import tarfile
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from uapseg.datasets.folder import CLASSES_FILE, open_pairs
from uapseg.datasets.labels import read_classes
from uapseg.datasets.pairing import PICTURE_SUFFIXES
from uapseg.datasets.path_names import LABEL_WORDS
from uapseg.datasets.reader import ImageDataset
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.samples import Pair
from uapseg.datasets.splits import Split
from uapseg.errors import UapsegError
from uapseg.io.download import Download, cache_folder, fetch
from uapseg.io.sources import File, Source, TarMember

MAX_SHARDS = 100_000
"""The most archives of a dataset."""


def load(suffix: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split, downloading the archives that are missing.

    Args:
        suffix: The pattern: paths, or addresses that begin with http:// or https://, with ``{000..099}`` for numbers
            and ``::`` between several patterns.
        split: The split.
        size: The (width, height) of the pictures; None for that of the first picture, as in a folder.

    Raises:
        UapsegError: An archive is missing, damaged or compressed, or the split is empty.

    Example:
        >>> load("missing-{0..1}.tar", "train")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: There is no file missing-0.tar: write a pattern such as photos-{000..099}.tar.
    """
    for download in missing_files(suffix, split):
        deque(fetch(download), maxlen=0)
    shards = [_path_of(place) for place in _expand(suffix)]
    pairs, classes = list[Pair](), list[Source]()
    for shard in shards:
        for group in _read_groups(shard):
            if group["__key__"] == PurePosixPath(CLASSES_FILE).stem and "txt" in group:
                classes.append(group["txt"])
            elif pair := _find_pair(group):
                pairs.append(pair)
    classes_file = File(shards[0].parent / CLASSES_FILE)
    classes += [classes_file] if classes_file.path.is_file() else []
    names = read_classes(classes[0]) if classes else None
    return open_pairs(pairs, names, name=f"shards:{suffix}", split=split, size=size)


def missing_files(suffix: str, split: Split) -> list[Download]:  # noqa: ARG001  a shard holds pictures of each
    """Lists the archives that have to be downloaded.

    Example:
        >>> [download.url for download in missing_files("https://example.org/photos-{0..1}.tar", "train")]
        ['https://example.org/photos-0.tar', 'https://example.org/photos-1.tar']
    """
    return [
        Download(url=place, path=path)
        for place in _expand(suffix)
        if _is_address(place) and not (path := _path_of(place)).is_file()
    ]


def attribution(suffix: str) -> str:
    """Refuses: what is in the archives is the user's own.

    Raises:
        UapsegError: Always.

    Example:
        >>> attribution("photos.tar")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: The pictures of shards:photos.tar are your own: there is no attribution.
    """
    raise UapsegError(f"The pictures of shards:{suffix} are your own: there is no attribution.")


def info() -> list[DatasetInfo]:
    """Describes the form of the name.

    Example:
        >>> info()[0].name
        'shards:PATTERN'
    """
    about = "tar archives of WebDataset, on disk or by address, such as photos-{000..099}.tar"
    return [DatasetInfo(name="shards:PATTERN", about=about, size=None, classes=None, licence="your own")]


def _expand(pattern: str) -> list[str]:
    """The paths and addresses that a pattern stands for.

    Raises:
        UapsegError: The package is missing, or the pattern stands for none or too many.
    """
    try:
        shardlists, braces = import_module("webdataset.shardlists"), import_module("braceexpand")
    except ImportError as error:
        raise UapsegError('Shards need the package webdataset: pip install -e ".[shards]" installs it.') from error
    try:
        places: list[str] = shardlists.expand_urls(pattern)
    except (AssertionError, ValueError, braces.UnbalancedBracesError) as error:
        raise UapsegError(f"The pattern {pattern} is not valid: write one as photos-{{000..099}}.tar.") from error
    if len(places) > MAX_SHARDS:
        raise UapsegError(f"The pattern {pattern} stands for more than {MAX_SHARDS:,} archives: use fewer.")
    return places


def _is_address(place: str) -> bool:
    return "://" in place


def _path_of(place: str) -> Path:
    """The path of an archive on disk, before or after its download."""
    if not _is_address(place):
        return Path(place).expanduser()
    name = PurePosixPath(urlsplit(place).path).name or "shard.tar"
    return cache_folder() / "shards" / sha256(place.encode()).hexdigest()[:16] / name


def _read_groups(shard: Path) -> Iterator[dict[str, Any]]:
    """The groups of files in an archive: for each extension where its file is."""
    if not shard.is_file():
        raise UapsegError(f"There is no file {shard}: write a pattern such as photos-{{000..099}}.tar.")
    group_by_keys = import_module("webdataset.tariterators").group_by_keys
    try:
        yield from group_by_keys(
            {"fname": member.inside, "data": member, "__url__": str(shard)} for member in _list_members(shard)
        )
    except tarfile.TarError as error:
        raise UapsegError(
            f"{shard} cannot be read as a tar archive: decompress it, or copy or download it again."
        ) from error
    except ValueError as error:  # a name that appears twice
        raise UapsegError(f"{shard} holds two files of the same name: make the archive again.") from error


def _list_members(shard: Path) -> list[TarMember]:
    """The files in an archive, in its order."""
    with tarfile.open(shard, "r:") as archive:
        return [TarMember(shard, member.name, member.offset_data, member.size) for member in archive if member.isreg()]


def _find_pair(group: dict[str, Any]) -> Pair | None:
    """The picture of a group and its label map; None without a picture."""
    images = {name: file for name, file in group.items() if f".{name.rpartition('.')[2]}" in PICTURE_SUFFIXES}
    labels = next((name for name in images if set(name.split(".")) & LABEL_WORDS), None)
    pictures = [name for name in images if name != labels and not set(name.split(".")) & LABEL_WORDS]
    if labels is None and len(pictures) > 1 and "png" in pictures:
        pictures.remove("png")
        labels = "png"
    return (images[pictures[0]], images[labels] if labels else None) if pictures else None
