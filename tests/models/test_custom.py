"""Networks of one's own: sound ones are taken as they are, and each slip of the field is told in one sentence."""

import re
import sys

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from tests import own_networks
from tests.conftest import greys
from uapseg.errors import UapsegError
from uapseg.models import checks, load_model, short_name
from uapseg.models.classes import numbered_names, voc_palette
from uapseg.models.custom import wrap
from uapseg.models.segmenter import Segmenter

FILE = own_networks.__file__


@pytest.mark.parametrize("function", own_networks.SOUND, ids=lambda f: f.__name__)
def test_a_sound_network_is_taken(function):
    model = load_model(f"{FILE}:{function.__name__}")
    assert model(torch.rand(1, 3, 50, 70)).shape == (1, len(model.classes), 50, 70)
    assert not any(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("function", own_networks.SLIPS, ids=lambda f: f.__name__)
def test_each_mistake_is_reported_in_one_sentence(function):
    with pytest.raises(UapsegError, match=own_networks.SLIPS[function]) as caught:
        load_model(f"{FILE}:{function.__name__}")
    assert "\n" not in str(caught.value)


# Sizes


class Recorded(nn.Module):
    """Sees which pictures reach it, and takes sides of multiples of 32 alone."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 1)
        self.seen = []

    def forward(self, images):
        if images.shape[-1] % 32 or images.shape[-2] % 32:
            raise ValueError("sides of 32")
        self.seen.append(images)
        return self.layer(images)


def test_pictures_are_padded_with_their_edges_to_the_sides_that_a_network_takes_and_cut_again():
    net = Recorded()
    model = wrap(net, "mine")
    assert (model.multiple, model.padded_size(70, 50)) == (32, (96, 64))
    images = torch.rand(2, 3, 50, 70, requires_grad=True)
    logits = model(images)
    inner = net.seen[-1]
    assert inner.shape == (2, 3, 64, 96)
    assert torch.equal(inner[..., :50, :70], images)
    assert torch.equal(inner[..., 50:, :70], images[..., 49:, :].expand(2, 3, 14, 70))
    assert torch.equal(inner[..., 70:], inner[..., 69:70].expand(2, 3, 64, 26))
    torch.testing.assert_close(logits, net.layer(images))
    assert model.predict(images).shape == (2, 50, 70)
    weights = torch.randn(logits.shape)
    padded, bare = (torch.autograd.grad((out * weights).sum(), images)[0] for out in (logits, net.layer(images)))
    torch.testing.assert_close(padded, bare)


def test_pictures_of_sides_that_fit_are_not_padded():
    net = Recorded()
    model = wrap(net, "mine")
    images = torch.rand(1, 3, 64, 96)
    model(images)
    assert torch.equal(net.seen[-1], images)


def test_a_network_that_takes_any_size_is_not_padded():
    assert load_model(f"{FILE}:bare").multiple == 1


@pytest.mark.parametrize("multiple", checks.MULTIPLES)
def test_the_least_multiple_is_found(multiple):
    def strided(net, x):
        assert x.shape[-1] % multiple == x.shape[-2] % multiple == 0
        return net(x)

    assert wrap(own_networks.Around(strided, own_networks.one_layer()), "mine").multiple == multiple


def test_a_network_of_one_size_is_taken_for_that_size_alone():
    model = load_model(f"{FILE}:one_size", size=(128, 96))
    assert model(torch.rand(1, 3, 96, 128)).shape == (1, 4, 96, 128)
    with pytest.raises(UapsegError, match=r"cannot take one picture of 300 x 200 .*: choose another --size"):
        model(torch.rand(1, 3, 200, 300))
    with pytest.raises(UapsegError, match="cannot take two pictures of 384 x 256"):
        load_model(f"{FILE}:one_size", size=(384, 256))


def test_pictures_too_small_for_a_network_are_padded_to_what_it_takes():
    def large(net, x):
        assert min(x.shape[-2:]) >= 30
        return net(x)

    net = own_networks.Around(large, own_networks.one_layer())
    assert wrap(net, "mine").multiple == 1
    assert wrap(net, "mine", size=(16, 16)).multiple == 32


# What only looks like a slip


GUESSES = ("softmax", "sigmoid", "normalises_twice", "normalises_twice_inside", "divides", "divides_without_weights")


@pytest.mark.parametrize("function", GUESSES)
def test_guesses_are_warnings_where_they_are_not_wanted(function, caplog):
    with pytest.raises(UapsegError, match=r"If that is wrong, --no-checks makes it a warning\.$"):
        load_model(f"{FILE}:{function}")
    assert not caplog.messages
    assert load_model(f"{FILE}:{function}", strict=False).multiple == 1
    (message,) = caplog.messages
    assert "--no-checks" not in message
    assert message.startswith(f"The network own_networks.py:{function} ")


@pytest.mark.parametrize("function", ["no_gradient", "labels", "not_finite", "always_dropout", "stays_in_train_mode"])
def test_what_is_sure_is_refused_all_the_same(function):
    with pytest.raises(UapsegError, match="The network"):
        load_model(f"{FILE}:{function}", strict=False)


def test_known_networks_pass_every_check():
    for model in (load_model("street"), greys()):
        checks.check(model)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "fcn_resnet50"])
@pytest.mark.parametrize("normalised", [True, False])
def test_networks_with_random_weights_pass_every_check(name, normalised):
    torch.manual_seed(0)
    net = get_model(name, weights=None, weights_backbone=None, num_classes=21)
    statistics = {"mean": own_networks.MEAN, "std": own_networks.STD} if normalised else {}
    names = numbered_names(21)
    checks.check(
        Segmenter(net, name=name, classes=names, palette=voc_palette(21), objects=(), pair=names[:2], source="random",
                  licence="MIT", **statistics)
    )  # fmt: skip


def test_attributes_say_what_the_network_knows():
    model = load_model(f"{FILE}:of_one_file")
    assert model.classes == ("road", "car", "person", "sky")
    assert model.palette[1] == (0, 0, 200)
    assert model.objects == ("car", "person")
    assert set(model.default_pair) <= set(model.classes)
    assert model.name == "own_networks.py:of_one_file"


def test_with_mean_and_std_the_loader_normalises_and_else_nobody():
    images = torch.rand(1, 3, 20, 30)
    net = own_networks.bare().eval()
    with torch.no_grad():
        torch.testing.assert_close(load_model(f"{FILE}:bare").raw_output(images), net(images))
        wanted = net(own_networks.normalised(images))
        torch.testing.assert_close(load_model(f"{FILE}:of_one_file").raw_output(images), wanted)


def test_statistics_may_be_tensors():
    net = own_networks.bare()
    net.register_buffer("mean", torch.tensor(own_networks.MEAN).view(1, 3, 1, 1))
    net.register_buffer("std", torch.tensor(own_networks.STD).view(1, 3, 1, 1))
    seen = wrap(net, "mine").normalize(torch.ones(1, 3, 1, 1)).flatten().tolist()
    assert seen == pytest.approx([(1 - m) / s for m, s in zip(own_networks.MEAN, own_networks.STD, strict=True)])


def test_a_network_without_attributes_has_numbered_classes_in_different_colours():
    model = load_model(f"{FILE}:bare")
    assert model.classes == ("class 0", "class 1", "class 2", "class 3")
    assert len(set(model.palette)) == 4
    assert model.default_pair == ("class 1", "class 0")


def test_a_file_may_import_those_beside_it_and_hold_dataclasses(tmp_path):
    (tmp_path / "parts_of_a_network.py").write_text("from torch import nn\nlayer = nn.Conv2d(3, 2, 1)\n")
    (tmp_path / "main.py").write_text(
        "from dataclasses import dataclass\nfrom torch import nn\nfrom parts_of_a_network import layer\n"
        "@dataclass\nclass Setting:\n    size: 'int' = 3\ndef net():\n    return nn.Sequential(layer)\n"
    )
    assert load_model(f"{tmp_path / 'main.py'}:net").classes == ("class 0", "class 1")
    assert str(tmp_path) not in sys.path


def test_a_changed_file_is_read_anew(tmp_path):
    file = tmp_path / "main.py"
    for count in (2, 3):
        file.write_text(f"from torch import nn\ndef net():\n    return nn.Conv2d(3, {count}, 1)\n")
        assert len(load_model(f"{file}:net").classes) == count


@pytest.mark.parametrize(
    ("text", "function", "sentence"),
    [
        ("def net(:\n", "net", r"invalid syntax \(main\.py, line 1\)"),
        ("\nimport no_such_package\n", "net", r"line 2: No module named 'no_such_package'"),
        ("x = 1\n", "net", r"has no attribute 'net'"),
        ("net = 3\n", "net", r"'int' object is not callable"),
        ("def net():\n    assert False\n", "net", r"line 2: it says nothing about why"),
        ("def net():\n    raise RuntimeError('ValueError: 3 is odd')\n", "net", r"line 2: 3 is odd\)"),
    ],
)
def test_an_error_in_a_file_is_reported_with_its_line(text, function, sentence, tmp_path):
    (tmp_path / "main.py").write_text(text)
    with pytest.raises(UapsegError, match=sentence) as caught:
        load_model(f"{tmp_path / 'main.py'}:{function}")
    assert not re.search(r"\n|Error|Exception", str(caught.value))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(UapsegError, match=r"There is no file .*nothing.py with a network"):
        load_model(f"{tmp_path / 'nothing.py'}:net")


def test_nothing_that_runs_code_is_loaded_for_strangers(tmp_path):
    (tmp_path / "main.py").write_text("raise SystemExit\n")
    (tmp_path / "main.pt2").touch()
    (tmp_path / "main.torchscript").touch()
    for name in ("main.py:net", "main.pt2", "main.torchscript"):
        with pytest.raises(UapsegError, match="runs code from a file"):
            load_model(str(tmp_path / name), allow_code=False)
    assert load_model("street", allow_code=False).name == "street"


def test_weights_are_for_known_architectures_alone():
    with pytest.raises(UapsegError, match="has its own weights"):
        load_model(f"{FILE}:bare", weights="weights.safetensors")


def test_a_network_is_taken_from_python_as_it_is():
    net = nn.Conv2d(3, 2, 1)
    assert wrap(net, "mine").name == "mine"
    with pytest.raises(UapsegError, match="The network mine answers with probabilities"):
        wrap(nn.Sequential(net, nn.Softmax(1)), "mine")


def test_a_network_from_a_file_is_called_by_file_and_function():
    for name, short in (
        ("/home/me/nets/mine.py:net", "mine.py:net"), ("nets/mine.pt2", "mine.pt2"), ("street:small", "street:small"),
        ("torchvision:lraspp_mobilenet_v3_large", "torchvision:lraspp_mobilenet_v3_large"), ("hf:me/net", "hf:me/net"),
    ):  # fmt: skip
        assert short_name(name) == short


@pytest.mark.parametrize(("name", "asked"), [("no/mine.py:net", "--model FILE.py:FUNCTION"),
                                             ("mine.py", "write --model mine.py:FUNCTION")])  # fmt: skip
def test_a_network_that_is_not_there_is_asked_for_as_it_is_typed(name, asked):
    with pytest.raises(UapsegError, match=asked):
        load_model(name)
