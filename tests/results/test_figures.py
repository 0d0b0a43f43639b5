"""Tensors to pictures."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from uapseg.results.figures import Row, amplify, colorize, draw_figure, overlay, picture, plain

PALETTE = ((10, 20, 30), (200, 100, 50))


def half() -> torch.Tensor:
    labels = torch.zeros(8, 12, dtype=torch.uint8)
    labels[:, 6:] = 1
    return labels


def test_label_maps_take_the_colours_of_their_classes():
    colours = colorize(half(), PALETTE)
    assert colours[0, 0].tolist() == [10, 20, 30]
    assert colours[0, 11].tolist() == [200, 100, 50]


def test_a_pixel_of_no_class_is_grey():
    assert (colorize(torch.full((2, 2), 255, dtype=torch.uint8), PALETTE) == 128).all()


def test_an_overlay_of_full_opacity_is_the_label_map_but_for_its_lines(monkeypatch):
    monkeypatch.setattr("uapseg.results.figures.OPACITY", 1.0)
    laid = overlay(torch.rand(3, 8, 12), half(), PALETTE)
    away = np.ones((8, 12), bool)
    away[:, 5] = False
    assert np.array_equal(laid[away], colorize(half(), PALETTE)[away])
    assert (laid[:, 5] > colorize(half(), PALETTE)[:, 5]).all()


def test_an_overlay_shows_the_picture_beneath():
    dark, light = (overlay(torch.full((3, 8, 12), shade), half(), PALETTE) for shade in (0.0, 1.0))
    assert (light[0, 0] > dark[0, 0]).all()


@pytest.mark.parametrize("levels", [1, 8, 10, 127])
def test_amplified_reaches_black_and_white_at_epsilon(levels):
    epsilon = levels / 255
    delta = torch.tensor([-epsilon, 0.0, epsilon]).expand(3, 2, 3)
    assert amplify(delta, epsilon)[0, :, 0].tolist() == [0, 128, 255]


def test_amplified_grows_by_the_stated_factor():
    delta = torch.tensor([-4.0, 0.0, 6.0]).div(255).expand(3, 2, 3)
    values = amplify(delta, 10 / 255)[0, :, 0].astype(float)
    assert values == pytest.approx([127.5 - 4 * 12.75, 127.5, 127.5 + 6 * 12.75], abs=0.5)


def test_no_perturbation_is_grey_all_over():
    assert (amplify(torch.zeros(3, 4, 4), 0.0) == 128).all()


def test_a_plain_perturbation_is_what_its_png_holds():
    delta = torch.tensor([-10.0, 0.0, 3.0]).div(255).expand(3, 2, 3)
    assert plain(delta)[0, :, 0].tolist() == [118, 128, 131]


def test_pictures_are_rounded():
    assert (picture(torch.full((3, 2, 2), 9.6 / 255)) == 10).all()


def table(rows: int, kind: str) -> bytes:
    row = Row(torch.rand(3, 8, 12), half(), torch.rand(3, 8, 12), half())
    delta = torch.full((3, 5, 7), 10 / 255)
    return draw_figure(
        [row] * rows, delta, 10 / 255, ("sky", "road", "never"), (*PALETTE, (0, 0, 0)), title="foo", kind=kind
    )


def test_the_perturbation_is_drawn_once(monkeypatch):
    drawn = []
    monkeypatch.setattr("uapseg.results.figures.amplify", lambda *values: drawn.append(1) or amplify(*values))
    for rows in (1, 2, 4):
        table(rows, "png")
    assert len(drawn) == 3


def test_the_table_has_a_line_for_each_picture():
    one, three = (Image.open(io.BytesIO(table(rows, "png"))) for rows in (1, 3))
    assert one.width > three.width  # with the perturbation beside its amplification, not above
    assert three.height > one.height + 100


@pytest.mark.parametrize("name", ["$x^$", "$\\frac$", "a_$b", "<b>", "{}"])
def test_a_name_in_the_table_is_text_and_no_formula(name: str):
    row = Row(torch.rand(3, 8, 12), half(), torch.rand(3, 8, 12), half())
    made = draw_figure([row], torch.zeros(3, 8, 12), 10 / 255, (name, "$y$"), PALETTE, title=f"“{name}”")
    assert Image.open(io.BytesIO(made)).width > 1500


def test_the_table_can_be_a_pdf():
    assert table(1, "pdf").startswith(b"%PDF")


def test_the_table_is_the_same_every_time():
    torch.manual_seed(0)
    first = table(1, "png")
    torch.manual_seed(0)
    assert table(1, "png") == first
