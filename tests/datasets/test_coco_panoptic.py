"""COCO's panoptic masks: a color is a segment, a segment is of a class, and the rest is void."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from uapseg.datasets import SPLITS, load_dataset
from uapseg.errors import UapsegError

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 200, "name": "rug-merged"}, {"id": 92, "name": "banner"}]
SEGMENT = 3 + 5 * 256 + 7 * 256**2


def written(folder: Path, count: int = 40) -> str:
    """Pictures whose left half is a person and whose lower right quarter is a rug; the rest has no segment."""
    (folder / "panoptic").mkdir()
    (folder / "photos").mkdir()
    for number in range(count):
        Image.new("RGB", (64, 48), (6 * number, 250 - 6 * number, 0)).save(folder / "photos" / f"{number}.jpg")
        mask = np.zeros((48, 64, 3), np.uint8)
        mask[:, :32] = (3, 5, 7)
        mask[24:, 32:] = (9, 0, 0)
        Image.fromarray(mask).save(folder / "panoptic" / f"{number}.png")
    parts = [{"id": SEGMENT, "category_id": 1}, {"id": 9, "category_id": 200}]
    fields = {
        "categories": CATEGORIES,
        "images": [{"id": number, "file_name": f"{number}.jpg"} for number in range(count)],
        "annotations": [
            {"image_id": number, "file_name": f"{number}.png", "segments_info": parts} for number in range(count)
        ],
    }
    (folder / "panoptic.json").write_text(json.dumps(fields))
    return f"coco-panoptic:{folder / 'panoptic.json'}:{folder / 'photos'}"


@pytest.fixture(scope="module")
def name(tmp_path_factory) -> str:
    return written(tmp_path_factory.mktemp("coco"))


def test_each_pixel_has_the_class_of_its_segment(name):
    dataset = load_dataset(name, "train", (64, 48))
    assert dataset.classes == ("person", "banner", "rug-merged")
    truth = dataset.truth([0, 1])
    assert (truth[:, :, :32] == 0).all()
    assert (truth[:, 24:, 32:] == 2).all()
    assert (truth[:, :24, 32:] == 255).all()


def test_splits_share_no_picture_and_hold_all(name):
    keys = [set(load_dataset(name, split).keys) for split in SPLITS]
    assert sum(map(len, keys)) == len(set().union(*keys)) == len(load_dataset(name, "all")) == 40


def test_pictures_that_are_not_there_are_no_part_of_it(tmp_path):
    name = written(tmp_path, 20)
    for number in range(15):
        (tmp_path / "photos" / f"{number}.jpg").unlink()
    assert len(load_dataset(name, "all")) == 5


def test_what_is_no_panoptic_annotation_is_one_sentence(tmp_path):
    name = written(tmp_path, 2)
    with pytest.raises(UapsegError, match=r"Write coco-panoptic:ANNOTATIONS\.json:PICTURES"):
        load_dataset(f"{name}/none", "all")
    contents = "[]", "{}", '{"categories": [{"id": 1}], "images": [], "annotations": []}'
    for number, content in enumerate(contents):
        (tmp_path / "panoptic.json").write_text(content + " ")
        os.utime(tmp_path / "panoptic.json", (number, number))  # which tells it from the file before
        with pytest.raises(UapsegError, match="holds no panoptic annotations of COCO"):
            load_dataset(name, "all")
