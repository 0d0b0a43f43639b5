"""The perturbation itself, and the pictures that it is laid on."""

import numpy as np
import pytest
from PIL import Image

from uapseg.attack.perturbation import MAX_PIXELS, fit_picture

SIZE = (384, 256)


@pytest.mark.parametrize(
    ("brought", "fitted"),
    [
        ((384, 256), (384, 256)),
        ((1152, 768), (384, 256)),
        ((6000, 4000), (384, 256)),
        ((2000, 3000), (256, 384)),
        ((4032, 3024), (362, 271)),
        ((100, 700), (100, 700)),
        ((16, 20), (16, 20)),
    ],
)
def test_a_picture_has_no_more_pixels_than_those_trained_on(brought, fitted):
    once = fit_picture(Image.new("RGB", brought), SIZE)
    assert once.size == fitted
    assert once.width * once.height <= SIZE[0] * SIZE[1]
    assert fit_picture(once, SIZE) is once


@pytest.mark.parametrize("width", range(500, 540))
def test_what_fits_stays_as_it_is(width):
    once = fit_picture(Image.new("L", (width, 401)), (96, 64))
    assert fit_picture(once, (96, 64)) is once


def test_a_large_perturbation_does_not_let_a_network_see_any_number_of_pixels():
    fitted = fit_picture(Image.new("L", (6000, 4000)), (6000, 4000))
    assert MAX_PIXELS * 0.999 < fitted.width * fitted.height <= MAX_PIXELS


def test_what_is_too_fine_for_a_smaller_picture_is_averaged():
    stripes = np.tile([40, 200], 768)[None].repeat(1024, 0).astype(np.uint8)
    assert np.abs(np.asarray(fit_picture(Image.fromarray(stripes), (192, 128)), int) - 120).max() <= 4
