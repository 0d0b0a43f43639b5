"""Label maps as files hold them, a class number a pixel, and the names of their classes."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from uapseg.datasets.cache import Pixels
from uapseg.errors import UapsegError
from uapseg.io.files import to_text
from uapseg.io.images import MAX_PIXELS, size_of
from uapseg.io.sources import Source

VOID = 255
"""The number of a pixel that has no label."""

VOID_16 = 65535
"""The same in files of 16 bits."""

LOSSLESS_FORMATS = ("PNG", "GIF", "BMP", "TIFF", "PPM", "TGA")
"""Formats that keep numbers as they are."""

LOSSY_FORMATS = ("JPEG", "WEBP", "AVIF", "JPEG2000")

MAX_COLOURS = 64
"""Colours of a picture that looks like a label map, at most."""


def lookup_table(classes: Mapping[int, int]) -> Pixels:
    """From a file's numbers to class numbers (256,); those that are not named have no label."""
    numbers = np.full(256, VOID, np.uint8)
    for stored, number in classes.items():
        numbers[stored] = number
    return numbers


def read_labels(source: Source, numbers: Pixels) -> Pixels:
    """The label map of a file (h, w), its numbers looked up in ``numbers`` (256,).

    Raises:
        UapsegError: It is damaged, or holds something else than class numbers.
    """
    return numbers[read_numbers(source)]


def read_numbers(source: Source) -> Pixels:
    """The numbers in a file (h, w), upright; `VOID` where it has none.

    Colours count as numbers where they are greys: many programs save any picture with three channels.

    Raises:
        UapsegError: It is damaged, too large, or holds colours, or numbers beyond 255.
    """
    content = source.read()
    width, height = size_of(content) or (0, 0)
    if width * height > MAX_PIXELS:
        raise UapsegError(f"The labels {source.name} have more than {MAX_PIXELS // 1_000_000} megapixels.")
    try:
        with Image.open(io.BytesIO(content), formats=(*LOSSLESS_FORMATS, *LOSSY_FORMATS)) as opened:
            kind = opened.format
            values = _pixel_values(ImageOps.exif_transpose(opened)) if kind in LOSSLESS_FORMATS else None
    except Exception as error:  # Pillow's decoders raise almost anything on a broken file
        raise UapsegError(f"The labels {source.name} could not be read: they are damaged, or no PNG.") from error
    if kind not in LOSSLESS_FORMATS:
        raise UapsegError(f"The labels {source.name} are a {kind}, which does not keep numbers: save them as PNG.")
    if values is None:
        raise UapsegError(f"The labels {source.name} hold colours: save the number of its class at each pixel.")
    return _to_bytes(values, source.name)


def looks_like_label_map(source: Source) -> bool:
    """Whether a file looks like a label map: it has few tones, or nearly so where its format blurs them."""
    try:
        content = source.read()
        width, height = size_of(content) or (0, 0)
        if width * height > MAX_PIXELS:
            return False
        with Image.open(io.BytesIO(content), formats=(*LOSSLESS_FORMATS, *LOSSY_FORMATS)) as opened:
            if opened.format in LOSSY_FORMATS:
                tones = np.array(opened.convert("L").histogram()).reshape(-1, 8).sum(1)
                return bool(np.sort(tones)[-4:].sum() > 0.97 * tones.sum())
            if opened.mode.startswith("I") or opened.mode == "F":
                return len(np.unique(np.asarray(opened))) <= MAX_COLOURS
            return opened.getcolors(MAX_COLOURS) is not None
    except Exception:  # noqa: BLE001  Pillow's decoders raise almost anything on a broken file
        return False


def _pixel_values(picture: Image.Image) -> NDArray[Any] | None:
    """The numbers that pixels hold; None where they hold colours."""
    if picture.mode == "P":
        indices, greys = np.asarray(picture), _grey_palette(picture)
        return indices if greys is None else greys[indices]
    if picture.mode in {"LA", "La"}:
        picture = picture.getchannel(0)
    values = np.asarray(picture)
    if values.ndim == 3 and picture.mode in {"RGB", "RGBA", "RGBX"}:
        red, green, blue = (values[..., channel] for channel in range(3))
        return red if np.array_equal(red, green) and np.array_equal(red, blue) else None
    return values if values.ndim == 2 else None


def _grey_palette(picture: Image.Image) -> Pixels | None:
    """The tones of a palette of greys that all differ; programs that save greys so may number them anew."""
    colours = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    used = max(number for number, count in enumerate(picture.histogram()) if count)
    if len(colours) <= used or (colours != colours[:, :1]).any():
        return None
    tones = colours[: used + 1, 0]
    return np.resize(colours[:, 0], 256) if len(np.unique(tones)) == len(tones) else None


def _to_bytes(values: NDArray[Any], name: str) -> Pixels:
    """Numbers of any width as those of 8 bits."""
    if values.dtype in {np.dtype(bool), np.dtype(np.uint8)}:
        return values.astype(np.uint8)
    void = ~np.isfinite(values) | (values < 0) | (values == VOID_16)
    kept = values[~void]
    if kept.size and kept.max() > VOID:
        raise UapsegError(
            f"The labels {name} hold numbers up to {kept.max():.0f}, and classes have at most {VOID - 1}: "
            "save class numbers, not those of objects."
        )
    if np.issubdtype(values.dtype, np.floating) and (kept % 1).any():
        raise UapsegError(f"The labels {name} hold fractions: save the number of its class at each pixel.")
    return np.where(void, VOID, values).astype(np.uint8)


