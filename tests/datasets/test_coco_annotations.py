"""Annotation files of COCO as many programs write them: read right, or refused in a sentence, and never in silence."""

import itertools
import json
import os
import re
import time

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as masks

from uapseg.datasets import SPLITS, load_dataset
from uapseg.datasets.coco.masks import _decompress, mask_from_outline
from uapseg.datasets.coco.selection import category_name
from uapseg.errors import UapsegError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools

SIZE = (64, 48)
PERSON, DOG, TV, VOID = 15, 12, 20, 255
OUTLINES = "outlines that enclose nothing or do not fit their picture in a.json"


def square(number, image, category, left, **more):
    """Sixteen pixels wide, from top to bottom."""
    corners = [left, 0, left + 16, 0, left + 16, 48, left, 48]
    return {
        "id": number, "image_id": image, "category_id": category, "segmentation": [corners], "iscrowd": 0,
        "area": 768, "bbox": [left, 0, 16, 48], **more,
    }  # fmt: skip


@pytest.fixture
def file(tmp_path):
    """Three pictures with a person on the left and a dog on the right, all exact."""
    for number in (1, 2, 3):
        picture(tmp_path / "pictures" / f"p{number}.png", number)
    return {
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}, {"id": 59, "name": "pizza"}],
        "images": [{"id": n, "file_name": f"p{n}.png", "width": 64, "height": 48} for n in (1, 2, 3)],
        "annotations": [one for n in (1, 2, 3) for one in (square(2 * n, n, 1, 0), square(2 * n + 1, n, 18, 40))],
    }


def picture(path, seed, size=SIZE, **more):
    path.parent.mkdir(exist_ok=True, parents=True)
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(values).save(path, **more)


@pytest.fixture
def opened(tmp_path, file):
    """Opens the set as the file is now."""

    times = itertools.count(time.time() + 1000)

    def opened(query="", split="all", **more):
        (tmp_path / "a.json").write_text(json.dumps({**file, **more}))
        os.utime(tmp_path / "a.json", (next(times),) * 2)  # which tells it from the file before
        return load_dataset(f"coco:{tmp_path}/a.json:{tmp_path}/pictures{query}", split, SIZE)

    return opened


def columns(dataset, number=0):
    """The labels at the person, between them, at the dog, and at the right edge."""
    return dataset.truth([number])[0][24, [8, 28, 48, 60]].tolist()


def refused(opened, sentence, **more):
    with pytest.raises(UapsegError, match=sentence) as caught:
        opened(**more)
    assert not re.search(r"[a-z](Error|Exception)\b", str(caught.value))


def test_an_exact_file_is_read_whole(opened):
    dataset = opened()
    assert (len(dataset), dataset.skipped) == (3, ())
    assert [columns(dataset, n) for n in range(3)] == [[PERSON, 0, DOG, 0]] * 3


# What of a picture cannot be used


@pytest.mark.parametrize(
    "outline", [[], [[]], [[5, 5, 9, 9]], None, 7, "x", [{}], [["a"] * 6], [[float("nan")] * 6], [[1e300] * 8], {}]
)
def test_an_object_without_an_outline_is_counted_and_leaves_its_box_without_labels(outline, opened, file):
    file["annotations"].append(square(99, 1, 1, 20, segmentation=outline))
    dataset = opened()
    assert columns(dataset) == [PERSON, VOID, DOG, 0]
    assert columns(dataset, 1) == [PERSON, 0, DOG, 0]
    assert dataset.skipped == (f"1 {OUTLINES}",)


def test_a_box_that_is_none_leaves_everything_as_it_is(opened, file):
    boxes = [[0, 0, 0, 0], [-9, -9, -5, -5], None, [1, 2, 3], ["a"] * 4, [0, 0, float("nan"), 9], [900, 900, 9, 9]]
    for number, box in enumerate(boxes):
        file["annotations"].append({**square(90 + number, 1, 1, 20, bbox=box), "segmentation": []})
    assert columns(opened()) == [PERSON, 0, DOG, 0]
    assert opened().skipped == (f"{len(boxes)} {OUTLINES}",)


