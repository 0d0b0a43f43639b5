"""Targets: what the network should see, built from what it sees in the clean picture."""

import json

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from uapseg.attack.run import Plan
from uapseg.attack.settings import fast
from uapseg.errors import UapsegError
from uapseg.targets import HideClasses, SwapClasses, Untargeted
from uapseg.targets.drawing import label_map_target, mask_target, text_target
from uapseg.targets.hide import fill_from_nearest

CLASSES = ("road", "car", "person", "sky")
OBJECTS = ("car", "person")
SIZE = (48, 32)


def clean(seed: int = 0) -> torch.Tensor:
    return torch.randint(4, (2, 32, 48), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def test_a_word_is_one_class_on_another():
    goal = text_target("foo", "car", "sky", SIZE).bind(CLASSES, OBJECTS, SIZE)(clean())
    region = goal.groups[0] == 0
    assert 0.1 < region.float().mean() < 0.6
    assert (goal.labels[:, region] == 1).all()
    assert (goal.labels[:, ~region] == 3).all()


def test_the_rest_may_keep_what_the_network_sees():
    seen = clean()
    goal = text_target("foo", "car", None, SIZE).bind(CLASSES, OBJECTS, SIZE)(seen)
    outside = goal.groups == 1
    assert torch.equal(goal.labels[outside], seen[outside])
    assert (goal.labels[~outside] == 1).all()


def test_the_target_repeats_with_the_tile_from_the_top_left_corner():
    mask = np.zeros((4, 6), bool)
    mask[0, 0] = True
    goal = mask_target(mask, "car", "sky").bind(CLASSES, OBJECTS, (6, 4))(torch.zeros(1, 10, 15, dtype=torch.uint8))
    assert (goal.groups[0] == 0).nonzero().tolist() == [[r, c] for r in (0, 4, 8) for c in (0, 6, 12)]


def test_a_mask_of_another_size_is_stretched_by_the_nearest_pixel():
    mask = np.zeros((2, 2), bool)
    mask[0, 1] = True
    goal = mask_target(mask, "car", "sky").bind(CLASSES, OBJECTS, (8, 6))(torch.zeros(1, 6, 8, dtype=torch.uint8))
    assert (goal.groups[0] == 0).nonzero().tolist() == [[r, c] for r in range(3) for c in range(4, 8)]


def test_each_hidden_pixel_takes_the_label_of_the_nearest_visible_one():
    """Against a nearest-neighbour tree: equal where the nearest pixel is unique, and never farther."""
    seen = torch.from_numpy(np.random.default_rng(3).integers(0, 4, (1, 20, 30), dtype=np.uint8))
    hidden = seen == 2
    filled = fill_from_nearest(seen, hidden, otherwise=0)
    there = np.argwhere(~hidden[0].numpy())
    tree = cKDTree(there)
    for row, column in np.argwhere(hidden[0].numpy()):
        distance, _ = tree.query((row, column))
        ties = there[tree.query_ball_point((row, column), distance + 1e-9)]
        assert filled[0, row, column].item() in seen[0].numpy()[ties[:, 0], ties[:, 1]]
    assert torch.equal(filled[~hidden], seen[~hidden])


def test_hidden_classes_leave_everything_else_and_tell_objects_from_the_rest():
    seen = clean()
    goal = HideClasses(classes=("person",)).bind(CLASSES, OBJECTS, SIZE)(seen)
    assert torch.equal(goal.groups == 0, seen == 2)
    assert torch.equal(goal.groups == 1, seen == 1)
    assert torch.equal(goal.labels[seen != 2], seen[seen != 2])
    assert (goal.labels != 2).all()


def test_a_swap_changes_one_class_and_leaves_everything_else():
    seen = clean()
    goal = SwapClasses(source="person", into="sky").bind(CLASSES, OBJECTS, SIZE)(seen)
    assert torch.equal(goal.labels, torch.where(seen == 2, 3, seen).to(torch.uint8))
    assert torch.equal(goal.groups == 0, seen == 2)
    assert torch.equal(goal.groups == 1, seen == 1)


def test_an_untargeted_goal_is_what_each_pixel_is_to_lose():
    seen = clean()
    target = Untargeted()
    goal = target.bind(CLASSES, OBJECTS, SIZE)(seen)
    assert torch.equal(goal.labels, seen)
    assert not goal.groups.any()
    assert not target.success_mask(seen, goal, CLASSES).any()
    assert target.success_mask((seen + 1) % 4, goal, CLASSES).all()


def test_a_picture_of_hidden_classes_only_takes_the_filling_or_the_first_visible_class():
    seen = torch.full((1, 8, 8), 2, dtype=torch.uint8)
    assert (HideClasses(classes=("person",)).bind(CLASSES, OBJECTS, SIZE)(seen).labels == 0).all()
    assert (HideClasses(classes=("person",), fill="sky").bind(CLASSES, OBJECTS, SIZE)(seen).labels == 3).all()


def test_targets_travel_through_json():
    settings = fast(epsilon=0.1, budget=9, tile=(24, 16))
    targets = (
        text_target("foo", "car", None, SIZE),
        HideClasses(classes=("car", "person"), fill="sky"),
        SwapClasses(source="car", into="sky"),
        Untargeted(),
    )
    for target in targets:
        plan = Plan(model="m", data="d", target=target, settings=settings)
        assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_a_plan_of_another_kind_is_refused_in_one_sentence():
    with pytest.raises(UapsegError, match="not one of this version"):
        Plan.from_dict({"model": "street"})


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (HideClasses(classes=("dog",)), "no class 'dog': choose from road, car, person, sky"),
        (HideClasses(classes=()), "at least one class"),
        (HideClasses(classes=CLASSES), "leave at least one"),
        (HideClasses(classes=("car",), fill="Car"), "hidden too"),
        (SwapClasses(source="car", into="dog"), "no class 'dog'"),
        (SwapClasses(source="car", into="Car"), "choose two classes"),
        (text_target("foo", "car", "dog", SIZE), "no class 'dog'"),
        (label_map_target(np.full((4, 4), 255, np.uint8), ("car",), "sky", "none"), "Nothing is drawn"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(target, message):
    with pytest.raises(UapsegError, match=message):
        target.bind(CLASSES, OBJECTS, SIZE)


def test_a_network_of_one_class_has_none_to_lose():
    with pytest.raises(UapsegError, match="a single class"):
        Untargeted().bind(("road",), (), SIZE)


def test_class_names_may_be_written_in_any_case():
    HideClasses(classes=("PERSON",)).bind(CLASSES, OBJECTS, SIZE)
