"""The command that repeats a run: the command line's own parser makes the same plan of it."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from uapseg.app.exports.command import PLAN_FILE, to_command
from uapseg.attack.distributed import SINGLE_PROCESS
from uapseg.attack.run import Plan
from uapseg.attack.settings import fast, paper
from uapseg.cli.parser import make_parser
from uapseg.cli.train import _flags_or_plan, _plan
from uapseg.io.files import to_json
from uapseg.scenes import SIZE
from uapseg.targets import HideClasses, SwapClasses, Untargeted
from uapseg.targets.drawing import label_map_target, mask_target, text_target

MASK = np.zeros((256, 384), bool)
MASK[50:100, 50:100] = True
SETTINGS = fast(epsilon=10 / 255, budget=100)
FOO = text_target("foo", "Tree", "Building", SIZE)
HIDE = HideClasses(classes=("Car", "Pedestrian"))


def plan(target=FOO, settings=SETTINGS, **others) -> Plan:
    return Plan(**{"model": "street", "data": "street", "target": target, "settings": settings, **others})


def settings(**changes):
    return plan(settings=replace(SETTINGS, **changes))


def typed(command: str, made: Plan, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan that the command line makes of a command, with the plan's file in the folder."""
    (folder / PLAN_FILE).write_text(to_json(made.to_dict()))
    monkeypatch.chdir(folder)
    python, dash, package, *words = shlex.split(command)
    assert [python, dash, package] == ["python", "-m", "uapseg"]
    asked = _flags_or_plan(make_parser().parse_args(words))
    return asked if isinstance(asked, Plan) else _plan(asked, SINGLE_PROCESS)


IN_FLAGS = {
    "a word": plan(),
    "a word that looks like a flag": plan(text_target("-o", "Tree", None, SIZE)),
    "a word of two words": plan(text_target("stop 'it'", "Tree", "Road", SIZE)),
    "a word on other pictures": plan(text_target("o", "Tree", "Building", (192, 128)), size=(192, 128)),
    "a word on a tile": plan(text_target("o", "Tree", "Sky", (64, 48)), replace(SETTINGS, tile=(64, 48))),
    "hidden classes": plan(HIDE),
    "a chosen filling": plan(replace(HIDE, fill="Road")),
    "a swap": plan(SwapClasses(source="Car", into="Bicyclist")),
    "every class": plan(Untargeted()),
    "the paper": plan(HIDE, paper(epsilon=8 / 255, budget=2000)),
    "the paper, another omega": plan(HIDE, paper(epsilon=8 / 255, budget=2000, omega=0.9)),
    "a bound in L2": settings(norm="l2"),
    "a keep weight": settings(keep_weight=1 / 3),
    "a fine epsilon": plan(settings=fast(epsilon=3.3 / 255, budget=7)),
    "as the page looks": settings(validate_every=64, first_validation=8, validation_pictures=24),
    "nothing pasted": plan(HIDE, replace(SETTINGS, paste=0)), "three pasted": plan(HIDE, replace(SETTINGS, paste=3)),
    "cropped": plan(HIDE, replace(SETTINGS, crop=True)),
    "uncropped": plan(HIDE, replace(SETTINGS, crop=False)),
    "everything else": plan(
        settings=fast(epsilon=1 / 255, budget=9, seed=77, train_pictures=8, balanced=True, robust=True),
        also=("street:small",), eval_data="street?scenes=9", data="street?scenes=64", weights="my file.safetensors",
    ),
}  # fmt: skip

IN_A_FILE = {
    "a mask": plan(mask_target(MASK, "Tree", "Building", "logo.png")),
    "a mask that is called like a word": plan(mask_target(MASK, "Tree", "Building", "foo")),
    "a word for other pictures": plan(text_target("foo", "Tree", "Building", (192, 128))),
    "a scene": plan(label_map_target(np.zeros((256, 384), np.uint8), ("Sky", "Building"), None, "scene 7")),
    "an optimizer": settings(optimizer="sign"),
    "a loss": settings(loss="margin"),
    "a seed below zero": settings(seed=-1),
    "a whole step": plan(HIDE, paper(epsilon=8 / 255, budget=2000, step_size=2 / 255)),
}


@pytest.mark.parametrize("name", IN_FLAGS)
def test_flags_make_the_same_plan(name, tmp_path, monkeypatch):
    made = IN_FLAGS[name]
    command = to_command(made)
    assert "--plan" not in command
    if made.weights:  # the file is not there
        monkeypatch.setattr("uapseg.cli.train.load_model", lambda name, *_, **__: load_street())
    assert typed(command, made, tmp_path, monkeypatch) == made


@pytest.mark.parametrize("name", IN_A_FILE)
def test_what_flags_cannot_say_is_in_the_plan(name, tmp_path, monkeypatch):
    made = IN_A_FILE[name]
    command = to_command(made)
    assert command == f"python -m uapseg train --plan {PLAN_FILE}"
    assert json.loads(to_json(made.to_dict()))["format"] == 1
    assert typed(command, made, tmp_path, monkeypatch) == made


def load_street():
    from uapseg.models import load_model

    return load_model("street")
