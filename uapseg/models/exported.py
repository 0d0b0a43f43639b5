"""Networks in files of ``torch.export`` (``.pt2``) and TorchScript, under the contract of `uapseg.models.custom`.

Opening either may run code, so that they are for the command line and Python only.
"""

import hashlib
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.export import ExportedProgram, unflatten

from uapseg.errors import UapsegError, one_line
from uapseg.io.files import read
from uapseg.models.checks import Size
from uapseg.models.custom import wrap
from uapseg.models.segmenter import Segmenter


def load(
    name: str,
    *,
    size: Size | None = None,
    strict: bool = True,
) -> Segmenter:
    """Loads the network of a file and checks it.

    Args:
        name: The file; ``.pt2`` is an exported program, anything else TorchScript.
        size: The (width, height) of the pictures to attack, if known.
        strict: Whether probable mistakes are errors; otherwise they are warnings.

    Raises:
        UapsegError: There is no such file, it is of another kind or for a fixed size, or its network cannot be
            attacked.

    Example:
        >>> torch.jit.script(nn.Conv2d(3, 2, 1)).save("net.torchscript")
        >>> load("net.torchscript").classes
        ('class 0', 'class 1')
    """
    file = Path(name).expanduser()
    fingerprint = hashlib.sha256(read(file)).hexdigest()[:12]
    net = _load_program(file) if file.suffix.lower() == ".pt2" else _load_script(file)
    return wrap(net, file.name, source=str(file), fingerprint=fingerprint, size=size, strict=strict)


def _load_script(file: Path) -> nn.Module:
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # that torch would rather export
            return cast("Any", torch.jit).load(file, map_location="cpu")
    except Exception as error:  # torch raises almost anything on a file of another kind
        raise UapsegError(
            f"The file {file} is not a TorchScript network ({one_line(error)}): write it with torch.jit.save; for "
            "weights alone choose their network and name the file with --weights."
        ) from error


def _load_program(file: Path) -> nn.Module:
    try:
        program = torch.export.load(file)
    except Exception as error:  # torch raises almost anything on a file of another kind
        raise UapsegError(
            f"The file {file} is not an exported network ({one_line(error)}): write it with torch.export.save."
        ) from error
    _check_dynamic(program, file)
    return unflatten(program)  # unlike program.module() it can be put into eval mode


def _check_dynamic(program: ExportedProgram, file: Path) -> None:
    """Checks that batch size, height and width are dynamic."""
    inputs = program.graph_signature.user_inputs
    shapes: list[Any] = [
        n.meta["val"].shape for n in program.graph.nodes if n.name in inputs and n.op == "placeholder"
    ]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise UapsegError(f"The network {file} takes {len(shapes)} inputs: export one that takes (n, 3, h, w) alone.")
    if any(isinstance(shapes[0][axis], int) for axis in (0, 2, 3)):
        fixed = " x ".join(str(size) if isinstance(size, int) else "any" for size in shapes[0])
        raise UapsegError(
            f"The network {file} was exported for pictures of the shape {fixed} alone: export it with "
            "dynamic_shapes=({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC},)."
        )
