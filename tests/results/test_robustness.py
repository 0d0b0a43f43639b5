"""What is left after each process: on real files, beside the floors."""

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.results.robustness import TRANSFORMS, evaluate_robustness
from uapseg.targets.drawing import mask_target

LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")


@pytest.fixture(scope="module")
def left():
    return evaluate_robustness(
        greys(), Plain((100, 100), "test", (64, 48)), LIGHT, torch.full((3, 48, 64), 12 / 255), epsilon=12 / 255
    )


def test_nothing_leaves_all_and_a_flat_change_survives_everything(left):
    assert left.keys() == TRANSFORMS.keys()
    for process, found in left.items():
        assert found["perturbed"]["target_success"] == 1.0, process
        assert found["clean"]["target_success"] == 0.0, process


def test_fine_noise_does_not_survive_being_made_smaller_and_is_measured_as_such():
    """A chessboard of 0 and 24 levels makes every second pixel light; averaged, none... or all, but never half."""
    board = ((torch.arange(48).view(-1, 1) + torch.arange(64)) % 2).float() * 20 / 255
    left = evaluate_robustness(
        greys(), Plain((100,), "test", (64, 48)), LIGHT, board.expand(3, -1, -1).contiguous(), epsilon=20 / 255
    )
    assert left["nothing"]["perturbed"]["target_success"] == 0.5
    assert left["blur"]["perturbed"]["target_success"] < 0.2


def test_goals_are_moved_and_cropped_with_the_picture():
    mask = torch.zeros(48, 64, dtype=torch.bool)
    mask[10:30, 20:40] = True
    delta = torch.where(mask, 15 / 255, 0.0).expand(3, -1, -1).contiguous()
    target = mask_target(mask.numpy(), "light", "dark")
    left = evaluate_robustness(greys(), Plain((100,), "test", (64, 48)), target, delta, epsilon=15 / 255)
    for process in ("nothing", "crop", "shift"):
        assert left[process]["perturbed"] == {"target_success": 1.0, "region_success": 1.0}, process
