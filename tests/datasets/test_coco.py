"""COCO in miniature, over real sockets: annotations and pictures that come slowly, cut off, wrong or not at all."""

import csv
import hashlib
import io
import json
import os
import socket
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

import uapseg.io.download
from tests.server import serving
from uapseg.datasets import (
    SPLITS,
    attribution,
    catalogue,
    download,
    load_dataset,
    missing_files,
)
from uapseg.datasets.coco import annotations, files
from uapseg.datasets.coco import dataset as coco
from uapseg.datasets.coco import mini as coco_mini
from uapseg.datasets.coco.selection import CocoImage, Licence, Selection
from uapseg.datasets.splits import split_of
from uapseg.errors import UapsegError
from uapseg.io.download import cache_folder

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools

SIZE = (64, 48)
CATEGORIES = {"person": 1, "dog": 18, "car": 3, "pizza": 59, "tv": 72}
COUNT = 44


def jpeg(seed):
    buffer = io.BytesIO()
    values = np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    Image.fromarray(values).save(buffer, "JPEG")
    return buffer.getvalue()


def box(number, image, category, left, top, right, bottom, **more):  # noqa: PLR0917
    """A rectangle, as a polygon."""
    outline = [[left, top, right, top, right, bottom, left, bottom]]
    return {
        "id": number, "image_id": image, "category_id": CATEGORIES[category], "segmentation": outline, "iscrowd": 0,
        "area": (right - left) * (bottom - top), "bbox": [left, top, right - left, bottom - top], **more,
    }  # fmt: skip


def instances(images, annotations):
    return {
        "licenses": [{"id": 4, "name": "Attribution License", "url": "http://by/"}, {"id": 1, "name": "NC", "url": "http://nc/"}],
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in CATEGORIES.items()],
        "images": [
            {"id": n, "file_name": f"{n:012}.jpg", "width": SIZE[0], "height": SIZE[1], "license": 4 if n % 3 else 1,
             "flickr_url": f"http://flickr/{n}", "coco_url": "http://nowhere/"}
            for n in images
        ],
        "annotations": annotations,
    }  # fmt: skip


def in_each(number):
    """What is in picture ``number``: people and dogs in turns, and a car in every fifth."""
    kinds = [("person",), ("person", "dog"), ("dog",), ("pizza",)][number % 4] + (("car",) if number % 5 == 0 else ())
    return [box(number * 10 + n, number, kind, 8 * n, 4, 8 * n + 8, 28) for n, kind in enumerate(kinds)]


