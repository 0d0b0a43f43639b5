"""Perturbations on disk: PNG or safetensors, with the plan that produced them.

`uapseg.results.importers` reads those of other programs. Reading runs no code from a file.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from uapseg.attack.ball import Ball, size_in_levels
from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.errors import UapsegError
from uapseg.io.files import from_json, read, to_json, write
from uapseg.io.images import decode, size_of
from uapseg.io.values import is_dict
from uapseg.results.importers import MAX_PIXELS, is_array, read_array, read_image, too_large
from uapseg.targets.metrics import Scores
from uapseg.tensors import Delta, Levels

KEY = "uapseg"
OURS = "whole grey levels, as uapseg writes them"
DEFAULT_SIZE = (384, 256)
"""The (width, height) of the embedded dataset's pictures."""

ZERO_LEVEL = 128
MAX_PNG_LEVEL = 127
"""The largest absolute level in a PNG, where a value is 128 + level."""

MAX_FILE = 256 << 20
"""The largest file that is read, in bytes."""

MAX_TEXT = 4 << 20
"""The longest metadata in bytes: as Python objects they take twenty times as much."""

MAX_SPENT = 10**8
"""The most image-gradients that a file may claim: months of work, and still far below the largest budget."""


@dataclass(frozen=True)
class Perturbation:
    """A trained perturbation in whole grey levels of 255.

    Attributes:
        levels: The change of each value (3, h, w), int16, within the plan's epsilon.
        norm: The norm of the bound where there is no plan to name it.
        plan: The plan that produced it; None if the file has none.
        scores: The scores on the validation pictures that selected it, if known.
        image_gradients: The image-gradients spent, if known.
        seconds: The training time, if known.
        training: The scores on some training pictures, if known.
        convention: How the values of the file were interpreted.
        best_iterate: Which iterate it is, as ``image_gradients``, and how many validation ``pictures`` selected it.
        fingerprint: The fingerprint of the network that it was trained against, if known.

    Example:
        >>> perturbation = Perturbation(torch.full((3, 4, 6), 10, dtype=torch.int16))
        >>> round(perturbation.epsilon * 255), perturbation.delta.shape
        (10, torch.Size([3, 4, 6]))
    """

    levels: Levels
    plan: Plan | None = None
    scores: Scores | None = None
    image_gradients: int | None = None
    seconds: float | None = None
    training: Scores | None = None
    convention: str = OURS
    best_iterate: dict[str, int] | None = None
    fingerprint: str | None = None
    norm: Literal["linf", "l2"] = "linf"

    def __post_init__(self) -> None:
        """Checks the levels against the plan's epsilon.

        Raises:
            UapsegError: A level exceeds epsilon, or 255.
        """
        largest = size_in_levels(self.levels, "linf")
        if largest > 255:
            raise UapsegError(f"The perturbation changes values by up to {largest:g} grey levels: there are only 255.")
        if self.plan and not self.plan.settings.ball.holds(self.levels):
            ball = self.plan.settings.ball
            size = size_in_levels(self.levels, ball.norm)
            measure = "up to" if ball.norm == "linf" else "a root mean square of"
            raise UapsegError(
                f"The perturbation changes values by {measure} {size:.4g} grey levels, "
                f"more than the epsilon of {ball.epsilon * 255:g} in its plan: the file was altered."
            )

    @property
    def delta(self) -> Delta:
        """The perturbation in the unit of images, within [-epsilon, epsilon]."""
        return self.levels.float() / 255

    @property
    def ball(self) -> Ball:
        """The bound: the plan's, or without a plan the smallest ball of `norm` that holds the levels."""
        return self.plan.settings.ball if self.plan else Ball(size_in_levels(self.levels, self.norm) / 255, self.norm)

    @property
    def epsilon(self) -> float:
        """The bound in [0, 1], see `ball`."""
        return self.ball.epsilon

    @property
    def picture_size(self) -> tuple[int, int]:
        """The (width, height) of the training pictures: its own, unless it is a tile.

        The plan of a tile may leave the size to the dataset, and a file without a plan does not contain it: then it is
        the larger one of its own and `DEFAULT_SIZE`.
        """
        own_size = (self.levels.shape[2], self.levels.shape[1])
        if self.plan and self.plan.settings.tile is None:
            return own_size
        pictures = self.plan.size if self.plan and self.plan.size else DEFAULT_SIZE
        return max(own_size, pictures, key=prod)


