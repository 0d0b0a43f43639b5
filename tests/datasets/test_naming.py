"""What the numbers in label maps mean: names of classes as people write them, label maps as programs save them."""

import numpy as np
import pytest
from PIL import Image

from tests.datasets.test_folder import encoded, photo, put
from uapseg.datasets import load_dataset
from uapseg.datasets.labels import read_classes
from uapseg.errors import UapsegError
from uapseg.io.sources import File

VALUES = np.array([[0, 1, 2], [3, 2, 255]], np.uint8).repeat(24, 0).repeat(24, 1)
"""A label map (48, 72) of four classes and void."""

FOUR = b"background\nperson\ncar\ndog\n"


def opened(tmp_path, maps, classes=FOUR):
    """A set of pictures with these label maps: arrays or the content of PNG files."""
    contents = [one if isinstance(one, bytes) else encoded(Image.fromarray(one), "PNG") for one in maps]
    inside = {f"{n}.jpg": photo(n, (72, 48)) for n in range(len(maps))}
    inside |= {f"{n}_mask.png": content for n, content in enumerate(contents)}
    return load_dataset(put(tmp_path, inside | ({"classes.txt": classes} if classes else {})), "all")


def as_palette(colours, numbers=VALUES, kind="PNG"):
    picture = Image.fromarray(numbers)
    picture.putpalette(np.array(colours, np.uint8).ravel().tolist())
    return encoded(picture, kind)


COLOURED = np.random.default_rng(0).integers(0, 256, (256, 3))
GREYS = np.arange(256)[:, None].repeat(3, 1)
STORED = {
    "grey": VALUES,
    "16 bits": VALUES.astype(np.uint16),
    "16 bits with their own void": np.where(VALUES == 255, 65535, VALUES).astype(np.uint16),
    "three channels": VALUES[..., None].repeat(3, 2),
    "four channels": np.dstack([VALUES] * 3 + [np.full_like(VALUES, 255)]),
    "grey with alpha": encoded(Image.merge("LA", [Image.fromarray(VALUES), Image.new("L", (72, 48), 255)]), "PNG"),
    "BMP": encoded(Image.fromarray(VALUES), "BMP"),
    "TIFF": encoded(Image.fromarray(VALUES), "TIFF"),
    "GIF": encoded(Image.fromarray(VALUES), "GIF"),
    "32 bits with void below": encoded(Image.fromarray(np.where(VALUES == 255, -1, VALUES).astype(np.int32)), "TIFF"),
    "real numbers": encoded(Image.fromarray(np.where(VALUES == 255, np.nan, VALUES).astype(np.float32)), "TIFF"),
    "a palette of colours": as_palette(COLOURED),
    "a palette of greys": as_palette(GREYS),
    "a palette of greys numbered anew": as_palette(
        [[tone] * 3 for tone in (255, 3, 2, 1, 0)], np.array([4, 3, 2, 1], np.uint8)[VALUES % 255 % 4] * (VALUES < 255)
    ),
}


@pytest.mark.parametrize("stored", STORED)
def test_numbers_are_read_however_they_are_stored(stored, tmp_path):
    dataset = opened(tmp_path, [STORED[stored]])
    assert np.array_equal(dataset.truth([0])[0], VALUES)
    assert (dataset.classes, dataset.skipped, dataset.notes) == (("background", "person", "car", "dog"), (), ())


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ((VALUES % 255).astype(np.uint16) * 1000, "hold numbers up to 3000, and classes go up to 254"),
        (COLOURED.astype(np.uint8)[VALUES], "hold colours"),
        (encoded(Image.fromarray(VALUES), "JPEG"), "are a JPEG, which does not keep numbers: save them as PNG"),
        (encoded(Image.fromarray(VALUES), "WEBP", lossless=True), "are a WEBP, which does not keep numbers"),
        (np.array([0, 85, 170, 255], np.uint8)[VALUES % 4], "hold 85, 170, and classes.txt names 0 to 3"),
        (encoded(Image.fromarray(VALUES / np.float32(254)), "TIFF"), "hold fractions"),
        (encoded(Image.new("L", (72, 40)), "PNG"), "do not have the size of their picture"),
    ],
)  # fmt: skip
def test_label_maps_that_hold_something_else_are_named(stored, reason, tmp_path):
    dataset = opened(tmp_path, [stored, VALUES])
    assert (dataset.truth([0]) == 255).all()
    assert np.array_equal(dataset.truth([1])[0], VALUES)
    assert dataset.skipped == ("labels of 0.jpg",)
    assert f"The labels 0_mask.png {reason}" in dataset.notes[-1]


def test_of_many_unusable_label_maps_a_few_are_named(tmp_path):
    dataset = opened(tmp_path, [COLOURED.astype(np.uint8)[VALUES]] * 5)
    dataset.truth(range(5))
    assert len(dataset.skipped) == 5
    assert dataset.notes[3:] == ("So it is with 2 more label maps.",)


