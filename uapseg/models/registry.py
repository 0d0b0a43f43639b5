"""The networks that can be attacked. A new kind is a file and a line in `KINDS`."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from uapseg.errors import UapsegError
from uapseg.io.download import Download
from uapseg.models.segmenter import Segmenter

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


@dataclass(frozen=True)
class Kind:
    """How the networks of one kind are found and loaded.

    Attributes:
        place: The module with ``load(rest)``, where ``rest`` is the name after the kind and a colon.
        listed: Whether it has networks of its own: its module has ``info()`` too.
        takes_weights: Whether a file of weights may be given: ``load`` takes ``weights`` too, and its module has
            ``missing_files(rest, weights)``.
        runs_code: Whether it runs code from a file, whose name is the network's.
        checked: Whether networks are checked before they are used: ``load`` takes ``size`` and ``strict`` too.
        needs_rest: Whether its name must go on after a colon.
    """

    place: str
    listed: bool = False
    takes_weights: bool = False
    runs_code: bool = False
    checked: bool = False
    needs_rest: bool = False

    def module(self) -> Any:
        """Its module; imported when it is first asked for."""
        return import_module(self.place)


KINDS = {
    "street": Kind("uapseg.models.street", listed=True, takes_weights=True),
    "torchvision": Kind("uapseg.models.torchvision", listed=True, takes_weights=True, needs_rest=True),
    "hf": Kind("uapseg.models.huggingface", checked=True, needs_rest=True),
}
"""The kinds by what their names begin with."""

_CUSTOM = Kind("uapseg.models.custom", runs_code=True, checked=True)
_EXPORTED = Kind("uapseg.models.exported", runs_code=True, checked=True)
"""The kinds of which the name is a file's."""


def catalogue() -> list[ModelInfo]:
    """What is known of each network that has a name of its own; none is loaded.

    Example:
        >>> catalogue()[0].name, catalogue()[0].classes
        ('street', 11)
    """
    return [info for kind in KINDS.values() if kind.listed for info in kind.module().info()]


def model_names() -> tuple[str, ...]:
    """The networks that have a name of their own.

    Example:
        >>> model_names()[:2]
        ('street', 'street:small')
    """
    return tuple(info.name for info in catalogue())


def short_name(name: str) -> str:
    """What to call a network: one from a file by the file's name alone, and its function, wherever it lies."""
    return Path(name).name if _kind_of_file(name) else name


def missing_files(name: str, weights: str | None = None) -> list[Download]:
    """What ``load_model`` has to download first; nothing where it is here already.

    Networks of Hugging Face come through its own library, which keeps its own cache: nothing is listed for them.

    Raises:
        UapsegError: There is no such network.
    """
    kind, rest = _resolve(name)
    return kind.module().missing_files(rest, _path(weights)) if kind.takes_weights else []


def runs_code(name: str) -> bool:
    """Whether loading the network called ``name`` runs code from a file.

    Raises:
        UapsegError: There is no such network.
    """
    return _resolve(name)[0].runs_code


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
    kind, rest = _resolve(name)
    if kind.runs_code and not trusted:
        raise UapsegError(f"The network {name} runs code from a file: name it yourself with --model, or in Python.")
    if weights is not None and not kind.takes_weights:
        raise UapsegError(f"The network {name} brings its own weights: leave the file of weights out.")
    options: dict[str, Any] = {"weights": _path(weights)} if kind.takes_weights else {}
    if kind.checked:
        options |= {"size": size, "strict": strict}
    model: Segmenter = kind.module().load(rest, **options).to(device)
    if fold:
        model.fold()
    return model


def _resolve(name: str) -> tuple[Kind, str]:
    """The kind of a network, and what its name says besides."""
    if from_file := _kind_of_file(name):
        return from_file, name
    prefix, colon, rest = name.partition(":")
    if prefix.lower().endswith(".py"):
        raise UapsegError(f"{prefix} names no function: write --model {prefix}:FUNCTION, which returns the network.")
    kind = KINDS.get(prefix)
    if kind is None or bool(rest) != bool(colon) or (kind.needs_rest and not rest):
        raise UapsegError(f"There is no network called {name!r}: choose one of {_FORMS}.")
    return kind, rest


def _kind_of_file(name: str) -> Kind | None:
    """The kind of a network that comes from a file of the user's; None where it does not."""
    if ".py:" in name:
        return _CUSTOM
    return _EXPORTED if Path(name).suffix.lower() in {".pt2", ".torchscript", ".ts", ".pt"} else None


def _path(weights: str | None) -> Path | None:
    return None if weights is None else Path(weights).expanduser()