def test_of_an_outline_the_sound_parts_are_used(opened, file):
    sound = file["annotations"][0]["segmentation"][0]
    file["annotations"][0]["segmentation"] = [[5, 5, 9, 9], sound, [1, 2, 3]]
    dataset = opened()
    assert columns(dataset) == [PERSON, 0, DOG, 0]
    assert dataset.skipped == (f"2 {OUTLINES}",)


def test_a_polygon_without_the_outer_list_is_one(opened, file):
    file["annotations"][0]["segmentation"] = file["annotations"][0]["segmentation"][0]
    assert columns(opened()) == [PERSON, 0, DOG, 0]
    assert opened().skipped == ()


@pytest.mark.parametrize("sides", [(-1, -1), (0, 0), (None, 48), ("x", 48), (64.5, 48), (9**9, 9**9), (True, 48)])
def test_a_picture_without_a_size_is_left_out_and_counted(sides, opened, file):
    file["images"][1].update(zip(("width", "height"), sides, strict=True))
    dataset = opened()
    assert len(dataset) == 2
    assert dataset.skipped == (
        "1 pictures without a number, a name or a size in a.json", "2 annotations of no listed picture in a.json"
    )  # fmt: skip


def test_numbers_may_be_written_as_text_or_with_a_point(opened, file):
    for one in file["annotations"]:
        one.update(image_id=str(one["image_id"]), category_id=float(one["category_id"]), iscrowd="0")
    for one in file["images"]:
        one.update(id=f" {one['id']} ", width="64", height=48.0)
    assert columns(opened()) == [PERSON, 0, DOG, 0]
    assert opened().skipped == ()


def test_a_picture_may_have_the_number_nought_or_a_word(opened, file):
    for number, one in zip((0, "second", 3), file["images"], strict=True):
        for annotation in file["annotations"]:
            if annotation["image_id"] == one["id"]:
                annotation["image_id"] = number
        one["id"] = number
    assert [columns(opened(), n) for n in range(3)] == [[PERSON, 0, DOG, 0]] * 3


@pytest.mark.parametrize(("value", "label"), [(1, VOID), ("1", VOID), (True, VOID), (0, PERSON), ("0", PERSON)])
def test_a_crowd_is_known_in_whatever_way_it_is_written(value, label, opened, file):
    file["annotations"][0]["iscrowd"] = value
    assert columns(opened())[0] == label


def test_a_category_that_is_not_listed_leaves_no_label(opened, file):
    file["annotations"][0]["category_id"] = 77
    assert columns(opened()) == [VOID, 0, DOG, 0]


def test_entries_that_are_no_objects_are_counted(opened, file):
    file["annotations"] += [None, 3, []]
    file["images"] += [None, "p4.png"]
    assert opened().skipped == (
        "2 pictures without a number, a name or a size in a.json", "3 annotations of no listed picture in a.json"
    )  # fmt: skip
    assert columns(opened()) == [PERSON, 0, DOG, 0]


# Sizes and areas


def test_a_file_without_areas_chooses_by_its_outlines(opened, file):
    for one in file["annotations"]:
        del one["area"]
    file["annotations"][0]["segmentation"] = [[0, 0, 2, 0, 2, 2, 0, 2]]
    file["annotations"][1]["area"] = float("nan")
    assert len(opened()) == 3
    assert len(opened("?any=person&share=0.2")) == 2
    assert len(opened("?any=dog&share=0.24")) == 3  # 16 of 64 columns


# Run lengths


def runs(left):
    return [48 * left, 48 * 16, 48 * (64 - 16 - left)]


def test_all_forms_of_run_lengths_are_those_of_pycocotools(opened, file):
    region = np.zeros((48, 64), np.uint8, order="F")
    region[:, 20:36] = 1
    compressed = masks.encode(region)["counts"].decode()
    for outline in (runs(20), compressed):
        file["annotations"][0]["segmentation"] = {"size": [48, 64], "counts": outline}
        assert columns(opened()) == [0, PERSON, DOG, 0]
        assert opened().skipped == ()


def test_compressed_run_lengths_are_unpacked_as_pycocotools_does():
    draw = np.random.default_rng(0)
    for density in (0.01, 0.5, 0.99):
        region = np.asfortranarray(draw.random((37, 211)) < density).astype(np.uint8)
        encoded = masks.encode(region)
        found, bad = mask_from_outline(
            {"segmentation": {"size": [37, 211], "counts": encoded["counts"].decode()}}, (211, 37)
        )
        assert bad == 0
        assert np.array_equal(masks.decode(found), region)
        assert sum(_decompress(encoded["counts"].decode())) == region.size


