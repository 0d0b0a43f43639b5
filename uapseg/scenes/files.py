"""Rendered scenes on the disk, so that each is rendered once on a machine."""

import secrets
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uapseg.scenes import SIZE, render

Pixels = NDArray[np.uint8]

SHAPE = (SIZE[1], SIZE[0], 4)
"""Picture (RGB) and labels of a scene as one array (h, w, 4)."""

MAX_STORED = 4096
"""Scenes of a split that are stored, 200 KB each: those of the default run. Further ones are rendered each time."""


def read_scene(folder: Path, number: int) -> Pixels | None:
    """A stored scene (h, w, 4); None where there is none, or its file is damaged.

    Example:
        >>> read_scene(Path("no-folder"), 0) is None
        True
    """
    with suppress(OSError, ValueError, SyntaxError), Image.open(_file(folder, number)) as picture:
        scene = np.asarray(picture)
        return scene if scene.shape == SHAPE else None
    return None


def is_stored(folder: Path, number: int) -> bool:
    """Whether there is a file of a scene, whole or damaged.

    Example:
        >>> is_stored(Path("no-folder"), 0)
        False
    """
    return _file(folder, number).exists()


def render_scene(folder: Path, split: str, number: int) -> Pixels:
    """Renders a scene (h, w, 4) and stores it; a full or read-only disk costs time, not the run.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     scene = render_scene(Path(folder), "val", 2)
        ...     bool((read_scene(Path(folder), 2) == scene).all())
        True
    """
    rendering = render(split, number)
    scene = np.dstack([rendering.picture, rendering.labels])
    if number < MAX_STORED:
        with suppress(OSError):
            _store(_file(folder, number), scene)
    return scene


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}.png"


def _store(file: Path, scene: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")  # another process may render the same scene
    try:
        Image.fromarray(scene, "RGBA").save(part, "PNG", compress_level=1)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
