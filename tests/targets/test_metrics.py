"""Shares by hand, and counts that add up however the pictures are split."""

from functools import reduce
from operator import add

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from uapseg.targets import HideClasses, SwapClasses, Untargeted
from uapseg.targets.bootstrap import bootstrap_interval, bootstrap_intervals, lost_objects
from uapseg.targets.counts import truth_overlap
from uapseg.targets.drawing import label_map_target
from uapseg.targets.metrics import count_pixels, find_collapse, mean_iou, per_image_success, pixel_accuracy, scores
from uapseg.targets.selection import groups_gone, selection_counts, selection_gain, selection_score

CLASSES = ("road", "car", "person")
HIDE = HideClasses(classes=("person",), fill="road")


def maps(*rows: list[int]) -> torch.Tensor:
    return torch.tensor([[row] for row in rows], dtype=torch.uint8)


def hide(clean: torch.Tensor, seen: torch.Tensor):
    return count_pixels(seen, clean, HIDE.bind(CLASSES, ("car", "person"), (4, 1))(clean), HIDE, CLASSES)


def test_hidden_classes_by_hand():
    counts = hide(maps([2, 2, 1, 0], [2, 1, 1, 0]), maps([0, 1, 1, 0], [2, 1, 0, 2]))
    values = scores(counts, HIDE)
    assert values["hidden"] == 1 / 3  # two of three are gone, whatever they became, and one is new elsewhere
    assert values["filled"] == 1 / 3  # the other one became a car
    assert values["fully_hidden"] == 1 / 2
    assert values["kept"] == 3 / 5
    assert values["kept_objects"] == 2 / 3
    assert values["miou"] == pytest.approx((1 / 3 + 2 / 3) / 2)  # of the others: a hidden class is none of them
    assert per_image_success(counts, HIDE) == (1.0, 0.0)


def test_a_hidden_class_that_appears_elsewhere_is_not_hidden():
    """It moved by a pixel, twice as much of it is there, it appears where none was, and it is really gone."""
    clean = maps([2, 1, 0, 0], [2, 0, 0, 0], [0, 0, 1, 1], [2, 2, 2, 0])
    seen = maps([0, 2, 0, 0], [2, 2, 0, 0], [0, 0, 1, 2], [0, 0, 0, 0])
    assert [scores(hide(clean[n : n + 1], seen[n : n + 1]), HIDE)["hidden"] for n in range(4)] == [0.0, 0.0, None, 1.0]
    counts = hide(clean, seen)
    values = scores(counts, HIDE)
    assert values["hidden"] == pytest.approx(1 - 4 / 5)
    assert values["fully_hidden"] == 1 / 4
    assert values["kept"] == 8 / 11
    assert values["kept_objects"] == 1 / 3
    assert per_image_success(counts, HIDE) == (0.0, 0.0, 0.0, 1.0)
    assert bootstrap_interval(counts, HIDE) == pytest.approx(
        tuple(bootstrap_intervals(counts, HIDE)["hidden"]), abs=1e-9
    )
    assert bootstrap_interval(counts, HIDE)[0] == 0.0


def test_a_swap_by_hand():
    target = SwapClasses(source="person", into="car")
    clean, seen = maps([2, 2, 1, 0], [0, 1, 1, 0]), maps([1, 0, 1, 1], [0, 1, 0, 0])
    counts = count_pixels(seen, clean, target.bind(CLASSES, ("car", "person"), (4, 1))(clean), target, CLASSES)
    values = scores(counts, target)
    assert {name: values[name] for name in ("swapped", "kept", "kept_objects")} == {
        "swapped": 1 / 2,
        "kept": 4 / 6,
        "kept_objects": 2 / 3,
    }
    assert values["miou"] == pytest.approx((2 / 4 + 2 / 4) / 2)  # road and car, without the pixels that were a person
    assert per_image_success(counts, target) == (1 / 2, None)
    assert selection_score(selection_counts(counts, target)) == pytest.approx((1 / 2 + 1 / 2 + 4 / 6 + 2 / 3) / 4)


def test_an_untargeted_attack_by_hand():
    target = Untargeted()
    clean, seen = maps([2, 2, 1, 0], [0, 1, 1, 0]), maps([1, 2, 1, 1], [0, 1, 0, 0])
    counts = count_pixels(seen, clean, target.bind(CLASSES, ("car", "person"), (4, 1))(clean), target, CLASSES)
    values = scores(counts, target)
    assert values["fooled"] == 3 / 8
    assert values["pixel_accuracy"] == 5 / 8
    assert values["miou"] == pytest.approx((2 / 4 + 2 / 5 + 1 / 2) / 3)
    assert per_image_success(counts, target) == (1 / 2, 1 / 4)
    assert set(bootstrap_intervals(counts, target)) == {"fooled", "pixel_accuracy", "miou"}
    assert find_collapse(counts, target, CLASSES) is None


