"""The gradient of a batch: against the objective written out, picture by picture where asked, moved with its goals."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.data.augmentation import Move, Moves
from uapseg.attack.distributed import SINGLE_PROCESS
from uapseg.attack.losses import LOSSES
from uapseg.attack.objective import Batch, Objective
from uapseg.attack.settings import fast
from uapseg.attack.transforms import Framing, Transform, adjust_brightness
from uapseg.models import Segmenter
from uapseg.targets import HideClasses, SwapClasses, Untargeted
from uapseg.targets.drawing import mask_target
from uapseg.targets.hide import hidden_class_loss

SIZE = (16, 12)
HIDE = HideClasses(classes=("light",), fill="dark")
RULE = fast(epsilon=10 / 255, budget=10, pixel_weighting="all")


def batch(*shades: int, **options) -> Batch:
    images = Plain(shades, size=SIZE).pictures(range(len(shades))).float() / 255
    return Batch(range(len(shades)), images, len(shades), **options)


def gradient(settings, given: Batch, target=HIDE):
    return Objective(greys(), target, settings, SIZE, SINGLE_PROCESS).gradient(given, torch.zeros(3, 12, 16))


def test_the_gradient_is_that_of_the_mean_over_each_region():
    """The picture of shade 110 is dark, but only just: it pulls as well."""
    model, images = greys(), batch(115, 110, 118).images
    delta = torch.zeros(3, 12, 16, requires_grad=True)
    entropy = torch.nn.functional.cross_entropy(model(images + delta), torch.zeros(3, 12, 16).long(), reduction="none")
    loss = entropy[[0, 2]].mean() + 3.0 * HIDE.group_weights(1.0)[2] * entropy[1].mean()
    wanted = torch.autograd.grad(loss, delta)[0]
    found, told, _ = gradient(replace(RULE, keep_weight=3.0), batch(115, 110, 118))
    assert torch.allclose(found, wanted, atol=1e-6)
    assert told.item() == pytest.approx(loss.item(), rel=1e-5)


NEAREST = HideClasses(classes=("light",))


class Slopes(torch.nn.Module):
    """Logits of (dark, light, third) that rise with the grey at different rates."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        above = images.mean(dim=1) - 105 / 255
        return torch.stack([torch.zeros_like(above), 60 * above, 20 * above - 0.5], dim=1)


def slopes() -> Segmenter:
    return Segmenter(
        Slopes(), name="slopes", classes=("dark", "light", "third"), palette=((0, 0, 0), (9, 9, 9), (5, 5, 5)),
        objects=(), pair=("light", "dark"), source="known answers", licence="MIT",
    )  # fmt: skip


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
def test_hidden_pixels_may_become_anything_as_far_as_the_filling_leaves_it_open(loss):
    """The gradient is that of the two losses mixed in the hidden picture, and of the loss alone in the other."""
    rule, given, zeros = replace(RULE, loss=loss), batch(115, 95), torch.zeros(3, 12, 16)
    model = slopes()
    strict, half, free = (
        Objective(model, NEAREST, replace(rule, fill_weight=share), SIZE, SINGLE_PROCESS).gradient(given, zeros)[0]
        for share in (1.0, 0.5, 0.0)
    )
    assert torch.allclose(half, (strict + free) / 2, atol=1e-6)
    assert not torch.allclose(half, free, atol=1e-4)
    logits = model(given.images + zeros.requires_grad_())
    dark = torch.zeros(1, 12, 16, dtype=torch.uint8)
    apart = (
        hidden_class_loss(logits[:1], (1,)).mean() + HIDE.group_weights(1.0)[2] * LOSSES[loss](logits[1:], dark).mean()
    )
    assert torch.allclose(free, torch.autograd.grad(apart, zeros)[0], atol=1e-6)


def test_a_swap_asks_for_the_other_class():
    """The light picture is to be dark, which is what hiding it with a filling of dark asks for too."""
    swapped, hidden = (
        gradient(RULE, batch(115, 95), target)[0] for target in (SwapClasses(source="light", into="dark"), HIDE)
    )
    assert swapped.any()
    assert torch.equal(swapped, hidden)


def test_an_untargeted_attack_pushes_each_picture_away_from_its_own_class():
    """Of two classes, losing the one is taking the other; the light picture goes down, and the dark one up."""
    down, up = (gradient(RULE, batch(shade), Untargeted())[0] for shade in (115, 95))
    assert (down > 0).all()
    assert (up < 0).all()
    images = batch(115).images + torch.zeros(3, 12, 16, requires_grad=True)
    images.retain_grad()
    (-torch.log1p(-greys()(images).softmax(1)[:, 1])).mean().backward()
    assert images.grad is not None
    assert torch.allclose(down, images.grad[0], rtol=1e-4, atol=1e-7)


