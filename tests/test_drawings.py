"""Static targets from what people bring: words that can be read, masks of any mode."""

import numpy as np
import pytest
from PIL import Image

from uapseg.drawings import read_mask, written
from uapseg.errors import UapsegError

SIZE = (48, 32)


@pytest.mark.parametrize("word", ["", "   ", "a" * 25])
def test_a_word_must_be_readable(word):
    with pytest.raises(UapsegError, match="1 to 24 letters"):
        written(word, "car", "sky", SIZE)


def disc(background: int, ink: int, mode: str) -> Image.Image:
    picture = np.full((30, 40), background, np.uint8)
    picture[10:20, 10:30] = ink
    return Image.fromarray(picture).convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I", "F", "LA", "CMYK"])
@pytest.mark.parametrize(("background", "ink"), [(255, 0), (0, 255)])
def test_drawn_is_what_differs_from_the_border_in_any_mode(mode, background, ink):
    mask = read_mask(disc(background, ink, mode))
    assert mask.shape == (30, 40)
    assert mask[15, 20]
    assert mask.sum() == 200
    assert read_mask(disc(background, ink, mode), invert=True).sum() == 30 * 40 - 200


def test_alpha_decides_where_there_is_any():
    picture = Image.new("RGBA", (40, 30), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 255), (10, 10, 30, 20))
    assert read_mask(picture).sum() == 200


def test_a_mask_of_one_tone_is_refused():
    with pytest.raises(UapsegError, match="one tone"):
        read_mask(Image.new("RGB", (20, 20), "white"))
