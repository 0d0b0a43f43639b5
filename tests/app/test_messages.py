"""Texts with figures in them."""

import pytest

from uapseg.app import messages, strings
from uapseg.targets import HideClasses


@pytest.mark.parametrize(
    ("classes", "caption"),
    [
        ((), "Hide nothing, epsilon 10"),
        (("Car",), "Hide Car, epsilon 10"),
        (("Pedestrian",), "Hide Pedestrian, epsilon 10"),
        (("Pedestrian", "Bicyclist"), "Hide people, epsilon 10"),
        (("Car", "Pole"), "Hide Car and Pole, epsilon 10"),
        (("Car", "Pole", "Fence"), "Hide Car, Pole and Fence, epsilon 10"),
        (("Car", "Pole", "Fence", "Sky"), "Hide Car, Pole and 2 more, epsilon 10"),
    ],
)
def test_hidden_classes_are_named(classes: tuple[str, ...], caption: str):
    target = HideClasses(classes=classes)
    assert messages.caption(target, 10) == caption
    assert messages.score_labels(target, strings.TYPE)[0][1] == caption.replace("Hide", "of").replace(
        ", epsilon 10", " hidden"
    )


def test_files_that_did_not_come_are_named():
    assert (
        messages.missing_files(["a.pth"])
        == "a.pth could not be downloaded: try again later, or choose something else."
    )
    assert messages.missing_files(["a.jpg", "b.jpg", "c.jpg"]).startswith(
        "a.jpg and 2 more files could not be downloaded"
    )


def test_hidden_classes_are_reported_by_groups_and_by_pixels():
    target, baselines = HideClasses(classes=("person", "rider")), {"random_noise": {"hidden": 0.04}}
    said = messages.summary(target, {"hidden": 0.71}, baselines, strings.TYPE, (5, 7))
    assert said == (
        "Unseen pictures: 5 of 7 groups of people are gone, 71 % of their pixels; random noise of the same size: 4 %."
    )
    assert "groups" not in messages.summary(target, {"hidden": 0.71}, baselines, strings.TYPE)


def test_hiding_one_class_of_people_warns_of_the_other():
    people = ("Pedestrian", "Bicyclist")
    alone, both, car = (HideClasses(classes=classes) for classes in (people[:1], people, ("Car",)))
    assert messages.people_warning(alone, people).startswith("Bicyclist may take the place of Pedestrian")
    assert (
        messages.people_warning(both, people)
        == messages.people_warning(car, people)
        == messages.people_warning(alone, ())
        == ""
    )
