"""torchvision's networks, with random weights in the cache of torch hub and from a server of one's own."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model, get_model_weights
from torchvision.models.segmentation import LRASPP_MobileNet_V3_Large_Weights

from uapseg.errors import UapsegError
from uapseg.io import download
from uapseg.models import catalogue, load_model, missing_files, torchvision

LRASPP = "torchvision:lraspp_mobilenet_v3_large"
PUBLISHED = LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1


def random_network(name: str = "lraspp_mobilenet_v3_large", **options) -> torch.nn.Module:
    torch.manual_seed(0)
    return get_model(name, weights=None, weights_backbone=None, num_classes=21, **options)


@pytest.fixture(autouse=True)
def checkpoints(tmp_path, monkeypatch) -> Path:
    """The cache of torch hub, in a folder of its own and empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[Path]:
    """Serves a folder with random weights of the lraspp, under the name that torch gives such files."""
    folder = tmp_path / "server"
    folder.mkdir()
    torch.save(random_network().state_dict(), folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
    file = (folder / "weights.pth").rename(folder / f"lraspp_mobilenet_v3_large-{digest[:8]}.pth")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(PUBLISHED.value, "url", f"http://127.0.0.1:{running.server_port}/{file.name}")
        yield file
        running.shutdown()


def test_all_six_have_a_card_and_none_is_loaded(checkpoints):
    cards = {card.name: card for card in catalogue()}
    assert list(cards) == [
        "street",
        "street:small",
        "street:robust",
        *(f"torchvision:{name}" for name in torchvision.NAMES),
    ]
    assert cards["street"].cached
    assert cards["street"].download_bytes is None
    for name in torchvision.NAMES:
        card = cards[f"torchvision:{name}"]
        assert (card.classes, card.cached) == (21, False)
        assert card.parameters < card.download_bytes < 5 * card.parameters
        (file,) = missing_files(card.name)
        assert file.path.parent == checkpoints
        assert file.path.name == file.url.rsplit("/", 1)[1]
        assert file.checksum == f"sha256:{file.path.stem[-8:]}"


@pytest.mark.parametrize(
    "name", [*torchvision.NAMES[:2], *(pytest.param(name, marks=pytest.mark.slow) for name in torchvision.NAMES[2:])]
)
def test_weights_in_the_cache_of_torch_are_used_as_they_are(name, checkpoints):
    """The published files of all but the lraspp hold a second head, of use in training alone."""
    net = random_network(name, **({} if name.startswith("lraspp") else {"aux_loss": True})).eval()
    file = checkpoints / missing_files(f"torchvision:{name}")[0].path.name
    torch.save(net.state_dict(), file)
    assert missing_files(f"torchvision:{name}") == []
    model = load_model(f"torchvision:{name}")
    file.unlink()
    weights = get_model_weights(name)["COCO_WITH_VOC_LABELS_V1"]
    image = torch.rand(1, 3, 40, 56)
    with torch.no_grad():
        wanted = net(weights.transforms(resize_size=40)(image))["out"]
    torch.testing.assert_close(model(image), wanted, rtol=0, atol=2e-3 * float(wanted.abs().max()))


def test_classes_objects_and_pair_are_those_of_voc(server):
    model = load_model(LRASPP)
    assert model.classes == ("background", *PUBLISHED.meta["categories"][1:])
    assert model.objects == model.classes[1:]
    assert model.default_pair == ("person", "background")
    assert model.palette[:3] == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert model.palette[15] == (192, 128, 128)
    assert len(set(model.palette)) == 21


def test_weights_are_downloaded_once_into_the_cache_of_torch(server, checkpoints):
    (wanted,) = missing_files(LRASPP)
    first = load_model(LRASPP)
    assert (checkpoints / server.name).read_bytes() == server.read_bytes()
    assert missing_files(LRASPP) == []
    assert next(card for card in catalogue() if card.name == LRASPP).cached
    server.unlink()
    assert load_model(LRASPP).fingerprint == first.fingerprint
    assert wanted.path == checkpoints / server.name


def test_weights_of_another_checksum_are_refused(server, checkpoints, monkeypatch):
    monkeypatch.setattr(download, "RETRY_DELAY", 0.01)
    server.write_bytes(server.read_bytes()[:-1] + b"x")
    with pytest.raises(UapsegError, match="checksum"):
        load_model(LRASPP)
    assert not (checkpoints / server.name).exists()


def test_without_the_internet_one_sentence_says_what_to_do(checkpoints, monkeypatch):
    monkeypatch.setattr(download, "RETRY_DELAY", 0.01)
    monkeypatch.setattr(PUBLISHED.value, "url", "http://127.0.0.1:9/lraspp_mobilenet_v3_large-d234d4ea.pth")
    with pytest.raises(
        UapsegError, match=r"no internet and no cached weights for torchvision:lraspp.*choose street"
    ) as told:
        load_model(LRASPP)
    assert str(checkpoints / "lraspp_mobilenet_v3_large-d234d4ea.pth") in str(told.value)


def test_an_unknown_network_of_torchvision_is_refused_with_the_list():
    with pytest.raises(UapsegError, match="no segmentation network 'resnet50': choose one of lraspp"):
        load_model("torchvision:resnet50")


@pytest.mark.parametrize("kind", ["safetensors", "bare", "nested", "parallel", "half", "compiled", "lightning"])
def test_a_file_of_weights_is_used_instead(kind, tmp_path):
    state = random_network().state_dict()
    file = tmp_path / f"weights.{'safetensors' if kind == 'safetensors' else 'pth'}"
    if kind == "safetensors":
        save_file(state, file)
    else:
        torch.save(
            {
                "bare": state,
                "nested": {"model": state, "epoch": 3},
                "parallel": {f"module.{key}": value for key, value in state.items()},
                "compiled": {f"_orig_mod.module.{key}": value for key, value in state.items()},
                "lightning": {"state_dict": {f"model.{key}": value for key, value in state.items()}, "epoch": 3},
                "half": {key: v.half() if v.is_floating_point() else v for key, v in state.items()},
            }[kind],
            file,
        )
    model = load_model(LRASPP, weights=str(file))
    assert missing_files(LRASPP, str(file)) == []
    assert model.source == str(file)
    if kind != "half":
        assert torch.equal(
            model.state_dict()["_net.classifier.low_classifier.bias"], state["classifier.low_classifier.bias"]
        )


def test_street_takes_other_weights_too(tmp_path):
    net = get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=11)
    save_file(net.state_dict(), tmp_path / "mine.safetensors")
    mine = load_model("street", weights=str(tmp_path / "mine.safetensors"))
    assert mine.fingerprint != load_model("street").fingerprint
    assert mine.licence != load_model("street").licence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("classifier.cbr.0.weight"), "classifier.cbr.0.weight is missing"),
        (lambda state: state.update(more=torch.ones(1)), "more is too much"),
        (
            lambda state: state.update({"classifier.low_classifier.bias": torch.zeros(19)}),
            "classifier.low_classifier.bias is 19 and should be 21",
        ),
    ],
)
def test_weights_of_another_network_are_refused_with_the_first_that_differs(change, sentence, tmp_path):
    state = random_network().state_dict()
    change(state)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(UapsegError, match=f"do not fit the network {LRASPP} .{sentence}"):
        load_model(LRASPP, weights=str(tmp_path / "weights.pth"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["street", LRASPP])
def test_weights_that_are_not_finite_are_refused(name, value, tmp_path):
    state = {key: weight.clone() for key, weight in load_model("street").state_dict().items()}
    state = {key.removeprefix("_net."): weight for key, weight in state.items() if key.startswith("_net.")}
    state["classifier.low_classifier.bias"][3] = value
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(UapsegError, match=r"are not finite \(classifier\.low_classifier\.bias\)"):
        load_model(name, weights=str(tmp_path / "weights.pth"))


class Trap:
    """Whoever unpickles it runs its code."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("code ran",))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"state": Trap()}, "cannot be read without running code from the file"),
        ([torch.ones(1)], "holds no state dict"),
        ({"lr": 0.1}, "holds no state dict"),
    ],
)
def test_a_checkpoint_runs_no_code(content, sentence, tmp_path):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UapsegError, match=sentence):
        load_model(LRASPP, weights=str(tmp_path / "weights.pth"))


@pytest.mark.parametrize(
    ("name", "sentence"), [("w.safetensors", "is not a safetensors file"), ("w.pth", "it is damaged")]
)
def test_a_damaged_file_of_weights_is_one_sentence(name, sentence, tmp_path):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(UapsegError, match=sentence):
        load_model(LRASPP, weights=str(tmp_path / name))
    with pytest.raises(UapsegError, match="There is no file of weights"):
        load_model(LRASPP, weights=str(tmp_path / "other.pth"))


@pytest.mark.parametrize("name", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"])
def test_logits_are_those_of_the_network_and_can_be_had_before_they_are_enlarged(name, checkpoints):
    net = random_network(name).eval()
    file = checkpoints / Path(get_model_weights(name)["COCO_WITH_VOC_LABELS_V1"].value.url).name
    torch.save(net.state_dict(), file)
    model = load_model(f"torchvision:{name}", fold=False)
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.allclose(model(images), net(model.normalize(images))["out"], atol=1e-5)
        assert model.raw_output(images).shape[-2:] in {(8, 12), (4, 6)}
