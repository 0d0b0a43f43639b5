"""The rendered streets keep their promises: repeatable, complete, balanced, and not separable by colour alone."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from threading import Barrier

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from uapseg.scenes import CLASSES, SIZE, SPLITS, Scene, files, render

PEDESTRIAN = CLASSES.index("Pedestrian")
# Mean share of the pixels over the test scenes, per cent: lowest and highest allowed.
SHARES = {
    "Sky": (8, 20), "Building": (18, 35), "Pole": (2, 4), "Road": (18, 30), "Pavement": (5, 12), "Tree": (8, 16),
    "SignSymbol": (1.5, 3.5), "Fence": (2.5, 6), "Car": (6, 12), "Pedestrian": (3, 8), "Bicyclist": (1.5, 4),
}  # fmt: skip


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """The scenes of the test split, drawn in a fresh process: there, types are not checked at every stroke."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return list(pool.map(partial(render, "test"), range(SPLITS["test"]), chunksize=8))


@pytest.fixture(scope="module")
def shares(scenes: list[Scene]) -> NDArray[np.float64]:
    """Share of each class in each test scene, (scenes, classes)."""
    counts = [np.bincount(scene.labels.ravel(), minlength=len(CLASSES)) for scene in scenes]
    return np.array(counts) / (SIZE[0] * SIZE[1])


def test_scene_has_the_promised_form() -> None:
    scene = render("train", 5000)
    assert scene.picture.shape == (SIZE[1], SIZE[0], 3)
    assert scene.labels.shape == (SIZE[1], SIZE[0])
    assert scene.picture.dtype == scene.labels.dtype == np.uint8


def test_same_index_gives_the_same_scene() -> None:
    first = render("val", 3)
    render("train", 8)
    again = render("val", 3)
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.labels, again.labels)


def test_scenes_and_splits_differ() -> None:
    pictures = {render(split, index).picture.tobytes() for split in SPLITS for index in range(2)}
    assert len(pictures) == 2 * len(SPLITS)


@pytest.mark.parametrize(("split", "index", "message"), [("holdout", 0, "holdout"), ("test", -1, "-1")])
def test_unknown_scene_is_refused(split: str, index: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(split, index)


def test_every_label_is_a_class(scenes: list[Scene]) -> None:
    assert max(int(scene.labels.max()) for scene in scenes) == len(CLASSES) - 1


@pytest.mark.parametrize("name", CLASSES)
def test_class_is_common_and_balanced(shares: NDArray[np.float64], name: str) -> None:
    share = shares[:, CLASSES.index(name)]
    low, high = SHARES[name]
    assert low <= 100 * share.mean() <= high
    assert (share > 0.001).mean() >= 0.5


def test_pedestrians_stand_among_other_things(shares: NDArray[np.float64]) -> None:
    others = [CLASSES.index(name) for name in ("Car", "Bicyclist", "SignSymbol", "Pole")]
    together = (shares[:, PEDESTRIAN] > 0.002) & (shares[:, others] > 0.002).any(axis=1)
    assert together.mean() >= 0.8


def test_colour_alone_does_not_tell_the_class(scenes: list[Scene]) -> None:
    colours = np.concatenate([scene.picture[::4, ::4].reshape(-1, 3) for scene in scenes]).astype(np.float64)
    labels = np.concatenate([scene.labels[::4, ::4].ravel() for scene in scenes])
    means = np.array([colours[labels == label].mean(axis=0) for label in range(len(CLASSES))])
    nearest = np.argmin(((colours[:, None] - means[None]) ** 2).sum(axis=-1), axis=1)
    assert (nearest == labels).mean() < 0.6


def test_two_threads_that_draw_a_scene_at_once_write_files_of_their_own(tmp_path, monkeypatch) -> None:
    parts, both, save = [], Barrier(2), Image.Image.save

    def slow(picture, file, *given, **named):
        parts.append(file)
        both.wait(timeout=30)
        save(picture, file, *given, **named)

    monkeypatch.setattr(files, "SHAPE", (4, 6, 4))
    monkeypatch.setattr(files, "render", lambda *_: Scene(np.full((4, 6, 3), 7, np.uint8), np.ones((4, 6), np.uint8)))
    monkeypatch.setattr(Image.Image, "save", slow)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: files.render_scene(tmp_path, "test", 3), range(2)))
    assert len(set(parts)) == 2
    np.testing.assert_array_equal(*found)
    assert [file.name for file in tmp_path.iterdir()] == ["0003.png"]
    np.testing.assert_array_equal(files.read_scene(tmp_path, 3), found[0])


@pytest.mark.slow
def test_hundreds_of_scenes_can_be_drawn() -> None:
    """A rare narrow shop once could not be."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for split, count in SPLITS.items():
            numbers = range(0, count, max(1, count // 500))
            assert all(pool.map(_is_drawn, [split] * len(numbers), numbers, chunksize=16))


def _is_drawn(split: str, index: int) -> bool:
    return bool(render(split, index).labels.max() < len(CLASSES))
