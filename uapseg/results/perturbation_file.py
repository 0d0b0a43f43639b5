"""A perturbation as a file: PNG or safetensors, with the plan it came from.

`uapseg.results.importers` reads those of other programs. Reading takes no code from a file.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from uapseg.attack.perturbation import to_levels
from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.errors import UapsegError
from uapseg.io.files import from_json, read, to_json, write
from uapseg.io.images import decode, size_of
from uapseg.io.values import is_dict
from uapseg.results.importers import MOST_PIXELS, is_array, read_array, read_image, too_large
from uapseg.targets.metrics import Scores
from uapseg.tensors import Delta, Levels

KEY = "uapseg"
OURS = "whole grey levels, as uapseg writes them"
DEFAULT_SIZE = (384, 256)
"""What the embedded network's pictures measure: (width, height)."""

ZERO_LEVEL = 128
MOST = 127
"""The largest change that a PNG of value = 128 + level holds, in grey levels."""

MOST_FILE = 256 << 20
"""Bytes of a file that are read at all."""

MOST_TEXT = 4 << 20
"""Bytes of what a file says of itself: as Python's objects they take twenty times as many."""

MOST_SPENT = 10**8
"""Image-gradients that a file may claim: months of work, and still far below what a budget may be."""


@dataclass(frozen=True)
class Perturbation:
    """A finished perturbation in whole grey levels of 255.

    Attributes:
        levels: The change of each value (3, h, w), int16, within the plan's epsilon.
        plan: What it came from; None where the file does not say.
        scores: What it did on the validation pictures that chose it, where known.
        training: What it did on some of the pictures that it was learnt from, where known.
        image_gradients: What the search had spent, where known.
        seconds: How long the search had taken, where known.
        convention: How the file's values were taken, where it does not say itself.
        best_iterate: Which iterate it is, by its ``image_gradients``, and how many validation ``pictures`` chose it.
        fingerprint: The fingerprint of the network that it was trained against, where known.
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

    def __post_init__(self) -> None:
        """Checks the levels against the plan's epsilon."""
        largest = self._largest()
        if largest > 255:
            raise UapsegError(f"The perturbation changes values by up to {largest} grey levels: there are only 255.")
        if self.plan and largest > self.plan.settings.epsilon * 255 + 1e-3:
            raise UapsegError(
                f"The perturbation changes values by up to {largest} grey levels, "
                f"more than the epsilon of {self.plan.settings.epsilon * 255:g} in its plan: the file was altered."
            )

    @property
    def delta(self) -> Delta:
        """The perturbation in the units of images, [-epsilon, epsilon] of [0, 1]."""
        return self.levels.float() / 255

    @property
    def epsilon(self) -> float:
        """The largest change allowed, in [0, 1]: the plan's, or that of the levels themselves."""
        return self.plan.settings.epsilon if self.plan else self._largest() / 255

    @property
    def picture_size(self) -> tuple[int, int]:
        """(width, height) of the pictures that it was trained on: its own, unless it is a tile of larger ones.

        A tile's plan may leave the size to the data set, and a file without a plan says nothing: the larger of its
        own and of `DEFAULT_SIZE` is taken then.
        """
        own = (self.levels.shape[2], self.levels.shape[1])
        if self.plan and self.plan.settings.tile is None:
            return own
        told = self.plan.size if self.plan and self.plan.size else DEFAULT_SIZE
        return max(own, told, key=prod)

    def _largest(self) -> int:
        """The largest change, in grey levels."""
        return max(-int(self.levels.min()), int(self.levels.max()))


def best_perturbation(plan: Plan, state: State) -> Perturbation:
    """The perturbation of a search wherever it stands: the one to keep, or the newest before the first look."""
    looked = state.validation.image_gradients > 0
    whole = to_levels(state.best if looked else state.delta, plan.settings.epsilon).cpu()
    scores, training = (state.best_validation.scores, state.best_validation.training) if looked else (None, None)
    chosen = (
        {"image_gradients": state.best_validation.image_gradients, "pictures": len(state.best_validation.each)}
        if looked
        else None
    )
    return Perturbation(
        whole, plan, scores, state.image_gradients, round(state.seconds, 3), training, best_iterate=chosen
    )  # fmt: skip


def save_png(path: Path, perturbation: Perturbation) -> None:
    """Writes a perturbation as an RGB picture of value = 128 + level, exact, its plan in the PNG's text.

    Raises:
        UapsegError: A change is beyond 127 grey levels, or the file cannot be written.
    """
    if perturbation.levels.abs().max() > MOST:
        raise UapsegError(f"A PNG holds changes of at most {MOST} grey levels: save it as safetensors.")
    values = (perturbation.levels + ZERO_LEVEL).to(torch.uint8).permute(1, 2, 0)
    text, buffer = PngInfo(), io.BytesIO()
    text.add_text(KEY, _metadata(perturbation))
    Image.fromarray(np.ascontiguousarray(values.numpy())).save(buffer, "PNG", pnginfo=text)
    write(path, buffer.getvalue())