@pytest.mark.parametrize(
    "outline",
    [
        {"size": [48, 64], "counts": [1, 2]},
        {"size": [48, 64], "counts": [-1, 48 * 64 + 1]},
        {"size": [64, 48], "counts": [0, 48 * 64]},
        {"size": [48, 64], "counts": ["a"]},
        {"size": [48, 64], "counts": "\x00\x7f é"},
        {"size": [48, 64], "counts": "o" * 500},
        {"size": [48, 64], "counts": "1"},
        {"size": [48, 64], "counts": None},
        {"size": None, "counts": runs(20)},
        {"counts": runs(20)},
    ],
)
def test_run_lengths_that_do_not_fit_are_left_out(outline, opened, file):
    file["annotations"].append(square(99, 1, 1, 20, segmentation=outline))
    dataset = opened()
    assert columns(dataset) == [PERSON, VOID, DOG, 0]
    assert dataset.skipped == (f"1 {OUTLINES}",)


# Names


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Person", "person"), ("pedestrian", "person"), ("People", "person"), ("persons", "person"),
        ("TVMonitor", "tv"),
        ("television_set", "tv"), ("aeroplane", "airplane"), ("Dining-Table", "dining table"),
        ("diningtable", "dining table"), ("potted_plant", "potted plant"), ("motorbike", "motorcycle"),
        (" Sofa ", "couch"), ("buses", "bus"), ("car_(automobile)", "car"), ("traffic_light", "traffic light"),
        ("glass", "glass"), ("犬", "犬"),
    ],
)  # fmt: skip
def test_categories_are_known_by_other_names(name, category):
    assert category_name(name) == category


def test_names_of_voc_and_capitals_are_classes_and_can_be_chosen_by(opened, file):
    file["categories"] = [{"id": 1, "name": "tvmonitor"}, {"id": 18, "name": "DOG"}]
    assert columns(opened("?all=TV,Dog")) == [TV, 0, DOG, 0]


def test_categories_of_which_none_is_known_give_no_labels_and_it_is_said(opened, file):
    file["categories"] = [{"id": 1, "name": "scratch"}, {"id": 18, "name": "dent"}]
    dataset = opened()
    assert dataset.classes == ()
    assert dataset.skipped == ("all labels, as no category in a.json is a class of VOC",)


# Files


def test_backslashes_and_dots_in_names_are_folders(opened, file):
    for one, name in zip(file["images"], (".\\p1.png", "./p2.png", "deep\\er\\p3.png"), strict=True):
        one["file_name"] = name
    dataset = opened()
    assert len(dataset) == 2
    assert dataset.skipped == ("deep/er/p3.png",)


@pytest.mark.parametrize("name", ["/p1.png", "..\\p1.png", "C:\\pictures\\p1.png", "\\\\host\\share\\p1.png"])
def test_names_that_lead_elsewhere_are_refused(name, opened, file):
    file["images"][0]["file_name"] = name
    refused(opened, "leads outside the folder of pictures")


def test_names_may_begin_with_the_folder_that_was_named(opened, file):
    for one in file["images"]:
        one["file_name"] = f"pictures/{one['file_name']}"
    assert (len(opened()), opened().skipped) == (3, ())


def test_pictures_of_one_name_are_split_by_their_folders(opened, file, tmp_path):
    file["images"] = [
        {"id": n, "file_name": f"scan{n}/rgb.png", "width": 64, "height": 48} for n in range(1, 31)
    ]  # fmt: skip
    for n in range(1, 31):
        picture(tmp_path / "pictures" / f"scan{n}" / "rgb.png", n)
    counts = [len(opened(split=split)) for split in SPLITS]
    assert sum(counts) == 30
    assert counts[0] > 15
    assert min(counts) > 0


def test_pictures_of_one_name_are_named_with_their_folders(opened, file):
    for one in file["images"][:2]:
        one["file_name"] = f"scan{one['id']}/rgb.png"
    assert opened().skipped == ("scan1/rgb.png", "scan2/rgb.png")


