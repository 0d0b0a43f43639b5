"""Losses and weights against their definitions."""

import math

import pytest
import torch

from uapseg.attack.losses import (
    PIXEL_WEIGHTINGS,
    below_confidence,
    cosine,
    cross_entropy,
    group_sizes,
    margin,
    per_pixel_weights,
    region_weights,
)
from uapseg.targets import HideClasses
from uapseg.targets.hide import hidden_class_loss

HIDE = HideClasses(classes=("dark",))


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0)) * 3


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.randint(4, (2, 5, 6), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_loss_is_the_log_of_the_confidence(logits, labels):
    confidence = logits.softmax(1).gather(1, labels.long()[:, None])[:, 0]
    assert torch.allclose(cross_entropy(logits, labels), -confidence.log(), atol=1e-6)


def test_the_loss_has_the_right_gradient(logits, labels):
    """In double precision it would be exact; the loss computes in single."""
    logits = logits[:1, :, :2, :2].clone().requires_grad_()
    wanted = torch.nn.functional.one_hot(labels[:1, :2, :2].long(), 4).permute(0, 3, 1, 2)
    gradient = torch.autograd.grad(cross_entropy(logits, labels[:1, :2, :2]).sum(), logits)[0]
    assert torch.allclose(gradient, logits.detach().softmax(1) - wanted, atol=1e-6)


@pytest.mark.parametrize("tau", [0.5, 0.75, 0.95])
def test_won_pixels_are_predicted_as_the_label_with_a_softmax_confidence_above_tau(logits, labels, tau):
    """On probabilities, not on raw logits, which is a slip of a published code."""
    confidence, predicted = logits.softmax(1).max(1)
    won = (predicted == labels) & (confidence > tau)
    assert won.any()
    assert torch.equal(below_confidence(cross_entropy(logits, labels), tau), ~won)


def test_the_margin_is_the_lead_of_the_best_rival_down_to_ten_and_does_not_push_that_down():
    logits = torch.tensor([[1.0, 4.0, 3.0], [0.0, 30.0, 2.0]]).T.reshape(1, 3, 1, 2).clone().requires_grad_()
    loss = margin(logits, torch.tensor([[[2, 1]]], dtype=torch.uint8))
    assert loss.flatten().tolist() == [1.0, -10.0]
    gradient = torch.autograd.grad(loss.sum(), logits)[0]
    assert gradient[0, :, 0, 0].tolist() == [0.0, 0.0, -1.0]
    assert not gradient[0, :, 0, 1].any()


def test_the_cosine_is_that_with_the_labels_direction():
    """Logits along a label's direction are at 0, against it at 2, whatever their size or offset."""
    logits = torch.tensor([[5.0, 1.0, 1.0], [-7.0, 1.0, 1.0]]).T.reshape(1, 3, 1, 2)
    assert cosine(logits, torch.zeros(1, 1, 2, dtype=torch.uint8)).flatten().tolist() == pytest.approx(
        [0, 2], abs=1e-6
    )


def test_absence_is_the_log_of_the_confidence_in_all_other_classes_together(logits):
    others = logits.softmax(1)[:, [0, 2]].sum(1)
    assert torch.allclose(hidden_class_loss(logits, (1, 3)), -others.log(), atol=1e-6)
    certain = torch.tensor([0.0, 200.0, 0.0]).view(1, 3, 1, 1).requires_grad_()
    loss = hidden_class_loss(certain, (1,)).sum()
    assert loss.item() == pytest.approx(200 - math.log(2))
    assert torch.autograd.grad(loss, certain)[0].flatten().tolist() == pytest.approx([-0.5, 1.0, -0.5])


def test_a_weighting_drops_the_pixels_above_the_threshold_or_none():
    entropy = -torch.tensor([0.9, 0.6, 0.1]).log().view(1, 1, 3)
    assert PIXEL_WEIGHTINGS["tau"](entropy, 0.75).flatten().tolist() == [0, 1, 1]
    assert PIXEL_WEIGHTINGS["all"](entropy, 0.75).flatten().tolist() == [1, 1, 1]


def test_the_papers_weights_make_its_objective():
    groups = torch.tensor([[[0, 1, 2, 2]], [[1, 1, 1, 2]]], dtype=torch.uint8)
    assert torch.allclose(
        per_pixel_weights(groups, torch.tensor(HIDE.omega_weights(0.9)), 4)[0, 0],
        torch.tensor([0.9, 0.1, 0.1, 0.1]) / 4,
    )
    assert torch.allclose(
        per_pixel_weights(groups, torch.tensor(HIDE.omega_weights(None)), 4), torch.full((2, 1, 4), 1 / 4)
    )


def test_region_weights_make_a_mean_of_each_region():
    groups = torch.tensor([[[0, 1, 1, 1]], [[1, 1, 2, 2]]], dtype=torch.uint8)
    sizes = group_sizes(groups, 3)
    weights = region_weights(groups, sizes, torch.tensor([1.0, 0.5, 2.0]))
    assert sizes.tolist() == [1, 5, 2]
    assert [weights[groups == group].sum().item() for group in range(3)] == pytest.approx([1.0, 0.5, 2.0])


def test_an_empty_region_weighs_nothing():
    groups = torch.ones(1, 2, 2, dtype=torch.uint8)
    assert region_weights(groups, group_sizes(groups, 3), torch.ones(3)).sum().item() == pytest.approx(1.0)
