"""COCO: photos of everyday scenes, of which only the selected ones are downloaded.

    coco:val2017 or coco:train2017              annotations and pictures from the official addresses
    coco:ANNOTATIONS.json:PICTURES              a file such as instances_val2017.json, and the folder of its pictures

Both names may continue with a selection, see `uapseg.datasets.coco.selection`. The ground truth has the 21 classes of
PASCAL VOC. Splits depend on the file name of a picture, so that no picture changes its split when others are added.
Annotations that cannot be used are left out and counted in ``skipped``.

Source: Lin et al., Microsoft COCO: Common Objects in Context, https://arxiv.org/abs/1405.0312
"""

import hashlib
import secrets
import shutil
import zipfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from uapseg.datasets.coco.annotations import AnnotatedImage, SelectedAnnotations, select_annotations
from uapseg.datasets.coco.files import (
    attribution_csv,
    download_pictures,
    folder_of,
    make_samples,
    missing_pictures,
    update_attribution,
)
from uapseg.datasets.coco.selection import MAX_COUNT, Selection
from uapseg.datasets.official import VOC_CLASSES
from uapseg.datasets.reader import ImageDataset
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, in_split
from uapseg.errors import UapsegError
from uapseg.io.download import Download, cache_folder, fetch

ANNOTATIONS_URL = "http://images.cocodataset.org/annotations/annotations_trainval2017.zip"
CHECKSUM = "md5:f4bbac642086de4f52a3fdda2de5fa2c"
ARCHIVE_BYTES = 252_907_541
PICTURE_BYTES = 163_000
"""The average size of a picture, in bytes."""

OFFICIAL = {"val2017": 5000, "train2017": 118_287}
SIZE = (384, 384)
LICENCE = "each photo by its licence at Flickr"


def load(suffix: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split, downloading what is missing.

    Args:
        suffix: The name after ``coco:``.
        split: The split.
        size: The (width, height) of the pictures; None for the default.

    Raises:
        UapsegError: The download fails, or the selection or a file is invalid.
    """
    source, choice = _parse_name(suffix)
    name, pictures = f"coco:{suffix}", None
    if source in OFFICIAL:
        for download in _missing_annotations(source):
            deque(fetch(download), 0)
        annotated = _select_official(source, choice)
        selected = _restrict(annotated.pictures, split)
        download_pictures(name, split, len(selected))
        update_attribution(image.entry for image in selected)
    else:
        annotations, pictures = _own_paths(source)
        annotated = select_annotations(annotations, "", choice)
        selected = _restrict(annotated.pictures, split)
    samples, skipped = make_samples(
        {image.entry: image if annotated.labelled else None for image in selected}, pictures
    )
    return ImageDataset(
        samples,
        name=name,
        split=split,
        size=size or SIZE,
        licence=LICENCE,
        classes=VOC_CLASSES,
        skipped=[*skipped, *annotated.left_out],
    )


def missing_files(suffix: str, split: Split) -> list[Download]:
    """Lists what to download next: first the annotations, and once they exist, the selected pictures.

    Args:
        suffix: The name after ``coco:``.
        split: The split.
    """
    source, choice = _parse_name(suffix)
    if source not in OFFICIAL:
        return []
    return _missing_annotations(source) or missing_pictures(
        image.entry for image in _restrict(_select_official(source, choice).pictures, split)
    )


def attribution(suffix: str) -> str:
    """Lists authorship and licences of the selected pictures as CSV.

    Args:
        suffix: The name after ``coco:``.

    Raises:
        UapsegError: The annotations have not been downloaded yet.
    """
    source, choice = _parse_name(suffix)
    annotated = (
        _select_official(source, choice)
        if source in OFFICIAL
        else select_annotations(_own_paths(source)[0], "", choice)
    )
    return attribution_csv(image.entry for image in annotated.pictures)


def info() -> list[DatasetInfo]:
    """Describes the forms of the name.

    Example:
        >>> [form.name for form in info()]
        ['coco:val2017', 'coco:train2017', 'coco:ANNOTATIONS.json:PICTURES']
    """
    queries = "?any=person,dog&count=200 and more choose from it"
    own_info = DatasetInfo(
        name="coco:ANNOTATIONS.json:PICTURES", about=f"COCO's annotations and pictures that you have; {queries}",
        size=SIZE, classes=len(VOC_CLASSES), licence=LICENCE,
    )  # fmt: skip
    return [*(_official_info(source, queries) for source in OFFICIAL), own_info]


def _official_info(source: str, queries: str) -> DatasetInfo:
    count = min(MAX_COUNT, OFFICIAL[source])
    cached_count = len(list(folder_of(source).glob("*.jpg")))
    annotated = _annotations(source).is_file()
    return DatasetInfo(
        name=f"coco:{source}",
        about=f"photos of everyday scenes; {queries}",
        pictures={"all": count},
        size=SIZE,
        classes=len(VOC_CLASSES),
        licence=LICENCE,
        cached=annotated and cached_count >= count,
        download_bytes=(0 if annotated else ARCHIVE_BYTES) + PICTURE_BYTES * max(0, count - cached_count),
    )


def _parse_name(suffix: str) -> tuple[str, Selection]:
    source, _, query = suffix.partition("?")
    return source, Selection.parse(query)


def _own_paths(source: str) -> tuple[Path, Path]:
    """The two paths in a name; each may contain colons, as those of Windows do."""
    annotations, mark, pictures = source.partition(".json:")
    if not mark or not Path(pictures).expanduser().is_dir():
        raise UapsegError(
            f"coco:{source} cannot be opened: write coco:val2017, coco:train2017, or coco:ANNOTATIONS.json:PICTURES "
            "with a folder for PICTURES."
        )
    return Path(f"{annotations}.json").expanduser(), Path(pictures).expanduser()


def _missing_annotations(source: str) -> list[Download]:
    _unpack(source)
    if _annotations(source).is_file():
        return []
    return [Download(url=ANNOTATIONS_URL, path=_archive(), checksum=CHECKSUM, size=ARCHIVE_BYTES)]


def _select_official(source: str, choice: Selection) -> SelectedAnnotations:
    _unpack(source)
    digest = hashlib.sha256(repr(choice).encode()).hexdigest()[:16]
    return select_annotations(
        _annotations(source), source, choice, cache_folder() / "coco" / "chosen" / f"{source}-{digest}.json"
    )


def _restrict(images: Sequence[AnnotatedImage], split: Split) -> list[AnnotatedImage]:
    inside = in_split((image.entry.identity for image in images), split)
    return [image for image, is_inside in zip(images, inside, strict=True) if is_inside]


def _annotations(source: str) -> Path:
    return cache_folder() / "coco" / f"instances_{source}.json"


def _archive() -> Path:
    return cache_folder() / "coco" / "annotations_trainval2017.zip"


def _unpack(source: str) -> None:
    """Extracts the one file that is needed from the archive, and deletes the archive."""
    annotations = _annotations(source)
    if annotations.is_file() or not _archive().is_file():
        return
    part = annotations.with_name(f".{annotations.name}.{secrets.token_hex(4)}.part")
    try:
        with (
            zipfile.ZipFile(_archive()) as archive,
            archive.open(f"annotations/{annotations.name}") as member,
            part.open("wb") as file,
        ):
            shutil.copyfileobj(member, file, 1 << 20)
        part.replace(annotations)
        _archive().unlink(missing_ok=True)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UapsegError(
            f"{_archive()} cannot be unpacked ({error}): make room or remove it, and try again."
        ) from error
