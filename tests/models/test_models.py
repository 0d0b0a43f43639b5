"""What every network must hold to, whatever is inside."""

import re

import numpy as np
import pytest
import torch

from tests import own_networks
from tests.conftest import greys
from uapseg.errors import UapsegError
from uapseg.models import Segmenter, load_model
from uapseg.models.classes import (
    CITYSCAPES,
    default_pair,
    make_distinct,
    objects_of,
    palette_of,
    voc_palette,
)
from uapseg.scenes import CLASSES
from uapseg.targets.people import people_classes

OWN = f"{own_networks.__file__}:of_one_file"


@pytest.fixture(
    scope="module",
    params=["street", "street:small", "street:robust", OWN, "greys"],
    ids=["street", "small", "robust", "own", "greys"],
)
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


@pytest.mark.parametrize("name", ["resnet", "street:", "torchvision", "hf:", "own", "own:x", ""])
def test_an_unknown_network_is_refused_with_the_forms(name):
    with pytest.raises(
        UapsegError, match=f"no network called '{name}': choose one of street, street:NAME, torchvision:NAME, hf:ID"
    ):
        load_model(name)


def test_a_file_without_its_function_is_refused_with_the_form():
    with pytest.raises(UapsegError, match=re.escape("x.py names no function: write --model x.py:FUNCTION")):
        load_model("x.py")


def test_an_unknown_embedded_network_is_refused_with_those_there_are():
    with pytest.raises(
        UapsegError, match="no embedded network street:x: choose one of street, street:small, street:robust"
    ):
        load_model("street:x")


def test_a_fingerprint_is_twelve_hexadecimal_digits(network):
    assert len(network.fingerprint) == 12
    assert int(network.fingerprint, 16) >= 0


def test_the_same_weights_have_the_same_fingerprint_however_they_lie_in_memory():
    first, second = load_model("street"), load_model("street").to(memory_format=torch.contiguous_format)
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(
    "change", ["_mean", "_net.classifier.low_classifier.bias", "_net.classifier.cbr.1.running_var"]
)
def test_one_changed_number_changes_the_fingerprint(change):
    first, second = load_model("street", fold=False), load_model("street", fold=False)
    second.state_dict()[change].view(-1)[0] += 1e-3
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize("ground", [0, 60, 120, 180, 255])
def test_the_colours_of_the_default_pair_differ_in_luminance_over_a_photo(ground: int):
    """By 3 or more, as WCAG asks of graphics, where the page lays them over a photo of one grey."""
    model = load_model("street")
    pair = [np.array(model.palette[model.classes.index(name)]) for name in model.default_pair]
    dark, light = sorted(luminance(0.78 * colour + 0.22 * ground) for colour in pair)
    assert (light + 0.05) / (dark + 0.05) >= 3


def luminance(rgb: np.ndarray) -> float:
    """The relative luminance of a colour of 0 to 255, as in WCAG."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_the_colours_of_voc_are_the_known_ones():
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 20: (0, 64, 128), 255: (224, 224, 192)}
    colours = voc_palette(256)
    assert {number: colours[number] for number in known} == known
    assert len(set(colours)) == 256


def test_classes_of_cityscapes_have_its_colours_and_objects():
    names = tuple(name.upper() for name in CITYSCAPES)
    assert palette_of(names)[:2] == ((128, 64, 128), (244, 35, 232))
    assert len(set(palette_of(names))) == 19
    assert [name.lower() for name in objects_of(names)] == [
        "fence", "pole", "traffic light", "traffic sign", "person", "rider", "car", "truck", "bus", "train",
        "motorcycle", "bicycle",
    ]  # fmt: skip
    assert default_pair(names) == ("VEGETATION", "BUILDING")


def test_classes_without_a_well_known_pair_have_the_second_on_the_first():
    assert default_pair(("a", "b", "c")) == ("b", "a")
    assert default_pair(("background", "cat", "person")) == ("person", "background")


def test_names_are_made_distinct_whatever_their_case():
    assert make_distinct([" a", "A (2)", "A ", "b", "a"]) == ("a", "A (2)", "A (3)", "b", "a (4)")


@pytest.mark.parametrize(
    ("classes", "people"),
    [(CLASSES, ("Pedestrian", "Bicyclist")), (tuple(CITYSCAPES), ("person", "rider")), (("background", "dog"), ())],
)
def test_the_classes_that_are_people_are_known_by_their_names(classes, people):
    assert people_classes(classes) == people
