"""The figures of `bench`: what is timed does what it says, and they fit together."""

from dataclasses import replace

import pytest
import torch

from tests import gpu
from tests.conftest import Plain, greys
from uapseg.attack.settings import GREY_LEVEL
from uapseg.results.speed import EPSILON, PublishedLoop, measure_step
from uapseg.targets import HideClasses
from uapseg.targets.drawing import mask_target

LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")


def test_the_figures_of_a_step_fit_together():
    cost = measure_step(greys(), greys(), Plain([104, 106]), LIGHT, batch=4, rounds=3)
    fields = cost.to_dict()
    assert fields["batch"] == 4
    assert fields["ratio"] == pytest.approx(cost.step_seconds / cost.bare_seconds)
    assert fields["image_gradients_per_second"] == pytest.approx(4 / cost.step_seconds)
    assert cost.kernels > 10
    assert 0 < cost.host_seconds <= cost.step_seconds
    assert cost.peak_memory_mib > 10
    assert fields["ratio_captured"] is None
    assert replace(cost, captured_seconds=cost.step_seconds / 2).to_dict()["ratio_captured"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("target", "shade", "sign"), [(LIGHT, 104, 1), (HideClasses(classes=("light",), fill="dark"), 113, -1)]
)
def test_the_published_loop_reaches_the_target_in_steps_of_a_grey_level(target, shade, sign):
    loop = PublishedLoop(greys(), torch.full((2, 3, 12, 16), shade / 255), target)
    loop.step()
    assert torch.allclose(loop.delta, torch.full_like(loop.delta, sign * GREY_LEVEL))
    for _ in range(20):
        loop.step()
    assert loop.delta.abs().max() <= EPSILON
    goal = 1 if target is LIGHT else 0
    assert (greys().predict(torch.full((1, 3, 12, 16), shade / 255) + loop.delta) == goal).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="it would measure for minutes")
def test_the_measurement_on_a_gpu_says_that_there_is_none(capsys):
    assert gpu.main([]) == 0
    assert capsys.readouterr().out == "There is no CUDA device here: nothing was measured.\n"
