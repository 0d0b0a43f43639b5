"""A hundred thousand pictures: what is remembered of each must be little."""

import gc
import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest

from uapseg.attack.data.sampling import picture_order
from uapseg.datasets import samples
from uapseg.datasets.labels import read_numbers
from uapseg.datasets.packed import BLOCK, MappedSequence, PackedSequence
from uapseg.datasets.reader import ConcatDataset, ImageDataset
from uapseg.io.sources import File

MAX_BYTES = 100
"""The most bytes of memory for each picture."""


@pytest.mark.parametrize("length", [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK - 1])
def test_a_packed_sequence_has_the_items_that_were_packed(length):
    items = [[number, f"photos/{number}.jpg"] for number in range(length)]
    packed = PackedSequence(iter(items))
    assert len(packed) == length
    assert list(packed) == [packed[place] for place in range(length)] == items
    assert list(packed[1::2]) == items[1::2]
    assert packed[-1:] == tuple(items[-1:])
    with pytest.raises(IndexError):
        packed[length]


def test_a_mapped_sequence_equals_any_with_its_items_and_can_be_selected_from():
    squares = MappedSequence(lambda number: number**2, range(6))
    assert squares == (0, 1, 4, 9, 16, 25) == squares
    assert squares != (0, 1, 4, 9, 16)
    assert squares != 3
    assert squares.select(number > 3 for number in squares) == [4, 9, 16, 25]


def remembered(count: int) -> int:
    """Bytes of memory for so many pictures and two orders of them."""
    names = [f"/data/city{number // 500}/{number:06}_{number * 7919 % 30011:06}" for number in range(count)]
    tracemalloc.start()
    try:
        pairs = [(File(Path(f"{name}_leftImg8bit.jpg")), File(Path(f"{name}_labelIds.png"))) for name in names]
        found, _ = samples.make_samples(pairs, read_numbers)
        del pairs
        about = {"name": "many", "split": "train", "size": (64, 48), "licence": "none", "classes": ("light",)}
        whole = ConcatDataset([ImageDataset(found, **about)])
        orders = [picture_order(count, turn, seed=0) for turn in range(2)]
        gc.collect()
        assert len(whole.keys) == len(set(orders[0])) == count
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_each_picture_of_many_costs_few_bytes_with_its_places_in_the_order(monkeypatch):
    keys = [sha256(b"%d" % number).hexdigest()[:32] for number in range(1500)]
    monkeypatch.setattr(samples, "fingerprint_all", lambda sources: keys[: len(sources)])
    remembered(1500)  # Python's table of names grows with paths, and does not shrink
    assert remembered(1500) - remembered(500) < 1000 * MAX_BYTES
