"""The networks that can be attacked. A new kind is a file like ``torchvision.py`` and a line in ``_FILES``."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from uapseg.errors import UapsegError
from uapseg.io.download import Download
from uapseg.models.segmenter import Segmenter

_FILES = {
    "street": "uapseg.models.street",
    "torchvision": "uapseg.models.torchvision",
    "hf": "uapseg.models.huggingface",
    "own": "uapseg.models.custom",
    "exported": "uapseg.models.exported",
}
"""The module of each kind. Each has ``load(rest, weights)``, where ``rest`` is the name after its kind and a colon."""

_LISTED = ("street", "torchvision")
"""The kinds with networks of their own: their modules have ``info()`` too."""

_WEIGHED = ("street", "torchvision")
"""The kinds that take a file of weights: their modules have ``missing_files(rest, weights)`` too."""

_TRUSTED = ("own", "exported")
"""The kinds that run code from a file."""

_CHECKED = ("hf", "own", "exported")
"""The kinds that are looked over for slips: their ``load`` takes ``size`` and ``strict`` too."""

_BRANCHED = ("torchvision", "hf")
"""The kinds whose name must go on after a colon; that of `street` may."""

_FORMS = "street, street:NAME, torchvision:NAME, hf:ID_OR_FOLDER, FILE.py:FUNCTION, FILE.pt2, FILE.torchscript"


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What there is to know of a network before it is loaded.

    Attributes:
        name: What ``load_model`` takes.
        parameters: How many weights it has.
        classes: How many classes it knows.
        licence: What the weights may be used for.
        source: Where they come from.
        cached: Whether it loads without the internet.
        download_bytes: About how much would be downloaded; None where it comes with the package.
    """

    name: str
    parameters: int
    classes: int
    licence: str
    source: str
    cached: bool
    download_bytes: int | None


def catalogue() -> list[ModelInfo]:
    """A card for each network that is known by name; none is loaded."""
    return [card for kind in _LISTED for card in _module(kind).info()]


def model_names() -> tuple[str, ...]:
    """The networks that are known by name."""
    return tuple(card.name for card in catalogue())


def short_name(name: str) -> str:
    """What to call a network: one from a file by the file's name alone, and its function, wherever it lies."""
    return Path(name).name if _file_kind(name) else name


def missing_files(name: str, weights: str | None = None) -> list[Download]:
    """What ``load_model`` has to download first; nothing where it is here already.

    Networks of Hugging Face come through its own library, which keeps its own cache: nothing is listed for them.

    Raises:
        UapsegError: There is no such network.
    """
    kind, rest = _split_name(name)
    return _module(kind).missing_files(rest, _file(weights)) if kind in _WEIGHED else []


def runs_code(name: str) -> bool:
    """Whether loading the network called ``name`` runs code from a file.

    Raises:
        UapsegError: There is no such network.
    """
    return _split_name(name)[0] in _TRUSTED


def load_model(
    name: str,
    device: torch.device | str = "cpu",
    *,
    weights: str | None = None,
    trusted: bool = True,
    fold: bool = True,
    size: tuple[int, int] | None = None,
    strict: bool = True,
) -> Segmenter:
    """Loads the network called ``name``, frozen and in eval mode, on ``device``; downloads it where it has to.

    Args:
        name: ``street``, ``street:NAME``, ``torchvision:NAME``, ``hf:ID_OR_FOLDER``, ``FILE.py:FUNCTION``, or a file
            of ``torch.export`` (``.pt2``) or TorchScript (``.torchscript``).
        device: Where it is to compute.
        weights: A file of weights to use instead of the usual ones: safetensors, or a state dict of torch.
        fold: Whether batch normalization is folded into the convolutions before it, which is the same function but
            faster; the fingerprint is that of the unfolded weights.
        trusted: Whether ``name`` may run code from a file: False where anyone but the user chose it.
        size: (width, height) of the pictures that it is to see, where that is known: some networks take few sizes.
        strict: Whether a network that only looks wrongly normalised is refused; else that is a warning.

    Raises:
        UapsegError: There is no such network, it cannot be had, or it is not fit to be attacked.
    """
    kind, rest = _split_name(name)
    if kind in _TRUSTED and not trusted:
        raise UapsegError(f"The network {name} runs code from a file: name it yourself with --model, or in Python.")
    if weights is not None and kind not in _WEIGHED:
        raise UapsegError(f"The network {name} brings its own weights: leave the file of weights out.")
    checks: dict[str, Any] = {"size": size, "strict": strict} if kind in _CHECKED else {}
    model = _module(kind).load(rest, _file(weights), **checks).to(device)
    if fold:
        model.fold()
    return model


def _split_name(name: str) -> tuple[str, str]:
    """The kind of a network and the rest of its name."""
    if file_kind := _file_kind(name):
        return file_kind, name
    kind, colon, rest = name.partition(":")
    if kind.lower().endswith(".py"):
        raise UapsegError(f"{kind} names no function: write --model {kind}:FUNCTION, which returns the network.")
    whole = bool(rest) == bool(colon) and (bool(rest) or kind not in _BRANCHED)
    if kind not in _FILES or kind in _TRUSTED or not whole:
        raise UapsegError(f"There is no network called {name!r}: choose one of {_FORMS}.")
    return kind, rest


def _file_kind(name: str) -> str | None:
    """The kind of a network that comes from a file of the user's; None where it does not."""
    if ".py:" in name:
        return "own"
    return "exported" if Path(name).suffix.lower() in {".pt2", ".torchscript", ".ts", ".pt"} else None


def _file(weights: str | None) -> Path | None:
    return None if weights is None else Path(weights).expanduser()


def _module(kind: str) -> Any:
    return import_module(_FILES[kind])
