"""Label maps in files, with one class index per pixel, and the names of their classes."""

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
"""The value of a pixel without a label."""

VOID_16 = 65535
"""The same in 16-bit files."""

LOSSLESS_FORMATS = ("PNG", "GIF", "BMP", "TIFF", "PPM", "TGA")
"""Formats that preserve values."""

LOSSY_FORMATS = ("JPEG", "WEBP", "AVIF", "JPEG2000")

MAX_COLOURS = 64
"""The most colours of a picture that looks like a label map."""


def lookup_table(classes: Mapping[int, int]) -> Pixels:
    """Creates a table (256,) from the values in a file to class indices; other values become void.

    Example:
        >>> lookup_table({7: 0, 8: 1})[[7, 8, 9]].tolist()
        [0, 1, 255]
    """
    numbers = np.full(256, VOID, np.uint8)
    for value, number in classes.items():
        numbers[value] = number
    return numbers


def read_labels(source: Source, numbers: Pixels) -> Pixels:
    """Reads the label map of a file (h, w).

    Args:
        source: The file.
        numbers: The class index of each value in the file (256,).

    Raises:
        UapsegError: The file is damaged, or is not a label map.

    Example:
        >>> from pathlib import Path
        >>> from uapseg.io.sources import File
        >>> Image.fromarray(np.array([[7, 8, 9]], np.uint8)).save("labels.png")
        >>> read_labels(File(Path("labels.png")), lookup_table({7: 0, 8: 1})).tolist()
        [[0, 1, 255]]
    """
    return numbers[read_numbers(source)]


def read_numbers(source: Source) -> Pixels:
    """Reads the values of a label map (h, w), upright; `VOID` where it has none.

    Colours count as values if they are grey: many programs save any picture with three channels.

    Args:
        source: The file.

    Raises:
        UapsegError: The file is damaged, too large, or holds colours or values above 255.

    Example:
        >>> from pathlib import Path
        >>> from uapseg.io.sources import File
        >>> Image.new("RGB", (2, 1), (3, 3, 3)).save("grey.png")
        >>> read_numbers(File(Path("grey.png"))).tolist()
        [[3, 3]]
    """
    content = source.read()
    width, height = size_of(content) or (0, 0)
    if width * height > MAX_PIXELS:
        raise UapsegError(f"The labels {source.name} have more than {MAX_PIXELS // 1_000_000} megapixels.")
    try:
        with Image.open(io.BytesIO(content), formats=(*LOSSLESS_FORMATS, *LOSSY_FORMATS)) as picture:
            kind = picture.format
            values = _pixel_values(ImageOps.exif_transpose(picture)) if kind in LOSSLESS_FORMATS else None
    except Exception as error:  # Pillow's decoders raise almost anything on a broken file
        raise UapsegError(f"The labels {source.name} could not be read: they are damaged, or no PNG.") from error
    if kind not in LOSSLESS_FORMATS:
        raise UapsegError(f"The labels {source.name} are a {kind}, which does not keep numbers: save them as PNG.")
    if values is None:
        raise UapsegError(f"The labels {source.name} hold colours: save the number of its class at each pixel.")
    return _to_bytes(values, source.name)


def looks_like_label_map(source: Source) -> bool:
    """Whether a file looks like a label map: it has few tones, or nearly so in a lossy format.

    Example:
        >>> from pathlib import Path
        >>> from uapseg.io.sources import File
        >>> Image.new("L", (8, 8), 3).save("flat.png")
        >>> looks_like_label_map(File(Path("flat.png")))
        True
    """
    try:
        content = source.read()
        width, height = size_of(content) or (0, 0)
        if width * height > MAX_PIXELS:
            return False
        with Image.open(io.BytesIO(content), formats=(*LOSSLESS_FORMATS, *LOSSY_FORMATS)) as picture:
            if picture.format in LOSSY_FORMATS:
                tones = np.array(picture.convert("L").histogram()).reshape(-1, 8).sum(1)
                return bool(np.sort(tones)[-4:].sum() > 0.97 * tones.sum())
            if picture.mode.startswith("I") or picture.mode == "F":
                return len(np.unique(np.asarray(picture))) <= MAX_COLOURS
            return picture.getcolors(MAX_COLOURS) is not None
    except Exception:  # noqa: BLE001  Pillow's decoders raise almost anything on a broken file
        return False


def _pixel_values(picture: Image.Image) -> NDArray[Any] | None:
    """The values of the pixels; None if they are colours."""
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
    """The tones of a grey palette without duplicates; programs that save grey pictures may renumber them so."""
    colours = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    max_number = max(number for number, count in enumerate(picture.histogram()) if count)
    if len(colours) <= max_number or (colours != colours[:, :1]).any():
        return None
    tones = colours[: max_number + 1, 0]
    return np.resize(colours[:, 0], 256) if len(np.unique(tones)) == len(tones) else None


def _to_bytes(values: NDArray[Any], name: str) -> Pixels:
    """Converts values of any width to 8 bits."""
    if values.dtype in {np.dtype(bool), np.dtype(np.uint8)}:
        return values.astype(np.uint8)
    void = ~np.isfinite(values) | (values < 0) | (values == VOID_16)
    labelled_values = values[~void]
    if labelled_values.size and labelled_values.max() > VOID:
        raise UapsegError(
            f"The labels {name} hold numbers up to {labelled_values.max():.0f}, and classes go up to {VOID - 1}: "
            "save class numbers, not those of objects."
        )
    if np.issubdtype(values.dtype, np.floating) and (labelled_values % 1).any():
        raise UapsegError(f"The labels {name} hold fractions: save the number of its class at each pixel.")
    return np.where(void, VOID, values).astype(np.uint8)


