"""The values of the controls, and the plan that they describe."""

from dataclasses import replace

from PIL import Image

from uapseg import load_model
from uapseg.app import strings
from uapseg.app.controls import allowed
from uapseg.app.handlers.context import class_choices
from uapseg.app.plan_controls import controls_from_plan
from uapseg.app.workspace import Workspace
from uapseg.datasets.reader import ImageDataset
from uapseg.targets import HideClasses


def test_people_are_one_choice_that_comes_first():
    """A network with two classes of people: the chip stands for both, in links and plans too."""
    street, pictures = load_model("street"), ImageDataset.from_pictures([Image.new("RGB", (64, 48))])
    workspace = Workspace(loaded=(street, pictures))
    assert workspace.first.hide == ("people",)
    assert class_choices(workspace)["hide"][0] == ("People", "people")
    target = replace(workspace.first, goal=strings.HIDDEN).target(workspace.size, None, street.classes)
    assert target == HideClasses(classes=("Pedestrian", "Bicyclist"))
    plan = workspace.first.plan(target)
    assert controls_from_plan(plan, workspace).hide == ("people",)
    three = HideClasses(classes=("Bicyclist", "Car", "Pedestrian"))
    assert controls_from_plan(workspace.first.plan(three), workspace).hide == ("people", "Car")
    assert allowed("hide", ("people", "zebra"), street.classes) == (("people",), False)
    assert allowed("hide", ("people",), ("dark", "light")) == (None, False)
