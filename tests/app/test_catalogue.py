"""What the page offers: the operator's list, and perturbations that come with the project."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from tests.small_world import registry, stocked, values, visitor
from uapseg.app import catalogue, strings
from uapseg.app import catalogue as shelf
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.files import open_example
from uapseg.app.handlers.training import reset_run, run_turn, start_run
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.errors import UapsegError
from uapseg.models import load_model, torchvision


@pytest.fixture(autouse=True)
def clear(monkeypatch):
    for name in ("UAPSEG_MODELS", "UAPSEG_DATASETS", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_list_the_known_networks_and_coco_are_offered():
    assert catalogue.offered_models() == (
        "street",
        "street:small",
        "street:robust",
        *(f"torchvision:{name}" for name in torchvision.NAMES),
    )
    assert catalogue.offered_datasets() == ("street", "coco-mini", "coco:val2017")


def test_on_spaces_photos_are_offered_beside_what_comes_with_the_package(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/uapseg")
    assert catalogue.offered_models() == ("street", "street:robust", catalogue.SPACE_PAIR[0])
    assert catalogue.offered_datasets() == ("street", catalogue.SPACE_PAIR[1])
    offers = (
        *catalogue.model_offers(catalogue.offered_models()),
        *catalogue.dataset_offers(catalogue.offered_datasets()),
    )
    assert [offer.label for offer in offers if "to download" in offer.label + offer.details] == []


@pytest.mark.parametrize("space", [True, False])
def test_the_operators_list_rules(space, monkeypatch):
    if space:
        monkeypatch.setenv("SPACE_ID", "someone/uapseg")
    monkeypatch.setenv("UAPSEG_MODELS", " hf:nvidia/segformer ,street,, street")
    monkeypatch.setenv("UAPSEG_DATASETS", "voc:/data/VOCdevkit")
    assert catalogue.offered_models() == ("hf:nvidia/segformer", "street")
    assert catalogue.offered_datasets() == ("voc:/data/VOCdevkit",)


@pytest.mark.parametrize("value", ["", " , "])
def test_an_empty_list_is_none(value, monkeypatch):
    monkeypatch.setenv("UAPSEG_MODELS", value)
    assert "street" in catalogue.offered_models()


def test_a_list_cannot_let_strangers_run_code(monkeypatch):
    monkeypatch.setenv("UAPSEG_MODELS", "evil.py:net")
    assert catalogue.offered_models() == ("evil.py:net",)
    with pytest.raises(UapsegError, match="runs code from a file"):
        load_model("evil.py:net", allow_code=False)


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
    assert run.note == "measured here: 100 %, as the file says"
    assert updates[-4]["value"] == strings.RESUME
    start_run(context, run.token, *values(context, **{**run.controls.to_dict(), "budget": 640}))
    list(run_turn(context, run.token))
    assert run.image_gradients == 320 + 640


def test_reset_after_examples_brings_back_the_controls_from_before_them(context: Context):
    run = visitor(context)
    before = run.controls
    for number in (0, 1):
        open_example(context, run.token, chosen(number))
    assert run.controls != before
    reset_run(context, run.token)
    assert (run.controls, run.plan, run.kept_runs) == (before, None, [])


def test_a_run_that_gives_way_to_an_example_is_kept_with_its_own_controls(context: Context):
    run = visitor(context)
    start_run(context, run.token, *values(context, budget=64, epsilon=4))
    list(run_turn(context, run.token))
    open_example(context, run.token, chosen(0))
    (kept,) = run.kept_runs
    assert (kept.controls.epsilon, run.controls.epsilon) == (4, 10)


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
    for card in shelf.example_cards(pair):
        kept = shelf.load_example(card)
        assert kept.plan
        assert (kept.plan.model, round(kept.epsilon * 255)) == ("street", card["epsilon"])
    assert sum(file.stat().st_size for file in shelf.EXAMPLES.glob("*")) < 3_500_000
