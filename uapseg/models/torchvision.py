"""The six segmentation networks of torchvision, with its weights for the 21 classes of PASCAL VOC.

Source: https://docs.pytorch.org/vision/stable/models.html#semantic-segmentation
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor
from torchvision.models import Weights, get_model, get_model_weights
from torchvision.models.segmentation import LRASPP

from uapseg.errors import UapsegError
from uapseg.io.download import Download, UnreachableError, fetch
from uapseg.models.checkpoint import load_weights
from uapseg.models.classes import default_pair, objects_of, voc_palette
from uapseg.models.registry import ModelInfo
from uapseg.models.segmenter import Channels, Segmenter

NAMES = (
    "lraspp_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "fcn_resnet50",
    "fcn_resnet101",
)
SOURCE = "torchvision {}, trained on the part of COCO that shows the classes of PASCAL VOC ({})"
LICENCE = "BSD 3-Clause, as torchvision; the COCO photos it was trained on have licences of their own"


def info() -> list[ModelInfo]:
    """Lists the networks.

    Example:
        >>> info()[0].name, info()[0].classes
        ('torchvision:lraspp_mobilenet_v3_large', 21)
    """
    return [_network_info(name) for name in NAMES]


def missing_files(name: str, weights: Path | None = None) -> list[Download]:
    """Lists the file of weights, unless it is in the cache of torch.hub or another file is used.

    Args:
        name: One of `NAMES`.
        weights: A file of weights to use instead of the published ones.

    Raises:
        UapsegError: torchvision has no such network.

    Example:
        >>> missing_files("fcn_resnet50", weights=Path("mine.pth"))
        []
    """
    download = _download(name)
    return [] if weights or download.path.is_file() else [download]


def load(name: str, weights: Path | None = None) -> Segmenter:
    """Loads a network with the published weights, downloading them if necessary, or with those of a file.

    Args:
        name: One of `NAMES`.
        weights: A file of weights to use instead of the published ones.

    Raises:
        UapsegError: torchvision has no such network, or its weights cannot be downloaded or read.
    """
    for download in missing_files(name, weights):
        _fetch(download, name)
    weights_entry = _weights_of(name)
    classes = _classes(weights_entry)
    net: Any = get_model(name, weights=None, weights_backbone=None, num_classes=len(classes))
    # the pretrained ones have a second head, of use in training alone
    load_weights(net, weights or _download(name).path, f"torchvision:{name}", unused="aux_classifier.")
    preset = weights_entry.transforms()
    return Segmenter(
        net,
        name=f"torchvision:{name}",
        classes=classes,
        palette=voc_palette(len(classes)),
        objects=objects_of(classes),
        pair=default_pair(classes),
        mean=_channels(preset.mean),
        std=_channels(preset.std),
        source=f"{weights}" if weights else SOURCE.format(name, weights_entry.url),
        licence="that of the file of weights" if weights else LICENCE,
        version=f"torchvision {torchvision.__version__}",
        run=coarse_logits,
    )


def coarse_logits(net: Any, images: Tensor) -> Tensor:
    """Computes the logits of a network of torchvision before it upsamples them to the size of its images.

    Args:
        net: The network, with its ``backbone`` and ``classifier``.
        images: Normalized images (n, 3, h, w).

    Example:
        >>> net = get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=2).eval()
        >>> coarse_logits(net, torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 2, 8, 12])
    """
    features = net.backbone(images)
    return net.classifier(features if isinstance(net, LRASPP) else features["out"])


def _weights_of(name: str) -> Weights:
    if name not in NAMES:
        raise UapsegError(f"torchvision has no segmentation network {name!r}: choose one of {', '.join(NAMES)}.")
    return get_model_weights(name)["COCO_WITH_VOC_LABELS_V1"].value


def _classes(weights_entry: Weights) -> tuple[str, ...]:
    """The names of VOC, without the underscores around the background."""
    return tuple(name.strip("_") for name in weights_entry.meta["categories"])


def _channels(values: Sequence[float]) -> Channels:
    red, green, blue = values
    return red, green, blue


def _download(name: str) -> Download:
    """Where the weights come from and where torch keeps them; the file name ends in its checksum."""
    url = _weights_of(name).url
    file = url.rsplit("/", 1)[1]
    checksum = f"sha256:{Path(file).stem.rsplit('-', 1)[1]}"
    return Download(url=url, path=Path(torch.hub.get_dir()) / "checkpoints" / file, checksum=checksum)


def _fetch(download: Download, name: str) -> None:
    try:
        for _ in fetch(download):
            pass
    except UnreachableError as error:
        raise UapsegError(
            f"There is no internet and no cached weights for torchvision:{name}: "
            f"choose street, or put the file at {download.path}; it is {download.url}."
        ) from error


def _network_info(name: str) -> ModelInfo:
    weights_entry = _weights_of(name)
    return ModelInfo(
        name=f"torchvision:{name}",
        parameters=weights_entry.meta["num_params"],
        classes=len(weights_entry.meta["categories"]),
        licence=LICENCE,
        source=SOURCE.format(name, weights_entry.url),
        cached=_download(name).path.is_file(),
        download_bytes=round(weights_entry.meta["_file_size"] * 2**20),
    )
