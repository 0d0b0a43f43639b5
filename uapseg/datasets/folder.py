"""The user's own pictures: in a folder and its subfolders, in a zip archive, or in a list of paths.

A label map holds one class index per pixel (255 is void) and has the size of its upright picture. It lies beside its
picture as ``NAME_mask.png``, or in a folder such as ``masks/``, ``labels/`` or ``SegmentationClass/``; see
`uapseg.datasets.pairing`. A file ``classes.txt`` names the classes from 0 on, one a line; otherwise they are called by
their indices. Guesses and what was not understood are in the ``notes`` of the dataset.

Splits depend on the content of the files, 70 % train, 15 % val, 15 % test; a copy under another name is in the same
split.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from uapseg.datasets.labels import PROBES, match_names, read_classes
from uapseg.datasets.pairing import Tree, pair_files
from uapseg.datasets.path_names import holds_label_maps, normalize_name
from uapseg.datasets.reader import SIDE_RANGE, ImageDataset, empty_split_message, first_size
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.samples import Pair, make_samples
from uapseg.datasets.splits import Split, in_split
from uapseg.errors import UapsegError
from uapseg.io.files import read, to_text
from uapseg.io.images import size_of, upright_size
from uapseg.io.sources import File, Source, ZipMember, open_zip

CLASSES_FILE = "classes.txt"

ENCRYPTED = 1
"""The flag of an encrypted member of a zip archive."""

MAX_ABOVE = 3
"""How many folders above a listed picture are searched for label maps, if the list itself is not above it."""


def read_tree(path: Path) -> Tree:
    """Lists the files of a folder, a zip archive or a list.

    Raises:
        UapsegError: It cannot be opened.

    Example:
        >>> Path("photos").mkdir()
        >>> Path("photos/a.jpg").touch()
        >>> list(read_tree(Path("photos")).files)
        ['a.jpg']
    """
    if path.is_dir():
        named_sources: Iterator[tuple[str, Source]] = (
            (file.relative_to(path).as_posix(), File(file)) for file in path.rglob("*") if file.is_file()
        )
    elif path.suffix.lower() == ".zip":
        inside = [member for member in open_zip(path).infolist() if member.filename[-1:] not in {"/", "\\"}]
        if inside and all(member.flag_bits & ENCRYPTED for member in inside):
            raise UapsegError(f"{path} is encrypted: unpack it, and use the folder.")
        named_sources = ((member.filename, ZipMember(path, member.filename)) for member in inside)
    else:
        return _read_list(path)
    files = {path_name: source for name, source in named_sources if (path_name := _relative_path(name))}
    return Tree({name: files[name] for name in sorted(files) if not _is_hidden(name)})


def _relative_path(name: str) -> str:
    """A path below the top folder, whatever slashes it was written with and wherever it points."""
    parts = re.sub(r"^[A-Za-z]:(?=[\\/])", "", name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in {"", ".", ".."})


def _is_hidden(name: str) -> bool:
    """Whether a file was left by other programs."""
    parts = PurePosixPath(name).parts
    return "__macosx" in map(normalize_name, parts) or any(part.startswith(".") for part in parts)


def _read_list(path: Path) -> Tree:
    """The pictures of a list, and files that may be their label maps; paths are relative to the list."""
    base = _absolute(Path(), str(path.parent))
    lines = [line.strip().strip("\"'") for line in to_text(read(path)).splitlines()]
    columns = [_parse_line(base, line) for line in lines if line and "\0" not in line and not line.startswith("# ")]
    pictures = dict.fromkeys(picture for picture, _ in columns)
    labels = {picture.as_posix(): labels.as_posix() for picture, labels in columns if labels}
    files = [*pictures, *map(Path, labels.values()), *_nearby_files(list(pictures), base)]
    return Tree({file.as_posix(): File(file) for file in files}, tuple(map(Path.as_posix, pictures)), labels)


def _parse_line(base: Path, line: str) -> tuple[Path, Path | None]:
    """The picture of a line and, in a second column, its label map."""
    line_file = _find_file(base, line)
    if line_file:
        return line_file, None
    for cells in (re.split(r"\s*[\t,;]\s*", line), line.split()):
        cell_files = [_find_file(base, cell) for cell in cells]
        if len(cell_files) == 2 and cell_files[0]:
            return cell_files[0], cell_files[1]
    return _absolute(base, line.replace("\\", "/")), None


def _find_file(base: Path, name: str) -> Path | None:
    """The file of this name, whatever slashes it was written with."""
    candidates = (_absolute(base, spelling) for spelling in (name, name.replace("\\", "/")))
    with suppress(OSError):  # a name that is too long
        return next((path for path in candidates if path.is_file()), None)
    return None


def _absolute(base: Path, name: str) -> Path:
    return Path(os.path.abspath(base / name))  # noqa: PTH100  a link keeps its own name


def _nearby_files(pictures: list[Path], base: Path) -> Iterator[Path]:
    """Files in the pictures' own folders, in folders for label maps beside or above them, and the names of classes."""
    own_folders = dict.fromkeys(picture.parent for picture in pictures)
    searched_folders = dict.fromkeys(
        [base, *(folder for own_folder in own_folders for folder in _folders_above(own_folder, base))]
    )
    for folder in searched_folders:
        for entry in _list_folder(folder):
            if entry.is_dir() and holds_label_maps(entry.name):
                yield from (Path(file) for file in Path(entry.path).rglob("*") if file.is_file())
            elif entry.is_file() and (folder in own_folders or normalize_name(entry.name) == CLASSES_FILE):
                yield Path(entry.path)


