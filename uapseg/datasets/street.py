"""The embedded data set: rendered street scenes, drawn when first asked for and then kept on the disk.

A name such as ``street?scenes=4096`` has more of them to learn from, or fewer, than the usual 512; those to choose by
and to report on stay the same.
"""

import re
import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from uapseg.datasets.cache import Pixels
from uapseg.datasets.reader import ImageDataset, Sample
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, require_official
from uapseg.errors import UapsegError
from uapseg.io.download import cache_folder
from uapseg.scenes import CLASSES, SIZE, SPLITS, VERSION, render

LICENCE = "MIT"
MAX_SCENES = 100_000
"""Scenes to learn from at most; kept on the disk, that many take 19 GB."""


def load(where: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split.

    Raises:
        UapsegError: There is no such split, or no such number of scenes.
    """
    require_official("street", split)
    name, count = (f"street?{where}" if where else "street"), _scene_count(where, split)
    folder = cache_folder() / f"street-{VERSION}" / split
    samples = [
        Sample(
            key=f"street-{VERSION}/{split}/{number}",
            name=f"scene {number}",
            read_picture=partial(_picture, folder, split, number),
            read_labels=partial(_labels, folder, split, number),
        )
        for number in range(count)
    ]
    return ImageDataset(samples, name=name, split=split, size=size or SIZE, licence=LICENCE, classes=CLASSES)


def load_scene(folder: Path, split: str, number: int) -> Pixels:
    """Picture and labels as one array (h, w, 4): from the disk, or rendered and left there for the next time."""
    file = folder / f"{number:04d}.png"
    with suppress(OSError, ValueError), Image.open(file) as stored:
        return np.asarray(stored)
    drawn = render(split, number)
    whole = np.dstack([drawn.picture, drawn.labels])
    with suppress(OSError):  # a full or read-only disk costs time, not the run
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")  # other threads may draw the same scene
        try:
            Image.fromarray(whole, "RGBA").save(part, "PNG", compress_level=1)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    return whole


def info() -> list[DatasetInfo]:
    """What there is to know of it."""
    about = "rendered street scenes that come with the project; ?scenes=4096 learns from more"
    return [
        DatasetInfo(
            name="street", about=about, pictures=dict(SPLITS), size=SIZE, classes=len(CLASSES), licence=LICENCE
        )
    ]


def _scene_count(where: str, split: Split) -> int:
    asked = re.fullmatch(r"scenes=([1-9]\d{0,5})", where)
    if where and (not asked or int(asked[1]) > MAX_SCENES):
        raise UapsegError(f"street?{where} cannot be opened: write street?scenes=N with N from 1 to {MAX_SCENES}.")
    return int(asked[1]) if asked and split == "train" else SPLITS[split]


def _picture(folder: Path, split: str, number: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(load_scene(folder, split, number)[..., :3]))


def _labels(folder: Path, split: str, number: int) -> Pixels:
    return np.ascontiguousarray(load_scene(folder, split, number)[..., 3])
