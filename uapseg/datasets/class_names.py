"""The names of classes in ``classes.txt``, and whether they and the numbers in label maps belong together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from uapseg.datasets.cache import Pixels
from uapseg.datasets.labels import VOID, lookup_table, read_numbers
from uapseg.errors import UapsegError
from uapseg.io.files import to_text
from uapseg.io.sources import Source

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
