"""What every dataset must hold to; pictures of no split appear in another."""

import hashlib
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from uapseg.datasets import (
    SPLITS,
    Dataset,
    attribution,
    catalogue,
    dataset_names,
    load_dataset,
    missing_files,
    overlap,
)
from uapseg.datasets.street import load_scene, render_ahead
from uapseg.errors import UapsegError
from uapseg.scenes.files import render_scene
from uapseg.scenes.pool import WorkerPool


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
        assert len(dataset) == len(dataset.keys) >= 3
        assert dataset.skipped == ()


def test_pictures_have_the_size_that_is_asked_for(name):
    dataset = load_dataset(name, "val", (48, 16))
    assert dataset.size == (48, 16)
    assert dataset.pictures([0, 1]).shape == (2, 3, 16, 48)
    assert dataset.truth([0, 1]).shape == (2, 16, 48)


def test_labels_are_classes_or_void(name):
    dataset = load_dataset(name, "val")
    truth = dataset.truth([0, 1])
    assert truth.dtype == torch.uint8
    assert ((truth < 11) | (truth == 255)).all()
    assert len(dataset.classes) == 11


def test_no_picture_is_in_two_splits(name):
    """Training on the pictures one reports on is a slip of a published code."""
    seen: dict[str, set[str]] = {}
    datasets = {split: load_dataset(name, split) for split in SPLITS}
    for split, dataset in datasets.items():
        pictures = dataset.pictures(range(min(8, len(dataset))))
        seen[split] = {hashlib.sha256(picture.numpy().tobytes()).hexdigest() for picture in pictures}
    for one, other in itertools.combinations(SPLITS, 2):
        assert not seen[one] & seen[other]
        assert overlap(datasets[one], datasets[other]) == ()


def test_what_is_in_two_sets_is_found(name):
    dataset = load_dataset(name, "val")
    assert overlap(dataset, load_dataset(name, "val", (32, 32))) == tuple(sorted(dataset.keys))


def test_a_hint_changes_nothing(name):
    dataset = load_dataset(name, "test", (24, 16))
    dataset.prefetch([2, 1])
    assert torch.equal(dataset.pictures([1, 2]), load_dataset(name, "test", (24, 16)).pictures([1, 2]))


def test_scenes_are_the_same_from_the_disk(tmp_path):
    first = load_scene(tmp_path, "val", 2)
    files = list(tmp_path.rglob("*.png"))
    assert len(files) == 1
    assert np.array_equal(load_scene(tmp_path, "val", 2), first)
    files[0].write_bytes(b"cut off")
    assert np.array_equal(load_scene(tmp_path, "val", 2), first)


def test_scenes_are_rendered_ahead_each_once(tmp_path, monkeypatch):
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path))
    rendered: list[int] = []
    monkeypatch.setattr(
        "uapseg.scenes.pool.render_scene", lambda *given: (rendered.append(given[2]), render_scene(*given))[1]
    )
    monkeypatch.setattr("uapseg.datasets.street.shared_pool", lambda: WorkerPool(0))
    render_ahead("street", (1, 0, 1))
    render_ahead("street", (0, 2))
    render_ahead("coco-mini", (5,))
    assert rendered == [1, 0, 2]
    dataset = load_dataset("street?scenes=3", "train")
    assert dataset.pictures([0, 1, 2]).shape == (3, 3, 256, 384)
    assert rendered == [1, 0, 2]


def test_a_full_or_closed_disk_does_not_stop_a_run(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert load_scene(tmp_path / "file", "val", 0).shape == (256, 384, 4)


def test_every_listed_form_is_a_card():
    cards = {card.name: card for card in catalogue()}
    assert tuple(cards) == dataset_names()
    assert cards["street"].pictures == {"train": 4000, "val": 64, "test": 64}
    assert cards["street"].cached
    assert sum(cards["coco-mini"].pictures.values()) == 200
    assert not cards["coco:val2017"].cached
    assert cards["coco:val2017"].download_bytes == 252_907_541 + 5000 * 163_000


@pytest.mark.parametrize("count", [600, 5000])
def test_the_scenes_to_train_on_can_be_fewer_or_more_and_the_others_stay(count):
    asked = {split: load_dataset(f"street?scenes={count}", split) for split in ("train", "val", "test")}
    usual = {split: load_dataset("street", split) for split in asked}
    assert (len(asked["train"]), len(usual["train"])) == (count, 4000)
    assert asked["train"].keys[:4000] == usual["train"].keys[:count]
    assert all(asked[split].keys == usual[split].keys for split in ("val", "test"))
    assert asked["train"].name == f"street?scenes={count}"


def test_what_lies_on_the_disk_needs_no_download(name):
    assert missing_files(name) == []
    with pytest.raises(UapsegError, match="there is no attribution"):
        attribution(name)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("coco", "val", "no dataset called 'coco': choose one of street, coco-mini, .*, FOLDER"),
        ("camvid", "val", "no dataset called 'camvid'"),
        ("street?scenes=0", "train", r"write street\?scenes=N with N from 1 to 100000"),
        ("street?scenes=100001", "val", "cannot be opened"),
        ("street?any=dog", "train", "cannot be opened"),
        ("street:here", "val", "no dataset called 'street:here'"),
        ("coco-mini:here", "val", "no dataset called 'coco-mini:here'"),
        ("/no/such/folder", "val", "no dataset called '/no/such/folder'"),
        ("", "val", "no dataset called ''"),
        ("x" * 5000, "val", "no dataset called 'xxx"),
        ("~nobody/x", "val", "no dataset called '~nobody/x'"),
        ("a\0b", "val", "no dataset called"),
        ("street", "dev", "no split called 'dev': choose one of train, val, test"),
        ("street", "all", "street has official splits: choose one of train, val, test"),
        ("camvid:/nowhere", "val", "no pictures in .*: give the folder that holds images/ and labels/"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(name, split, message):
    with pytest.raises(UapsegError, match=message):
        load_dataset(name, split)


@pytest.mark.parametrize("size", [(8, 64), (64, 5000)])
def test_a_size_that_makes_no_sense_is_refused(size):
    with pytest.raises(UapsegError, match="sides have 16 to 4096 pixels"):
        load_dataset("street", "val", size)
