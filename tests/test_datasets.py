"""What every data set must hold to; pictures of no split appear in another."""

import hashlib
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from uapseg.datasets import SPLITS, Dataset, load_dataset
from uapseg.datasets.street import Street
from uapseg.errors import UapsegError


@pytest.fixture(scope="module")
def camvid(tmp_path_factory):
    """A folder in CamVid's layout with three pictures a split."""
    root = tmp_path_factory.mktemp("camvid")
    rng = np.random.default_rng(0)
    for split, number in itertools.product(SPLITS, range(3)):
        for kind, array in (("images", (24, 32, 3)), ("labels", (24, 32))):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
            values = rng.integers(0, 256 if kind == "images" else 12, array, dtype=np.uint8)
            Image.fromarray(values).save(root / kind / split / f"frame{number}.png")
    return f"camvid:{root}"


@pytest.fixture(params=["street", "camvid"])
def name(request, camvid) -> str:
    return camvid if request.param == "camvid" else request.param


def test_pictures_have_the_size_that_the_set_names(name):
    for split in SPLITS:
        dataset = load_dataset(name, split)
        assert isinstance(dataset, Dataset)
        pictures = dataset.pictures([1, 0])
        assert pictures.dtype == torch.uint8
        assert pictures.shape == (2, 3, dataset.size[1], dataset.size[0])
        assert torch.equal(pictures[1:], dataset.pictures([0]))
        assert len(dataset) >= 3


def test_labels_are_classes_or_void(name):
    truth = load_dataset(name, "val").truth([0, 1])
    assert truth.dtype == torch.uint8
    assert ((truth < 11) | (truth == 255)).all()


def test_no_picture_is_in_two_splits(name):
    """Training on the pictures one reports on is a slip of a published code."""
    seen: dict[str, set[str]] = {}
    for split in SPLITS:
        dataset = load_dataset(name, split)
        pictures = dataset.pictures(range(min(8, len(dataset))))
        seen[split] = {hashlib.sha256(picture.numpy().tobytes()).hexdigest() for picture in pictures}
    assert not any(seen[one] & seen[other] for one, other in itertools.combinations(SPLITS, 2))


def test_scenes_are_the_same_from_the_disk(tmp_path):
    fresh, stored = Street("val", tmp_path), Street("val", tmp_path)
    first = fresh.pictures([2])
    files = list(tmp_path.rglob("*.png"))
    assert len(files) == 1
    assert torch.equal(stored.pictures([2]), first)
    assert torch.equal(stored.truth([2]), fresh.truth([2]))
    files[0].write_bytes(b"cut off")
    assert torch.equal(Street("val", tmp_path).pictures([2]), first)


def test_a_full_or_closed_disk_does_not_stop_a_run(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert Street("val", tmp_path / "file").pictures([0]).shape == (1, 3, 256, 384)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("coco", "val", "no data set called 'coco'"),
        ("camvid", "val", "no data set called 'camvid'"),
        ("street:here", "val", "no data set called 'street:here'"),
        ("street", "dev", "no split called 'dev': choose one of train, val, test"),
        ("camvid:/nowhere", "val", "no pictures in .*: give the folder that holds images/ and labels/"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(name, split, message):
    with pytest.raises(UapsegError, match=message):
        load_dataset(name, split)
