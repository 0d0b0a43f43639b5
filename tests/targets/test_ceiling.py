"""What a network with a coarse output can show of a word."""

import numpy as np
import pytest
import torch

from uapseg.targets import HideClasses
from uapseg.targets.ceiling import reachable_scores, upsampled_labels
from uapseg.targets.drawing import mask_target, text_target

CLASSES = ("Sky", "Car", "Road")
SIZE = (384, 256)


def test_an_output_of_full_size_can_show_everything():
    assert reachable_scores(text_target("foo", "Car", "Sky", SIZE), CLASSES, SIZE, (256, 384)) == {
        "target_success": 1.0,
        "region_success": 1.0,
    }


def test_the_coarser_the_output_the_less_can_be_shown():
    target = text_target("foo", "Car", "Sky", SIZE)
    found = [
        reachable_scores(target, CLASSES, SIZE, (256 // s, 384 // s))["target_success"] for s in (4, 8, 16, 32, 64)
    ]
    assert found == sorted(found, reverse=True)
    assert found[1] == pytest.approx(0.99, abs=0.005)
    assert found[3] == pytest.approx(0.90, abs=0.01)


def test_thinner_lines_are_lost_before_thick_ones():
    columns = torch.arange(64)
    maps = torch.stack([(columns % 32 < width).to(torch.uint8).expand(8, 64) for width in (2, 16)])
    lost = (upsampled_labels(maps, (1, 4), 2) != maps).float().mean((1, 2))
    assert (upsampled_labels(maps, (1, 4), 2)[0] == 0).all()
    assert lost[1] < 0.07


def test_a_tile_is_repeated_before_it_is_made_coarse():
    target = mask_target(np.array([[True, False]]), "Car", "Sky")
    assert reachable_scores(target, CLASSES, (64, 32), (4, 8), (16, 16))["target_success"] == 1.0
    assert reachable_scores(target, CLASSES, (64, 32), (2, 4), (16, 16))["target_success"] < 0.9


def test_a_goal_that_depends_on_the_picture_has_no_such_ceiling():
    for target in (HideClasses(classes=("Car",)), text_target("foo", "Car", None, SIZE)):
        assert reachable_scores(target, CLASSES, SIZE, (8, 12)) == {}
