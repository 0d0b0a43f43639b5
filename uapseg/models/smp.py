"""Networks of segmentation_models_pytorch by id of the hub or from a folder that its ``save_pretrained`` wrote.

Source: https://smp.readthedocs.io/en/latest/save_load.html
"""

import json
import logging
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import Tensor, nn

from uapseg.errors import UapsegError
from uapseg.io.values import is_dict, is_list
from uapseg.models import checks
from uapseg.models.classes import default_pair, make_distinct, numbered_names, objects_of, palette_of
from uapseg.models.hub import check_connection, plain_errors, resolve_place
from uapseg.models.segmenter import Channels, Segmenter

try:
    import segmentation_models_pytorch  # pyright: ignore[reportMissingTypeStubs]
except ImportError as error:
    raise UapsegError(
        "Networks of segmentation_models_pytorch need that package: install it with pip install "
        "segmentation_models_pytorch."
    ) from error

_LIBRARY: Any = segmentation_models_pytorch
_HUB: Any = huggingface_hub
"""Both have incomplete types."""

FILES = ("config.json", "model.safetensors", "albumentations_config_eval.json", "classes.txt")
"""What is read of a network; the weights of safetensors alone, so that no code can come with them."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and std of the three channels, in image units [0, 1], that nearly all encoders were trained with."""


class _Binary(nn.Module):
    """A network with a single logit as one of two classes: what is not there, and what is.

    Args:
        net: Maps normalized images to logits (n, 1, h, w).
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        logit = self.net(pixels)
        return torch.cat([torch.zeros_like(logit), logit], dim=1)


def load(suffix: str, *, size: checks.Size | None = None, strict: bool = True) -> Segmenter:
    """The network with an id of the hub or in a folder, with its preprocessing.

    Mean and std are those of ``albumentations_config_eval.json`` beside the weights, else those of its encoder.
    Its classes have the names in ``classes.txt``, one a line, else numbers; one with a single logit has two classes.

    Raises:
        UapsegError: segmentation_models_pytorch is not installed, there is no such network, it cannot be downloaded,
            or it cannot be attacked.
    """
    name, place = f"smp:{suffix}", resolve_place(suffix)
    with plain_errors(name), redirect_stdout(StringIO()):  # where the library prints, commands print their JSON
        folder = Path(place) if Path(place).is_dir() else _download(place, FILES)
        net = _LIBRARY.from_pretrained(str(folder), encoder_weights=None)
        config = dict(net.config)
    mean, std = _statistics(folder, config, name)
    count = int(config.get("classes", 1))
    classes = _classes(folder, max(count, 2), name)
    model = Segmenter(
        _Binary(net) if count == 1 else net,
        name=name,
        classes=classes,
        palette=palette_of(classes),
        objects=objects_of(classes),
        pair=default_pair(classes),
        mean=mean,
        std=std,
        source=str(folder) if Path(place).is_dir() else f"https://huggingface.co/{suffix}",
        licence="see its model card",
    )
    checks.check(model, size, strict=strict)
    return model


def _download(place: str, names: tuple[str, ...], revision: str | None = None) -> Path:
    """The folder of the hub's cache with these files of a repository, downloaded where they are not in it."""
    try:
        return Path(_HUB.snapshot_download(place, revision=revision, allow_patterns=[*names], local_files_only=True))
    except LocalEntryNotFoundError:
        check_connection(place)
        return Path(_HUB.snapshot_download(place, revision=revision, allow_patterns=[*names]))


def _classes(folder: Path, count: int, name: str) -> tuple[str, ...]:
    """The names of its classes, or numbers."""
    if not (folder / "classes.txt").is_file():
        return numbered_names(count)
    names = [line.strip() for line in (folder / "classes.txt").read_text(encoding="utf-8").splitlines()]
    names = [line for line in names if line]
    if len(names) != count:
        raise UapsegError(
            f"The network {name} has {count} classes, and its classes.txt names {len(names)}: name each on a line."
        )
    return make_distinct(names)


def _statistics(folder: Path, config: dict[str, Any], name: str) -> tuple[Channels, Channels]:
    """Mean and std in the units of images: of its own preprocessing, else of its encoder."""
    file = folder / "albumentations_config_eval.json"
    if file.is_file():
        with plain_errors(name):
            statistics = _normalization(json.loads(file.read_text(encoding="utf-8")))
        if statistics:
            return statistics
    encoder, weights = config.get("encoder_name", "resnet34"), config.get("encoder_weights") or "imagenet"
    try:
        statistics = _encoder_settings(encoder, weights)
        mean, std = statistics["mean"], statistics["std"]
    except Exception:  # noqa: BLE001  it may be downloaded, and not every encoder has any
        logging.getLogger(__name__).warning(
            "The network %s does not say how its pictures were normalized: mean and std of ImageNet are assumed.", name
        )
        mean, std = IMAGENET
    return _three(mean), _three(std)


def _encoder_settings(encoder: str, weights: str) -> dict[str, Any]:
    """What the library's ``get_preprocessing_params`` reads, which without a connection retries for 90 seconds."""
    if encoder.startswith("tu-"):  # of timm, whose table is part of the package
        return _LIBRARY.encoders.get_preprocessing_params(encoder, weights)
    repository = _LIBRARY.encoders.encoders[encoder]["pretrained_settings"][weights]
    folder = _download(repository["repo_id"], ("config.json",), repository["revision"])
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def _normalization(value: Any) -> tuple[Channels, Channels] | None:
    """Mean and std of the transform Normalize in a pipeline of albumentations; None where there is none."""
    if is_list(value):
        return next(filter(None, map(_normalization, value)), None)
    if not is_dict(value):
        return None
    if str(value.get("__class_fullname__", "")).rpartition(".")[2] != "Normalize":
        return next(filter(None, map(_normalization, value.values())), None)
    scale = float(value.get("max_pixel_value") or 255.0) / 255
    mean, std = (_three(value.get(key) or default) for key, default in zip(("mean", "std"), IMAGENET, strict=True))
    return _three([number * scale for number in mean]), _three([number * scale for number in std])


def _three(values: Any) -> Channels:
    red, green, blue = map(float, values)
    return red, green, blue
