"""Pictures and their label maps in files of their own: the common part of all data sets that lie in folders."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from uapseg.datasets.cache import Pixels
from uapseg.datasets.reader import Sample
from uapseg.errors import UapsegError
from uapseg.io.images import read_picture, upright_size
from uapseg.io.sources import File, Source, fingerprint_readable

Pair = tuple[Source, Source | None]
"""A picture and its label map."""


def pair_paths(pictures: Mapping[Path, Path]) -> list[Pair]:
    """Pictures with their label maps, as far as these are there."""
    return [(File(picture), File(labels) if labels.is_file() else None) for picture, labels in pictures.items()]


def make_samples(pairs: Sequence[Pair], read: Callable[[Source], Pixels]) -> tuple[list[Sample], list[str]]:
    """The pictures that are whole, and the names of those that are not.

    Args:
        pairs: Pictures with their label maps.
        read: Reads a label map (h, w).
    """
    keys = fingerprint_readable(picture for picture, _ in pairs)
    whole = [
        Sample(
            key=keys[picture],
            name=picture.name,
            read_picture=partial(_read_picture, picture),
            read_labels=partial(_read_labels, picture, labels, read) if labels else None,
        )
        for picture, labels in pairs
        if picture in keys
    ]
    return whole, [picture.name for picture, _ in pairs if picture not in keys]


def require_pictures(pictures: Sequence[Path], folder: Path, holds: str) -> Sequence[Path]:
    """The pictures, sorted.

    Raises:
        UapsegError: There are none in ``folder``; the message says what the folder to give ``holds``.
    """
    if not pictures:
        raise UapsegError(f"There are no pictures in {folder}: give the folder that holds {holds}.")
    return sorted(pictures)


def _read_picture(picture: Source) -> Image.Image:
    return read_picture(picture.read())


def _read_labels(picture: Source, labels: Source, read: Callable[[Source], Pixels]) -> Pixels:
    found, shape = read(labels), upright_size(picture.read())
    if shape and found.shape[::-1] != shape:
        raise UapsegError(f"The labels {labels.name} are not of the size of their picture: bring both to one.")
    return found
