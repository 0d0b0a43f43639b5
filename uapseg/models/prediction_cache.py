"""Predictions on clean pictures, cached on disk so that the next start is quick."""

import hashlib
import io
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from uapseg.errors import UapsegError
from uapseg.io.download import cache_folder
from uapseg.io.files import write
from uapseg.models.segmenter import Segmenter
from uapseg.tensors import Images, LabelMaps

LIMIT = 128 << 20
"""The size limit of the cache in bytes; compressed, that is about 40,000 small label maps."""


def predict_cached(model: Segmenter, images: Images) -> LabelMaps:
    """Predicts as `Segmenter.predict` does, from the disk if this network has seen these images before.

    A file that is damaged or cannot be written costs the time of another prediction, and nothing else. Networks whose
    code may change (`Segmenter.version` is None) are not cached.

    Args:
        model: The network, on the device to compute on.
        images: RGB in [0, 1], in whole grey levels (n, 3, h, w).

    Returns:
        The class index of each pixel (n, h, w), uint8, on the device of the images.

    Example:
        >>> from uapseg.models import load_model
        >>> predict_cached(load_model("street:small"), torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 64, 96])
    """
    if model.version is None:
        return model.predict(images)
    file = _folder() / f"{_key(model, images)}.npz"
    shape = (len(images), *images.shape[-2:])
    cached_labels = _read(file, shape)
    if cached_labels is not None:
        return cached_labels.to(images.device)
    labels = model.predict(images)
    _write(file, labels)
    return labels


def _folder() -> Path:
    return cache_folder() / "predictions"


def _key(model: Segmenter, images: Images) -> str:
    """A hash of all that predictions depend on: weights and code of the network, how it computes, and the pixels."""
    environment = (torch.__version__, images.device.type, torch.get_num_threads(), model.folded)
    digest = hashlib.blake2b(
        repr((model.fingerprint, model.version, environment, images.shape)).encode(), digest_size=16
    )
    digest.update((images * 255).round().to(torch.uint8).cpu().numpy().tobytes())
    return digest.hexdigest()


def _read(file: Path, shape: tuple[int, ...]) -> LabelMaps | None:
    """The label maps in a file; None if it is missing or damaged."""
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            labels = arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    with suppress(OSError):
        file.touch()  # those that were not read for the longest go first
    return torch.as_tensor(labels) if labels.shape == shape and labels.dtype == np.uint8 else None


def _write(file: Path, labels: LabelMaps) -> None:
    """Stores label maps if the disk allows it."""
    content = io.BytesIO()
    np.savez_compressed(content, labels=labels.cpu().numpy())
    with suppress(OSError, UapsegError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, content.getvalue())
        _remove_oldest(file.parent)


def _remove_oldest(folder: Path) -> None:
    """Removes the least recently used files until the rest fits; other processes may do the same."""
    files = [(file.stat().st_mtime, file.stat().st_size, file) for file in folder.glob("*.npz")]
    excess_bytes = sum(size for _, size, _ in files) - LIMIT
    for _, size, file in sorted(files):
        if excess_bytes <= 0:
            return
        file.unlink(missing_ok=True)
        excess_bytes -= size
