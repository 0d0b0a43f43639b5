"""Datasets by name. A new kind is a file and a line in `KINDS`."""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast, get_args, runtime_checkable

from uapseg.datasets.crops import Crop
from uapseg.datasets.splits import SPLITS, Split
from uapseg.errors import UapsegError
from uapseg.io.download import Download, Progress, fetch, fetch_all
from uapseg.tensors import LabelMaps, Pictures


@runtime_checkable
class Dataset(Protocol):
    """Pictures of one size, by index.

    Attributes:
        name: What the user calls it.
        split: The split; no picture is in two.
        size: The (width, height) of every picture, in pixels.
        licence: The licence of the pictures.
        classes: The names of the values in `truth`; empty without ground truth.
        keys: What identifies each picture, in any dataset that contains it.

    Example:
        >>> isinstance(load_dataset("street", "val"), Dataset)
        True
    """

    name: str
    split: Split
    size: tuple[int, int]
    licence: str
    classes: tuple[str, ...]
    keys: Sequence[str]

    @property
    def skipped(self) -> tuple[str, ...]:
        """The names of the files known to be unreadable."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """How pictures and label maps were found and read, in sentences, if worth mentioning."""
        ...

    def __len__(self) -> int:
        """The number of pictures."""
        ...

    def pictures(self, indices: Sequence[int]) -> Pictures:
        """The pictures with these indices, uint8, on the CPU."""
        ...

    def crops(self, indices: Sequence[int], crops: Sequence[Crop]) -> Pictures:
        """A crop of each of these pictures at its own resolution, scaled to ``size``, uint8, on the CPU."""
        ...

    def truth(self, indices: Sequence[int]) -> LabelMaps:
        """Their true label maps, numbers of ``classes``; 255 where there is no label."""
        ...

    def prefetch(self, indices: Sequence[int], *, whole: bool = False) -> None:
        """A hint that these come next, as crops if ``whole``, so that they can be made ready in the background."""
        ...


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What is known of a dataset before it is opened.

    Attributes:
        name: The name that ``load_dataset`` takes; words in capitals stand for paths.
        about: A short description.
        pictures: The number of pictures in each split, if known.
        size: The default (width, height); None if it depends on the pictures.
        classes: The number of classes in the ground truth; 0 without ground truth, None if it depends.
        licence: The licence of the pictures.
        cached: Whether it opens without an internet connection.
        download_bytes: About how much would be downloaded; None if nothing.

    Example:
        >>> info = catalogue()[0]
        >>> info.name, info.size
        ('street', (384, 256))
    """

    name: str
    about: str
    pictures: dict[str, int] = field(default_factory=dict[str, int])
    size: tuple[int, int] | None
    classes: int | None
    licence: str
    cached: bool = True
    download_bytes: int | None = None


@runtime_checkable
class _Opener(Protocol):
    """A module of a dataset, or an object in one."""

    def load(self, suffix: str, split: Split, size: tuple[int, int] | None, /) -> Dataset: ...

    def info(self) -> list[DatasetInfo]: ...


@runtime_checkable
class _Downloader(_Opener, Protocol):
    """A module of a dataset that is downloaded."""

    def missing_files(self, suffix: str, split: Split, /) -> list[Download]: ...

    def attribution(self, suffix: str, /) -> str: ...


@dataclass(frozen=True)
class Kind:
    """How datasets of one kind are found and opened.

    Attributes:
        place: The module with ``load(suffix, split, size)`` and ``info()``, where ``suffix`` is the rest of the name;
            or ``MODULE:OBJECT`` for an object with these methods.
        bare: Whether the name is complete without a path; options may follow a question mark.
        downloads: Whether it is downloaded; it then has ``missing_files(suffix, split)`` and ``attribution(suffix)``
            too.

    Example:
        >>> Kind("uapseg.datasets.official:VOC").opener().info()[0].name
        'voc:ROOT'
    """

    place: str
    bare: bool = False
    downloads: bool = False

    def opener(self) -> _Opener:
        """Imports what has ``load`` and ``info``."""
        module, _, name = self.place.partition(":")
        imported_module = import_module(module)
        return cast("_Opener", getattr(imported_module, name) if name else imported_module)

    def downloader(self) -> _Downloader:
        """A module of a dataset that is downloaded."""
        return cast("_Downloader", self.opener())


KINDS = {
    "street": Kind("uapseg.datasets.street", bare=True),
    "coco-mini": Kind("uapseg.datasets.coco.mini", bare=True, downloads=True),
    "coco": Kind("uapseg.datasets.coco.dataset", downloads=True),
    "cityscapes": Kind("uapseg.datasets.official:CITYSCAPES"),
    "camvid": Kind("uapseg.datasets.official:CAMVID"),
    "voc": Kind("uapseg.datasets.official:VOC"),
    "ade20k": Kind("uapseg.datasets.official:ADE20K"),
    "coco-panoptic": Kind("uapseg.datasets.coco.panoptic"),
    "video": Kind("uapseg.datasets.video"),
    "hfdata": Kind("uapseg.datasets.hub"),
    "shards": Kind("uapseg.datasets.shards", downloads=True),
}
"""The kinds by the prefix of their names."""

