"""Every picture that a user may bring, good or bad."""

import io
import struct
import zlib
from contextlib import nullcontext, suppress
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from uapseg.errors import UapsegError
from uapseg.io import images
from uapseg.io.images import decode, encode_png, read_picture, to_images, to_picture, upright_size
from uapseg.targets.drawing import read_mask

RED = (220, 30, 40)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def colours(size: tuple[int, int] = (40, 24)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_pictures_come_back_as_they_were(kind):
    assert np.array_equal(read_picture(saved(colours(), kind)), colours())


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGB"), ("AVIF", "RGB")]
)
def test_lossy_pictures_come_back_nearly_as_they_were(kind, mode):
    flat = Image.new("RGB", (32, 32), RED).convert(mode)
    got = np.asarray(read_picture(saved(flat, kind)), int)
    assert np.abs(got - np.asarray(flat.convert("RGB"), int)).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "RGB"])
def test_any_mode_becomes_rgb(mode):
    picture = read_picture(saved(Image.new("RGB", (20, 20), "white").convert(mode)))
    assert picture.mode == "RGB"
    assert picture.getpixel((5, 5)) == (255, 255, 255)


def test_transparent_parts_lie_on_white():
    picture = Image.new("RGBA", (20, 20), (*RED, 0))
    assert read_picture(saved(picture)).getpixel((3, 3)) == (255, 255, 255)


def test_a_transparent_palette_lies_on_white():
    picture = Image.new("P", (20, 20), 0)
    picture.putpalette([*RED, 0, 0, 0])
    assert read_picture(saved(picture, transparency=0)).getpixel((3, 3)) == (255, 255, 255)


def test_a_mask_keeps_its_transparency():
    assert decode(saved(Image.new("RGBA", (20, 20), (*RED, 7)))).getpixel((0, 0)) == (*RED, 7)


@pytest.mark.parametrize(
    ("kind", "store"), [("PNG", np.uint16), ("TIFF", np.uint16), ("TIFF", ">u2"), ("PPM", np.uint16)]
)
def test_16_bit_grey_is_scaled_by_its_whole_range(kind, store):
    """Scaled by its extremes, a dim picture came back glaring: what was saved was not the picture plus noise."""
    values = np.linspace(0.45 * 65535, 0.55 * 65535, 32 * 32).reshape(32, 32).astype(store)
    got = np.asarray(read_picture(saved(Image.fromarray(values), kind)), int)
    assert (got.min(), got.max()) == (115, 140)
    assert np.abs(got[..., 0] - values / 257.0).max() <= 0.5


@pytest.mark.parametrize(("top", "grey"), [(1.0, 255), (0.5, 128), (102.0, 102), (25700.0, 100)])
def test_real_grey_is_scaled_by_the_range_that_it_is_in(top, grey):
    values = np.linspace(0, top, 32 * 32).reshape(32, 32).astype(np.float32)
    assert abs(int(np.asarray(read_picture(saved(Image.fromarray(values), "TIFF"))).max()) - grey) <= 1


def test_grey_without_a_range_goes_by_its_extremes():
    values = np.linspace(-300, 90_000, 32 * 32).reshape(32, 32).astype(np.int32)
    got = np.asarray(read_picture(saved(Image.fromarray(values), "TIFF")))
    assert (got.min(), got.max()) == (0, 255)


def test_a_wide_mask_keeps_its_numbers():
    values = np.pad(np.ones((4, 4), np.uint16), 10)
    assert np.array_equal(decode(saved(Image.fromarray(values)), wide=True), values)
    assert read_mask(decode(saved(Image.fromarray(values)), wide=True)).sum() == 16


@pytest.mark.parametrize("value", [0.0, 0.3, float("nan"), float("inf")])
def test_wide_grey_of_one_tone_is_still_a_picture(value):
    content = saved(Image.fromarray(np.full((20, 20), value, np.float32)), "TIFF")
    assert read_picture(content).size == (20, 20)


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, "blue")]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.abs(np.subtract(read_picture(content).getpixel((9, 9)), RED)).max() < 8


TURNED = {
    "JPEG": {}, "MPO": {"save_all": True, "append_images": [colours((20, 20))]}, "PNG": {}, "TIFF": {},
    "WEBP": {"lossless": True}, "AVIF": {},
}  # fmt: skip


