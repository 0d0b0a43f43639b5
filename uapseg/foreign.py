"""Perturbations that other programs wrote: arrays of torch and numpy, and pictures that say nothing of themselves.

Their units are nowhere written down: what was assumed is said beside the levels. Reading takes no code from a file.
"""

import io
import zipfile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from uapseg.errors import UapsegError
from uapseg.pictures import MOST_PIXELS

NAME = "perturbation"
"""The array to take where a file holds several."""

Read = tuple[NDArray[np.int16], str]
"""Grey levels (3, h, w), and what was assumed to get them."""


def is_array(content: bytes) -> bool:
    """Whether a file is one of numpy (``.npy``, ``.npz``) or torch (``.pt``), by its first bytes."""
    return content.startswith((b"\x93NUMPY", b"PK", b"\x80")) and content[8:9] != b"{"


def read_array(content: bytes) -> Read:
    """The perturbation in an array, alone in its file or called ``perturbation``.

    Args:
        content: Of a ``.pt`` file with a tensor or a state dict, a ``.npy`` or a ``.npz`` file.

    Returns:
        The levels, rounded to whole ones, and what was assumed: bytes are those of a picture, other whole numbers are
        grey levels, and so are fractions if one is beyond 1; else these are in the units of images, [0, 1].

    Raises:
        UapsegError: It cannot be read without running code from it, or holds no perturbation.
    """
    values, order = _colours_first(_values(_arrays(content)))
    if values.dtype == np.uint8:
        whole, assumed = read_picture(values)
        return whole, f"an array {order} of bytes: {assumed}"
    largest = float(np.abs(values.astype(np.float64)).max())
    grey = np.issubdtype(values.dtype, np.integer) or largest > 1
    if not largest <= 255:
        raise UapsegError(
            f"The perturbation has values of up to {largest:g}: they must be grey levels of 255 or in units of [0, 1]."
        )
    units = "grey levels of 255" if grey else "units of [0, 1], as none is beyond 1"
    scaled = values.astype(np.float64) * (1 if grey else 255)
    return np.rint(scaled).astype(np.int16), f"an array {order}: values are in {units}, rounded to whole levels"


def read_picture(values: NDArray[np.uint8]) -> Read:
    """The perturbation in a picture (3, h, w), whose values lie about a middle grey.

    Returns:
        The levels, and the middle that was assumed: 128; or 127.5, cut down to whole values or not, where the
        darkest and the lightest value lie exactly as far from it.
    """
    wide = values.astype(np.int16)
    both = int(wide.min()) + int(wide.max())
    if both == 254:
        return wide - 127, "a value is 127.5 + level, cut down to a whole number"
    if both == 255:
        return np.trunc(wide - 127.5).astype(np.int16), "a value is 127.5 + level, which is cut to a whole level"
    return wide - 128, "a value is 128 + level"


def _arrays(content: bytes) -> Any:
    """What the file holds: an array, or arrays by name."""
    try:
        if content.startswith(b"\x93NUMPY"):
            return np.load(io.BytesIO(content), allow_pickle=False)
        return _archive(content) if content.startswith(b"PK") else _tensors(content)
    except UapsegError:
        raise
    except Exception as error:  # torch and numpy raise almost anything on a broken file
        raise UapsegError(
            "The perturbation cannot be read without running code from its file, or the file is damaged: save one "
            "tensor (3, height, width) alone."
        ) from error


def _archive(content: bytes) -> Any:
    """What a file of ``numpy.savez`` or ``torch.save`` holds, unless it would fill the memory."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > 8 * 3 * MOST_PIXELS:
        raise _too_large()
    if all(entry.filename.endswith(".npy") for entry in entries):
        return dict(np.load(io.BytesIO(content), allow_pickle=False))
    return _tensors(content)


def _tensors(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _values(found: Any) -> NDArray[Any]:
    """The array of a perturbation among what a file holds."""
    if isinstance(found, dict):
        if NAME not in found and len(found) != 1:
            raise UapsegError(f"The file holds {len(found)} things: name the array of the perturbation {NAME}.")
        found = found[NAME] if NAME in found else next(iter(found.values()))
    if isinstance(found, torch.Tensor):
        found = found.detach()
        found = (found.double() if found.is_floating_point() else found).numpy()
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise UapsegError("The file holds no perturbation: save one array of finite numbers (3, height, width).")
    return found


def _colours_first(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """The values as (3, h, w), and how they came."""
    values = values[0] if values.ndim == 4 and len(values) == 1 else values
    if values.ndim != 3 or 3 not in {values.shape[0], values.shape[2]} or not values.size:
        raise UapsegError(
            f"The perturbation is of shape {values.shape}: it must have three colours, as (3, height, width) or "
            "(height, width, 3)."
        )
    if values.size > 3 * MOST_PIXELS:
        raise _too_large()
    if values.shape[0] == 3:
        return values, "(3, h, w)"
    return np.ascontiguousarray(values.transpose(2, 0, 1)), "(h, w, 3)"


def _too_large() -> UapsegError:
    return UapsegError(f"The perturbation has more than {MOST_PIXELS // 1_000_000} megapixels: bring a smaller one.")
