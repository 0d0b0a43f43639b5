"""Plans and devices: what is asked for, and what is said when it cannot be had."""

import sys
from dataclasses import replace

import pytest
import torch

from tests.conftest import Plain
from uapseg.attack.run import (
    Plan,
    check_unseen,
    choose_device,
    load_evaluation_data,
    load_run_data,
    load_training_data,
    run,
)
from uapseg.attack.settings import fast, paper
from uapseg.errors import UapsegError
from uapseg.targets import HideClasses
from uapseg.targets.hide import COMPONENT_SCORES

PLAN = Plan(
    model="street",
    data="street",
    target=HideClasses(classes=("Car",)),
    settings=fast(epsilon=10 / 255, budget=8, batch=4),
)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is an accelerator")
def test_without_an_accelerator_auto_is_the_cpu():
    assert choose_device("auto") == torch.device("cpu")
    for name in ("cuda", "cuda:9", "mps", "tpu"):
        with pytest.raises(UapsegError, match=f"no device '{name}' here: choose one of cpu"):
            choose_device(name)


@pytest.mark.parametrize(("field", "value"), [("model", "resnet"), ("data", "imagenet")])
def test_an_unknown_name_is_refused_at_once(field, value):
    plan = Plan(**{**PLAN.__dict__, field: value})
    with pytest.raises(UapsegError, match=f"called '{value}'"):
        run(plan)


@pytest.mark.slow
def test_the_embedded_network_and_scenes_run_from_a_plan_alone():
    *_, last = run(PLAN, device="cpu")
    assert last.state.image_gradients == 8
    assert 0 < last.success_rate < 1
    assert last.loss > 0
    assert last.state.validation.predictions.shape == (12, 256, 384)
    assert set(last.state.validation.scores) == {
        "hidden",
        "filled",
        "fully_hidden",
        *COMPONENT_SCORES,
        "elsewhere",
        "kept",
        "kept_objects",
        "miou",
    }


@pytest.mark.parametrize(
    ("make", "others", "scenes"), [(fast, {}, 4000), (fast, {"balanced": True}, 512), (paper, {}, 512)]
)
def test_a_run_has_scenes_enough_unless_it_looks_at_each_first(make, others, scenes):
    plan = replace(PLAN, settings=make(epsilon=0.04, budget=700, **others))
    train, held_out = load_run_data(plan)
    assert (len(train), len(held_out)) == (scenes, 64)
    assert len(load_run_data(replace(plan, data="street?scenes=30"))[0]) == 30


def test_with_other_pictures_to_report_on_the_test_split_is_learnt_from_but_for_those(monkeypatch):
    """Three pictures to learn from and two to test by, of which one is reported on."""
    sets = {"mine": {"train": (90, 91, 92), "val": (93,), "test": (94, 95)}, "theirs": {"all": (95, 200)}}

    def load(name: str, split: str, size: tuple[int, int] | None = None) -> Plain:
        if split not in sets[name]:
            raise UapsegError("There is no such split.")
        pictures = Plain(sets[name][split], split)
        pictures.keys = tuple(map(str, pictures.shades))
        return pictures

    monkeypatch.setattr(
        sys.modules["uapseg.attack.run"], "load_dataset", load
    )  # the package has a function of that name
    assert load_training_data("mine").keys == ("90", "91", "92")
    whole = load_training_data("mine", "theirs")
    assert whole.keys == ("90", "91", "92", "94")
    assert (len(whole), whole.name, whole.split, whole.size) == (4, "plain", "train", (16, 12))
    assert whole.pictures([3, 0, 2])[:, 0, 0, 0].tolist() == [94, 90, 92]
    assert whole.truth([3, 0]).shape == (2, 12, 16)
    plan = replace(PLAN, data="mine", eval_data="theirs")
    train, held_out = load_run_data(plan)
    assert (train.keys, held_out.keys) == (whole.keys, ("93",))
    assert load_evaluation_data("mine", "theirs").keys == ("95", "200")
    with pytest.raises(UapsegError, match="1 of these pictures were used for training, as the run reports on theirs"):
        check_unseen(load("mine", "test"), plan)
    check_unseen(load("theirs", "all"), plan)
    check_unseen(load("mine", "test"), replace(plan, eval_data=None))
    del sets["mine"]["test"]
    assert load_training_data("mine", "theirs").keys == ("90", "91", "92")
