"""What a public page offers: the operator's list, and nothing that is not on it."""

import pytest

from uapseg.app import offered
from uapseg.errors import UapsegError
from uapseg.models import load_model, torchvision


@pytest.fixture(autouse=True)
def clear(monkeypatch):
    for name in ("UAPSEG_MODELS", "UAPSEG_DATASETS", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_list_the_known_networks_and_coco_are_offered():
    assert offered.offered_models() == (
        "street",
        "street:small",
        *(f"torchvision:{name}" for name in torchvision.NAMES),
    )
    assert offered.offered_datasets() == ("street", "coco-mini", "coco:val2017")


def test_on_spaces_only_what_comes_with_the_package_is_offered(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/uapseg")
    assert offered.offered_models() == offered.offered_datasets() == ("street",)


@pytest.mark.parametrize("space", [True, False])
def test_the_operators_list_rules(space, monkeypatch):
    if space:
        monkeypatch.setenv("SPACE_ID", "someone/uapseg")
    monkeypatch.setenv("UAPSEG_MODELS", " hf:nvidia/segformer ,street,, street")
    monkeypatch.setenv("UAPSEG_DATASETS", "voc:/data/VOCdevkit")
    assert offered.offered_models() == ("hf:nvidia/segformer", "street")
    assert offered.offered_datasets() == ("voc:/data/VOCdevkit",)


@pytest.mark.parametrize("value", ["", " , "])
def test_an_empty_list_is_none(value, monkeypatch):
    monkeypatch.setenv("UAPSEG_MODELS", value)
    assert "street" in offered.offered_models()


def test_what_is_not_on_the_list_is_refused_with_the_list(monkeypatch):
    monkeypatch.setenv("UAPSEG_MODELS", "street")
    monkeypatch.setenv("UAPSEG_DATASETS", "street,coco-mini")
    offered.check_model("street")
    offered.check_dataset("coco-mini")
    for name in ("Street", "torchvision:fcn_resnet50", "hf:street", "evil.py:net", ""):
        with pytest.raises(UapsegError, match=r"does not offer the network .*: choose one of street; .*UAPSEG_MODELS"):
            offered.check_model(name)
    with pytest.raises(UapsegError, match=r"does not offer the set of pictures /etc: .*UAPSEG_DATASETS"):
        offered.check_dataset("/etc")


def test_a_list_cannot_let_strangers_run_code(monkeypatch):
    monkeypatch.setenv("UAPSEG_MODELS", "evil.py:net")
    offered.check_model("evil.py:net")
    with pytest.raises(UapsegError, match="runs code from a file"):
        load_model("evil.py:net", trusted=False)