PROBES = 16
"""Label maps that are read at once, to see which numbers a set uses."""

_NUMBERED = re.compile(r"(\d+)(?:\s*[:;,.=)\t]\s*|\s+)(\S.*)")
_NUMBERED_BEHIND = re.compile(r"(\S.*?)\s*[:;,=\t]\s*(\d+)")


@dataclass(frozen=True)
class ClassNames:
    """How the numbers in a set's label maps are to be read.

    Attributes:
        classes: The names of the classes.
        numbers: From a file's numbers to those of ``classes`` (256,).
        named: The numbers in files that have a name.
        notes: What was not understood, or had to be guessed, in sentences.
        usable: Whether what the label maps hold can be told.
    """

    classes: tuple[str, ...]
    numbers: Pixels
    named: frozenset[int]
    notes: tuple[str, ...] = ()
    usable: bool = True

    def read(self, source: Source) -> Pixels:
        """The label map of a file (h, w): numbers of ``classes``, `VOID` where it has none.

        Raises:
            UapsegError: It cannot be read, or holds other numbers than those that have a name.
        """
        numbers = read_numbers(source)
        there = _values_in(numbers)
        strange = there - self.named - {VOID}
        if strange and (VOID in self.named or not (there - {0, VOID}) & self.named):
            raise UapsegError(
                f"The labels {source.name} hold {_format_numbers(strange)}, and classes.txt names "
                f"{_format_numbers(self.named)}: save class numbers."
            )
        return self.numbers[numbers]


def read_classes(source: Source) -> dict[int, str]:
    """The names of the classes by number: one a line from 0 on, an empty line for a number that is not used.

    Lines such as ``0 background`` or ``background: 0`` say the numbers themselves.

    Raises:
        UapsegError: The file cannot be read, names no class, or a number twice.
    """
    lines = [line.strip(" \t\"',\ufeff") for line in to_text(source.read()).splitlines()]
    written = [line for line in lines if line]
    if written[:1] == ["__ignore__"]:  # what labelme calls -1
        lines, written = lines[lines.index("__ignore__") + 1 :], written[1:]
    for form, number, name in ((_NUMBERED, 1, 2), (_NUMBERED_BEHIND, 2, 1)):
        found = [form.fullmatch(line) for line in written]
        pairs = [(int(one[number][:9]), one[name].strip(" \t\"',")) for one in found if one]
        if written and len(pairs) == len(written) and (len(pairs) == 1 or len({name for _, name in pairs}) > 1):
            if len(dict(pairs)) < len(pairs):
                raise UapsegError(f"{source.name} names a number twice: write each once, such as `1 person`.")
            names = dict(pairs)
            break
    else:
        names = {number: line for number, line in enumerate(lines) if line}
    kept = {number: name.strip("_") or name for number, name in names.items() if number < VOID}
    if not kept:
        raise UapsegError(f"{source.name} names no class: write a name a line, from that of the number 0 on.")
    return kept


def match_names(names: dict[int, str] | None, maps: Sequence[Source]) -> ClassNames:
    """How to read the label maps of a set, by what some of them hold.

    Args:
        names: The classes by number; None where there is no ``classes.txt``.
        maps: The label maps.
    """
    known = names or {number: str(number) for number in range(VOID)}
    naming = _index_names(known)
    there = frozenset[int]().union(*map(_values_in_file, maps[:: max(1, len(maps) // PROBES)][:PROBES]))
    if VOID in there and there <= {0, VOID}:
        return _match_binary(names, naming)
    if strange := there - naming.named - {VOID}:
        note = (
            f"Some label maps hold {_format_numbers(strange)}, for which classes.txt has no name: they count as void."
        )
        return ClassNames(naming.classes, naming.numbers, naming.named, (note,))
    return naming


def _match_binary(names: dict[int, str] | None, naming: ClassNames) -> ClassNames:
    """Label maps of 0 and 255 alone: where there are two classes, 255 is the second."""
    if names and len(names) == 2 and 0 in names:
        second = names[max(names)]
        note = f"The label maps hold 0 and 255 alone: 255 is read as {second}, the second of the two classes."
        return ClassNames((names[0], second), lookup_table({0: 0, VOID: 1}), frozenset({0, VOID}), (note,))
    note = (
        "The label maps hold 0 and 255 alone, and 255 is void: they are not used; save class numbers, or name two "
        "classes in classes.txt, of which 255 is then the second."
    )
    return ClassNames(naming.classes, naming.numbers, naming.named, (note,), usable=False)


def _index_names(names: dict[int, str]) -> ClassNames:
    order = sorted(names)
    return ClassNames(
        tuple(names[number] for number in order),
        lookup_table({number: place for place, number in enumerate(order)}),
        frozenset(order),
    )


def _values_in_file(source: Source) -> frozenset[int]:
    """The numbers in a label map; none where it cannot be read."""
    try:
        return _values_in(read_numbers(source))
    except UapsegError:
        return frozenset()


def _values_in(values: Pixels) -> frozenset[int]:
    counts = Image.fromarray(values).histogram()  # numpy would widen all of it first
    return frozenset(number for number, count in enumerate(counts) if count)


def _format_numbers(numbers: frozenset[int]) -> str:
    """Numbers as people write them, neighbours as a range."""
    order = sorted(numbers)
    if len(order) > 2 and order[-1] - order[0] == len(order) - 1:
        return f"{order[0]} to {order[-1]}"
    shown = ", ".join(map(str, order[:4]))
    return f"{shown} and {len(order) - 4} more numbers" if len(order) > 4 else shown