def test_accuracy_against_the_truth_counts_the_known_pixels_alone():
    seen, truth = maps([0, 1, 2, 0], [1, 1, 0, 0]), maps([0, 0, 2, 255], [1, 2, 255, 255])
    overlap, union = truth_overlap(seen, truth, 3)
    assert pixel_accuracy(overlap, union) == pytest.approx(3 / 5)
    assert pixel_accuracy(overlap[:0], union[:0]) is None


def test_a_static_target_by_hand():
    target = label_map_target(torch.tensor([[0, 0, 255, 255]], dtype=torch.uint8).numpy(), ("car",), "road", "two")
    clean = maps([0, 0, 0, 0])
    counts = count_pixels(maps([1, 0, 0, 0]), clean, target.bind(CLASSES, (), (4, 1))(clean), target, CLASSES)
    assert scores(counts, target) == {"target_success": 3 / 4, "region_success": 1 / 2}
    assert per_image_success(counts, target) == (3 / 4,)


def test_a_share_of_nothing_is_none_and_never_nan():
    counts = hide(maps([0, 0, 0, 0]), maps([0, 0, 0, 0]))
    values = scores(counts, HIDE)
    assert values["hidden"] is None
    assert values["kept_objects"] is None
    assert values["kept"] == 1.0
    assert selection_score(selection_counts(counts, HIDE)) == 1.0


@examples(max_examples=30)
@given(seed=st.integers(0, 99), split=st.integers(1, 5))
def test_batches_add_up(seed, split):
    generator = torch.Generator().manual_seed(seed)
    clean, seen = (torch.randint(3, (6, 1, 4), generator=generator, dtype=torch.uint8) for _ in range(2))
    whole = hide(clean, seen)
    parts = reduce(add, [hide(clean[:split], seen[:split]), hide(clean[split:], seen[split:])])
    assert len(parts) == 6
    assert scores(parts, HIDE) == scores(whole, HIDE)
    assert per_image_success(parts, HIDE) == per_image_success(whole, HIDE)


def test_intervals_hold_the_value_and_shrink_with_more_pictures():
    generator = torch.Generator().manual_seed(0)
    clean, seen = (torch.randint(3, (40, 1, 30), generator=generator, dtype=torch.uint8) for _ in range(2))
    seen[..., ::2] %= 2  # half as many people as before
    few, many = (bootstrap_intervals(hide(clean[:n], seen[:n]), HIDE)["hidden"] for n in (6, 40))
    value = scores(hide(clean, seen), HIDE)["hidden"]
    assert value is not None
    assert many[0] < value < many[1]
    assert many[1] - many[0] < few[1] - few[0]
    assert many == bootstrap_intervals(hide(clean, seen), HIDE)["hidden"]


def test_the_interval_of_the_first_score_alone_is_the_same():
    """Pictures differ in how many pixels are hidden: it is the share of all of them, not the mean share."""
    generator = torch.Generator().manual_seed(0)
    clean, seen = (torch.randint(3, (40, 1, 30), generator=generator, dtype=torch.uint8) for _ in range(2))
    seen[..., ::2] %= 2  # half as many people as before
    clean[:20, :, 3:] = 0
    counts = hide(clean, seen)
    assert bootstrap_interval(counts, HIDE) == pytest.approx(
        tuple(bootstrap_intervals(counts, HIDE)["hidden"]), abs=1e-9
    )
    assert bootstrap_interval(hide(maps([0, 1]), maps([0, 1])), HIDE) == ()


def test_pictures_that_are_all_alike_have_an_interval_of_no_width():
    clean = maps(*[[2, 2, 1, 0]] * 5)
    assert bootstrap_intervals(hide(clean, maps(*[[2, 0, 1, 0]] * 5)), HIDE)["hidden"] == [0.5, 0.5]


def test_a_gain_is_distinguished_from_chance_by_the_pictures():
    """Of ten pictures all are better, or half are better and half as much worse; and one picture tells nothing."""
    clean = maps(*[[2, 2, 1, 0]] * 10)
    before, better = (selection_counts(hide(clean, maps(*[row] * 10)), HIDE) for row in ([0, 2, 1, 0], [0, 0, 1, 0]))
    mixed = selection_counts(hide(clean, maps(*[[0, 0, 1, 0], [2, 2, 1, 2]] * 5)), HIDE)
    gain = selection_score(better) - selection_score(before)
    assert gain == pytest.approx(0.375)
    assert selection_gain(better, before) == pytest.approx((gain, gain, gain))
    assert selection_gain(before, better) == pytest.approx((-gain, -gain, -gain))
    low, none, high = selection_gain(mixed, before)
    assert low < none == 0 < high
    low, one, high = selection_gain(better[:, :1], before[:, :1])
    assert (low, high) == (float("-inf"), float("inf"))
    assert one == pytest.approx(gain)