PROBES = 16
"""How many label maps are read beforehand to find which values a dataset uses."""

_NUMBERED = re.compile(r"(\d+)(?:\s*[:;,.=)\t]\s*|\s+)(\S.*)")
_NUMBERED_BEHIND = re.compile(r"(\S.*?)\s*[:;,=\t]\s*(\d+)")


@dataclass(frozen=True)
class ClassNames:
    """The classes of a dataset, and how to read its label maps.

    Attributes:
        classes: The names of the classes.
        numbers: The class index of each value in a file (256,).
        named: The values in files that have a name.
        notes: What was guessed or not understood, in sentences.
        usable: Whether the meaning of the label maps is known.

    Example:
        >>> match_names({0: "road", 1: "car"}, []).classes
        ('road', 'car')
    """

    classes: tuple[str, ...]
    numbers: Pixels
    named: frozenset[int]
    notes: tuple[str, ...] = ()
    usable: bool = True

    def read(self, source: Source) -> Pixels:
        """Reads the label map of a file (h, w): indices into ``classes``, `VOID` where it has none.

        Raises:
            UapsegError: It cannot be read, or holds other values than those that have a name.
        """
        numbers = read_numbers(source)
        values = _values_in(numbers)
        unnamed_values = values - self.named - {VOID}
        if unnamed_values and (VOID in self.named or not (values - {0, VOID}) & self.named):
            raise UapsegError(
                f"The labels {source.name} hold {_format_numbers(unnamed_values)}, and classes.txt names "
                f"{_format_numbers(self.named)}: save class numbers."
            )
        return self.numbers[numbers]


def read_classes(source: Source) -> dict[int, str]:
    r"""Reads class names by value: one a line from 0 on, with an empty line for an unused value.

    Lines such as ``0 background`` or ``background: 0`` give the value themselves.

    Args:
        source: The file.

    Raises:
        UapsegError: The file cannot be read, names no class, or names a value twice.

    Example:
        >>> from pathlib import Path
        >>> from uapseg.io.sources import File
        >>> _ = Path("classes.txt").write_text("road\ncar\n")
        >>> read_classes(File(Path("classes.txt")))
        {0: 'road', 1: 'car'}
    """
    lines = [line.strip(" \t\"',\ufeff") for line in to_text(source.read()).splitlines()]
    filled_lines = [line for line in lines if line]
    if filled_lines[:1] == ["__ignore__"]:  # what labelme calls -1
        lines, filled_lines = lines[lines.index("__ignore__") + 1 :], filled_lines[1:]
    for form, number, name in ((_NUMBERED, 1, 2), (_NUMBERED_BEHIND, 2, 1)):
        matches = [form.fullmatch(line) for line in filled_lines]
        pairs = [(int(match[number][:9]), match[name].strip(" \t\"',")) for match in matches if match]
        if (
            filled_lines
            and len(pairs) == len(filled_lines)
            and (len(pairs) == 1 or len({name for _, name in pairs}) > 1)
        ):
            if len(dict(pairs)) < len(pairs):
                raise UapsegError(f"{source.name} names a number twice: write each once, such as `1 person`.")
            names = dict(pairs)
            break
    else:
        names = {number: line for number, line in enumerate(lines) if line}
    class_names = {number: name.strip("_") or name for number, name in names.items() if number < VOID}
    if not class_names:
        raise UapsegError(f"{source.name} names no class: write one name a line, starting with class 0.")
    return class_names


def match_names(names: dict[int, str] | None, maps: Sequence[Source]) -> ClassNames:
    """Decides how to read the label maps of a dataset, given the values in some of them.

    Args:
        names: The classes by value; None without a ``classes.txt``.
        maps: The label maps.

    Example:
        >>> match_names({0: "road", 2: "car"}, []).numbers[:3].tolist()
        [0, 255, 1]
    """
    names_by_value = names or {number: str(number) for number in range(VOID)}
    naming = _index_names(names_by_value)
    values = frozenset[int]().union(*map(_values_in_file, maps[:: max(1, len(maps) // PROBES)][:PROBES]))
    if VOID in values and values <= {0, VOID}:
        return _match_binary(names, naming)
    if unnamed_values := values - naming.named - {VOID}:
        note = (
            f"Some label maps hold {_format_numbers(unnamed_values)}, for which classes.txt has no name: "
            "they count as void."
        )
        return ClassNames(naming.classes, naming.numbers, naming.named, (note,))
    return naming


def _match_binary(names: dict[int, str] | None, naming: ClassNames) -> ClassNames:
    """For label maps of 0 and 255 alone: if there are two classes, 255 is the second."""
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
    """The values in a label map; none if it cannot be read."""
    try:
        return _values_in(read_numbers(source))
    except UapsegError:
        return frozenset()


def _values_in(values: Pixels) -> frozenset[int]:
    counts = Image.fromarray(values).histogram()  # numpy would widen all of it first
    return frozenset(number for number, count in enumerate(counts) if count)


def _format_numbers(numbers: frozenset[int]) -> str:
    """Formats values for people, consecutive ones as a range."""
    order = sorted(numbers)
    if len(order) > 2 and order[-1] - order[0] == len(order) - 1:
        return f"{order[0]} to {order[-1]}"
    text = ", ".join(map(str, order[:4]))
    return f"{text} and {len(order) - 4} more numbers" if len(order) > 4 else text
