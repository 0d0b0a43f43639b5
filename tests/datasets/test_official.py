"""Datasets in the layouts in which they are given out: miniatures with labels that are known."""

import io

import numpy as np
import pytest
from PIL import Image

from uapseg.datasets import SPLITS, load_dataset
from uapseg.datasets.official import ADE20K_CLASSES as ADE20K
from uapseg.datasets.official import VOC_CLASSES as VOC
from uapseg.datasets.splits import train_or_val
from uapseg.errors import UapsegError

COUNT = 24
"""Pictures in each official train split; enough for some to be held out."""


def saved(path, values, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(values, np.uint8))
    if mode == "P":
        picture = picture.convert("P")
        picture = Image.frombytes("P", picture.size, np.asarray(values, np.uint8).tobytes())
        picture.putpalette([n * 7 % 256 for n in range(768)])  # what the numbers look like is not what they are
    picture.save(path)


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (32, 64, 3))


def columns(*values):
    """A label map of 32 x 64 with these values beside each other."""
    return np.repeat(np.repeat([values], 64 // len(values), axis=1), 32, axis=0)


@pytest.fixture(scope="module")
def cityscapes(tmp_path_factory):
    root = tmp_path_factory.mktemp("cityscapes")
    for split, count, start in (("train", COUNT, 0), ("val", 3, 100)):
        for number in range(start, start + count):
            name = f"aachen_{number:06}_000019"
            saved(root / "leftImg8bit" / split / "aachen" / f"{name}_leftImg8bit.png", noise(number))
            labels = columns(7, 8, 33, 26, 0, 3, 29, 24)
            saved(root / "gtFine" / split / "aachen" / f"{name}_gtFine_labelIds.png", labels)
            saved(root / "gtFine" / split / "aachen" / f"{name}_gtFine_color.png", noise(1))
    return f"cityscapes:{root}"


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    root = tmp_path_factory.mktemp("voc")
    folder = root / "VOCdevkit" / "VOC2012"
    for split, count, start in (("train", COUNT, 0), ("val", 3, 100)):
        names = [f"2007_{number:06}" for number in range(start, start + count)]
        for number, name in enumerate(names, start):
            saved(folder / "JPEGImages" / f"{name}.jpg", noise(number))
            saved(folder / "SegmentationClass" / f"{name}.png", columns(0, 15, 20, 255), "P")
        saved(folder / "JPEGImages" / f"{split}_not_listed.jpg", noise(999))
        (folder / "ImageSets" / "Segmentation").mkdir(parents=True, exist_ok=True)
        (folder / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(names) + "\n")
    return f"voc:{root}"


@pytest.fixture(scope="module")
def ade20k(tmp_path_factory):
    root = tmp_path_factory.mktemp("ade20k")
    for split, count, start in (("training", COUNT, 0), ("validation", 3, 100)):
        for number in range(start, start + count):
            saved(root / "images" / split / f"ADE_{number:08}.jpg", noise(number))
            saved(root / "annotations" / split / f"ADE_{number:08}.png", columns(0, 1, 150, 13))
    return f"ade20k:{root}"


@pytest.fixture(params=["cityscapes", "voc", "ade20k"])
def name(request):
    return request.getfixturevalue(request.param)


def test_the_official_val_split_is_kept_for_the_report(name):
    datasets = {split: load_dataset(name, split, (64, 32)) for split in SPLITS}
    assert len(datasets["test"]) == 3
    assert len(datasets["train"]) + len(datasets["val"]) == COUNT
    assert 0 < len(datasets["val"]) < COUNT / 2
    assert len({key for dataset in datasets.values() for key in dataset.keys}) == COUNT + 3


def test_all_of_it_at_once_is_refused(name):
    with pytest.raises(UapsegError, match="has official splits: choose one of train, val, test"):
        load_dataset(name, "all")


def test_labels_of_cityscapes_become_its_19_training_classes(cityscapes):
    dataset = load_dataset(cityscapes, "test", (64, 32))
    assert dataset.truth([0])[0, 0, ::8].tolist() == [0, 1, 18, 13, 255, 255, 255, 11]
    assert [dataset.classes[n] for n in (0, 1, 18, 13, 11)] == ["road", "sidewalk", "bicycle", "car", "person"]
    assert len(dataset.classes) == 19


def test_labels_of_voc_are_the_numbers_of_the_palette(voc):
    dataset = load_dataset(voc, "test", (64, 32))
    assert dataset.truth([0])[0, 0, ::16].tolist() == [0, 15, 20, 255]
    assert dataset.classes == VOC
    assert (VOC[0], VOC[15], VOC[20]) == ("background", "person", "tvmonitor")


def test_labels_of_ade20k_are_counted_from_one(ade20k):
    dataset = load_dataset(ade20k, "test", (64, 32))
    assert dataset.truth([0])[0, 0, ::16].tolist() == [255, 0, 149, 12]
    assert (len(set(ADE20K)), ADE20K[0], ADE20K[149], ADE20K[12]) == (150, "wall", "flag", "person")


@pytest.mark.parametrize(("name", "size"), [("cityscapes", (512, 256)), ("voc", (384, 384)), ("ade20k", (384, 384))])
def test_each_has_a_size_of_its_own(name, size, request):
    assert load_dataset(request.getfixturevalue(name), "test").size == size


def test_pictures_are_those_of_the_files(voc):
    dataset = load_dataset(voc, "test", (64, 32))
    buffer = io.BytesIO()
    Image.fromarray(noise(100).astype(np.uint8)).save(buffer, "JPEG")
    assert np.array_equal(dataset.pictures([0])[0].permute(1, 2, 0), Image.open(buffer))


def test_the_folder_may_be_named_from_outside_or_inside(voc):
    root = voc.removeprefix("voc:")
    for inside in ("VOCdevkit", "VOCdevkit/VOC2012"):
        assert load_dataset(f"voc:{root}/{inside}", "test").keys == load_dataset(voc, "test").keys


def test_what_has_no_labels_has_no_truth(tmp_path):
    saved(tmp_path / "leftImg8bit" / "val" / "ulm" / "ulm_leftImg8bit.png", noise(0))
    dataset = load_dataset(f"cityscapes:{tmp_path}", "test", (64, 32))
    assert dataset.classes == ()
    assert (dataset.truth([0]) == 255).all()


@pytest.mark.parametrize("kind", ["cityscapes", "voc", "ade20k"])
def test_another_folder_is_refused_with_what_it_should_hold(kind, tmp_path):
    with pytest.raises(UapsegError, match=r"give the folder that holds \w+/ and \w+/"):
        load_dataset(f"{kind}:{tmp_path}", "train")


def test_about_a_seventh_is_held_out():
    assert sum(train_or_val(f"picture {n}") == "val" for n in range(10_000)) == pytest.approx(1500, abs=120)