def best_perturbation(plan: Plan, state: State) -> Perturbation:
    """Returns the best perturbation of a search so far, or the current one before the first validation.

    Args:
        plan: The plan of the search.
        state: The state of the search.

    Example:
        >>> from uapseg import fast, text_target
        >>> from uapseg.attack.validation import Validation
        >>> plan = Plan(model="street", data="street", target=text_target("o", "Car", "Sky", (32, 32)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> none = torch.zeros(0, 32, 32, dtype=torch.uint8)
        >>> clean = Validation(0, scores={}, each=(), predictions=none, training={})
        >>> best_perturbation(plan, State.initial((32, 32), clean)).levels.abs().max()
        tensor(0, dtype=torch.int16)
    """
    is_validated = state.validation.image_gradients > 0
    levels = plan.settings.ball.to_levels(state.best if is_validated else state.delta).cpu()
    scores, training = (state.best_validation.scores, state.best_validation.training) if is_validated else (None, None)
    best_iterate = (
        {"image_gradients": state.best_validation.image_gradients, "pictures": len(state.best_validation.each)}
        if is_validated
        else None
    )
    return Perturbation(
        levels, plan, scores, state.image_gradients, round(state.seconds, 3), training, best_iterate=best_iterate
    )  # fmt: skip


def save_png(path: Path, perturbation: Perturbation) -> None:
    """Saves a perturbation as an RGB picture of value = 128 + level, without loss, with its plan in the metadata.

    Args:
        path: The file.
        perturbation: The perturbation.

    Raises:
        UapsegError: A level exceeds 127, or the file cannot be written.

    Example:
        >>> save_png(Path("perturbation.png"), Perturbation(torch.full((3, 16, 16), 10, dtype=torch.int16)))
        >>> load(Path("perturbation.png")).levels.max()
        tensor(10, dtype=torch.int16)
    """
    if perturbation.levels.abs().max() > MAX_PNG_LEVEL:
        raise UapsegError(f"A PNG holds changes of at most {MAX_PNG_LEVEL} grey levels: save it as safetensors.")
    values = (perturbation.levels + ZERO_LEVEL).to(torch.uint8).permute(1, 2, 0)
    text, buffer = PngInfo(), io.BytesIO()
    text.add_text(KEY, _metadata(perturbation))
    Image.fromarray(np.ascontiguousarray(values.numpy())).save(buffer, "PNG", pnginfo=text)
    write(path, buffer.getvalue())


def save_safetensors(path: Path, perturbation: Perturbation) -> None:
    """Saves a perturbation as a tensor ``levels`` (3, h, w), int16, with its plan in the metadata.

    Args:
        path: The file.
        perturbation: The perturbation.

    Raises:
        UapsegError: The file cannot be written.

    Example:
        >>> save_safetensors(Path("perturbation.safetensors"), Perturbation(torch.zeros(3, 16, 16, dtype=torch.int16)))
        >>> load(Path("perturbation.safetensors")).levels.shape
        torch.Size([3, 16, 16])
    """
    tensors = {"levels": perturbation.levels.contiguous()}
    write(path, save_tensors(tensors, metadata={KEY: _metadata(perturbation)}))


def load(path: Path, *, arrays: bool = True) -> Perturbation:
    """Loads a perturbation from a PNG, a safetensors file, or an array of torch or numpy, told apart by content.

    Args:
        path: The file.
        arrays: Whether arrays of torch or numpy are allowed.

    Raises:
        UapsegError: The file is of another kind, too large or from another version, or its levels exceed the epsilon
            of its plan.

    Example:
        >>> np.save("perturbation.npy", np.full((3, 16, 16), 10, np.int16))
        >>> load(Path("perturbation.npy")).convention
        'an array (3, h, w): values are in grey levels of 255, rounded to whole levels'
    """
    content = read(path, MAX_FILE)
    if is_array(content):
        if not arrays:
            raise UapsegError(
                "The perturbation is an array of torch or numpy: only PNG and safetensors are read here."
            )
        values, convention = read_array(content)
        return Perturbation(torch.as_tensor(values), convention=convention)
    png = content.startswith(b"\x89PNG")
    values, text, convention = _read_png(content) if png else (*_read_safetensors(path, content), OURS)
    return Perturbation(torch.as_tensor(values), **_fields(text), convention=convention)


