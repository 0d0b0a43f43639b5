"""The networks that can be attacked. A new one is a file with ``load()`` and a line in ``_FILES``."""

from importlib import import_module
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uapseg.errors import UapsegError
from uapseg.tensors import Images, LabelMaps, Logits

RGB = tuple[int, int, int]

_FILES = {"street": "uapseg.models.street"}


@final
class Segmenter(nn.Module):
    """A frozen network seen as one differentiable function from images in [0, 1] to logits of their size.

    Args:
        net: Maps normalised images (n, 3, h, w) to logits (n, k, h', w') of any resolution, bare or as ``["out"]``.
        name: What the user calls it.
        classes: The k class names, in the order of the logits.
        palette: The k colours (R, G, B) of the classes, in grey levels of 255.
        objects: The classes that count as objects when it is asked what of the scene is kept.
        pair: Two classes, of a drawn region and of the rest, that make a good first target.
        mean: What is taken off each channel, in image units [0, 1].
        std: What each channel is then divided by, in image units [0, 1].
        source: Where the weights come from: an address or the citation of a paper.
        licence: What the weights may be used for.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        name: str,
        classes: tuple[str, ...],
        palette: tuple[RGB, ...],
        objects: tuple[str, ...],
        pair: tuple[str, str],
        mean: RGB | tuple[float, float, float] = (0.0, 0.0, 0.0),
        std: RGB | tuple[float, float, float] = (1.0, 1.0, 1.0),
        source: str,
        licence: str,
    ) -> None:
        super().__init__()
        self.name, self.classes, self.palette = name, classes, palette
        self.objects, self.default_pair, self.source, self.licence = objects, pair, source, licence
        self._mean, self._std = (nn.Buffer(torch.tensor(v, dtype=torch.float32).view(1, 3, 1, 1)) for v in (mean, std))
        self._net = net
        self.eval().requires_grad_(requires_grad=False)
        self.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> "Segmenter":  # noqa: ARG002, FBT001, FBT002  torch's signature
        """Stays in eval mode whatever ``mode`` says: statistics of attacked batches must not enter the network."""
        return super().train(mode=False)

    def forward(self, images: Images) -> Logits:
        """Logits (n, k, h, w) of images (n, 3, h, w) in [0, 1]."""
        normalised = (images - self._mean) / self._std
        answer: dict[str, Tensor] | Tensor = self._net(normalised.contiguous(memory_format=torch.channels_last))
        logits = answer["out"] if isinstance(answer, dict) else answer
        if logits.shape[-2:] != images.shape[-2:]:
            logits = F.interpolate(logits, images.shape[-2:], mode="bilinear", align_corners=False)
        return logits

    @torch.no_grad()
    def predict(self, images: Images) -> LabelMaps:
        """The class number of each pixel (n, h, w), uint8."""
        return self(images).argmax(dim=1).to(torch.uint8)


def model_names() -> tuple[str, ...]:
    """The networks that ``load_model`` knows."""
    return tuple(_FILES)


def load_model(name: str, device: torch.device | str = "cpu") -> Segmenter:
    """Loads the network called ``name``, frozen and in eval mode, on ``device``.

    Raises:
        UapsegError: There is no such network; the message lists those there are.
    """
    if name not in _FILES:
        raise UapsegError(f"There is no network called {name!r}: choose one of {', '.join(_FILES)}.")
    return import_module(_FILES[name]).load().to(device)
