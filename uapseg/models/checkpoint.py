"""Loading weights from a file, without running code from it."""

import re
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from uapseg.errors import UapsegError
from uapseg.io.values import is_dict

_INSIDE = ("model", "state_dict", "model_state_dict", "net", "network", "weights")
"""Keys under which training scripts store the state dict."""

_WRAPPERS = re.compile(r"^((module|model|_orig_mod|net|network)\.)+")
"""Prefixes that parallel training, Lightning and torch.compile add to the names of weights."""


def load_weights(net: nn.Module, file: Path, name: str, unused: str = "-") -> None:
    """Loads weights from a file into a network; names and shapes must match exactly.

    Args:
        net: The network, untrained.
        file: A safetensors file, or a state dict saved by torch: bare, or under ``model``, ``state_dict`` and the
            like. Half precision becomes single precision, and prefixes of wrappers are removed.
        name: What to call the network in error messages.
        unused: A prefix of weights in the file that the network does not need.

    Raises:
        UapsegError: There is no such file, it cannot be read without running code from it, or its weights are not
            finite or belong to another network.

    Example:
        >>> trained, net = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> torch.save({"state_dict": trained.state_dict()}, "net.pth")
        >>> load_weights(net, Path("net.pth"), "linear")
        >>> torch.equal(net.weight, trained.weight)
        True
    """
    state = {key: value for key, value in read_state(file).items() if not key.startswith(unused)}
    faulty_key = next((key for key, value in state.items() if not value.isfinite().all()), None)
    if faulty_key is not None:
        raise UapsegError(
            f"The weights in {file} are not finite ({faulty_key}): use a checkpoint from before the training diverged."
        )
    try:
        net.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in state.items()})
    except RuntimeError as error:
        raise UapsegError(
            f"The weights in {file} do not fit the network {name} ({_mismatch(net, state)}): "
            "choose the network that they were trained for, or use your own with --model FILE.py:FUNCTION."
        ) from error


def read_state(file: Path) -> dict[str, Tensor]:
    """Reads the state dict of a file.

    Raises:
        UapsegError: There is no such file, it cannot be read without running code from it, or it holds no state dict.

    Example:
        >>> torch.save({"module.weight": torch.zeros(1)}, "weights.pth")
        >>> read_state(Path("weights.pth"))
        {'weight': tensor([0.])}
    """
    if not file.is_file():
        raise UapsegError(f"There is no file of weights {file}.")
    state = _read(file)
    inside = next((state[key] for key in _INSIDE if is_dict(state) and is_dict(state.get(key))), state)
    if not is_dict(inside) or not all(isinstance(value, Tensor) for value in inside.values()):
        raise UapsegError(f"The file {file} holds no state dict: save one with torch.save(net.state_dict(), file).")
    return {_WRAPPERS.sub("", str(key)): value for key, value in inside.items()}


def _read(file: Path) -> Any:
    if file.suffix == ".safetensors":
        try:
            return cast("Any", safetensors.torch).load_file(file)
        except (SafetensorError, OSError) as error:
            raise UapsegError(
                f"The file {file} is not a safetensors file: it is damaged or of another kind."
            ) from error
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises almost anything on a broken file
        raise UapsegError(
            f"The weights in {file} cannot be read without running code from the file, or it is damaged: "
            "save net.state_dict() alone, best as safetensors."
        ) from error


def _mismatch(net: nn.Module, state: dict[str, Tensor]) -> str:
    """Describes the first weight that does not match."""
    expected_state = net.state_dict()
    for key, value in expected_state.items():
        if key not in state:
            return f"{key} is missing"
        if state[key].shape != value.shape:
            return f"{key} is {_shape(state[key])} and should be {_shape(value)}"
    return f"{next(key for key in state if key not in expected_state)} is too much"


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"
