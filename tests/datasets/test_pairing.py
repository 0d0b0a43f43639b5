"""Which files are pictures and which are label maps, in the layouts that people bring."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets.test_folder import encoded, listed, mask, photo, put, zipped
from uapseg.datasets import load_dataset
from uapseg.errors import UapsegError

COUNT = 4


def numbered(index):
    """A label map that tells whose it is: one tone, and a corner of another."""
    values = np.full((48, 64), index + 1, np.uint8)
    values[:9, :9] = 100 + index
    return Image.fromarray(values)


def files(picture, labels, kind=None, **more):
    """Some pictures with label maps, called by these patterns."""
    ending = labels.rpartition(".")[2].upper()
    kind = kind or {"TIF": "TIFF", "JPG": "JPEG"}.get(ending, ending)
    pictures = {picture.format(n): photo(n, kind="PNG" if picture.endswith("png") else "JPEG") for n in range(COUNT)}
    return {**pictures, **{labels.format(n): encoded(numbered(n), kind) for n in range(COUNT)}, **more}


def check(name):
    """Whether all pictures, and nothing else, are there with their own label maps."""
    dataset = load_dataset(name, "all")
    assert len(dataset) == COUNT
    order = [sample.name for sample in dataset._samples]
    for place, called in enumerate(order):
        index = next(n for n in range(COUNT) if str(n) in called)
        truth = dataset.truth([place])[0]
        assert (truth[0, 0].item(), truth[-1, -1].item()) == (100 + index, index + 1)
    assert dataset.skipped == ()
    return dataset


LAYOUTS = [
    ("a{}.jpg", "a{}_mask.png"), ("a{}.png", "a{}_label.png"), ("a{}.jpg", "a{}_labelTrainIds.png"),
    ("a{}.jpg", "a{}_segmentation.png"), ("a{}_sat.jpg", "a{}_mask.png"), ("img_{}.jpg", "mask_{}.png"),
    ("a{}.jpg", "A{}_MASK.PNG"), ("a{}.jpg", "a{}-gt.bmp"), ("a{}.jpg", "a{}.jpg_mask.tif"),
    ("a{}.jpg", "masks/a{}.PNG"), ("images/a{}.jpg", "masks/a{}.png"), ("Images/a{}.jpg", "Masks/a{}.png"),
    ("IMAGES/a{}.JPG", "LABELS/A{}.png"), ("images/a{}.jpg", "labels/a{}.bmp"), ("images/a{}.jpg", "GT/a{}.tif"),
    ("images/a{}.jpg", "gt/a{}.png"), ("images/a{}.jpg", "ground_truth/a{}_gt.png"),
    ("images/a{}.jpg", "annotations/a{}.png"), ("images/a{}.jpg", "annotations/trimaps/a{}.png"),
    ("JPEGImages/a{}.jpg", "SegmentationClass/a{}.png"), ("JPEGImages/a{}.jpg", "SegmentationClassPNG/a{}.png"),
    ("JPEGImages/a{}.jpg", "SegmentationClassRaw/a{}.png"), ("train/a{}.jpg", "train_masks/a{}_mask.gif"),
    ("train/images/a{}.jpg", "train/masks/a{}.png"), ("images/train/a{}.jpg", "masks/train/a{}.png"),
    ("images/training/a{}.jpg", "annotations/training/a{}.png"), ("images/train/a{}.jpg", "masks/a{}.png"),
    ("img_dir/val/a{}.png", "ann_dir/val/a{}.png"), ("train/a{}.png", "trainannot/a{}.png"),
    ("leftImg8bit/val/b/b_{}_leftImg8bit.png", "gtFine/val/b/b_{}_gtFine_labelIds.png"),
    ("top/a{}.jpg", "top/masks/a{}.png"), ("top/images/a{}.jpg", "top/masks/a{}.png"),
    ("segmentation/a{}.jpg", "segmentation/masks/a{}.png"), ("a{}.jpg", "a{}.png"), ("x/a{}.jpg", "y/a{}.png"),
    ("images/a{}_training.tif", "masks/a{}_training_manual1.gif"),
    ("701_Stills/a{}.png", "LabeledApproved_full/a{}_L.png"),
    ("rgb/a{}.png", "meaning/a{}.png"), ("photos/one/a{}.png", "things/one/a{}.png"),
]  # fmt: skip


@pytest.mark.parametrize(("picture", "labels"), LAYOUTS)
@pytest.mark.parametrize("form", ["folder", "zip", "zip of Windows"])
def test_label_maps_are_found_wherever_they_are(picture, labels, form, tmp_path):
    inside = files(picture, labels)
    if form == "folder":
        check(put(tmp_path / "it", inside))
    else:
        slashes = (lambda name: name.replace("/", "\\")) if form != "zip" else (lambda name: name)
        check(zipped(tmp_path / "it.zip", {slashes(name): content for name, content in inside.items()}))


@pytest.mark.parametrize("picture", ["images/{}/a.jpg", "{}/images/a.jpg"])
def test_splits_with_the_same_names_keep_their_own_label_maps(picture, tmp_path):
    inside = {}
    for split, value in (("train", 1), ("val", 2), ("test", 3)):
        path = picture.format(split)
        labels = path.replace("images", "masks").replace("jpg", "png")
        inside |= {path: photo(value), labels: mask(value)}
    dataset = load_dataset(put(tmp_path, inside), "all")
    places = [sample.read_picture.args[0].path.as_posix() for sample in dataset._samples]
    wanted = [next(v for v, split in enumerate(("train", "val", "test"), 1) if f"/{split}/" in p) for p in places]
    assert dataset.truth(range(3))[:, 0, 0].tolist() == wanted


def test_a_zip_with_one_top_folder_has_its_classes(tmp_path):
    inside = files("top/images/a{}.jpg", "top/masks/a{}.png", **{"top/Classes.txt": b"x\n" * 104})
    assert len(check(zipped(tmp_path / "it.zip", inside)).classes) == 104


def test_classes_that_differ_are_refused(tmp_path):
    inside = files("a/{}.jpg", "a/{}_mask.png", **{"a/classes.txt": b"one\ntwo", "b/classes.txt": b"two\none"})
    with pytest.raises(UapsegError, match=r"a/classes.txt and b/classes.txt name different classes: leave one"):
        load_dataset(put(tmp_path, inside), "all")


@pytest.mark.parametrize("layout", [("images/a{}.jpg", "masks/a{}.png"), ("a{}.jpg", "a{}_mask.png")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("line", ["{}", '"{}"', "./{}", "whole"])
@pytest.mark.parametrize("kind", ["utf-8", "utf-16"])
def test_a_list_finds_label_maps_and_classes_beside_it(layout, end, line, kind, tmp_path):
    put(tmp_path / ".cache", files(*layout, **{"classes.txt": b"x\n" * 104}))
    names = [layout[0].format(n) for n in range(COUNT)]
    lines = [str(tmp_path / ".cache" / n) if line == "whole" else line.format(n.replace("/", "\\")) for n in names]
    (tmp_path / ".cache" / "it.txt").write_bytes(end.join(lines).encode(kind))
    assert len(check(str(tmp_path / ".cache" / "it.txt")).classes) == 104


@pytest.mark.parametrize("between", [" ", "\t", ",", "; "])
def test_a_list_may_name_label_maps_in_a_second_column(between, tmp_path):
    put(tmp_path, files("one/a{}.jpg", "two/b{}.png"))
    check(listed(tmp_path / "it.txt", [f"one/a{n}.jpg{between}two/b{n}.png" for n in range(COUNT)]))


def test_a_list_of_everything_takes_no_label_map_for_a_picture(tmp_path):
    inside = files("images/a{}.jpg", "masks/a{}.png")
    put(tmp_path, inside)
    check(listed(tmp_path / "it.txt", inside))


def test_a_list_takes_no_other_pictures(tmp_path):
    put(tmp_path, files("a{}.jpg", "a{}_mask.png"))
    assert len(load_dataset(listed(tmp_path / "it.txt", ["a1.jpg", "a2.jpg"]), "all")) == 2


def test_maps_of_objects_and_of_colours_are_no_pictures(tmp_path):
    inside = files("leftImg8bit/b_{}_leftImg8bit.png", "gtFine/b_{}_gtFine_labelIds.png")
    for n in range(COUNT):
        inside[f"gtFine/b_{n}_gtFine_color.png"] = encoded(Image.new("RGB", (64, 48), "red"), "PNG")
        inside[f"gtFine/b_{n}_gtFine_instanceIds.png"] = encoded(Image.new("I;16", (64, 48), 24001), "PNG")
    assert check(put(tmp_path, inside)).notes == ()


def test_maps_of_objects_alone_are_said(tmp_path):
    dataset = load_dataset(put(tmp_path, files("JPEGImages/a{}.jpg", "SegmentationObject/a{}.png")), "all")
    assert (len(dataset), dataset.classes) == (COUNT, ())
    assert dataset.notes == ("SegmentationObject holds maps of something else than classes: they are not used.",)


def test_a_folder_may_hold_one_picture_and_its_maps(tmp_path):
    inside = {}
    for n in range(12):
        inside |= {f"{n}/image.jpg": photo(n), f"{n}/mask.png": mask(n), f"{n}/depth.png": photo(50 + n, kind="PNG")}
    dataset = load_dataset(put(tmp_path, inside), "all")
    assert len(dataset) == 12
    assert sorted(dataset.truth(range(12))[:, 0, 0].tolist()) == list(range(12))
    assert dataset.notes == ()


def test_a_guess_is_said(tmp_path):
    dataset = check(put(tmp_path, files("x/a{}.jpg", "y/a{}.png")))
    assert dataset.notes == ("The folder y seems to hold the label maps of x.",)


def test_pictures_of_the_same_names_are_all_pictures(tmp_path):
    inside = {f"{camera}/{n}.png": photo(10 * k + n, kind="PNG") for k, camera in enumerate("ab") for n in range(5)}
    dataset = load_dataset(put(tmp_path, inside), "all")
    assert (len(dataset), dataset.notes) == (10, ())


@pytest.mark.parametrize("folder", ["with_mask", "without_mask", "face masks", "gt"])
def test_photos_of_masks_are_pictures(folder, tmp_path):
    inside = {**{f"{folder}/{n}.jpg": photo(n) for n in range(3)}, "street/x_mask.jpg": photo(4)}
    dataset = load_dataset(put(tmp_path, inside), "all")
    assert (len(dataset), dataset.notes) == (4, ())


def test_label_maps_without_pictures_are_said(tmp_path):
    inside = files("images/a{}.jpg", "masks/b{}.png")
    dataset = load_dataset(put(tmp_path, inside), "all")
    assert (len(dataset), dataset.classes) == (COUNT, ())
    assert dataset.notes == (f"{COUNT} label maps in masks belong to no picture, or to several.",)
    with pytest.raises(UapsegError, match=r"There are no pictures in .*4 label maps in masks belong to no picture"):
        load_dataset(put(tmp_path / "alone", {n: c for n, c in inside.items() if "masks" in n}), "all")


def test_label_maps_of_other_names_in_a_folder_of_another_name_are_no_pictures(tmp_path):
    dataset = load_dataset(put(tmp_path, files("photos/2{}_training.tif", "1st_manual/2{}_manual1.gif")), "all")
    assert len(dataset) == COUNT
    assert dataset.notes == (f"{COUNT} label maps in 1st_manual belong to no picture, or to several.",)


def test_annotations_of_other_kinds_are_said(tmp_path):
    inside = {f"images/a{n}.jpg": photo(n) for n in range(3)} | {f"labels/a{n}.txt": b"0 .5 .5 1 1" for n in range(3)}
    dataset = load_dataset(put(tmp_path, inside), "all")
    assert "labels holds 3 .txt files: label maps are read from PNG" in dataset.notes[0]


def test_a_map_for_each_object_is_not_taken_for_all_of_them(tmp_path):
    inside = {"images/a.jpg": photo(1), "masks/a_1.png": mask(1), "masks/a_2.png": mask(1)}
    dataset = load_dataset(put(tmp_path, inside), "all")
    assert (len(dataset), dataset.classes) == (1, ())
    assert dataset.notes == ("2 label maps in masks belong to no picture, or to several.",)


@pytest.mark.parametrize("where", ["masks/a{}.jpg", "masks/b{}.jpg", "x/a{}.jpg"])
def test_label_maps_that_were_saved_as_jpeg_are_no_pictures(where, tmp_path):
    inside = {f"images/a{n}.jpg": photo(n) for n in range(COUNT)}
    shape = np.pad(np.full((20, 30), 255, np.uint8), ((9, 19), (9, 25)))
    inside |= {where.format(n): encoded(Image.fromarray(shape), "JPEG") for n in range(COUNT)}
    dataset = load_dataset(put(tmp_path, inside), "all")
    assert len(dataset) == COUNT
    assert (dataset.truth(range(COUNT)) == 255).all()
    assert len(dataset.notes) + len(dataset.skipped) > 0


def test_pictures_of_a_kind_that_is_not_read_are_counted(tmp_path):
    dataset = load_dataset(put(tmp_path, {"a.jpg": photo(1), "b.HEIC": b"x", "c.heic": b"x"}), "all")
    assert dataset.notes == ("2 .heic files are left out: convert them to PNG or JPEG.",)


def test_the_first_of_two_folders_of_label_maps_is_taken_and_said(tmp_path):
    inside = files("images/a{}.jpg", "masks/a{}.png") | {f"labels/a{n}.png": mask(99) for n in range(COUNT)}
    assert check(put(tmp_path, inside)).notes == ("labels is not used: the label maps are taken from masks.",)


def test_accents_are_compared_however_they_are_written(tmp_path):
    """A Mac stores an accent by itself, other systems as part of the letter."""
    inside = {"images/caf\u00e9.jpg": photo(1), "masks/cafe\u0301.png": mask(3)}
    assert (load_dataset(zipped(tmp_path / "it.zip", inside), "all").truth([0]) == 3).all()


def test_a_zip_behind_a_password_is_one_sentence(tmp_path):
    name = zipped(tmp_path / "it.zip", files("a{}.jpg", "a{}_mask.png"))
    lock(name, everything=True)
    with pytest.raises(UapsegError, match="is encrypted: unpack it, and use the folder"):
        load_dataset(name, "all")


def test_members_behind_a_password_are_named(tmp_path):
    name = zipped(tmp_path / "it.zip", {"a.jpg": photo(1), "b.jpg": photo(2)})
    lock(name, everything=False)
    assert load_dataset(name, "all").skipped == ("a.jpg",)


def lock(name, *, everything):
    """Marks members of an archive as encrypted, in both of their headers."""
    content = bytearray(Path(name).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(mark)
        while start >= 0:
            content[start + place] |= 1
            start = content.find(mark, start + 4) if everything else -1
    Path(name).write_bytes(content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_are_there_twice_count_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as archive:
        for name in ("images/a.jpg", "images\\a.jpg", "images/a.jpg", "masks/a.png"):
            member = zipfile.ZipInfo("x")
            member.filename = name
            archive.writestr(member, mask(3) if "masks" in name else photo(1))
    dataset = load_dataset(str(tmp_path / "it.zip"), "all")
    assert len(dataset) == 1
    assert (dataset.truth([0]) == 3).all()


def test_names_of_a_zip_are_printed_without_what_a_terminal_obeys(tmp_path):
    name = zipped(tmp_path / "it.zip", {"a.jpg": photo(1), "b\x1b[2J\n.jpg": b"no"})
    assert load_dataset(name, "all").skipped == ("b?[2J?.jpg",)


def test_a_text_that_is_no_list_is_one_sentence(tmp_path):
    (tmp_path / "it.txt").write_text("word " * 2000 + "\n\0\n")
    with pytest.raises(UapsegError, match=r"No picture in .* can be read, 1 are damaged or missing"):
        load_dataset(str(tmp_path / "it.txt"), "all")
