"""Static targets from what people bring: words that can be read, masks of any mode."""

import numpy as np
import pytest
from PIL import Image, ImageFont

from uapseg.errors import UapsegError
from uapseg.targets.drawing import load_typeface, read_mask, text_target

SIZE = (48, 32)


def letters(text: str, size: tuple[int, int] = (192, 128)) -> np.ndarray:
    """Where a word is drawn."""
    return text_target(text, "car", "sky", size).label_map() == 0


@pytest.mark.parametrize("word", ["", "   ", "a" * 25, "\u200b", "\u2800", "\xad" * 3])
def test_a_word_must_be_readable(word):
    with pytest.raises(UapsegError, match="1 to 24 letters"):
        text_target(word, "car", "sky", SIZE)


@pytest.mark.parametrize(
    "words", ["eéèêö", "βδλω", "жбдщ", "אבגד", "ßçñøłžąőğ", ["café", "cafe", "cafà"], ["Ωμέγα", "Ωμεγα"]]
)
def test_each_letter_has_its_own_shape(words):
    drawn = [letters(word).tobytes() for word in words]
    assert len(set(drawn)) == len(words)


def test_a_letter_of_another_alphabet_does_not_change_those_of_the_first():
    assert letters("foo").tobytes() == letters("\ufefffoo\u200b").tobytes()
    font = ImageFont.load_default(100)
    assert load_typeface("foo", 100).getbbox("foo") == font.getbbox("foo") != load_typeface("é", 100).getbbox("foo")


def test_an_accent_is_part_of_its_letter():
    composed, apart = (text_target(word, "car", "sky", SIZE) for word in ("caf\xe9", "cafe\u0301"))
    assert composed == apart
    assert composed.caption == "caf\xe9"


def test_hebrew_stands_from_right_to_left():
    word = letters("לםםם")
    first_row = np.flatnonzero(word.any(axis=1))[0]  # lamed, the first letter, is the tallest of all
    assert np.flatnonzero(word[first_row]).min() > word.shape[1] / 2


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("水", "no letter 水 \\(CJK UNIFIED IDEOGRAPH-6C34\\): write"),
        ("foo क", "no letter क \\(DEVANAGARI LETTER KA\\)"),
        ("a\x07", "no letter U\\+0007"),
        ("\udce9", "no letter U\\+DCE9"),
        ("سلام", "plain Hebrew letters"),
        ("שa", "plain Hebrew letters"),
    ],
)
def test_a_letter_that_cannot_be_drawn_is_refused_by_name(word, sentence):
    with pytest.raises(UapsegError, match=sentence):
        text_target(word, "car", "sky", SIZE)


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
    with pytest.raises(UapsegError, match="a single tone"):
        read_mask(Image.new("RGB", (20, 20), "white"))
