"""What each tile of a perturbation adds."""

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.ball import Ball
from uapseg.errors import UapsegError
from uapseg.results.attribution import attribute
from uapseg.results.evaluation import evaluate
from uapseg.targets import HideClasses
from uapseg.targets.drawing import mask_target

LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")


def test_a_tile_without_which_nothing_is_lost_is_told_from_one_that_counts():
    delta = torch.zeros(3, 12, 16)
    delta[:, :6, :4] = 6 / 255  # the first of eight tiles makes an eighth of 105 light; 104 stays dark
    found = attribute(greys(), Plain([105, 104], "test"), LIGHT, delta, grid=(2, 4))
    assert found.score == "target_success"
    assert found.success == pytest.approx(1 / 16)
    assert found.lost == [[pytest.approx(1 / 16), 0, 0, 0], [0, 0, 0, 0]]
    assert found.most_important == (0, 0)
    assert found.interval[0][0] == pytest.approx([0, 1 / 8])
    assert found.interval[1][2] == [0, 0]
    assert found.pictures == 2


def test_tiles_cover_the_perturbation_where_sides_do_not_divide():
    delta = torch.full((3, 12, 16), 6 / 255)
    dataset = Plain([105], "test")
    found = attribute(greys(), dataset, LIGHT, delta, grid=(5, 3))
    assert sum(map(sum, found.lost)) == pytest.approx(1)
    assert len(found.lost) == 5
    assert found.success == evaluate(greys(), dataset, LIGHT, delta, ball=Ball(6 / 255)).perturbed["target_success"]


@pytest.mark.parametrize(
    ("target", "grid", "sentence"),
    [
        (LIGHT, (13, 2), "of 16 x 12 pixels has no 2 x 13 tiles: choose fewer"),
        (HideClasses(classes=("light",)), (1, 1), "sees nothing that 'without light' is about"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(target, grid, sentence):
    with pytest.raises(UapsegError, match=sentence):
        attribute(greys(), Plain([90], "test"), target, torch.zeros(3, 12, 16), grid=grid)
