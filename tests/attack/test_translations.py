"""The average of a gradient over horizontal translations: the sum written out, and where it is on by default."""

from dataclasses import replace
from math import exp

import pytest
import torch

from tests.attack.test_cut_outs import HIDE, Objects
from tests.conftest import greys
from uapseg.attack.loop import fit
from uapseg.attack.settings import fast, paper
from uapseg.attack.translations import AVERAGE_WEIGHT, SIGMA, average_translations
from uapseg.targets.drawing import text_target


@pytest.mark.parametrize("width", [24, 27])
def test_the_average_is_the_gaussian_sum_over_translations_by_the_period(width):
    period, places = 4, range(0, width, 4)
    deviation = SIGMA * len(places) * period
    gradient = torch.randn(3, 2, width, generator=torch.Generator().manual_seed(0))
    expected = gradient.clone()
    for column in range(width):
        start, offset = column // period * period, column % period
        weights = {place: exp(-0.5 * ((place - start) / deviation) ** 2) for place in places}
        norm = sum(weight**2 for weight in weights.values()) ** 0.5
        for place, weight in weights.items():
            if place + offset < width:
                expected[:, :, column] += AVERAGE_WEIGHT * weight / norm * gradient[:, :, place + offset]
    assert torch.allclose(average_translations(gradient, period), expected, atol=1e-5)


def test_independent_gradients_are_averaged_to_the_size_of_one():
    gradient = torch.randn(3, 64, 512, generator=torch.Generator().manual_seed(0))
    average = (average_translations(gradient, 8) - gradient) / AVERAGE_WEIGHT
    assert average.std().item() == pytest.approx(1, rel=0.05)


def last(target, settings):
    train, held_out = Objects([0] * 5), Objects([0] * 5, "val")
    return list(fit(greys(), train, held_out, target, settings))[-1].state.delta


@pytest.mark.parametrize(
    ("target", "preset", "default"),
    [(HIDE, fast, 8), (HIDE, paper, 0), (text_target("i", "light", "dark", (16, 12)), fast, 0)],
)
def test_gradients_are_averaged_by_default_for_hiding_but_not_for_words_or_the_published_method(
    target, preset, default
):
    settings = preset(epsilon=11 / 255, budget=20)
    for period in (0, 4, 8):
        same = torch.equal(last(target, settings), last(target, replace(settings, translation_period=period)))
        assert same == (period == default), period