def test_a_class_that_swallows_others_is_named_and_one_that_should_is_not():
    clean = maps([2, 2, 1, 0], [2, 1, 1, 0])
    found = find_collapse(hide(clean, maps([1, 1, 1, 1], [0, 1, 1, 1])), HIDE, CLASSES)
    assert found is not None
    assert (found.name, found.clean, found.goal, found.perturbed) == ("car", 3 / 8, 3 / 8, 7 / 8)
    assert found.excess == pytest.approx(1 / 2)
    assert (
        find_collapse(hide(clean, maps([0, 0, 1, 0], [0, 1, 1, 0])), HIDE, CLASSES) is None
    )  # road takes what it should
    assert (
        find_collapse(hide(clean, clean), HIDE, CLASSES) is None
    )  # nothing has grown: the hidden class is still there


def test_the_truth_is_compared_where_there_is_one():
    seen, truth = maps([0, 1, 1, 2]), maps([0, 1, 2, 255])
    overlap, union = truth_overlap(seen, truth, 3)
    assert overlap.tolist() == [[1, 1, 0]]
    assert union.tolist() == [[1, 2, 1]]
    assert mean_iou(overlap, union) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert mean_iou(overlap[:, :0], union[:, :0]) is None


@examples(max_examples=20)
@given(seed=st.integers(0, 99))
def test_overlap_and_union_are_those_of_the_masks(seed):
    """The histogram of pairs against masks written out, hidden pixels left out."""
    generator = torch.Generator().manual_seed(seed)
    clean, seen = (torch.randint(3, (4, 2, 5), generator=generator, dtype=torch.uint8) for _ in range(2))
    counts, counted = hide(clean, seen), clean != 2
    assert not counts.union[:, 2].any()
    for number in range(2):
        before, after = (clean == number) & counted, (seen == number) & counted
        assert counts.overlap[:, number].tolist() == (before & after).sum((1, 2)).tolist()
        assert counts.union[:, number].tolist() == (before | after).sum((1, 2)).tolist()


def test_groups_of_hidden_pixels_are_gone_or_partly_or_still_there():
    """Of 40, 3, 20 and 20 pixels: one pixel is left, none, a quarter, all; and three appear elsewhere."""
    clean, seen = (torch.zeros(1, 8, 64, dtype=torch.uint8) for _ in range(2))
    for row, length in ((0, 40), (2, 3), (4, 20), (6, 20)):
        clean[0, row, :length] = 2
    seen[0, 0, :1] = seen[0, 4, :5] = seen[0, 6, :20] = seen[0, 7, 40:43] = 2
    values = scores(hide(clean, seen), HIDE)
    assert [values[name] for name in ("gone", "partly_gone", "still_there")] == [1 / 2, 1 / 4, 1 / 4]
    assert values["elsewhere"] == 3 / 83
    assert groups_gone(selection_counts(hide(clean, seen), HIDE), HIDE) == (2, 4)
    assert scores(hide(clean, clean), HIDE)["still_there"] == 1
    clean[0, 7, 63] = 2  # half of a thousandth of the picture: no person
    clean = clean.repeat(1, 4, 1)
    assert hide(clean, clean).components.tolist() == [[0, 0, 16]]


def test_pixels_that_touch_at_a_corner_are_one_group_of_any_hidden_classes():
    both = HideClasses(classes=("car", "person"), fill="road")
    clean = torch.tensor([[[1, 0, 0], [0, 2, 0], [0, 0, 0], [2, 2, 1]]], dtype=torch.uint8)
    seen = torch.tensor([[[2, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]], dtype=torch.uint8)
    counts = count_pixels(seen, clean, both.bind(CLASSES, (), (3, 4))(clean), both, CLASSES)
    assert counts.components.tolist() == [[1, 0, 1]]  # another hidden class in its place is still there


def test_other_objects_lost_count_beyond_the_baseline():
    clean = maps(*[[2, 1, 1, 0]] * 4)
    worse, noise = (hide(clean, maps(*[row] * 4)) for row in ([0, 0, 0, 0], [0, 1, 0, 0]))
    assert lost_objects(worse, noise, HIDE) == (0.5, [0.5, 0.5])
    assert lost_objects(noise, worse, HIDE) == (-0.5, [-0.5, -0.5])
    assert lost_objects(hide(maps([2, 0]), maps([0, 0])), hide(maps([2, 0]), maps([2, 0])), HIDE) is None
