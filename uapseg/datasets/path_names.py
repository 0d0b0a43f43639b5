"""What the path of a file reveals: whether it is a picture or a label map, and of which picture."""

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
"""Words for maps of something other than classes."""

SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test", "trainannot": "train", "valannot": "val", "testannot": "test",
}  # fmt: skip

NEUTRAL_WORDS = {
    "class", "classes", "semantic", "binary", "color", "colour", "colors", "colours", "png", "jpg", "jpeg", "gif",
    "tif", "tiff", "bmp", "dir", "raw", "id", "ids", "fine", "coarse", "ground", "map", "maps", "aug", "new", "all",
    "data", "final", "approved", "full", "original", "originals", "left", "8bit",
}  # fmt: skip
"""Words without a meaning of their own beside the others."""

PREFERRED_FOLDERS = ("masks", "labels")
"""The folders that come first if several hold label maps."""


@dataclass(frozen=True)
class PathName:
    """What the path of a file reveals.

    Attributes:
        path: The whole path.
        folder: Its folder.
        place: Its folders without those that only separate pictures from label maps; the two files of a pair share it.
        stem: Its file name without the suffix.
        key: The stem without words for pictures or label maps; empty if nothing remains.
        labels: Whether it is in a folder for label maps.
        marked: Whether its file name has a word for label maps.
        others: Whether its name says that it is a map of something other than classes.

    Example:
        >>> name = read_name("train/labels/0001_mask.png")
        >>> name.place, name.key, name.labels, name.marked
        (('train',), '0001', True, True)
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
        """The stem without its last word, without its last two words, and so on."""
        ends = [match.start() for match in re.finditer(r"[ _.-]+", self.stem)]
        return [self.stem[:end] for end in reversed(ends) if end]

    @cached_property
    def rank(self) -> tuple[int, bool, bool, str]:
        """The order among several label maps of a picture: first the one beside it, then by folder."""
        words = {word for part in self.folder.split("/") for word in _words(part)} if self.labels else set[str]()
        order = next((1 + number for number, word in enumerate(PREFERRED_FOLDERS) if word in words), 3) if words else 0
        coloured = bool((words | set(_words(self.stem))) & {"color", "colour", "colors", "colours"})
        return order, coloured, "trainid" not in self.stem, self.path


@lru_cache(maxsize=4096)
def normalize_name(name: str) -> str:
    r"""Normalizes a name for comparison: case folded, and accents composed, as systems store them differently.

    Example:
        >>> normalize_name("Caf\u00c9.PNG") == "caf\u00e9.png"
        True
    """
    return unicodedata.normalize("NFC", name).casefold()


@lru_cache(maxsize=4096)
def holds_label_maps(folder: str) -> bool:
    """Whether a folder of this name holds label maps.

    Example:
        >>> holds_label_maps("SegmentationClassPNG"), holds_label_maps("photos")
        (True, False)
    """
    return _consists_of(LABEL_WORDS, folder)


def read_name(path: str, top: int = 0) -> PathName:
    """Analyzes the path of a file.

    Args:
        path: The path, with ``/`` between names.
        top: How many folders at its beginning are shared by all files.

    Example:
        >>> read_name("images/0001.jpg").key
        '0001'
    """
    pure_path = PurePosixPath(path)
    folders = pure_path.parts[top:-1]
    telling_indices = [
        number for number, name in enumerate(folders) if holds_label_maps(name) or _consists_of(PICTURE_WORDS, name)
    ]
    stem = normalize_name(pure_path.stem)
    key, marked, is_other_map = _split_key(stem)
    folder_words = {word for name in folders for word in _words(name)}
    labels = bool(telling_indices) and holds_label_maps(folders[telling_indices[-1]])
    return PathName(
        path=path,
        folder="/".join(pure_path.parts[:-1]),
        place=tuple(part for name in folders for part in _place(name)),
        stem=stem,
        key=key,
        labels=labels,
        marked=marked,
        others=is_other_map or (labels and bool(folder_words & OTHER_WORDS)),
    )


@lru_cache(maxsize=4096)
def _words(name: str) -> list[str]:
    """The words of a name: ``SegmentationClassPNG`` has three."""
    spaced_name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", unicodedata.normalize("NFC", name))
    return [word.strip("0123456789") or word for word in re.split(r"[\W_]+", spaced_name.casefold()) if word]


@lru_cache(maxsize=4096)
def _consists_of(words: frozenset[str], name: str) -> bool:
    """Whether a name consists of these words, and otherwise only of neutral ones."""
    more_words = PICTURE_WORDS if words is LABEL_WORDS else set[str]()
    allowed_words = words.union(SPLIT_WORDS, NEUTRAL_WORDS, OTHER_WORDS, more_words)
    return any(
        words & set(name_words) and all(word in allowed_words or word.isdecimal() for word in name_words)
        for name_words in (_words(name), _words(name.lower()))
    )


@lru_cache(maxsize=4096)
def _place(folder: str) -> list[str]:
    """What the name of a folder says besides holding pictures or label maps."""
    if holds_label_maps(folder) or _consists_of(PICTURE_WORDS, folder):
        return [SPLIT_WORDS[word] for word in _words(folder) if word in SPLIT_WORDS]
    return [SPLIT_WORDS.get(normalize_name(folder), normalize_name(folder))]


def _split_key(stem: str) -> tuple[str, bool, bool]:
    """A stem without words for pictures and label maps at its ends, and whether it had those for label maps."""
    parts = re.split(r"([ _.-]+)", stem)
    words, end_words = parts[::2], set[str]()
    other_words = OTHER_WORDS - {"object", "objects"}  # those are in photos' names as well
    known_words = LABEL_WORDS | PICTURE_WORDS | other_words | NEUTRAL_WORDS
    first, last = 0, len(words)
    while last > first and words[last - 1] in known_words:
        end_words.add(words[last - 1])
        last -= 1
    while last > first and words[first] in LABEL_WORDS | PICTURE_WORDS:
        end_words.add(words[first])
        first += 1
    return (
        "".join(parts[2 * first : max(0, 2 * last - 1)]),
        bool(end_words & (LABEL_WORDS | other_words)),
        bool(end_words & other_words),
    )
