"""The race: variants by name, equal budgets, results that add up, and a file that it continues from."""

import json

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.settings import fast, paper
from uapseg.cli import race
from uapseg.errors import UapsegError
from uapseg.results.benchmark import Benchmark, leaderboard, run_variant
from uapseg.results.variants import CHANGES, DEFAULT_VARIANTS, NUMBERED, variant_settings
from uapseg.targets.drawing import mask_target

LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")
PAIR = {"epsilon": 11 / 255, "budget": 24, "seed": 3}


def benchmark(budget: int = 24) -> Benchmark:
    shades = (90, 100, 100, 100)
    return Benchmark(
        greys(), Plain(shades), Plain((100, 99), "val"), Plain((100, 95), "test"), LIGHT, 11 / 255, budget
    )


def drained(variant: str, seed: int = 0, budget: int = 24):
    snapshots = run_variant(benchmark(budget), variant, seed)
    count = 0
    while True:
        try:
            next(snapshots)
            count += 1
        except StopIteration as end:
            return end.value, count


def test_a_variant_is_a_preset_with_changes():
    assert variant_settings("fast", **PAIR) == fast(**PAIR)
    assert variant_settings("paper", **PAIR) == paper(**PAIR)
    assert variant_settings("fast+margin+tile-16+keep-0.5", **PAIR) == fast(
        **PAIR, loss="margin", tile=(16, 16), keep_weight=0.5
    )


@pytest.mark.parametrize("variant", ["slow", "fast+faster", "fast+tile", "fast+tile-wide", "fast+margin-3"])
def test_an_unknown_variant_is_refused_with_the_choice(variant):
    with pytest.raises(UapsegError, match=r"must begin with fast or paper|choose from sign, decay"):
        variant_settings(variant, **PAIR)


@pytest.mark.parametrize(
    "variant", [*DEFAULT_VARIANTS, *(f"fast+{c}" for c in CHANGES), *(f"fast+{n}-8" for n in NUMBERED)]
)
def test_every_variant_is_valid_or_says_why(variant):
    try:
        assert variant_settings(variant, **PAIR).epsilon == 11 / 255
    except UapsegError as error:
        assert "must lie between" in str(error)  # noqa: PT017
    assert all(variant_settings(one, **PAIR) for one in DEFAULT_VARIANTS)


@pytest.mark.parametrize("variant", ["fast", "paper", "fast+adam", "fast+cosine", "fast+robust", "fast+balanced",
                                "fast+shift-2+flip", "fast+margin+all"])  # fmt: skip
def test_every_kind_of_variant_reaches_what_epsilon_allows(variant):
    """Of the test pictures, 100 is seen as light from 110.5 on, and 95 is out of reach of 11 levels."""
    result, _ = drained(variant, budget=240)
    assert result.perturbed["target_success"] == 0.5
    assert result.image_gradients == 240
    assert result.clean["target_success"] == 0.0
    assert result.training["target_success"] == 0.75
    assert result.curve[0] == (0, 0.0)
    assert result.curve[-1] == (240, 0.5)  # of the validation pictures 99 is out of reach


def test_the_leaderboard_holds_means_over_seeds_best_first():
    found = [drained(variant, seed)[0].to_dict() for variant in ("fast+step-0.1", "fast") for seed in (0, 1)]
    again = json.loads(json.dumps(found))
    table = leaderboard(again)
    assert [row["variant"] for row in table] == ["fast", "fast+step-0.1"]
    assert table[0]["seeds"] == [0, 1]
    success = [result["perturbed"]["target_success"] for result in found if result["variant"] == "fast"]
    assert table[0]["perturbed"]["target_success"] == sum(success) / 2
    assert table[0]["seed_range"]["target_success"] == [min(success), max(success)]
    assert table[0]["curve"][0] == (0, 0.0)


def test_the_leaderboard_tells_what_other_objects_lose_beyond_random_noise():
    """Also beside results of a file that do not say so, and with a range where it is known."""
    run = drained("fast")[0].to_dict()
    assert run["lost_objects"] is None  # a word has no other objects
    hiding = run | {"variant": "fast+flip", "interval": run["interval"] | {"lost_objects": [0.1, 0.3]}}
    runs = [run, hiding | {"lost_objects": 0.2}, hiding | {"seed": 1, "lost_objects": 0.4}]
    del run["lost_objects"]
    rows = {row["variant"]: row for row in leaderboard(runs)}
    assert rows["fast"]["lost_objects"] is None
    assert "lost_objects" not in rows["fast"]["interval"]
    assert rows["fast+flip"]["lost_objects"] == pytest.approx(0.3)
    assert rows["fast+flip"]["interval"]["lost_objects"] == pytest.approx([0.1, 0.3])
    heading, *lines = race._table([rows["fast+flip"], rows["fast"]], {}).splitlines()
    assert "objects lost beyond random noise" in heading
    assert ["30.0 (10.0 to 30.0)" in line for line in lines] == [True, False]


def test_a_variant_that_sees_all_pictures_first_keeps_its_own_number():
    assert [drained(f"paper{change}", budget=23)[0].image_gradients for change in ("+pictures-3", "")] == [21, 20]