def save_safetensors(path: Path, perturbation: Perturbation) -> None:
    """Writes a perturbation as one tensor ``levels`` (3, h, w), int16, its plan in the metadata.

    Raises:
        UapsegError: The file cannot be written.
    """
    tensors = {"levels": perturbation.levels.contiguous()}
    write(path, save_tensors(tensors, metadata={KEY: _metadata(perturbation)}))


def load(path: Path, *, arrays: bool = True) -> Perturbation:
    """Reads a perturbation from a PNG, a safetensors file, or an array of torch or numpy, told apart by their content.

    Args:
        path: The file.
        arrays: Whether it may be an array of torch or numpy.

    Raises:
        UapsegError: It is none of these, is too large, comes from another version, or its levels are not those of its
            plan.
    """
    content = read(path, MOST_FILE)
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
    """The fields of a perturbation, its levels aside, from its metadata."""
    if text is None:
        return {}
    if len(text) > MOST_TEXT:
        raise UapsegError("The text of the perturbation is too long: the file was altered.")
    fields = from_json(text, "The text of the perturbation")
    known = {name: fields.get(name) for name in _FITS}
    wrong = next((n for n, value in known.items() if value is not None and not _FITS[n](value)), None)
    if wrong:
        raise UapsegError(f"The {wrong} in the text of the perturbation cannot be read: the file was altered.")
    return known | {"plan": Plan.from_dict(known["plan"]) if known["plan"] is not None else None}


def is_cost(value: Any) -> bool:
    """Whether a value of a file can be a number of image-gradients or seconds."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= 1e12  # no endless or absurd numbers, which JSON may hold


def are_scores(value: Any) -> bool:
    """Whether a value of a file can be scores: shares in [0, 1] by name, or None."""
    return is_dict(value) and all(v is None or (is_cost(v) and v <= 1) for v in value.values())


_FITS: dict[str, Callable[[Any], bool]] = {
    "plan": lambda value: isinstance(value, dict),
    "scores": are_scores,
    "image_gradients": lambda value: isinstance(value, int) and 0 <= value <= MOST_SPENT,
    "seconds": is_cost,
    "training": are_scores,
    "best_iterate": lambda value: (
        is_dict(value)
        and value.keys() == {"image_gradients", "pictures"}
        and all(isinstance(number, int) and is_cost(number) for number in value.values())
    ),
    "fingerprint": lambda value: isinstance(value, str) and 0 < len(value) <= 64 and value.isprintable(),
}
"""Whether each field of the text is what it should be, where it is there."""


def _read_png(content: bytes) -> tuple[NDArray[np.int16], str | None, str]:
    width, height = size_of(content) or (0, 0)
    if width * height > MOST_PIXELS:
        raise too_large()
    picture = decode(content)
    if picture.mode != "RGB":
        raise UapsegError("The perturbation must be an RGB picture of 8 bits without transparency.")
    pixels = np.asarray(picture).transpose(2, 0, 1)
    text = picture.info.get(KEY)
    if isinstance(text, str):
        return np.subtract(pixels, ZERO_LEVEL, dtype=np.int16, order="C"), text, OURS
    values, assumed = read_image(pixels)
    return values, None, f"a picture without a plan: {assumed}"


def _read_safetensors(path: Path, content: bytes) -> tuple[NDArray[np.int16], str | None]:
    try:
        if int.from_bytes(content[:8], "little") > MOST_TEXT:  # the length of the header
            raise _unknown()
        with cast("Any", safe_open)(path, "pt") as opened:
            metadata: dict[str, str] = opened.metadata() or {}
            said = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
            values = said.get("levels")
            if len(said) != 1 or values is None or values.get_dtype() not in {"I8", "I16"}:
                raise UapsegError(
                    "A perturbation's safetensors file holds one tensor, levels, of int8 or int16, and no other."
                )
            shape = values.get_shape()
            if len(shape) != 3 or shape[0] != 3 or not math.prod(shape):
                raise UapsegError("The levels of a perturbation are of three colours, as (3, height, width).")
            if math.prod(shape) > 3 * MOST_PIXELS:
                raise too_large()
            return opened.get_tensor("levels").numpy().astype(np.int16), metadata.get(KEY)  # a copy: the file may go
    except (SafetensorError, OSError) as error:
        raise _unknown() from error


def _unknown() -> UapsegError:
    return UapsegError(
        "The perturbation is neither a PNG nor a safetensors file, nor an array of torch or numpy: "
        "train one and bring that."
    )
