"""Perturbations written by other programs: arrays of torch and numpy, and pictures without metadata.

Their units are not recorded, so that the assumptions are returned beside the levels. Reading runs no code from a file.
"""

import io
import math
import zipfile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from uapseg.errors import UapsegError
from uapseg.io.values import is_dict

NAME = "perturbation"
"""The name of the array if a file holds several."""

MAX_PIXELS = 4096 * 4096
"""The most pixels of a perturbation: those of the largest picture that can be trained on."""

MAX_BYTES = 96 << 20
"""The most bytes of an array in its file, uncompressed."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

Read = tuple[NDArray[np.int16], str]
"""Grey levels (3, h, w), and the assumptions made to read them."""


def is_array(content: bytes) -> bool:
    r"""Whether a file is of numpy (``.npy``, ``.npz``) or torch (``.pt``), by its first bytes.

    Example:
        >>> is_array(b"\x93NUMPY\x01\x00"), is_array(b"\x89PNG")
        (True, False)
    """
    return content.startswith((b"\x93NUMPY", b"PK", b"\x80")) and content[8:9] != b"{"


def read_array(content: bytes) -> Read:
    """Reads the perturbation in an array, alone in its file or named ``perturbation``.

    The shape is read from the header first: an array that is too large is never decompressed.

    Args:
        content: The content of a ``.pt`` file with a tensor or a state dict, or of a ``.npy`` or ``.npz`` file.

    Returns:
        The levels, rounded, and the assumption: bytes are a picture, other integers are grey levels, and so are floats
        if one exceeds 1; otherwise floats are in the unit of images, [0, 1].

    Raises:
        UapsegError: The file cannot be read without running code from it, is too large, or holds no perturbation.

    Example:
        >>> file = io.BytesIO()
        >>> np.save(file, np.full((3, 1, 1), 0.04))
        >>> levels, assumption = read_array(file.getvalue())
        >>> levels.max(), assumption.partition(",")[0]
        (np.int16(10), 'an array (3')
    """
    values, order = _colours_first(_array(content))
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all():
        raise _none()
    if values.dtype == np.uint8:
        image_levels, assumption = read_image(values)
        return image_levels, f"an array {order} of bytes: {assumption}"
    largest = max(-float(low), float(high))
    grey = np.issubdtype(values.dtype, np.integer) or largest > 1
    if largest > 255:
        raise UapsegError(
            f"The perturbation has values of up to {largest:g}: they must be grey levels of 255 or in units of [0, 1]."
        )
    units = "grey levels of 255" if grey else "units of [0, 1], as none is beyond 1"
    levels = np.empty(values.shape, np.int16)
    for plane, image_levels in zip(
        values, levels, strict=True
    ):  # one at a time, as all together would fill the memory
        image_levels[:] = np.rint(plane.astype(np.float32) * (1 if grey else 255))
    return levels, f"an array {order}: values are in {units}, rounded to whole levels"


def read_image(values: NDArray[np.uint8]) -> Read:
    """Reads the perturbation in a picture (3, h, w) whose values are centred on mid-grey.

    Returns:
        The levels, and the assumed zero: 128; or 127.5, truncated or not, if the darkest and the lightest value have
        the same distance to it.

    Example:
        >>> levels, assumption = read_image(np.full((3, 1, 1), 138, np.uint8))
        >>> levels.max(), assumption
        (np.int16(10), 'a value is 128 + level')
    """
    wide = values.astype(np.int16)
    extremes_sum = int(wide.min()) + int(wide.max())
    if extremes_sum not in {254, 255}:
        wide -= 128
        return wide, "a value is 128 + level"
    wide -= 127
    if extremes_sum == 254:
        return wide, "a value is 127.5 + level, cut down to a whole number"
    wide -= wide > 0  # what lies half a level above 127 or below 128 is cut to no level
    return wide, "a value is 127.5 + level, which is cut to a whole level"


def too_large() -> UapsegError:
    """Creates the error for a perturbation that would exhaust the memory.

    Example:
        >>> str(too_large()).startswith("The perturbation has more than 16 megapixels")
        True
    """
    return UapsegError(
        f"The perturbation has more than {MAX_PIXELS // 1_000_000} megapixels or takes more than "
        f"{MAX_BYTES >> 20} MiB: use a smaller one, or save it as int16."
    )


def _array(content: bytes) -> NDArray[Any]:
    """The array of a perturbation in a file."""
    try:
        if content.startswith(b"\x93NUMPY"):
            return _of_numpy(io.BytesIO(content), io.BytesIO(content))
        return _of_archive(content) if content.startswith(b"PK") else _of_torch(content)
    except UapsegError:
        raise
    except Exception as error:  # torch and numpy raise almost anything on a broken file
        raise UapsegError(
            "The perturbation cannot be read without running code from its file, or the file is damaged: save one "
            "plain tensor (3, height, width) alone."
        ) from error


def _of_archive(content: bytes) -> NDArray[Any]:
    """The array in what ``numpy.savez`` or ``torch.save`` wrote."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if all(entry.filename.endswith(".npy") for entry in entries):
            entry = _choose_array({entry.filename.removesuffix(".npy"): entry for entry in entries})
            with archive.open(entry) as header, archive.open(entry) as file:
                return _of_numpy(header, file)
    if sum(entry.file_size for entry in entries) > MAX_BYTES + len(content):
        raise too_large()
    return _of_torch(content)


