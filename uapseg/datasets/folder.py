"""A user's own pictures: in a folder and all folders in it, in a zip archive, or in a list of paths.

A label map holds a class number a pixel (255 is void) and has the size of its picture as this is seen, upright. It
lies beside its picture as ``NAME_mask.png``, or in a folder such as ``masks/``, ``labels/`` or ``SegmentationClass/``;
see `names` for what is understood. A file ``classes.txt`` names the numbers from 0 on, one a line; without it they are
called by their numbers. What had to be guessed, and what was not understood, is in the ``notes`` of the set.

Splits are by what is in the files, 70 % train, 15 % val, 15 % test; a copy under another name is on the same side.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from uapseg.datasets import DatasetInfo, Split
from uapseg.datasets.class_names import PROBES, match_names, read_classes
from uapseg.datasets.pairing import pair_files
from uapseg.datasets.pairs import Pair, make_samples
from uapseg.datasets.path_names import normalize_name
from uapseg.datasets.reader import SIDE_RANGE, ImageDataset, empty_split_message, first_size
from uapseg.datasets.splits import in_split
from uapseg.datasets.trees import CLASSES_FILE, Tree, read_tree
from uapseg.errors import UapsegError
from uapseg.io.images import size_of, upright_size

MAX_SIDE = 512
"""The long side that pictures are brought to unless told otherwise; shorter ones keep theirs."""


def is_path(name: str) -> bool:
    """Whether a name is the path of a folder, a zip archive or a list."""
    with suppress(OSError, ValueError, RuntimeError):  # no path at all
        path = Path(name).expanduser()
        return bool(name) and (path.is_dir() or (path.suffix.lower() in {".zip", ".txt"} and path.is_file()))
    return False


def load(name: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the pictures in a folder, zip archive or list.

    Without ``size`` they are brought to the shape of the first one, its long side made 512 pixels where it is longer,
    and its sides multiples of 8.

    Raises:
        UapsegError: There are no pictures, or none can be read.
    """
    tree = read_tree(Path(name).expanduser())
    paired, names = pair_files(tree), _read_class_names(tree)
    pairs: list[Pair] = [(tree.files[path], tree.files[maps] if maps else None) for path, maps in paired.maps.items()]
    if not pairs:
        found = f" {' '.join(paired.notes)}" if paired.notes else ""
        raise UapsegError(f"There are no pictures in {name}: JPEG, PNG, WebP, AVIF, GIF, BMP and TIFF work.{found}")
    naming = match_names(names, [labels for _, labels in pairs if labels])
    notes = [*paired.notes, *naming.notes]
    if lying := _find_unturned_labels(pairs):
        notes.append(f"The label map of {lying} is not turned upright as its picture is: none is used; turn them too.")
    if lying or not naming.usable:
        pairs = [(picture, None) for picture, _ in pairs]
    whole, skipped = make_samples(pairs, naming.read)
    if not whole:
        raise UapsegError(
            f"No picture in {name} can be read, {len(skipped)} are damaged or missing: see {skipped[0]} first."
        )
    inside = [sample for sample, here in zip(whole, in_split([one.key for one in whole], split), strict=True) if here]
    if not inside:
        raise UapsegError(empty_split_message(split, name))
    return ImageDataset(
        inside,
        name=name,
        split=split,
        size=size or _default_size(first_size(whole, (MAX_SIDE, MAX_SIDE))),
        licence="your own",
        classes=naming.classes,
        skipped=skipped,
        notes=notes,
    )


def info() -> list[DatasetInfo]:
    """What there is to know of them."""
    about = "your own pictures, with or without label maps"
    return [
        DatasetInfo(name=form, about=about, size=None, classes=None, licence="your own")
        for form in ("FOLDER", "FILE.zip", "LIST.txt")
    ]


def _read_class_names(tree: Tree) -> dict[int, str] | None:
    """The names in the ``classes.txt`` next to the top; None where there is none.

    Raises:
        UapsegError: Several of them differ.
    """
    found = sorted(
        (path for path in tree.files if normalize_name(PurePosixPath(path).name) == CLASSES_FILE), key=_depth
    )
    if not found:
        return None
    alike = [path for path in found if _depth(path) == _depth(found[0])]
    named = [read_classes(tree.files[path]) for path in alike]
    if any(names != named[0] for names in named):
        raise UapsegError(f"{alike[0]} and {alike[1]} name different classes: leave one {CLASSES_FILE}, at the top.")
    return named[0]


def _depth(path: str) -> int:
    return path.count("/")


def _find_unturned_labels(pairs: Sequence[Pair]) -> str | None:
    """The name of a picture which says that it is turned, and whose label map is not; of some pairs, spread evenly."""
    labelled = [(picture, labels) for picture, labels in pairs if labels]
    for picture, labels in labelled[:: max(1, len(labelled) // PROBES)][:PROBES]:
        with suppress(UapsegError):
            content, shape = picture.read(), upright_size(labels.read())
            if shape and size_of(content) == shape != upright_size(content):
                return picture.name
    return None


def _default_size(size: tuple[int, int]) -> tuple[int, int]:
    share = min(1.0, MAX_SIDE / max(size))
    width, height = (max(SIDE_RANGE[0], round(side * share / 8) * 8) for side in size)
    return width, height