_FOLDER = Kind("uapseg.datasets.folder")
"""The kind of any name that is a path."""


def catalogue() -> list[DatasetInfo]:
    """Lists every dataset, and every form of a name, without opening any.

    Example:
        >>> next(info.pictures for info in catalogue() if info.name == "street")
        {'train': 4000, 'val': 64, 'test': 64}
    """
    return [info for kind in (*KINDS.values(), _FOLDER) for info in kind.opener().info()]


def dataset_names() -> tuple[str, ...]:
    """Lists the names and forms that ``load_dataset`` accepts.

    Example:
        >>> dataset_names()[:2]
        ('street', 'coco-mini')
    """
    return tuple(info.name for info in catalogue())


def load_dataset(name: str, split: str, size: tuple[int, int] | None = None) -> Dataset:
    """Opens a split of a dataset, downloading what is missing.

    Args:
        name: One of `dataset_names`, with paths for the words in capitals.
        split: ``train``, ``val``, ``test``, or ``all`` for datasets without official splits.
        size: The (width, height) of the pictures, which are scaled to cover it and centre-cropped; None for the
            default.

    Raises:
        UapsegError: There is no such dataset or split, its files are invalid, or the download fails.

    Example:
        >>> dataset = load_dataset("street", "val", size=(96, 64))
        >>> len(dataset), dataset.size
        (64, (96, 64))
    """
    kind, suffix = _resolve(name)
    for valid_split in get_args(Split):
        if split == valid_split:
            return kind.opener().load(suffix, valid_split, size)
    raise UapsegError(f"There is no split called {split!r}: choose one of {', '.join(SPLITS)}.")


def missing_files(name: str, split: Split | None = None) -> list[Download]:
    """Lists what ``load_dataset`` has to download next.

    COCO needs its annotations first, which tell which pictures follow; `download` fetches both.

    Args:
        name: One of `dataset_names`, with paths for the words in capitals.
        split: The split; None for all.

    Raises:
        UapsegError: There is no such dataset.

    Example:
        >>> missing_files("street")
        []
    """
    kind, suffix = _resolve(name)
    return kind.downloader().missing_files(suffix, split or "all") if kind.downloads else []


def download(name: str, split: Split | None = None) -> Generator[Progress, None, tuple[str, ...]]:
    """Downloads everything that ``load_dataset`` needs; each picture is decoded before it is kept.

    Args:
        name: One of `dataset_names`, with paths for the words in capitals.
        split: The split; None for all.

    Yields:
        The progress.

    Returns:
        The names of the pictures that could not be downloaded.

    Raises:
        UapsegError: There is no connection, or no such dataset.

    Example:
        >>> list(download("street"))  # rendered, so that there is nothing to download
        []
    """
    from uapseg.io.images import read_picture  # noqa: PLC0415  most sets download nothing

    failed_names: list[str] = []
    while missing_downloads := [
        download for download in missing_files(name, split) if download.path.name not in failed_names
    ]:
        pictures = [download for download in missing_downloads if download.path.suffix == ".jpg"]
        for download in missing_downloads:
            if download not in pictures:
                yield from fetch(download)
        failed_names += yield from fetch_all(pictures, check=read_picture)
    return tuple(failed_names)


def attribution(name: str) -> str:
    """Lists file, licence, address of the licence and address at Flickr of downloaded pictures, as CSV.

    Args:
        name: One of `dataset_names`.

    Raises:
        UapsegError: There is no such dataset, or its pictures are not downloaded.

    Example:
        >>> attribution("coco-mini?count=1").splitlines()[0]
        'file,licence,licence_url,source'
    """
    kind, suffix = _resolve(name)
    if not kind.downloads:
        raise UapsegError(f"The pictures of {name} are your own: there is no attribution.")
    return kind.downloader().attribution(suffix)


def overlap(first: Dataset, second: Dataset) -> tuple[str, ...]:
    """Returns the keys of the pictures that are in both datasets, whatever they are called there.

    Example:
        >>> overlap(load_dataset("street", "val"), load_dataset("street", "test"))
        ()
    """
    return tuple(sorted(set(first.keys) & set(second.keys)))


def _resolve(name: str) -> tuple[Kind, str]:
    """The kind of a dataset, and the rest of its name."""
    name_before_query = name.partition("?")[0]
    is_bare = name_before_query in KINDS and KINDS[name_before_query].bare
    prefix, _, suffix = name.partition("?" if is_bare else ":")
    kind = KINDS.get(prefix)
    if kind and (kind.bare if is_bare else suffix and not kind.bare):
        return kind, suffix
    if is_path(name):
        return _FOLDER, name
    raise UapsegError(f"There is no dataset called {name!r}: choose one of {', '.join(dataset_names())}.")


def is_path(name: str) -> bool:
    """Whether a name is the path of a folder, a zip archive or a list of pictures.

    Example:
        >>> is_path("."), is_path("street")
        (True, False)
    """
    with suppress(OSError, ValueError, RuntimeError):  # no path at all
        path = Path(name).expanduser()
        return bool(name) and (path.is_dir() or (path.suffix.lower() in {".zip", ".txt"} and path.is_file()))
    return False
