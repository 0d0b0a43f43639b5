"""Measuring: on 8-bit pictures, with the perturbation as it is saved, beside clean pictures and random noise."""

import re

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.ball import Ball
from uapseg.attack.perturbation import perturb, quantize_images
from uapseg.results.evaluation import evaluate, indices_showing_target
from uapseg.targets import HideClasses
from uapseg.targets.drawing import mask_target

GREY = 1 / 255
LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")


def report(delta: torch.Tensor, epsilon: float, shades=(100, 100, 100)):
    return evaluate(greys(), Plain(shades, "test"), LIGHT, delta, ball=Ball(epsilon))


def test_a_perturbation_is_rounded_before_it_is_scored():
    """10.6 grey levels would not fit a file: 11 do, and are seen as light; 10.4 become 10, and are not."""
    up, down = (torch.full((3, 12, 16), shift * GREY) for shift in (10.6, 10.4))
    assert report(up, 11 * GREY).perturbed["target_success"] == 1.0
    assert report(down, 11 * GREY).perturbed["target_success"] == 0.0


def test_a_perturbation_beyond_epsilon_is_clipped_before_it_is_scored():
    result = report(torch.full((3, 12, 16), 0.5), 10 * GREY)
    assert result.linf == pytest.approx(10)
    assert result.perturbed["target_success"] == 0.0


def test_a_fractional_epsilon_allows_the_whole_levels_within_it():
    assert Ball(2.7 * GREY).to_levels(torch.full((3, 2, 2), 1.0)).unique().tolist() == [2]
    assert Ball(10 / 255).to_levels(torch.full((3, 2, 2), -1.0)).unique().tolist() == [-10]


def test_perturbed_pictures_stay_pictures():
    images = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    for sign in (-1, 1):
        changed = perturb(images, torch.full((3, 2, 2), sign * 0.2))
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_eight_bit_rounds_and_never_floors():
    assert quantize_images(torch.full((1, 3, 1, 1), 99.6 / 255)).mul(255).unique().item() == pytest.approx(100)


def test_a_perturbation_of_another_size_repeats():
    delta = torch.arange(2 * 3).view(1, 2, 3).expand(3, 2, 3) / 255
    changed = perturb(torch.zeros(1, 3, 5, 7), delta.contiguous())[0, 0] * 255
    assert changed[4].round().tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert changed[3].round().tolist() == [3, 4, 5, 3, 4, 5, 3]


def test_the_floors_stand_beside_the_figure():
    """Two of four pictures are light as they are; the random noise changes no picture's mean grey."""
    result = report(torch.full((3, 12, 16), 11 * GREY), 11 * GREY, (100, 100, 120, 120))
    assert result.clean["target_success"] == 0.5
    assert result.perturbed["target_success"] == 1.0
    assert result.random_noise["target_success"] is not None
    assert result.interval["target_success"] == [1.0, 1.0]
    assert (result.pictures, result.split, result.epsilon) == (4, "test", 11)


def test_random_noise_has_the_size_of_epsilon_and_follows_the_seed():
    noise = Ball(10 * GREY).random_noise((8, 6), seed=1)
    assert noise.shape == (3, 6, 8)
    assert (noise * 255).abs().round().unique().tolist() == [10]
    assert 0.3 < (noise > 0).float().mean() < 0.7
    assert torch.equal(noise, Ball(10 * GREY).random_noise((8, 6), seed=1))
    assert not torch.equal(noise, Ball(10 * GREY).random_noise((8, 6), seed=2))


def test_norms_are_those_of_the_change_made():
    result = report(torch.full((3, 12, 16), 3 * GREY), 4 * GREY)
    assert result.linf == pytest.approx(3)
    assert result.l2 == pytest.approx(3 * GREY * (3 * 12 * 16) ** 0.5, rel=1e-5)


def test_saved_and_scored_are_the_same():
    delta = torch.randn(3, 12, 16, generator=torch.Generator().manual_seed(0)) * 0.02
    first, second = (report(d, 11 * GREY, (99, 105, 118)) for d in (delta, Ball(11 * GREY).quantize(delta)))
    assert first.perturbed == second.perturbed


def test_the_truth_is_measured_where_the_pictures_have_one():
    """All true pixels are dark: two of four pictures are seen as such, and none once they are perturbed."""
    result = report(torch.full((3, 12, 16), 11 * GREY), 11 * GREY, (100, 100, 120, 120))
    assert result.truth["clean"] == 0.5
    assert result.truth["perturbed"] == 0.0


def test_a_collapse_is_told_in_the_table():
    target = HideClasses(classes=("light",), fill="dark")
    delta = torch.full((3, 12, 16), 11 * GREY)
    result = evaluate(greys(), Plain((100,) * 3, "test"), target, delta, ball=Ball(11 * GREY))
    assert result.collapse is not None
    assert result.collapse.name == "light"
    assert "Collapse: light fills 100.0 % of the pictures" in result.table()
    assert report(torch.full((3, 12, 16), 11 * GREY), 11 * GREY).collapse is None


def test_a_score_of_nothing_is_a_dash_in_the_table():
    nothing = evaluate(
        greys(), Plain((90,), "test"), HideClasses(classes=("light",)), torch.zeros(3, 12, 16), ball=Ball(GREY)
    )
    assert re.search(r"^hidden +- +- +- +-$", nothing.table(), re.MULTILINE)
    assert re.search(r"^kept +100\.0 +100\.0 to 100\.0 +100\.0 +100\.0$", nothing.table(), re.MULTILINE)


def test_every_part_of_a_measurement_has_a_hash_of_its_own():
    first, noise = report(torch.zeros(3, 12, 16), 11 * GREY), report(torch.full((3, 12, 16), GREY), 11 * GREY)
    assert first.hashes.keys() == {"weights", "pictures", "target", "perturbation"}
    changed = {name for name in first.hashes if first.hashes[name] != noise.hashes[name]}
    assert changed == {"perturbation"}
    fewer = report(torch.zeros(3, 12, 16), 11 * GREY, (100, 100))
    assert {name for name in first.hashes if first.hashes[name] != fewer.hashes[name]} == {"pictures"}


def test_pictures_that_show_the_hidden_class_come_first_and_any_will_do_for_a_drawing():
    """Twenty pictures of which the last four are light; one alone is never enough for three."""
    dark = Plain((95,) * 16 + (115,) * 4)
    hide = HideClasses(classes=("light",), fill="dark")
    assert indices_showing_target(greys(), dark, hide, 3) == [16, 17, 18]
    assert indices_showing_target(greys(), Plain((95, 95, 95, 115)), hide, 3) == [3, 0, 1]
    assert indices_showing_target(greys(), dark, LIGHT, 3) == [0, 1, 2]
