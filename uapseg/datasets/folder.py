"""A user's own pictures: in a folder and all folders in it, in a zip archive, or in a list of paths.

A label map is a PNG with a class number a pixel (255 is void). It lies beside its picture as ``NAME_mask.png``, or
under the same name in ``masks/`` or ``labels/``, next to ``images/`` or to the pictures themselves. A file
``classes.txt`` names the numbers from 0 on, one a line; without it they are called by their numbers.

Splits are by what is in the files, 70 % train, 15 % val, 15 % test; a copy under another name is on the same side.
"""

from contextlib import suppress
from pathlib import Path, PurePosixPath

from uapseg.datasets import Card, Split
from uapseg.datasets.labels import VOID, table
from uapseg.datasets.pairs import Pair, samples
from uapseg.datasets.reading import SIDES, Photos, first_size
from uapseg.datasets.sources import File, Member, Source, open_zip
from uapseg.datasets.splits import on_side
from uapseg.errors import UapsegError
from uapseg.files import read

SUFFIXES = {
    ".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".tga", ".jp2", ".qoi",
}  # fmt: skip
MASKS = ("masks", "labels")
LONGEST = 512
"""The long side that pictures are brought to unless told otherwise; shorter ones keep theirs."""

Tree = dict[str, Source]
"""Files by their path below the folder, with ``/`` between names."""


def is_there(name: str) -> bool:
    """Whether a name is the path of a folder, a zip archive or a list."""
    with suppress(OSError, ValueError, RuntimeError):  # no path at all
        path = Path(name).expanduser()
        return bool(name) and (path.is_dir() or (path.suffix.lower() in {".zip", ".txt"} and path.is_file()))
    return False


def load(name: str, split: Split, size: tuple[int, int] | None = None) -> Photos:
    """Opens a split of the pictures in a folder, zip archive or list.

    Without ``size`` they are brought to the shape of the first one, its long side made 512 pixels where it is longer,
    and its sides multiples of 8.

    Raises:
        UapsegError: There are no pictures, or none can be read.
    """
    tree = _tree(Path(name).expanduser())
    classes = _classes(tree)
    pairs = _pairs(tree)
    if not pairs:
        raise UapsegError(f"There are no pictures in {name}: JPEG, PNG, WebP, AVIF, GIF, BMP and TIFF work.")
    whole, skipped = samples(pairs, table({number: number for number in range(len(classes))}))
    inside = on_side([sample.key for sample in whole], split)
    return Photos(
        [sample for sample, here in zip(whole, inside, strict=True) if here],
        name=name,
        split=split,
        size=size or _shape(first_size(whole, (LONGEST, LONGEST))),
        licence="your own",
        classes=classes,
        skipped=skipped,
    )


def cards() -> list[Card]:
    """What there is to know of them."""
    about = "your own pictures, with or without label maps"
    return [
        Card(name=form, about=about, size=None, classes=None, licence="your own")
        for form in ("FOLDER", "FILE.zip", "LIST.txt")
    ]


def _tree(path: Path) -> Tree:
    if path.is_dir():
        found: Tree = {file.relative_to(path).as_posix(): File(file) for file in path.rglob("*") if file.is_file()}
    elif path.suffix.lower() == ".zip":
        found = {inside: Member(path, inside) for inside in open_zip(path).namelist() if not inside.endswith("/")}
    else:
        found = _listed(path)
    return {inside: found[inside] for inside in sorted(found) if not _hidden(inside)}


def _listed(path: Path) -> Tree:
    """The pictures of a list, and the label maps beside them; paths begin where the list lies."""
    lines = [line.strip() for line in read(path).decode("utf-8-sig", "replace").splitlines() if line.strip()]
    pictures = {line.replace("\\", "/"): path.parent / line for line in lines}
    masks = {_beside(line): file.with_name(f"{file.stem}_mask.png") for line, file in pictures.items()}
    return {line: File(file) for line, file in {**pictures, **{k: v for k, v in masks.items() if v.is_file()}}.items()}


def _hidden(inside: str) -> bool:
    """What other programs leave beside pictures."""
    names = PurePosixPath(inside).parts
    return "__MACOSX" in names or any(name.startswith(".") and name not in {".", ".."} for name in names)


def _pairs(tree: Tree) -> list[Pair]:
    pictures = [inside for inside in tree if PurePosixPath(inside).suffix.lower() in SUFFIXES]
    masks = {picture: next((mask for mask in _masks_of(picture) if mask in tree), None) for picture in pictures}
    taken = set(masks.values())
    return [
        (tree[picture], tree[mask] if mask else None)
        for picture, mask in masks.items()
        if picture not in taken and not set(MASKS) & set(PurePosixPath(picture).parts[:-1])
    ]


def _masks_of(picture: str) -> list[str]:
    """Where the label map of a picture may be."""
    parts, name = PurePosixPath(picture).parts[:-1], f"{PurePosixPath(picture).stem}.png"
    places = [_beside(picture)]
    for masks in MASKS:
        swapped = (
            tuple(masks if part == "images" else part for part in parts) if "images" in parts else (masks, *parts)
        )
        places.append(PurePosixPath(*swapped, name).as_posix())
    return places


def _beside(picture: str) -> str:
    path = PurePosixPath(picture)
    return path.with_name(f"{path.stem}_mask.png").as_posix()


def _classes(tree: Tree) -> tuple[str, ...]:
    """The names in ``classes.txt``, or the numbers."""
    if "classes.txt" not in tree:
        return tuple(str(number) for number in range(VOID))
    names = tree["classes.txt"].read().decode("utf-8-sig", "replace").splitlines()
    return tuple(name.strip() for name in names if name.strip())[:VOID]


def _shape(size: tuple[int, int]) -> tuple[int, int]:
    share = min(1.0, LONGEST / max(size))
    width, height = (max(SIDES[0], round(side * share / 8) * 8) for side in size)
    return width, height
