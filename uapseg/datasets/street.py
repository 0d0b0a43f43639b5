"""The embedded dataset: street scenes, rendered when first needed and then cached on disk.

A name such as ``street?scenes=512`` has another number of training scenes than the usual 4,000; val and test stay the
same.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from uapseg.datasets.cache import Pixels
from uapseg.datasets.packed import MappedSequence
from uapseg.datasets.reader import ImageDataset, Sample
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, require_official
from uapseg.errors import UapsegError
from uapseg.io.download import cache_folder
from uapseg.scenes import CLASSES, SIZE, SPLITS, VERSION
from uapseg.scenes.files import is_stored, read_scene
from uapseg.scenes.pool import shared_pool

LICENCE = "MIT"
MAX_SCENES = 100_000
"""The most training scenes."""


def load(suffix: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split.

    Args:
        suffix: Empty, or ``scenes=N``.
        split: The split.
        size: The (width, height) of the pictures; None for the default.

    Raises:
        UapsegError: There is no such split, or no such number of scenes.

    Example:
        >>> len(load("scenes=600", "train")), len(load("", "test"))
        (600, 64)
    """
    require_official("street", split)
    name, count = (f"street?{suffix}" if suffix else "street"), _scene_count(suffix, split)
    folder = _folder(split)
    samples = MappedSequence(partial(_sample, folder, split), range(count))
    return ImageDataset(samples, name=name, split=split, size=size or SIZE, licence=LICENCE, classes=CLASSES)


def _sample(folder: Path, split: Split, number: int) -> Sample:
    return Sample(
        key=f"street-{VERSION}/{split}/{number}",
        name=f"scene {number}",
        read_picture=partial(_picture, folder, split, number),
        read_labels=partial(_labels, folder, split, number),
    )


def load_scene(folder: Path, split: str, number: int) -> Pixels:
    """Loads a scene, picture and labels as one array (h, w, 4), rendering it if it is not cached on disk.

    Args:
        folder: The cache folder.
        split: The split.
        number: The index of the scene.
    """
    stored_scene = read_scene(folder, number)
    return shared_pool().render(folder, split, number) if stored_scene is None else stored_scene


def render_ahead(name: str, indices: Sequence[int]) -> None:
    """Renders and stores the training scenes of these indices that are not stored; other datasets have none.

    Example:
        >>> render_ahead("coco-mini", range(10))
    """
    folder = _folder("train")
    for index in indices if name == "street" else ():
        if not is_stored(folder, index):
            shared_pool().render(folder, "train", index)


def info() -> list[DatasetInfo]:
    """Describes the dataset.

    Example:
        >>> info()[0].pictures
        {'train': 4000, 'val': 64, 'test': 64}
    """
    about = "rendered street scenes that come with the project; ?scenes=N trains on another number"
    return [
        DatasetInfo(
            name="street", about=about, pictures=dict(SPLITS), size=SIZE, classes=len(CLASSES), licence=LICENCE
        )
    ]


def _folder(split: str) -> Path:
    return cache_folder() / f"street-{VERSION}" / split


def _scene_count(suffix: str, split: Split) -> int:
    match = re.fullmatch(r"scenes=([1-9]\d{0,5})", suffix)
    if suffix and (not match or int(match[1]) > MAX_SCENES):
        raise UapsegError(f"street?{suffix} cannot be opened: write street?scenes=N with N from 1 to {MAX_SCENES}.")
    return int(match[1]) if match and split == "train" else SPLITS[split]


def _picture(folder: Path, split: str, number: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(load_scene(folder, split, number)[..., :3]))


def _labels(folder: Path, split: str, number: int) -> Pixels:
    return np.ascontiguousarray(load_scene(folder, split, number)[..., 3])
