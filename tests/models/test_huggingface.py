"""Networks of transformers: tiny ones with random weights, saved to a folder and loaded back."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import transformers
from torch import nn

from tests.models.test_torchvision import Trap
from uapseg.errors import UapsegError
from uapseg.io.download import UnreachableError
from uapseg.models import huggingface, load_model
from uapseg.models.classes import CITYSCAPES

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
TINY = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 8, 16, 16]}
STAGES = ["stage1", "stage2", "stage3", "stage4"]


def segformer(classes: dict[int, str]) -> nn.Module:
    config = transformers.SegformerConfig(
        **TINY, num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16, id2label=classes
    )
    return transformers.SegformerForSemanticSegmentation(config)


def upernet(classes: dict[int, str]) -> nn.Module:
    config = transformers.UperNetConfig(
        backbone_config=transformers.ConvNextConfig(**TINY, out_features=STAGES),
        hidden_size=16,
        auxiliary_channels=8,
        auxiliary_in_channels=16,
        id2label=classes,
    )
    return transformers.UperNetForSemanticSegmentation(config)


def mobilevit(classes: dict[int, str]) -> nn.Module:
    config = transformers.MobileViTConfig(hidden_sizes=[16] * 3, neck_hidden_sizes=[8] * 7, id2label=classes)
    net = transformers.MobileViTForSemanticSegmentation(config)
    for weight in net.parameters():  # they start at zero
        nn.init.normal_(weight, std=2) if weight.dim() > 1 else None
    return net


def saved(net: nn.Module, folder: Path, **processing: object) -> nn.Module:
    settings = {"image_mean": MEAN, "image_std": STD, **processing}
    net.eval().save_pretrained(folder)
    transformers.SegformerImageProcessor(**settings).save_pretrained(folder)
    return net


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_a_published_state_dict_of_an_upernet_is_loaded_from_beside_its_configuration(tmp_path):
    net = saved(upernet({0: "road", 1: "car", 2: "sky"}), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(net.state_dict(), tmp_path / "pytorch_model.bin")
    model, images = load_model(f"hf:{tmp_path}"), torch.rand(1, 3, 64, 96)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))
    assert torch.allclose(model(images), net(pixel_values=(images - mean) / std).logits, atol=1e-4)


def test_a_state_dict_of_an_upernet_with_another_backbone_is_refused(tmp_path):
    """As those of robust UperNets are, whose ConvNeXt has a convolutional stem."""
    net = saved(upernet({0: "road", 1: "car", 2: "sky"}), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    stem = "backbone.embeddings.patch_embeddings"
    state = {key.replace(stem, "backbone.stem.0"): value for key, value in net.state_dict().items()}
    torch.save(state, tmp_path / "pytorch_model.bin")
    with pytest.raises(UapsegError, match=f"is of another architecture .its weights lack {stem}"):
        load_model(f"hf:{tmp_path}")


@pytest.mark.parametrize("build", [segformer, upernet])
def test_a_network_is_loaded_back_with_its_statistics_and_classes(build, tmp_path):
    net = saved(build({0: "road", 1: "car", 2: "sky"}), tmp_path)
    model = load_model(f"hf:{tmp_path}")
    assert model.classes == ("road", "car", "sky")
    assert model.objects == ("car",)
    assert model.palette[0] == CITYSCAPES["road"]
    assert model.source == str(tmp_path)
    images = torch.rand(2, 3, 70, 90)
    pixels = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(model.raw_output(images), net(pixel_values=pixels).logits)
    assert model(images).shape == (2, 3, 70, 90)


@pytest.mark.parametrize(
    ("processing", "seen"),
    [
        ({"do_normalize": False}, [0.2, 0.4, 0.6]),
        ({"do_normalize": False, "do_rescale": False}, [51, 102, 153]),
        ({"image_mean": [0, 0, 0], "image_std": [0.5] * 3, "rescale_factor": 1 / 127.5}, [0.8, 1.6, 2.4]),
        ({"do_rescale": False, "image_mean": [51, 51, 51], "image_std": [51.0] * 3}, [0, 1, 2]),
    ],
)
def test_what_the_processor_does_to_grey_levels_is_done_to_images(processing, seen, tmp_path):
    net = saved(segformer({0: "road", 1: "car"}), tmp_path, **processing)
    model = load_model(f"hf:{tmp_path}")
    image = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    pixels = torch.tensor(seen, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.raw_output(image), net(pixel_values=pixels).logits, rtol=1e-3, atol=1e-4)


def test_a_network_that_wants_blue_before_red_gets_it(tmp_path):
    net = mobilevit({0: "road", 1: "car"}).eval()
    net.save_pretrained(tmp_path)
    transformers.MobileViTImageProcessor().save_pretrained(tmp_path)
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wanted, unwanted = net(images.flip(1)).logits, net(images).logits
    assert not torch.allclose(wanted, unwanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(load_model(f"hf:{tmp_path}").raw_output(images), wanted)


def test_repeated_names_are_made_distinct(tmp_path):
    saved(segformer({0: "screen ", 1: "Screen", 2: "tree", 3: "building"}), tmp_path)
    model = load_model(f"hf:{tmp_path}")
    assert model.classes == ("screen", "Screen (2)", "tree", "building")
    assert model.default_pair == ("tree", "building")


def test_nothing_is_written_about_the_loading(tmp_path, capfd):
    saved(segformer({0: "road", 1: "car"}), tmp_path)
    capfd.readouterr()
    load_model(f"hf:{tmp_path}")
    assert capfd.readouterr() == ("", "")


def test_networks_without_classes_for_each_pixel_are_refused(tmp_path):
    transformers.DetrConfig().save_pretrained(tmp_path)
    with pytest.raises(UapsegError, match="is a detr, which gives each pixel no class by itself"):
        load_model(f"hf:{tmp_path}")


def test_a_backbone_that_was_never_trained_for_segmentation_is_refused(tmp_path):
    config = transformers.SegformerConfig(**TINY, num_attention_heads=[1, 1, 2, 2])
    saved(transformers.SegformerForImageClassification(config), tmp_path)
    with pytest.raises(UapsegError, match=r"has not been trained for segmentation, .* lack decode_head"):
        load_model(f"hf:{tmp_path}")


def test_a_network_for_one_size_is_refused(tmp_path):
    config = transformers.DPTConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=64,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8] * 4, fusion_hidden_size=8, id2label={0: "a", 1: "b"},
    )  # fmt: skip
    saved(transformers.DPTForSemanticSegmentation(config), tmp_path)
    with pytest.raises(UapsegError, match="choose another --size"):
        load_model(f"hf:{tmp_path}", size=(384, 256))


def test_no_code_is_taken_from_weights_or_folders(tmp_path):
    saved(segformer({0: "road", 1: "car"}), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"weights": Trap()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UapsegError, match="would run code when they are read"):
        load_model(f"hf:{tmp_path}")
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "trap", "auto_map": {"AutoConfig": "trap.TrapConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "trap.py").write_text("raise SystemExit\n")
    with pytest.raises(UapsegError, match="cannot be loaded"):
        load_model(f"hf:{tmp_path}")


def test_a_folder_without_a_network_is_named(tmp_path):
    with pytest.raises(UapsegError, match=f"The folder {tmp_path} has no config.json: name one that"):
        load_model(f"hf:{tmp_path}")


@pytest.mark.parametrize("missing", ["model.safetensors", "preprocessor_config.json"])
def test_a_folder_that_lacks_something_is_one_sentence(missing, tmp_path):
    saved(segformer({0: "road", 1: "car"}), tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(UapsegError, match=f"The network hf:{tmp_path} cannot be loaded") as caught:
        load_model(f"hf:{tmp_path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["hf:/no/such/folder", "hf:./nothing", "hf:a/b/c", "hf:two words"])
def test_a_name_that_is_no_folder_and_no_id_is_one_sentence(name):
    with pytest.raises(UapsegError, match="There is no folder"):
        load_model(name)


def test_without_the_internet_one_sentence_says_what_to_do(monkeypatch):
    def nowhere(*_: object) -> None:
        raise UnreachableError("no connection")

    monkeypatch.setattr(huggingface, "check_connection", nowhere)
    with pytest.raises(UapsegError, match="no internet and no cached weights for hf:nobody/nothing: choose street"):
        load_model("hf:nobody/nothing")


def test_without_transformers_one_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "uapseg.models.huggingface")
    with pytest.raises(UapsegError, match="install it with pip install transformers"):
        load_model("hf:nvidia/anything")


COMMIT = "0123456789" * 4


class Hub(BaseHTTPRequestHandler):
    """As much of Hugging Face's protocol as a download needs."""

    folder: Path

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(None)

    def _answer(self, content: bytes | None) -> None:
        file = self.folder / self.path.rsplit("/", 1)[1]
        there = self.path.startswith("/tiny/segformer/resolve/") and file.is_file()
        body = file.read_bytes() if there else b""
        self.send_response(200 if there else 404)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(*("ETag", f'"{sha256(body).hexdigest()}"') if there else ("X-Error-Code", "EntryNotFound"))
        self.end_headers()
        self.wfile.write(body if content is None else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    saved(segformer({0: "road", 1: "car"}), tmp_path / "server")
    handler = type("Handler", (Hub,), {"folder": tmp_path / "server"})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.slow
def test_a_network_of_the_hub_is_downloaded_once(server, tmp_path):
    """In processes of their own: the hub's library reads its address when it is imported."""

    def loaded(address: str, name: str) -> subprocess.CompletedProcess[str]:
        code = f"from uapseg import load_model; print(load_model({name!r}).fingerprint)"
        settings = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        return subprocess.run(
            [sys.executable, "-c", code], env=os.environ | settings, capture_output=True, text=True, check=False
        )

    first = loaded(server, "hf:tiny/segformer")
    assert first.stdout.strip() == load_model(f"hf:{tmp_path / 'server'}").fingerprint, first.stderr
    assert loaded("http://127.0.0.1:9", "hf:tiny/segformer").stdout == first.stdout
    assert (
        "no internet and no cached weights for hf:tiny/upernet"
        in loaded("http://127.0.0.1:9", "hf:tiny/upernet").stderr
    )


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ({"1": "road", "2": "car", "3": "sky"}, ("road", "car", "sky")),
        ({"0": "road", "1": "car", "3": "sky"}, ("road", "car", "class 2")),
        ({"0": "road", "255": "void", "2": "sky"}, ("road", "class 1", "sky")),
        ({"0": "road", "1": None, "2": " "}, ("road", "class 1", "class 2")),
    ],
)
def test_classes_are_named_however_they_are_numbered(labels, classes, tmp_path):
    saved(segformer({0: "a", 1: "b", 2: "c"}), tmp_path)
    edit(tmp_path / "config.json", id2label=labels, label2id={})
    assert load_model(f"hf:{tmp_path}").classes == classes


