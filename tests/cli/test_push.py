"""Runs on the Hub: pushed and fetched with its own library, from a server on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.test_cli import document, told
from tests.hub import TOKEN, Hub, go_to, running_hub
from tests.photos import photos_in
from uapseg import Plan, fast, load_model, text_target
from uapseg.cli import main
from uapseg.datasets import load_dataset
from uapseg.io.files import to_json
from uapseg.results.full_report import full_report
from uapseg.results.hub import load_from_hub
from uapseg.results.perturbation_file import Perturbation, load, save_png, save_safetensors
from uapseg.results.run_folder import PNG, REPORT, SAFETENSORS, RunFolder


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[Hub]:
    with running_hub() as hub:
        go_to(hub.address, tmp_path / "cache", monkeypatch)
        yield hub


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The folder of a finished run; its perturbation is drawn by chance."""
    place = tmp_path_factory.mktemp("finished")
    data = photos_in(place)
    test = load_dataset(data, "test")
    target = text_target("a|b`<i>", "Tree", "Building", size=test.size)
    plan = Plan(model="street", data=data, target=target, settings=fast(epsilon=10 / 255, budget=8))
    levels = torch.randint(-10, 11, (3, test.size[1], test.size[0]), dtype=torch.int16)
    found = Perturbation(levels, plan, image_gradients=8, seconds=1.0)
    folder = RunFolder.create(place / "run", plan)
    save_safetensors(folder.path / SAFETENSORS, found)
    save_png(folder.path / PNG, found)
    folder.write_report(full_report(found, load_model("street"), test, target).to_dict() | {"plan": plan.to_dict()})
    return folder.path


@pytest.fixture
def pushed(hub, finished, capsys) -> dict[str, bytes]:
    """What a push has written into its repository."""
    assert document(capsys, "push", finished, "me/foo")["url"] == f"{hub.address}/me/foo"
    return hub.repos["me/foo"]


def test_a_push_writes_both_files_plan_report_and_card(pushed, finished, tmp_path):
    assert set(pushed) == {"README.md", PNG, SAFETENSORS, "plan.json", REPORT}
    report = json.loads(pushed[REPORT])
    assert report == json.loads((finished / REPORT).read_bytes())
    for name in (PNG, SAFETENSORS):
        (tmp_path / name).write_bytes(pushed[name])
        found = load(tmp_path / name)
        assert torch.equal(found.levels, load(finished / name).levels)
        assert found.fingerprint == load_model("street").fingerprint == report["hashes"]["weights"]
    assert main(["push", str(finished), "me/foo"]) == 0  # again: nothing is in the way


def test_the_card_says_what_it_is_and_what_it_does(pushed, finished):
    card = huggingface_hub.ModelCard(pushed["README.md"].decode())
    assert card.data.library_name == "uapseg"
    assert card.data.license == "other"
    assert card.data.base_model is None
    assert {"adversarial", "arxiv:1704.05712"} <= set(card.data.tags)
    report = json.loads((finished / REPORT).read_bytes())
    for name in report["perturbed"]:
        row = next(line for line in card.text.splitlines() if line.startswith(f"| {name.replace('_', ' ')} |"))
        shares = [report["perturbed"][name], *report["interval"][name], report["random_noise"][name]]
        for share in (*shares, report["clean"][name]):
            assert f"{100 * share:.1f}" in row
        assert row.count("|") == 6
    assert "a&#124;b&#96;&lt;i&gt; in Tree on Building" in card.text
    for needed in ("Intended use", "Limits", "hf-hub:me/foo", "https://arxiv.org/abs/1704.05712", "random noise"):
        assert needed in card.text


def test_flags_choose_the_licence_and_who_sees_it(hub, finished):
    assert main(["push", str(finished), "me/mine", "--license", "cc-by-4.0", "--private"]) == 0
    assert hub.private == {"me/mine"}
    assert huggingface_hub.ModelCard(hub.repos["me/mine"]["README.md"].decode()).data.license == "cc-by-4.0"


def test_a_name_takes_the_place_of_a_file(pushed, finished, capsys, tmp_path):
    Image.new("RGB", (90, 60), (90, 90, 90)).save(tmp_path / "photo.png")
    rest = (tmp_path / "photo.png", "--out")
    here = document(capsys, "apply", finished, *rest, tmp_path / "here")["pictures"][0]
    there = document(capsys, "apply", "hf-hub:me/foo", *rest, tmp_path / "there")["pictures"][0]
    assert np.array_equal(*(np.asarray(Image.open(done["perturbed"])) for done in (here, there)))
    report = document(capsys, "evaluate", "hf-hub:me/foo")
    assert report["perturbed"] == json.loads((finished / REPORT).read_bytes())["perturbed"]


def test_training_starts_from_one(pushed, finished, capsys, tmp_path):
    found, plan = load(finished / PNG), finished / "plan.json"
    out = tmp_path / "run"
    report = document(capsys, "train", "--plan", plan, "--from", "hf-hub:me/foo", "--out", out)
    folder = RunFolder.open(out)
    start = folder.start()
    assert torch.equal(start.levels, found.levels)
    assert report["start"] == json.loads((finished / REPORT).read_bytes())["hashes"]["perturbation"]
    nearest = (folder.perturbation().levels - found.levels).abs().float().mean()
    assert nearest < found.levels.abs().float().mean() / 2
    (tmp_path / "small.npy").write_bytes(b"")
    np.save(tmp_path / "small.npy", np.ones((3, 8, 8), np.int8))
    words = ("train", "--plan", plan, "--from", tmp_path / "small.npy", "--out", tmp_path / "other")
    assert "start from one of that size" in told(capsys, *words)
    assert not (tmp_path / "other").exists()


