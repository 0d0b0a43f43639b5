"""What every network must hold to, whatever is inside."""

import pytest
import torch

from tests.conftest import greys
from uapseg.errors import UapsegError
from uapseg.models import Segmenter, load_model


@pytest.fixture(scope="module", params=["street", "greys"])
def network(request: pytest.FixtureRequest) -> Segmenter:
    return greys() if request.param == "greys" else load_model(request.param)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def test_logits_have_the_size_of_the_images(network, images):
    assert network(images).shape == (2, len(network.classes), 64, 96)
    assert network(images[:1, :, :50, :70]).shape[-2:] == (50, 70)


def test_logits_are_no_probabilities(network, images):
    logits = network(images)
    assert not torch.allclose(logits.sum(1), torch.ones(()), atol=1e-3)


def test_the_gradient_reaches_each_image_and_no_weight(network, images):
    images = images * 0.2 + 0.35
    images.requires_grad_()
    network(images).logsumexp(1).sum().backward()
    assert images.grad is not None
    assert (images.grad.flatten(1).abs().sum(1) > 0).all()
    assert all(not weight.requires_grad and weight.grad is None for weight in network.parameters())


def test_an_image_does_not_depend_on_its_batch(network, images):
    torch.testing.assert_close(network(images)[1:], network(images[1:]), rtol=1e-3, atol=1e-3)


def test_nothing_puts_a_network_into_train_mode(network, images):
    """A published code attacks a network in train mode: its answers then depend on the attacked batch."""
    before = network(images)
    network.train()
    network(images)
    assert not any(module.training for module in network.modules())
    torch.testing.assert_close(network(images), before)


def test_names_colours_and_objects_fit_the_logits(network):
    assert len(network.palette) == len(network.classes) == len(set(network.classes))
    assert len(set(network.palette)) == len(network.palette)
    assert set(network.objects) | set(network.default_pair) <= set(network.classes)
    assert network.source
    assert network.licence


def test_predictions_are_the_largest_logits(network, images):
    seen = network.predict(images)
    assert seen.dtype == torch.uint8
    assert torch.equal(seen.long(), network(images).argmax(1))


def test_an_unknown_network_is_refused_with_the_list():
    with pytest.raises(UapsegError, match="no network called 'resnet': choose one of street"):
        load_model("resnet")
