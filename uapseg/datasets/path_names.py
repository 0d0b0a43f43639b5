"""What the names of folders and files tell: which hold label maps, and which label map belongs to which picture."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePosixPath

LABEL_WORDS = frozenset({
    "mask", "masks", "label", "labels", "annotation", "annotations", "annot", "annots", "anno", "annos", "ann",
    "anns", "gt", "gts", "truth", "groundtruth", "groundtruths", "seg", "segs", "segm", "segmentation",
    "segmentations", "segmap", "segmaps", "labelmap", "labelmaps", "lbl", "lbls", "trimap", "trimaps", "matte",
    "mattes", "alpha", "labeled", "labelled", "labelid", "labelids", "labeltrainids", "trainids", "gtfine",
    "gtcoarse", "trainannot", "valannot", "testannot",
})  # fmt: skip
"""Words for label maps."""

PICTURE_WORDS = frozenset({
    "image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "rgb", "input", "inputs", "sat",
    "leftimg8bit", "rightimg8bit", "jpegimages",
})  # fmt: skip
"""Words for pictures."""

OTHER_WORDS = {
    "instance", "instances", "instanceid", "instanceids", "object", "objects", "panoptic", "polygons",
    "depth", "disparity",
}  # fmt: skip
"""Words for maps of something else than classes."""

SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test", "trainannot": "train", "valannot": "val", "testannot": "test",
}  # fmt: skip

NEUTRAL_WORDS = {
    "class", "classes", "semantic", "binary", "color", "colour", "colors", "colours", "png", "jpg", "jpeg", "gif",
    "tif", "tiff", "bmp", "dir", "raw", "id", "ids", "fine", "coarse", "ground", "map", "maps", "aug", "new", "all",
    "data", "final", "approved", "full", "original", "originals", "left", "8bit",
}  # fmt: skip
"""Words that may stand beside those without another meaning."""

PREFERRED_FOLDERS = ("masks", "labels")
"""Where several folders hold label maps, these come first."""


@dataclass(frozen=True)
class PathName:
    """What a file's path tells.

    Attributes:
        path: It whole.
        folder: The folder that it lies in.
        place: Its folders without what only tells pictures from label maps; those of a pair have the same.
        stem: Its name without the ending.
        key: The same without words for pictures or label maps; empty where it has no others.
        labels: Whether it lies in a folder for label maps.
        marked: Whether its own name has a word for label maps.
        others: Whether it is a map of something else than classes, by its name.
    """

    path: str
    folder: str
    place: tuple[str, ...]
    stem: str
    key: str
    labels: bool
    marked: bool
    others: bool

    @cached_property
    def beginnings(self) -> list[str]:
        """The stem without its last words, one word less each time."""
        ends = [found.start() for found in re.finditer(r"[ _.-]+", self.stem)]
        return [self.stem[:end] for end in reversed(ends) if end]

    @cached_property
    def rank(self) -> tuple[int, bool, bool, str]:
        """What comes first of several label maps of a picture: the one beside it, then by folder."""
        words = {word for part in self.folder.split("/") for word in _words(part)} if self.labels else set[str]()
        order = next((1 + number for number, word in enumerate(PREFERRED_FOLDERS) if word in words), 3) if words else 0
        coloured = bool((words | set(_words(self.stem))) & {"color", "colour", "colors", "colours"})
        return order, coloured, "trainid" not in self.stem, self.path


@lru_cache(maxsize=4096)
def normalize_name(name: str) -> str:
    """A name for comparing: without case, and with accents in one form, as systems store them differently."""
    return unicodedata.normalize("NFC", name).casefold()


@lru_cache(maxsize=4096)
def holds_label_maps(folder: str) -> bool:
    """Whether a folder of this name holds label maps."""
    return _consists_of(LABEL_WORDS, folder)


def read_name(path: str, top: int = 0) -> PathName:
    """What a path tells.

    Args:
        path: With ``/`` between names.
        top: How many folders at its beginning tell nothing, as all files are in them.
    """
    whole = PurePosixPath(path)
    folders = whole.parts[top:-1]
    telling = [
        number for number, name in enumerate(folders) if holds_label_maps(name) or _consists_of(PICTURE_WORDS, name)
    ]
    stem = normalize_name(whole.stem)
    key, marked, others = _split_key(stem)
    within = {word for name in folders for word in _words(name)}
    labels = bool(telling) and holds_label_maps(folders[telling[-1]])
    return PathName(
        path=path,
        folder="/".join(whole.parts[:-1]),
        place=tuple(part for name in folders for part in _place(name)),
        stem=stem,
        key=key,
        labels=labels,
        marked=marked,
        others=others or (labels and bool(within & OTHER_WORDS)),
    )


@lru_cache(maxsize=4096)
def _words(name: str) -> list[str]:
    """The words of a name: ``SegmentationClassPNG`` has three."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", unicodedata.normalize("NFC", name))
    return [word.strip("0123456789") or word for word in re.split(r"[\W_]+", apart.casefold()) if word]


@lru_cache(maxsize=4096)
def _consists_of(words: frozenset[str], name: str) -> bool:
    """Whether a name is made of these words, and of others only if they mean nothing else."""
    known = (
        words
        | SPLIT_WORDS.keys()
        | NEUTRAL_WORDS
        | OTHER_WORDS
        | (PICTURE_WORDS if words is LABEL_WORDS else frozenset())
    )
    return any(
        words & set(found) and all(word in known or word.isdecimal() for word in found)
        for found in (_words(name), _words(name.lower()))
    )


@lru_cache(maxsize=4096)
def _place(folder: str) -> list[str]:
    """What a folder's name tells besides that it holds pictures or label maps."""
    if holds_label_maps(folder) or _consists_of(PICTURE_WORDS, folder):
        return [SPLIT_WORDS[word] for word in _words(folder) if word in SPLIT_WORDS]
    return [SPLIT_WORDS.get(normalize_name(folder), normalize_name(folder))]


def _split_key(stem: str) -> tuple[str, bool, bool]:
    """A file's stem without words for pictures and label maps at its ends, and whether it had those for label maps."""
    parts = re.split(r"([ _.-]+)", stem)
    words, taken = parts[::2], set[str]()
    others = OTHER_WORDS - {"object", "objects"}  # those are in photos' names as well
    known = LABEL_WORDS | PICTURE_WORDS | others | NEUTRAL_WORDS
    first, last = 0, len(words)
    while last > first and words[last - 1] in known:
        taken.add(words[last - 1])
        last -= 1
    while last > first and words[first] in LABEL_WORDS | PICTURE_WORDS:
        taken.add(words[first])
        first += 1
    return "".join(parts[2 * first : max(0, 2 * last - 1)]), bool(taken & (LABEL_WORDS | others)), bool(taken & others)
