"""Two perturbations on the same pictures: the difference, and an interval that pairs them."""

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.ball import Ball
from uapseg.results.comparison import compare
from uapseg.results.evaluation import evaluate
from uapseg.targets.drawing import mask_target

LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")
SHADES = (90, 93, 96, 99, 102, 100, 98, 97)


def flat(levels: float, size: tuple[int, int] = (16, 12)) -> torch.Tensor:
    return torch.full((3, size[1], size[0]), levels / 255)


def test_scores_are_those_of_a_report_and_the_difference_is_theirs():
    pictures = Plain(SHADES, "test")
    found = compare(greys(), pictures, LIGHT, flat(9), flat(14))
    for delta, scores in ((flat(9), found.first), (flat(14), found.second)):
        assert scores == evaluate(greys(), pictures, LIGHT, delta, ball=Ball(14 / 255)).perturbed
    gain = found.difference["target_success"]
    assert gain == found.second["target_success"] - found.first["target_success"] > 0
    low, high = found.interval["target_success"]
    assert 0 < low < gain < high


def test_pictures_are_drawn_in_pairs():
    """The same perturbation twice differs in no drawn set of pictures, however the pictures vary."""
    found = compare(greys(), Plain(SHADES, "test"), LIGHT, flat(12), flat(12))
    assert 0 < found.first["target_success"] < 1
    assert found.difference["target_success"] == 0
    assert found.interval["target_success"] == [0, 0]


def test_the_order_decides_the_sign_alone():
    there, back = (
        compare(greys(), Plain(SHADES, "test"), LIGHT, *pair) for pair in ((flat(9), flat(14)), (flat(14), flat(9)))
    )
    assert there.difference["target_success"] == -back.difference["target_success"]
    assert there.interval["target_success"] == pytest.approx(
        [-end for end in reversed(back.interval["target_success"])]
    )


def test_perturbations_may_be_of_different_sizes():
    found = compare(greys(), Plain(SHADES, "test"), LIGHT, flat(14, (8, 6)), flat(14))
    assert found.difference["target_success"] == 0
