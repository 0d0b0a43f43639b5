"""The commonest slip of all: pictures in other units than a network was made for, or normalised twice.

Nothing in a network's answer tells this for sure, so what reaches its first weights is looked at instead.
"""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from uapseg.errors import UapsegError
from uapseg.models.segmenter import Segmenter
from uapseg.tensors import Images

_INPUT_ARGUMENT = {
    "aten::convolution": 0, "aten::conv2d": 0, "aten::linear": 0, "aten::matmul": 0, "aten::mm": 0, "aten::bmm": 0,
    "aten::addmm": 1,
}  # fmt: skip
"""Operations with weights, and which of their arguments is weighed."""


def check_scale(model: Segmenter, images: Images) -> None:
    """Makes sure that the first layer with weights gets pictures that were normalised once.

    Raises:
        UapsegError: They come divided by 255 or normalised twice, or the network was made for others.
    """
    other = images.flip(0)
    reached = _first_layer_inputs(model, images, other)
    if reached is None:
        _check_response(model, images)
        return
    first, second = reached
    given = model.normalize(images)
    gain = float((first - second).square().mean().sqrt() / (given - model.normalize(other)).square().mean().sqrt())
    values = f"its first layer gets values from {first.min():.3g} to {first.max():.3g}"
    if gain < 0.05:
        raise _expects_255(model, values)
    normalised = not torch.equal(given, images)
    if normalised and gain > 1.6:
        raise UapsegError(
            f"The network {model.name} normalises its pictures although it has the attributes mean and std, by which "
            f"that is done already ({values}): take away one or the other."
        )
    if not normalised and (8 < gain < 100 or gain > 600):
        raise UapsegError(
            f"The network {model.name} normalises its pictures twice, or as if they went from 0 to 255 ({values}): "
            "they come in [0, 1], so that once is enough."
        )


def _check_response(model: Segmenter, images: Images) -> None:
    """Where nothing is weighed: pictures from 0 to 1 that look all black, while from 0 to 255 they do not."""
    black, seen = (model(images * scale).softmax(1) for scale in (0, 1))
    dark = (seen - black).abs().max() < 0.02
    if dark and (model(images * 255).softmax(1) - black).abs().max() > 0.5:
        raise _expects_255(model, "to it they look black")


def _expects_255(model: Segmenter, seen: str) -> UapsegError:
    return UapsegError(
        f"The network {model.name} expects pictures from 0 to 255 ({seen}): they come in [0, 1], so leave out the "
        "division by 255, or the second normalisation."
    )


def _first_layer_inputs(model: Segmenter, images: Images, other: Images) -> tuple[Tensor, Tensor] | None:
    """What the first layer with weights gets of two batches of pictures; None where there is no such layer."""
    with _InputRecorder() as first:
        model.raw_output(images)
    with _InputRecorder() as second:
        model.raw_output(other)
    pairs = zip(first.inputs, second.inputs, strict=False)
    return next(((a, b) for a, b in pairs if a.shape == b.shape and not torch.equal(a, b)), None)


class _InputRecorder(TorchDispatchMode):
    """Remembers what goes into convolutions and matrix products, whatever kind of module they are in."""

    @cached_property
    def inputs(self) -> list[Tensor]:
        """The inputs of the first few such operations."""
        return []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        place = _INPUT_ARGUMENT.get(func.name().partition(".")[0])
        if place is not None and len(self.inputs) < 4:  # later ones are further from the picture
            self.inputs.append(args[place].detach().clone())
        return func(*args, **(kwargs or {}))