INSTANCES = instances(range(1, COUNT + 1), [one for number in range(1, COUNT + 1) for one in in_each(number)])


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for split in ("train2017", "val2017"):
            packed.writestr(f"annotations/instances_{split}.json", json.dumps(INSTANCES))
            packed.writestr(f"annotations/captions_{split}.json", "{}")
    return buffer.getvalue()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The official addresses, in miniature; the cache is empty."""
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(uapseg.io.download, "RETRY_DELAY", 0.005)
    with serving() as server:
        content = archive()
        for name, value in {
            "ANNOTATIONS_URL": server.add("annotations/annotations_trainval2017.zip", content),
            "CHECKSUM": f"md5:{hashlib.md5(content).hexdigest()}",
            "ARCHIVE_BYTES": len(content),
        }.items():
            monkeypatch.setattr(coco, name, value)
        monkeypatch.setattr(files, "IMAGES", server.address)
        for number in range(1, COUNT + 1):
            server.add(f"val2017/{number:012}.jpg", jpeg(number))
        yield server


@pytest.fixture
def own(tmp_path):
    """Annotations and pictures that someone has."""
    (tmp_path / "instances.json").write_text(json.dumps(INSTANCES))
    (tmp_path / "pictures").mkdir()
    for number in range(1, COUNT + 1):
        (tmp_path / "pictures" / f"{number:012}.jpg").write_bytes(jpeg(number))
    return f"coco:{tmp_path}/instances.json:{tmp_path}/pictures"


def numbers(dataset):
    """The numbers of the pictures in a set, known by what is in them."""
    found = {jpeg_pixels(number): number for number in range(1, COUNT + 1)}
    return sorted(found[picture.numpy().tobytes()] for picture in dataset.pictures(range(len(dataset))))


def jpeg_pixels(number):
    return np.asarray(Image.open(io.BytesIO(jpeg(number)))).transpose(2, 0, 1).tobytes()


def drained(steps):
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


# What is downloaded


def test_only_the_chosen_pictures_of_the_split_are_downloaded(server):
    dataset = load_dataset("coco:val2017?any=dog", "train", SIZE)
    wanted = [n for n in range(1, COUNT + 1) if n % 4 in {1, 2} and split_of(f"coco/{n:012}.jpg") == "train"]
    assert numbers(dataset) == wanted
    asked = [path for path, *_ in server.asked if path.endswith(".jpg")]
    assert sorted(asked) == [f"/val2017/{n:012}.jpg" for n in wanted]


def test_everything_is_downloaded_once(server):
    load_dataset("coco:val2017", "train", SIZE)
    asked = len(server.asked)
    load_dataset("coco:val2017?any=person", "train", SIZE)
    assert len(server.asked) == asked
    assert missing_files("coco:val2017", "train") == []
    assert len(missing_files("coco:val2017")) == COUNT - (asked - 1)


def test_of_the_annotations_only_what_is_needed_is_kept(server):
    load_dataset("coco:val2017", "val", SIZE)
    assert [file.name for file in (cache_folder() / "coco").iterdir() if file.is_file()] == ["instances_val2017.json"]


def test_annotations_come_first_and_tell_which_pictures_follow(server):
    (first,) = missing_files("coco:val2017?count=4", "train")
    assert (first.path.name, first.size) == ("annotations_trainval2017.zip", coco.ARCHIVE_BYTES)
    steps, failed = drained(download("coco:val2017?count=4"))
    assert failed == ()
    assert steps[-1].received > 0
    assert missing_files("coco:val2017?count=4") == []
    assert len(load_dataset("coco:val2017?count=4", "all", SIZE)) == 4


def test_faulty_pictures_are_named_and_the_others_come(server, monkeypatch):
    monkeypatch.setattr("uapseg.io.partial_download.READ_TIMEOUT", 0.3)
    faults = {
        1: {"status": 404}, 2: {"cut": 500, "ranges": False}, 3: {"silent": True}, 4: {"pause": 0.02},
        5: {"cut": 300, "cuts": 2}, 6: {"cut": 300, "cuts": 2, "ranges": False}, 7: {"status": 500},
        8: {"length": False, "cut": 400},
    }  # fmt: skip
    for number, how in faults.items():
        server.add(f"val2017/{number:012}.jpg", jpeg(number), **how)
    server.add("val2017/000000000009.jpg", b"<html>Please log in</html>")
    dataset = load_dataset("coco:val2017", "all", SIZE)
    bad = {1, 2, 3, 7, 8, 9}
    assert dataset.skipped == tuple(f"{number:012}.jpg" for number in sorted(bad))
    assert numbers(dataset) == [number for number in range(1, COUNT + 1) if number not in bad]
    names = {file.name for file in (cache_folder() / "coco" / "val2017").iterdir()}
    assert names == {"attribution.csv", *(f"{n:012}.jpg" for n in range(1, COUNT + 1) if n not in bad)}


def test_what_failed_comes_with_the_next_opening(server):
    server.files["/val2017/000000000001.jpg"].status = 503
    assert load_dataset("coco:val2017", "all", SIZE).skipped == ("000000000001.jpg",)
    server.files["/val2017/000000000001.jpg"].status = 200
    assert load_dataset("coco:val2017", "all", SIZE).skipped == ()


def test_annotations_go_on_where_they_stopped(server):
    whole = server.files["/annotations/annotations_trainval2017.zip"]
    whole.cut, whole.cuts = 1500, 1
    load_dataset("coco:val2017?count=3", "all", SIZE)
    assert [asked[1] for asked in server.asked if asked[0].endswith(".zip")] == [None, "bytes=1500-"]


def test_wrong_annotations_are_refused(server, monkeypatch):
    monkeypatch.setattr(coco, "CHECKSUM", "md5:00")
    with pytest.raises(UapsegError, match=r"not the expected file.*annotations_trainval2017\.zip"):
        load_dataset("coco:val2017", "val")


def test_without_internet_it_is_said_where_to_put_the_file(server, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(coco, "ANNOTATIONS_URL", f"http://127.0.0.1:{unused.getsockname()[1]}/a.zip")
    with pytest.raises(UapsegError, match=r"no connection to .* put the file at .*annotations_trainval2017\.zip"):
        load_dataset("coco:val2017", "val")


def offline(monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(files, "IMAGES", f"http://127.0.0.1:{unused.getsockname()[1]}")


def test_without_internet_what_is_nearly_complete_opens(server, monkeypatch):
    load_dataset("coco:val2017", "all", SIZE)
    offline(monkeypatch)
    gone = [cache_folder() / "coco" / "val2017" / f"{number:012}.jpg" for number in (1, 2, 3)]
    for file in gone[:2]:
        file.unlink()
    dataset = load_dataset("coco:val2017", "all", SIZE)
    assert (len(dataset), dataset.skipped) == (COUNT - 2, ("000000000001.jpg", "000000000002.jpg"))
    gone[2].unlink()
    with pytest.raises(UapsegError, match="no connection"):
        load_dataset("coco:val2017", "all", SIZE)


def test_chosen_annotations_are_kept(server, monkeypatch):
    before = load_dataset("coco:val2017?any=dog", "all", SIZE)
    annotations._load_selection.cache_clear()
    monkeypatch.setattr(annotations, "_restrict", None)
    after = load_dataset("coco:val2017?any=dog", "all", SIZE)
    assert after.keys == before.keys
    assert (after.truth(range(4)) == before.truth(range(4))).all()


def test_chosen_annotations_are_chosen_anew_when_the_file_changes(server):
    load_dataset("coco:val2017?any=dog", "all", SIZE)
    file = cache_folder() / "coco" / "instances_val2017.json"
    file.write_text(json.dumps(instances([2, 4], [box(1, 2, "dog", 0, 0, 9, 9)])))
    os.utime(file, (time.time() + 9,) * 2)
    assert numbers(load_dataset("coco:val2017?any=dog", "all", SIZE)) == [2]


def test_where_no_picture_can_be_had_is_one_clear_error(server):
    for number in range(1, COUNT + 1):
        server.files[f"/val2017/{number:012}.jpg"].status = 404
    with pytest.raises(UapsegError, match=r"No picture in the all split of coco:val2017 can be read, 44 are"):
        load_dataset("coco:val2017", "all", SIZE)


def test_annotations_that_lie_there_need_no_internet(server):
    folder = cache_folder() / "coco"
    folder.mkdir(parents=True)
    (folder / "annotations_trainval2017.zip").write_bytes(archive())
    load_dataset("coco:val2017?count=2", "all", SIZE)
    assert all(path.endswith(".jpg") for path, *_ in server.asked)


def test_whose_the_pictures_are_lies_beside_them_and_can_be_asked_for(server):
    load_dataset("coco:val2017?any=dog", "all", SIZE)
    load_dataset("coco:val2017?any=car", "all", SIZE)
    rows = list(csv.DictReader(io.StringIO((cache_folder() / "coco" / "val2017" / "attribution.csv").read_text())))
    wanted = [n for n in range(1, COUNT + 1) if n % 4 in {1, 2} or n % 5 == 0]
    assert [row["file"] for row in rows] == [f"{n:012}.jpg" for n in wanted]
    assert rows[0] == {"file": "000000000001.jpg", "licence": "Attribution License", "licence_url": "http://by/",
                       "source": "http://flickr/1"}  # fmt: skip
    asked = list(csv.DictReader(io.StringIO(attribution("coco:val2017?any=car&licences=1"))))
    assert [row["file"] for row in asked] == ["000000000015.jpg", "000000000030.jpg"]


def test_the_card_tells_what_is_still_to_come(server):
    card = next(card for card in catalogue() if card.name == "coco:val2017")
    assert (card.cached, card.download_bytes) == (False, coco.ARCHIVE_BYTES + 5000 * coco.PICTURE_BYTES)
    load_dataset("coco:val2017", "all", SIZE)
    card = next(card for card in catalogue() if card.name == "coco:val2017")
    assert card.download_bytes == (5000 - COUNT) * coco.PICTURE_BYTES


def test_a_name_that_leads_out_of_the_folder_is_not_downloaded(server, monkeypatch):
    monkeypatch.setitem(INSTANCES["images"][0], "file_name", "../../evil.jpg")
    folder = cache_folder() / "coco"
    folder.mkdir(parents=True)
    (folder / "instances_val2017.json").write_text(json.dumps(INSTANCES))
    with pytest.raises(UapsegError, match="not the name of a picture of COCO"):
        load_dataset("coco:val2017", "all", SIZE)


# What is chosen


def test_annotations_of_ones_own_are_read_without_any_download(own):
    datasets = {split: load_dataset(own, split, SIZE) for split in SPLITS}
    assert sum(map(len, datasets.values())) == COUNT
    for split, dataset in datasets.items():
        assert numbers(dataset) == [n for n in range(1, COUNT + 1) if split_of(f"coco/{n:012}.jpg") == split]
    assert missing_files(own) == []


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("any=dog", lambda n: n % 4 in {1, 2}),
        ("any=dog,car", lambda n: n % 4 in {1, 2} or n % 5 == 0),
        ("all=person,dog", lambda n: n % 4 == 1),
        ("all=person,dog&any=car", lambda n: n % 4 == 1 and n % 5 == 0),
        ("licences=1", lambda n: n % 3 == 0),
        ("licences=1,4", lambda _: True),
        ("share=0.0625", lambda _: True),  # 8 x 24 of 64 x 48
        ("any=pizza&licences=4", lambda n: n % 4 == 3 and n % 3),
    ],
)
def test_pictures_are_chosen_by_what_is_in_them(own, query, wanted):
    assert numbers(load_dataset(f"{own}?{query}", "all", SIZE)) == [n for n in range(1, COUNT + 1) if wanted(n)]


def test_nothing_that_fits_is_one_clear_sentence(own):
    with pytest.raises(UapsegError, match="No picture of COCO matches"):
        load_dataset(f"{own}?share=0.07", "all")


def entry(number, licence=4, **shares):
    return CocoImage(number, f"{number:012}.jpg", "", Licence(licence, "", ""), "", shares)


def chosen(query, *entries):
    return [one.number for one in Selection.parse(query).select(entries)]


def test_small_objects_do_not_count():
    entries = (entry(1, dog=0.01, person=0.5), entry(2, dog=0.2), entry(3, dog=0.3, person=0.01))
    assert chosen("any=dog&share=0.02", *entries) == [2, 3]


def test_all_of_them_have_to_be_large():
    entries = (entry(1, dog=0.01, person=0.5), entry(2, dog=0.2, person=0.1), entry(3, dog=0.3, person=0.01))
    assert chosen("all=dog,person&share=0.02", *entries) == [2]


def test_more_pictures_keep_those_that_fewer_had():
    entries = [entry(n, dog=0.1) for n in range(200)]
    few, many = chosen("count=20&seed=1", *entries), chosen("count=90&seed=1", *entries)
    assert (len(few), len(many)) == (20, 90)
    assert set(few) < set(many)
    assert few == chosen("count=20&seed=1", *entries)
    assert few != chosen("count=20&seed=2", *entries)


def test_no_more_than_five_thousand_are_taken_unless_asked_for():
    entries = [entry(n, dog=0.1) for n in range(5100)]
    assert len(chosen("", *entries)) == 5000
    assert len(chosen("count=5100", *entries)) == 5100


def test_a_balanced_choice_has_the_class_in_half_and_other_objects_in_all():
    """A choice of people only made a network stop seeing anything at all."""
    alone = [entry(n, person=0.2) for n in range(50)]
    both = [entry(n, person=0.2, dog=0.1) for n in range(100, 130)]
    others = [entry(n, dog=0.2) for n in range(200, 220)]
    strange = [entry(n, pizza=0.2) for n in range(300, 350)]
    mixed = [entry(n, person=0.2, pizza=0.1) for n in range(400, 450)]
    taken = chosen("balanced=person", *alone, *both, *others, *strange, *mixed)
    assert [n for n in taken if n >= 200] == list(range(200, 220))
    assert len([n for n in taken if 100 <= n < 130]) == 20
    assert len(taken) == 40
    assert len(chosen("balanced=person&count=10", *both, *others)) == 10


def test_a_small_person_is_not_an_absent_one():
    entries = (entry(1, person=0.5, dog=0.5), entry(2, person=0.01, dog=0.5), entry(3, dog=0.5))
    assert chosen("balanced=person&share=0.1", *entries) == [1, 3]


def test_names_of_voc_are_understood():
    entries = (entry(1, tv=0.5), entry(2, **{"dining table": 0.5}), entry(3, dog=0.5))
    assert chosen("any=tvmonitor,diningtable", *entries) == [1, 2]
    assert chosen("any=dining+table", *entries) == [2]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("any=unicorn", "There is no 'unicorn' in these pictures of COCO: there is car, dog, person, pizza"),
        ("colour=red", "'colour' chooses nothing in COCO: any, all, share, balanced, licences, count, seed do"),
        ("count=none", "count=none cannot be understood: write for example count=200"),
        ("count=0", "count=0 cannot"),
        ("share=2", "share=2 cannot"),
        ("share=-1", "share=-1 cannot"),
        ("any=", "any= cannot"),
        ("balanced=person,dog", "balanced=person,dog cannot"),
    ],
)
def test_a_choice_that_cannot_be_understood_is_refused(own, query, message):
    with pytest.raises(UapsegError, match=message):
        load_dataset(f"{own}?{query}", "all")


@pytest.mark.parametrize("where", ["val2018", "x.json:/nowhere", "train2018?count=2"])
def test_other_names_are_refused(where):
    with pytest.raises(UapsegError, match=r"write coco:val2017, coco:train2017, or coco:ANNOTATIONS\.json:PICTURES"):
        load_dataset(f"coco:{where}", "val")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"images": [], "annotations": [{}], "categories": []}', "[" * 9999]
)
def test_other_json_is_refused(content, tmp_path):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UapsegError, match=r"a\.json is not as COCO's instances_\*\.json"):
        load_dataset(f"coco:{tmp_path}/a.json:{tmp_path}", "val")


def test_missing_annotations_are_named(tmp_path):
    with pytest.raises(UapsegError, match=r"There is no file .*gone\.json"):
        load_dataset(f"coco:{tmp_path}/gone.json:{tmp_path}", "val")


def test_a_name_that_leads_out_of_ones_own_folder_is_refused(own, monkeypatch, tmp_path):
    monkeypatch.setitem(INSTANCES["images"][0], "file_name", "../../evil.jpg")
    (tmp_path / "instances.json").write_text(json.dumps(INSTANCES))
    with pytest.raises(UapsegError, match="leads outside the folder"):
        load_dataset(own, "all")


# What is true


def truth_of(tmp_path, *annotations):
    (tmp_path / "pictures").mkdir(exist_ok=True)
    (tmp_path / "pictures" / "000000000001.jpg").write_bytes(jpeg(1))
    (tmp_path / "instances.json").write_text(json.dumps(instances([1], list(annotations))))
    dataset = load_dataset(f"coco:{tmp_path}/instances.json:{tmp_path}/pictures", "all", SIZE)
    assert dataset.classes[15] == "person"
    return dataset.truth([0])[0]


def test_the_truth_is_in_the_classes_of_voc(tmp_path):
    truth = truth_of(
        tmp_path, box(1, 1, "person", 0, 0, 16, 48), box(2, 1, "dog", 16, 0, 32, 48), box(3, 1, "tv", 32, 0, 48, 48),
        box(4, 1, "pizza", 48, 0, 64, 48),
    )  # fmt: skip
    assert truth[20, [4, 20, 40, 60]].tolist() == [15, 12, 20, 0]


def test_crowds_and_what_two_classes_claim_have_no_label(tmp_path):
    crowd = {"iscrowd": 1, "segmentation": {"size": [48, 64], "counts": [48 * 40, 48 * 24]}}  # from column 40 on
    truth = truth_of(
        tmp_path, box(1, 1, "person", 0, 0, 20, 48), box(2, 1, "dog", 10, 0, 30, 48),
        box(3, 1, "person", 50, 0, 64, 48), box(4, 1, "person", 40, 0, 64, 48, **crowd),
    )  # fmt: skip
    assert truth[20, [4, 15, 25, 35, 45, 60]].tolist() == [15, 255, 12, 0, 255, 15]


def test_masks_are_those_of_pycocotools(tmp_path):
    rng = np.random.default_rng(0)
    outline = [[float(value) for value in rng.integers(1, 47, 12)]]
    truth = truth_of(tmp_path, box(1, 1, "dog", 0, 0, 9, 9, segmentation=outline))
    reference = COCO(str(tmp_path / "instances.json"))
    assert np.array_equal(truth == 12, reference.annToMask(reference.loadAnns([1])[0]).astype(bool))
    assert (truth == 12).any()


# The small one


@pytest.fixture
def mini(server, tmp_path, monkeypatch):
    """A list of eight pictures, as the project's own is."""
    pictures = [
        ["val2017", n, 4 if n % 2 else 1, f"http://flickr/{n}", len(jpeg(n)), hashlib.sha256(jpeg(n)).hexdigest(),
         {"dog": 0.2} if n < 5 else {"person": 0.1}]
        for n in range(1, 9)
    ]  # fmt: skip
    licences = [[1, "NC", "http://nc/"], [4, "BY", "http://by/"]]
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "licences": licences, "pictures": pictures}))
    monkeypatch.setattr(coco_mini, "MANIFEST", tmp_path / "manifest.json")
    coco_mini.read_manifest.cache_clear()
    yield server
    coco_mini.read_manifest.cache_clear()


