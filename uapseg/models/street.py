"""The embedded networks: small ones for street scenes, trained by ``assets/street/train.py``.

Source: LR-ASPP on MobileNetV3, Howard et al., Searching for MobileNetV3, https://arxiv.org/abs/1905.02244
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torchvision
from torch import nn
from torchvision.models import mobilenet_v3_small
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.models.segmentation import LRASPP, lraspp_mobilenet_v3_large

from uapseg.errors import UapsegError
from uapseg.io.download import Download
from uapseg.io.files import ASSETS
from uapseg.models.checkpoint import load_weights
from uapseg.models.registry import ModelInfo
from uapseg.models.segmenter import Segmenter
from uapseg.models.torchvision import coarse_logits
from uapseg.scenes import CLASSES

FOLDER = ASSETS / "street"
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
LICENCE = "research use, as the CamVid photos it was trained on besides rendered scenes"
PALETTE = (
    (130, 180, 230),  # Sky
    (100, 45, 40),  # Building
    (220, 220, 130),  # Pole
    (125, 95, 150),  # Road
    (225, 150, 200),  # Pavement
    (130, 200, 85),  # Tree
    (245, 205, 60),  # SignSymbol
    (80, 95, 110),  # Fence
    (55, 95, 215),  # Car
    (225, 55, 70),  # Pedestrian
    (20, 175, 170),  # Bicyclist
)
"""The colours of the classes. Tree and Building differ in luminance by a factor of 3 or more, also over a photo."""


def _large() -> nn.Module:
    return lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=len(CLASSES))


def _small() -> nn.Module:
    """The same head on the small MobileNetV3, at an eighth and a sixteenth of the picture."""
    network = mobilenet_v3_small(weights=None, dilated=True)
    stages = create_feature_extractor(network, {"features.2": "low", "features.12": "high"})
    return LRASPP(stages, low_channels=24, high_channels=576, num_classes=len(CLASSES))


@dataclass(frozen=True)
class Architecture:
    """An embedded network.

    Attributes:
        build: Creates it, untrained.
        file: Its weights.
        source: What it is, and where it is described.

    Example:
        >>> NETWORKS["small"].file.name
        'small.safetensors'
    """

    build: Callable[[], nn.Module]
    file: Path
    source: str


_PAPER = "https://arxiv.org/abs/1905.02244"
_DEFENCE = "trained against universal perturbations (https://arxiv.org/abs/1812.03705)"

NETWORKS = {
    "": Architecture(_large, FOLDER / "street.safetensors", f"LR-ASPP MobileNetV3-Large ({_PAPER})"),
    "small": Architecture(_small, FOLDER / "small.safetensors", f"LR-ASPP MobileNetV3-Small ({_PAPER})"),
    "robust": Architecture(_large, FOLDER / "robust.safetensors", f"LR-ASPP MobileNetV3-Large ({_PAPER}), {_DEFENCE}"),
}
"""The networks by what follows ``street:``; the first is plain ``street``."""


def info() -> list[ModelInfo]:
    """Lists the embedded networks.

    Example:
        >>> [network.name for network in info()]
        ['street', 'street:small', 'street:robust']
    """
    return [
        ModelInfo(
            name=_name(suffix),
            parameters=sum(weight.numel() for weight in architecture.build().parameters()),
            classes=len(CLASSES),
            licence=LICENCE,
            source=_source(architecture),
            cached=architecture.file.is_file(),
            download_bytes=None,
        )
        for suffix, architecture in NETWORKS.items()
    ]


def missing_files(suffix: str = "", weights: Path | None = None) -> list[Download]:  # noqa: ARG001  as other networks
    """Lists nothing to download, as the weights are bundled.

    Example:
        >>> missing_files("small")
        []
    """
    return []


def load(suffix: str = "", weights: Path | None = None) -> Segmenter:
    """Loads an embedded network, or its architecture with other weights.

    Args:
        suffix: A key of `NETWORKS`.
        weights: Another file of weights.

    Raises:
        UapsegError: There is no such network, or its weights are missing or belong to another network.

    Example:
        >>> load("small").name
        'street:small'
    """
    if suffix not in NETWORKS:
        names = ", ".join(map(_name, NETWORKS))
        raise UapsegError(f"There is no embedded network {_name(suffix)}: choose one of {names}.")
    architecture = NETWORKS[suffix]
    if weights is None and not architecture.file.is_file():
        raise UapsegError(f"The weights of the network {_name(suffix)} are missing: put them at {architecture.file}.")
    net = architecture.build()
    load_weights(net, weights or architecture.file, _name(suffix))
    return Segmenter(
        net,
        name=_name(suffix),
        classes=CLASSES,
        palette=PALETTE,
        objects=("Pole", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist"),
        pair=("Tree", "Building"),
        mean=MEAN,
        std=STD,
        source=f"{weights}" if weights else _source(architecture),
        licence="that of the file of weights" if weights else LICENCE,
        version=f"torchvision {torchvision.__version__}",
        run=coarse_logits,
    )


def _name(suffix: str) -> str:
    return f"street:{suffix}" if suffix else "street"


def _source(architecture: Architecture) -> str:
    return f"{architecture.source}, trained by assets/street/train.py"
