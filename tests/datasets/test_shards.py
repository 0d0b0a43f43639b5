"""Archives of WebDataset: as folders, but packed, on disk or on a server."""

import io
import tarfile

import pytest
from PIL import Image

from tests.datasets.test_folder import mask, photo
from tests.server import serving
from uapseg.datasets import SPLITS, attribution, load_dataset, missing_files, overlap
from uapseg.datasets.registry import download
from uapseg.errors import UapsegError

COUNT = 40


def archive(files: dict[str, bytes], mode: str = "w") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


def shards(labels="seg.png", count=COUNT, size=20):
    """Archives of so many pictures each, with a label map of the picture's number in its classes."""
    for start in range(0, count, size):
        files: dict[str, bytes] = {"classes.txt": b"road\ncar\nsky\n"} if start == 0 else {}
        for number in range(start, min(start + size, count)):
            files[f"street/{number:04}.jpg"] = photo(number)
            files[f"street/{number:04}.json"] = b"{}"
            files[f"street/{number:04}.{labels}"] = mask(number % 3)
        yield archive(files)


@pytest.fixture(scope="module")
def name(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for number, content in enumerate(shards()):
        (folder / f"photos-{number:03}.tar").write_bytes(content)
    return f"shards:{folder}/photos-{{000..001}}.tar"


def test_every_picture_is_in_one_split_with_its_own_label_map(name):
    datasets = {split: load_dataset(name, split) for split in SPLITS}
    whole = load_dataset(name, "all")
    assert len(whole) == COUNT == sum(map(len, datasets.values()))
    assert not overlap(datasets["train"], datasets["val"])
    assert (whole.size, whole.classes, whole.skipped, whole.notes) == ((64, 48), ("road", "car", "sky"), (), ())
    assert [int(whole.truth([number]).unique()) for number in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_the_splits_are_those_of_the_same_pictures_in_a_folder(name, tmp_path):
    for number in range(COUNT):
        (tmp_path / f"{number:04}.jpg").write_bytes(photo(number))
    for split in SPLITS:
        packed, plain = load_dataset(name, split), load_dataset(str(tmp_path), split)
        assert packed.keys == plain.keys
        assert (packed.pictures([1, 0]) == plain.pictures([1, 0])).all()


@pytest.mark.parametrize("labels", ["png", "mask.png", "labels.png"])
def test_a_label_map_is_known_by_its_extension(labels, tmp_path):
    (tmp_path / "a.tar").write_bytes(next(shards(labels, count=4)))
    dataset = load_dataset(f"shards:{tmp_path}/a.tar", "all")
    assert [int(dataset.truth([number]).unique()) for number in range(4)] == [0, 1, 2, 0]


def test_archives_on_a_server_are_downloaded_once(name, tmp_path, monkeypatch):
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path))
    with serving() as server:
        for number, content in enumerate(shards()):
            server.add(f"photos-{number}.tar", content)
        remote = f"shards:{server.address}/photos-{{0..1}}.tar"
        assert [one.url for one in missing_files(remote)] == [f"{server.address}/photos-{n}.tar" for n in range(2)]
        assert [*download(remote)][-1].received == len(server.files["/photos-1.tar"].content)
        assert missing_files(remote) == []
        assert load_dataset(remote, "val").keys == load_dataset(name, "val").keys
        assert [path for path, *_ in server.asked] == ["/photos-0.tar", "/photos-1.tar"]
    with pytest.raises(UapsegError, match="your own"):
        attribution(remote)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive" * 100, "cannot be read as a tar archive"),
        (archive({"a.jpg": photo(0)}, "w:gz"), "decompress it"),
        (archive({"a.jpg": photo(0), "a.JPG": photo(1)}), "two files of the same name"),
        (archive({"a.json": b"{}"}), "No picture in shards"),
        (archive({f"{number}.jpg": photo(number) for number in range(9)})[:9_000], "copy or download it again"),
    ],
)
def test_what_is_no_shard_is_refused(content, message, tmp_path):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(UapsegError, match=message):
        load_dataset(f"shards:{tmp_path}/a.tar", "all")


@pytest.mark.parametrize("pattern", ["{0..1.tar", "pipe:cat photos.tar", "${NOTHING}.tar", "ftp://example.org/a.tar"])
def test_other_patterns_are_refused_and_run_nothing(pattern, monkeypatch):
    monkeypatch.setattr("os.system", lambda _: pytest.fail("ran a command"))
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("ran a command"))
    with pytest.raises(UapsegError, match=r"pattern|address begins with"):
        load_dataset(f"shards:{pattern}", "all")


def test_without_the_package_it_says_how_to_install_it(name, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "webdataset.shardlists", None)
    with pytest.raises(UapsegError, match=r"pip install -e"):
        load_dataset(name, "all")


def test_a_picture_with_several_images_has_one_picture(tmp_path):
    files = {"a.image.jpg": photo(0), "a.seg.png": mask(1), "b.png": photo(1, kind="PNG")}
    (tmp_path / "a.tar").write_bytes(archive(files))
    dataset = load_dataset(f"shards:{tmp_path}/a.tar", "all")
    assert [int(dataset.truth([number]).unique()) for number in range(2)] == [1, 255]
    assert Image.fromarray(dataset.pictures([1])[0].permute(1, 2, 0).numpy()).size == (64, 48)
