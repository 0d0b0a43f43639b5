"""Colours, objects and a default target for classes that are known by name only."""

from collections.abc import Sequence

RGB = tuple[int, int, int]

MAX_CLASSES = 255
"""The most classes: label maps hold one byte for each pixel, and 255 means no class."""

CITYSCAPES = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
"""The 19 classes of Cityscapes and their usual colours. Source: https://github.com/mcordts/cityscapesScripts"""

_BACKDROP = {
    "background", "void", "unlabeled", "other", "sky", "road", "route", "sidewalk", "pavement", "path", "dirt track",
    "runway", "floor", "ceiling", "wall", "building", "house", "skyscraper", "hovel", "vegetation", "terrain", "tree",
    "grass", "plant", "earth", "ground", "field", "land", "sand", "rock", "mountain", "hill", "water", "sea", "river",
    "lake", "waterfall",
}  # fmt: skip
"""Classes that are scenery rather than objects, by their names in VOC, Cityscapes, CamVid and ADE20K."""

_PAIRS = (("person", "background"), ("vegetation", "building"), ("tree", "building"))


def voc_palette(count: int) -> tuple[RGB, ...]:
    """Returns the colours of PASCAL VOC: the bits of a class index spread over three channels, distinct up to 256.

    Args:
        count: The number of classes.

    Source:
        https://host.robots.ox.ac.uk/pascal/VOC/voc2012/ (VOCcode/VOClabelcolormap.m)

    Example:
        >>> voc_palette(3)
        ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    return tuple(_voc_colour(number) for number in range(count))


def palette_of(classes: Sequence[str]) -> tuple[RGB, ...]:
    """Returns a colour for each class: those of Cityscapes if all are its classes, otherwise those of VOC by index.

    Example:
        >>> palette_of(["Road", "sky"]), palette_of(["background", "cat"])
        (((128, 64, 128), (70, 130, 180)), ((0, 0, 0), (128, 0, 0)))
    """
    names = [name.lower() for name in classes]
    if set(names) <= CITYSCAPES.keys():
        return tuple(CITYSCAPES[name] for name in names)
    return voc_palette(len(names))


def objects_of(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the classes that are objects rather than scenery, by name.

    Example:
        >>> objects_of(["road", "car", "sky", "person"])
        ('car', 'person')
    """
    return tuple(name for name in classes if name.lower() not in _BACKDROP)


def default_pair(classes: Sequence[str]) -> tuple[str, str]:
    """Returns two classes for a first target: a common pair if both exist, otherwise the second and the first class.

    Example:
        >>> default_pair(["Building", "Tree", "Sky"]), default_pair(["a", "b", "c"])
        (('Tree', 'Building'), ('b', 'a'))
    """
    names_by_key = {name.lower(): name for name in classes}
    pairs = ((names_by_key[a], names_by_key[b]) for a, b in _PAIRS if a in names_by_key and b in names_by_key)
    return next(pairs, (classes[1], classes[0]))


def numbered_names(count: int) -> tuple[str, ...]:
    """Returns names for classes without any.

    Example:
        >>> numbered_names(2)
        ('class 0', 'class 1')
    """
    return tuple(f"class {number}" for number in range(count))


def make_distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Makes names unique, ignoring case, by adding numbers; surrounding spaces are removed.

    Example:
        >>> make_distinct(["car", " Car", "sky"])
        ('car', 'Car (2)', 'sky')
    """
    names_by_key: dict[str, str] = {}
    for name in (name.strip() for name in names):
        distinct_name, number = name, 1
        while distinct_name.lower() in names_by_key:
            number += 1
            distinct_name = f"{name} ({number})"
        names_by_key[distinct_name.lower()] = distinct_name
    return tuple(names_by_key.values())


def _voc_colour(number: int) -> RGB:
    red, green, blue = (sum((number >> 3 * bit + channel & 1) << 7 - bit for bit in range(3)) for channel in range(3))
    return red, green, blue