@pytest.mark.parametrize("kind", TURNED)
@pytest.mark.parametrize(("turn", "size"), [(1, (40, 24)), (3, (40, 24)), (6, (24, 40)), (8, (24, 40))])
def test_a_photo_is_turned_upright(kind, turn, size):
    exif = Image.Exif()
    exif[0x0112] = turn  # how the camera lay
    content = saved(colours((40, 24)), kind, exif=exif, **TURNED[kind])
    assert read_picture(content).size == upright_size(content) == size


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"not a picture at all, whatever it is called", "damaged or of another kind"),
        (saved(colours())[:200], "damaged or of another kind"),
        (saved(colours((200, 200)), "JPEG")[:700], "damaged or of another kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "damaged or of another kind"),
        (bomb(7000, 7000), "more than 40 megapixels"),
        (bomb(11_000, 11_000), "more than 40 megapixels"),
        (bomb(30_000, 30_000), "more than 40 megapixels"),
        (saved(Image.new("RGB", (400, 9))), "at least 16 pixels"),
        (saved(Image.new("L", (33 * 16, 16))), "at most 32 times as long as wide"),
        (saved(Image.new("L", (2900, 2800)), "JPEG2000"), "more than 8 megapixels"),
        (saved(Image.new("L", (40, 40)), "ICO"), "damaged or of another kind"),
    ],
)
def test_a_bad_file_is_one_plain_sentence(content, sentence):
    with pytest.raises(UapsegError, match=sentence) as caught:
        read_picture(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("WEBP", saved(colours((40, 30)), "WEBP")),
        ("AVIF", saved(colours((40, 30)), "AVIF")),
        ("I;16", saved(Image.new("I;16", (40, 30)))),
        ("F", saved(Image.new("F", (40, 30)), "TIFF")),
    ],
)
def test_kinds_that_take_more_memory_are_taken_with_fewer_pixels(kind, content, monkeypatch):
    for most, fits in ((1200, True), (1199, False)):
        monkeypatch.setitem(images._MAX_PIXELS, kind, most)
        with nullcontext() if fits else pytest.raises(UapsegError, match="use a smaller one"):
            decode(content)


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch):
    """A progressive JPEG of many empty scans takes milliseconds for each hundred bytes."""
    large = saved(colours((900, 700)), "JPEG", progressive=True, quality=95)
    assert len(large) > 5 * ImageFile.MAXBLOCK
    clock = iter(range(1000))
    monkeypatch.setattr("uapseg.io.images.time", SimpleNamespace(thread_time=lambda: next(clock)))
    with pytest.raises(UapsegError, match="takes too long to decode"):
        decode(large)
    assert next(clock) < 10


def test_a_large_picture_is_not_copied(monkeypatch):
    """Forty megapixels are 160 MB in memory."""
    content = saved(colours())
    for name in ("copy", "convert"):
        monkeypatch.setattr(Image.Image, name, lambda *_: pytest.fail("copied"))
    assert np.array_equal(read_picture(content), colours())


def test_a_file_is_named_in_the_sentence_but_not_its_folder(tmp_path):
    (tmp_path / "notes.png").write_text("hello")
    with pytest.raises(UapsegError, match=r"The picture notes\.png could not"):
        read_picture(tmp_path / "notes.png")


def test_a_missing_file_is_one_plain_sentence(tmp_path):
    with pytest.raises(UapsegError, match="There is no file"):
        read_picture(tmp_path / "nothing.png")
    with pytest.raises(UapsegError, match="cannot be opened"):
        read_picture(tmp_path)


@settings(max_examples=150)
@given(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP"]), st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(kind, data):
    content = bytearray(saved(Image.new("RGB", (24, 24), RED), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UapsegError):
        assert read_picture(bytes(content)).mode == "RGB"


def test_pictures_and_images_are_the_same_thing():
    images = to_images(colours())
    assert images.shape == (1, 3, 24, 40)
    assert images.dtype == torch.float32
    assert np.array_equal(to_picture(images[0]), colours())


def test_values_are_rounded_never_cut_down():
    """Peers floor: what they save is half a grey level darker than what they scored."""
    image = torch.tensor([9.6, 10.4, 300.0, -4.0]).div(255).expand(3, 2, 4)
    assert np.asarray(to_picture(image))[0, :, 0].tolist() == [10, 10, 255, 0]


def test_what_is_encoded_is_read_back():
    assert np.array_equal(decode(encode_png(colours())), colours())
