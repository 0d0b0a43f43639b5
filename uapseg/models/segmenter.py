"""The interface of every network to the rest of the package."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uapseg.errors import UapsegError, one_line
from uapseg.io.values import is_dict, is_sequence
from uapseg.models.cheaper_layers import avoid_copies, use_onednn
from uapseg.models.classes import RGB
from uapseg.models.folding import fold_batch_norm
from uapseg.targets.people import people_classes
from uapseg.tensors import Images, LabelMaps, Logits

Channels = tuple[float, float, float]


@final
class Segmenter(nn.Module):
    """A frozen network as a differentiable function from images in [0, 1] to logits of the same size.

    Args:
        net: Maps normalized images (n, 3, h, w) to logits (n, k, h', w') of any resolution: bare, as ``["out"]`` or
            ``["logits"]``, or first in a list.
        name: What the user calls it.
        classes: The k class names, in the order of the logits.
        palette: The k colours (R, G, B) of the classes, in grey levels of 255.
        objects: The classes that count as objects rather than scenery.
        pair: Two classes for a first target, of a drawn region and of the rest.
        mean: Subtracted from each channel, in [0, 1].
        std: Each channel is then divided by it, in [0, 1].
        source: Where the weights come from: an address or a citation.
        licence: The licence of the weights.
        channels_last: Whether to compute in the channels-last memory format: faster for convolutions, an error for
            networks that reshape with ``view``.
        fingerprint: What identifies the weights if they are not in the state dict of the net.
        version: What identifies the code of the net, such as ``torchvision 0.26.0``; None if it may change while the
            weights stay, as in a user's file. Predictions are then not cached on disk.
        run: Computes the output of the net; None calls it. For nets that upsample their logits: here that happens
            later, and not at all if the loss is computed at the resolution of the logits.
        multiple: What the sides must be multiples of. Pictures are padded at the right and bottom by repeating the
            edge, and the logits are cropped again.

    Example:
        >>> net = nn.Conv2d(3, 2, 1)
        >>> model = Segmenter(net, name="tiny", classes=("road", "car"), palette=((0, 0, 0), (255, 0, 0)),
        ...                   objects=("car",), pair=("car", "road"), source="an example", licence="MIT")
        >>> model(torch.zeros(1, 3, 4, 6)).shape
        torch.Size([1, 2, 4, 6])
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
        mean: Channels = (0.0, 0.0, 0.0),
        std: Channels = (1.0, 1.0, 1.0),
        source: str,
        licence: str,
        channels_last: bool = True,
        fingerprint: str | None = None,
        version: str | None = None,
        run: Callable[[Any, Tensor], Tensor] | None = None,
        multiple: int = 1,
    ) -> None:
        super().__init__()
        self.name, self.classes, self.palette = name, classes, palette
        self.objects, self.default_pair, self.source, self.licence = objects, pair, source, licence
        self.multiple, self.version = multiple, version
        self._mean, self._std = (nn.Buffer(torch.tensor(v, dtype=torch.float32).view(1, 3, 1, 1)) for v in (mean, std))
        self._net, self._fingerprint, self._run = net, fingerprint, run or _call
        self._logits_sizes: dict[tuple[int, int], tuple[int, int]] = {}
        self.folded = 0
        """How many batch normalizations were folded into convolutions."""
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self.eval().requires_grad_(requires_grad=False)
        if channels_last:
            self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  missing in torch 2.11

    @property
    def people(self) -> tuple[str, ...]:
        """The classes that are people, by name."""
        return people_classes(self.classes)

    def train(self, mode: bool = True) -> "Segmenter":  # noqa: ARG002, FBT001, FBT002  torch's signature
        """Stays in eval mode whatever ``mode`` is: statistics of attacked batches must not enter the network."""
        return super().train(mode=False)

    def normalize(self, images: Images) -> Images:
        """Normalizes images in [0, 1] as the net expects them."""
        return (images - self._mean) / self._std

    def raw_output(self, images: Images) -> Any:
        """Computes the output of the net for images (n, 3, h, w) in [0, 1]: logits of any resolution if it is sound.

        Raises:
            UapsegError: The net does not accept pictures of this size.
        """
        return self._run_net(self._net, images)

    def _run_net(self, net: nn.Module, images: Images) -> Any:
        try:
            answer = self._run(net, self.normalize(self._pad(images)).contiguous(memory_format=self._layout))
        except (UapsegError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # a network of the user's own may raise anything
            count = {1: "one picture", 2: "two pictures"}.get(len(images), f"{len(images)} pictures")
            raise UapsegError(
                f"The network {self.name} cannot take {count} of {images.shape[-1]} x {images.shape[-2]} "
                f"({one_line(error)}): choose another --size, or let it pad, crop or scale the pictures itself."
            ) from error
        return _find_logits(answer)

    def forward(self, images: Images) -> Logits:
        """Computes the logits (n, k, h, w) of images (n, 3, h, w) in [0, 1]."""
        logits: Tensor = self.raw_output(images)
        height, width = images.shape[-2:]
        padded_shape = self.padded_size(width, height)[::-1]
        if logits.shape[-2:] != padded_shape:
            logits = logits.contiguous()  # losses of channels-last logits take longer
            logits = F.interpolate(logits, padded_shape, mode="bilinear", align_corners=False)
        return logits if padded_shape == (height, width) else logits[..., :height, :width]

    def padded_size(self, width: int, height: int) -> tuple[int, int]:
        """Returns the (width, height) of the pictures inside the net."""
        return -(-width // self.multiple) * self.multiple, -(-height // self.multiple) * self.multiple

    @torch.no_grad()
    def logits_size(self, width: int, height: int) -> tuple[int, int]:
        """Returns the (rows, columns) of the logits for images of this size, before upsampling."""
        if (width, height) not in self._logits_sizes:
            image = torch.zeros(1, 3, height, width, device=self._mean.device)
            self._logits_sizes[width, height] = (*self.raw_output(image).shape[2:],)
        return self._logits_sizes[width, height]

    def _pad(self, images: Tensor) -> Tensor:
        """Pads images to a size that the net accepts; torch's own padding has no deterministic gradient on CUDA."""
        height, width = images.shape[-2:]
        wide, high = self.padded_size(width, height)
        if wide > width:
            images = torch.cat([images, images[..., -1:].expand(-1, -1, -1, wide - width)], dim=3)
        if high > height:
            images = torch.cat([images, images[..., -1:, :].expand(-1, -1, high - height, -1)], dim=2)
        return images

    @torch.no_grad()
    def predict(self, images: Images) -> LabelMaps:
        """Predicts the class index of each pixel (n, h, w), uint8."""
        return self(images).argmax(dim=1).to(torch.uint8)

    @torch.no_grad()
    def fold(self) -> None:
        """Folds batch normalization into the convolutions before it, and makes other layers cheaper.

        Other layers then copy less, see `avoid_copies`, and on a CPU oneDNN computes 1x1 convolutions. Logits and
        gradients change by rounding alone, and the fingerprint stays.
        """
        self._fingerprint = self.fingerprint
        images = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(0)).to(self._mean.device)
        self._net, self.folded = fold_batch_norm(self._net, lambda net: self._run_net(net, images))
        avoid_copies(self._net)
        if self._mean.device.type == "cpu":
            use_onednn(self._net)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that identify the weights and the normalization."""
        if self._fingerprint is not None:
            return self._fingerprint
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:12]


def _call(net: nn.Module, images: Tensor) -> Any:
    return net(images)


def _find_logits(answer: Any) -> Any:
    """The logits in an output: by name, or else the first or only tensor."""
    if is_dict(answer):
        named_outputs = [answer[name] for name in ("out", "logits") if name in answer]
        tensors = [value for value in answer.values() if isinstance(value, Tensor)]
        return named_outputs[0] if named_outputs else tensors[0] if len(tensors) == 1 else None
    if is_sequence(answer):
        return answer[0] if answer else None
    return answer
