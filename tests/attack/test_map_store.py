"""Label maps are read as they were stored, in memory and from the disk, and the memory for them is bounded."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from uapseg.attack.data.map_store import MapStore
from uapseg.errors import UapsegError


def label_maps(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 200, (2, 24, 32), np.uint8)


@pytest.mark.parametrize("room", [0, 3000, 1 << 20])
def test_what_is_stored_is_read_in_any_order(room, tmp_path, monkeypatch):
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path))
    store = MapStore(room)
    for number in (7, 0, 3, 7):
        store.add(number, label_maps(number))
        assert np.array_equal(store.read(7), label_maps(7).ravel())
    assert list(store) == [0, 3, 7]
    assert (3 in store, 4 in store, 99 in store) == (True, False, False)
    assert all(np.array_equal(store.read(number), label_maps(number).ravel()) for number in (3, 7, 0))
    assert store._file._rolled == (room < store.nbytes)


def test_a_thousand_maps_take_the_memory_that_they_may(tmp_path, monkeypatch):
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path))
    maps = label_maps(0)
    tracemalloc.start()
    try:
        store, before = MapStore(10_000), tracemalloc.get_traced_memory()[0]
        for number in range(1000):
            store.add(number, maps)
        assert tracemalloc.get_traced_memory()[0] - before < 60_000
    finally:
        tracemalloc.stop()
    assert store.nbytes > 1_000_000


def test_several_runs_may_share_it():
    store = MapStore(5000)

    def agree(number: int) -> bool:
        store.add(number, label_maps(number))
        return np.array_equal(store.read(number), label_maps(number).ravel())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(agree, [number // 4 for number in range(160)]))


def test_a_full_disk_is_said_in_a_sentence():
    class Full:
        def seek(self, _): ...

        def write(self, _):
            raise OSError(28, "No space left on device")

    store = MapStore(100)
    store._file = Full()
    with pytest.raises(UapsegError, match=r"No space left on device.*make room"):
        store.add(0, label_maps(0))
    assert 0 not in store
