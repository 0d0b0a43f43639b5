"""A sample of COCO: 200 photos from a bundled list, so that no annotations have to be downloaded.

A selection may follow, as in ``coco-mini?licences=4,5&any=dog``, see `uapseg.datasets.coco.selection`. There is no
ground truth.
"""

from functools import lru_cache

from uapseg.datasets.coco.files import (
    attribution_csv,
    download_pictures,
    make_samples,
    missing_pictures,
    update_attribution,
)
from uapseg.datasets.coco.selection import CocoImage, Licence, Selection
from uapseg.datasets.reader import ImageDataset
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import SPLITS, Split, in_split, split_of
from uapseg.errors import UapsegError
from uapseg.io.download import Download
from uapseg.io.files import ASSETS, from_json, read

MANIFEST = ASSETS / "coco-mini" / "manifest.json"
SIZE = (384, 384)
LICENCE = "each photo by its licence at Flickr"


def load(suffix: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split, downloading what is missing.

    Args:
        suffix: The selection.
        split: The split.
        size: The (width, height) of the pictures; None for the default.

    Raises:
        UapsegError: The download fails, or the selection is invalid.
    """
    name = f"coco-mini?{suffix}" if suffix else "coco-mini"
    selected = _select(suffix, split)
    download_pictures(name, split, len(selected))
    update_attribution(selected)
    samples, skipped = make_samples(dict.fromkeys(selected))
    return ImageDataset(samples, name=name, split=split, size=size or SIZE, licence=LICENCE, skipped=skipped)


def missing_files(suffix: str, split: Split) -> list[Download]:
    """Lists the selected pictures that have to be downloaded.

    Example:
        >>> len(missing_files("count=3", "all")) <= 3
        True
    """
    return missing_pictures(_select(suffix, split))


def attribution(suffix: str) -> str:
    """Lists authorship and licences of the selected pictures as CSV.

    Example:
        >>> attribution("count=1").splitlines()[0]
        'file,licence,licence_url,source'
    """
    return attribution_csv(_select(suffix, "all"))


def info() -> list[DatasetInfo]:
    """Describes the dataset.

    Example:
        >>> info()[0].name, sum(info()[0].pictures.values())
        ('coco-mini', 200)
    """
    entries = read_manifest()
    sides = [split_of(entry.identity) for entry in entries]
    missing_downloads = missing_pictures(entries)
    return [
        DatasetInfo(
            name="coco-mini",
            about="photos of everyday scenes, a small choice of COCO",
            pictures={split: sides.count(split) for split in SPLITS},
            size=SIZE,
            classes=0,
            licence=LICENCE,
            cached=not missing_downloads,
            download_bytes=sum(download.size or 0 for download in missing_downloads),
        )
    ]


@lru_cache(maxsize=1)
def read_manifest() -> tuple[CocoImage, ...]:
    """Reads the list of all pictures.

    Raises:
        UapsegError: The list is missing or damaged.

    Example:
        >>> len(read_manifest())
        200
    """
    fields = from_json(read(MANIFEST), str(MANIFEST))
    try:
        licences = {number: Licence(number, name, url) for number, name, url in fields["licences"]}
        return tuple(
            CocoImage(number, f"{number:012}.jpg", folder, licences[licence], source, shares, f"sha256:{digest}", size)
            for folder, number, licence, source, size, digest, shares in fields["pictures"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UapsegError(f"The list {MANIFEST} is damaged: download the project again.") from error


def _select(query: str, split: Split) -> list[CocoImage]:
    entries = Selection.parse(query).select(read_manifest())
    inside = in_split((entry.identity for entry in entries), split)
    return [entry for entry, is_inside in zip(entries, inside, strict=True) if is_inside]
