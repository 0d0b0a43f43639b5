"""The least epsilon: on a network whose answer is known, and the searches that lead there."""

from collections import deque

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.errors import UapsegError
from uapseg.results.benchmark import Benchmark
from uapseg.results.charts import draw_success_curve
from uapseg.results.smallest import EpsilonSearch, bisect
from uapseg.targets.drawing import mask_target

LIGHT = mask_target(torch.ones(2, 2, dtype=torch.bool).numpy(), "light", "dark")


def benchmark(*shades: int, budget: int = 24) -> Benchmark:
    pictures = (Plain(shades), Plain(shades, "val"), Plain(shades, "test"))
    return Benchmark(greys(), *pictures, LIGHT, 16 / 255, budget)


@pytest.mark.parametrize("least", [1, 5, 8, 16])
def test_bisection_finds_the_least_number_and_tries_none_twice(least):
    tried = list[int]()
    assert bisect(16, lambda number: tried.append(number) or number >= least) == least
    assert tried[0] == 16
    assert len(tried) == len(set(tried)) <= 5


def test_what_is_not_reached_at_the_most_is_not_reached():
    assert bisect(16, lambda number: number > 16) is None


def test_the_least_epsilon_is_the_distance_to_the_other_class():
    """Pictures of shade 100 turn light from 106 on; those of random noise stay dark."""
    search = EpsilonSearch(benchmark(100, 100, 100, 100), 0.9, seed=0)

    def reached(epsilon: int) -> bool:
        deque(search.run(epsilon), maxlen=0)
        return search.points[-1].reached

    least = bisect(16, reached)
    shown = next(shade for shade in range(100, 120) if greys().predict(torch.full((1, 3, 4, 4), shade / 255)).all())
    assert least == shown - 100
    assert [point.epsilon for point in search.points][:2] == [16, 8]
    assert {point.epsilon for point in search.points if point.reached} == {
        point.epsilon for point in search.points if point.epsilon >= least
    }
    assert search.points[-1].image_gradients == 24 * len(search.points)
    assert draw_success_curve(search.points, 0.9, "$ light").startswith(b"\x89PNG")


def test_a_search_starts_from_the_last_perturbation_at_the_new_epsilon():
    search = EpsilonSearch(benchmark(100, 100), 0.9, seed=0)
    deque(search.run(16), maxlen=0)
    first = next(search.run(8)).state
    assert first.image_gradients == 0
    assert torch.allclose(first.delta, search.states[16].best / 2)
    assert first.delta.any()


def test_a_share_that_clean_pictures_have_is_refused():
    with pytest.raises(UapsegError, match=r"reach 50.0 % already: ask for a larger --share"):
        next(EpsilonSearch(benchmark(100, 130), 0.4, seed=0).run(16))
