"""What is written is read back, and nothing else is."""

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import safe_open
from safetensors.torch import save_file

from uapseg.attack.run import Plan
from uapseg.attack.settings import fast, paper
from uapseg.errors import UapsegError
from uapseg.io.files import write
from uapseg.results.perturbation_file import (
    DEFAULT_SIZE,
    MAX_SPENT,
    MAX_TEXT,
    Perturbation,
    load,
    save_png,
    save_safetensors,
)
from uapseg.targets import HideClasses
from uapseg.targets.drawing import text_target

SAVE = {"png": save_png, "safetensors": save_safetensors}
KINDS = pytest.mark.parametrize("kind", SAVE)
TARGETS = (
    text_target("façade ☂", "Car", None, (40, 30)),
    text_target("foo", "Car", "Building", (40, 30)),
    HideClasses(classes=("Car", "Pedestrian"), fill="Road"),
    HideClasses(classes=("Car",)),
)


def plan(target=TARGETS[1], epsilon=10.0, **options) -> Plan:
    return Plan(
        model="street", data="street", target=target, settings=fast(epsilon=epsilon / 255, budget=24, **options)
    )


def noise(epsilon=10, size=(40, 30)) -> torch.Tensor:
    values = np.random.default_rng(0).integers(-epsilon, epsilon + 1, (3, size[1], size[0]))
    return torch.from_numpy(values.astype(np.int16))


@KINDS
@pytest.mark.parametrize("target", TARGETS)
def test_levels_and_plan_come_back_as_they_were(kind, target, tmp_path):
    made = Perturbation(noise(), plan(target, tile=(40, 30)), {"hidden": 0.5, "kept": None}, 24, 1.25)
    SAVE[kind](tmp_path / "noise", made)
    got = load(tmp_path / "noise")
    assert torch.equal(got.levels, made.levels)
    assert got.levels.dtype == torch.int16
    assert (got.plan, got.scores, got.image_gradients, got.seconds) == (made.plan, made.scores, 24, 1.25)


