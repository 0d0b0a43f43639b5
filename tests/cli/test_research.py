"""The commands for research: race, transfer, robustness, several networks, other pictures to report on."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import document, photos, told  # noqa: F401  a fixture
from tests.conftest import Plain, greys
from uapseg.attack.loop import fit
from uapseg.attack.run import Plan
from uapseg.attack.settings import fast
from uapseg.cli import main
from uapseg.cli.output import _success, report_stall
from uapseg.cli.race import _append_result
from uapseg.cli.transfer import Cell
from uapseg.cli.transfer import _table as transfer_table
from uapseg.errors import UapsegError
from uapseg.results.evaluation import Report
from uapseg.results.full_report import selection_sentences
from uapseg.results.perturbation_file import best_perturbation, load
from uapseg.targets.drawing import text_target

pytestmark = pytest.mark.slow

OWN = """
import torch
from uapseg.models import load_model

def other():
    street = load_model("street")
    net = torch.nn.Sequential(street, torch.nn.Conv2d(11, 11, 1))
    with torch.no_grad():
        net[1].weight.copy_(torch.eye(11)[..., None, None] * 0.9)
        net[1].bias.zero_()
    net.classes, net.palette, net.objects = street.classes, street.palette, street.objects
    return net.eval()

def numbered():
    net = other()
    del net.classes, net.palette, net.objects
    return net
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("networks") / "own.py"
    file.write_text(OWN)
    return f"{file}:other"


def test_a_race_ranks_its_arms_draws_them_and_goes_on_where_it_stopped(capsys, photos, tmp_path):  # noqa: F811
    file = tmp_path / "race.jsonl"
    words = ("race", "--data", photos, "--hide", "Car", "--out", file)
    first = document(capsys, *words, "--budget", 16, "--variants", "fast,paper", "--seeds", 2)
    assert {variant["variant"] for variant in first["variants"]} == {"fast", "paper"}
    assert first["winner"] == first["variants"][0]["variant"]
    assert first["variants"][0]["selection_score"] >= first["variants"][1]["selection_score"]
    for variant in first["variants"]:
        assert variant["image_gradients"] == 16
        assert variant["perturbed"].keys() == first["random_noise"].keys() == first["clean"].keys()
        assert variant["curve"][0][0] == 0
        assert variant["curve"][-1][0] == 16
        assert len(variant["seeds"]) == 2
    with Image.open(first["chart"]) as chart:
        assert chart.width > 500
    lines = file.read_text().splitlines()
    assert len(lines) == 4
    file.write_text("\n".join(lines[:3]) + "\n" + lines[3][:30])  # as a crash leaves it
    again = document(capsys, *words, "--budget", 16, "--variants", "fast,paper", "--seeds", 2)
    assert json.loads(file.read_text().splitlines()[-1])["perturbed"] == json.loads(lines[3])["perturbed"]
    assert [variant["perturbed"] for variant in again["variants"]] == [
        variant["perturbed"] for variant in first["variants"]
    ]
    best = document(capsys, *words, "--budget", 24, "--best", 1)
    assert [variant["variant"] for variant in best["variants"]] == [first["winner"]]
    with file.open("a") as opened:  # a small race that another variant won by far: the largest smaller one decides
        small = json.loads(lines[0]) | {"variant": "fast+tile-8", "budget": 8}
        small["race"] = small["race"] | {"budget": 8}
        opened.write(json.dumps(small | {"perturbed": dict.fromkeys(small["perturbed"], 1.0)}) + "\n")
    best = document(capsys, *words, "--budget", 24, "--best", 1)
    assert [variant["variant"] for variant in best["variants"]] == [first["winner"]]
    for altered in ({"race": 5}, {"race": {}}, json.loads(lines[0]) | {"perturbed": 1}):
        file.write_text("\n".join([*lines, json.dumps(altered)]) + "\n")
        sentence = told(capsys, *words, "--budget", 16, "--variants", "fast,paper", "--seeds", 2)
        assert sentence == f"{file} holds results that were altered: choose another file with --out.\n"


