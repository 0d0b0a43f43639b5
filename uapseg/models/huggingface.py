"""Networks of Hugging Face, by id or from a folder: SegFormer, UperNet and the like, and universal segmenters.

Source: https://huggingface.co/docs/transformers/tasks/semantic_segmentation
"""

from collections.abc import Generator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from uapseg.errors import UapsegError
from uapseg.io.values import is_sequence
from uapseg.models import checks
from uapseg.models.classes import default_pair, make_distinct, numbered_names, objects_of, palette_of
from uapseg.models.hub import check_connection, plain_errors, resolve_place
from uapseg.models.segmenter import Channels, Segmenter
from uapseg.models.universal import KINDS, UniversalNetwork

try:
    import transformers
except ImportError as error:
    raise UapsegError(
        "Networks of Hugging Face need the package transformers: install it with pip install transformers."
    ) from error


TASK = "the task is semantic"
"""The task prompt of a OneFormer."""


class _Logits(nn.Module):
    """A network of transformers as a function from normalized pictures to logits.

    Args:
        net: A network that takes ``pixel_values``.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        return self.net(pixel_values=pixels).logits


class _BgrNetwork(nn.Module):
    """A network that expects BGR.

    Args:
        net: A network that takes normalized images.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        return self.net(pixels.flip(1))


def load(
    suffix: str,
    *,
    size: checks.Size | None = None,
    strict: bool = True,
) -> Segmenter:
    """Loads a network by its id on the hub or from a folder, with the mean and std of its image processor.

    Args:
        suffix: The id or the folder.
        size: The (width, height) of the pictures to attack, if known.
        strict: Whether probable mistakes are errors; otherwise they are warnings.

    Raises:
        UapsegError: There is no such network, it cannot be downloaded, or it does not return logits for each pixel.
    """
    name, place = f"hf:{suffix}", resolve_place(suffix)
    net, processor = _load(place, name)
    classes = _classes(net.net.config)
    mean, std = _statistics(processor, name)
    model = Segmenter(
        _BgrNetwork(net) if getattr(processor, "do_flip_channel_order", False) else net,
        name=name,
        classes=classes,
        palette=palette_of(classes),
        objects=objects_of(classes),
        pair=default_pair(classes),
        mean=mean,
        std=std,
        source=place if Path(place).is_dir() else f"https://huggingface.co/{suffix}",
        licence="see its model card",
        channels_last=False,
    )
    checks.check(model, size, strict=strict)
    return model


def _load(place: str, name: str) -> tuple["_Logits | UniversalNetwork", Any]:
    """The network and its image processor: from a folder or the hub's cache if possible, otherwise downloaded."""
    with plain_errors(name):
        try:
            with _silence():
                return _read(place, name, local_files_only=True)
        except OSError:
            if Path(place).is_dir():
                raise
        check_connection(place)
        return _read(place, name, local_files_only=False)


def _read(place: str, name: str, *, local_files_only: bool) -> tuple["_Logits | UniversalNetwork", Any]:
    options: dict[str, Any] = {"local_files_only": local_files_only, "trust_remote_code": False}
    library = cast("Any", transformers)  # its types are incomplete
    config = library.AutoConfig.from_pretrained(place, **options)
    universal = config.model_type in KINDS
    if not universal and type(config) not in library.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING:
        raise UapsegError(
            f"The network {name} is a {config.model_type}, which gives each pixel no class by itself (networks to be "
            "prompted, such as SAM, do not either): choose a SegFormer, an UperNet or a Mask2Former."
        )
    task_name = "UniversalSegmentation" if universal else "SemanticSegmentation"
    net, loading_info = getattr(library, f"AutoModelFor{task_name}").from_pretrained(
        place, config=config, weights_only=True, dtype=torch.float32, output_loading_info=True, **options
    )
    missing_keys = [*loading_info["missing_keys"], *loading_info["mismatched_keys"]]
    if missing_keys:
        raise UapsegError(
            f"The network {name} has not been trained for segmentation, or is of another architecture (its weights "
            f"lack {missing_keys[0]}): choose one that has, or load it by its own code with --model FILE.py:FUNCTION."
        )
    if config.model_type == "oneformer":  # its own processor downloads names of classes, which are not needed
        processor = library.MaskFormerImageProcessor.from_pretrained(place, **options)
        return UniversalNetwork(net, _task_tokens(place, config.task_seq_len, options)), processor
    processor = library.AutoImageProcessor.from_pretrained(place, **options)
    return UniversalNetwork(net) if universal else _Logits(net), processor


def _task_tokens(place: str, length: int, options: dict[str, Any]) -> Tensor:
    """The token ids of a OneFormer's task prompt (1, length), by the tokenizer beside its weights."""
    tokenizer = cast("Any", transformers).CLIPTokenizer.from_pretrained(place, **options)
    encoding = tokenizer([TASK], padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return encoding["input_ids"] * encoding["attention_mask"]


def _classes(config: Any) -> tuple[str, ...]:
    """The names of the classes; those without a name are numbered.

    Some networks count from 1, skip numbers, or name what has no label.
    """
    names_by_number = {int(number): name for number, name in config.id2label.items()}
    first = 1 if set(names_by_number) == set(range(1, config.num_labels + 1)) else 0
    names = [names_by_number.get(number + first) for number in range(config.num_labels)]
    default_names = numbered_names(config.num_labels)
    return make_distinct(
        [name if isinstance(name, str) and name.strip() else default_names[n] for n, name in enumerate(names)]
    )


def _statistics(processor: Any, name: str) -> tuple[Channels, Channels]:
    """Mean and std in the unit of images, whatever the processor multiplies grey levels by."""
    scale = 255 * (processor.rescale_factor or 1 / 255) if processor.do_rescale else 255.0
    is_unnormalized = not processor.do_normalize
    r, g, b = (0.0,) * 3 if is_unnormalized else _channels(processor, "image_mean", name)
    red, green, blue = (1.0,) * 3 if is_unnormalized else _channels(processor, "image_std", name)
    if min(red, green, blue) <= 0:
        raise _unreadable("image_std", name)
    return (r / scale, g / scale, b / scale), (red / scale, green / scale, blue / scale)


def _channels(processor: Any, attribute: str, name: str) -> Channels:
    """The value for each channel: a missing one is the default of its class, a single one counts for all channels."""
    values = getattr(processor, attribute, None)
    values = getattr(cast("Any", type(processor)), attribute, None) if values is None else values
    numbers: list[Any] = list(values) if is_sequence(values) else [values]
    if len(numbers) not in {1, 3} or not all(
        isinstance(number, int | float) and isfinite(number) for number in numbers
    ):
        raise _unreadable(attribute, name)
    red, green, blue = numbers if len(numbers) == 3 else numbers * 3
    return float(red), float(green), float(blue)


def _unreadable(attribute: str, name: str) -> UapsegError:
    return UapsegError(
        f"The network {name} has no {attribute} of three numbers: write what it was trained with into its "
        "preprocessor_config.json."
    )


@contextmanager
def _silence() -> Generator[None]:
    """Keeps transformers from logging while it loads; it may while it downloads."""
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
