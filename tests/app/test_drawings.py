"""A painted target, from the picture that the browser sends to what is optimised."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from uapseg.app.drawings import painted_target
from uapseg.errors import UapsegError
from uapseg.targets.goals import UNLABELED

CLASSES = ("sky", "road", "tree", "car")


def sent(numbers: np.ndarray) -> str:
    """Class numbers (h, w) as the stage sends them; 255 is transparent."""
    pixels = np.stack([numbers] * 3 + [np.where(numbers == UNLABELED, 0, 255)], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def test_a_painted_scene_of_many_classes_is_exactly_what_is_optimised():
    numbers = np.random.default_rng(0).choice([0, 2, 3, UNLABELED], (24, 32)).astype(np.uint8)
    target = painted_target(sent(numbers), (32, 24), CLASSES, None)
    assert (target.classes, target.rest) == (("sky", "tree", "car"), None)
    names = np.array([*target.classes, "none"])[np.minimum(target.label_map(), 3)]
    expected = np.array([*CLASSES, "none"])[np.minimum(numbers, 4)]
    np.testing.assert_array_equal(names, expected)


def test_a_region_in_one_class_may_not_be_that_of_the_rest():
    numbers = np.full((24, 32), UNLABELED, np.uint8)
    numbers[:5] = 1
    with pytest.raises(UapsegError, match="two different"):
        painted_target(sent(numbers), (32, 24), CLASSES, "road")
    numbers[10:] = 2
    assert painted_target(sent(numbers), (32, 24), CLASSES, "road").classes == ("road", "tree")


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        (np.full((24, 32), UNLABELED, np.uint8), "Nothing is drawn"),
        (np.full((24, 31), 1, np.uint8), "could not be read"),
        (np.full((24, 32), 4, np.uint8), "could not be read"),  # a class that the network does not have
    ],
)
def test_what_is_no_drawing_for_this_network_is_refused(numbers: np.ndarray, sentence: str):
    with pytest.raises(UapsegError, match=sentence):
        painted_target(sent(numbers), (32, 24), CLASSES, None)
