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