@settings(max_examples=25)
@given(st.integers(1, 127), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_every_level_comes_back(tmp_path_factory, epsilon, width, height, seed):
    values = np.random.default_rng(seed).integers(-epsilon, epsilon + 1, (3, height, width)).astype(np.int16)
    made = Perturbation(torch.from_numpy(values))
    folder = tmp_path_factory.mktemp("levels")
    for kind, save in SAVE.items():
        save(folder / kind, made)
        assert torch.equal(load(folder / kind).levels, made.levels)


def test_it_knows_the_size_of_the_pictures_that_it_was_trained_on():
    large = replace(plan(tile=(40, 30)), size=(1024, 512))
    assert Perturbation(noise(), plan()).picture_size == (40, 30)
    assert Perturbation(noise(), plan(tile=(40, 30))).picture_size == DEFAULT_SIZE
    assert Perturbation(noise(), large).picture_size == (1024, 512)
    assert Perturbation(noise()).picture_size == DEFAULT_SIZE
    assert Perturbation(noise(size=(512, 300))).picture_size == (512, 300)


@KINDS
def test_a_file_without_a_plan_has_none(kind, tmp_path):
    SAVE[kind](tmp_path / "noise", Perturbation(noise()))
    assert load(tmp_path / "noise").plan is None


def test_a_bare_picture_is_a_perturbation_without_a_plan(tmp_path):
    Image.new("RGB", (8, 6), (128, 130, 126)).save(tmp_path / "bare.png")
    got = load(tmp_path / "bare.png")
    assert got.plan is None
    assert got.levels[:, 0, 0].tolist() == [0, 2, -2]
    assert got.epsilon == pytest.approx(2 / 255)


def test_the_png_is_an_rgb_picture_of_128_plus_level(tmp_path):
    save_png(tmp_path / "noise.png", Perturbation(noise(), plan()))
    with Image.open(tmp_path / "noise.png") as opened:
        assert opened.mode == "RGB"
        values = np.asarray(opened, np.int16)
        text = json.loads(opened.info["uapseg"])
    assert np.array_equal(values.transpose(2, 0, 1) - 128, noise().numpy())
    assert text["format"] == 1
    assert text["plan"]["model"] == "street"


def test_the_safetensors_file_holds_one_tensor_and_the_same_text(tmp_path):
    save_png(tmp_path / "noise.png", Perturbation(noise(), plan()))
    save_safetensors(tmp_path / "noise.safetensors", Perturbation(noise(), plan()))
    with safe_open(tmp_path / "noise.safetensors", "pt") as stored, Image.open(tmp_path / "noise.png") as png:
        assert list(stored.keys()) == ["levels"]
        assert stored.metadata() == {"uapseg": png.info["uapseg"]}


def test_the_delta_is_in_the_units_of_images():
    assert Perturbation(noise()).delta.abs().max() == pytest.approx(10 / 255)
    assert Perturbation(noise(3), plan()).epsilon == pytest.approx(10 / 255)


@KINDS
def test_the_norm_of_a_plan_says_what_may_not_be_beyond_epsilon(kind, tmp_path):
    uneven = torch.zeros(3, 30, 40, dtype=torch.int16)
    uneven[:, 0] = 54  # a root mean square of 9.9
    made = Perturbation(uneven, plan(norm="l2"))
    SAVE[kind](tmp_path / "noise", made)
    got = load(tmp_path / "noise")
    assert (got.ball.norm, got.epsilon) == ("l2", 10 / 255)
    with pytest.raises(UapsegError, match="by up to 54 grey levels, more than the epsilon of 10"):
        Perturbation(uneven, plan())
    with pytest.raises(UapsegError, match=r"by a root mean square of 10\.04 grey levels, more than the epsilon of 10"):
        Perturbation(uneven * 55 // 54, plan(norm="l2"))


def test_without_a_plan_the_bound_is_as_large_as_the_perturbation_in_its_norm():
    levels = noise(10)
    assert Perturbation(levels).epsilon == pytest.approx(10 / 255)
    assert Perturbation(levels, norm="l2").epsilon == pytest.approx(
        levels.double().square().mean().sqrt().item() / 255
    )


@KINDS
def test_levels_beyond_epsilon_are_refused(kind, tmp_path):
    SAVE[kind](tmp_path / "noise", Perturbation(noise(10), plan()))
    altered = (tmp_path / "noise").read_bytes()
    if kind == "png":
        content = Image.new("RGB", (40, 30), (139, 128, 128))
        with Image.open(io.BytesIO(altered)) as opened:
            text = PngInfo()
            text.add_text("uapseg", opened.info["uapseg"])
        content.save(tmp_path / "noise", "PNG", pnginfo=text)
    else:
        with safe_open(tmp_path / "noise", "pt") as stored:
            save_file({"levels": noise(10) + 11}, tmp_path / "noise", stored.metadata())
    with pytest.raises(UapsegError, match="more than the epsilon of 10 in its plan"):
        load(tmp_path / "noise")


def texts(tmp_path, change) -> None:
    """A perturbation whose text was changed."""
    save_png(tmp_path / "noise.png", Perturbation(noise(), plan()))
    with Image.open(tmp_path / "noise.png") as opened:
        opened.load()
        text = PngInfo()
        text.add_text("uapseg", change(opened.info["uapseg"]))
        opened.save(tmp_path / "noise.png", pnginfo=text)


def altered(**fields):
    return lambda text: json.dumps(json.loads(text) | fields)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (altered(format=2), "is of format 2, and this version of uapseg reads format 1 only"),
        (altered(format=None), "format None"),
        (lambda _: "[]", "format None"),
        (lambda text: text[:-9], "is not the JSON"),
        (lambda _: "[" * 100_000, "is not the JSON"),
        (altered(plan={"model": "street"}), "The plan cannot be read"),
        (altered(plan=[]), "The plan in the metadata"),
        (altered(seconds="long"), "The seconds in the metadata"),
        (altered(seconds=float("nan")), "The seconds in the metadata"),
        (altered(image_gradients=10**400), "The image_gradients in the metadata"),
        (altered(image_gradients=MAX_SPENT + 1), "The image_gradients in the metadata"),
        (altered(more="x" * MAX_TEXT), "is too long"),
        (altered(scores={"hidden": "all"}), "The scores in the metadata"),
        (altered(training={"hidden": float("inf")}), "The training in the metadata"),
        (lambda text: text.replace('"batch": 4', f'"batch": {10**400}'), "The plan cannot be read"),
        (lambda text: text.replace('"size": null', '"size": [64, "48"]'), "The plan cannot be read: the size must be"),
        (lambda text: text.replace('"also": []', '"also": [3]'), "The plan cannot be read: the also must be"),
        (
            lambda text: text.replace('"loss": null', '"loss": "hate"'),
            "there is no loss 'hate': choose one of cross-entropy",
        ),
        (
            lambda text: text.replace('"classes": ["Car"]', f'"classes": {["Car"] * 256}'.replace("'", '"')),
            "a target can name at most 255 classes",
        ),
        (lambda text: text.replace('"drawing": "', '"drawing": "!!!!'), "the drawing of the target cannot be read"),
        (
            lambda text: text.replace('"rest": "Building"', '"rest": ["Building"]'),
            "The plan cannot be read: the rest must be",
        ),
        (
            lambda text: text.replace('"classes": ["Car"]', '"classes": [["Car"]]'),
            "The plan cannot be read: the classes must be",
        ),
        (
            lambda text: text.replace('"classes": ["Car"]', '"classes": null'),
            "The plan cannot be read: the classes must be",
        ),
        (lambda text: text.replace('"budget": 24', '"budget": 24.5'), "The plan cannot be read: the budget must be"),
        (lambda text: text.replace('"model": "street"', '"model": 3'), "The plan cannot be read: the model must be"),
    ],
)
def test_a_text_that_was_altered_is_refused(change, sentence, tmp_path, unchecked):
    texts(tmp_path, change)
    with pytest.raises(UapsegError, match=sentence) as caught:
        load(tmp_path / "noise.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "tensors",
    [
        {"levels": torch.zeros(3, 4, 5)},
        {"levels": torch.zeros(4, 5, dtype=torch.int16)},
        {"levels": torch.zeros(1, 4, 5, dtype=torch.int16)},
        {"levels": torch.zeros(3, 0, 5, dtype=torch.int16)},
        {"other": torch.zeros(3, 4, 5, dtype=torch.int16)},
        {"levels": torch.zeros(3, 4, 5, dtype=torch.int16), "more": torch.zeros(1)},
    ],
)
def test_tensors_of_the_wrong_kind_are_refused(tensors, tmp_path):
    save_file(tensors, tmp_path / "noise.safetensors")
    with pytest.raises(UapsegError, match="perturbation"):
        load(tmp_path / "noise.safetensors")


