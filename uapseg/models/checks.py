"""Checks for common mistakes in the user's own networks, each reported in one sentence.

Source: the checks of AutoAttack (https://github.com/fra31/auto-attack, ``checks.py``), adapted to segmentation.
"""

import logging
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.models.classes import MAX_CLASSES
from uapseg.models.folding import named_modules
from uapseg.models.normalization import check_scale
from uapseg.models.segmenter import Segmenter
from uapseg.tensors import Images

SIZE, ODD_SIZE = (128, 96), (131, 97)
"""(width, height) of the pictures asked about: one that suits most networks, and one that, padded for one of
`MULTIPLES`, fits no larger one."""

MULTIPLES = (1, 2, 4, 8, 14, 16, 28, 32, 56, 64, 128, 256)
"""What the sides of pictures may have to be multiples of."""

Size = tuple[int, int]

TOLERANCE = 5e-3
"""How much two outputs may differ, relative to the largest logit: half precision differs less, dropout more."""


@torch.no_grad()
def find_multiple(model: Segmenter, size: Size | None = None) -> Size:
    """Finds which sizes the network accepts, and sets the padding of the segmenter accordingly.

    Args:
        model: The network, on the CPU; its ``multiple`` is set.
        size: The (width, height) of the pictures to attack, if known.

    Returns:
        A size that the network accepts: `SIZE`, or ``size`` if it accepts only that.

    Raises:
        UapsegError: No padding makes the network accept these sizes.

    Example:
        >>> from uapseg.models import load_model
        >>> model = load_model("street:small")
        >>> find_multiple(model), model.multiple
        ((128, 96), 1)
    """
    run = [size] if size else []
    for sizes in ([SIZE, ODD_SIZE, *run], run):
        for multiple in MULTIPLES if sizes else ():
            model.multiple = multiple
            if all(_accepts(model, candidate_size) for candidate_size in sizes):
                return sizes[0]
    model.multiple = 1
    for candidate_size in (SIZE, *(run or [ODD_SIZE])):
        model.raw_output(probe_images(candidate_size))  # says why
    raise UapsegError(f"The network {model.name} accepts only some sizes of pictures: choose one of them with --size.")


def _accepts(model: Segmenter, size: Size) -> bool:
    try:
        model.raw_output(probe_images(size))
    except UapsegError:
        return False
    return True


@torch.no_grad()
def count_classes(model: Segmenter, size: Size) -> int:
    """Counts the classes of a network from its output.

    Args:
        model: The network.
        size: A (width, height) that it accepts.

    Raises:
        UapsegError: The output is not logits (n, k, h', w').

    Example:
        >>> from uapseg.models import load_model
        >>> count_classes(load_model("street:small"), SIZE)
        11
    """
    return _logits(model, probe_images(size)).shape[1]


@torch.no_grad()
def check(model: Segmenter, size: Size | None = None, *, strict: bool = True) -> None:
    """Checks that a network can be attacked, and pads pictures to the sides that it accepts.

    Args:
        model: The network, on the CPU.
        size: The (width, height) of the pictures to attack, if known.
        strict: Whether probable mistakes are errors; otherwise they are warnings.

    Raises:
        UapsegError: The output is not logits or does not match the classes, consists of probabilities, or changes from
            call to call or with the batch; or the network stays in train mode, has no gradient, normalizes twice, or
            does not accept some sizes.

    Example:
        >>> from uapseg.models import load_model
        >>> check(load_model("street:small"))
    """
    working_size = find_multiple(model, size)
    images = probe_images(working_size)
    logits = _logits(model, images)
    _check_classes(model, logits)
    _check_train_mode(model)
    _check_repeatable(model, logits, images)
    _check_gradient(model, images)
    _run_guess(lambda: _check_probabilities(model, logits, images), strict=strict)
    _run_guess(lambda: check_scale(model, images), strict=strict)
    if _accepts(model, ODD_SIZE):
        _check_size(model, logits)


def _run_guess(check: Callable[[], None], *, strict: bool) -> None:
    """Runs a check that may be wrong."""
    try:
        check()
    except UapsegError as error:
        if strict:
            raise UapsegError(f"{error} If that is wrong, --no-checks makes it a warning.") from error
        logging.getLogger(__name__).warning("%s", error)


