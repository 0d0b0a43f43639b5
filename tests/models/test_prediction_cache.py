"""Predictions are computed once for the same network and pixels, and anything wrong with the disk only costs time."""

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import Plain
from uapseg.attack.ball import Ball
from uapseg.attack.validation import Validator
from uapseg.models import Segmenter, prediction_cache
from uapseg.models.prediction_cache import predict_cached
from uapseg.targets.drawing import mask_target

IMAGES = torch.randint(256, (2, 3, 12, 16), generator=torch.Generator().manual_seed(0)) / 255


class Counting(nn.Module):
    """Light where the red channel is; counts how many pictures it was asked about."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold))
        self.asked = 0

    def forward(self, images: Tensor) -> Tensor:
        self.asked += len(images)
        light = images[:, 0] - self.threshold
        return torch.stack([-light, light], dim=1)


def counting(threshold: float = 0.5, version: str | None = "1") -> Segmenter:
    return Segmenter(
        Counting(threshold), name="counting", classes=("dark", "light"), palette=((0, 0, 0), (255, 255, 255)),
        objects=(), pair=("light", "dark"), source="", licence="", version=version,
    )  # fmt: skip


def asked(model: Segmenter) -> int:
    return model.get_submodule("_net").asked


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path))
    return tmp_path / "predictions"


def test_the_second_start_asks_the_network_nothing():
    first, second = counting(), counting()
    assert torch.equal(predict_cached(first, IMAGES), predict_cached(second, IMAGES))
    assert (asked(first), asked(second)) == (2, 0)


@pytest.mark.parametrize(
    ("model", "images"),
    [
        (counting(0.4), IMAGES),
        (counting(version="2"), IMAGES),
        (counting(), IMAGES.flip(0)),
        (counting(), IMAGES.transpose(2, 3)),
        (counting(), (IMAGES - 1 / 255).clamp(min=0)),
    ],
    ids=["weights", "code", "order", "size", "pixels"],
)
def test_anything_else_is_computed(model, images):
    predict_cached(counting(), IMAGES)
    assert torch.equal(predict_cached(model, images), model.predict(images))
    assert asked(model) == 4


def test_a_network_of_the_users_own_code_is_always_asked(folder):
    model = counting(version=None)
    predict_cached(model, IMAGES)
    predict_cached(model, IMAGES)
    assert asked(model) == 4
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and then nothing", None])
def test_a_damaged_file_is_computed_again_and_mended(folder, content):
    expected = predict_cached(counting(), IMAGES)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    model = counting()
    assert torch.equal(predict_cached(model, IMAGES), expected)
    assert asked(model) == 2
    assert file.read_bytes() == whole


def test_a_disk_that_cannot_be_written_costs_only_time(folder):
    folder.write_text("a file in the place of the folder")
    model = counting()
    assert torch.equal(predict_cached(model, IMAGES), model.predict(IMAGES))


def test_what_was_not_read_for_the_longest_goes_when_it_is_too_much(folder, monkeypatch):
    import os

    shades = [torch.full((1, 3, 12, 16), shade / 255) for shade in range(4)]
    for place, images in enumerate(shades[:3]):
        predict_cached(counting(), images)
        newest = max(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (1000 + place, 1000 + place))
    predict_cached(counting(), shades[0])  # read again: the second is now the oldest
    monkeypatch.setattr(prediction_cache, "LIMIT", 3 * max(file.stat().st_size for file in folder.iterdir()))
    predict_cached(counting(), shades[3])
    models = [counting() for _ in shades]
    for model, images in zip(models, shades, strict=True):
        monkeypatch.setattr(prediction_cache, "_write", lambda *_: None)
        predict_cached(model, images)
    assert [asked(model) for model in models] == [0, 1, 0, 0]


def test_a_second_validator_knows_clean_pictures_and_the_random_noise():
    target = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")
    noise = torch.full((3, 12, 16), 40 / 255)
    results = []
    for model in (counting(), counting()):
        pictures = (Plain([100, 110, 140], "val"), range(3)), (Plain([100]), range(1))
        validator = Validator([model], *pictures, target, (16, 12))
        clean = validator.evaluate(None, Ball(40 / 255))
        results.append((clean.scores, validator.baseline(noise, Ball(40 / 255)), asked(model)))
    assert results[0][:2] == results[1][:2]
    assert [row[2] for row in results] == [3 + 1 + 3, 0]
    assert validator.evaluate(noise, Ball(40 / 255)).scores == results[0][1]
