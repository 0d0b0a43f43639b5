"""Datasets of the Hugging Face Hub, or folders that its library reads: ``hfdata:ID?image=COLUMN&mask=COLUMN``.

Needs the package ``datasets`` (``pip install -e ".[hf]"``), which streams the rows: two columns of those that are used
are kept, as files in the cache, so that a dataset is streamed once. Splits depend on the content of the pictures, as
those of a folder do.

Source: https://huggingface.co/docs/datasets/stream
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from PIL import Image

from uapseg.datasets.folder import open_pairs
from uapseg.datasets.reader import ImageDataset
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.samples import Pair
from uapseg.datasets.splits import Split
from uapseg.errors import UapsegError, one_line
from uapseg.io.download import UnreachableError, cache_folder
from uapseg.io.files import from_json, read, to_json, write
from uapseg.io.sources import File
from uapseg.io.values import is_dict
from uapseg.models.hub import check_connection

COUNT = 400
"""How many rows are taken unless the name says otherwise."""

MAX_ROWS = 5000

FACTS = "facts.json"
"""What is known of the rows, written when all of them are there."""


@dataclass(frozen=True)
class Query:
    """What the name of a dataset says.

    Attributes:
        place: The id on the Hub, or a folder.
        image: The column of the pictures.
        mask: The column of the label maps; empty for none.
        split: The split there that the rows are taken from; splits here depend on content.
        config: The configuration, of those that have several.
        count: How many rows are taken, from the first.

    Example:
        >>> Query.parse("user/name?image=photo&count=20")
        Query(place='user/name', image='photo', mask='', split='train', config='', count=20)
    """

    place: str
    image: str = "image"
    mask: str = ""
    split: str = "train"
    config: str = ""
    count: int = COUNT

    @classmethod
    def parse(cls, suffix: str) -> "Query":
        """Reads a name without its kind.

        Raises:
            UapsegError: An option is unknown or invalid.
        """
        place, _, options = suffix.partition("?")
        values: dict[str, Any] = dict(parse_qsl(options, keep_blank_values=True))
        option_names = [field.name for field in fields(cls)][1:]
        for name in values:
            if name not in option_names:
                raise UapsegError(f"hfdata has no option {name!r}: choose from {', '.join(option_names)}.")
        if "count" in values:
            count = str(values["count"])
            if not (count.isascii() and count.isdecimal() and 1 <= int(count) <= MAX_ROWS):
                raise UapsegError(f"count={count} is not a number of rows: choose 1 to {MAX_ROWS}.")
            values["count"] = int(count)
        return cls(place, **values)


def load(suffix: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split, streaming the rows that are not in the cache.

    Args:
        suffix: The id or the folder, and the options of `Query` after a question mark.
        split: The split.
        size: The (width, height) of the pictures; None for that of the first picture, as in a folder.

    Raises:
        UapsegError: The library is missing, the dataset cannot be read, or it has no such column.

    Example:
        >>> load("no/such/folder?image=photo", "train")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: There is no folder no/such/folder: name a folder, or an id such as user/name.
    """
    query = Query.parse(suffix)
    folder = _rows_folder(query)
    if not (folder / FACTS).is_file():
        _stream(query, folder)
    facts = from_json(read(folder / FACTS), "The cached dataset")
    pictures = sorted(folder.glob("*.picture"))
    pairs: list[Pair] = [(File(picture), _labels(picture)) for picture in pictures]
    classes: list[str] = facts["classes"]
    names = dict(enumerate(classes))
    dataset = open_pairs(pairs, names or None, name=f"hfdata:{suffix}", split=split, size=size)
    dataset.licence = facts["licence"]
    return dataset


def info() -> list[DatasetInfo]:
    """Describes the form of the name.

    Example:
        >>> info()[0].name
        'hfdata:ID_OR_FOLDER?image=COLUMN&mask=COLUMN'
    """
    about = f"a dataset of the Hugging Face Hub, or a folder that its library reads; the first {COUNT} rows"
    name = "hfdata:ID_OR_FOLDER?image=COLUMN&mask=COLUMN"
    return [DatasetInfo(name=name, about=about, size=None, classes=None, licence="that of its card", cached=False)]


