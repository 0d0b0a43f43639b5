"""What is left after each process: on real files, beside the floors."""

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.ball import Ball
from uapseg.results.robustness import DEFENCES, TRANSFORMS, defend, evaluate_robustness
from uapseg.targets.drawing import mask_target

LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")


@pytest.fixture(scope="module")
def left():
    return evaluate_robustness(
        greys(), Plain((80, 80), "test", (64, 48)), LIGHT, torch.full((3, 48, 64), 90 / 255), ball=Ball(90 / 255)
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
        greys(), Plain((100,), "test", (64, 48)), LIGHT, board.expand(3, -1, -1).contiguous(), ball=Ball(20 / 255)
    )
    assert left["nothing"]["perturbed"]["target_success"] == 0.5
    assert left["blur"]["perturbed"]["target_success"] < 0.2


def test_goals_are_moved_and_cropped_with_the_picture():
    mask = torch.zeros(48, 64, dtype=torch.bool)
    mask[10:30, 20:40] = True
    delta = torch.where(mask, 15 / 255, 0.0).expand(3, -1, -1).contiguous()
    target = mask_target(mask.numpy(), "light", "dark")
    left = evaluate_robustness(greys(), Plain((100,), "test", (64, 48)), target, delta, ball=Ball(15 / 255))
    for process in ("nothing", "crop", "shift"):
        assert left[process]["perturbed"] == {"target_success": 1.0, "region_success": 1.0}, process
    assert left["screenshot at 125 %"]["perturbed"]["target_success"] > 0.99  # an edge between pixels is smooth


def changed(name: str, images: torch.Tensor) -> torch.Tensor:
    return TRANSFORMS[name][0](images)


def test_contrast_and_saturation_keep_the_mean_and_the_grey():
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    luma = (0.299, 0.587, 0.114)
    grey, faded, pale = (
        sum(weight * picture[:, c] for c, weight in enumerate(luma))
        for picture in (images, changed("contrast 70 %", images), changed("saturation 50 %", images))
    )
    torch.testing.assert_close(faded.mean((1, 2)), grey.mean((1, 2)))
    torch.testing.assert_close(faded.std((1, 2)), 0.7 * grey.std((1, 2)))
    torch.testing.assert_close(pale, grey)
    spread = (picture.std(1).mean() for picture in (changed("saturation 50 %", images), images))
    assert next(spread) == pytest.approx(0.5 * next(spread).item())


def test_noise_has_its_size_and_is_the_same_each_time():
    images = torch.full((2, 3, 64, 64), 0.5)
    noisy = changed("Gaussian noise of 8", images)
    assert (noisy - 0.5).std().item() * 255 == pytest.approx(8, rel=0.05)
    assert torch.equal(noisy, changed("Gaussian noise of 8", images))


@pytest.mark.parametrize("level", [0.1, 0.5, 0.8])
def test_a_halftone_has_dots_and_the_mean_of_the_picture(level):
    printed = changed("halftone", torch.full((1, 3, 48, 64), level))
    assert printed.mean((2, 3)).flatten().tolist() == pytest.approx([level] * 3, abs=0.01)
    assert printed.std() > 0.02


def test_webp_is_a_real_file_of_another_kind():
    images = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    webp, jpeg = changed("WebP 75", images), changed("JPEG 75", images)
    assert webp.shape == images.shape
    assert 0.005 < (webp - images).abs().mean() < 0.3
    assert not torch.equal(webp, jpeg)


def test_a_screenshot_is_larger_with_its_label_map():
    change, move = TRANSFORMS["screenshot at 125 %"]
    assert change(torch.rand(2, 3, 48, 64)).shape == (2, 3, 60, 80)
    labels = torch.arange(4, dtype=torch.uint8).repeat_interleave(16).expand(1, 48, 64)
    moved = move(labels)
    assert moved.shape == (1, 60, 80)
    assert moved[0, 0].bincount().tolist() == [20] * 4


def test_defences_leave_pixels_where_they_are_and_a_median_removes_what_is_one_pixel_wide():
    images = torch.full((1, 3, 16, 24), 0.5)
    images[..., 8, 12] = 1.0
    assert set(DEFENCES) <= TRANSFORMS.keys()
    for name in DEFENCES:
        defended = defend(images, name)
        assert defended.shape == images.shape, name
        torch.testing.assert_close(defended * 255, (defended * 255).round())
    torch.testing.assert_close(defend(images, "median of 3 x 3"), torch.full_like(images, 128 / 255))
