"""From files to pictures of one size: what is kept in memory, what is damaged, what is done in the background."""

import itertools
import multiprocessing
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from uapseg.datasets import cache, reader
from uapseg.datasets.cache import MIB, ImageCache, memory_limit
from uapseg.datasets.reader import ImageDataset, Sample
from uapseg.errors import UapsegError

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
NUMBERS = itertools.count()
"""What tells pictures of the same name apart in the memory that all tests of a process share."""


def thirds(size=(90, 30)) -> Image.Image:
    """Red, green and blue beside each other."""
    picture = Image.new("RGB", size, GREEN)
    picture.paste(RED, (0, 0, size[0] // 3, size[1]))
    picture.paste(BLUE, (size[0] * 2 // 3, 0, *size))
    return picture


def numbered(size=(90, 30)) -> np.ndarray:
    """The same thirds as labels 0, 1, 2."""
    return np.repeat(np.repeat([[0, 1, 2]], size[0] // 3, axis=1), size[1], axis=0).astype(np.uint8)


def refuse():
    raise UapsegError("It is damaged.")


def grey(shade, size=(32, 32)):
    return Sample(f"grey {shade} {next(NUMBERS)}", f"{shade}.png", lambda: Image.new("RGB", size, (shade,) * 3))


def photos(*samples: Sample, size=(32, 32), **about) -> ImageDataset:
    return ImageDataset(samples, **{"name": "test", "split": "train", "licence": "none", "size": size, **about})


def sample(key, picture=thirds, labels=numbered) -> Sample:
    return Sample(f"{key} {next(NUMBERS)}", key, picture, labels)


@pytest.fixture
def small(monkeypatch):
    """A memory of 32 KiB for this test alone."""
    kept = ImageCache(32 * 1024)
    monkeypatch.setattr(reader, "shared_cache", lambda: kept)
    return kept


def test_a_wide_picture_is_cut_around_its_centre():
    dataset = photos(sample("wide"), classes=("red", "green", "blue"))
    picture, labels = dataset.pictures([0])[0], dataset.truth([0])[0]
    assert (picture[:, :, 2:-2] == torch.tensor(GREEN, dtype=torch.uint8)[:, None, None]).all()
    assert (labels == 1).all()


def test_pictures_and_labels_are_cut_and_scaled_alike():
    dataset = photos(sample("wide"), size=(48, 20), classes=("red", "green", "blue"))
    picture, labels = dataset.pictures([0])[0].int(), dataset.truth([0])[0]
    seen = torch.stack([picture[0], picture[1], picture[2]]).argmax(0)
    assert (seen == labels).float().mean() > 0.95
    assert labels[0].tolist() == sorted(labels[0].tolist())
    assert labels.unique().tolist() == [0, 1, 2]


def test_a_picture_that_fits_is_left_as_it_is():
    values = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    labels = np.random.default_rng(1).integers(0, 9, (24, 32), np.uint8)
    dataset = photos(sample("fits", lambda: Image.fromarray(values), lambda: labels), size=(32, 24))
    assert np.array_equal(dataset.pictures([0])[0].permute(1, 2, 0), values)
    assert np.array_equal(dataset.truth([0])[0], labels)


def test_labels_are_never_mixed_when_they_are_scaled():
    labels = np.where(np.random.default_rng(0).random((60, 60)) < 0.5, 3, 200).astype(np.uint8)
    dataset = photos(sample("noise", lambda: Image.new("RGB", (60, 60)), lambda: labels), size=(37, 41))
    assert dataset.truth([0]).unique().tolist() == [3, 200]


def test_without_labels_there_is_no_truth():
    dataset = photos(grey(9), classes=("a", "b"))
    assert dataset.classes == ()
    assert (dataset.truth([0]) == 255).all()


def test_a_damaged_picture_is_named_and_the_next_stands_in():
    dataset = photos(grey(10), sample("bad.jpg", refuse), grey(30), sample("worse.jpg", refuse))
    assert len(dataset) == 4
    assert dataset.skipped == ()
    assert dataset.pictures([0, 1, 2, 3])[:, 0, 0, 0].tolist() == [10, 30, 30, 10]
    assert dataset.skipped == ("bad.jpg", "worse.jpg")
    assert len(dataset) == 4


def test_the_truth_of_a_damaged_picture_is_that_of_its_stand_in():
    bad = sample("bad.jpg", refuse, lambda: np.full((32, 32), 7, np.uint8))
    good = sample("good.jpg", lambda: Image.new("RGB", (32, 32)), lambda: np.full((32, 32), 8, np.uint8))
    assert photos(bad, good).truth([0, 1]).unique().tolist() == [8]


def test_damaged_labels_are_named_and_count_as_none():
    dataset = photos(sample("a.jpg", labels=refuse), classes=("red",))
    assert (dataset.truth([0]) == 255).all()
    assert dataset.skipped == ("labels of a.jpg",)


def test_where_nothing_can_be_read_is_one_clear_sentence():
    with pytest.raises(UapsegError, match=r"No picture in the train split of test can be read, .* see a.jpg first"):
        photos(sample("a.jpg", refuse), sample("b.jpg", refuse)).pictures([0])
    with pytest.raises(UapsegError, match=r"No picture .* 1 are damaged or missing: see c.jpg first"):
        photos(skipped=["c.jpg"])
    with pytest.raises(UapsegError, match="There are no pictures in the train split of test"):
        photos()


def test_pictures_in_memory_are_a_dataset():
    grey, clear = Image.new("L", (64, 48), 128), Image.new("RGBA", (32, 48), (255, 0, 0, 0))
    dataset = ImageDataset.from_pictures([grey, clear, grey.copy()], split="train")
    assert (len(dataset), dataset.size, dataset.split, dataset.classes) == (3, (64, 48), "train", ())
    assert dataset.pictures([0]).unique().tolist() == [128]
    first, other, again = dataset.keys
    assert first == again != other
    with pytest.raises(UapsegError, match="pictures"):
        ImageDataset.from_pictures([])


def test_a_picture_is_decoded_once(small):
    decoded = []
    dataset = photos(sample("a", lambda: (decoded.append(1), thirds())[1]))
    for _ in range(3):
        dataset.pictures([0, 0])
    assert len(decoded) == 1


def test_all_sets_share_one_memory(small):
    decoded = []
    shared = sample("a", lambda: (decoded.append(1), thirds())[1])
    photos(shared).pictures([0])
    photos(shared, split="val").pictures([0])
    assert len(decoded) == 1
    photos(shared, size=(16, 16)).pictures([0])
    assert len(decoded) == 2


def test_memory_never_holds_more_than_its_limit(small):
    dataset = photos(*map(grey, range(40)))  # 3 KiB each
    for _ in range(2):
        assert dataset.pictures(range(40))[:, 0, 0, 0].tolist() == list(range(40))
    assert 32 * 1024 - 3072 < small.byte_count <= 32 * 1024
    assert small.byte_count == sum(array.nbytes for array in small._arrays.values())


def test_what_was_not_asked_for_the_longest_goes_first():
    kept, made = ImageCache(3 * 100), []

    def ask(key):
        kept.submit(key, lambda: (made.append(key), np.zeros(100, np.uint8))[1]).result()

    for key in "abcadab":
        ask(key)
    assert made == list("abcdb")


def test_an_array_larger_than_the_limit_is_returned_but_not_cached():
    kept = ImageCache(10)
    assert kept.submit("a", lambda: np.ones(100, np.uint8)).result().sum() == 100
    assert kept.byte_count == 0


def test_a_failed_computation_is_repeated_at_the_next_request():
    kept = ImageCache(1000)
    with pytest.raises(UapsegError):
        kept.submit("a", refuse).result()
    assert kept.submit("a", lambda: np.ones(3, np.uint8)).result().sum() == 3


def test_pictures_are_made_ready_in_the_background(small):
    ready = threading.Event()
    dataset = photos(grey(1), sample("next", lambda: (ready.set(), thirds())[1]))
    dataset.prefetch([1])
    assert ready.wait(60)


def test_whoever_asks_for_what_is_under_way_waits_for_it(small):
    going, decoded = threading.Event(), []

    def slow():
        decoded.append(1)
        going.wait(60)
        return thirds()

    dataset = photos(sample("slow", slow))
    dataset.prefetch([0])
    threading.Timer(0.05, going.set).start()
    assert dataset.pictures([0]).shape == (1, 3, 32, 32)
    assert len(decoded) == 1


def test_no_more_is_decoded_ahead_than_there_is_room_for(small):
    decoded = []
    dataset = photos(*(sample(str(n), lambda n=n: (decoded.append(n), thirds())[1]) for n in range(40)))
    dataset.prefetch(range(40))
    dataset.pictures([39, *range(5)])  # waits for those that are under way
    assert sorted(decoded) == [*range(5), 39]  # of 3 KiB each in half of 32 KiB


def _in_a_fork(dataset, answers):
    answers.put(dataset.pictures([0, 1])[:, 0, 0, 0].tolist())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs a system that forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_daemon_can_go_on_reading():
    """The worker of ZeroGPU is one: threads of its parent are gone there, and it may start no processes."""
    dataset = photos(grey(5), grey(6))
    dataset.pictures([0])
    begun, stuck = threading.Event(), threading.Event()
    waiting = photos(sample("slow", lambda: (begun.set(), stuck.wait(120), thirds())[2]))
    waiting.prefetch([0])  # on a thread that the fork will not have
    assert begun.wait(60)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_fork, args=(dataset, answers), daemon=True)
    child.start()
    try:
        assert answers.get(timeout=60) == [5, 6]
    finally:
        stuck.set()
        child.join(60)
    assert dataset.pictures([1])[0, 0, 0, 0] == 6
    assert child.exitcode == 0


def test_the_limit_is_a_quarter_of_the_machine_and_at_most_two_gibibytes(monkeypatch):
    monkeypatch.delenv("UAPSEG_MEMORY", raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.setattr(cache, "_available_memory", lambda: 4096 * MIB)
    assert memory_limit() == 1024 * MIB
    monkeypatch.setattr(cache, "_available_memory", lambda: 64 * 1024 * MIB)
    assert memory_limit() == 2048 * MIB
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert memory_limit() == 1024 * MIB


def test_the_limit_can_be_set(monkeypatch):
    monkeypatch.setenv("UAPSEG_MEMORY", "300")
    assert memory_limit() == 300 * MIB
    monkeypatch.setenv("UAPSEG_MEMORY", "much")
    with pytest.raises(UapsegError, match="whole number of MiB"):
        memory_limit()
