"""Samples from files: pictures paired with their label maps."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from uapseg.datasets.cache import Pixels
from uapseg.datasets.packed import MappedSequence, PackedSequence
from uapseg.datasets.reader import Sample
from uapseg.errors import UapsegError
from uapseg.io.images import read_picture, upright_size
from uapseg.io.sources import File, Source, fingerprint_all, from_fields

Pair = tuple[Source, Source | None]
"""A picture and its label map."""


Row = list[Any]
"""What a sample is made from: the key of a picture, and the fields of its file and of its label map, if any."""


def pair_paths(pictures: Mapping[Path, Path]) -> list[Pair]:
    """Pairs pictures with those of their label maps that exist.

    Example:
        >>> [(picture.name, labels) for picture, labels in pair_paths({Path("c.jpg"): Path("c.png")})]
        [('c.jpg', None)]
    """
    return [(File(picture), File(labels) if labels.is_file() else None) for picture, labels in pictures.items()]


def make_samples(
    pairs: Sequence[Pair], read: Callable[[Source], Pixels]
) -> tuple[MappedSequence[Sample, Row], list[str]]:
    """Creates samples of the intact pictures, and lists the names of those that are damaged.

    The samples take about 40 bytes of memory each.

    Args:
        pairs: Pictures with their label maps.
        read: Reads a label map (h, w).

    Example:
        >>> from uapseg.datasets.labels import read_numbers
        >>> Image.new("RGB", (32, 32)).save("a.png")
        >>> pairs = pair_paths({Path("a.png"): Path("none"), Path("b.png"): Path("none")})
        >>> samples, damaged = make_samples(pairs, read_numbers)
        >>> [sample.name for sample in samples], damaged
        (['a.png'], ['b.png'])
    """
    keys = fingerprint_all([picture for picture, _ in pairs])
    keyed_pairs = zip(keys, pairs, strict=True)
    rows = ([key, picture.fields, labels.fields if labels else []] for key, (picture, labels) in keyed_pairs if key)
    damaged_names = [picture.name for key, (picture, _) in zip(keys, pairs, strict=True) if not key]
    return MappedSequence(partial(_to_sample, read), PackedSequence(rows)), damaged_names


def _to_sample(read: Callable[[Source], Pixels], row: Row) -> Sample:
    key, picture, labels = str(row[0]), from_fields(row[1]), from_fields(row[2]) if row[2] else None
    return Sample(
        key=key,
        name=picture.name,
        read_picture=partial(_read_picture, picture),
        read_labels=partial(_read_labels, picture, labels, read) if labels else None,
    )


def _read_picture(picture: Source) -> Image.Image:
    return read_picture(picture.read())


def _read_labels(picture: Source, labels: Source, read: Callable[[Source], Pixels]) -> Pixels:
    label_map, shape = read(labels), upright_size(picture.read())
    if shape and label_map.shape[::-1] != shape:
        raise UapsegError(f"The labels {labels.name} do not have the size of their picture: resize one of them.")
    return label_map
