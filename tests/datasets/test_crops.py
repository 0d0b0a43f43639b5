"""Crops: parts of pictures at their own resolution, scaled as the whole pictures are."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from uapseg.datasets import reader
from uapseg.datasets.cache import ImageCache
from uapseg.datasets.crops import Crop, crop_picture, crop_tensors, random_crops, shrink_for_crops
from uapseg.datasets.memory import MemoryDataset
from uapseg.datasets.reader import ConcatDataset, ImageDataset, Sample
from uapseg.errors import UapsegError

SIZE = (48, 32)
NUMBERS = itertools.count()
WHOLE, CORNER = Crop(1, 0.5, 0.5), Crop(0.5, across=0, down=1)


def speckles(size=(96, 80), seed=0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8))


def dataset(*pictures) -> ImageDataset:
    samples = [Sample(f"crop {next(NUMBERS)}", f"{n}", one) for n, one in enumerate(pictures)]
    return ImageDataset(samples, name="test", split="train", size=SIZE, licence="none")


def damaged():
    raise UapsegError("It is damaged.")


def test_a_crop_of_the_whole_is_the_picture_of_the_dataset():
    data = dataset(speckles)
    assert torch.equal(data.crops([0], [WHOLE]), data.pictures([0]))


def test_a_crop_shows_the_pixels_of_the_file_where_it_has_as_many():
    (corner,) = dataset(speckles).crops([0], [CORNER])
    assert np.array_equal(corner.permute(1, 2, 0), np.asarray(speckles())[48:, :48])


def test_a_crop_reaches_what_lies_outside_the_picture_of_the_dataset():
    picture = Image.new("RGB", (192, 32))
    picture.paste((255, 0, 0), (0, 0, 28, 32))
    data = dataset(lambda: picture)
    assert not data.pictures([0]).any()
    assert data.crops([0], [Crop(0.5, 0, 0)])[0, 0].min() == 255


@pytest.mark.parametrize("picture_size", [(96, 80), (640, 480), (33, 400), (20, 10)])
def test_crops_lie_within_pictures_and_keep_the_aspect_ratio(picture_size):
    for crop in [*random_crops(300, seed=1), WHOLE, CORNER, Crop(1, 1, 1)]:
        left, upper, right, lower = crop.box(picture_size, SIZE)
        assert 0 <= left < right <= picture_size[0]
        assert 0 <= upper < lower <= picture_size[1]
        assert (right - left) / (lower - upper) == pytest.approx(SIZE[0] / SIZE[1])


def test_crops_follow_the_seed_and_show_half_to_all_of_a_side():
    crops = random_crops(300, seed=1)
    assert crops == random_crops(300, seed=1) != random_crops(300, seed=2)
    scales = [crop.scale for crop in crops]
    assert (min(scales), max(scales)) == (pytest.approx(0.5, abs=0.01), pytest.approx(1, abs=0.01))
    assert {round(4 * crop.across) for crop in crops} == {round(4 * crop.down) for crop in crops} == set(range(5))


def test_large_pictures_are_kept_at_twice_the_size_alone():
    kept = shrink_for_crops(speckles((960, 480)), SIZE)
    assert kept.size == (128, 64)
    assert shrink_for_crops(speckles(), SIZE).size == (96, 80)
    (half,) = dataset(lambda: speckles((960, 480))).crops([0], [Crop(0.5, 0, 0)])
    expected = np.asarray(speckles((960, 480)).resize((128, 64), Image.Resampling.BICUBIC))[:32, :48]
    assert np.array_equal(half.permute(1, 2, 0), expected)


def test_pictures_to_be_cropped_are_decoded_once_and_within_the_memory(monkeypatch):
    cache, reads = ImageCache(3 * 96 * 80 * 3), []
    monkeypatch.setattr(reader, "shared_cache", lambda: cache)

    def read(seed):
        reads.append(seed)
        return speckles(seed=seed)

    data = dataset(*(lambda seed=seed: read(seed) for seed in range(4)))
    data.prefetch([0, 1], whole=True)
    for seed in range(3):
        data.crops([0, 1], random_crops(2, seed=seed))
    assert sorted(reads) == [0, 1]
    data.crops([2, 3], [WHOLE, WHOLE])
    assert cache.byte_count <= cache.limit


def test_a_damaged_picture_gives_way_to_the_next_when_cropped():
    data = dataset(damaged, speckles)
    assert torch.equal(data.crops([0], [CORNER]), data.crops([1], [CORNER]))
    assert data.skipped == ("0",)


def test_other_datasets_crop_alike():
    first, second = dataset(speckles), dataset(lambda: speckles(seed=1))
    crops = random_crops(2, seed=0)
    both = ConcatDataset([first, second]).crops([1, 0], crops)
    assert torch.equal(both, torch.cat([second.crops([0], crops[:1]), first.crops([0], crops[1:])]))
    memory = MemoryDataset(first.pictures([0]), name="mine", split="train")
    picture = Image.fromarray(first.pictures([0])[0].permute(1, 2, 0).numpy())
    assert np.array_equal(memory.crops([0], [CORNER])[0], crop_picture(picture, CORNER, SIZE))
    assert torch.equal(crop_tensors(first.pictures([0]), [WHOLE]), first.pictures([0]))
