"""Predictions that are computed once: kept on the disk under what they depend on, so that the next start is quick."""

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
"""Bytes that the folder may take; label maps compress well, and this holds those of about 40,000 small pictures."""


def predict_cached(model: Segmenter, images: Images) -> LabelMaps:
    """The same as `Segmenter.predict`, from the disk where this network has seen these images before.

    A file that is damaged or cannot be written costs the time of predicting again, and nothing else. Networks whose
    code is not known (`Segmenter.version` is None) are asked every time.

    Args:
        model: The network, on the device to compute on.
        images: RGB in whole grey levels, in units of [0, 1] (n, 3, h, w).

    Returns:
        The class index of each pixel (n, h, w), uint8, on the device of the images.
    """
    if model.version is None:
        return model.predict(images)
    file = _folder() / f"{_key(model, images)}.npz"
    shape = (len(images), *images.shape[-2:])
    known = _read(file, shape)
    if known is not None:
        return known.to(images.device)
    labels = model.predict(images)
    _write(file, labels)
    return labels


def _folder() -> Path:
    return cache_folder() / "predictions"


def _key(model: Segmenter, images: Images) -> str:
    """What tells predictions from any others: weights and code of the network, how it computes, and the pixels."""
    computing = (torch.__version__, images.device.type, torch.get_num_threads(), model.folded)
    digest = hashlib.blake2b(
        repr((model.fingerprint, model.version, computing, images.shape)).encode(), digest_size=16
    )
    digest.update((images * 255).round().to(torch.uint8).cpu().numpy().tobytes())
    return digest.hexdigest()


def _read(file: Path, shape: tuple[int, ...]) -> LabelMaps | None:
    """The label maps in a file, None where it is missing or damaged."""
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            labels = stored["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    with suppress(OSError):
        file.touch()  # those that were not read for the longest go first
    return torch.as_tensor(labels) if labels.shape == shape and labels.dtype == np.uint8 else None


def _write(file: Path, labels: LabelMaps) -> None:
    """Keeps label maps, if the disk lets them be kept."""
    content = io.BytesIO()
    np.savez_compressed(content, labels=labels.cpu().numpy())
    with suppress(OSError, UapsegError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, content.getvalue())
        _remove_oldest(file.parent)


def _remove_oldest(folder: Path) -> None:
    """Removes the files that were not read for the longest until the rest fits; other processes may do the same."""
    files = [(file.stat().st_mtime, file.stat().st_size, file) for file in folder.glob("*.npz")]
    too_much = sum(size for _, size, _ in files) - LIMIT
    for _, size, file in sorted(files):
        if too_much <= 0:
            return
        file.unlink(missing_ok=True)
        too_much -= size
