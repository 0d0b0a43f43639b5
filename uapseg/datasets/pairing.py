"""Matching pictures with their label maps: by the names of folders and files, or else by content."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from os.path import commonprefix
from pathlib import PurePosixPath

from uapseg.datasets.labels import looks_like_label_map
from uapseg.datasets.path_names import PathName, holds_label_maps, read_name
from uapseg.io.sources import Source

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
    listed_pictures = set(tree.pictures or ())
    paths = [
        path
        for path in tree.files
        if path in listed_pictures or PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES
    ]
    top = _shared_folders(paths)
    names = [read_name(path, top) for path in paths]
    return _Matcher(tree, names).pair()


class _Matcher:
    """Pairs pictures with label maps by their names, in steps."""

    def __init__(self, tree: Tree, names: Sequence[PathName]) -> None:
        self._tree, self._notes = tree, list[str]()
        listed_pictures = None if tree.pictures is None else set(tree.pictures)
        outside = [name for name in names if not name.labels]
        self._pictures: list[PathName] = [
            name for name in outside if listed_pictures is None or name.path in listed_pictures
        ]
        self._labels: list[PathName] = [name for name in names if name.labels]
        if listed_pictures is not None:
            self._labels += [name for name in outside if name.marked and name.path not in listed_pictures]

    def pair(self) -> Pairing:
        """Pairs pictures with label maps, and collects notes."""
        self._take_marked()
        self._take_sibling_folders()
        self._take_flat_folders()
        self._return_photos()
        matched_maps = self._match(self._pictures, self._labels)
        maps = {name.path: self._tree.labels.get(name.path, matched_maps.get(name.path)) for name in self._pictures}
        for labels in set(self._tree.labels.values()):
            maps.pop(labels, None)
        if self._tree.pictures is None:
            self._note_unused(set(maps.values()))
            suffix_counts = Counter(PurePosixPath(path).suffix.lower() for path in self._tree.files)
            self._notes += [
                f"{suffix_counts[suffix]} {suffix} files are left out: convert them to PNG or JPEG."
                for suffix in sorted(UNSUPPORTED_SUFFIXES & suffix_counts.keys())
            ]
        return Pairing(maps, tuple(self._notes))

    def _take_marked(self) -> None:
        """Files named as label maps, such as ``NAME_mask.png``, if there is a picture of that name."""
        marked_names = [name for name in self._pictures if name.marked]
        plain_names = [name for name in self._pictures if not name.marked]
        matched_paths = set(self._match(plain_names, marked_names).values())
        picture_keys = {
            (name.place, name.key) for name in plain_names
        }  # a second map of the same picture, such as one in colours
        map_paths = {
            name.path for name in marked_names if name.path in matched_paths or (name.place, name.key) in picture_keys
        }
        self._move(map_paths)

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
            sibling_counts = Counter(
                other for stem in inside for other in owners[stem][: MAX_SIBLINGS + 1] if other != group
            )
            if (
                not sibling_counts
                or len(sibling_counts) > MAX_SIBLINGS
                or 2 * max(sibling_counts.values()) < len(inside)
            ):
                continue
            partner = sibling_counts.most_common(1)[0][0]
            shared = [stem for stem in inside if stem in stems[partner]]
            if self._look_like_maps(inside[stem] for stem in shared) and not self._look_like_maps(
                stems[partner][stem] for stem in shared
            ):
                place = stems[partner][shared[0]].place
                self._move({name.path for name in groups[group]}, place)
                subject = f"The folder {group[0]}" if group[0] != partner[0] else f"The {group[1]} files"
                self._notes.append(f"{subject} seems to hold the label maps of {partner[0] or 'the pictures'}.")

    def _take_flat_folders(self) -> None:
        """Folders of few tones where others have many: they hold label maps, even if no picture has their names."""
        folders = defaultdict[str, list[PathName]](list)
        for name in self._pictures:
            folders[name.folder].append(name)
        if self._tree.pictures is not None or not 1 < len(folders) <= MAX_SIBLINGS:
            return
        flat_folders = [folder for folder, names in folders.items() if len(names) > 1 and self._look_like_maps(names)]
        if len(flat_folders) < len(folders):
            self._move({name.path for folder in flat_folders for name in folders[folder]})

    def _return_photos(self) -> None:
        """Folders only named as if they held label maps: no picture has their names, and they hold photos."""
        matched_paths = set(self._match(self._pictures, self._labels).values())
        folders = defaultdict[str, list[PathName]](list)
        for name in self._labels:
            if name.labels:
                folders[name.folder].append(name)
        for names in folders.values():
            has_picture = self._tree.pictures is not None or any(name.path in matched_paths for name in names)
            if not has_picture and not self._look_like_maps(names):
                self._labels = [name for name in self._labels if name not in set(names)]
                self._pictures += [replace(name, labels=False) for name in names]

    def _note_unused(self, used_paths: set[str | None]) -> None:
        """Notes unused label maps, and folders for label maps that hold files of other kinds."""
        maps = [name for name in self._labels if not name.others]
        used_folders_by_key = {name.key: name.folder for name in maps if name.path in used_paths}
        for folder, count in Counter(name.folder for name in maps if name.key not in used_folders_by_key).items():
            self._notes.append(f"{count} label maps in {folder or 'it'} belong to no picture, or to several.")
        duplicate_folders = {
            name.folder: used_folders_by_key[name.key] for name in maps if name.key in used_folders_by_key
        }
        used_folders = {name.folder for name in maps if name.path in used_paths}
        for folder, used_folder in duplicate_folders.items():
            if folder not in used_folders:
                self._notes.append(f"{folder or 'The top'} is not used: the label maps are taken from {used_folder}.")
        if not used_folders_by_key:
            self._notes += self._foreign_notes()

    def _foreign_notes(self) -> list[str]:
        """Notes files that may be meant as label maps, if there are none."""
        notes = [
            f"{folder or 'The top'} holds maps of something else than classes: they are not used."
            for folder in dict.fromkeys(name.folder for name in self._labels if name.others)
        ]
        foreign = Counter(
            (path.parent.as_posix(), path.suffix.lower())
            for path in map(PurePosixPath, self._tree.files)
            if path.suffix.lower() in {".txt", ".xml", ".json", ".npy", ".npz", ".mat", ".csv"}
            and any(map(holds_label_maps, path.parts[:-1]))
        )
        return notes + [
            f"{folder} holds {count} {suffix} files: label maps are read from PNG files with a class number a pixel."
            for (folder, suffix), count in foreign.items()
            if count > 1
        ]

    def _move(self, paths: set[str], place: tuple[str, ...] | None = None) -> None:
        """Moves files from the pictures to the label maps."""
        moved_names = [name for name in self._pictures if name.path in paths]
        self._labels += [name if place is None else replace(name, place=place) for name in moved_names]
        self._pictures = [name for name in self._pictures if name.path not in paths]

    def _match(self, pictures: Sequence[PathName], labels: Sequence[PathName]) -> dict[str, str]:
        """The label map of each picture: one with its place and name, or else the only one of its name."""
        maps_by_place, maps_by_key = defaultdict[object, list[PathName]](list), defaultdict[str, list[PathName]](list)
        maps_by_beginning = defaultdict[object, list[PathName]](list)
        for name in sorted((name for name in labels if not name.others), key=lambda name: name.rank):
            for key in {name.stem, name.key}:
                maps_by_place[name.place, key].append(name)
                maps_by_key[key].append(name)
            for beginning in name.beginnings if name.labels else ():
                maps_by_beginning[name.place, beginning].append(name)
                maps_by_beginning[beginning].append(name)
        picture_counts = Counter(key for name in pictures for key in {name.stem, name.key})

        def find_own(name: PathName) -> PathName | None:
            for key in (name.stem, name.key):
                if nearby_maps := maps_by_place[name.place, key]:
                    return nearby_maps[0]
                if key and len(maps_by_key[key]) == picture_counts[key] == 1:
                    return maps_by_key[key][0]
            # last, such as NAME_manual1.gif; where there are several, each is an object's
            candidates = maps_by_beginning[name.place, name.stem] or (
                maps_by_beginning[name.stem] if picture_counts[name.stem] == 1 else []
            )
            return candidates[0] if len(candidates) == 1 else None

        return {name.path: map_.path for name in pictures if (map_ := find_own(name))}

    def _look_like_maps(self, names: Iterable[PathName]) -> bool:
        """Whether some of these files, evenly spaced, all look like label maps."""
        all_names = list(names)
        probe_names = all_names[:: max(1, len(all_names) // PROBES)][:PROBES]
        return bool(probe_names) and all(looks_like_label_map(self._tree.files[name.path]) for name in probe_names)


def _shared_folders(paths: Sequence[str]) -> int:
    """How many folders all files share, except a last one that holds all files itself and has a telling name."""
    parents = [PurePosixPath(path).parts[:-1] for path in paths]
    shared = commonprefix(parents)  # noqa: RUF071  of lists, it compares whole names
    if shared and all(len(parent) == len(shared) for parent in parents) and holds_label_maps(shared[-1]):
        return len(shared) - 1
    return len(shared)