def test_a_chosen_filling_is_always_asked_for():
    zeros = torch.zeros(3, 12, 16)
    strict, free = (
        Objective(slopes(), HIDE, replace(RULE, fill_weight=share), SIZE, SINGLE_PROCESS).gradient(
            batch(115, 95), zeros
        )[0]
        for share in (1.0, 0.0)
    )
    assert torch.equal(strict, free)


def test_goals_move_with_their_pictures_and_a_static_target_stays():
    """The left half of the picture is light; moved by a quarter, what is to be hidden moves as well."""
    left = torch.full((1, 3, 12, 16), 95 / 255)
    left[..., :8] = 118 / 255
    moves = [Moves([Move(0, 4)])]
    objective = Objective(greys(), HIDE, RULE, SIZE, SINGLE_PROCESS)
    groups = objective._goals(Batch([0], left, 1, moves)).groups
    assert (groups[0, :, :12] == 0).all()
    assert (groups[0, :, 12:] != 0).all()
    mask = np.zeros((12, 16), bool)
    mask[:, :8] = True
    static = Objective(greys(), mask_target(mask, "dark", None), RULE, SIZE, SINGLE_PROCESS)
    goal = static._goals(Batch([0], left, 1, moves))
    assert (goal.groups[0, :, :8] == 0).all()
    assert (goal.labels[0, :, :12] == torch.tensor([0] * 8 + [1] * 4)).all()


@pytest.mark.parametrize(
    "target", [HIDE, mask_target(np.arange(16).repeat(12).reshape(16, 12).T < 8, "dark", "light")]
)
def test_goals_are_framed_anew_with_the_perturbed_picture(target):
    """The left half is hidden, or drawn: moved by a quarter, three quarters are (what enters is a mirror image)."""
    left = torch.full((1, 3, 12, 16), 95 / 255)
    left[..., :8] = 118 / 255
    process = Transform(framing=Framing(right=0.25))
    groups = (
        Objective(greys(), target, RULE, SIZE, SINGLE_PROCESS)._goals(Batch([0], left, 1, transform=process)).groups
    )
    assert (groups[0, :, :12] == 0).all()
    assert (groups[0, :, 12:] != 0).all()


def test_clean_predictions_are_kept_small():
    objective = Objective(greys(), HIDE, RULE, SIZE, SINGLE_PROCESS)
    objective.gradient(batch(115, 95), torch.zeros(3, 12, 16))
    assert set(objective._map_store) == {0, 1}
    assert objective._map_store.nbytes < 2 * 12 * 16 / 4


def test_the_network_sees_the_processed_picture():
    darker = replace(RULE, tau=0.75, pixel_weighting="tau")
    plain = gradient(darker, batch(115))[2]
    processed = gradient(darker, batch(115, transform=Transform(partial(adjust_brightness, factor=0.5))))[2]
    assert plain == 0
    assert processed == 1


@pytest.mark.parametrize("focus", ["tau", "all"])
def test_won_is_a_share_of_pixels_whatever_counts(focus):
    """The first picture is dark already and sure of it, the second one is light."""
    assert gradient(replace(RULE, pixel_weighting=focus), batch(80, 118))[2].item() == 0.5


@pytest.mark.parametrize(
    ("target", "focus"), [(HIDE, "tau"), (mask_target(np.ones((12, 16), bool), "dark", None), "all")]
)
def test_a_focus_left_open_is_tau_for_hiding_and_all_for_a_static_target(target, focus):
    """The first picture is won, and pulls only where won pixels count."""
    open_, *each = (
        gradient(replace(RULE, pixel_weighting=name), batch(107, 118), target)[0] for name in (None, "tau", "all")
    )
    assert not torch.equal(*each)
    assert torch.equal(open_, each[("tau", "all").index(focus)])


@pytest.mark.parametrize("rule", [RULE, replace(RULE, omega=0.9)])
def test_a_process_without_a_picture_adds_nothing(rule):
    found = gradient(rule, Batch((), torch.zeros(0, 3, 1, 1), 1))
    assert found[0].shape == (3, 12, 16)
    assert not any(part.any() for part in found)


@pytest.mark.parametrize("loss", ["margin", "cosine"])
def test_other_losses_push_the_same_way(loss):
    ours, theirs = (gradient(replace(RULE, loss=name), batch(118))[0] for name in (loss, "cross-entropy"))
    assert torch.equal(ours.sign(), theirs.sign())