@KINDS
def test_a_perturbation_of_too_many_pixels_is_refused_by_its_header(kind, tmp_path, monkeypatch):
    SAVE[kind](tmp_path / "noise", Perturbation(noise()))
    monkeypatch.setattr("uapseg.results.perturbation_file.MAX_PIXELS", 40 * 30)
    load(tmp_path / "noise")
    monkeypatch.setattr("uapseg.results.perturbation_file.MAX_PIXELS", 40 * 30 - 1)
    monkeypatch.setattr("uapseg.results.perturbation_file.decode", pytest.fail)
    with pytest.raises(UapsegError, match="megapixels"):
        load(tmp_path / "noise")


def test_a_file_is_not_read_where_it_or_what_it_says_of_itself_is_too_long(tmp_path, monkeypatch):
    save_safetensors(tmp_path / "noise", Perturbation(noise(), plan()))
    monkeypatch.setattr("uapseg.results.perturbation_file.MAX_FILE", (tmp_path / "noise").stat().st_size)
    load(tmp_path / "noise")
    monkeypatch.setattr("uapseg.results.perturbation_file.MAX_TEXT", 500)
    with pytest.raises(UapsegError, match="neither a PNG nor a safetensors file"):
        load(tmp_path / "noise")
    monkeypatch.setattr("uapseg.results.perturbation_file.MAX_FILE", 7000)
    with pytest.raises(UapsegError, match=r"has more than 0 MiB: use a smaller one"):
        load(tmp_path / "noise")


def test_whole_bytes_are_levels_too(tmp_path):
    save_file({"levels": torch.full((3, 4, 5), -7, dtype=torch.int8)}, tmp_path / "noise.safetensors")
    assert (load(tmp_path / "noise.safetensors").levels == -7).all()


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "I;16"])
def test_pictures_of_another_mode_are_refused(mode, tmp_path):
    values = (
        Image.fromarray(np.zeros((20, 20), np.uint16)) if mode == "I;16" else Image.new("RGB", (20, 20)).convert(mode)
    )
    values.save(tmp_path / "noise.png")
    if mode == "P":
        assert load(tmp_path / "noise.png").levels.shape == (3, 20, 20)  # a palette loses nothing
    else:
        with pytest.raises(UapsegError, match="RGB picture of 8 bits"):
            load(tmp_path / "noise.png")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff" * 64])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "noise").write_bytes(content)
    with pytest.raises(UapsegError):
        load(tmp_path / "noise")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_no_code_is_taken_from_a_file(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("code ran",))

    (tmp_path / "noise.pt").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UapsegError, match="without running code from its file"):
        load(tmp_path / "noise.pt")


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(UapsegError, match="There is no file"):
        load(tmp_path / "nothing.png")


@pytest.mark.parametrize("level", [-32768, 256])
def test_more_levels_than_there_are_are_refused(level, tmp_path):
    """16 bits do not hold the opposite of their lowest number, so that it could pass for a small one."""
    save_file({"levels": torch.full((3, 4, 5), level, dtype=torch.int16)}, tmp_path / "noise.safetensors")
    with pytest.raises(UapsegError, match=f"up to {abs(level)} grey levels: there are only 255"):
        load(tmp_path / "noise.safetensors")


def test_a_png_refuses_what_it_cannot_hold(tmp_path):
    with pytest.raises(UapsegError, match="at most 127 grey levels"):
        save_png(tmp_path / "noise.png", Perturbation(noise(200)))
    save_safetensors(tmp_path / "noise.safetensors", Perturbation(noise(200)))
    assert torch.equal(load(tmp_path / "noise.safetensors").levels, noise(200))


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write(tmp_path / "file", b"old")
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(UapsegError, match="cannot be written: No space left"):
        write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UapsegError, match="cannot be written"):
        save_png(tmp_path / "no" / "noise.png", Perturbation(noise()))


def test_a_plan_of_the_paper_comes_back(tmp_path):
    made = Plan(
        model="street",
        data="camvid:some/folder",
        target=TARGETS[2],
        settings=paper(epsilon=8 / 255, budget=600, omega=0.9),
    )
    save_png(tmp_path / "noise.png", Perturbation(noise(8), made))
    assert load(tmp_path / "noise.png").plan == made
