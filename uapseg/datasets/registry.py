"""The pictures to learn from, choose by, report on. A new set is a file with ``load()`` and a line in ``_FILES``."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Protocol, get_args, runtime_checkable

from uapseg.datasets.splits import SPLITS, Split
from uapseg.errors import UapsegError
from uapseg.io.download import Download, Progress, fetch, fetch_all
from uapseg.tensors import LabelMaps, Pictures

_FILES = {
    "street": "uapseg.datasets.street",
    "coco-mini": "uapseg.datasets.coco_mini",
    "coco": "uapseg.datasets.coco",
    "cityscapes": "uapseg.datasets.cityscapes",
    "camvid": "uapseg.datasets.camvid",
    "voc": "uapseg.datasets.voc",
    "ade20k": "uapseg.datasets.ade20k",
}
_ALONE = {"street", "coco-mini"}
"""Those that need to be told nothing else."""

_OWN = "uapseg.datasets.folder"
"""For any name that is a path."""


@runtime_checkable
class Dataset(Protocol):
    """Pictures of one size, by number.

    Attributes:
        name: What the user calls it.
        split: Which part of the set this is; no picture is in two.
        size: (width, height) of every picture, in pixels.
        licence: What the pictures may be used for.
        classes: The names of the numbers in `truth`; empty where there is no truth.
        keys: What identifies each picture, in any set that it is in.
        skipped: The names of the files that could not be read, as far as is known.
        notes: How pictures and label maps were found and read, in sentences, where that needs saying.
    """

    name: str
    split: Split
    size: tuple[int, int]
    licence: str
    classes: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def skipped(self) -> tuple[str, ...]: ...  # noqa: D102  said above

    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102  said above

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def pictures(self, numbers: Sequence[int]) -> Pictures:
        """The pictures with these numbers, uint8, on the CPU."""
        ...

    def truth(self, numbers: Sequence[int]) -> LabelMaps:
        """Their true label maps, numbers of ``classes``; 255 where there is no label."""
        ...

    def prefetch(self, numbers: Sequence[int]) -> None:
        """A hint that these come next, so that they can be made ready in the background."""
        ...


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What there is to know of a data set before it is opened.

    Attributes:
        name: What ``load_dataset`` takes; words in capitals stand for paths.
        about: What it is, in a few words.
        pictures: How many there are in each split, as far as that is known.
        size: (width, height) that pictures are brought to unless told otherwise; None where it depends on them.
        classes: How many classes the truth has; 0 where there is none, None where it depends.
        licence: What the pictures may be used for.
        cached: Whether it opens without the internet.
        download_bytes: About how much would be downloaded; None where nothing is.
    """

    name: str
    about: str
    pictures: dict[str, int] = field(default_factory=dict)
    size: tuple[int, int] | None
    classes: int | None
    licence: str
    cached: bool = True
    download_bytes: int | None = None


def catalogue() -> list[DatasetInfo]:
    """A card for each data set and each form of one; none is opened."""
    modules = [import_module(file) for file in (*_FILES.values(), _OWN)]
    return [card for module in modules if hasattr(module, "info") for card in module.info()]


def dataset_names() -> tuple[str, ...]:
    """The names and forms that ``load_dataset`` knows."""
    return tuple(card.name for card in catalogue())


def load_dataset(name: str, split: str, size: tuple[int, int] | None = None) -> Dataset:
    """Opens one split of a data set; what has to be downloaded for it and is not there yet is downloaded.

    Args:
        name: One of `dataset_names`, with paths for the words in capitals.
        split: ``train``, ``val``, ``test``, or ``all`` where the set has no official splits.
        size: (width, height) that the pictures are brought to: scaled to cover it and cut around the centre.

    Raises:
        UapsegError: There is no such set or split, it does not hold what it should, or it cannot be downloaded.
    """
    module, where = _resolve(name)
    if split not in get_args(Split):
        raise UapsegError(f"There is no split called {split!r}: choose one of {', '.join(SPLITS)}.")
    return module.load(where, split, size)


def missing_files(name: str, split: str | None = None) -> list[Download]:
    """What ``load_dataset`` has to download next; nothing where all is here.

    COCO needs its annotations first; only they tell which pictures come after them. `download` sees to both.

    Args:
        name: One of `dataset_names`, with paths for the words in capitals.
        split: The only split that is wanted; None takes all.

    Raises:
        UapsegError: There is no such set.
    """
    module, where = _resolve(name)
    return module.missing_files(where, split or "all") if hasattr(module, "missing_files") else []


def download(name: str, split: str | None = None) -> Generator[Progress, None, tuple[str, ...]]:
    """Downloads all that ``load_dataset`` will need, if anything; each picture is decoded before it is kept.

    Returns:
        The names of the pictures that could not be downloaded.

    Raises:
        UapsegError: There is no connection, or no such set.
    """
    from uapseg.io.images import read_picture  # noqa: PLC0415  most sets download nothing

    failed: list[str] = []
    while missing := [download for download in missing_files(name, split) if download.path.name not in failed]:
        pictures = [download for download in missing if download.path.suffix == ".jpg"]
        for download in missing:
            if download not in pictures:
                yield from fetch(download)
        failed += yield from fetch_all(pictures, check=read_picture)
    return tuple(failed)


def attribution(name: str) -> str:
    """Whose the pictures of a downloaded data set are, as CSV: file, licence, its address, and the address at Flickr.

    Raises:
        UapsegError: There is no such set, or its pictures are not downloaded ones.
    """
    module, where = _resolve(name)
    if not hasattr(module, "attribution"):
        raise UapsegError(f"The pictures of {name} are your own: there is nobody else to name.")
    return module.attribution(where)


def overlap(first: Dataset, second: Dataset) -> tuple[str, ...]:
    """The keys of the pictures that are in both, whatever they are called there."""
    return tuple(sorted(set(first.keys) & set(second.keys)))


def _resolve(name: str) -> tuple[ModuleType, str]:
    """The module of a data set, and what its name says besides."""
    kind, mark, rest = name.partition("?" if name.partition("?")[0] in _ALONE else ":")
    if kind in _FILES and (mark != ":" if kind in _ALONE else rest):
        return import_module(_FILES[kind]), rest
    module = import_module(_OWN)
    if module.is_path(name):
        return module, name
    raise UapsegError(f"There is no data set called {name!r}: choose one of {', '.join(dataset_names())}.")
