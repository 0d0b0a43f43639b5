"""Small pictures of soft blobs: a network sees something in them, and sees it fast."""

from pathlib import Path

import numpy as np
from PIL import Image


def photos_in(root: Path) -> str:
    """Draws 8 pictures to learn from, 2 that choose and 3 to report on, of 96x64, and gives the dataset's name."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 2), ("test", 3)):
        folder = root / "images" / split
        folder.mkdir(parents=True)
        for number in range(count):
            blobs = Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).resize(
                (96, 64), Image.Resampling.BICUBIC
            )
            blobs.save(folder / f"{number}.png")
    return f"camvid:{root}"
