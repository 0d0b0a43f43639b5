"""Networks by name. A new kind is a file and a line in `KINDS`."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from uapseg.errors import UapsegError
from uapseg.io.download import Download
from uapseg.models.segmenter import Segmenter

_FORMS = (
    "street, street:NAME, torchvision:NAME, hf:ID_OR_FOLDER, smp:ID_OR_FOLDER, FILE.py:FUNCTION, FILE.pt2, "
    "FILE.torchscript"
)


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What is known of a network before it is loaded.

    Attributes:
        name: The name that ``load_model`` takes.
        parameters: The number of weights.
        classes: The number of classes.
        licence: The licence of the weights.
        source: Where the weights come from.
        cached: Whether it loads without an internet connection.
        download_bytes: About how much would be downloaded; None if it is bundled.

    Example:
        >>> info = catalogue()[0]
        >>> info.name, info.cached
        ('street', True)
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
    """How networks of one kind are found and loaded.

    Attributes:
        place: The module with ``load(suffix)``, where ``suffix`` is the name after the kind and a colon.
        listed: Whether it has networks with names of their own; its module then has ``info()``.
        takes_weights: Whether it accepts a file of weights; ``load`` then takes ``weights``, and its module has
            ``missing_files(suffix, weights)``.
        runs_code: Whether it runs code from a file; the file's name is then the network's.
        checked: Whether networks are checked before use; ``load`` then takes ``size`` and ``strict``.
        needs_suffix: Whether the name must continue after a colon.

    Example:
        >>> KINDS["street"].module().info()[0].name
        'street'
    """

    place: str
    listed: bool = False
    takes_weights: bool = False
    runs_code: bool = False
    checked: bool = False
    needs_suffix: bool = False

    def module(self) -> Any:
        """Imports the module of the kind."""
        return import_module(self.place)


KINDS = {
    "street": Kind("uapseg.models.street", listed=True, takes_weights=True),
    "torchvision": Kind("uapseg.models.torchvision", listed=True, takes_weights=True, needs_suffix=True),
    "hf": Kind("uapseg.models.huggingface", checked=True, needs_suffix=True),
    "smp": Kind("uapseg.models.smp", checked=True, needs_suffix=True),
}
"""The kinds by the prefix of their names."""

_CUSTOM = Kind("uapseg.models.custom", runs_code=True, checked=True)
_EXPORTED = Kind("uapseg.models.exported", runs_code=True, checked=True)
"""The kinds whose names are files."""


def catalogue() -> list[ModelInfo]:
    """Lists the networks that have a name of their own, without loading any.

    Example:
        >>> catalogue()[0].name, catalogue()[0].classes
        ('street', 11)
    """
    return [info for kind in KINDS.values() if kind.listed for info in kind.module().info()]


def model_names() -> tuple[str, ...]:
    """Lists the names of the networks in `catalogue`.

    Example:
        >>> model_names()[:2]
        ('street', 'street:small')
    """
    return tuple(info.name for info in catalogue())


def short_name(name: str) -> str:
    """Shortens the name of a network from a file to the file name and its function.

    Example:
        >>> short_name("/home/me/mine.py:net"), short_name("street")
        ('mine.py:net', 'street')
    """
    return Path(name).name if _kind_of_file(name) else name


def missing_files(name: str, weights: str | None = None) -> list[Download]:
    """Lists what ``load_model`` has to download first.

    Networks of Hugging Face are downloaded by its own library and not listed.

    Args:
        name: The name of the network.
        weights: A file of weights to use instead of the usual ones.

    Raises:
        UapsegError: There is no such network.

    Example:
        >>> missing_files("street")
        []
    """
    kind, suffix = _resolve(name)
    return kind.module().missing_files(suffix, _path(weights)) if kind.takes_weights else []


def runs_code(name: str) -> bool:
    """Whether loading a network runs code from a file.

    Raises:
        UapsegError: There is no such network.

    Example:
        >>> runs_code("street"), runs_code("mine.py:net")
        (False, True)
    """
    return _resolve(name)[0].runs_code


def load_model(
    name: str,
    device: torch.device | str = "cpu",
    *,
    weights: str | None = None,
    allow_code: bool = True,
    fold: bool = True,
    size: tuple[int, int] | None = None,
    strict: bool = True,
) -> Segmenter:
    """Loads a network by name, frozen and in eval mode, downloading it if necessary.

    Args:
        name: ``street``, ``street:NAME``, ``torchvision:NAME``, ``hf:ID_OR_FOLDER``, ``smp:ID_OR_FOLDER``,
            ``FILE.py:FUNCTION``, or a file of ``torch.export`` (``.pt2``) or TorchScript (``.torchscript``).
        device: The device to compute on.
        weights: A file of weights to use instead of the usual ones: safetensors, or a state dict of torch.
        allow_code: Whether ``name`` may run code from a file; False if anyone but the user chose it.
        fold: Whether to fold batch normalization into convolutions, which is the same function but faster; the
            fingerprint is that of the original weights.
        size: The (width, height) of the pictures to attack, if known: some networks accept few sizes.
        strict: Whether a network that looks wrongly normalized is an error; otherwise it is a warning.

    Raises:
        UapsegError: There is no such network, it cannot be downloaded, or it cannot be attacked.

    Example:
        >>> model = load_model("street")
        >>> len(model.classes), model(torch.zeros(1, 3, 64, 96)).shape
        (11, torch.Size([1, 11, 64, 96]))
    """
    kind, suffix = _resolve(name)
    if kind.runs_code and not allow_code:
        raise UapsegError(f"The network {name} runs code from a file: name it yourself with --model, or in Python.")
    if weights is not None and not kind.takes_weights:
        raise UapsegError(f"The network {name} has its own weights: leave out the file of weights.")
    options: dict[str, Any] = {"weights": _path(weights)} if kind.takes_weights else {}
    if kind.checked:
        options |= {"size": size, "strict": strict}
    model: Segmenter = kind.module().load(suffix, **options).to(device)
    if fold:
        model.fold()
    return model


def _resolve(name: str) -> tuple[Kind, str]:
    """The kind of a network, and the suffix of its name."""
    if from_file := _kind_of_file(name):
        return from_file, name
    prefix, colon, suffix = name.partition(":")
    if prefix.lower().endswith(".py"):
        raise UapsegError(f"{prefix} names no function: write --model {prefix}:FUNCTION, which returns the network.")
    kind = KINDS.get(prefix)
    if kind is None or bool(suffix) != bool(colon) or (kind.needs_suffix and not suffix):
        raise UapsegError(f"There is no network called {name!r}: choose one of {_FORMS}.")
    return kind, suffix


def _kind_of_file(name: str) -> Kind | None:
    """The kind of a network from the user's file; None for any other name."""
    if ".py:" in name:
        return _CUSTOM
    return _EXPORTED if Path(name).suffix.lower() in {".pt2", ".torchscript", ".ts", ".pt"} else None


def _path(weights: str | None) -> Path | None:
    return None if weights is None else Path(weights).expanduser()