def probe_images(size: tuple[int, int]) -> Images:
    """Returns two smooth images of random colours (2, 3, h, w) that use all of [0, 1]; the second is darker.

    Args:
        size: The (width, height) of the images.

    Example:
        >>> probe_images((12, 8)).shape
        torch.Size([2, 3, 8, 12])
    """
    coarse = torch.rand(2, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    smooth = F.interpolate(coarse, (size[1], size[0]), mode="bicubic").clamp(0, 1)
    return smooth * torch.tensor([1.0, 0.6]).view(2, 1, 1, 1)


def _logits(model: Segmenter, images: Images) -> Tensor:
    """The output of the network itself, at any resolution."""
    size, answer = _format_size(images), model.raw_output(images)
    if not isinstance(answer, Tensor) or answer.dim() != 4 or not answer.is_floating_point():
        raise _no_logits(model, size, answer)
    if len(answer) != len(images) or not 2 <= answer.shape[1] <= MAX_CLASSES:
        raise _no_logits(model, size, answer)
    if not answer.isfinite().all():
        raise UapsegError(f"The network {model.name} answers with values that are not finite: check its weights.")
    return answer


def _format_size(images: Images) -> str:
    return f"{images.shape[-1]} x {images.shape[-2]}"


def _no_logits(model: Segmenter, size: str, answer: Any) -> UapsegError:
    kind = f"{answer.dtype} of shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else _type_name(answer)
    return UapsegError(
        f"The network {model.name} answers pictures of {size} with {kind}: it must return logits, float of shape "
        f'(n, k, h, w) with 2 to {MAX_CLASSES} classes, bare, as {{"out": logits}}, or first in a list.'
    )


def _type_name(answer: Any) -> str:
    return "None" if answer is None else type(answer).__name__


def _check_classes(model: Segmenter, logits: Tensor) -> None:
    if logits.shape[1] != len(model.classes):
        raise UapsegError(
            f"The network {model.name} answers with logits for {logits.shape[1]} classes and names "
            f"{len(model.classes)}: give each a name, in the order of the logits."
        )


def _check_train_mode(model: Segmenter) -> None:
    module_name = next((name for name, module in named_modules(model) if module.training), None)
    if module_name is not None:
        raise UapsegError(
            f"The network {model.name} stays in train mode ({module_name.removeprefix('_net.')}): "
            "let its method train do what torch's does."
        )


def _check_repeatable(model: Segmenter, logits: Tensor, images: Images) -> None:
    if _differs(_logits(model, images), logits):
        raise UapsegError(
            f"The network {model.name} answers the same pictures differently each time: it computes as in training; "
            "switch dropout and other noise off in eval mode."
        )
    if any(_differs(model.raw_output(images[n : n + 1]), logits[n : n + 1]) for n in range(len(images))):
        raise UapsegError(
            f"The network {model.name} answers a picture differently in another batch: it computes as in training; "
            "let batch normalization use its running statistics, and keep pictures independent."
        )


def _differs(first: Tensor, second: Tensor) -> bool:
    return bool((first - second).abs().max() > TOLERANCE * second.abs().max())


def _check_probabilities(model: Segmenter, logits: Tensor, images: Images) -> None:
    """A softmax adds up to 1; a sigmoid stays in [0, 1] and approaches both ends for pictures that are too bright."""
    if logits.min() < 0 or logits.max() > 1:
        return
    bright = _logits(model, images * 255)
    sums_to_one = bool((logits.sum(1) - 1).abs().max() < 1e-3)
    inside = bright.min() >= 0 and bright.max() <= 1
    wide = any(answer.min() < 0.05 and answer.max() > 0.95 for answer in (logits, bright))
    if sums_to_one or (inside and wide):
        raise UapsegError(
            f"The network {model.name} answers with probabilities: leave the softmax or sigmoid out, so that it "
            "returns logits."
        )


def _check_gradient(model: Segmenter, images: Images) -> None:
    images = images.clone().requires_grad_()
    try:
        with torch.enable_grad():
            logits = model(images)
            weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))
            gradient = torch.autograd.grad((logits * weights).sum(), images)[0]
    except RuntimeError:
        gradient = torch.zeros_like(images)
    if not (gradient.flatten(1).abs().sum(1) > 0).all() or not gradient.isfinite().all():
        raise UapsegError(
            f"The network {model.name} has no gradient with respect to the picture, or one that is not finite: "
            "leave out no_grad, detach, rounding and argmax."
        )


def _check_size(model: Segmenter, logits: Tensor) -> None:
    """Another size must be accepted, and must not change the number of classes, as with logits (n, h, w, k)."""
    other = _logits(model, probe_images(ODD_SIZE)).shape[1]
    if other != logits.shape[1]:
        raise UapsegError(
            f"The network {model.name} answers with {logits.shape[1]} classes at one picture size and with {other} "
            "at another: it must return logits of shape (n, k, h, w), in this order."
        )
