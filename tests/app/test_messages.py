"""Texts with figures in them."""

import pytest

from uapseg.app import messages, strings
from uapseg.targets.goals import HideClasses


@pytest.mark.parametrize(
    ("classes", "caption"),
    [
        ((), "Hide nothing, epsilon 10"),
        (("Car",), "Hide Car, epsilon 10"),
        (("Car", "Pole"), "Hide Car and Pole, epsilon 10"),
        (("Car", "Pole", "Fence"), "Hide Car, Pole and Fence, epsilon 10"),
        (("Car", "Pole", "Fence", "Sky"), "Hide Car, Pole and 2 more, epsilon 10"),
    ],
)
def test_hidden_classes_are_named(classes: tuple[str, ...], caption: str):
    target = HideClasses(classes=classes)
    assert messages.caption(target, 10) == caption
    assert messages.shares(target, strings.TYPE)[0][1] == caption.replace("Hide", "of").replace(
        ", epsilon 10", " hidden"
    )


def test_files_that_did_not_come_are_named():
    assert (
        messages.not_fetched(["a.pth"]) == "a.pth did not come, or not as expected: try again later, or choose others."
    )
    assert messages.not_fetched(["a.jpg", "b.jpg", "c.jpg"]).startswith("a.jpg and 2 more files did not come")
