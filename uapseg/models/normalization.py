"""Detection of the most common mistake: pictures in the wrong units, or normalized twice.

The output of a network does not reveal this reliably, so the inputs of its first weights are inspected instead.
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
"""Operations with weights, and the position of the argument that the weights multiply."""


def check_scale(model: Segmenter, images: Images) -> None:
    """Checks that the first layer with weights receives pictures that were normalized once.

    Args:
        model: The network.
        images: A batch of at least two pictures (n, 3, h, w) in [0, 1].

    Raises:
        UapsegError: The pictures arrive divided by 255, normalized twice, or in units that the network does not
            expect.

    Example:
        >>> from uapseg.models import load_model
        >>> check_scale(load_model("street"), torch.rand(2, 3, 64, 96))
    """
    other = images.flip(0)
    layer_inputs = _first_layer_inputs(model, images, other)
    if layer_inputs is None:
        _check_response(model, images)
        return
    first, second = layer_inputs
    normalized_images = model.normalize(images)
    gain = float(
        (first - second).square().mean().sqrt() / (normalized_images - model.normalize(other)).square().mean().sqrt()
    )
    values = f"its first layer gets values from {first.min():.3g} to {first.max():.3g}"
    if gain < 0.05:
        raise _expects_255(model, values)
    is_normalized = not torch.equal(normalized_images, images)
    if is_normalized and gain > 1.6:
        raise UapsegError(
            f"The network {model.name} normalizes its pictures although it has the attributes mean and std, which "
            f"do that already ({values}): remove one or the other."
        )
    if not is_normalized and (8 < gain < 100 or gain > 600):
        raise UapsegError(
            f"The network {model.name} normalizes its pictures twice, or as if they ranged from 0 to 255 ({values}): "
            "they are in [0, 1], so that once is enough."
        )


def _check_response(model: Segmenter, images: Images) -> None:
    """For a network without weights: whether pictures in [0, 1] look black to it, while those in [0, 255] do not."""
    black_response, response = (model(images * scale).softmax(1) for scale in (0, 1))
    dark = (response - black_response).abs().max() < 0.02
    if dark and (model(images * 255).softmax(1) - black_response).abs().max() > 0.5:
        raise _expects_255(model, "to it they look black")


def _expects_255(model: Segmenter, symptom: str) -> UapsegError:
    return UapsegError(
        f"The network {model.name} expects pictures from 0 to 255 ({symptom}): they are in [0, 1], so leave out the "
        "division by 255, or the second normalization."
    )


def _first_layer_inputs(model: Segmenter, images: Images, other: Images) -> tuple[Tensor, Tensor] | None:
    """The inputs of the first layer with weights for two batches of pictures; None if there is no such layer."""
    with _InputRecorder() as first:
        model.raw_output(images)
    with _InputRecorder() as second:
        model.raw_output(other)
    pairs = zip(first.inputs, second.inputs, strict=False)
    return next(((a, b) for a, b in pairs if a.shape == b.shape and not torch.equal(a, b)), None)


class _InputRecorder(TorchDispatchMode):
    """Records the inputs of convolutions and matrix products, in whatever module they are."""

    @cached_property
    def inputs(self) -> list[Tensor]:
        """The inputs of the first few such operations."""
        return []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        place = _INPUT_ARGUMENT.get(func.name().partition(".")[0])
        if place is not None and len(self.inputs) < 4:  # later ones are further from the picture
            self.inputs.append(args[place].detach().clone())
        return func(*args, **(kwargs or {}))
