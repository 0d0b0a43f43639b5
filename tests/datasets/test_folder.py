"""One's own pictures: folders, zip archives and lists as people have them."""

import io
import itertools
import zipfile

import numpy as np
import pytest
from PIL import Image

from uapseg.datasets import SPLITS, load_dataset, overlap
from uapseg.errors import UapsegError
from uapseg.io import sources
from uapseg.io.sources import ZipMember


def encoded(picture, kind="JPEG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(seed, size=(64, 48), kind="JPEG"):
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return encoded(Image.fromarray(values), kind)


def mask(value, size=(64, 48)):
    return encoded(Image.new("L", size, value), "PNG")


def put(root, files):
    for inside, content in files.items():
        path = root / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(root)


def zipped(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for inside, content in files.items():
            archive.writestr(inside, content)
    return str(path)


def listed(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


PHOTOS = {f"holiday/{number}.jpg": photo(number) for number in range(40)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return put(tmp_path_factory.mktemp("folder"), PHOTOS)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return zipped(tmp_path_factory.mktemp("zip") / "photos.zip", PHOTOS)


@pytest.fixture(scope="module")
def paths(folder, tmp_path_factory):
    lines = [f"{folder}/{inside}" for inside in PHOTOS]
    return listed(tmp_path_factory.mktemp("list") / "photos.txt", ["", *lines])


@pytest.fixture(params=["folder", "archive", "paths"])
def name(request):
    return request.getfixturevalue(request.param)


def test_every_picture_is_in_one_split(name):
    datasets = {split: load_dataset(name, split) for split in SPLITS}
    whole = load_dataset(name, "all")
    assert len(whole) == len(PHOTOS) == sum(map(len, datasets.values()))
    assert len(datasets["train"]) > len(datasets["val"]) > 0
    assert sorted(whole.keys) == sorted(key for dataset in datasets.values() for key in dataset.keys)


def test_all_forms_read_the_same_pictures(name, folder):
    dataset, plain = load_dataset(name, "val"), load_dataset(folder, "val")
    assert overlap(dataset, plain) == tuple(sorted(plain.keys))
    order = [dataset.keys.index(key) for key in plain.keys]
    assert (dataset.pictures(order) == plain.pictures(range(len(plain)))).all()
    assert (dataset.size, dataset.classes, dataset.skipped) == ((64, 48), (), ())


def test_no_picture_changes_sides_when_others_are_added(folder, tmp_path):
    more = put(tmp_path, {**PHOTOS, **{f"more/{n}.jpg": photo(n) for n in range(100, 160)}})
    for split in SPLITS:
        assert set(load_dataset(folder, split).keys) <= set(load_dataset(more, split).keys)


def test_a_copy_under_another_name_is_on_the_same_side(tmp_path):
    """With a split by file name, a copy would be learnt from and reported on."""
    copies = put(tmp_path, {**PHOTOS, **{f"copy of {n}.jpg": photo(n) for n in range(40)}})
    datasets = [load_dataset(copies, split) for split in SPLITS]
    assert sum(map(len, datasets)) == 80
    seen = [{picture.numpy().tobytes() for picture in one.pictures(range(len(one)))} for one in datasets]
    assert sum(map(len, seen)) == 40
    assert not any(one & other for one, other in itertools.combinations(seen, 2))


def test_other_pictures_of_the_same_name_are_other_pictures(tmp_path):
    first, second = (put(tmp_path / str(n), {"a.jpg": photo(n)}) for n in range(2))
    assert overlap(load_dataset(first, "all"), load_dataset(second, "all")) == ()


def test_the_first_picture_says_the_size(tmp_path):
    root = put(tmp_path, {"a.png": photo(0, (1030, 515), "PNG"), "b.png": photo(1, kind="PNG")})
    assert load_dataset(root, "all").size == (512, 256)
    assert load_dataset(root, "all", (40, 40)).pictures([0, 1]).shape == (2, 3, 40, 40)
    assert load_dataset(put(tmp_path / "b", {"c.png": photo(1, (61, 35), "PNG")}), "all").size == (64, 32)


def test_any_mode_and_any_side_up(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    lying = Image.new("RGB", (64, 48), "red")
    lying.paste("blue", (0, 0, 32, 48))
    files = {
        "a.jpg": encoded(lying, "JPEG", exif=exif, quality=95),
        "b.png": encoded(Image.new("L", (48, 64), 77), "PNG"),
        "c.PNG": encoded(Image.new("RGBA", (48, 64), (0, 0, 0, 0)), "PNG"),
        "d.tif": encoded(Image.new("CMYK", (48, 64), (0, 255, 255, 0)), "TIFF"),
        "e.webp": encoded(Image.new("RGB", (48, 64), (9, 9, 9)), "WEBP", lossless=True),
        "f.gif": encoded(Image.new("P", (48, 64), 0), "GIF"),
    }
    dataset = load_dataset(put(tmp_path, files), "all")
    assert dataset.size == (48, 64)
    pictures = dataset.pictures(range(6))
    assert pictures[0, :, 8, 24].tolist() == pytest.approx([0, 0, 254], abs=3)
    assert pictures[0, :, 56, 24].tolist() == pytest.approx([254, 0, 0], abs=3)
    assert [pictures[n, :, 0, 0].tolist() for n in range(1, 5)] == [[77] * 3, [255] * 3, [255, 0, 0], [9] * 3]


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "WEBP", "AVIF", "TIFF"])
def test_labels_belong_to_the_picture_when_it_is_upright(kind, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    more = {"save_all": True, "append_images": [Image.new("RGB", (20, 20))]} if kind == "MPO" else {}
    ending = {"JPEG": "jpg", "MPO": "jpg"}.get(kind, kind.lower())
    picture = encoded(Image.new("RGB", (64, 48)), kind, exif=exif, **more)
    files = {f"a.{ending}": picture, "a_mask.png": mask(3, (48, 64))}
    dataset = load_dataset(put(tmp_path, files), "all")
    assert (dataset.truth([0]) == 3).all()
    assert (dataset.skipped, dataset.notes) == ((), ())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_label_maps_that_lie_as_the_file_does_are_not_used(kind, tmp_path):
    """Where one picture shows that they do, none is trusted: upside down, it would not show."""
    pictures = {}
    for name, turn in (("a", 6), ("b", 3), ("c", 1)):
        exif = Image.Exif()
        exif[0x0112] = turn
        pictures[f"{name}.{kind.lower()}"] = encoded(Image.new("RGB", (64, 48)), kind, exif=exif)
    files = pictures | {f"{name}_mask.png": mask(3) for name in "abc"}
    dataset = load_dataset(put(tmp_path, files), "all")
    assert (len(dataset), dataset.classes) == (3, ())
    assert (dataset.truth([0, 1, 2]) == 255).all()
    assert "is not turned upright" in dataset.notes[0]


def test_a_broken_file_is_skipped_with_its_name(tmp_path):
    files = {
        "good.jpg": photo(1), "cut.jpg": photo(2)[:900], "text.png": b"not a picture", "empty.jpg": b"",
        "tiny.png": photo(3, (9, 9), "PNG"), "cut.png": photo(4, kind="PNG")[:-30], "notes.md": b"# No picture",
    }  # fmt: skip
    for name in (put(tmp_path / "folder", files), zipped(tmp_path / "files.zip", files)):
        dataset = load_dataset(name, "all")
        assert len(dataset) == 1
        assert sorted(dataset.skipped) == ["cut.jpg", "cut.png", "empty.jpg", "text.png", "tiny.png"]


def test_what_only_decoding_shows_is_replaced_and_named(tmp_path):
    """Its header and its end are whole, and nothing between them is."""
    content = photo(1, kind="PNG")
    root = put(tmp_path, {"a.png": content[:700] + bytes(700) + content[1400:], "b.png": photo(2, kind="PNG")})
    dataset = load_dataset(root, "all")
    pictures = dataset.pictures([0, 1])
    assert (pictures[0] == pictures[1]).all()
    assert dataset.skipped == ("a.png",)


def test_what_follows_a_picture_in_its_file_does_no_harm(tmp_path):
    """Telephones add a film to a photo."""
    root = put(tmp_path, {"a.jpg": photo(1) + bytes(200_000)})
    assert load_dataset(root, "all").skipped == ()


def test_a_folder_where_nothing_can_be_read_is_one_clear_error(tmp_path):
    with pytest.raises(UapsegError, match=r"No picture in .* can be read, 2 are damaged or missing: see a.jpg"):
        load_dataset(put(tmp_path / "bad", {"a.jpg": b"no", "b.jpg": b"no"}), "all")
    with pytest.raises(UapsegError, match=r"There are no pictures in .*: JPEG, PNG, .* work"):
        load_dataset(put(tmp_path / "none", {"a.doc": b"no"}), "all")


def test_a_missing_file_of_a_list_is_skipped_with_its_name(tmp_path):
    put(tmp_path, {"pictures/a.jpg": photo(1), "a_mask.png": mask(3)})
    dataset = load_dataset(listed(tmp_path / "list.txt", ["pictures/a.jpg", "pictures/gone.jpg"]), "all")
    assert (len(dataset), dataset.skipped) == (1, ("gone.jpg",))


LAYOUTS = {
    "beside": ("a.jpg", "a_mask.png"),
    "masks": ("images/a.jpg", "masks/a.png"),
    "labels": ("images/a.jpg", "labels/a.png"),
    "below": ("set/images/one/a.jpg", "set/labels/one/a.png"),
    "without images/": ("a.jpg", "masks/a.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_label_maps_are_found(layout, form, tmp_path):
    picture, labels = LAYOUTS[layout]
    files = {picture: photo(1), labels: mask(2), "classes.txt": b"sea\nsand\nsky\n"}
    name = put(tmp_path / "folder", files) if form == "folder" else zipped(tmp_path / "files.zip", files)
    dataset = load_dataset(name, "all")
    assert len(dataset) == 1
    assert dataset.classes == ("sea", "sand", "sky")
    assert (dataset.truth([0]) == 2).all()


def test_a_list_takes_the_label_maps_beside_its_pictures(tmp_path):
    put(tmp_path, {"b/a.jpg": photo(1), "b/a_mask.png": mask(2)})
    dataset = load_dataset(listed(tmp_path / "list.txt", ["b/a.jpg"]), "all")
    assert len(dataset) == 1
    assert (dataset.truth([0]) == 2).all()


def test_without_names_classes_are_called_by_their_numbers(tmp_path):
    dataset = load_dataset(put(tmp_path, {"a.jpg": photo(1), "a_mask.png": mask(254)}), "all")
    assert dataset.classes[:3] == ("0", "1", "2")
    assert (dataset.truth([0]) == 254).all()


def test_numbers_beyond_the_names_are_no_labels(tmp_path):
    dataset = load_dataset(put(tmp_path, {"a.jpg": photo(1), "a_mask.png": mask(3), "classes.txt": b"x\ny"}), "all")
    assert (dataset.truth([0]) == 255).all()


@pytest.mark.parametrize(
    "labels",
    [mask(1, (32, 32)), encoded(Image.new("RGB", (64, 48), "red"), "PNG"), b"broken"],
    ids=["another size", "colours", "broken"],
)
def test_labels_that_cannot_be_used_are_named_and_count_as_none(labels, tmp_path):
    dataset = load_dataset(put(tmp_path, {"a.jpg": photo(1), "a_mask.png": labels}), "all")
    assert (dataset.truth([0]) == 255).all()
    assert dataset.skipped == ("labels of a.jpg",)
    assert len(dataset) == 1


@pytest.mark.parametrize(("mode", "value"), [("1", 1), ("L", 5), ("I;16", 5), ("P", 5)])
def test_labels_of_any_mode_are_numbers(mode, value, tmp_path):
    labels = Image.new(mode, (64, 48), value)
    if mode == "P":
        labels.putpalette([0] * 768)
    dataset = load_dataset(put(tmp_path, {"a.jpg": photo(1), "a_mask.png": encoded(labels, "PNG")}), "all")
    assert (dataset.truth([0]) == value).all()


def test_what_other_programs_leave_is_not_looked_at(tmp_path):
    files = {"a.jpg": photo(1), "__MACOSX/._a.jpg": b"no", ".thumbs/a.jpg": b"no", "._a.jpg": b"no"}
    dataset = load_dataset(zipped(tmp_path / "files.zip", files), "all")
    assert (len(dataset), dataset.skipped) == (1, ())


def test_a_zip_is_never_unpacked_to_the_disk(tmp_path):
    files = {"../../evil.jpg": photo(1), "/etc/evil.jpg": photo(2), "a/../../b.jpg": photo(3)}
    place = tmp_path / "inside"
    place.mkdir()
    dataset = load_dataset(zipped(place / "files.zip", files), "all")
    assert dataset.pictures(range(3)).shape[0] == 3
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["files.zip"]


def test_a_zip_bomb_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 100_000)
    name = zipped(tmp_path / "files.zip", {"a.jpg": photo(1), "bomb.jpg": bytes(3_000_000)})
    dataset = load_dataset(name, "all")
    assert (len(dataset), dataset.skipped) == (1, ("bomb.jpg",))
    with pytest.raises(UapsegError, match="larger than 0 MiB"):
        ZipMember(tmp_path / "files.zip", "bomb.jpg").read()


def test_a_large_file_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 100_000)
    dataset = load_dataset(put(tmp_path, {"a.jpg": photo(1), "b.jpg": photo(2) + bytes(200_000)}), "all")
    assert (len(dataset), dataset.skipped) == (1, ("b.jpg",))


def test_a_zip_with_damage_loses_only_what_is_damaged(tmp_path):
    name = zipped(tmp_path / "files.zip", {"a.jpg": photo(1), "b.jpg": photo(2)}, zipfile.ZIP_STORED)
    content = bytearray((tmp_path / "files.zip").read_bytes())
    content[400:600] = bytes(200)
    (tmp_path / "files.zip").write_bytes(content)
    dataset = load_dataset(name, "all")
    assert (len(dataset), dataset.skipped) == (1, ("a.jpg",))


def test_a_file_that_is_only_called_zip_is_refused(tmp_path):
    (tmp_path / "files.zip").write_bytes(b"no archive")
    with pytest.raises(UapsegError, match="cannot be opened as a zip archive"):
        load_dataset(str(tmp_path / "files.zip"), "all")


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    put(tmp_path, {"pictures/a.jpg": photo(1)})
    assert len(load_dataset("~/pictures", "all")) == 1


def test_a_folder_may_be_called_as_a_data_set(tmp_path, monkeypatch):
    put(tmp_path / "street", {"a.jpg": photo(1)})
    monkeypatch.chdir(tmp_path)
    assert load_dataset("./street", "all").name == "./street"
    assert load_dataset("street", "val").licence == "MIT"
