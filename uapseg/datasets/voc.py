"""PASCAL VOC: photos with 21 classes, in the layout in which it is given out.

    ROOT/JPEGImages/*.jpg
    ROOT/SegmentationClass/*.png                        values 0 to 20, 255 is void
    ROOT/ImageSets/Segmentation/{train,val}.txt         a name a line

ROOT is such a folder (VOC2012), or VOCdevkit, which holds it, or the folder that holds VOCdevkit. Labels for its test
split are not given out. So its val split is our ``test``, and 15 % of its train split are our ``val``.

Source: Everingham et al., The PASCAL Visual Object Classes Challenge, IJCV 2010.
"""

from functools import partial
from pathlib import Path

from uapseg.datasets.labels import lookup_table, read_labels
from uapseg.datasets.reader import ImageDataset, make_samples, pair_paths, require_pictures
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, require_official, train_or_val
from uapseg.errors import UapsegError
from uapseg.io.files import read

SIZE = (384, 384)
LICENCE = "research use; each photo by its licence at Flickr"
CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
READ = partial(read_labels, numbers=lookup_table({number: number for number in range(len(CLASSES))}))


def load(root: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the folder ``root``.

    Raises:
        UapsegError: The folder holds no list of that split, or none of its pictures.
    """
    require_official("voc", split)
    top = Path(root).expanduser()
    folder = _inside(top)
    names = _listed(folder / "ImageSets" / "Segmentation" / ("val.txt" if split == "test" else "train.txt"))
    if split != "test":
        names = [name for name in names if train_or_val(name) == split]
    pictures = require_pictures(
        [folder / "JPEGImages" / f"{name}.jpg" for name in names], folder, "JPEGImages/ and ImageSets/"
    )
    labels = folder / "SegmentationClass"
    whole, skipped = make_samples(pair_paths({file: labels / f"{file.stem}.png" for file in pictures}), READ)
    return ImageDataset(
        whole,
        name=f"voc:{root}",
        split=split,
        size=size or SIZE,
        licence=LICENCE,
        classes=CLASSES,
        skipped=skipped,
    )


def info() -> list[DatasetInfo]:
    """What there is to know of it."""
    about = "PASCAL VOC: a VOCdevkit folder, its val split as test"
    return [DatasetInfo(name="voc:ROOT", about=about, size=SIZE, classes=len(CLASSES), licence=LICENCE)]


def _inside(root: Path) -> Path:
    """The folder with the pictures."""
    inside = [root, *sorted(root.glob("VOC20*"), reverse=True), *sorted(root.glob("VOCdevkit/VOC20*"), reverse=True)]
    for folder in inside:
        if (folder / "ImageSets" / "Segmentation").is_dir():
            return folder
    raise UapsegError(
        f"There is no VOC in {root}: give the folder that holds JPEGImages/ and ImageSets/Segmentation/."
    )


def _listed(file: Path) -> list[str]:
    return [line.split()[0] for line in read(file).decode("utf-8", "replace").splitlines() if line.strip()]
