"""Networks of segmentation_models_pytorch: small ones with random weights, saved to a folder and loaded back."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from uapseg.errors import UapsegError
from uapseg.io.download import UnreachableError
from uapseg.models import load_model
from uapseg.models.smp import IMAGENET

smp: Any = pytest.importorskip("segmentation_models_pytorch")
pytestmark = pytest.mark.filterwarnings("ignore")


def saved(folder: Path, classes: int = 3, **normalization: object) -> Any:
    torch.manual_seed(0)
    net = smp.Unet("mobilenet_v2", encoder_weights=None, decoder_channels=(16, 16, 8, 8, 8), classes=classes).eval()
    net.save_pretrained(folder)
    if normalization:
        steps = [{"__class_fullname__": "Resize", "height": 64}, {"__class_fullname__": "Normalize", **normalization}]
        pipeline = {"transform": {"__class_fullname__": "Compose", "transforms": steps}}
        (folder / "albumentations_config_eval.json").write_text(json.dumps(pipeline))
    return net


def normalized(images: torch.Tensor, mean: object = IMAGENET[0], std: object = IMAGENET[1]) -> torch.Tensor:
    return (images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nothing is in the hub's cache, and there is no connection to it."""

    def refuse(*_: object, **__: object) -> None:
        raise UnreachableError("no connection")

    def find_nothing(*_: object, local_files_only: bool = False, **__: object) -> None:
        assert local_files_only, "the hub's library is asked only where there is a connection"
        raise LocalEntryNotFoundError("not in the cache")

    monkeypatch.setattr("uapseg.models.smp.check_connection", refuse)
    monkeypatch.setattr("huggingface_hub.snapshot_download", find_nothing)


@torch.no_grad()
def test_a_network_is_loaded_back_with_its_preprocessing_and_its_classes(tmp_path):
    net = saved(tmp_path, mean=[0.5, 0.4, 0.3], std=[0.25, 0.2, 0.2], max_pixel_value=255.0)
    (tmp_path / "classes.txt").write_text("road\ncar\nsky\n")
    model = load_model(f"smp:{tmp_path}", fold=False)
    assert model.classes == ("road", "car", "sky")
    assert model.objects == ("car",)
    images = torch.rand(2, 3, 96, 128)
    torch.testing.assert_close(model(images), net(normalized(images, [0.5, 0.4, 0.3], [0.25, 0.2, 0.2])))
    assert model(torch.rand(1, 3, 70, 90)).shape == (1, 3, 70, 90)


def test_without_preprocessing_that_of_imagenet_is_assumed_and_said(tmp_path, caplog):
    net = saved(tmp_path)
    model = load_model(f"smp:{tmp_path}", fold=False)
    assert "mean and std of ImageNet are assumed" in caplog.text
    assert model.classes == ("class 0", "class 1", "class 2")
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(model(images), net(normalized(images)))


def test_the_preprocessing_of_the_encoder_is_taken_where_it_is_known(tmp_path, monkeypatch):
    saved(tmp_path / "network")
    (tmp_path / "config.json").write_text(json.dumps({"mean": [0.5] * 3, "std": [0.5] * 3}))
    asked = []

    def find(place: str, **how: object) -> str:
        asked.append((place, how["local_files_only"]))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", find)
    assert load_model(f"smp:{tmp_path / 'network'}").normalize(torch.ones(1, 3, 1, 1)).unique().item() == 1
    assert asked == [("smp-hub/mobilenet_v2.imagenet", True)]


@torch.no_grad()
def test_a_single_logit_is_one_of_two_classes(tmp_path):
    net = saved(tmp_path, classes=1)
    model = load_model(f"smp:{tmp_path}", fold=False)
    images = torch.rand(1, 3, 64, 64)
    logit = net(normalized(images))
    assert len(model.classes) == 2
    torch.testing.assert_close(model(images).softmax(1)[:, 1:], logit.sigmoid(), rtol=1e-4, atol=1e-5)


def test_nothing_is_printed_where_commands_print_their_result(tmp_path, capsys):
    saved(tmp_path)
    load_model(f"smp:{tmp_path}")
    assert capsys.readouterr().out == ""


def test_classes_that_do_not_fit_are_refused(tmp_path):
    saved(tmp_path)
    (tmp_path / "classes.txt").write_text("road\ncar")
    with pytest.raises(UapsegError, match=r"has 3 classes, and its classes\.txt names 2"):
        load_model(f"smp:{tmp_path}")


def test_a_folder_without_a_network_is_one_sentence(tmp_path):
    with pytest.raises(UapsegError, match=f"The folder {tmp_path} has no config.json"):
        load_model(f"smp:{tmp_path}")


def test_without_the_internet_one_sentence_says_what_to_do():
    with pytest.raises(UapsegError, match=r"no cached weights for smp:nobody/nothing: .*smp:FOLDER"):
        load_model("smp:nobody/nothing")


def test_without_the_package_one_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    monkeypatch.delitem(sys.modules, "uapseg.models.smp")
    with pytest.raises(UapsegError, match="install it with pip install segmentation_models_pytorch"):
        load_model("smp:any/thing")
