"""Plans from files: each of this version is read back, and what does not fit its field is refused."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from uapseg.attack.losses import LOSSES
from uapseg.attack.plan_file import extract_plan
from uapseg.attack.run import Plan
from uapseg.attack.settings import PRESETS, Settings
from uapseg.errors import UapsegError
from uapseg.io.files import to_json
from uapseg.targets import HideClasses
from uapseg.targets.drawing import mask_target

WORD = mask_target(np.eye(8, dtype=bool), "Tree", None)
HIDE = HideClasses(classes=("Car", "Pedestrian"), fill="Road")


def plan(target=HIDE, preset: str = "fast", **options) -> Plan:
    settings = PRESETS[preset](epsilon=10 / 255, budget=400, **options)
    return Plan(
        model="street", data="street", target=target, settings=settings, also=("street:small",), size=(192, 128)
    )


def again(given: Plan) -> Plan:
    return Plan.from_dict(json.loads(json.dumps(given.to_dict())))


@pytest.mark.parametrize("target", [WORD, HIDE], ids=["word", "hide"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_plan_survives_a_journey_through_a_file(target, preset):
    assert again(plan(target, preset)) == plan(target, preset)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": None}, {"optimizer": "dual_averaging"}, {"tile": (64, 48)},
        {"train_pictures": 8, "balanced": True}, {"paste": 0}, {"paste": 3}, {"crop": True},
        {"omega": 0.9, "keep_weight": 2}, {"loss": "margin", "pixel_weighting": "all"},
        {"robust": True, "shift": 4, "flip": True},
    ],
)  # fmt: skip
def test_every_kind_of_setting_is_read_back(options):
    assert again(plan(**options)).settings == plan(**options).settings


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_a_setting_of_the_wrong_type_is_refused_in_one_sentence(name):
    altered = plan().to_dict()
    altered["settings"][name] = {"a": ["b"]}
    with pytest.raises(UapsegError, match=f"[Tt]he {name.replace('_', ' ')} must be .*; it is {{'a': \\('b',\\)}}"):
        Plan.from_dict(altered)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("optimizer", "newton", "no optimizer 'newton': choose one of dual_averaging, sign, adam"),
        ("loss", "dice", "one of cross-entropy"),
        ("pixel_weighting", "fovea", "no pixel weighting 'fovea': choose one of tau, all"),
        ("preset", "slow", "one of fast, paper"), ("optimizer", 5, "must be a text or None"),
        ("flip", 1, "must be True or False"), ("batch", 1.5, "must be a whole number"),
        ("batch", True, "must be a whole number"), ("omega", float("nan"), "must be a number"),
        ("budget", float("inf"), "must be a whole number"), ("tile", (64,), "must be a tuple of 2 numbers"),
    ],
)  # fmt: skip
def test_a_setting_that_is_no_choice_is_refused_at_once_with_what_is_allowed(name, value, allowed):
    """In Python as from a file."""
    altered = plan().to_dict()
    altered["settings"][name] = value
    for make in (lambda: Plan.from_dict(altered), lambda: replace(plan().settings, **{name: value})):
        with pytest.raises(UapsegError, match=name.replace("_", " ")) as told:
            make()
        assert allowed in str(told.value)
        assert repr(value) in str(told.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("model", 5), ("model", "x" * 5000), ("data", "\ud800"), ("also", "street"), ("size", (8, 8)), ("target", "foo"),
     ("settings", None), ("weights", 3.0), ("eval_data", True)],
)  # fmt: skip
def test_a_plan_checks_its_parts(name, value, unchecked):
    with pytest.raises(UapsegError, match=f"[Tt]he {name.replace('_', ' ')} must") as told:
        replace(plan(), **{name: value})
    assert len(str(told.value)) < 250


@pytest.mark.parametrize(
    ("change", "message"),
    [({"classes": ("Tree", 3)}, "classes must be a tuple of texts"), ({"rest": 7}, "rest must be a text or None"),
     ({"caption": "x" * 5000}, "caption must be a text"), ({"classes": (" ",)}, "no name may be blank"),
     ({"kind": "hidden"}, "kind must be 'static'"), ({"classes": ()}, "number 0, but the target names 0 classes")],
)  # fmt: skip
def test_a_target_checks_its_parts(change, message, unchecked):
    with pytest.raises(UapsegError, match=message):
        replace(WORD, **change)


def test_a_hidden_target_checks_its_parts(unchecked):
    for change, message in (({"classes": (2,)}, "tuple of texts"), ({"fill": 2}, "fill must be a text or None")):
        with pytest.raises(UapsegError, match=message):
            replace(HIDE, **change)


def test_a_loss_that_is_added_to_the_table_goes_through_a_plan(monkeypatch):
    monkeypatch.setitem(LOSSES, "dice", LOSSES["margin"])
    assert again(plan(loss="dice")).settings.loss == "dice"


@pytest.mark.parametrize("drawing", ["", "not base64!", "R0lGODlhAQABAAAAACw="])
def test_a_drawing_that_is_no_png_is_refused(drawing):
    altered = plan(WORD).to_dict()
    altered["target"]["drawing"] = drawing
    with pytest.raises(UapsegError, match="drawing of the target cannot be read"):
        Plan.from_dict(altered)


def test_a_file_that_is_too_long_for_a_plan_is_not_taken_apart(monkeypatch):
    content = to_json(plan(WORD).to_dict()).encode()
    monkeypatch.setattr("uapseg.attack.plan_file.MAX_BYTES", len(content))
    assert extract_plan(content) == plan(WORD)
    with pytest.raises(UapsegError, match="it is not one that uapseg wrote"):
        extract_plan(content + b" ")