@pytest.mark.parametrize(
    ("mean", "std", "wanted"),
    [(None, None, (MEAN, STD)), (0.5, 0.25, ([0.5] * 3, [0.25] * 3)), ([0.4], [0.2], ([0.4] * 3, [0.2] * 3))],
)
def test_statistics_may_be_missing_or_one_number(mean, std, wanted, tmp_path):
    saved(segformer({0: "a", 1: "b"}), tmp_path)
    edit(tmp_path / "preprocessor_config.json", image_mean=mean, image_std=std)
    seen = load_model(f"hf:{tmp_path}").normalize(torch.ones(1, 3, 1, 1)).flatten().tolist()
    assert seen == pytest.approx([(1 - m) / s for m, s in zip(*wanted, strict=True)])


@pytest.mark.parametrize(
    "change", [{"image_mean": [0.5] * 4}, {"image_mean": "x"}, {"image_std": [0.1, 0.1, 0]}, {"image_std": [None] * 3}]
)
def test_statistics_that_are_no_three_numbers_are_refused(change, tmp_path):
    saved(segformer({0: "a", 1: "b"}), tmp_path)
    edit(tmp_path / "preprocessor_config.json", **change)
    with pytest.raises(UapsegError, match=f"has no {next(iter(change))} of three numbers"):
        load_model(f"hf:{tmp_path}")


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
