"""Slips found in published code of this field that no other file's tests keep out."""

import gc
import weakref
from importlib import import_module

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.ball import Ball
from uapseg.attack.loop import fit
from uapseg.attack.run import Plan
from uapseg.attack.settings import fast
from uapseg.datasets import load_dataset
from uapseg.results.evaluation import evaluate
from uapseg.targets import HideClasses
from uapseg.targets.drawing import text_target
from uapseg.targets.metrics import count_pixels, scores

GREY = 1 / 255
HIDE = HideClasses(classes=("light",), fill="dark")


def test_what_to_hide_is_taken_from_the_clean_prediction_and_never_from_the_attacked_one():
    """With the mask taken from attacked pictures, nothing would be left to hide as soon as the attack works."""
    settings = fast(epsilon=9 * GREY, budget=120, batch=2, validate_every=20)
    snapshots = list(fit(greys(), Plain((115, 95)), Plain((115, 95), "val"), HIDE, settings))
    assert snapshots[-1].state.validation.scores["hidden"] == 1.0
    delta = settings.ball.quantize(snapshots[-1].state.delta)
    assert evaluate(greys(), Plain((115, 95), "test"), HIDE, delta, ball=Ball(9 * GREY)).perturbed["hidden"] == 1.0


def test_a_collapse_to_one_class_shows_in_the_scores():
    """Hiding people by seeing nothing at all is no success: `hidden` alone would not tell."""
    classes, target = ("road", "car", "person"), HideClasses(classes=("person",), fill="road")
    clean = torch.tensor([[[2, 1, 1, 0]]], dtype=torch.uint8)
    goal = target.bind(classes, ("car", "person"), (4, 1))(clean)
    values = scores(count_pixels(torch.zeros_like(clean), clean, goal, target, classes), target)
    assert (values["hidden"], values["kept_objects"]) == (1.0, 0.0)
    assert values["kept"] == pytest.approx(1 / 3)


def test_each_epsilon_has_floors_of_its_own():
    """Rows of a published results file were copied between settings."""
    edge = (110,) * 3  # half a grey level below the border
    small, large = (
        evaluate(greys(), Plain(edge, "test"), HIDE, torch.zeros(3, 12, 16), ball=Ball(e * GREY)) for e in (1, 9)
    )
    assert small.random_noise["kept"] != large.random_noise["kept"]
    assert (small.epsilon, large.epsilon) == (1, 9)


def test_a_search_never_opens_the_test_pictures(monkeypatch):
    opened: list[str] = []
    module = import_module("uapseg.attack.run")  # the package exports its function under the same name
    monkeypatch.setattr(module, "load_model", lambda *_, **__: greys())
    monkeypatch.setattr(
        module, "load_dataset", lambda name, split, _: (opened.append(split), Plain((100,) * 3, split))[1]
    )
    target = text_target("o", "light", "dark", (16, 12))
    plan = Plan(model="greys", data="plain", target=target, settings=fast(epsilon=GREY, budget=6))
    list(module.run(plan, device="cpu"))
    assert set(opened) == {"train", "val"}


def test_pictures_come_in_the_same_order_each_time():
    first, second = (load_dataset("street", "val").pictures([0, 1]) for _ in range(2))
    assert torch.equal(first, second)


def test_a_run_that_is_closed_frees_its_memory():
    """A cancelled run of a published page kept the device's memory."""
    model, train = greys(), Plain((100,) * 4)
    freed = [weakref.ref(model), weakref.ref(train)]
    snapshots = fit(model, train, Plain((115,), "val"), HIDE, fast(epsilon=GREY, budget=40, batch=2))
    next(snapshots), next(snapshots)
    snapshots.close()
    del model, train, snapshots
    gc.collect()
    assert [reference() for reference in freed] == [None, None]


def test_a_short_search_saves_what_it_found_and_never_the_empty_start():
    """The clean picture keeps everything and so scores well on its own; it is no perturbation."""
    first = list(fit(greys(), Plain((115,)), Plain((115, 95), "val"), HIDE, fast(epsilon=GREY, budget=1)))[-1]
    assert first.state.best.abs().amax() > 0
