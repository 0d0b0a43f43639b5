"""Objects to paste: the hidden pixels of a picture, cut out together."""

from dataclasses import replace

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.data.cut_outs import CutOuts
from uapseg.attack.distributed import SINGLE_PROCESS, Workers
from uapseg.attack.loop import Search, fit
from uapseg.attack.settings import PASTE_KEEP_FACTOR, fast
from uapseg.attack.state import TENSORS, State
from uapseg.errors import UapsegError
from uapseg.targets import HideClasses
from uapseg.targets.drawing import mask_target, text_target

DARK, LIGHT = 95, 118
HIDE = HideClasses(classes=("light",), fill="dark")
SETTINGS = fast(epsilon=11 / 255, budget=24, batch=3, validate_every=12, paste=2, flip=False, crop=False)


class Objects(Plain):
    """Dark pictures with a light square and a light bar, farther to the right by their number; the last has none."""

    def pictures(self, indices):
        pictures = torch.full((len(indices), 3, self.size[1], self.size[0]), DARK, dtype=torch.uint8)
        for picture, number in zip(pictures, indices, strict=True):
            if number < len(self) - 1:
                picture[:, 2:4, number : number + 2] = LIGHT
                picture[:, 8, number : number + 4] = LIGHT
        return pictures


def searching(workers: Workers = SINGLE_PROCESS, **changes) -> Search:
    train = Objects([0] * 5)
    return Search([greys()], train, list(range(5)), HIDE, replace(SETTINGS, **changes), workers=workers)


def test_the_objects_of_a_picture_are_cut_out_together_along_their_edges():
    cut_out = searching()._cut_outs.of(3)
    expected = torch.zeros(7, 4, dtype=torch.bool)
    expected[:2, :2] = expected[6] = True
    assert torch.equal(cut_out.mask, expected)
    assert (cut_out.image[:, expected] * 255).round().unique().tolist() == [LIGHT]
    assert (cut_out.image[:, ~expected] * 255).round().unique().tolist() == [DARK]
    assert searching()._cut_outs.of(4) is None


def test_each_picture_is_seen_once_only():
    """No network is asked again for what it has seen."""
    asked = []

    def clean_maps(numbers, images):
        asked.extend(numbers)
        return torch.zeros(len(numbers), 2, *images.shape[-2:], dtype=torch.uint8)

    cut_outs = CutOuts(Objects([0] * 5), clean_maps, torch.device("cpu"))
    drawn = [cut_outs.draw(2, [1, 3], torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert sorted(asked) == [1, 3]
    assert all(len(pastes) == 2 for pastes in drawn)


def test_objects_come_from_pictures_that_were_met_before():
    search = searching()
    first = search._batch(0)
    assert search._pictures_so_far(3) == first
    assert set(search._pictures_so_far(5)) == set(search._pictures_so_far(600)) == set(range(5))
    search._augmented_batch(first, 0)
    assert set(search._objectives[0]._map_store) <= set(first)


def test_of_pictures_without_objects_nothing_is_pasted():
    empty = CutOuts(Objects([0] * 5), searching()._objectives[0].clean_maps, torch.device("cpu"))
    assert empty.draw(2, [4], torch.Generator().manual_seed(0)) == []


def test_what_is_pasted_counts_as_hidden_and_should_look_as_the_picture_does_without():
    search = searching()
    batch = search._augmented_batch([4], 30)
    (pastes,) = batch.augmentations
    image = pastes.images(batch.images)
    goal = search._objectives[0]._goals(batch)
    light = (image * 255).mean(1) > 110.5
    assert light.any()
    assert torch.equal(goal.groups == 0, light)
    assert (goal.labels == 0).all()


def test_every_process_varies_its_share_as_one_alone_does():
    numbers = [0, 1, 2, 3, 4]
    ways = {"crop": True, "flip": True, "shift": 2}
    whole = searching(**ways)._augmented_batch(numbers, 5)
    for rank in range(2):
        share = searching(Workers(rank, 2), **ways)._augmented_batch(numbers, 5)
        images, expected = share.images, whole.images
        for mine, all_ in zip(share.augmentations, whole.augmentations, strict=True):
            images, expected = mine.images(images), all_.images(expected)
        assert torch.equal(images, expected[rank::2])


@pytest.mark.parametrize("stop", [1, 4])
def test_a_stopped_and_resumed_search_pastes_the_same(stop):
    """Bit for bit on the CPU."""
    settings = replace(SETTINGS, crop=True)

    def search(state=None):
        return list(fit(greys(), Objects([0] * 5), Objects([0] * 5, "val"), HIDE, settings, state=state))

    whole = search()
    again = search(State.from_tensors(*whole[stop].state.to_tensors()))
    assert all(torch.equal(getattr(again[-1].state, name), getattr(whole[-1].state, name)) for name in TENSORS)
    plain = list(fit(greys(), Objects([0] * 5), Objects([0] * 5, "val"), HIDE, replace(SETTINGS, paste=0)))
    assert not torch.equal(plain[-1].state.delta, whole[-1].state.delta)


def test_nothing_is_pasted_where_no_class_is_hidden():
    target = text_target("i", "light", "dark", (16, 12))
    with pytest.raises(UapsegError, match="leave paste at 0"):
        fit(greys(), Objects([0] * 5), Objects([0] * 5, "val"), target, SETTINGS)


def test_objects_are_pasted_by_default_where_pictures_are_met_more_than_ten_times():
    few = fast(epsilon=11 / 255, budget=51, batch=10)

    def last(train, **changes):
        held_out = Objects([0] * 5, "val")
        return list(fit(greys(), train, held_out, HIDE, replace(few, **changes)))[-1].state.delta

    train = Objects([0] * 5)
    pasting = {"paste": 1, "optimizer": "dual_averaging", "loss": "cosine", "flip": True, "crop": True}
    assert torch.equal(last(train), last(train, **pasting, keep_weight=PASTE_KEEP_FACTOR))
    for change in ({"optimizer": "adam"}, {"loss": "cross-entropy"}, {"flip": False}, {"crop": False}, {"paste": 0}):
        assert not torch.equal(last(train), last(train, **change)), change
    assert few.resolve_pasting(5, pastable=True).keep_weight == PASTE_KEEP_FACTOR
    assert replace(few, loss="cosine").resolve_pasting(5, pastable=True).keep_weight == 1
    plain = {"paste": 0, "optimizer": "adam", "loss": "cross-entropy", "flip": False, "crop": False}
    assert torch.equal(last(train, budget=50), last(train, budget=50, **plain))
    word = mask_target(torch.ones(4, 4, dtype=torch.bool).numpy(), "light", None)
    assert len(list(fit(greys(), train, train, word, few))) == 7  # nothing is hidden, so nothing to paste
