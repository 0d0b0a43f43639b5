"""Datasets of the Hugging Face Hub: a folder that the library itself reads, as it reads those of the Hub."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from uapseg.datasets import SPLITS, load_dataset, overlap
from uapseg.datasets.hub import COUNT, Query
from uapseg.errors import UapsegError
from uapseg.io.download import UnreachableError

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.filterwarnings("ignore")

NAMES = ("ground", "thing")
ROWS = 30


def png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def mask(number: int) -> np.ndarray:
    labels = np.zeros((32, 48), np.uint8)
    labels[:, :number] = 1
    return labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    """A Parquet file with the columns photo, labels, grid and tags, and a card with a licence."""
    made = tmp_path_factory.mktemp("hub") / "scenes"
    made.mkdir()
    shades = np.random.default_rng(0).integers(0, 256, (ROWS, 32, 48, 3), dtype=np.uint8)
    features = datasets.Features(
        {
            "photo": datasets.Image(),
            "labels": datasets.Image(),
            "grid": datasets.Array2D((32, 48), "uint8"),
            "tags": datasets.Sequence(datasets.ClassLabel(names=list(NAMES))),
        }
    )
    columns = {
        "photo": [{"bytes": png(one), "path": None} for one in shades],
        "labels": [{"bytes": png(mask(number)), "path": None} for number in range(ROWS)],
        "grid": [mask(number) for number in range(ROWS)],
        "tags": [[0, 1]] * ROWS,
    }
    datasets.Dataset.from_dict(columns, features=features).to_parquet(made / "train-00000-of-00001.parquet")
    (made / "README.md").write_text("---\nlicense: cc-by-4.0\n---\nScenes.\n")
    return f"hfdata:{made}?image=photo"


@pytest.mark.parametrize("column", ["labels", "grid"])
def test_pictures_label_maps_names_and_licence_come_from_the_data_set(folder, column):
    found = load_dataset(f"{folder}&mask={column}", "all")
    assert (len(found), found.size, found.classes, found.licence) == (ROWS, (48, 32), NAMES, "cc-by-4.0")
    seen = {int(labels.sum()) // 32 for labels in found.truth(range(ROWS))}
    assert seen == set(range(ROWS))
    assert found.pictures([0]).float().std() > 50


def test_splits_share_no_picture_and_stay_as_they_are(folder):
    parts = {split: load_dataset(folder, split) for split in SPLITS}
    assert sum(map(len, parts.values())) == ROWS
    assert overlap(parts["train"], parts["test"]) == ()
    assert {key for part in parts.values() for key in part.keys} == set(load_dataset(folder, "all").keys)
    assert parts["train"].classes == ()


def test_only_the_rows_asked_for_are_read_and_only_once(folder, monkeypatch):
    assert len(load_dataset(f"{folder}&count=7", "all")) == 7
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: pytest.fail("it was streamed again"))
    assert len(load_dataset(f"{folder}&count=7", "all")) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("&mask=stuff", "has no column 'stuff': name one of photo, labels, grid, tags with mask=COLUMN"),
        ("&split=dev", "cannot be read"),
        ("&count=0", "count=0 is not a number of rows: choose 1 to 5000"),
        ("&rows=9", "hfdata has no option 'rows': choose from image, mask, split, config, count"),
    ],
)
def test_a_mistake_is_one_sentence(folder, options, message):
    with pytest.raises(UapsegError, match=message) as refused:
        load_dataset(folder + options, "train")
    assert "\n" not in str(refused.value)


def test_a_place_that_is_none_is_refused(tmp_path):
    with pytest.raises(UapsegError, match="There is no folder"):
        load_dataset(f"hfdata:{tmp_path}/nowhere", "train")


def test_without_a_connection_one_sentence_says_what_to_do(monkeypatch):
    def refuse(place: str) -> None:
        raise UnreachableError(place)

    monkeypatch.setattr("uapseg.datasets.hub.check_connection", refuse)
    with pytest.raises(UapsegError, match="There is no internet, and hfdata:user/name is not in the cache"):
        load_dataset("hfdata:user/name", "train")


def test_without_the_library_one_sentence_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UapsegError, match="need the package datasets: install it with"):
        load_dataset(f"{folder}&count=3", "train")


def test_the_defaults_are_those_of_the_readme():
    assert Query.parse("a/b") == Query("a/b", "image", "", "train", "", COUNT)
