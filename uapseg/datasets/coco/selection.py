"""Selections of COCO, as part of the dataset's name: ``coco:val2017?any=person,bicycle&count=200&seed=1``.

any=A,B         pictures with an object of at least one of these categories
all=A,B         pictures with objects of all of them
share=0.02      an object counts only if it covers this share of the picture
balanced=A      as many pictures with A and other objects as with other objects and without A
licences=4,5    pictures under one of these licences
count=200       the number of pictures, drawn with seed=1; a larger count includes a smaller one's pictures
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

from uapseg.datasets.splits import unit_hash
from uapseg.errors import UapsegError

VOC_NUMBERS = {
    "airplane": 1, "bicycle": 2, "bird": 3, "boat": 4, "bottle": 5, "bus": 6, "car": 7, "cat": 8, "chair": 9,
    "cow": 10, "dining table": 11, "dog": 12, "horse": 13, "motorcycle": 14, "person": 15, "potted plant": 16,
    "sheep": 17, "couch": 18, "train": 19, "tv": 20,
}  # fmt: skip
"""The categories that are classes of PASCAL VOC; networks trained on VOC see all others as background."""

_SYNONYMS = {
    "airplane": ("aeroplane", "plane", "aircraft"),
    "bicycle": ("bike",),
    "boat": ("ship",),
    "bus": ("buses",),
    "car": ("automobile", "car automobile"),
    "motorcycle": ("motorbike",),
    "person": ("people", "pedestrian", "human"),
    "potted plant": ("houseplant", "flowerpot"),
    "couch": ("sofa",),
    "tv": ("tvmonitor", "television", "television set", "monitor"),
}
"""Other names of the categories, among them those of VOC and LVIS."""

_KNOWN = {
    spelling.replace(" ", ""): name for name in VOC_NUMBERS for spelling in (name, *_SYNONYMS.get(name, ()))
}  # fmt: skip


def category_name(name: str) -> str:
    """Spells a category as COCO does, whatever its case, plural and separators.

    Unknown names keep their words, in lower case.

    Example:
        >>> category_name("TV_Monitor"), category_name("Dogs"), category_name("Palm Tree")
        ('tv', 'dog', 'palm tree')
    """
    words = " ".join(re.findall(r"\w+", name.casefold().replace("_", " ")))
    joined_words = words.replace(" ", "")
    return _KNOWN.get(joined_words) or _KNOWN.get(joined_words.removesuffix("s")) or words or name


MAX_COUNT = 5000
"""The default limit of pictures: all of val2017, and a reasonable download of train2017."""


@dataclass(frozen=True)
class Licence:
    """A licence of COCO's pictures.

    Attributes:
        number: Its id in COCO.
        name: Its name.
        url: Its address.

    Example:
        >>> Licence(4, "CC BY", "https://creativecommons.org/licenses/by/2.0/").number
        4
    """

    number: int | str
    name: str
    url: str


@dataclass(frozen=True)
class CocoImage:
    """What is known of a picture before it is downloaded.

    Attributes:
        number: Its id in COCO; annotations of others may use text.
        file: Its file name, with folders if the annotations have some, and ``/`` between them.
        folder: ``train2017`` or ``val2017``; empty for the user's own annotations.
        licence: Its licence.
        source: Its address at Flickr.
        shares: For each category the share of the picture that its largest object (or crowd) covers, in [0, 1].
        checksum: The checksum of the file, as in `Download`; empty if unknown.
        size: The size of the file in bytes, if known.

    Example:
        >>> CocoImage(1, "a.jpg", "val2017", Licence(4, "CC BY", ""), "", {"dog": 0.2}).identity
        'coco/a.jpg'
    """

    number: int | str
    file: str
    folder: str
    licence: Licence
    source: str
    shares: Mapping[str, float] = field(hash=False)
    checksum: str = ""
    size: int | None = None

    @property
    def identity(self) -> str:
        """What determines its split; folders count, as some datasets reuse file names across folders."""
        return f"coco/{self.file}"


@dataclass(frozen=True)
class Selection:
    """A selection of pictures; the fields are described above.

    Example:
        >>> selection = Selection.parse("any=dog&count=1")
        >>> licence = Licence(4, "CC BY", "")
        >>> images = [CocoImage(number, f"{number}.jpg", "", licence, "", {"dog": 0.2}) for number in range(3)]
        >>> selection.any_of, len(selection.select(images))
        (('dog',), 1)
    """

    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    share: float = 0.0
    balanced: str = ""
    licences: tuple[str, ...] = ()
    count: int = MAX_COUNT
    seed: str = "0"

    @classmethod
    def parse(cls, query: str) -> "Selection":
        """Parses the part of a name after its question mark.

        Raises:
            UapsegError: A key is unknown, or a value invalid.
        """
        choice = cls()
        for key, value in parse_qsl(query, keep_blank_values=True):
            if key not in _PARTS:
                raise UapsegError(
                    f"{key!r} chooses nothing in COCO: {', '.join(_PARTS)} do, as in ?any=dog&count=200."
                )
            choice = replace(choice, **{_PARTS[key]: _parse_value(key, value)})
        return choice

    def select(self, entries: Sequence[CocoImage]) -> list[CocoImage]:
        """Selects pictures, sorted by file name.

        Raises:
            UapsegError: A category is unknown, or no picture matches.
        """
        categories = {category for entry in entries for category in entry.shares}
        for name in (*self.any_of, *self.all_of, *filter(None, [self.balanced])):
            if name not in categories:
                raise UapsegError(
                    f"There is no {name!r} in these pictures of COCO: there is {', '.join(sorted(categories))}."
                )
        matches = sorted(filter(self._fits, entries), key=lambda entry: unit_hash(f"{self.seed}/{entry.number}"))
        selected = self._halves(matches) if self.balanced else matches[: self.count]
        if not selected:
            raise UapsegError("No picture of COCO matches: relax the selection after the question mark.")
        return sorted(selected, key=lambda entry: entry.file)

    def _fits(self, entry: CocoImage) -> bool:
        large = self._large(entry)
        return (
            (not self.licences or str(entry.licence.number) in self.licences)
            and (not self.any_of or not large.isdisjoint(self.any_of))
            and large.issuperset(self.all_of)
            and (bool(large) or not self.share)
        )

    def _large(self, entry: CocoImage) -> set[str]:
        """The categories with an object of at least the required share."""
        return {category for category, share in entry.shares.items() if share >= self.share}

    def _halves(self, entries: Sequence[CocoImage]) -> list[CocoImage]:
        """As many pictures with the class and other objects as with others alone; objects are classes of VOC."""
        halves: tuple[list[CocoImage], list[CocoImage]] = ([], [])
        for entry in entries:
            large = self._large(entry)
            is_absent = self.balanced not in entry.shares
            if large & VOC_NUMBERS.keys() - {self.balanced} and (is_absent or self.balanced in large):
                halves[is_absent].append(entry)
        half_count = min(self.count // 2, *map(len, halves))
        return [*halves[0][:half_count], *halves[1][:half_count]]


_PARTS = {
    "any": "any_of", "all": "all_of", "share": "share", "balanced": "balanced", "licences": "licences",
    "count": "count", "seed": "seed",
}  # fmt: skip


def _parse_value(key: str, value: str) -> str | int | float | tuple[str, ...]:
    words = tuple(word.strip() for word in value.split(","))
    if key == "count" and value.isdecimal() and int(value):
        return int(value)
    if key == "share" and value.replace(".", "", 1).isdecimal() and float(value) <= 1:
        return float(value)
    if key == "balanced" and len(words) == 1 and words[0]:
        return category_name(words[0])
    if key in {"any", "all"} and all(words):
        return tuple(map(category_name, words))
    if key == "licences" and all(words):
        return words
    if key == "seed" and value:
        return value
    raise UapsegError(f"{key}={value} cannot be understood: write for example {_EXAMPLES[key]}.")


_EXAMPLES = {
    "any": "any=person,bicycle", "all": "all=person,dog", "share": "share=0.02", "balanced": "balanced=person",
    "licences": "licences=4,5", "count": "count=200", "seed": "seed=1",
}  # fmt: skip
