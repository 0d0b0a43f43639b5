"""What happens to pictures on their way: near what real programs do, and with gradients."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from uapseg.attack.transforms import Framing, adjust_brightness, blur, jpeg, random_transform, resize
from uapseg.scenes import render


@pytest.fixture(scope="module")
def scene() -> torch.Tensor:
    return torch.from_numpy(render("val", 3).picture[:120, :200].transpose(2, 0, 1).copy())[None].float() / 255


def levels(images: torch.Tensor) -> np.ndarray:
    return (images[0] * 255).round().numpy().transpose(1, 2, 0)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_jpeg_is_near_that_of_a_real_encoder(scene, quality):
    buffer = io.BytesIO()
    Image.fromarray(levels(scene).astype(np.uint8)).save(buffer, "JPEG", quality=quality, subsampling=2)
    real = np.asarray(Image.open(buffer), np.float32)
    ours, plain = np.abs(levels(jpeg(scene, quality)) - real).mean(), np.abs(levels(scene) - real).mean()
    assert ours < 0.45 * plain
    assert ours < 1.5


def test_the_blur_is_near_a_gaussian(scene):
    wide = torch.nn.functional.pad(scene, (0, 0, 0, 0))
    real = np.asarray(Image.fromarray(levels(wide).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.0)), np.float32)
    assert np.abs(levels(blur(scene, 1.0)) - real)[4:-4, 4:-4].mean() < 1.5
    flat = torch.full((1, 3, 20, 20), 0.3)
    assert torch.allclose(blur(flat, 2.0), flat, atol=1e-6)


def test_resizing_keeps_size_and_flat_pictures_and_takes_fine_detail(scene):
    assert resize(scene, 0.75).shape == scene.shape
    board = ((torch.arange(64).view(-1, 1) + torch.arange(64)) % 2).float().expand(1, 3, 64, 64)
    assert resize(board, 0.5)[..., 8:-8, 8:-8].std() < 0.1 * board.std()


def test_light_is_a_factor():
    assert adjust_brightness(torch.tensor([0.25, 0.5, 0.9]).view(1, 3, 1, 1), 1.2).flatten().tolist() == pytest.approx(
        [0.3, 0.6, 1]
    )


@pytest.mark.parametrize("process", [lambda x: jpeg(x, 60), lambda x: blur(x, 0.8), lambda x: resize(x, 0.7)])
def test_gradients_pass(scene, process):
    images = scene.clone().requires_grad_()
    weights = torch.rand(scene.shape, generator=torch.Generator().manual_seed(0))
    gradient = torch.autograd.grad((process(images) * weights).sum(), images)[0]
    assert gradient.abs().mean() > 0.1


def test_random_processes_follow_the_seed_and_differ(scene):
    outcomes = [random_transform(seed).images(scene) for seed in range(12)]
    assert torch.equal(outcomes[5], random_transform(5).images(scene))
    assert len({round(outcome.double().sum().item(), 3) for outcome in outcomes}) > 6


def test_a_shift_carries_pictures_and_label_maps_alike():
    rows = torch.arange(8 * 20).view(1, 1, 8, 20).expand(1, 3, 8, 20) / 255
    framing = Framing(right=0.1, down=-0.25)
    assert torch.allclose(framing.images(rows)[..., :6, 2:], rows[..., 2:, :-2], atol=1e-5)
    maps = torch.arange(8 * 20, dtype=torch.uint8).view(1, 8, 20)
    assert torch.equal(framing.labels(maps)[:, :6, 2:], maps[:, 2:, :-2])
    assert framing.labels(maps).dtype == torch.uint8


def test_a_zoom_enlarges_about_the_centre_and_mirrors_what_enters():
    maps = torch.zeros(1, 40, 60, dtype=torch.uint8)
    maps[:, 10:30, 15:45] = 7
    assert (Framing(zoom=2.0).labels(maps) == 7).all()
    small = Framing(zoom=0.5).labels(maps)
    assert (small[:, 16:24, 24:36] == 7).all()
    assert (small == 7).double().mean().item() > 0.25 * 0.25  # its mirror images at the edges too
    images = maps[:, None].expand(1, 3, 40, 60) / 255
    alike = (Framing(zoom=0.8, right=0.1).images(images)[:, 0] > 3.5 / 255) == (
        Framing(zoom=0.8, right=0.1).labels(maps) == 7
    )
    assert alike.double().mean() > 0.97


def test_some_random_processes_frame_the_picture_anew_by_a_little():
    framings = [random_transform(seed).framing for seed in range(60)]
    moved = [framing for framing in framings if framing != Framing()]
    assert 4 <= len(moved) <= 20
    assert all(0.7 < each.zoom < 1.3 and abs(each.down) <= 0.05 and abs(each.right) <= 0.05 for each in moved)
