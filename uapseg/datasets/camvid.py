"""CamVid: street video frames with 11 classes, in the usual layout of one folder for each split.

    ROOT/images/{train,val,test}/*.jpg or *.png
    ROOT/labels/{train,val,test}/*.png        values 0 to 10, anything else is void

Source: Brostow, Fauqueur, Cipolla, Semantic object classes in video, Pattern Recognition Letters 2009.
"""

from functools import partial
from pathlib import Path

from uapseg.datasets.labels import lookup_table, read_labels
from uapseg.datasets.reader import ImageDataset, first_size, make_samples, pair_paths, require_pictures
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, require_official
from uapseg.scenes import CLASSES  # the same eleven

SIZE = (480, 360)
LICENCE = "research use"
READ = partial(read_labels, numbers=lookup_table({number: number for number in range(len(CLASSES))}))


def load(root: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the folder ``root``, its pictures as large as they are.

    Raises:
        UapsegError: The folder holds no pictures of that split.
    """
    require_official("camvid", split)
    top = Path(root).expanduser()
    folder, labels = top / "images" / split, top / "labels" / split
    pictures = require_pictures([*folder.glob("*.jpg"), *folder.glob("*.png")], folder, "images/ and labels/")
    whole, skipped = make_samples(pair_paths({file: labels / f"{file.stem}.png" for file in pictures}), READ)
    size = size or first_size(whole, SIZE)
    return ImageDataset(
        whole, name=f"camvid:{root}", split=split, size=size, licence=LICENCE, classes=CLASSES, skipped=skipped
    )


def info() -> list[DatasetInfo]:
    """What there is to know of it."""
    about = "CamVid: frames of street videos, in images/ and labels/ with train, val and test"
    return [DatasetInfo(name="camvid:ROOT", about=about, size=None, classes=len(CLASSES), licence=LICENCE)]
