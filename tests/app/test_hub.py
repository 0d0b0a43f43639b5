"""A run is published from the page, on a server on this machine that speaks the Hub's protocol."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.hub import TOKEN, Hub, go_to, running_hub
from tests.small_world import ran, visitor
from uapseg.app.handlers import files as handlers_files
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.files import publish_to_hub
from uapseg.results.hub import load_from_hub

LOGIN = SimpleNamespace(token=TOKEN)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as hub:
        go_to(hub.address, tmp_path / "cache", monkeypatch)
        monkeypatch.delenv("HF_TOKEN")  # of the page's own machine nothing is used
        yield hub


def test_a_run_is_published_in_the_name_of_the_signed_in_visitor(
    hub: Hub, context: Context, monkeypatch: pytest.MonkeyPatch
):
    said = []
    monkeypatch.setattr(handlers_files.gr, "Info", lambda text, **_: said.append(text))
    run = ran(context, budget=64)
    publish_to_hub(context, run.token, " me/foo ", LOGIN)
    assert {"README.md", "perturbation.png", "perturbation.safetensors", "plan.json", "report.json"} <= {
        *hub.repos["me/foo"]
    }
    assert f"{hub.address}/me/foo" in said[0]
    assert load_from_hub("me/foo").plan == run.plan
    with pytest.raises(gr.Error, match="not let you write to you/foo"):
        publish_to_hub(context, run.token, "you/foo", LOGIN)
    with pytest.raises(gr.Error, match="write USER/NAME"):
        publish_to_hub(context, run.token, "foo", LOGIN)


def test_publishing_without_signing_in_says_what_to_do(context: Context, monkeypatch: pytest.MonkeyPatch):
    run = ran(context, budget=64)
    with pytest.raises(gr.Error, match="uapseg push RUN USER/NAME"):
        publish_to_hub(context, run.token, "me/foo", None)
    monkeypatch.setenv("SPACE_ID", "me/space")
    monkeypatch.setenv("OAUTH_CLIENT_ID", "some")
    with pytest.raises(gr.Error, match="Sign in with Hugging Face first"):
        publish_to_hub(context, run.token, "me/foo", None)
    with pytest.raises(gr.Error, match="nothing to export yet"):
        publish_to_hub(context, visitor(context).token, "me/foo", LOGIN)
