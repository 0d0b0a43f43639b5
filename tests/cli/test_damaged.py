"""What commands say of pictures and label maps that cannot be read: which, on the terminal and in the report."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets.test_folder import encoded, mask, photo, put
from uapseg.cli import main
from uapseg.datasets.splits import split_of
from uapseg.io.sources import END_BYTES

SIZE = (64, 48)
AIM = ("--text", "foo", "--region-class", "Tree", "--rest-class", "Building")
BROKEN = ("cut.png", "empty.png", "hollow.png")


@pytest.fixture
def folder(tmp_path):
    """48 whole pictures with label maps, three damaged ones, of which one shows it only when it is decoded."""
    inside = {f"images/{n}.png": photo(n, kind="PNG") for n in range(48)}
    inside |= {f"masks/{n}.png": mask(0) for n in range(48)} | {"classes.txt": b"Sky\nBuilding\n"}
    whole = photo(9, kind="PNG")
    hollow = next(content for shift in range(64) if in_train(content := hollowed(shift)))
    inside |= {"images/cut.png": whole[:900], "images/empty.png": b"", "images/hollow.png": hollow}
    return put(tmp_path / "data", inside)


def hollowed(shift):
    """A picture whose beginning and end are whole."""
    content = photo(100 + shift, kind="PNG")
    return content[:700] + bytes(700) + content[1400:]


def in_train(content):
    ends = content[:END_BYTES] + content[-END_BYTES:]
    return split_of(hashlib.sha256(b"%d:" % len(content) + ends).hexdigest()[:32]) == "train"


@pytest.fixture
def noise(tmp_path):
    np.save(tmp_path / "noise.npy", np.where(np.indices((3, 48, 64)).sum(0) % 2, 3, -3).astype(np.int16))
    return str(tmp_path / "noise.npy")


@pytest.mark.slow
def test_train_names_what_it_could_not_read(folder, tmp_path, capsys):
    """The one that shows it late falls into those to learn from, which the report is not on."""
    out = tmp_path / "run"
    assert main(["train", "--data", folder, *AIM, "--budget", "40", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert "Not readable, and left out: cut.png, empty.png." in shown.err
    assert "Not readable, and left out: cut.png, empty.png, hollow.png." in shown.out
    assert json.loads((out / "report.json").read_text())["skipped"] == list(BROKEN)


def test_evaluate_names_what_it_could_not_read_and_says_why(folder, noise, capsys):
    put(
        Path(folder),
        {"masks/5.png": b"no", "masks/6.png": encoded(Image.new("RGB", SIZE, "red"), "PNG")},
    )
    words = ["evaluate", noise, "--model", "street", "--data", folder, "--split", "all", *AIM]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "Not readable, and left out: cut.png, empty.png, hollow.png, labels of 5.png, labels of 6.png." in shown
    assert "The labels 6.png hold colours: save the number of its class at each pixel." in shown
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["skipped"] == [*BROKEN, "labels of 5.png", "labels of 6.png"]
    assert len(report["notes"]) == 2


def test_evaluate_says_that_no_class_is_known(folder, noise, capsys):
    put(Path(folder), {"classes.txt": b"zebra\nlion\n"})
    assert main(["evaluate", noise, "--model", "street", "--data", folder, "--split", "val", *AIM]) == 0
    assert (
        "has the name of one of the network's, so there is no ground truth: names come from classes.txt."
        in capsys.readouterr().out
    )


def test_datasets_counts_a_split_without_pictures_and_names_the_damaged(tmp_path, capsys):
    inside = {f"{n}.png": photo(n, kind="PNG") for n in range(2)} | {"cut.png": photo(3, kind="PNG")[:900]}
    assert main(["datasets", put(tmp_path, inside), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["datasets"]
    assert sum(found["pictures"].values()) == 2
    assert 0 in found["pictures"].values()
    assert found["skipped"] == ["cut.png"]
    assert main(["datasets", str(tmp_path)]) == 0
    assert "Not readable, and left out: cut.png." in capsys.readouterr().out
