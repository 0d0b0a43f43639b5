"""Matching pictures with their label maps: by the names of folders and files, or else by content."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from os.path import commonprefix
from pathlib import PurePosixPath

from uapseg.datasets.labels import looks_like_label_map
from uapseg.io.sources import Source

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
        ends = [found.start() for found in re.finditer(r"[ _.-]+", self.stem)]
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
    """Whether a name consists of these words, and otherwise only of neutral ones."""
    more = PICTURE_WORDS if words is LABEL_WORDS else set[str]()
    known = words.union(SPLIT_WORDS, NEUTRAL_WORDS, OTHER_WORDS, more)
    return any(
        words & set(found) and all(word in known or word.isdecimal() for word in found)
        for found in (_words(name), _words(name.lower()))
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


PICTURE_SUFFIXES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".ppm",
    ".pgm", ".tga", ".jp2", ".qoi",
}  # fmt: skip

UNSUPPORTED_SUFFIXES = {
    ".heic", ".heif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".psd", ".svg", ".eps", ".exr", ".hdr", ".dcm",
}  # fmt: skip
"""Suffixes of pictures that cannot be read."""

MAX_SIBLINGS = 8
"""The most folders with the same file names among which one may hold the label maps of another."""

PROBES = 4
"""How many files of a folder are decoded if its name does not reveal what it holds."""


@dataclass(frozen=True)
class Tree:
    """Files by path.

    Attributes:
        files: All files; paths are never used to open anything.
        pictures: The paths that a list gives as pictures; None if any file may be one.
        labels: The label maps that a list gives beside its pictures, by the paths of the pictures.

    Example:
        >>> Tree(files={}).pictures is None
        True
    """

    files: dict[str, Source]
    pictures: tuple[str, ...] | None = None
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Pairing:
    """Pictures and their label maps.

    Attributes:
        maps: The path of the label map of each picture, or None.
        notes: What was guessed or not understood, in sentences.

    Example:
        >>> Pairing(maps={"a.jpg": "a_mask.png"}, notes=()).maps["a.jpg"]
        'a_mask.png'
    """

    maps: dict[str, str | None]
    notes: tuple[str, ...]


def pair_files(tree: Tree) -> Pairing:
    """Separates pictures from label maps, and finds the label map of each picture.

    Example:
        >>> from pathlib import Path
        >>> from uapseg.io.sources import File
        >>> tree = Tree({name: File(Path(name)) for name in ("images/a.jpg", "masks/a.png")})
        >>> pair_files(tree).maps
        {'images/a.jpg': 'masks/a.png'}
    """
    listed = set(tree.pictures or ())
    paths = [path for path in tree.files if path in listed or PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES]
    top = _shared_folders(paths)
    names = [read_name(path, top) for path in paths]
    return _Matcher(tree, names).pair()


class _Matcher:
    """The steps from names to pairs."""

    def __init__(self, tree: Tree, names: Sequence[PathName]) -> None:
        self._tree, self._notes = tree, list[str]()
        listed = None if tree.pictures is None else set(tree.pictures)
        outside = [one for one in names if not one.labels]
        self._pictures: list[PathName] = [one for one in outside if listed is None or one.path in listed]
        self._labels: list[PathName] = [one for one in names if one.labels]
        if listed is not None:
            self._labels += [one for one in outside if one.marked and one.path not in listed]

    def pair(self) -> Pairing:
        """Pairs pictures with label maps, and collects notes."""
        self._take_marked()
        self._take_sibling_folders()
        self._take_flat_folders()
        self._return_photos()
        found = self._match(self._pictures, self._labels)
        maps = {name.path: self._tree.labels.get(name.path, found.get(name.path)) for name in self._pictures}
        for labels in set(self._tree.labels.values()):
            maps.pop(labels, None)
        if self._tree.pictures is None:
            self._note_unused(set(maps.values()))
            unknown = Counter(PurePosixPath(path).suffix.lower() for path in self._tree.files)
            self._notes += [
                f"{unknown[suffix]} {suffix} files are left out: convert them to PNG or JPEG."
                for suffix in sorted(UNSUPPORTED_SUFFIXES & unknown.keys())
            ]
        return Pairing(maps, tuple(self._notes))

    def _take_marked(self) -> None:
        """Files named as label maps, such as ``NAME_mask.png``, if there is a picture of that name."""
        marked = [name for name in self._pictures if name.marked]
        plain = [name for name in self._pictures if not name.marked]
        matched = set(self._match(plain, marked).values())
        owned = {(name.place, name.key) for name in plain}  # a second map of the same picture, such as one in colours
        taken = {name.path for name in marked if name.path in matched or (name.place, name.key) in owned}
        self._move(taken)

    def _take_sibling_folders(self) -> None:
        """Folders whose files have the names of pictures elsewhere, and few tones where those have many."""
        groups = defaultdict[tuple[str, str], list[PathName]](list)
        if self._tree.pictures is None:
            for name in self._pictures:
                groups[name.folder, PurePosixPath(name.path).suffix.lower()].append(name)
        stems = {group: {name.stem: name for name in names} for group, names in groups.items()}
        owners = defaultdict[str, list[tuple[str, str]]](list)
        for group, inside in stems.items():
            for stem in inside:
                owners[stem].append(group)
        for group, inside in stems.items():
            others = Counter(other for stem in inside for other in owners[stem][: MAX_SIBLINGS + 1] if other != group)
            if not others or len(others) > MAX_SIBLINGS or 2 * max(others.values()) < len(inside):
                continue
            partner = others.most_common(1)[0][0]
            shared = [stem for stem in inside if stem in stems[partner]]
            if self._look_like_maps(inside[stem] for stem in shared) and not self._look_like_maps(
                stems[partner][stem] for stem in shared
            ):
                place = stems[partner][shared[0]].place
                self._move({name.path for name in groups[group]}, place)
                where = f"The folder {group[0]}" if group[0] != partner[0] else f"The {group[1]} files"
                self._notes.append(f"{where} seems to hold the label maps of {partner[0] or 'the pictures'}.")

    def _take_flat_folders(self) -> None:
        """Folders of few tones where others have many: they hold label maps, even if no picture has their names."""
        folders = defaultdict[str, list[PathName]](list)
        for name in self._pictures:
            folders[name.folder].append(name)
        if self._tree.pictures is not None or not 1 < len(folders) <= MAX_SIBLINGS:
            return
        flat = [folder for folder, names in folders.items() if len(names) > 1 and self._look_like_maps(names)]
        if len(flat) < len(folders):
            self._move({name.path for folder in flat for name in folders[folder]})

    def _return_photos(self) -> None:
        """Folders only named as if they held label maps: no picture has their names, and they hold photos."""
        matched = set(self._match(self._pictures, self._labels).values())
        folders = defaultdict[str, list[PathName]](list)
        for name in self._labels:
            if name.labels:
                folders[name.folder].append(name)
        for names in folders.values():
            alone = self._tree.pictures is not None or any(name.path in matched for name in names)
            if not alone and not self._look_like_maps(names):
                self._labels = [name for name in self._labels if name not in set(names)]
                self._pictures += [replace(name, labels=False) for name in names]

    def _note_unused(self, used: set[str | None]) -> None:
        """Notes unused label maps, and folders for label maps that hold files of other kinds."""
        maps = [name for name in self._labels if not name.others]
        served = {name.key: name.folder for name in maps if name.path in used}
        for folder, count in Counter(name.folder for name in maps if name.key not in served).items():
            self._notes.append(f"{count} label maps in {folder or 'it'} belong to no picture, or to several.")
        seconds = {name.folder: served[name.key] for name in maps if name.key in served}
        first_ones = {name.folder for name in maps if name.path in used}
        for folder, first in seconds.items():
            if folder not in first_ones:
                self._notes.append(f"{folder or 'The top'} is not used: the label maps are taken from {first}.")
        if not served:
            self._notes += self._foreign()

    def _foreign(self) -> list[str]:
        """Notes what may be meant as label maps, if there are none."""
        said = [
            f"{folder or 'The top'} holds maps of something else than classes: they are not used."
            for folder in dict.fromkeys(name.folder for name in self._labels if name.others)
        ]
        foreign = Counter(
            (path.parent.as_posix(), path.suffix.lower())
            for path in map(PurePosixPath, self._tree.files)
            if path.suffix.lower() in {".txt", ".xml", ".json", ".npy", ".npz", ".mat", ".csv"}
            and any(map(holds_label_maps, path.parts[:-1]))
        )
        return said + [
            f"{folder} holds {count} {suffix} files: label maps are read from PNG files with a class number a pixel."
            for (folder, suffix), count in foreign.items()
            if count > 1
        ]

    def _move(self, paths: set[str], place: tuple[str, ...] | None = None) -> None:
        """Moves files from the pictures to the label maps."""
        moved = [name for name in self._pictures if name.path in paths]
        self._labels += [name if place is None else replace(name, place=place) for name in moved]
        self._pictures = [name for name in self._pictures if name.path not in paths]

    def _match(self, pictures: Sequence[PathName], labels: Sequence[PathName]) -> dict[str, str]:
        """The label map of each picture: one with its place and name, or else the only one of its name."""
        here, anywhere = defaultdict[object, list[PathName]](list), defaultdict[str, list[PathName]](list)
        begun = defaultdict[object, list[PathName]](list)
        for name in sorted((name for name in labels if not name.others), key=lambda name: name.rank):
            for called in {name.stem, name.key}:
                here[name.place, called].append(name)
                anywhere[called].append(name)
            for beginning in name.beginnings if name.labels else ():
                begun[name.place, beginning].append(name)
                begun[beginning].append(name)
        alike = Counter(called for name in pictures for called in {name.stem, name.key})

        def own(name: PathName) -> PathName | None:
            for called in (name.stem, name.key):
                if near := here[name.place, called]:
                    return near[0]
                if called and len(anywhere[called]) == alike[called] == 1:
                    return anywhere[called][0]
            # last, such as NAME_manual1.gif; where there are several, each is an object's
            longer = begun[name.place, name.stem] or (begun[name.stem] if alike[name.stem] == 1 else [])
            return longer[0] if len(longer) == 1 else None

        return {name.path: map_.path for name in pictures if (map_ := own(name))}

    def _look_like_maps(self, names: Iterable[PathName]) -> bool:
        """Whether some of these files, evenly spaced, all look like label maps."""
        every = list(names)
        some = every[:: max(1, len(every) // PROBES)][:PROBES]
        return bool(some) and all(looks_like_label_map(self._tree.files[name.path]) for name in some)


def _shared_folders(paths: Sequence[str]) -> int:
    """How many folders all files share, except a last one that holds all files itself and has a telling name."""
    parents = [PurePosixPath(path).parts[:-1] for path in paths]
    shared = commonprefix(parents)  # noqa: RUF071  of lists, it compares whole names
    if shared and all(len(parent) == len(shared) for parent in parents) and holds_label_maps(shared[-1]):
        return len(shared) - 1
    return len(shared)
