"""Perturbations that come with the project, in a folder made for the small world."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from tests.small_world import registry, stocked, values, visitor
from uapseg.app import examples as shelf
from uapseg.app import strings
from uapseg.app.context import Context
from uapseg.app.handlers_files import open_example
from uapseg.app.handlers_run import run_turn, start_run
from uapseg.app.workspaces import WorkspaceCache

PAIR = ("greys", "plain:x")


@pytest.fixture
def context(workspaces: WorkspaceCache, tmp_path: Path) -> Iterator[Context]:
    with stocked(workspaces, tmp_path):
        yield Context(workspaces, registry(), patience=600)


def chosen(number: object) -> gr.EventData:
    return gr.EventData(None, {"number": number})


def test_a_ready_perturbation_is_loaded_measured_and_goes_on(context: Context):
    run = visitor(context)
    updates = open_example(context, run.token, chosen(0))
    assert run.note == "measured 100 %, as the file claims"
    assert updates[-4]["value"] == strings.RESUME
    start_run(context, run.token, *values(context, **{**run.choice.to_dict(), "budget": 640}))
    list(run_turn(context, run.token))
    assert run.spent == 320 + 640


@pytest.mark.parametrize("number", [2, -1, "0", None])
def test_one_that_does_not_exist_is_refused(context: Context, number: object):
    with pytest.raises(gr.Error):
        open_example(context, visitor(context).token, chosen(number))


def test_other_networks_get_none(context: Context):
    assert shelf.recorded_run(PAIR)["caption"] == "recorded"
    assert len(shelf.example_cards(PAIR)) == 2
    assert shelf.example_cards(("hours", "plain:x")) == []
    assert shelf.recorded_run(("hours", "plain:x")) == {}


def test_what_is_shipped_can_be_loaded():
    for cached in (shelf.example_cards, shelf.recorded_run):
        cached.cache_clear()
    pair = ("street", "street")
    for number, card in enumerate(shelf.example_cards(pair)):
        kept = shelf.load_example(pair, number)
        assert kept.plan
        assert (kept.plan.model, round(kept.epsilon * 255)) == ("street", card["epsilon"])
    assert sum(file.stat().st_size for file in shelf.EXAMPLES.glob("*")) < 3_500_000
