"""Cityscapes: streets of German cities with 19 classes, in the layout in which it is given out.

    ROOT/leftImg8bit/{train,val}/CITY/*_leftImg8bit.png
    ROOT/gtFine/{train,val}/CITY/*_gtFine_labelIds.png

Its own test split has no labels. So its val split is our ``test``, and 15 % of its train split are our ``val``.

Source: Cordts et al., The Cityscapes Dataset, https://arxiv.org/abs/1604.01685; label numbers of
https://github.com/mcordts/cityscapesScripts.
"""

from functools import partial
from pathlib import Path

from uapseg.datasets.labels import lookup_table, read_labels
from uapseg.datasets.reader import ImageDataset, make_samples, pair_paths, require_pictures
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, require_official, train_or_val

SIZE = (512, 256)
LICENCE = "research use, by the terms of Cityscapes"
LABELS = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26, "truck": 27,
    "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip
"""The classes, in the order of the 19 train ids, and their numbers in ``labelIds`` files."""

READ = partial(read_labels, numbers=lookup_table({stored: number for number, stored in enumerate(LABELS.values())}))
_PICTURE, _LABELS = "_leftImg8bit", "_gtFine_labelIds.png"


def load(root: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the folder ``root``.

    Raises:
        UapsegError: The folder holds no pictures of that split.
    """
    require_official("cityscapes", split)
    top = Path(root).expanduser()
    theirs = "val" if split == "test" else "train"
    folder = top / "leftImg8bit" / theirs
    pictures = require_pictures(list(folder.glob(f"*/*{_PICTURE}.*")), folder, "leftImg8bit/ and gtFine/")
    if split != "test":
        pictures = [file for file in pictures if train_or_val(file.stem) == split]
    whole, skipped = make_samples(pair_paths({file: _labels_of(top, theirs, file) for file in pictures}), READ)
    return ImageDataset(
        whole,
        name=f"cityscapes:{root}",
        split=split,
        size=size or SIZE,
        licence=LICENCE,
        classes=tuple(LABELS),
        skipped=skipped,
    )


def info() -> list[DatasetInfo]:
    """What there is to know of it."""
    about = "Cityscapes: leftImg8bit/ and gtFine/, its val split as test"
    return [DatasetInfo(name="cityscapes:ROOT", about=about, size=SIZE, classes=len(LABELS), licence=LICENCE)]


def _labels_of(root: Path, split: str, picture: Path) -> Path:
    return root / "gtFine" / split / picture.parent.name / f"{picture.stem.removesuffix(_PICTURE)}{_LABELS}"
