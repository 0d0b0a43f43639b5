"""Perturbations of other programs: levels as they were meant, and what was assumed."""

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from tests.models.test_torchvision import Trap
from uapseg.errors import UapsegError
from uapseg.results import importers
from uapseg.results.perturbation_file import OURS, Perturbation, load, save_png, save_safetensors

LEVELS = torch.from_numpy(np.random.default_rng(0).integers(-10, 11, (3, 12, 20)))
FLAT = LEVELS + 0.3 * torch.tensor([1.0, -1.0]).repeat(10)


def saved(tmp_path, kind: str, values: torch.Tensor):
    """The values in a file of each kind."""
    file = tmp_path / f"noise.{kind.split(maxsplit=1)[0]}"
    match kind:
        case "pt":
            torch.save({"perturbation": values}, file)
        case "pt bare":
            torch.save(values, file)
        case "pt old":
            torch.save({"perturbation": values}, file, _use_new_zipfile_serialization=False)
        case "pt module":
            module = torch.nn.Module()
            module.perturbation = torch.nn.Parameter(values.float())
            torch.save(module.state_dict(), file)
        case "npy":
            np.save(file, values.numpy())
        case "npz":
            np.savez(file, anything=values.numpy())
        case "npz packed":
            np.savez_compressed(file, perturbation=values.numpy(), epsilon=10)
    return file


KINDS = pytest.mark.parametrize("kind", ["pt", "pt bare", "pt old", "pt module", "npy", "npz", "npz packed"])


@KINDS
def test_grey_levels_come_back_and_are_rounded(kind, tmp_path):
    got = load(saved(tmp_path, kind, FLAT))
    assert torch.equal(got.levels, LEVELS.to(torch.int16))
    assert got.plan is None
    assert got.convention == "an array (3, h, w): values are in grey levels of 255, rounded to whole levels"


@KINDS
def test_fractions_within_one_are_in_the_units_of_images(kind, tmp_path):
    got = load(saved(tmp_path, kind, LEVELS / 255))
    assert torch.equal(got.levels, LEVELS.to(torch.int16))
    assert "units of [0, 1], as none is beyond 1" in got.convention


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64])
def test_whole_numbers_are_grey_levels_however_small(dtype, tmp_path):
    got = load(saved(tmp_path, "npy", LEVELS.sign().to(dtype)))
    assert torch.equal(got.levels, LEVELS.sign().to(torch.int16))
    assert got.epsilon == pytest.approx(1 / 255)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_fractions_of_any_precision_are_read(dtype, tmp_path):
    assert torch.equal(load(saved(tmp_path, "pt", LEVELS.to(dtype))).levels, LEVELS.to(torch.int16))


def test_colours_may_come_last_or_in_a_batch_of_one(tmp_path):
    last = load(saved(tmp_path, "npy", LEVELS.permute(1, 2, 0)))
    assert torch.equal(last.levels, LEVELS.to(torch.int16))
    assert "an array (h, w, 3)" in last.convention
    assert torch.equal(load(saved(tmp_path, "pt", FLAT[None])).levels, LEVELS.to(torch.int16))


@pytest.mark.parametrize(
    ("written", "levels", "assumed"),
    [
        (lambda level: 128 + level, lambda level: level, "a value is 128 + level"),
        (lambda level: np.floor(127.5 + level), lambda level: level, "127.5 + level, cut down to a whole number"),
        (lambda level: np.rint(127.5 + level), None, "a value is 128 + level"),
        (
            lambda level: 127.5 + np.where(level < 0, level + 0.5, level - 0.5) if level.all() else None,
            lambda level: np.trunc(np.where(level < 0, level + 0.5, level - 0.5)),
            "127.5 + level, which is cut to a whole level",
        ),
    ],
)
@pytest.mark.parametrize("file", ["png", "npy"])
def test_the_middle_of_a_bare_picture_is_found_and_said(file, written, levels, assumed, tmp_path):
    level = np.where(LEVELS.numpy() == 0, 10, LEVELS.numpy())
    values = written(level).astype(np.uint8)
    if file == "png":
        Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0))).save(tmp_path / "noise.png")
    else:
        np.save(tmp_path / "noise.npy", values)
    got = load(tmp_path / f"noise.{file}")
    assert assumed in got.convention
    if levels is None:  # rounded to the even neighbour, a level is off by one at most
        assert np.abs(got.levels.numpy() - level).max() <= 1
    else:
        assert np.array_equal(got.levels.numpy(), levels(level))