def test_one_number_for_two_pictures_is_refused(opened, file):
    file["images"][1]["id"] = 1
    refused(opened, r"a\.json gives p1\.png and p2\.png the same id 1")


def test_a_picture_that_is_listed_twice_has_the_objects_of_both(opened, file):
    file["images"].append({**file["images"][0], "id": 7})
    file["annotations"][1]["image_id"] = 7
    dataset = opened()
    assert len(dataset) == 3
    assert columns(dataset) == [PERSON, 0, DOG, 0]
    file["images"][-1]["width"] = 65
    refused(opened, r"lists p1\.png twice, in two sizes")


def test_annotations_of_no_picture_are_refused(opened, file):
    for one in file["annotations"]:
        one["image_id"] += 1000
    refused(opened, "no annotation belongs to one of its pictures")


# Pictures that are not as they were annotated


def test_a_picture_of_another_size_comes_without_labels_and_is_named(opened, tmp_path):
    picture(tmp_path / "pictures" / "p2.png", 2, (48, 48))
    dataset = opened()
    assert dataset.skipped == ("labels of p2.png, which is 48x48, and 64x48 in its annotations",)
    assert (columns(dataset), columns(dataset, 1)) == ([PERSON, 0, DOG, 0], [VOID] * 4)


def test_pictures_that_are_all_of_another_size_are_refused(opened, file):
    for one in file["images"]:
        one.update(width=48, height=64)
    refused(opened, "annotations do not fit the pictures: p1.png is 64x48, and 48x64 in its annotations, and so are")


EXIF = {
    6: "labels of p2.{}, which is 48x64 once it is upright, and 64x48 in its annotations",
    3: "labels of p2.{}, which is turned by its EXIF, so that its annotations may be for either way round",
    1: "",
}


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize("turn", EXIF)
def test_a_picture_that_exif_turns_keeps_only_labels_that_are_sure(turn, ending, opened, file, tmp_path):
    exif = Image.Exif()
    exif[0x112] = turn
    picture(tmp_path / "pictures" / f"p2.{ending}", 2, exif=exif)
    file["images"][1]["file_name"] = f"p2.{ending}"
    dataset = opened()
    assert dataset.skipped == ((EXIF[turn].format(ending),) if turn > 1 else ())
    assert columns(dataset, 1) == ([VOID] * 4 if turn > 1 else [PERSON, 0, DOG, 0])


def test_annotations_of_a_turned_picture_as_it_stands_upright_are_used(opened, file, tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    picture(tmp_path / "pictures" / "p2.jpg", 2, (48, 64), exif=exif)
    file["images"][1]["file_name"] = "p2.jpg"
    assert opened().skipped == ()
    assert columns(opened(), 1) == [PERSON, 0, DOG, 0]


# Files of another kind


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"annotations": [{"image_id": 1, "file_name": "p1.png", "segments_info": []}]}, "it is a panoptic file"),
        ({"annotations": [{"image_id": 1, "caption": "A dog."}], "categories": None}, "it holds captions"),
        ({"annotations": None}, "it has no list called annotations"),
        ({"images": {}}, "it has no list called images"),
        ({"images": []}, "it lists no picture with an id, a file_name, a width and a height"),
        ({"categories": [1, {"id": 3}]}, "its categories have no names"),
    ],
)
def test_files_of_another_kind_are_named_as_what_they_are(change, sentence, opened):
    refused(opened, sentence, **change)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "it is a list"),
        ("3", "it is not a JSON object"),
        ("{", "not complete JSON"),
        ("[" * 9999, "not complete JSON"),
    ],
)
def test_json_of_another_kind_is_one_sentence(text, sentence, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UapsegError, match=sentence) as caught:
        load_dataset(f"coco:{tmp_path}/a.json:{tmp_path}", "val")
    assert "Error" not in str(caught.value)


def test_licences_that_are_not_as_they_should_be_are_not_said(opened, file):
    for one in file["images"]:
        one["license"] = {"id": 3}
    assert len(opened(licenses=[None, {"id": []}, {"id": "4", "name": 5, "url": None}])) == 3
    file["images"][0]["license"] = 4
    assert len(opened("?licences=4", licenses=[{"id": "4"}])) == 1
