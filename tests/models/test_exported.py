"""Files of TorchScript and torch.export: the same contract and the same checks as for networks of one's own."""

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, export, save

from tests.own_networks import MEAN, STD, Bare
from uapseg.errors import UapsegError
from uapseg.models import load_model

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")

ANY = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
PICTURES = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))


class Named(nn.Module):
    """With attributes, as TorchScript keeps them."""

    classes: list[str]
    mean: list[float]
    std: list[float]

    def __init__(self, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD) -> None:
        super().__init__()
        self.classes, self.mean, self.std = ["road", "car", "person", "sky"], list(mean), list(std)
        self.net = Bare()

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)


class Changed(nn.Module):
    """A sound network behind a slip."""

    def __init__(self, slip: str) -> None:
        super().__init__()
        self.net, self.slip = Bare(), slip

    def forward(self, images: Tensor) -> Tensor:
        if self.slip == "divides":
            return self.net(images / 255)
        logits = self.net(images)
        return logits.softmax(1) if self.slip == "softmax" else logits.argmax(1)


def scripted(net: nn.Module, file) -> str:
    torch.jit.save(torch.jit.script(net), file)
    return str(file)


def exported(net: nn.Module, file, shapes=ANY, pictures=PICTURES) -> str:
    save(export(net, (pictures,), dynamic_shapes=(shapes,) if shapes else None), file)
    return str(file)


@pytest.mark.parametrize("ending", ["torchscript", "ts", "pt", "PT"])
def test_a_script_answers_as_the_network_did(ending, tmp_path):
    """It was saved in train mode: loading it must put it into eval mode."""
    model = load_model(scripted(Bare(), tmp_path / f"net.{ending}"))
    torch.testing.assert_close(model.raw_output(PICTURES), Bare().eval()(PICTURES))


def test_an_exported_program_answers_as_the_network_did(tmp_path):
    model = load_model(exported(Bare().eval(), tmp_path / "net.pt2"))
    torch.testing.assert_close(model.raw_output(PICTURES), Bare().eval()(PICTURES))
    assert model(torch.rand(1, 3, 33, 57)).shape == (1, 4, 33, 57)
    assert not any(weight.requires_grad for weight in model.parameters())
    assert model.train().training is False


def test_a_trace_works_too(tmp_path):
    torch.jit.save(torch.jit.trace(Bare().eval(), PICTURES), tmp_path / "net.torchscript")
    assert len(load_model(str(tmp_path / "net.torchscript")).classes) == 4


def test_a_script_brings_its_attributes(tmp_path):
    model = load_model(scripted(Named(), tmp_path / "net.torchscript"))
    assert model.classes == ("road", "car", "person", "sky")
    wanted = (PICTURES - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    torch.testing.assert_close(model.normalize(PICTURES), wanted)


def test_the_fingerprint_is_that_of_the_file(tmp_path):
    """The weights of a frozen script are not in its state."""
    prints = set()
    for seed in (0, 1):
        net = Bare()
        torch.nn.init.normal_(net.last.weight, generator=torch.Generator().manual_seed(seed))
        torch.jit.save(torch.jit.freeze(torch.jit.script(net.eval())), tmp_path / "net.torchscript")
        prints.add(load_model(str(tmp_path / "net.torchscript")).fingerprint)
    assert len(prints) == 2


@pytest.mark.parametrize("make", [scripted, exported])
@pytest.mark.parametrize(
    ("slip", "sentence"),
    [
        ("softmax", "answers with probabilities"),
        ("divides", "expects pictures from 0 to 255 .its first layer gets"),
        ("argmax", "it must return logits"),
    ],
)
def test_slips_are_found_in_files_too(make, slip, sentence, tmp_path):
    ending = "pt2" if make is exported else "torchscript"
    with pytest.raises(UapsegError, match=sentence) as caught:
        load_model(make(Changed(slip).eval(), tmp_path / f"net.{ending}"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "ending"), [(exported, "pt2"), (lambda n, f: torch.jit.save(torch.jit.trace(n, PICTURES), f), "ts")]
)
@pytest.mark.filterwarnings("ignore")
def test_a_network_that_was_saved_in_train_mode_for_good_is_refused(make, ending, tmp_path):
    make(Bare().train(), tmp_path / f"net.{ending}")
    with pytest.raises(UapsegError, match="computes as in training"):
        load_model(str(tmp_path / f"net.{ending}"))


@pytest.mark.parametrize(
    ("shapes", "fixed"), [(None, "2 x 3 x 48 x 64"), ({2: Dim.DYNAMIC, 3: Dim.DYNAMIC}, "2 x 3 x any x any")]
)
def test_a_program_for_one_shape_is_refused_with_the_way_out(shapes, fixed, tmp_path):
    file = exported(Bare().eval(), tmp_path / "net.pt2", shapes)
    with pytest.raises(UapsegError, match=rf"shape {fixed} alone: export it with dynamic_shapes="):
        load_model(file)


def test_a_program_of_two_inputs_is_refused(tmp_path):
    class Two(nn.Module):
        def forward(self, first: Tensor, second: Tensor) -> Tensor:
            return first + second

    save(export(Two(), (PICTURES, PICTURES)), tmp_path / "net.pt2")
    with pytest.raises(UapsegError, match="takes 2 inputs"):
        load_model(str(tmp_path / "net.pt2"))


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        ("pt2", "is not an exported network"),
        ("pt", "is not a TorchScript network .*--weights"),
        ("ts", "TorchScript"),
    ],
)
def test_a_file_of_another_kind_is_one_sentence(ending, sentence, tmp_path):
    torch.save(Bare().state_dict(), tmp_path / f"net.{ending}")
    with pytest.raises(UapsegError, match=sentence) as caught:
        load_model(str(tmp_path / f"net.{ending}"))
    assert "\n" not in str(caught.value)
    with pytest.raises(UapsegError, match="There is no file"):
        load_model(str(tmp_path / f"nothing.{ending}"))
