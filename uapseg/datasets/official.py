"""Datasets in their official folders: Cityscapes, PASCAL VOC, ADE20K and CamVid, as one table of layouts.

    cityscapes:ROOT    leftImg8bit/{train,val}/CITY/*_leftImg8bit.png, gtFine/{train,val}/CITY/*_gtFine_labelIds.png
    voc:ROOT           JPEGImages/*.jpg, SegmentationClass/*.png, ImageSets/Segmentation/{train,val}.txt
    ade20k:ROOT        images/{training,validation}/*.jpg, annotations/{training,validation}/*.png
    camvid:ROOT        images/{train,val,test}/*, labels/{train,val,test}/*.png

The labels of the official test splits of the first three are not published. Their official val split therefore serves
as ``test``, and 15 % of their train split as ``val``.

Sources:
    Cordts et al., The Cityscapes Dataset, https://arxiv.org/abs/1604.01685; label ids of
    https://github.com/mcordts/cityscapesScripts.
    Everingham et al., The PASCAL Visual Object Classes Challenge, IJCV 2010.
    Zhou et al., Scene Parsing through ADE20K Dataset, CVPR 2017.
    Brostow, Fauqueur, Cipolla, Semantic object classes in video, Pattern Recognition Letters 2009.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from uapseg.datasets.labels import lookup_table, read_labels
from uapseg.datasets.reader import ImageDataset, first_size
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.samples import make_samples, pair_paths
from uapseg.datasets.splits import Split, require_official, train_or_val
from uapseg.errors import UapsegError
from uapseg.io.files import read
from uapseg.scenes import CLASSES as CAMVID_CLASSES  # the renderer draws the same eleven

Files = dict[Path, Path]
"""Pictures, and where their label maps should be."""

CITYSCAPES_LABELS = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26, "truck": 27,
    "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip
"""The classes, in the order of the 19 train ids, and their values in ``labelIds`` files."""

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

ADE20K_CLASSES = (
    "wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "windowpane", "grass", "cabinet",
    "sidewalk", "person", "earth", "door", "table", "mountain", "plant", "curtain", "chair", "car", "water",
    "painting", "sofa", "shelf", "house", "sea", "mirror", "rug", "field", "armchair", "seat", "fence", "desk",
    "rock", "wardrobe", "lamp", "bathtub", "railing", "cushion", "base", "box", "column", "signboard",
    "chest of drawers", "counter", "sand", "sink", "skyscraper", "fireplace", "refrigerator", "grandstand", "path",
    "stairs", "runway", "case", "pool table", "pillow", "screen door", "stairway", "river", "bridge", "bookcase",
    "blind", "coffee table", "toilet", "flower", "book", "hill", "bench", "countertop", "stove", "palm",
    "kitchen island", "computer", "swivel chair", "boat", "bar", "arcade machine", "hovel", "bus", "towel", "light",
    "truck", "tower", "chandelier", "awning", "streetlight", "booth", "television receiver", "airplane",
    "dirt track", "apparel", "pole", "land", "bannister", "escalator", "ottoman", "bottle", "buffet", "poster",
    "stage", "van", "ship", "fountain", "conveyer belt", "canopy", "washer", "plaything", "swimming pool", "stool",
    "barrel", "basket", "waterfall", "tent", "bag", "minibike", "cradle", "oven", "ball", "food", "step", "tank",
    "trade name", "microwave", "pot", "animal", "bicycle", "lake", "dishwasher", "screen", "blanket", "sculpture",
    "hood", "sconce", "vase", "traffic light", "tray", "ashcan", "fan", "pier", "crt screen", "plate", "monitor",
    "bulletin board", "shower", "radiator", "glass", "clock", "flag",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A published dataset: where its files are, and what its label maps hold.

    Attributes:
        name: The part of its name before the colon.
        about: A short description.
        contents: What its folder holds, for error messages.
        splits: The official name of each of our splits; one that serves both train and val is divided between them.
        find: Finds the files of an official split in the folder, in any order.
        labels: The class index of each value in its label maps; other values are void.
        classes: The names of the classes.
        licence: The licence of the pictures.
        size: The default (width, height) of the pictures; None for that of the first.

    Example:
        >>> CITYSCAPES.info()[0].classes
        19
        >>> CITYSCAPES.labels[7], CITYSCAPES.classes[0]
        (0, 'road')
    """

    name: str
    about: str
    contents: str
    splits: Mapping[Split, str]
    find: Callable[[Path, str], Files]
    labels: Mapping[int, int]
    classes: tuple[str, ...]
    licence: str
    size: tuple[int, int] | None = (384, 384)

    def load(self, root: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
        """Opens a split of the folder ``root``.

        Args:
            root: The folder; ``~`` is the home folder.
            split: ``train``, ``val`` or ``test``.
            size: The (width, height) of the pictures; None for the default.

        Raises:
            UapsegError: The folder holds no pictures of that split, or none that can be read.
        """
        require_official(self.name, split)
        top = Path(root).expanduser()
        files = self.find(top, self.splits[split])
        if not files:
            raise UapsegError(f"There are no pictures in {top}: give the folder that holds {self.contents}.")
        is_divided = self.splits["train"] == self.splits["val"] == self.splits[split]
        pictures = [picture for picture in sorted(files) if not is_divided or train_or_val(picture.stem) == split]
        read_map = partial(read_labels, numbers=lookup_table(self.labels))
        samples, skipped = make_samples(pair_paths({picture: files[picture] for picture in pictures}), read_map)
        return ImageDataset(
            samples,
            name=f"{self.name}:{root}",
            split=split,
            size=size or self.size or first_size(samples, (480, 360)),
            licence=self.licence,
            classes=self.classes,
            skipped=skipped,
        )

    def info(self) -> list[DatasetInfo]:
        """Describes the dataset."""
        return [
            DatasetInfo(
                name=f"{self.name}:ROOT",
                about=self.about,
                size=self.size,
                classes=len(self.classes),
                licence=self.licence,
            )
        ]


def _find_cityscapes(root: Path, part: str) -> Files:
    pictures = (root / "leftImg8bit" / part).glob("*/*_leftImg8bit.*")
    return {picture: _cityscapes_labels(root / "gtFine" / part, picture) for picture in pictures}


def _cityscapes_labels(folder: Path, picture: Path) -> Path:
    scene = picture.stem.removesuffix("_leftImg8bit")
    return folder / picture.parent.name / f"{scene}_gtFine_labelIds.png"


def _find_voc(root: Path, part: str) -> Files:
    """The files of VOC2012 or another year: in ``root``, or in VOCdevkit in or around it, the latest year first."""
    years = [*sorted(root.glob("VOC20*"), reverse=True), *sorted(root.glob("VOCdevkit/VOC20*"), reverse=True)]
    folder = next(
        (candidate for candidate in [root, *years] if (candidate / "ImageSets" / "Segmentation").is_dir()), None
    )
    if folder is None:
        return {}
    lines = read(folder / "ImageSets" / "Segmentation" / f"{part}.txt").decode("utf-8", "replace").splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    return {folder / "JPEGImages" / f"{name}.jpg": folder / "SegmentationClass" / f"{name}.png" for name in names}


def _find_ade20k(root: Path, part: str) -> Files:
    inside = root / "ADEChallengeData2016"
    return _find_parallel(inside if inside.is_dir() else root, part, labels="annotations")


def _find_parallel(root: Path, part: str, labels: str = "labels") -> Files:
    """Files with the same names below ``images`` and below the folder of label maps."""
    folder = root / "images" / part
    pictures = (*folder.glob("*.jpg"), *folder.glob("*.png"))
    return {picture: root / labels / part / f"{picture.stem}.png" for picture in pictures}


def _held_out(train: str, val: str) -> dict[Split, str]:
    """The splits of a dataset whose official test split has no labels."""
    return {"train": train, "val": train, "test": val}


CITYSCAPES = Layout(
    name="cityscapes",
    about="Cityscapes: leftImg8bit/ and gtFine/, its val split as test",
    contents="leftImg8bit/ and gtFine/",
    splits=_held_out("train", "val"),
    find=_find_cityscapes,
    labels={stored: number for number, stored in enumerate(CITYSCAPES_LABELS.values())},
    classes=tuple(CITYSCAPES_LABELS),
    licence="research use, by the terms of Cityscapes",
    size=(512, 256),
)

VOC = Layout(
    name="voc",
    about="PASCAL VOC: a VOCdevkit folder, its val split as test",
    contents="JPEGImages/ and ImageSets/",
    splits=_held_out("train", "val"),
    find=_find_voc,
    labels={number: number for number in range(len(VOC_CLASSES))},
    classes=VOC_CLASSES,
    licence="research use; each photo by its licence at Flickr",
)

ADE20K = Layout(
    name="ade20k",
    about="ADE20K: images/ and annotations/ of the scene parsing challenge, its validation split as test",
    contents="images/ and annotations/",
    splits=_held_out("training", "validation"),
    find=_find_ade20k,
    labels={number + 1: number for number in range(len(ADE20K_CLASSES))},
    classes=ADE20K_CLASSES,
    licence="research use, by the terms of ADE20K",
)

CAMVID = Layout(
    name="camvid",
    about="CamVid: frames of street videos, in images/ and labels/ with train, val and test",
    contents="images/ and labels/",
    splits={"train": "train", "val": "val", "test": "test"},
    find=_find_parallel,
    labels={number: number for number in range(len(CAMVID_CLASSES))},
    classes=CAMVID_CLASSES,
    licence="research use",
    size=None,
)
