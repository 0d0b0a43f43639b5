"""The embedded network: a small one for street scenes, trained by ``assets/street/train.py``.

Source: LR-ASPP on MobileNetV3-Large, Howard et al., Searching for MobileNetV3, https://arxiv.org/abs/1905.02244
"""

from pathlib import Path

from torch import nn
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from uapseg.download import Download
from uapseg.errors import UapsegError
from uapseg.models import Card
from uapseg.models.checkpoint import load_weights
from uapseg.models.segmenter import Segmenter
from uapseg.scenery import CLASSES

WEIGHTS = Path(__file__).parents[2] / "assets" / "street" / "street.safetensors"
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
SOURCE = "LR-ASPP MobileNetV3-Large (https://arxiv.org/abs/1905.02244), trained by assets/street/train.py"
LICENCE = "research use, as the CamVid photos it was trained on besides rendered scenes"
PALETTE = (
    (130, 180, 230),  # Sky
    (150, 90, 80),  # Building
    (220, 220, 130),  # Pole
    (125, 95, 150),  # Road
    (225, 150, 200),  # Pavement
    (95, 155, 70),  # Tree
    (245, 205, 60),  # SignSymbol
    (80, 95, 110),  # Fence
    (55, 95, 215),  # Car
    (225, 55, 70),  # Pedestrian
    (20, 175, 170),  # Bicyclist
)


def network() -> nn.Module:
    """The bare architecture, untrained."""
    return lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=len(CLASSES))


def cards() -> list[Card]:
    """The card of the network."""
    return [
        Card(
            name="street",
            parameters=sum(weight.numel() for weight in network().parameters()),
            classes=len(CLASSES),
            licence=LICENCE,
            source=SOURCE,
            cached=WEIGHTS.is_file(),
            download_bytes=None,
        )
    ]


def needed(rest: str = "", weights: Path | None = None) -> list[Download]:  # noqa: ARG001  as other networks
    """Nothing: the weights come with the package."""
    return []


def load(rest: str = "", weights: Path | None = None) -> Segmenter:  # noqa: ARG001  its name has no rest
    """The trained network, or its architecture with the weights of another file.

    Raises:
        UapsegError: The weights are not where they belong, or are those of another network.
    """
    if weights is None and not WEIGHTS.is_file():
        raise UapsegError(f"The weights of the network street are missing: put them at {WEIGHTS}.")
    net = network()
    load_weights(net, weights or WEIGHTS, "street")
    return Segmenter(
        net,
        name="street",
        classes=CLASSES,
        palette=PALETTE,
        objects=("Pole", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist"),
        pair=("Tree", "Building"),
        mean=MEAN,
        std=STD,
        source=f"{weights}" if weights else SOURCE,
        licence="that of the file of weights" if weights else LICENCE,
    )
