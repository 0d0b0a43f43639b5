"""Random crops in training: the goal is what the network sees in that very crop, and the perturbation stays."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.attack.test_cut_outs import HIDE, SETTINGS, Objects
from tests.conftest import Plain, greys
from uapseg.attack.distributed import SINGLE_PROCESS, Workers
from uapseg.attack.loop import Search, fit
from uapseg.attack.perturbation import perturb
from uapseg.datasets.crops import random_crops
from uapseg.targets import SwapClasses
from uapseg.targets.drawing import text_target

CROP = replace(SETTINGS, crop=True, paste=0)


def searching(workers: Workers = SINGLE_PROCESS, model=None, target=HIDE, **changes) -> Search:
    settings = replace(CROP, **changes)
    return Search([model or greys()], Objects([0] * 5), list(range(5)), target, settings, workers=workers)


class Counted(nn.Module):
    """Counts the pictures that a network is asked for, with and without a gradient."""

    def __init__(self, model):
        super().__init__()
        self.model, self.forward_only, self.backward = model, 0, 0

    def forward(self, images):
        self.backward += len(images) * images.requires_grad
        self.forward_only += len(images) * (not images.requires_grad)
        return self.model(images)


def test_the_goal_is_the_prediction_of_the_crop():
    search = searching()
    for spent in range(0, 60, 3):
        batch = search._augmented_batch([3, 0, 4], spent)
        goal = search._objectives[0]._goals(batch)
        seen = greys().predict(batch.images)
        assert torch.equal(goal.groups == 0, seen == 1)
        assert not torch.equal(seen, greys().predict(search.train.pictures([3, 0, 4]).float() / 255))
        assert torch.equal(batch.images, search.train.crops([3, 0, 4], random_crops(3, seed=spent)).float() / 255)


def test_the_perturbation_is_added_to_the_crop_and_is_not_cropped():
    search = searching()
    delta = torch.linspace(-1, 1, 3 * 12 * 16).view(3, 12, 16) * 11 / 255
    batch = search._augmented_batch([3, 0, 1], 6)
    asked = []
    search.models[0]._net.register_forward_pre_hook(lambda _, given: asked.append(given[0].detach()))
    search._objectives[0].gradient(batch, delta)
    clean, attacked = asked
    assert torch.equal(clean, batch.images)
    assert torch.equal(attacked, perturb(batch.images, delta))


@pytest.mark.parametrize(
    ("target", "forward"),
    [(HIDE, 1), (SwapClasses(source="light", into="dark"), 1), (text_target("i", "light", "dark", (16, 12)), 0)],
)
def test_a_crop_costs_one_forward_pass_and_none_where_the_goal_is_fixed(target, forward):
    model = greys()
    counted = model._net = Counted(model._net)
    search = searching(model=model, target=target, loss_resolution="full")
    counted.forward_only = 0
    for spent in range(0, 9, 3):
        search._gradient(torch.zeros(3, 12, 16), search._batch(spent), spent)
    assert (counted.backward, counted.forward_only) == (9, 9 * forward)
    assert not list(search._objectives[0]._map_store)


def test_every_process_crops_its_share_as_one_alone_does():
    whole = searching()._augmented_batch([0, 1, 2, 3, 4], 5)
    for rank in range(2):
        share = searching(Workers(rank, 2))._augmented_batch([0, 1, 2, 3, 4], 5)
        assert torch.equal(share.images, whole.images[rank::2])
    assert not torch.equal(whole.images, searching(seed=1)._augmented_batch([0, 1, 2, 3, 4], 5).images)


def test_what_comes_next_is_decoded_whole():
    class Hinted(Plain):
        def prefetch(self, indices, *, whole=False):
            hints.append(whole)

    hints: list[bool] = []
    train = Hinted((100, 118, 116))
    list(fit(greys(), train, Plain((118,), "val"), HIDE, CROP))
    assert all(hints[-3:])
