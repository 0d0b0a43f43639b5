"""Networks of Hugging Face by id or from a folder: those with logits for each pixel, such as SegFormer and UperNet.

Source: https://huggingface.co/docs/transformers/tasks/semantic_segmentation
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from uapseg.download import Download, UnreachableError, fetch
from uapseg.errors import UapsegError
from uapseg.models import slips
from uapseg.models.classes import distinct, objects_of, pair_of, palette_of
from uapseg.models.segmenter import Channels, Segmenter

try:
    import huggingface_hub
    import transformers
    from huggingface_hub.errors import GatedRepoError
except ImportError as error:
    raise UapsegError(
        "Networks of Hugging Face need the package transformers: install it with pip install transformers."
    ) from error


class _Logits(nn.Module):
    """A network of transformers as a function from normalised pictures to logits.

    Args:
        net: Takes ``pixel_values``.
        flipped: Whether it wants blue before red.
    """

    def __init__(self, net: nn.Module, *, flipped: bool) -> None:
        super().__init__()
        self.net, self.flipped = net, flipped

    def forward(self, pixels: Tensor) -> Tensor:
        return self.net(pixel_values=pixels.flip(1) if self.flipped else pixels).logits


def load(rest: str, weights: Path | None = None) -> Segmenter:  # noqa: ARG001  it brings its own
    """The network with an id of the hub or in a folder, with the mean and std of its image processor.

    Raises:
        UapsegError: transformers is not installed, there is no such network, it cannot be had, or it gives no logits
            for each pixel.
    """
    name, place = f"hf:{rest}", _place(rest)
    net, processor = _fetched(place, name)
    classes = distinct([net.config.id2label[number] for number in range(net.config.num_labels)])
    mean, std = _statistics(processor)
    model = Segmenter(
        _Logits(net, flipped=bool(getattr(processor, "do_flip_channel_order", False))),
        name=name,
        classes=classes,
        palette=palette_of(classes),
        objects=objects_of(classes),
        pair=pair_of(classes),
        mean=mean,
        std=std,
        source=place if Path(place).is_dir() else f"https://huggingface.co/{rest}",
        licence="see its model card",
        channels_last=False,
    )
    slips.check(model)
    return model


def _place(rest: str) -> str:
    """The folder, or the id."""
    folder = Path(rest).expanduser()
    if folder.is_dir():
        return str(folder)
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", rest):
        raise UapsegError(f"There is no folder {folder}: name a folder with a network of transformers, or an id.")
    return rest


def _fetched(place: str, name: str) -> tuple[Any, Any]:
    """The network and its image processor: from a folder or the hub's cache where they are there, else downloaded."""
    with _told(name):
        try:
            with _quiet():
                return _read(place, name, local_files_only=True)
        except OSError:
            if Path(place).is_dir():
                raise
        _check_connection(place)
        return _read(place, name, local_files_only=False)


def _read(place: str, name: str, *, local_files_only: bool) -> tuple[Any, Any]:
    where: dict[str, Any] = {"local_files_only": local_files_only, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(place, **where)
    if type(config) not in transformers.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING:
        raise UapsegError(
            f"The network {name} is a {config.model_type}, which gives no logits for each pixel (Mask2Former, "
            "MaskFormer and OneFormer give masks of queries instead): choose a SegFormer or an UperNet."
        )
    processor = transformers.AutoImageProcessor.from_pretrained(place, **where)
    net, found = transformers.AutoModelForSemanticSegmentation.from_pretrained(
        place, config=config, weights_only=True, dtype=torch.float32, output_loading_info=True, **where
    )
    absent = [*found["missing_keys"], *found["mismatched_keys"]]
    if absent:
        raise UapsegError(
            f"The network {name} has not been trained for segmentation (its weights lack {absent[0]}): "
            "choose one that has."
        )
    return net, processor


def _check_connection(place: str) -> None:
    """Finds out at once, where the hub's own library would try for half a minute."""
    url = f"{huggingface_hub.constants.ENDPOINT}/{place}/resolve/main/config.json"
    with TemporaryDirectory() as folder:
        try:
            for _ in fetch(Download(url=url, path=Path(folder) / "config.json")):
                pass
        except UnreachableError:
            raise
        except UapsegError:
            pass  # private, or not there: the hub's library knows more


def _statistics(processor: Any) -> tuple[Channels, Channels]:
    """Mean and std in the units of images, whatever the processor multiplies grey levels by."""
    scale = 255 * processor.rescale_factor if processor.do_rescale else 255.0
    mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ((0.0,) * 3, (1.0,) * 3)
    (r, g, b), (red, green, blue) = mean, std
    return (r / scale, g / scale, b / scale), (red / scale, green / scale, blue / scale)


@contextmanager
def _told(name: str) -> Generator[None]:
    """Says what went wrong in one sentence."""
    try:
        yield
    except UnreachableError as error:
        raise UapsegError(
            f"There is no internet and no cached weights for {name}: choose street, or name a folder as hf:FOLDER."
        ) from error
    except UapsegError:
        raise
    except UnpicklingError as error:
        raise UapsegError(
            f"The weights of {name} would run code when they are read: choose a network whose weights are safetensors."
        ) from error
    except Exception as error:  # transformers raises almost anything on a damaged network
        if isinstance(error.__cause__, GatedRepoError):
            raise UapsegError(
                f"The network {name} asks for its terms to be accepted: accept them on its page, then log in with "
                "hf auth login."
            ) from error
        raise UapsegError(f"The network {name} cannot be loaded ({slips.said(error)}).") from error


@contextmanager
def _quiet() -> Generator[None]:
    """Keeps transformers from writing about what it loads; only while it downloads it may."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
