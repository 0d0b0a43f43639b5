"""COCO's panoptic masks: 133 classes, of things and of stuff, as ground truth of one's own copy.

    coco-panoptic:ANNOTATIONS.json:PICTURES     a file such as panoptic_val2017.json, and the folder of its pictures

The masks lie in a folder beside the file that is called as it is without ``.json``. Splits depend on the file name of
a picture, as those of ``coco:`` do.

Source: Kirillov et al., Panoptic Segmentation, https://arxiv.org/abs/1801.00868
"""

import json
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from uapseg.datasets.cache import Pixels
from uapseg.datasets.labels import VOID
from uapseg.datasets.reader import ImageDataset, empty_split_message
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.samples import make_samples
from uapseg.datasets.splits import Split, in_split
from uapseg.errors import UapsegError
from uapseg.io.files import read
from uapseg.io.images import read_picture
from uapseg.io.sources import File, Source

SIZE = (384, 384)

MAX_BYTES = 2 << 30
"""The most bytes of a file of annotations: that of train2017 has 400 MB."""


class Panoptic(NamedTuple):
    """What an annotation file says.

    Attributes:
        classes: The names of its categories, by their ids in order.
        masks: For each picture's file name that of its mask.
        segments: For each mask's file name the number of the class of each segment, by the segment's id.

    Example:
        >>> Panoptic(("road",), {"a.jpg": "a.png"}, {"a.png": {7: 0}}).segments["a.png"][7]
        0
    """

    classes: tuple[str, ...]
    masks: dict[str, str]
    segments: dict[str, dict[int, int]]


def load(suffix: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the pictures in an annotation file that are in the folder.

    Args:
        suffix: The name after ``coco-panoptic:``.
        split: The split.
        size: The (width, height) of the pictures; None for the default.

    Raises:
        UapsegError: The name is incomplete, the file holds no panoptic annotations, or the split is empty.

    Example:
        >>> load("panoptic_val2017.json", "test")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: Write coco-panoptic:ANNOTATIONS.json:PICTURES with a folder for PICTURES.
    """
    annotations, pictures = _parse_name(suffix)
    panoptic = read_annotations(annotations, annotations.stat().st_mtime_ns if annotations.is_file() else 0)
    names = [name for name in sorted(panoptic.masks) if (pictures / name).is_file()]
    selected = [name for name, is_inside in zip(names, in_split(names, split), strict=True) if is_inside]
    if not selected:
        raise UapsegError(empty_split_message(split, f"coco-panoptic:{suffix}"))
    folder = annotations.with_suffix("")
    pairs = [(File(pictures / name), File(folder / panoptic.masks[name])) for name in selected]
    samples, skipped = make_samples(pairs, partial(_read_mask, panoptic))
    return ImageDataset(
        samples,
        name=f"coco-panoptic:{suffix}",
        split=split,
        size=size or SIZE,
        licence="each photo by its licence at Flickr",
        classes=panoptic.classes,
        skipped=skipped,
    )


def info() -> list[DatasetInfo]:
    """Describes the form of the name.

    Example:
        >>> info()[0].classes
        133
    """
    return [
        DatasetInfo(
            name="coco-panoptic:ANNOTATIONS.json:PICTURES",
            about="your copy of COCO with its panoptic masks",
            size=SIZE,
            classes=133,
            licence="each photo by its licence at Flickr",
        )
    ]


@lru_cache(maxsize=2)
def read_annotations(path: Path, modified_ns: int) -> Panoptic:  # noqa: ARG001  another file has another time
    """Reads a file of panoptic annotations.

    Args:
        path: The file.
        modified_ns: When it was changed last.

    Raises:
        UapsegError: There is no such file, or it holds something else.

    Example:
        >>> read_annotations(Path("missing.json"), modified_ns=0)
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: There is no file missing.json.
    """
    content = read(path, MAX_BYTES)
    try:
        fields: dict[str, Any] = json.loads(content)
        names = {int(entry["id"]): str(entry["name"]) for entry in fields["categories"]}
        index = {number: place for place, number in enumerate(sorted(names))}
        pictures = {entry["id"]: _plain(entry["file_name"]) for entry in fields["images"]}
        masks = {pictures[entry["image_id"]]: _plain(entry["file_name"]) for entry in fields["annotations"]}
        segments = {
            _plain(entry["file_name"]): {
                int(part["id"]): index[part["category_id"]] for part in entry["segments_info"]
            }
            for entry in fields["annotations"]
        }
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UapsegError(
            f"{path} holds no panoptic annotations of COCO: choose a file such as panoptic_val2017.json."
        ) from error
    if len(names) > VOID:
        raise UapsegError(f"{path} names {len(names)} categories, but a label map holds at most {VOID}.")
    return Panoptic(tuple(names[number] for number in sorted(names)), masks, segments)


def _plain(name: str) -> str:
    """The name of a file without folders."""
    return PurePosixPath(name).name


def _read_mask(panoptic: Panoptic, source: Source) -> Pixels:
    """The class of each pixel (h, w): a pixel's colour is the id of its segment, R + 256 G + 256 ** 2 B."""
    colours = np.asarray(read_picture(source.read()), np.int64) @ np.array([1, 1 << 8, 1 << 16])
    ids, places = np.unique(colours, return_inverse=True)
    classes = panoptic.segments[source.name]
    table = np.array([classes.get(int(number), VOID) for number in ids], np.uint8)
    return table[places].reshape(colours.shape)


def _parse_name(suffix: str) -> tuple[Path, Path]:
    """The two paths in a name; each may contain colons, as those of Windows do."""
    annotations, mark, pictures = suffix.partition(".json:")
    if not mark or not Path(pictures).expanduser().is_dir():
        raise UapsegError("Write coco-panoptic:ANNOTATIONS.json:PICTURES with a folder for PICTURES.")
    return Path(f"{annotations}.json").expanduser(), Path(pictures).expanduser()