MASK = np.where(VALUES == 1, 255, 0).astype(np.uint8)


@pytest.mark.parametrize(
    "stored", [MASK, MASK[..., None].repeat(3, 2), as_palette(((0, 0, 0), (255, 255, 255)), MASK // 255)]
)
def test_255_is_the_second_of_two_classes_where_there_is_nothing_else(stored, tmp_path):
    """Read as void, the object would count nowhere, and a network that never sees it would be right everywhere."""
    dataset = opened(tmp_path, [stored] * 3, b"background\nperson\n")
    assert np.array_equal(dataset.truth([0])[0], VALUES == 1)
    assert "255 is read as person" in dataset.notes[0]


def test_a_bilevel_map_holds_0_and_1(tmp_path):
    dataset = opened(tmp_path, [encoded(Image.fromarray(VALUES == 1), "PNG")], b"background\nperson\n")
    assert np.array_equal(dataset.truth([0])[0], VALUES == 1)
    assert dataset.notes == ()


def test_255_is_void_as_soon_as_1_is_there(tmp_path):
    dataset = opened(tmp_path, [MASK, np.minimum(MASK, 1)], b"background\nperson\n")
    assert np.array_equal(dataset.truth([0])[0], MASK)
    assert dataset.notes == ()


@pytest.mark.parametrize("classes", [FOUR, b"person\n", None])
def test_0_and_255_of_other_than_two_classes_are_not_used(classes, tmp_path):
    dataset = opened(tmp_path, [MASK] * 2, classes)
    assert (dataset.truth([0, 1]) == 255).all()
    assert dataset.classes == ()
    assert "0 and 255 alone, and 255 is void: they are not used" in dataset.notes[0]


def test_numbers_without_a_name_are_void_and_said(tmp_path):
    dataset = opened(tmp_path, [VALUES], b"background\nperson\n\ndog\n")
    assert np.array_equal(dataset.truth([0])[0], np.array([0, 1, 255, 2] + [255] * 252)[VALUES])
    assert dataset.notes == ("Some label maps hold 2, for which classes.txt has no name: they count as void.",)


NAMED = {0: "background", 1: "person", 2: "car", 3: "dog"}


@pytest.mark.parametrize(
    "content",
    [
        FOUR, FOUR.replace(b"\n", b"\r\n"), FOUR.strip(), FOUR + b"\n\n", b"\xef\xbb\xbf" + FOUR,
        FOUR.decode().encode("utf-16"), FOUR.decode().encode("utf-16-le"), FOUR.decode().encode("utf-16-be"),
        b"0 background\n1 person\n2 car\n3 dog", b"0: background\n1: person\n2: car\n3: dog\n",
        b"3\tdog\n\n0\tbackground\n1\tperson\n2\tcar\n", b"0,background\n1,person\n2,car\n3,dog\n",
        b"background: 0\nperson: 1\ncar: 2\ndog: 3\n", b"0. background\n1. person\n2. car\n3. dog\n",
        b"255 void\n0 background\n1 person\n2 car\n3 dog\n", b"__ignore__\n_background_\nperson\ncar\ndog\n",
        b'"background",\n"person",\n"car",\n"dog"\n',
    ],
)  # fmt: skip
def test_names_are_read_however_they_are_written(content, tmp_path):
    put(tmp_path, {"classes.txt": content})
    assert read_classes(File(tmp_path / "classes.txt")) == NAMED


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"one\n\nthree\n", {0: "one", 2: "three"}),
        (b"\none\n", {1: "one"}),
        (b"class 1\nclass 2\n", {0: "class 1", 1: "class 2"}),
        (b"2 wheels\n4 wheels\n", {0: "2 wheels", 1: "4 wheels"}),
        (b"traffic light\ntraffic sign\n", {0: "traffic light", 1: "traffic sign"}),
        ("stra\u00dfe\nb\u00e4ume\n".encode("cp1252"), {0: "stra\u00dfe", 1: "b\u00e4ume"}),
        (b"7 train\n24 person\n", {7: "train", 24: "person"}),
    ],
)
def test_a_line_is_a_number(content, names, tmp_path):
    put(tmp_path, {"classes.txt": content})
    assert read_classes(File(tmp_path / "classes.txt")) == names


@pytest.mark.parametrize(("content", "reason"), [(b"", "names no class"), (b"1 a\n1 b\n", "names a number twice")])
def test_names_that_say_nothing_are_refused(content, reason, tmp_path):
    put(tmp_path, {"classes.txt": content})
    with pytest.raises(UapsegError, match=f"classes.txt {reason}"):
        read_classes(File(tmp_path / "classes.txt"))


def test_numbers_in_front_of_names_are_those_in_label_maps(tmp_path):
    dataset = opened(tmp_path, [VALUES], b"1 person\n3 dog\n0 background\n2 car\n")
    assert dataset.classes == ("background", "person", "car", "dog")
    assert np.array_equal(dataset.truth([0])[0], VALUES)
