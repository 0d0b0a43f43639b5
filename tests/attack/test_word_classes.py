"""The classes of a word: pairs are tried briefly, and the best is taken."""

from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from tests.conftest import Plain, greys
from uapseg.attack.word_classes import candidate_pairs, choose_pair, frequent_classes, successive_halving, trial_size


class Course:
    """A candidate whose score after a step is a function of the steps."""

    def __init__(self, score) -> None:
        self.score, self.steps = score, 0

    def __iter__(self) -> Iterator[float]:
        return self

    def __next__(self) -> float:
        self.steps += 1
        return self.score(self.steps)


@pytest.mark.parametrize("candidates", [1, 2, 3, 7, 13])
@pytest.mark.parametrize("best", [0, -1])
def test_halving_finds_the_best_and_costs_no_more_than_allowed(candidates, best):
    courses = {
        name: Course(lambda steps, name=name: steps * (name == range(candidates)[best])) for name in range(candidates)
    }
    assert successive_halving(courses, steps=200) == list(courses)[best]
    assert sum(course.steps for course in courses.values()) <= 200


def test_halving_spends_on_those_that_are_left():
    courses = {name: Course(lambda steps, name=name: name) for name in range(8)}
    assert successive_halving(courses, steps=240) == 7
    assert [course.steps for course in courses.values()] == [10, 10, 10, 10, 30, 30, 70, 70]


def test_halving_takes_the_newest_score_and_of_equal_ones_the_first():
    courses = {
        "falls": Course(lambda steps: 10 - steps),
        "rises": Course(lambda steps: steps),
        "same": Course(lambda steps: steps),
    }
    assert successive_halving(courses, steps=60) == "rises"


def test_the_default_pair_is_tried_first_and_no_class_beside_itself():
    pairs = candidate_pairs(["a", "b", "c"], ("d", "b"), None, None)
    assert pairs[0] == ("d", "b")
    assert Counter(pairs) == Counter(
        [("d", "b"), ("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]
    )


def test_a_class_that_is_named_is_in_every_pair():
    assert candidate_pairs(["a", "b"], ("d", "b"), "a", None) == [("a", "b")]
    assert candidate_pairs(["a", "b"], ("d", "b"), None, "a") == [("d", "a"), ("b", "a")]
    assert candidate_pairs(["b"], ("d", "b"), "b", None) == [("b", "b")]  # which the command then refuses


@pytest.mark.parametrize(("shade", "pair"), [(100, ("light", "dark")), (121, ("dark", "light"))])
def test_the_pair_that_is_easier_is_chosen_whichever_is_the_default(shade, pair):
    """Where most pictures are dark, the larger part is easily dark: what must change is the letters alone."""
    train = Plain((shade, shade, shade, 221 - shade) * 4, size=(48, 32))
    assert choose_pair(greys(), train, "o", epsilon=11 / 255, work=60) == (pair, 2)


class Counted(Plain):
    """Counts the pictures that are asked for."""

    asked = 0

    def pictures(self, indices):
        self.asked += len(indices)
        return super().pictures(indices)


def test_the_trials_cost_no_more_than_allowed():
    train = Counted([100, 121] * 8, size=(48, 32))
    choose_pair(greys(), train, "o", epsilon=11 / 255, work=60)
    assert 50 < train.asked - 8 <= 60 - 8 / 3


def test_frequent_classes_are_those_that_cover_most_and_never_one_that_is_not_seen():
    assert frequent_classes(greys(), Plain([100] * 7 + [121]), 0) == ["dark", "light"]
    assert frequent_classes(greys(), Plain([121] * 8), 0) == ["light"]


def test_trials_take_a_quarter_of_the_pixels_where_enough_are_left():
    assert trial_size((384, 256)) == (192, 128)
    assert trial_size((100, 300)) == (100, 300)
    assert next(side for side in count(2) if trial_size((side, side)) != (side, side)) == 128
