"""The command apply: one result for each picture, of one size rule, under a name of its own."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.test_cli import document, told
from uapseg.attack.perturbation import MAX_PIXELS, fit_picture
from uapseg.cli import main
from uapseg.io.images import to_images
from uapseg.models import load_model
from uapseg.results.perturbation_file import load


@pytest.fixture
def noise(tmp_path) -> Path:
    """Random signs of three grey levels, of 48 x 32, in a file that says nothing else."""
    file = tmp_path / "noise.npy"
    np.save(file, 3 * np.random.default_rng(0).choice([-1, 1], (3, 32, 48)).astype(np.int16))
    return file


def grey(file: Path, shade: int = 100, size: tuple[int, int] = (48, 32)) -> Path:
    """A picture of one grey; the noise shows which of several it was laid on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade, shade)).save(file)
    return file


def applied(capsys, noise: Path, *pictures: Path, out: Path, more: tuple[str, ...] = ()) -> list[dict]:
    words = ("apply", noise, *pictures, "--model", "street", "--out", out, *more)
    return document(capsys, *words)["pictures"]


def shade(file: str | Path) -> int:
    """The grey under the noise."""
    return round(np.asarray(Image.open(file)).mean())


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1152, 768), (3072, 2048), (2000, 3000)])
def test_a_large_picture_is_made_to_fit_and_what_is_written_is_what_was_measured(capsys, noise, tmp_path, size):
    blobs = np.random.default_rng(1).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC).save(tmp_path / "large.png")
    (done,) = applied(capsys, noise, tmp_path / "large.png", out=tmp_path / "out")
    given, after = fit_picture(Image.open(tmp_path / "large.png"), (384, 256)), Image.open(done["perturbed"])
    assert (done["size"], done["from_size"]) == (list(given.size), list(size))
    tiled = np.tile(load(noise).levels.numpy().transpose(1, 2, 0), (12, 8, 1))[: given.height, : given.width]
    np.testing.assert_array_equal(np.asarray(after), np.clip(np.asarray(given).astype(int) + tiled, 0, 255))
    assert Image.open(done["seen"]).size == after.size == given.size
    clean, perturbed = load_model("street").predict(torch.cat([to_images(given), to_images(after)]))
    assert done["changed"] == pytest.approx((clean != perturbed).float().mean().item(), abs=1e-6)
    assert main(["apply", str(noise), str(tmp_path / "large.png"), "--model", "street", "--out", str(tmp_path)]) == 0
    assert f"scaled down from {size[0]}x{size[1]} to fit" in capsys.readouterr().out


@pytest.mark.slow
def test_a_perturbation_as_large_as_a_photo_does_not_fill_the_memory(capsys, tmp_path):
    np.save(tmp_path / "large.npy", np.ones((3, 2000, 3000), np.int8))
    grey(tmp_path / "photo.png", size=(3000, 2000))
    (done,) = applied(capsys, tmp_path / "large.npy", tmp_path / "photo.png", out=tmp_path / "out")
    assert MAX_PIXELS * 0.99 < np.prod(done["size"]) <= MAX_PIXELS
    assert (np.asarray(Image.open(done["perturbed"])) == 101).all()


def test_no_result_is_written_over_another(capsys, noise, tmp_path):
    names = ("a/photo.png", "b/photo.png", "a/photo-2.png", "a/Photo.jpg", "b/photo-2.png", "c/photo.bmp")
    pictures = [grey(tmp_path / name, 40 + 10 * number) for number, name in enumerate(names)]
    done = applied(capsys, noise, *pictures, pictures[0], out=tmp_path / "out")
    assert [shade(one["perturbed"]) for one in done] == [40, 50, 60, 70, 80, 90, 40]
    files = [one[kind] for one in done for kind in ("perturbed", "seen")]
    assert len({file.lower() for file in files}) == len(list((tmp_path / "out").iterdir())) == 14


def test_nothing_that_is_read_is_written_over(capsys, noise, tmp_path):
    first, second = grey(tmp_path / "photo.png", 50), grey(tmp_path / "photo.perturbed.png", 150)
    third = noise.rename(tmp_path / "other.perturbed.png")
    pictures = (first, second, grey(tmp_path / "a" / "other.png", 200))
    done = applied(capsys, third, *pictures, out=tmp_path, more=("--overwrite",))
    assert [shade(one["perturbed"]) for one in done] == [50, 150, 200]
    assert (np.asarray(Image.open(second)) == 150).all()
    assert load(third).levels.shape == (3, 32, 48)


@pytest.mark.skipif(sys.platform == "win32", reason="names are counted otherwise there")
@pytest.mark.parametrize("stem", ["x" * 251, "x" * 245, "水泳の授業で溺れた生徒" * 7, "é" * 125, "a" + "水" * 83])
def test_a_long_name_is_shortened_at_a_letter(capsys, noise, tmp_path, stem):
    pictures = [grey(tmp_path / place / f"{stem}.png", 40 + 10 * number) for number, place in enumerate("abc")]
    done = applied(capsys, noise, *pictures, out=tmp_path / "out")
    assert [shade(one["perturbed"]) for one in done] == [40, 50, 60]
    names = [Path(one["perturbed"]).name.removesuffix(".perturbed.png") for one in done]
    assert stem.startswith(names[0])
    assert len(names[0]) >= min(len(stem), (255 - len(".perturbed.png")) // len(stem[-1].encode()))
    assert [Path(one["seen"]).name.removesuffix(".seen.png") for one in done] == names
    for number in (2, 3):
        assert stem.startswith(names[number - 1].removesuffix(f"-{number}"))


def test_a_damaged_picture_is_named_and_the_others_are_written(capsys, noise, tmp_path):
    good, bad = [grey(tmp_path / f"{name}.png") for name in "ab"], tmp_path / "bad.png"
    bad.write_bytes(good[0].read_bytes()[:60])
    words = ("apply", noise, good[0], bad, tmp_path / "gone.png", good[1], "--model", "street")
    assert main([*map(str, words), "--out", str(tmp_path / "out")]) == 2
    out, sentences = capsys.readouterr()
    assert [line.partition(".perturbed")[0] for line in out.splitlines()] == [str(tmp_path / "out" / n) for n in "ab"]
    first, second, last = sentences.splitlines()[-3:]
    assert first.startswith("The picture bad.png could not be read")
    assert second == f"There is no file {tmp_path / 'gone.png'}."
    assert last == "2 of 4 pictures could not be read; the others are written."
    assert "bad.png could not be read" in told(capsys, "apply", noise, bad, "--model", "street", "--out", tmp_path)


def test_a_name_that_the_terminal_cannot_show_is_no_mistake(noise, tmp_path, monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    words = ("apply", noise, grey(tmp_path / "水.png"), "--model", "street", "--out", tmp_path / "out")
    assert main(list(map(str, words))) == 0
    assert b"\\u6c34.perturbed.png: the prediction changes" in terminal.buffer.getvalue()