def _of_numpy(header: Any, file: Any) -> NDArray[Any]:
    """The array in a ``.npy`` file, which is given twice: to read its header, and to be read."""
    shape, _, dtype = _HEADERS[np.lib.format.read_magic(header)](header)
    if not dtype.hasobject:  # those are refused below
        if dtype.kind not in "iuf":
            raise _none()
        _check_shape(shape, dtype.itemsize)
    return np.lib.format.read_array(file, allow_pickle=False)


def _of_torch(content: bytes) -> NDArray[Any]:
    """The tensor in a ``.pt`` file; on the device ``meta``, torch reads its shape but no values."""
    description = _choose_array(torch.load(io.BytesIO(content), map_location="meta", weights_only=True))
    if not isinstance(description, torch.Tensor) or description.is_complex() or description.dtype == torch.bool:
        raise _none()
    is_plain_dtype = (
        description.dtype in {torch.float16, torch.float32, torch.float64} or not description.is_floating_point()
    )
    if description.layout == torch.strided:
        _check_shape(tuple(description.shape), description.element_size() if is_plain_dtype else 4)
    tensor = _choose_array(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)).detach()
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested or tensor.is_meta:
        raise UapsegError(
            "The perturbation is sparse, quantized, nested or without values: save a plain tensor, such as "
            "tensor.to_dense()."
        )
    return (tensor if is_plain_dtype else tensor.float()).resolve_neg().numpy()


def _choose_array(content: Any) -> Any:
    """The perturbation among the named contents of a file, or its only content."""
    if not is_dict(content):
        return content
    if NAME not in content and len(content) != 1:
        raise UapsegError(f"The file holds {len(content)} things: name the array of the perturbation {NAME}.")
    return content[NAME] if NAME in content else next(iter(content.values()))


def _check_shape(shape: tuple[int, ...], item: int) -> None:
    """Checks that an array has three colour channels and fits into memory; ``item`` is in bytes."""
    inner = shape[1:] if len(shape) == 4 and shape[0] == 1 else shape
    if len(inner) != 3 or 3 not in {inner[0], inner[2]} or not math.prod(inner):
        raise UapsegError(
            f"The perturbation is of shape {shape}: it must have three colours, as (3, height, width) or "
            "(height, width, 3)."
        )
    if math.prod(inner) > 3 * MAX_PIXELS or math.prod(inner) * item > MAX_BYTES:
        raise too_large()


def _colours_first(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """The values as (3, h, w), and the order they had."""
    values = values[0] if values.ndim == 4 else values
    return (values, "(3, h, w)") if values.shape[0] == 3 else (values.transpose(2, 0, 1), "(h, w, 3)")


def _none() -> UapsegError:
    return UapsegError("The file holds no perturbation: save one array of finite numbers (3, height, width).")
