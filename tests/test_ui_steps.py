"""What travels between worker and page."""

import pytest
import torch

from uapseg.metrics import count, each, intervals
from uapseg.targets import written
from uapseg.ui.steps import band

CLASSES = ("dark", "light")


def test_the_band_is_the_bootstrap_interval_of_the_success_over_all_pixels():
    target = written("o", "light", "dark", (24, 16))
    clean = torch.zeros(24, 16, 24, dtype=torch.uint8)
    draw = torch.Generator().manual_seed(0)
    shares = torch.rand(24, 1, 1, generator=draw)  # pictures differ in how much of each is light
    seen = (torch.rand(clean.shape, generator=draw) < shares).to(torch.uint8)
    goal = target.on(CLASSES, ("light",), (24, 16))(clean)
    counts = count(seen, clean, goal, target, CLASSES)
    low, high = intervals(counts, target)["target_success"]
    assert high - low > 0.1
    assert band(each(counts, target)) == pytest.approx([low, high], abs=0.01)


def test_pictures_without_a_share_do_not_count_and_one_alone_gives_no_band():
    assert band([None, 0.5, 0.5, None]) == [0.5, 0.5]
    assert band([None, 0.5]) == band([]) == []
