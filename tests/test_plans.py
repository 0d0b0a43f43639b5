"""Plans from files: each of this version is read back, and what does not fit its field is refused."""

import json
from dataclasses import fields

import numpy as np
import pytest

from uapseg.drawings import drawn
from uapseg.errors import UapsegError
from uapseg.plans import read_plan
from uapseg.run import Plan
from uapseg.settings import PRESETS, Settings
from uapseg.targets import Hidden

WORD = drawn(np.eye(8, dtype=bool), "Tree", None)
HIDE = Hidden(classes=("Car", "Pedestrian"), fill="Road")


def plan(target=HIDE, preset: str = "fast", **options) -> Plan:
    settings = PRESETS[preset](epsilon=10 / 255, budget=400, **options)
    return Plan(
        model="street", data="street", target=target, settings=settings, also=("street:small",), size=(192, 128)
    )


def again(given: Plan) -> Plan:
    return read_plan(json.loads(json.dumps(given.to_dict())))


@pytest.mark.parametrize("target", [WORD, HIDE], ids=["word", "hide"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_plan_survives_a_journey_through_a_file(target, preset):
    assert again(plan(target, preset)) == plan(target, preset)


@pytest.mark.parametrize(
    "options",
    [
        {"rule": None}, {"rule": "lazy"}, {"tile": (64, 48)}, {"train_pictures": 8, "balanced": True},
        {"omega": 0.9, "keep": 2}, {"loss": "margin", "focus": "smooth"}, {"robust": True, "shift": 4, "flip": True},
    ],
)  # fmt: skip
def test_every_kind_of_setting_is_read_back(options):
    assert again(plan(**options)).settings == plan(**options).settings


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_a_setting_of_the_wrong_type_is_refused_in_one_sentence(name):
    altered = plan().to_dict()
    altered["settings"][name] = {"a": ["b"]}
    with pytest.raises(UapsegError, match="cannot be read"):
        read_plan(altered)


@pytest.mark.parametrize(("name", "value"), [("rule", "newton"), ("loss", "dice"), ("flip", 1), ("batch", 1.5)])
def test_a_setting_that_is_no_choice_is_refused(name, value):
    altered = plan().to_dict()
    altered["settings"][name] = value
    with pytest.raises(UapsegError, match=f"its {name} is not what it should be"):
        read_plan(altered)


@pytest.mark.parametrize("drawing", ["", "not base64!", "R0lGODlhAQABAAAAACw="])
def test_a_drawing_that_is_no_png_is_refused(drawing):
    altered = plan(WORD).to_dict()
    altered["target"]["drawing"] = drawing
    with pytest.raises(UapsegError, match="drawing in the plan cannot be read"):
        read_plan(altered)
