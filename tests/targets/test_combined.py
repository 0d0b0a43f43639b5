"""A drawing in one region and hidden classes elsewhere: each pixel has one goal, and both parts have their scores."""

import json

import numpy as np
import pytest
import torch

from tests.attack.test_loop import search
from uapseg.attack.run import Plan
from uapseg.attack.settings import PRESETS, fast
from uapseg.errors import UapsegError
from uapseg.targets import DrawAndHide, HideClasses
from uapseg.targets.combined import DRAWN
from uapseg.targets.drawing import label_map_target, mask_target, text_target
from uapseg.targets.metrics import count_pixels, scores

CLASSES = ("road", "car", "person", "sky")
LEFT = np.array([[True, True, False, False, False, False]])
SIZE = (6, 1)


def combined(inside: str = "sky", hidden: tuple[str, ...] = ("person",), fill: str | None = None) -> DrawAndHide:
    return DrawAndHide.of(mask_target(LEFT, inside, None, "left"), HideClasses(classes=hidden, fill=fill))


def maps(*row: int) -> torch.Tensor:
    return torch.tensor([[row]], dtype=torch.uint8)


def test_each_pixel_has_one_goal():
    clean = maps(2, 0, 2, 0, 1, 1)
    goal = combined(fill="road").bind(CLASSES, ("car", "person"), SIZE)(clean)
    assert goal.labels.tolist() == [[[3, 3, 0, 0, 1, 1]]]
    assert goal.groups.tolist() == [[[DRAWN, DRAWN, 0, 2, 1, 1]]]


def test_both_parts_have_their_scores():
    """Of the drawing one of two is there, of the people one of two is gone, and of three others two are kept."""
    target, clean = combined(fill="road"), maps(2, 0, 2, 2, 1, 0)
    goal = target.bind(CLASSES, ("car", "person"), SIZE)(clean)
    found = scores(count_pixels(maps(3, 0, 0, 2, 1, 3), clean, goal, target, CLASSES), target)
    assert found["changed"] == 2 / 4
    assert found["region_success"] == 1 / 2
    assert found["hidden"] == 1 / 2
    assert found["kept"] == 1 / 2
    assert found["kept_objects"] == 1.0
    assert next(iter(found)) == "changed"


def test_people_who_appear_in_the_drawing_are_not_hidden():
    target, clean = combined(), maps(0, 0, 2, 2, 1, 0)
    goal = target.bind(CLASSES, ("car", "person"), SIZE)(clean)
    assert scores(count_pixels(maps(2, 2, 0, 0, 1, 0), clean, goal, target, CLASSES), target)["hidden"] == 0.0


@pytest.mark.parametrize("preset", PRESETS)
def test_a_search_reaches_both(preset):
    """Pictures of grey 115 are seen as light: a quarter is drawn as dark, and elsewhere light is hidden."""
    mask = np.zeros((12, 16), bool)
    mask[:6, :8] = True
    target = DrawAndHide.of(mask_target(mask, "dark", None), HideClasses(classes=("light",), fill="dark"))
    last = search(PRESETS[preset](epsilon=6 / 255, budget=120), train=(115,) * 4, held_out=(115, 112), target=target)
    found = last[-1].state.best_validation.scores
    assert (found["region_success"], found["hidden"], found["changed"]) == (1.0, 1.0, 1.0)


def test_a_plan_of_both_travels_through_json():
    plan = Plan(model="m", data="d", target=combined(fill="road"), settings=fast(epsilon=0.1, budget=9))
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((mask_target(LEFT, "Person", None), ("person", "car")), "Person cannot be drawn and hidden at once"),
        (
            (mask_target(LEFT, "sky", "road"), ("person",)),
            "everything is to be road, so that there is nothing to hide",
        ),
        (
            (label_map_target(np.zeros((2, 2), np.uint8), ("sky",), None, "all"), ("person",)),
            "covers the whole picture",
        ),
    ],
)
def test_a_contradiction_is_one_sentence(parts, message):
    with pytest.raises(UapsegError, match=message):
        DrawAndHide.of(parts[0], HideClasses(classes=parts[1]))


def test_the_fill_class_may_be_the_drawn_one():
    word = text_target("o", "sky", None, (48, 32))
    goal = DrawAndHide.of(word, HideClasses(classes=("person",), fill="sky")).bind(CLASSES, (), (48, 32))
    assert (goal(torch.full((1, 32, 48), 2, dtype=torch.uint8)).labels == 3).all()
