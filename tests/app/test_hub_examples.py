"""Examples from the operator's list, fetched from a server on this machine that speaks the Hub's protocol."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from tests.hub import Hub, go_to, running_hub
from tests.small_world import trained, visitor
from uapseg.app.catalogue import listed_examples
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.exports.hub import add_examples
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.files import open_example
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.results.perturbation_file import Perturbation, save_safetensors
from uapseg.results.run_folder import SAFETENSORS


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as hub:
        go_to(hub.address, tmp_path / "cache", monkeypatch)
        yield hub


@pytest.fixture(name="good")
def fixture_good(workspaces: WorkspaceCache) -> Iterator[Perturbation]:
    """The perturbation of a finished run."""
    work = FinishedRun.of(trained(workspaces), workspaces.first)
    yield replace(work.perturbation, fingerprint=workspaces.first.model.fingerprint)
    workspaces.first.hub_examples = ()
    workspaces.first.__dict__.pop("facts", None)


def test_what_keeps_its_claims_is_listed_and_opened_and_the_others_are_not(
    hub: Hub, good: Perturbation, context: Context, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    assert good.plan
    wrong = {
        "claims": replace(good, levels=good.levels * 0),
        "weights": replace(good, fingerprint="0" * 16),
        "network": replace(good, plan=replace(good.plan, model="hours")),
        "silent": replace(good, plan=None, scores=None),
    }
    for name, perturbation in {"good": good, **wrong}.items():
        save_safetensors(tmp_path / f"{name}.safetensors", perturbation)
        hub.repos[f"me/{name}"] = {SAFETENSORS: (tmp_path / f"{name}.safetensors").read_bytes()}
    workspace = context.workspaces.first
    before, key = len(workspace.examples), workspace.facts["key"]
    with caplog.at_level(logging.WARNING):
        add_examples(workspace, [*(f"me/{name}" for name in ("good", *wrong)), "me/missing", "no name"])
    assert [card["file"] for card in workspace.examples[before:]] == ["me--good.png"]
    assert workspace.examples[-1]["success"] > 0.9
    assert workspace.facts["examples"] == workspace.examples
    assert workspace.facts["key"] != key  # pages that are open notice
    for name, reason in {
        "me/claims": "Its file claims 100 %; measured here, it is",
        "me/weights": "does not name the weights",
        "me/network": "was made for hours",
        "me/silent": "does not say what the network should see",
        "me/missing": "There is no hf-hub:me/missing",
        "no name": "is not a repository of the Hub",
    }.items():
        assert any(f"{name} is not listed" in text and reason in text for text in caplog.messages), name
    run = visitor(context)
    open_example(context, run.token, gr.EventData(None, {"number": before}))
    assert run.current_example
    assert run.current_example.name == "me--good"
    assert run.image_gradients == good.image_gradients
    for number in (before + 1, -1, "0"):
        with pytest.raises(gr.Error):
            open_example(context, run.token, gr.EventData(None, {"number": number}))


def test_the_list_of_examples_is_the_operators(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UAPSEG_EXAMPLES", raising=False)
    assert listed_examples() == ()
    monkeypatch.setenv("UAPSEG_EXAMPLES", "me/foo, me/bar@v1,,me/foo")
    assert listed_examples() == ("me/foo", "me/bar@v1")
