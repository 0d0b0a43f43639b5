"""ADE20K: scenes of all kinds with 150 classes, in the layout of the scene parsing challenge.

    ROOT/images/{training,validation}/*.jpg
    ROOT/annotations/{training,validation}/*.png        values 1 to 150, 0 is void

ROOT may also be the folder that holds ``ADEChallengeData2016``. Its validation split is our ``test``, and 15 % of its
training split are our ``val``.

Source: Zhou et al., Scene Parsing through ADE20K Dataset, CVPR 2017.
"""

from functools import partial
from pathlib import Path

from uapseg.datasets.labels import lookup_table, read_labels
from uapseg.datasets.reader import ImageDataset, make_samples, pair_paths, require_pictures
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, require_official, train_or_val

SIZE = (384, 384)
LICENCE = "research use, by the terms of ADE20K"
CLASSES = (
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
READ = partial(read_labels, numbers=lookup_table({number + 1: number for number in range(len(CLASSES))}))


def load(root: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the folder ``root``.

    Raises:
        UapsegError: The folder holds no pictures of that split.
    """
    require_official("ade20k", split)
    top = Path(root).expanduser()
    if (top / "ADEChallengeData2016").is_dir():
        top /= "ADEChallengeData2016"
    theirs = "validation" if split == "test" else "training"
    folder, labels = top / "images" / theirs, top / "annotations" / theirs
    pictures = require_pictures(list(folder.glob("*.jpg")), folder, "images/ and annotations/")
    if split != "test":
        pictures = [file for file in pictures if train_or_val(file.stem) == split]
    whole, skipped = make_samples(pair_paths({file: labels / f"{file.stem}.png" for file in pictures}), READ)
    return ImageDataset(
        whole,
        name=f"ade20k:{root}",
        split=split,
        size=size or SIZE,
        licence=LICENCE,
        classes=CLASSES,
        skipped=skipped,
    )


def info() -> list[DatasetInfo]:
    """What there is to know of it."""
    about = "ADE20K: images/ and annotations/ of the scene parsing challenge, its validation split as test"
    return [DatasetInfo(name="ade20k:ROOT", about=about, size=SIZE, classes=len(CLASSES), licence=LICENCE)]