def _folders_above(folder: Path, base: Path) -> list[Path]:
    """A folder and those above it, up to that of the list."""
    chain = [folder, *folder.parents]
    return chain[: chain.index(base) + 1] if base in chain else chain[:MAX_ABOVE]


def _list_folder(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


MAX_SIDE = 512
"""The default limit of the longer side; smaller pictures keep their size."""


def load(name: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the pictures in a folder, zip archive or list.

    Args:
        name: The path.
        split: The split.
        size: The (width, height) of the pictures; None for that of the first picture, scaled down to a longer side of
            512 pixels if necessary, with sides that are multiples of 8.

    Raises:
        UapsegError: There are no pictures, or none can be read.

    Example:
        >>> from PIL import Image
        >>> Path("mine").mkdir()
        >>> Image.new("RGB", (64, 32)).save("mine/a.png")
        >>> dataset = load("mine", "all")
        >>> len(dataset), dataset.size, dataset.classes
        (1, (64, 32), ())
    """
    tree = read_tree(Path(name).expanduser())
    pairing, names = pair_files(tree), _read_class_names(tree)
    pairs: list[Pair] = [(tree.files[path], tree.files[maps] if maps else None) for path, maps in pairing.maps.items()]
    if not pairs:
        notes = f" {' '.join(pairing.notes)}" if pairing.notes else ""
        raise UapsegError(f"There are no pictures in {name}: JPEG, PNG, WebP, AVIF, GIF, BMP and TIFF work.{notes}")
    return open_pairs(pairs, names, name=name, split=split, size=size, notes=pairing.notes)


def open_pairs(
    pairs: list[Pair],
    names: dict[int, str] | None,
    *,
    name: str,
    split: Split,
    size: tuple[int, int] | None,
    notes: Sequence[str] = (),
) -> ImageDataset:
    """Opens a split of the user's own pictures.

    Args:
        pairs: All pictures with their label maps.
        names: The names of the classes by their values in label maps; None if there are none.
        name: What the user calls the dataset.
        split: The split.
        size: The (width, height) of the pictures; None for the default, as in `load`.
        notes: How the label maps were found, in sentences.

    Raises:
        UapsegError: No picture can be read, or the split is empty.

    Example:
        >>> from PIL import Image
        >>> Image.new("RGB", (64, 32)).save("b.png")
        >>> open_pairs([(File(Path("b.png")), None)], None, name="mine", split="all", size=None).size
        (64, 32)
    """
    naming = match_names(names, [labels for _, labels in pairs if labels])
    notes = [*notes, *naming.notes]
    if unturned_name := _find_unturned_labels(pairs):
        notes.append(
            f"The label map of {unturned_name} is not turned upright as its picture is: none is used; turn them too."
        )
    if unturned_name or not naming.usable:
        pairs = [(picture, None) for picture, _ in pairs]
    samples, skipped = make_samples(pairs, naming.read)
    if not samples:
        hint = f", {len(skipped)} are damaged or missing: see {skipped[0]} first" if skipped else ""
        raise UapsegError(f"No picture in {name} can be read{hint}.")
    split_samples = samples.select(in_split((sample.key for sample in samples), split))
    if not split_samples:
        raise UapsegError(empty_split_message(split, name))
    return ImageDataset(
        split_samples,
        name=name,
        split=split,
        size=size or default_size(first_size(samples, (MAX_SIDE, MAX_SIDE))),
        licence="your own",
        classes=naming.classes,
        skipped=skipped,
        notes=notes,
    )


def info() -> list[DatasetInfo]:
    """Describes the forms of the name.

    Example:
        >>> [form.name for form in info()]
        ['FOLDER', 'FILE.zip', 'LIST.txt']
    """
    about = "your own pictures, with or without label maps"
    return [
        DatasetInfo(name=form, about=about, size=None, classes=None, licence="your own")
        for form in ("FOLDER", "FILE.zip", "LIST.txt")
    ]


def _read_class_names(tree: Tree) -> dict[int, str] | None:
    """The names in the ``classes.txt`` nearest to the top folder; None if there is none.

    Raises:
        UapsegError: Several such files differ.
    """
    paths = sorted(
        (path for path in tree.files if normalize_name(PurePosixPath(path).name) == CLASSES_FILE), key=_depth
    )
    if not paths:
        return None
    top_paths = [path for path in paths if _depth(path) == _depth(paths[0])]
    class_lists = [read_classes(tree.files[path]) for path in top_paths]
    if any(names != class_lists[0] for names in class_lists):
        raise UapsegError(
            f"{top_paths[0]} and {top_paths[1]} name different classes: leave one {CLASSES_FILE}, at the top."
        )
    return class_lists[0]


def _depth(path: str) -> int:
    return path.count("/")


def _find_unturned_labels(pairs: Sequence[Pair]) -> str | None:
    """The name of a picture with EXIF rotation whose label map has none; checks some pairs, evenly spaced."""
    labelled = [(picture, labels) for picture, labels in pairs if labels]
    for picture, labels in labelled[:: max(1, len(labelled) // PROBES)][:PROBES]:
        with suppress(UapsegError):
            content, shape = picture.read(), upright_size(labels.read())
            if shape and size_of(content) == shape != upright_size(content):
                return picture.name
    return None


def default_size(size: tuple[int, int]) -> tuple[int, int]:
    """Scales a (width, height) down to a longer side of at most `MAX_SIDE`, and rounds both to multiples of 8.

    Example:
        >>> default_size((1920, 1080))
        (512, 288)
    """
    share = min(1.0, MAX_SIDE / max(size))
    width, height = (max(SIDE_RANGE[0], round(side * share / 8) * 8) for side in size)
    return width, height
