"""Batch normalization folded into convolutions changes nothing but the time."""

import pytest
import torch
from torch import Tensor, nn

from uapseg.models import Segmenter, load_model
from uapseg.models.folding import fold_batch_norm

IMAGES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def normalizations(net: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in net.modules())


def with_statistics(net: nn.Module) -> nn.Module:
    """The network with statistics as training leaves them: those of a new one do next to nothing."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low, high in (
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
                (module.weight, 0.5, 1.5),
                (module.bias, -0.5, 0.5),
            ):
                value.data.uniform_(low, high, generator=generator)
    return net.eval().requires_grad_(requires_grad=False)


def logits_and_gradient(model: Segmenter) -> tuple[Tensor, Tensor]:
    images = IMAGES.clone().requires_grad_()
    logits = model(images)
    return logits.detach(), torch.autograd.grad(logits.logsumexp(dim=1).mean(), images)[0]


def close(one: Tensor, other: Tensor, share: float) -> bool:
    return float((one - other).norm()) <= share * float(other.norm())


@pytest.mark.parametrize("name", ["street", "street:small", "street:robust"])
def test_the_embedded_networks_are_folded_whole(name):
    folded, plain = load_model(name), load_model(name, fold=False)
    assert (normalizations(folded), normalizations(plain)) == (0, folded.folded)
    assert folded.folded > 30
    assert folded.fingerprint == plain.fingerprint
    assert torch.equal(folded.predict(IMAGES), plain.predict(IMAGES))
    for one, other in zip(logits_and_gradient(folded), logits_and_gradient(plain), strict=True):
        assert close(one, other, 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large",
        "fcn_resnet50", "deeplabv3_resnet50", "fcn_resnet101", "deeplabv3_resnet101",
    ],
)  # fmt: skip
def test_every_network_of_torchvision_is_folded_whole(name):
    from torchvision.models import segmentation

    torch.manual_seed(0)
    net = with_statistics(getattr(segmentation, name)(weights=None, weights_backbone=None, num_classes=5))
    folded, count = fold_batch_norm(net, lambda net: net(IMAGES)["out"])
    assert count == normalizations(net)
    assert normalizations(folded) == 0
    images = IMAGES.clone().requires_grad_()
    answers = [each(images)["out"] for each in (net, folded)]
    assert close(answers[1], answers[0], 1e-3)
    before, after = (torch.autograd.grad(answer.square().sum(), images)[0] for answer in answers)
    assert close(after, before, 1e-2)


class Branches(nn.Module):
    """A convolution before a normalization; a second one that is used twice; a third with a second reader."""

    def __init__(self, case: str) -> None:
        super().__init__()
        self.case = case
        self.first, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

    def forward(self, images: Tensor) -> Tensor:
        features = self.first(images)
        if self.case == "twice":
            return self.norm(self.first(features))
        return self.norm(features) + (features if self.case == "read" else 0)


@pytest.mark.parametrize(("case", "count"), [("plain", 1), ("twice", 0), ("read", 0)])
def test_what_cannot_be_folded_is_left_alone(case, count):
    torch.manual_seed(0)
    net = with_statistics(Branches(case))
    folded, found = fold_batch_norm(net, lambda net: net(IMAGES))
    assert (found, normalizations(folded)) == (count, 1 - count)
    assert close(folded(IMAGES), net(IMAGES), 1e-5)


def test_a_network_that_cannot_take_the_probe_is_left_alone():
    net = with_statistics(Branches("plain"))
    folded, found = fold_batch_norm(net, lambda net: net(IMAGES[:, :2]))
    assert (folded, found) == (net, 0)


class ReadsItsWeight(Branches):
    """Its forward pass reads a weight of the normalization, which folding would take away."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * self.norm.weight.mean()


class CannotBeCopied(Branches):
    def __deepcopy__(self, memo: object) -> nn.Module:
        raise KeyError("a lock")


@pytest.mark.parametrize("kind", [ReadsItsWeight, CannotBeCopied])
def test_a_network_that_folding_would_break_is_left_alone(kind):
    net = with_statistics(kind("plain"))
    assert fold_batch_norm(net, lambda net: net(IMAGES)) == (net, 0)