def _metadata(perturbation: Perturbation) -> str:
    fields = {
        "plan": perturbation.plan.to_dict() if perturbation.plan else None,
        "scores": perturbation.scores,
        "image_gradients": perturbation.image_gradients,
        "seconds": perturbation.seconds,
        "training": perturbation.training,
        "best_iterate": perturbation.best_iterate,
        "fingerprint": perturbation.fingerprint,
    }
    return to_json(fields)


def _fields(text: str | None) -> dict[str, Any]:
    """The fields of a perturbation in its metadata."""
    if text is None:
        return {}
    if len(text) > MAX_TEXT:
        raise UapsegError("The metadata of the perturbation is too long: the file was altered.")
    fields = from_json(text, "The metadata of the perturbation")
    values = {name: fields.get(name) for name in _FITS}
    invalid_name = next((n for n, value in values.items() if value is not None and not _FITS[n](value)), None)
    if invalid_name:
        raise UapsegError(
            f"The {invalid_name} in the metadata of the perturbation cannot be read: the file was altered."
        )
    return values | {"plan": Plan.from_dict(values["plan"]) if values["plan"] is not None else None}


def is_cost(value: Any) -> bool:
    """Whether a value from a file is a valid number of image-gradients or seconds.

    Example:
        >>> is_cost(400), is_cost(-1), is_cost(float("nan"))
        (True, False, False)
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= 1e12  # no endless or absurd numbers, which JSON may hold


def are_scores(value: Any) -> bool:
    """Whether a value from a file is a dictionary of scores, each in [0, 1] or None.

    Example:
        >>> are_scores({"hidden": 0.5, "filled": None}), are_scores({"hidden": 2})
        (True, False)
    """
    return is_dict(value) and all(v is None or (is_cost(v) and v <= 1) for v in value.values())


_FITS: dict[str, Callable[[Any], bool]] = {
    "plan": lambda value: isinstance(value, dict),
    "scores": are_scores,
    "image_gradients": lambda value: isinstance(value, int) and 0 <= value <= MAX_SPENT,
    "seconds": is_cost,
    "training": are_scores,
    "best_iterate": lambda value: (
        is_dict(value)
        and value.keys() == {"image_gradients", "pictures"}
        and all(isinstance(number, int) and is_cost(number) for number in value.values())
    ),
    "fingerprint": lambda value: isinstance(value, str) and 0 < len(value) <= 64 and value.isprintable(),
}
"""The validity check of each field of the metadata."""


def _read_png(content: bytes) -> tuple[NDArray[np.int16], str | None, str]:
    width, height = size_of(content) or (0, 0)
    if width * height > MAX_PIXELS:
        raise too_large()
    picture = decode(content)
    if picture.mode != "RGB":
        raise UapsegError("The perturbation must be an RGB picture of 8 bits without transparency.")
    pixels = np.asarray(picture).transpose(2, 0, 1)
    text = picture.info.get(KEY)
    if isinstance(text, str):
        return np.subtract(pixels, ZERO_LEVEL, dtype=np.int16, order="C"), text, OURS
    values, assumption = read_image(pixels)
    return values, None, f"a picture without a plan: {assumption}"


def _read_safetensors(path: Path, content: bytes) -> tuple[NDArray[np.int16], str | None]:
    try:
        if int.from_bytes(content[:8], "little") > MAX_TEXT:  # the length of the header
            raise _unknown()
        with cast("Any", safe_open)(path, "pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  it is not a dict
            values = tensors.get("levels")
            if len(tensors) != 1 or values is None or values.get_dtype() not in {"I8", "I16"}:
                raise UapsegError(
                    "A perturbation's safetensors file holds one tensor, levels, of int8 or int16, and no other."
                )
            shape = values.get_shape()
            if len(shape) != 3 or shape[0] != 3 or not math.prod(shape):
                raise UapsegError("The levels of a perturbation are of three colours, as (3, height, width).")
            if math.prod(shape) > 3 * MAX_PIXELS:
                raise too_large()
            return file.get_tensor("levels").numpy().astype(np.int16), metadata.get(KEY)  # a copy: the file may go
    except (SafetensorError, OSError) as error:
        raise _unknown() from error


def _unknown() -> UapsegError:
    return UapsegError(
        "The perturbation is neither a PNG nor a safetensors file, nor an array of torch or numpy: "
        "train one, or choose another file."
    )