def test_a_full_disk_is_one_sentence_and_keeps_earlier_results(tmp_path, monkeypatch):
    usual = Path.open

    def full(file: Path, mode: str = "r", *rest: object, **named: object) -> object:
        if mode == "a":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return usual(file, mode, *rest, **named)

    (tmp_path / "race.jsonl").write_text("")
    monkeypatch.setattr("uapseg.cli.race.Path.open", full)
    with pytest.raises(UapsegError, match=r"No space left on device; earlier results are kept\.$"):
        _append_result(tmp_path / "race.jsonl", {}, SimpleNamespace(to_dict=dict))


def test_an_arm_that_cannot_run_is_left_out(capsys, photos, tmp_path):  # noqa: F811
    words = ("race", "--data", photos, "--text", "o", "--budget", 4, "--out", tmp_path / "race.jsonl")
    found = document(capsys, *words, "--variants", "paper,fast")
    assert [variant["variant"] for variant in found["variants"]] == ["fast"]
    assert "No variant could run" in _sentence(capsys, *words[:-1], tmp_path / "other.jsonl", "--variants", "paper")
    assert "run one first" in told(capsys, *words, "--best", 3, "--budget", 3)


def _sentence(capsys, *words: object) -> str:
    assert main([str(word) for word in words]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_one_perturbation_for_two_networks_and_the_table_of_transfer(capsys, photos, own, tmp_path):  # noqa: F811
    words = ("train", "--data", photos, "--text", "o", "--budget", 16)
    document(capsys, *words, "--out", tmp_path / "one")
    both = document(capsys, *words, "--also", own, "--out", tmp_path / "both")
    assert both["plan"]["also"] == [own]
    files = [tmp_path / name / "perturbation.png" for name in ("one", "both")]
    assert load(files[1]).plan.also == (own,)
    cells = document(capsys, "transfer", *files, "--models", f"street,{own}")["transfer"]
    assert [(len(cell["trained_on"]), cell["model"]) for cell in cells] == [
        (1, "street"), (1, "own.py:other"), (2, "street"), (2, "own.py:other"),
    ]  # fmt: skip
    assert cells[3]["trained_on"] == ["street", "own.py:other"]
    assert all(cell["random_noise"].keys() == cell["perturbed"].keys() for cell in cells)
    again = document(capsys, "resume", tmp_path / "both", "--trust")
    assert again["hashes"] == both["hashes"]
    unnamed = own.replace(":other", ":numbered")
    sentence = told(capsys, "transfer", *files, "--models", f"street,{unnamed}")
    assert f"{files[0]} does not fit the network own.py:numbered: The network has no class 'Tree'" in sentence
    sentence = told(capsys, *words, "--also", unnamed, "--out", tmp_path / "third")
    assert "The target does not fit the network own.py:numbered" in sentence


def test_the_least_epsilon_is_saved_with_its_curve_and_its_perturbation(capsys, photos, tmp_path):  # noqa: F811
    words = ("smallest", "--data", photos, "--size", "48x32", "--break", "--budget", 16)
    found = document(capsys, *words, "--share", 0.05, "--out", tmp_path / "least")
    assert json.loads((tmp_path / "least" / "smallest.json").read_text()) == {"format": 1, **found}
    assert found["score"] == "fooled"
    assert [point["epsilon"] for point in found["points"]] == sorted(point["epsilon"] for point in found["points"])
    least = next(point for point in found["points"] if point["epsilon"] == found["least"])
    assert least["validation"]["fooled"] >= 0.05
    with Image.open(found["chart"]) as chart:
        assert chart.width > 500
    assert document(capsys, "evaluate", found["perturbation"])["perturbed"] == least["perturbed"]
    none = document(capsys, *words, "--share", 1, "--out", tmp_path / "none")
    assert (none["least"], none["perturbation"], len(none["points"])) == (None, None, 1)
    assert "must be above 0" in told(capsys, *words, "--share", 0)
    assert "cannot be written" in told(capsys, *words, "--share", 0.05, "--out", Path(__file__) / "least")


def test_the_tiles_of_a_perturbation_are_measured_and_drawn(capsys, photos, tmp_path):  # noqa: F811
    run, chart = tmp_path / "run", tmp_path / "tiles.png"
    trained = document(
        capsys, "train", "--data", photos, "--size", "48x32", "--text", "o", "--budget", 8, "--out", run
    )
    found = document(capsys, "attribute", run, "--rows", 2, "--columns", 3, "--chart", chart)
    assert found["success"] == trained["perturbed"]["target_success"]
    assert [len(row) for row in found["lost"]] == [3, 3]
    assert all(low <= high for row in found["interval"] for low, high in row)
    assert Image.open(chart).format == "PNG"
    assert "no 3 x 33 tiles" in _sentence(capsys, "attribute", run, "--rows", 33, "--columns", 3)
    assert "a name that ends in .png" in _sentence(capsys, "attribute", run, "--chart", tmp_path / "tiles.pdf")
    nowhere = tmp_path / "none" / "tiles.png"
    assert f"no folder {nowhere.parent} for the chart" in _sentence(capsys, "attribute", run, "--chart", nowhere)


def test_two_perturbations_are_compared_on_pictures_that_neither_has_seen(capsys, photos, tmp_path):  # noqa: F811
    words = ("train", "--data", photos, "--size", "48x32", "--text", "o")
    document(capsys, *words, "--budget", 8, "--out", tmp_path / "short")
    longer = document(capsys, *words, "--budget", 24, "--out", tmp_path / "long")
    found = document(capsys, "compare", tmp_path / "short", tmp_path / "long" / "perturbation.png")
    assert found["second"] == longer["perturbed"]
    assert found["difference"]["target_success"] == pytest.approx(
        found["second"]["target_success"] - found["first"]["target_success"]
    )
    low, high = found["interval"]["target_success"]
    assert low <= found["difference"]["target_success"] <= high
    assert found["epsilon"] == [10, 10]
    pair = ("compare", tmp_path / "short", tmp_path / "long")
    Image.new("RGB", (48, 32)).save(tmp_path / "grey.png")
    (tmp_path / "list.txt").write_text("grey.png")
    document(capsys, *words, "--budget", 8, "--eval-data", tmp_path / "list.txt", "--out", tmp_path / "test")
    sentence = _sentence(capsys, *pair[:2], tmp_path / "test")
    assert f"{tmp_path / 'test'} was trained on or chosen by 3 of these pictures" in sentence
    document(capsys, *words[:5], "--hide", "Building", "--budget", 8, "--out", tmp_path / "hide")
    sentence = _sentence(capsys, *pair[:2], tmp_path / "hide")
    assert (
        "One perturbation was trained for 'o in Tree on Building' and the other one for 'without Building'" in sentence
    )
    assert "hidden" in document(capsys, *pair[:2], tmp_path / "hide", "--hide", "Building")["second"]


def test_the_table_of_transfer_has_every_score():
    first = Report(
        model="a", data="mine", split="test", pictures=1, epsilon=10, perturbed={"hidden": 0.5, "kept": 0.75},
        clean={}, random_noise={"hidden": 0.0, "kept": 1.0}, selection_score=0.5, interval={}, truth={},
        truth_accuracy={}, collapse=None, linf=10, l2=1.0, rms=10.0, hashes={}, measuring_seconds=1.0,
    )  # fmt: skip
    reports = (first, replace(first, model="b", perturbed={"hidden": 1.0, "kept": 0.25}))
    cells = [Cell(Path("a.png"), ["street", "own.py:net"], report) for report in reports]
    assert transfer_table(cells, ["a", "b"]).splitlines() == [
        "trained on         score   a             b",
        "street+own.py:net  hidden  50.0 (0.0)    100.0 (0.0)",
        "street+own.py:net  kept    75.0 (100.0)  25.0 (100.0)",
    ]


def test_robustness_is_reported_with_its_baselines(capsys, photos, tmp_path):  # noqa: F811
    document(capsys, "train", "--data", photos, "--text", "o", "--budget", 16, "--robust", "--out", tmp_path / "run")
    report = document(capsys, "evaluate", tmp_path / "run" / "perturbation.png", "--robustness")
    assert report["robustness"]["nothing"]["perturbed"] == pytest.approx(report["perturbed"])
    assert {
        "JPEG 50",
        "WebP 75",
        "resize to 75 %",
        "5 bits",
        "contrast 70 %",
        "halftone",
        "screenshot at 125 %",
    } < set(report["robustness"])
    assert report["training"].keys() == report["perturbed"].keys()


def test_other_pictures_to_report_on_and_none_that_are_learnt_from(capsys, photos, tmp_path):  # noqa: F811
    rng, mine = np.random.default_rng(1), tmp_path / "mine"
    mine.mkdir()
    for number in range(5):
        values = rng.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(values).resize((120, 90), Image.Resampling.BICUBIC).save(mine / f"{number}.png")
    words = ("train", "--data", photos, "--hide", "Building", "--budget", 8, "--size", "64x48")
    report = document(capsys, *words, "--eval-data", mine, "--out", tmp_path / "run")
    assert report["pictures"] == 5
    assert load(tmp_path / "run" / "perturbation.png").levels.shape == (3, 48, 64)
    again = document(capsys, "evaluate", tmp_path / "run" / "perturbation.png")
    assert again["hashes"] == report["hashes"]
    (cell,) = document(capsys, "transfer", tmp_path / "run" / "perturbation.png", "--models", "street")["transfer"]
    assert cell["pictures"] == 5
    assert document(capsys, "evaluate", tmp_path / "run" / "perturbation.png", "--split", "val")["pictures"] == 2
    for more in (("--split", "test"), ("--data", photos)):
        sentence = _sentence(capsys, "evaluate", tmp_path / "run" / "perturbation.png", *more)
        assert "were used for training, as the run reports on" in sentence
    assert "were used for training" in _sentence(
        capsys, "transfer", tmp_path / "run" / "perturbation.png", "--models", "street", "--data", photos
    )
    folder = Path(photos.removeprefix("camvid:")) / "images"
    for split in ("train", "val"):
        sentence = _sentence(capsys, *words, "--eval-data", folder / split, "--out", tmp_path / "other")
        assert "are used for training or selection" in sentence
    assert not (tmp_path / "other").exists()


def test_truth_and_hashes_stand_in_the_report(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("uapseg.datasets.street.SPLITS", {"train": 4, "val": 2, "test": 3})
    words = ("train", "--text", "foo", "--budget", 8, "--size", "192x128", "--out", tmp_path / "run")
    report = document(capsys, *words)
    assert 0.2 < report["truth"]["clean"] < 1
    assert report["truth"]["perturbed"] is not None
    assert {len(value) for value in report["hashes"].values()} <= {12, 16}
    assert report["hashes"].keys() == {"weights", "pictures", "target", "perturbation"}
    again = document(capsys, "evaluate", tmp_path / "run" / "perturbation.safetensors")
    assert again["hashes"] == report["hashes"]
    assert json.loads((tmp_path / "run" / "plan.json").read_text())["plan"]["size"] == [192, 128]


def test_progress_and_report_name_the_iterate_that_is_kept_and_what_chose_it(capsys):
    settings = fast(epsilon=5 / 255, budget=80, batch=4, validate_every=4)
    target = text_target("o", "light", "dark", (16, 12))
    pictures = (Plain((100,) * 4), Plain((100,) * 6, "val"))
    snapshots = list(report_stall(fit(greys(), *pictures, target, settings)))
    assert _success(snapshots[0], target).startswith("target_success ")
    told = _success(snapshots[-1], target)
    region = snapshots[-1].state.validation.scores["region_success"]
    assert f", region_success {100 * (region or 0):.1f} % (noise " in told
    assert told.endswith("; best: after 80, on 6 pictures")
    plan = Plan(model="street", data="street", target=target, settings=settings)
    found = best_perturbation(plan, snapshots[-1].state)
    assert found.best_iterate == {"image_gradients": 80, "pictures": 6}
    sentences = selection_sentences(found.best_iterate, found.image_gradients)
    assert sentences == ["It is the iterate after 80 of 80 image-gradients, chosen by 6 validation pictures."]
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "No significant improvement" in line]
    assert "on 6 pictures for validation since 0 image-gradients" in line
    assert line.endswith("Ctrl-C stops here and keeps all.")