def test_what_was_fetched_is_there_without_a_connection(pushed, hub, monkeypatch, capsys, tmp_path):
    levels = load_from_hub("hf-hub:me/foo").levels
    asked = len(hub.asked)
    assert torch.equal(load_from_hub("hf-hub:me/foo").levels, levels)
    assert [line.split()[0] for line in hub.asked[asked:]] == ["HEAD", "HEAD"]
    go_to("http://127.0.0.1:9", tmp_path / "cache", monkeypatch)
    assert torch.equal(load_from_hub("hf-hub:me/foo").levels, levels)
    assert "127.0.0.1:9 cannot be reached" in told(capsys, "evaluate", "hf-hub:me/bar")


def test_the_png_is_taken_where_there_is_nothing_else(pushed, finished):
    del pushed[SAFETENSORS]
    assert torch.equal(load_from_hub("hf-hub:me/foo").levels, load(finished / PNG).levels)
    assert load_from_hub("hf-hub:me/foo@main").plan == load(finished / PNG).plan


def test_the_weights_of_another_network_are_refused(pushed, finished, capsys, tmp_path):
    found = load(finished / PNG)
    save_safetensors(tmp_path / "other", Perturbation(found.levels, found.plan, fingerprint="0123456789ab"))
    pushed[SAFETENSORS] = (tmp_path / "other").read_bytes()
    sentence = told(capsys, "evaluate", "hf-hub:me/foo")
    assert "trained against street with the fingerprint 0123456789ab" in sentence
    words = ("train", "--plan", finished / "plan.json", "--from", "hf-hub:me/foo", "--out", tmp_path / "run")
    assert told(capsys, *words) == sentence
    assert document(capsys, "evaluate", "hf-hub:me/foo", "--model", "street")["pictures"]


def an_array(file: Path, levels: torch.Tensor) -> None:
    torch.save(levels, file)


def a_text(file: Path, levels: torch.Tensor) -> None:
    file.write_text("levels")


@pytest.mark.parametrize(("wrong", "sentence"), [(an_array, "only PNG and safetensors"), (a_text, "is neither a PNG")])
def test_only_png_and_safetensors_are_read(pushed, finished, capsys, tmp_path, *, wrong, sentence):
    wrong(tmp_path / "wrong", load(finished / PNG).levels)
    pushed[SAFETENSORS] = (tmp_path / "wrong").read_bytes()
    assert sentence in told(capsys, "evaluate", "hf-hub:me/foo")


def test_what_is_too_large_is_not_fetched(pushed, hub, capsys):
    hub.claimed[SAFETENSORS] = 1 << 40
    assert "has more than 100 MiB" in told(capsys, "evaluate", "hf-hub:me/foo")
    assert not any(line.startswith("GET") for line in hub.asked)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("evaluate", "hf-hub:me/nothing"), "There is no hf-hub:me/nothing, or it is private"),
        (("evaluate", "hf-hub:me/foo@v7"), "no such revision"),
        (("evaluate", "hf-hub:me"), "write USER/NAME"),
        (("evaluate", "hf-hub:../me"), "write USER/NAME"),
        (("push", "RUN", "you/foo"), "does not let you write to you/foo"),
        (("push", "RUN", "foo"), "write USER/NAME"),
        (("push", "RUN", "me/foo@main"), "goes to the main branch"),
    ],
)
def test_a_wrong_name_is_one_sentence(pushed, finished, capsys, words, sentence):
    assert sentence in told(capsys, *(finished if word == "RUN" else word for word in words))


def test_a_repository_without_a_perturbation_is_one_sentence(pushed, capsys):
    for name in (PNG, SAFETENSORS):
        del pushed[name]
    assert "there is neither perturbation.safetensors nor perturbation.png" in told(
        capsys, "evaluate", "hf-hub:me/foo"
    )


def test_who_is_not_logged_in_is_told_so(hub, finished, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", "/nowhere")
    assert "log in with hf auth login" in told(capsys, "push", finished, "me/foo")


@pytest.mark.parametrize(
    "change", [{"hashes": {"weights": "x", "perturbation": "y"}}, {"hashes": 3}, {"interval": None}]
)
def test_a_report_of_something_else_is_not_published(hub, finished, capsys, tmp_path, change):
    for file in finished.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    report = json.loads((finished / REPORT).read_bytes())
    del report["format"]
    (tmp_path / REPORT).write_text(to_json(report | change))
    assert "resume the run, which" in told(capsys, "push", tmp_path, "me/foo")
    (tmp_path / REPORT).unlink()
    assert "has no report yet" in told(capsys, "push", tmp_path, "me/foo")
    assert not hub.repos


@pytest.mark.slow
def test_the_address_is_that_of_the_environment(hub, finished, tmp_path):
    settings = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
    for words in (("push", str(finished), "me/foo"), ("evaluate", "hf-hub:me/foo", "--json")):
        command = [sys.executable, "-m", "uapseg", *words]
        done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pictures"]