def _rows_folder(query: Query) -> Path:
    """The folder of the rows of a query; those of a folder that has changed are in another one."""
    place = Path(query.place).expanduser()
    files = sorted(place.rglob("*")) if place.is_dir() else []
    file_versions = [(str(file), file.stat().st_mtime_ns) for file in files if file.is_file()]
    return cache_folder() / "hfdata" / sha256(f"{query} {file_versions}".encode()).hexdigest()[:32]


def _labels(picture: Path) -> File | None:
    labels = picture.with_suffix(".mask")
    return File(labels) if labels.is_file() else None


def _stream(query: Query, folder: Path) -> None:
    """Writes the rows, and finally their metadata."""
    _check_place(query.place)
    try:
        library: Any = import_module("datasets")
    except ImportError as error:
        raise UapsegError(
            'Datasets of the Hugging Face Hub need the package datasets: install it with pip install -e ".[hf]".'
        ) from error
    try:
        rows, features = _open_rows(library, query)
        folder.mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(rows.take(query.count)):
            write(folder / f"{number:05}.picture", _content(row[query.image]))
            if query.mask and row[query.mask] is not None:
                write(folder / f"{number:05}.mask", _content(row[query.mask]))
    except UapsegError:
        raise
    except Exception as error:  # the library raises almost anything
        raise UapsegError(f"The dataset hfdata:{query.place} cannot be read ({one_line(error)}).") from error
    facts = {"classes": list(_class_names(features, query.mask)), "licence": _licence(query.place, rows)}
    write(folder / FACTS, to_json(facts).encode())


def _open_rows(library: Any, query: Query) -> tuple[Any, Any]:
    """The rows, with pictures as they are stored, and the features of all columns."""
    rows = library.load_dataset(query.place, query.config or None, split=query.split, streaming=True)
    features = rows.features or rows._resolve_features().features  # noqa: SLF001  nothing public tells of the columns
    _check_columns(query, features)
    columns = [query.image, *([query.mask] if query.mask else [])]
    rows = rows.select_columns(columns)
    for column in columns:
        if isinstance(features[column], library.Image):
            rows = rows.cast_column(column, library.Image(decode=False))
    return rows, features


def _check_place(place: str) -> None:
    """Checks that a place is a folder or an id, and fails at once without a connection: the library would retry."""
    if Path(place).expanduser().is_dir():
        return
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", place):
        raise UapsegError(f"There is no folder {place}: name a folder, or an id such as user/name.")
    try:
        check_connection(f"datasets/{place}")
    except UnreachableError as error:
        raise UapsegError(
            f"There is no internet, and hfdata:{place} is not in the cache: name a folder as hfdata:FOLDER."
        ) from error


def _check_columns(query: Query, features: dict[str, Any]) -> None:
    for option, column in (("image", query.image), ("mask", query.mask)):
        if column and column not in features:
            raise UapsegError(
                f"hfdata:{query.place} has no column {column!r}: name one of {', '.join(features)} with "
                f"{option}=COLUMN."
            )


def _content(value: Any) -> bytes:
    """The file of a picture in a row, or a label map of numbers as one."""
    if not is_dict(value):
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(value).astype(np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()
    if value["bytes"] is not None:
        return value["bytes"]
    with import_module("fsspec").open(value["path"], "rb") as file:
        return file.read()


def _class_names(features: dict[str, Any], mask: str) -> tuple[str, ...]:
    """The class names of the only set of class labels among the features, if there is exactly one."""
    name_lists = {
        tuple(feature.names) for feature in _leaf_features(features) if type(feature).__name__ == "ClassLabel"
    }
    return name_lists.pop() if mask and len(name_lists) == 1 else ()


def _leaf_features(feature: Any) -> Iterator[Any]:
    """The features without parts in a feature, however it is nested."""
    if is_dict(feature):
        for part in feature.values():
            yield from _leaf_features(part)
    elif hasattr(feature, "feature"):
        yield from _leaf_features(feature.feature)
    else:
        yield feature


def _licence(place: str, rows: Any) -> str:
    """The licence in the information of a dataset, or in its card."""
    from huggingface_hub import DatasetCard  # noqa: PLC0415  slow, and needed here only

    if rows.info.license:
        return str(rows.info.license)
    folder = Path(place).expanduser()
    try:
        card = folder / "README.md" if folder.is_dir() else place
        data: Any = DatasetCard.load(card, ignore_metadata_errors=True).data
    except Exception:  # noqa: BLE001  there is no card, or no connection
        return "unknown: see its page"
    return str(data.get("license") or "unknown: see its page")
