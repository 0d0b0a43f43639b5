"""The validation that selects: known answers, several networks, overfitting, collapse."""

import json
from dataclasses import asdict

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.ball import Ball
from uapseg.attack.validation import Validation, Validator, evenly_spaced
from uapseg.targets import HideClasses
from uapseg.targets.drawing import mask_target

GREY = 1 / 255
LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")
BRIGHTER = torch.full((3, 12, 16), 6 * GREY)  # 105 becomes light, 104 does not
BALL = Ball(6 * GREY)


def judge(held_out, known=(100,), *, target=LIGHT, networks=1) -> Validator:
    places = (range(len(held_out)), range(len(known)))
    pictures = ((Plain(held_out, "val"), places[0]), (Plain(known), places[1]))
    return Validator([greys() for _ in range(networks)], *pictures, target, (16, 12))


def test_a_look_counts_the_held_out_pictures_one_by_one():
    look = judge((105, 104, 130, 90)).evaluate(BRIGHTER, BALL, 40)
    assert look.scores["target_success"] == 0.5
    assert look.each == (1.0, 0.0, 1.0, 0.0)
    assert look.image_gradients == 40
    assert look.predictions[:, 0, 0].tolist() == [1, 0, 1, 0]


def test_what_is_looked_at_is_in_whole_grey_levels_within_epsilon():
    """5.4 levels are 5, which 105 needs one more than; 20 levels are 6 where epsilon is 6."""
    assert judge((105,)).evaluate(BRIGHTER * 0.9, BALL).scores["target_success"] == 0.0
    assert judge((105, 106)).evaluate(BRIGHTER * 4, BALL).scores["target_success"] == 1.0
    assert judge((104,)).evaluate(BRIGHTER * 4, BALL).scores["target_success"] == 0.0


def test_no_perturbation_is_the_clean_picture():
    assert judge((130, 90)).evaluate(None, BALL).each == (1.0, 0.0)


def test_success_on_the_pictures_learnt_from_is_told_apart():
    look = judge((104,), known=(105,)).evaluate(BRIGHTER, BALL)
    assert look.scores["target_success"] == 0.0
    assert look.training["target_success"] == 1.0


def test_the_merit_is_the_mean_over_all_networks():
    one, three = (judge((105, 104), networks=count).evaluate(BRIGHTER, BALL) for count in (1, 3))
    assert one.others == ()
    assert len(three.others) == 2
    assert three.selection_score == pytest.approx(one.selection_score)


def test_a_picture_without_the_hidden_class_has_no_figure_of_its_own():
    look = judge((115, 90), target=HideClasses(classes=("light",), fill="dark")).evaluate(-BRIGHTER, BALL)
    assert look.each == (1.0, None)
    assert look.interval == (1.0, 1.0)
    assert look.collapse is None


def test_a_class_that_swallows_the_others_is_named():
    look = judge((115, 105, 105, 105), target=HideClasses(classes=("light",), fill="dark")).evaluate(BRIGHTER, BALL)
    assert look.collapse is not None
    assert look.collapse.name == "light"


def test_a_look_survives_a_journey_through_json():
    look = judge((115, 105, 105), target=HideClasses(classes=("light",)), networks=2).evaluate(BRIGHTER, BALL, 8)
    fields = asdict(look)
    tensors = [fields.pop(name) for name in ("predictions", "counts")]
    again = Validation.from_dict(json.loads(json.dumps(fields)), *tensors)
    assert torch.equal(again.predictions, look.predictions)
    assert torch.equal(again.counts, look.counts)
    assert all(getattr(again, name) == getattr(look, name) for name in fields)


def test_some_numbers_are_spread_evenly_over_all():
    assert evenly_spaced(10, 5) == [0, 2, 4, 6, 8]
    assert evenly_spaced(3, 5) == evenly_spaced(3, None) == range(3)
    assert len(set(evenly_spaced(367, 32))) == 32
