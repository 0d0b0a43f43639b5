"""Which classes are people, by their names."""

from collections.abc import Sequence

PEOPLE = "people"
"""The name for all classes that are people."""

_PEOPLE = {"person", "pedestrian", "rider", "bicyclist", "cyclist", "motorcyclist", "human"}
"""Names of such classes in VOC, COCO, Cityscapes, CamVid, ADE20K and Mapillary Vistas."""


def people_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the classes that are people, by name: if only one is hidden, another may take its place.

    Example:
        >>> people_classes(("Road", "Pedestrian", "Bicyclist", "bicycle")), people_classes(("background", "cat"))
        (('Pedestrian', 'Bicyclist'), ())
    """
    return tuple(name for name in classes if name.lower() in _PEOPLE)


def names_people(classes: Sequence[str]) -> bool:
    """Whether `PEOPLE` stands for classes of a network: it has some, and none that is called so itself.

    Example:
        >>> names_people(("Road", "Pedestrian")), names_people(("road", "people", "rider"))
        (True, False)
    """
    return bool(people_classes(classes)) and PEOPLE not in {name.lower() for name in classes}


def expand_people(names: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the named classes, each once, with all that are people in place of `PEOPLE`.

    Args:
        names: Names of classes, and maybe `PEOPLE`, in any case.
        classes: The names of the network's classes.

    Example:
        >>> expand_people(("Car", "people", "Rider"), ("Car", "Person", "Rider"))
        ('Car', 'Person', 'Rider')
    """
    groups = {PEOPLE: people_classes(classes)} if names_people(classes) else {}
    return tuple(dict.fromkeys(member for name in names for member in groups.get(name.lower(), (name,))))