def test_the_small_one_needs_no_annotations(mini):
    dataset = load_dataset("coco-mini", "all", SIZE)
    assert numbers(dataset) == list(range(1, 9))
    assert (dataset.name, dataset.classes, dataset.skipped) == ("coco-mini", (), ())
    assert not any(path.endswith(".zip") for path, *_ in mini.asked)
    assert (cache_folder() / "coco" / "val2017" / "attribution.csv").read_text().count("http://flickr/") == 8


def test_the_small_one_can_be_chosen_from(mini):
    dataset = load_dataset("coco-mini?licences=4&any=dog", "all", SIZE)
    assert numbers(dataset) == [1, 3]
    assert dataset.name == "coco-mini?licences=4&any=dog"
    assert attribution("coco-mini?licences=4&any=dog").count("BY") == 2
    assert len([path for path, *_ in mini.asked if path.endswith(".jpg")]) == 2


def test_a_picture_of_the_small_one_that_is_not_the_listed_one_is_refused(mini):
    mini.add("val2017/000000000003.jpg", jpeg(99))
    assert load_dataset("coco-mini", "all", SIZE).skipped == ("000000000003.jpg",)


def test_the_small_one_and_the_large_one_share_their_pictures(mini):
    load_dataset("coco-mini", "all", SIZE)
    asked = [path for path, *_ in mini.asked]
    load_dataset("coco:val2017", "all", SIZE)
    again = [path for path, *_ in mini.asked][len(asked) :]
    assert not set(asked) & set(again)


def test_the_list_of_the_project_is_whole():
    entries = coco_mini.read_manifest()
    assert len({entry.number for entry in entries}) == len(entries) == 200
    for entry in entries:
        assert entry.folder in {"train2017", "val2017"}
        assert len(entry.checksum) == len("sha256:") + 64
        assert 10_000 < entry.size < 1_000_000
        assert entry.source.startswith("http://farm")
        assert all(0 <= share <= 1 for share in entry.shares.values())
    assert len(Selection.parse("licences=4,5").select(entries)) >= 40
    assert len(Selection.parse("balanced=person").select(entries)) >= 60
