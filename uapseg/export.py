"""A perturbation as a file: PNG or safetensors, with the plan it came from; `uapseg.foreign` reads those of others.

Reading takes no code from a file.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from uapseg.errors import UapsegError
from uapseg.files import from_json, read, to_json, write
from uapseg.foreign import is_array, read_array, read_picture
from uapseg.metrics import Scores
from uapseg.perturbation import levels
from uapseg.pictures import MOST_PIXELS, decode
from uapseg.run import Plan
from uapseg.state import State
from uapseg.tensors import Delta, Levels

KEY = "uapseg"
OURS = "whole grey levels, as uapseg writes them"
MIDDLE = 128
MOST = 127
"""The largest change that a PNG of value = 128 + level holds, in grey levels."""


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
    """

    levels: Levels
    plan: Plan | None = None
    scores: Scores | None = None
    image_gradients: int | None = None
    seconds: float | None = None
    training: Scores | None = None
    convention: str = OURS

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

    def _largest(self) -> int:
        """The largest change, in grey levels; 16 bits do not hold the opposite of their lowest number."""
        return int(self.levels.int().abs().max())


def finished(plan: Plan, state: State) -> Perturbation:
    """The perturbation of a search wherever it stands: the best by validation, the newest before the first look."""
    looked = state.validation.image_gradients > 0
    whole = levels(state.best if looked else state.delta, plan.settings.epsilon).cpu()
    scores, training = (state.chosen.scores, state.chosen.training) if looked else (None, None)
    return Perturbation(whole, plan, scores, state.image_gradients, round(state.seconds, 3), training)


def save_png(path: Path, perturbation: Perturbation) -> None:
    """Writes a perturbation as an RGB picture of value = 128 + level, exact, its plan in the PNG's text.

    Raises:
        UapsegError: A change is beyond 127 grey levels, or the file cannot be written.
    """
    if perturbation.levels.abs().max() > MOST:
        raise UapsegError(f"A PNG holds changes of at most {MOST} grey levels: save it as safetensors.")
    values = (perturbation.levels + MIDDLE).to(torch.uint8).permute(1, 2, 0)
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


def load(path: Path) -> Perturbation:
    """Reads a perturbation from a PNG, a safetensors file, or an array of torch or numpy, told apart by their content.

    Raises:
        UapsegError: It is none of these, comes from another version, or its levels are not those of its plan.
    """
    content = read(path)
    if is_array(content):
        values, convention = read_array(content)
        return Perturbation(torch.from_numpy(values), convention=convention)
    png = content.startswith(b"\x89PNG")
    values, text, convention = _read_png(content) if png else (*_read_safetensors(content), OURS)
    return Perturbation(torch.from_numpy(values), **_fields(text), convention=convention)


def _metadata(perturbation: Perturbation) -> str:
    fields = {
        "plan": perturbation.plan.to_dict() if perturbation.plan else None,
        "scores": perturbation.scores,
        "image_gradients": perturbation.image_gradients,
        "seconds": perturbation.seconds,
        "training": perturbation.training,
    }
    return to_json(fields)


def _fields(text: str | None) -> dict[str, Any]:
    """The fields of a perturbation, its levels aside, from its metadata."""
    if text is None:
        return {}
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
    return isinstance(value, dict) and all(v is None or (is_cost(v) and v <= 1) for v in value.values())


_FITS: dict[str, Callable[[Any], bool]] = {
    "plan": lambda value: isinstance(value, dict),
    "scores": are_scores,
    "image_gradients": lambda value: isinstance(value, int) and is_cost(value),
    "seconds": is_cost,
    "training": are_scores,
}
"""Whether each field of the text is what it should be, where it is there."""


def _read_png(content: bytes) -> tuple[NDArray[np.int16], str | None, str]:
    picture = decode(content)
    if picture.mode != "RGB":
        raise UapsegError("The perturbation must be an RGB picture of 8 bits without transparency.")
    pixels = np.ascontiguousarray(np.asarray(picture, np.uint8).transpose(2, 0, 1))
    with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
        opened.load()
        text = opened.info.get(KEY)
    if text is not None:
        return pixels.astype(np.int16) - MIDDLE, text, OURS
    values, assumed = read_picture(pixels)
    return values, None, f"a picture without a plan: {assumed}"


def _read_safetensors(content: bytes) -> tuple[NDArray[np.int16], str | None]:
    try:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise UapsegError(
            "The perturbation is neither a PNG nor a safetensors file, nor an array of torch or numpy: "
            "train one and bring that."
        ) from error
    values = tensors.get("levels")
    if len(tensors) != 1 or values is None or values.dtype not in {torch.int8, torch.int16}:
        raise UapsegError(
            "A perturbation's safetensors file holds one tensor, levels, of int8 or int16, and no other."
        )
    if values.dim() != 3 or len(values) != 3 or not values.numel():
        raise UapsegError("The levels of a perturbation are of three colours, as (3, height, width).")
    if values.numel() > 3 * MOST_PIXELS:
        raise UapsegError(
            f"The perturbation has more than {MOST_PIXELS // 1_000_000} megapixels: bring a smaller one."
        )
    return values.to(torch.int16).numpy(), header.get("__metadata__", {}).get(KEY)