def test_what_uapseg_wrote_itself_is_never_guessed_at(tmp_path):
    """Levels from -10 to 8 lie about 127, as a picture cut down from 127.5 does."""
    made = Perturbation(LEVELS.clamp(max=8).to(torch.int16))
    for save, name in ((save_png, "noise.png"), (save_safetensors, "noise.safetensors")):
        save(tmp_path / name, made)
        got = load(tmp_path / name)
        assert torch.equal(got.levels, made.levels)
        assert got.convention == OURS == made.convention


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"perturbation": Trap()}, "cannot be read without running code from its file"),
        ({"first": FLAT, "second": FLAT}, "holds 2 things: name the array of the perturbation perturbation"),
        ({"perturbation": "noise"}, "holds no perturbation"),
        ({}, "holds 0 things"),
        ([FLAT], "holds no perturbation"),
        (FLAT[0], r"is of shape \(12, 20\)"),
        (FLAT[:2], r"is of shape \(2, 12, 20\)"),
        (torch.zeros(3, 0, 4), r"is of shape \(3, 0, 4\)"),
        (FLAT * 100, "values of up to 10[0-9]{2}"),
        (FLAT * float("nan"), "finite numbers"),
        (FLAT + 1j, "holds no perturbation"),
    ],
)
def test_anything_else_in_a_file_of_torch_is_one_sentence(content, sentence, tmp_path):
    torch.save(content, tmp_path / "noise.pt")
    with pytest.raises(UapsegError, match=sentence) as caught:
        load(tmp_path / "noise.pt")
    assert "\n" not in str(caught.value)


def test_arrays_that_would_run_code_are_refused(tmp_path):
    np.save(tmp_path / "noise.npy", np.array([Trap()], object), allow_pickle=True)
    np.savez(tmp_path / "noise.npz", noise=np.array([Trap()], object), allow_pickle=True)
    for name in ("noise.npy", "noise.npz"):
        with pytest.raises(UapsegError, match="without running code from its file"):
            load(tmp_path / name)


@pytest.mark.parametrize(
    "limits", [{"MAX_PIXELS": 12 * 20 - 1}, {"MAX_BYTES": 3 * 12 * 20 * 4 - 1}], ids=["pixels", "bytes"]
)
@KINDS
def test_what_would_fill_the_memory_is_refused_by_its_header(kind, limits, tmp_path, monkeypatch):
    file = saved(tmp_path, kind, FLAT)
    for name, most in limits.items():
        monkeypatch.setattr(importers, name, most + 1)
    load(file)
    for name, most in limits.items():
        monkeypatch.setattr(importers, name, most)
    monkeypatch.setattr(np.lib.format, "read_array", pytest.fail)
    values, meta = torch.load, {"map_location": "meta"}
    monkeypatch.setattr(torch, "load", lambda file, **said: values(file, **(said | meta)))
    with pytest.raises(UapsegError, match=r"more than (16|0) megapixels"):
        load(file)


def test_an_archive_that_unpacks_to_more_than_an_array_is_refused_unread(tmp_path, monkeypatch):
    torch.save({"perturbation": LEVELS, "other": torch.zeros(10_000)}, tmp_path / "noise.pt")
    with (
        zipfile.ZipFile(tmp_path / "noise.pt") as stored,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    assert torch.equal(load(tmp_path / "packed.pt").levels, LEVELS.to(torch.int16))
    monkeypatch.setattr(importers, "MAX_BYTES", 3 * 12 * 20 * 8)
    monkeypatch.setattr(torch, "load", pytest.fail)
    with pytest.raises(UapsegError, match="use a smaller one"):
        load(tmp_path / "packed.pt")


def test_a_tensor_of_a_kilobyte_that_says_it_is_huge_is_refused(tmp_path):
    torch.save(torch.zeros(1).as_strided((3, 16_000, 16_000), (0, 0, 0)), tmp_path / "noise.pt")
    with pytest.raises(UapsegError, match="more than 16 megapixels"):
        load(tmp_path / "noise.pt")
    torch.save(torch.full((1,), 3).as_strided((3, 8, 9), (0, 0, 0)), tmp_path / "noise.pt")
    assert (load(tmp_path / "noise.pt").levels == 3).all()


@pytest.mark.filterwarnings("ignore")  # torch finds some of these kinds unfinished itself
@pytest.mark.parametrize(
    "tensor",
    [
        FLAT.to_sparse,
        FLAT[0].to_sparse_csr,
        lambda: torch.quantize_per_tensor(FLAT, 0.1, 0, torch.qint8),
        lambda: FLAT.to("meta"),
        lambda: torch.nested.nested_tensor([FLAT[0], FLAT[1, :2]]),
    ],
    ids=["sparse", "csr", "quantised", "meta", "nested"],
)
def test_tensors_of_other_kinds_are_one_sentence(tensor, tmp_path):
    torch.save(tensor(), tmp_path / "noise.pt")
    with pytest.raises(UapsegError, match=r"save (a|one) plain tensor") as caught:
        load(tmp_path / "noise.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.uint16])
def test_numbers_that_numpy_or_torch_lack_are_read(dtype, tmp_path):
    torch.save(torch.full((3, 8, 9), 4).to(dtype), tmp_path / "noise.pt")
    assert (load(tmp_path / "noise.pt").levels == 4).all()


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x02", b"PK" + bytes(100)])
def test_a_damaged_file_is_one_sentence(content, tmp_path):
    (tmp_path / "noise").write_bytes(content)
    with pytest.raises(UapsegError, match="or the file is damaged"):
        load(tmp_path / "noise")
