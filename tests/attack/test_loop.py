"""The loop: exact where the answer is known, inside the ball always, repeatable, resumable, faithful to the paper."""

from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.conftest import Greys, Plain, greys
from uapseg.attack.data.sampling import class_balanced_weights
from uapseg.attack.distributed import SINGLE_PROCESS
from uapseg.attack.loop import PREFETCH, Search, fit
from uapseg.attack.settings import PRESETS, fast, paper
from uapseg.attack.state import TENSORS, Snapshot, State
from uapseg.attack.validation import Validation
from uapseg.errors import UapsegError
from uapseg.models import Segmenter
from uapseg.targets import HideClasses, StaticTarget
from uapseg.targets.drawing import label_map_target, mask_target

GREY = 1 / 255
RULES = ("dual_averaging", "sign", "adam")
EVERYWHERE = StaticTarget(drawing=mask_target(torch.ones(4, 4, dtype=torch.bool).numpy(), "light", None).drawing,
                    classes=("light",), rest=None, caption="all")  # fmt: skip


def search(settings, *, train=(100,) * 4, held_out=None, target=EVERYWHERE, state=None) -> list[Snapshot]:
    held_out = held_out or ((100,) * 2 if target.kind == "static" else (100, 115))
    return list(fit(greys(), Plain(train), Plain(held_out, "val"), target, settings, state=state))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("levels", "success"), [(10, 0.0), (11, 1.0)])
def test_reaches_what_epsilon_allows_and_no_more(preset, levels, success):
    """Pictures of grey 100 are seen as light from 110.5 on: 10 levels cannot do it, 11 can, exactly."""
    last = search(PRESETS[preset](epsilon=levels * GREY, budget=240))[-1]
    assert last.state.best_validation.scores["target_success"] == success


@pytest.mark.parametrize("preset", PRESETS)
def test_hides_a_class_that_epsilon_can_hide(preset):
    """Light pictures of grey 115 are seen as dark below 110.5; the dark ones must stay dark."""
    settings = PRESETS[preset](epsilon=6 * GREY, budget=160)
    last = search(
        settings, train=(115, 95) * 2, held_out=(115, 95), target=HideClasses(classes=("light",), fill="dark")
    )[-1]
    assert last.state.best_validation.scores["hidden"] == 1.0
    assert last.state.best_validation.scores["kept"] == 1.0


@examples(max_examples=12)
@given(levels=st.floats(1, 40), budget=st.integers(4, 40), batch=st.integers(1, 6), seed=st.integers(0, 9),
       preset=st.sampled_from(sorted(PRESETS)))  # fmt: skip
def test_never_leaves_the_ball(levels, budget, batch, seed, preset):
    settings = PRESETS[preset](epsilon=levels * GREY, budget=budget, batch=batch, seed=seed)
    for snapshot in search(settings):
        assert snapshot.state.delta.abs().amax() <= settings.epsilon
        assert (settings.ball.quantize(snapshot.state.delta) * 255).abs().amax() <= levels + 1e-3


def test_the_same_plan_gives_the_same_perturbation():
    settings = fast(epsilon=11 * GREY, budget=24, batch=3)
    first, second, other = (search(s)[-1].state.delta for s in (settings, settings, replace(settings, seed=1)))
    assert torch.equal(first, second)
    mixed = [
        search(replace(settings, seed=s), train=(90, 100, 110, 120), target=HideClasses(classes=("light",)))[-1]
        for s in (0, 1)
    ]
    assert other.shape == first.shape
    assert not torch.equal(mixed[0].state.momentum, mixed[1].state.momentum)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("stop", [1, 2, 9])
@pytest.mark.parametrize("target", [EVERYWHERE, HideClasses(classes=("light",))], ids=["static", "hidden"])
def test_a_stopped_and_resumed_search_equals_an_uninterrupted_one(preset, stop, target):
    """Bit for bit on the CPU, also in the middle of a pass, through the form that files hold."""
    settings = PRESETS[preset](epsilon=11 * GREY, budget=36, batch=3, validate_every=6)
    whole = search(settings, train=(90, 100, 110, 120), target=target)
    stopped = State.from_tensors(*whole[stop].state.to_tensors())
    again = search(settings, train=(90, 100, 110, 120), target=target, state=stopped)
    assert len(again) == len(whole) - stop
    for name in TENSORS:
        assert torch.equal(getattr(again[-1].state, name), getattr(whole[-1].state, name)), name
    assert again[-1].state.best_validation.scores == whole[-1].state.best_validation.scores


def test_a_hidden_class_that_no_validation_picture_shows_is_refused():
    """Nothing could choose the best iterate, nor tell whether anything was hidden."""
    with pytest.raises(
        UapsegError, match="sees no light in any of the 2 validation pictures: choose classes that appear"
    ):
        search(
            fast(epsilon=GREY, budget=4), train=(115,) * 4, held_out=(90, 95), target=HideClasses(classes=("light",))
        )


def test_hiding_is_searched_by_adam_and_a_static_target_lazily_unless_a_rule_is_set():
    hide = {"target": HideClasses(classes=("light",)), "train": (115, 95)}
    rule = fast(epsilon=11 * GREY, budget=8)
    for where, usual in ((hide, "adam"), ({}, "dual_averaging")):
        default, *each = (search(replace(rule, optimizer=name), **where)[-1].state for name in (None, *RULES))
        same = [
            name
            for name, state in zip(RULES, each, strict=True)
            if torch.equal(state.momentum, default.momentum)
            and torch.equal(state.second_moment, default.second_moment)
            and torch.equal(state.dual, default.dual)
        ]
        assert same == [usual]


def test_balanced_rounds_meet_rare_classes_as_often_as_common_ones():
    """One picture of nine shows the only object: it is drawn half of the time, the others share the other half."""
    settings = fast(epsilon=GREY, budget=900, batch=9, balanced=True)
    shades = (115, *[95] * 8)
    odds = class_balanced_weights(greys(), Plain(shades), range(9))
    assert odds.tolist() == pytest.approx([0.5, *[0.0625] * 8])
    rounds = Search(
        [greys()], Plain(shades), list(range(9)), HideClasses(classes=("light",)), settings, workers=SINGLE_PROCESS
    )
    drawn_ = [number for spent in range(0, 900, 9) for number in rounds._batch(spent)]
    assert 0.42 < drawn_.count(0) / len(drawn_) < 0.58
    assert rounds._batch(90) == rounds._batch(90) != rounds._batch(99)


def test_snapshots_share_no_memory():
    snapshots = search(fast(epsilon=11 * GREY, budget=24, batch=4))
    kept = snapshots[1].state.delta.clone()
    snapshots[-1].state.delta.zero_()
    assert torch.equal(snapshots[1].state.delta, kept)
    assert not snapshots[1].state.delta.requires_grad


def test_the_step_really_decays():
    """A decay that does not decay is a slip of several codes in the field."""
    snapshots = search(fast(epsilon=100 * GREY, budget=80, batch=4, step_size=4 * GREY), train=(30,) * 4)
    moves = [(b.state.delta - a.state.delta).abs().amax().item() for a, b in pairwise(snapshots[1:])]
    assert moves[0] == pytest.approx(4 * GREY, rel=0.05)
    assert moves[-1] < 0.05 * moves[0]
    assert all(late <= early + 1e-7 for early, late in pairwise(moves))


def test_the_paper_takes_one_sign_step_of_a_grey_level_a_pass_against_the_mean_gradient():
    """Compared with the published rule, written out for a full batch."""
    torch.manual_seed(0)
    shades, model = (90, 100, 108, 112, 118), greys()
    images = torch.stack([torch.full((3, 12, 16), shade / 255) for shade in shades])
    hidden = model.predict(images) == 1
    omega, delta = 0.9, torch.zeros(3, 12, 16)
    for _ in range(3):
        delta.requires_grad_()
        logits = model((images + delta).clamp(0, 1))
        loss = F.cross_entropy(logits, torch.zeros_like(hidden, dtype=torch.int64), reduction="none")
        confident = (logits.argmax(1) == 0) & (logits.softmax(1)[:, 0] > 0.75)
        weights = torch.where(hidden, omega, 1 - omega) * ~confident / (12 * 16)
        gradient = torch.autograd.grad((loss * weights).sum((1, 2)).mean(), delta)[0]
        delta = (delta.detach() - gradient.sign() / 255).clamp(-10 / 255, 10 / 255)
    settings = paper(epsilon=10 * GREY, budget=15, omega=omega, batch=2)
    last = search(settings, train=shades, target=HideClasses(classes=("light",), fill="dark"))[-1]
    assert last.state.step == 3
    assert torch.allclose(last.state.delta, delta, atol=1e-7)


def test_a_budget_buys_whole_passes_only_for_the_paper():
    last = search(paper(epsilon=10 * GREY, budget=11, batch=3))[-1]
    assert (last.state.step, last.state.image_gradients) == (2, 8)
    with pytest.raises(UapsegError, match="at least 4 image-gradients"):
        search(paper(epsilon=10 * GREY, budget=3))


def test_a_budget_is_spent_to_the_last_picture():
    last = search(fast(epsilon=10 * GREY, budget=11, batch=4))[-1]
    assert last.state.image_gradients == 11


def test_every_picture_is_used_once_a_pass():
    class Watched(Plain):
        asked: ClassVar[list[int]] = []

        def pictures(self, indices):
            self.asked.extend(indices)
            return super().pictures(indices)

    train = Watched((100,) * 7)
    list(fit(greys(), train, Plain((100,), "val"), EVERYWHERE, fast(epsilon=GREY, budget=14, batch=2)))
    asked = train.asked[7:]  # after the look at what is learnt from
    assert sorted(asked[:7]) == sorted(asked[7:]) == list(range(7))
    assert asked[:7] != asked[7:]


class Hinted(Plain):
    """Remembers the hints that came before each batch, and the batches."""

    def __init__(self, *given):
        super().__init__(*given)
        self.hints: list[list[int]] = []
        self.batches: list[list[int]] = []

    def pictures(self, indices):
        self.batches.append(list(indices))
        return super().pictures(indices)

    def prefetch(self, indices, *, whole=False):
        self.hints.append(list(indices))


@pytest.mark.parametrize("preset", PRESETS)
def test_hints_name_the_pictures_that_come_next_in_their_order(preset):
    train = Hinted((100,) * 30)
    settings = PRESETS[preset](epsilon=11 * GREY, budget=60, batch=4, validate_every=1000)
    list(fit(greys(), train, Plain((100,) * 2, "val"), EVERYWHERE, settings))
    batches = train.batches[-len(train.hints) :]
    coming = [[number for batch in batches[step:] for number in batch] for step in range(1, len(batches) + 1)]
    for hint, later in zip(train.hints, coming, strict=True):
        assert hint == later[: len(hint)]
        assert min(PREFETCH, len(later)) <= len(hint) < PREFETCH + 4


def test_clean_predictions_are_computed_once():
    """A second pass over the four training pictures costs no clean forward."""
    calls: list[int] = []
    model = greys()
    predict = model.predict
    model.predict = lambda images: (calls.append(len(images)), predict(images))[1]
    settings = fast(epsilon=10 * GREY, budget=16, batch=2, validate_every=99)
    snapshots = fit(model, Plain((100, 115, 90, 120)), Plain((115,), "val"), HideClasses(classes=("light",)), settings)
    first = (1 + 4) + 1  # one held-out and four known pictures, and the held-out one with random noise
    next(snapshots)
    for _ in range(2):
        next(snapshots)
    assert sum(calls) == first + 4
    list(snapshots)
    assert sum(calls) == first + 4 + (1 + 4)


@pytest.mark.parametrize("rule", RULES)
def test_a_search_goes_on_from_a_perturbation_at_rest_by_no_more_than_a_step(rule):
    settings = fast(epsilon=30 * GREY, budget=80, batch=4, step_size=GREY, decay=False, optimizer=rule)
    far = search(settings)[-1].state
    begun = replace(far.restart(torch.full_like(far.delta, -20 * GREY)), image_gradients=0)
    after = search(settings, state=begun)[1].state
    assert (after.delta - begun.delta).abs().mean() / GREY == pytest.approx(1, abs=0.01)


def test_the_best_iterate_is_chosen_by_validation():
    """Held-out pictures that the last iterate spoils keep the earlier one: validation chooses, not training."""
    settings = fast(
        epsilon=30 * GREY, budget=40, batch=4, validate_every=4, decay=False, step_size=3 * GREY, momentum=0.0
    )
    target = label_map_target(torch.zeros(4, 4, dtype=torch.uint8).numpy(), ("light",), None, "light")
    last = search(settings, train=(60,) * 4, held_out=(100, 100), target=target)[-1]
    assert last.state.best_validation.selection_score >= last.state.validation.selection_score
    assert last.state.best_validation.scores["target_success"] == 1.0


def looks_of(*shares: float, count: int = 8) -> list[Validation]:
    """Looks at pictures of which some more than half have so large a part at the goal, the others none."""
    return [
        Validation(64 * turn, {}, (0.0,) * count, torch.zeros(1, 2, 2, dtype=torch.uint8), {},
                   counts=torch.tensor([[[[round(100 * share) * (place < 5), 100]] for place in range(count)]]))
        for turn, share in enumerate(shares)
    ]  # fmt: skip


def walked(*looks: Validation) -> State:
    state = State.initial((4, 4), looks[0])
    for look in looks[1:]:
        state = replace(state, delta=torch.full_like(state.delta, look.image_gradients)).with_validation(look)
    return state


def test_of_iterates_that_the_pictures_cannot_tell_apart_the_last_is_kept():
    """All pictures agree that 0.9 is better than 0.1, and that 0.3 is worse than 0.9."""
    assert walked(*looks_of(0, 0.1, 0.9, 0.3)).best_validation.image_gradients == 128
    assert walked(*looks_of(0, 0.1, 0.9, 0.9)).best_validation.image_gradients == 192
    rows = looks_of(0, 0.9, 0.9)
    rows[2].counts[0, :3, 0, 0] -= 40  # worse on three of eight pictures, better on one
    rows[2].counts[0, 7, 0, 0] += 100
    kept = walked(*rows)
    assert kept.best_validation.image_gradients == 128
    assert (kept.best == 128).all()
    assert (walked(*looks_of(0, 0.9, 0.3, count=1)).best == 128).all()  # a single picture tells nothing


def test_a_slow_decline_is_compared_with_the_best_not_with_what_was_kept_before():
    """Each look is as good as the one before it but for chance; together they are far worse than the best."""
    rows = looks_of(0, *[0.9] * 6)
    for turn, look in enumerate(rows[1:]):
        look.counts[0, turn % 5, 0, 0] += 3 * (turn > 0)  # one is better each time
        look.counts[0, :5, 0, 0] -= 2 * turn
    assert walked(*rows[:3]).best_validation.image_gradients == 128
    assert walked(*rows).best_validation.image_gradients < 6 * 64


def test_a_run_that_gains_nothing_knows_since_when():
    state = walked(*looks_of(0, 0.4, 0.9, 0.9, 0.9, 0.3))
    assert (state.improved_at, state.stalled_for) == (128, 192)
    assert walked(*looks_of(0, 0, 0)).stalled_for == 128


def test_a_snapshot_stands_still_after_half_of_the_budget_without_a_gain():
    settings = fast(epsilon=11 * GREY, budget=80, batch=4, validate_every=4)
    gained, never = (
        [snapshot.stalled for snapshot in search(replace(settings, epsilon=levels * GREY))] for levels in (11, 5)
    )
    assert never == [snapshot >= 10 for snapshot in range(21)]
    assert gained.index(True) > 10
    assert gained[-1]


def test_the_first_validation_may_come_sooner():
    settings = fast(epsilon=11 * GREY, budget=40, batch=4, validate_every=16)
    for first, when in ((None, [0, 16, 32, 40]), (3, [0, 4, 20, 36, 40])):
        snapshots = search(replace(settings, first_validation=first))
        assert sorted({snapshot.state.validation.image_gradients for snapshot in snapshots}) == when


def test_refuses_before_the_first_step():
    with pytest.raises(UapsegError, match="no class 'person'"):
        fit(greys(), Plain((1,)), Plain((1,), "val"), HideClasses(classes=("person",)), fast(epsilon=GREY, budget=1))


@pytest.mark.parametrize(
    ("field", "value"),
    [("epsilon", 10), ("budget", 0), ("tau", 0.2), ("momentum", 1.0), ("batch", 0), ("seed", 10**13),
     ("train_pictures", 0), ("validation_pictures", 0), ("validate_every", 0), ("first_validation", 0), ("shift", -1),
     ("tile", (4, 64))],
)  # fmt: skip
def test_settings_check_themselves_and_say_the_range(field, value):
    with pytest.raises(UapsegError, match=f"The {field.replace('_', ' ')} must lie between"):
        fast(**{"epsilon": GREY, "budget": 10, field: value})


def shifted(by: int) -> Segmenter:
    """The network of greys for pictures that are lighter by some levels, with another name for each class."""
    net = torch.nn.Sequential(torch.nn.Identity(), Greys())
    net.register_forward_pre_hook(lambda _, images: (images[0] - by * GREY,))
    return Segmenter(
        net, name=f"greys {by}", classes=("DARK", "LIGHT", "never"), palette=((0, 0, 0),) * 3, objects=("LIGHT",),
        pair=("LIGHT", "DARK"), source="known answers", licence="MIT",
    )  # fmt: skip


def several(also: Segmenter, levels: int) -> Snapshot:
    settings = fast(epsilon=levels * GREY, budget=240)
    return list(fit(greys(), Plain((100,) * 4), Plain((100,) * 2, "val"), EVERYWHERE, settings, extra_models=[also]))[
        -1
    ]


@pytest.mark.parametrize(("levels", "merits"), [(10, (0.0, 0.0)), (11, (1.0, 0.0)), (14, (1.0, 1.0))])
def test_several_networks_are_all_made_to_see_it_and_choose_by_their_mean(levels, merits):
    """Grey 100 is light to the first network from 110.5 levels on, to the second from 113.5 on."""
    chosen = several(shifted(3), levels).state.best_validation
    assert (chosen.scores["target_success"], chosen.others[0]["target_success"]) == merits
    assert chosen.selection_score == sum(merits) / 2


def test_of_several_networks_the_one_without_a_class_is_named():
    target, night = HideClasses(classes=("light",)), shifted(3)
    night.classes = ("night", "day", "noon")
    night.objects = ("day",)
    with pytest.raises(UapsegError, match="does not fit the network greys 3: The network has no class 'light'"):
        fit(greys(), Plain((1,)), Plain((1,), "val"), target, fast(epsilon=GREY, budget=1), extra_models=[night])


def test_random_noise_and_clean_floors_come_with_every_snapshot():
    first, *_ = search(fast(epsilon=10 * GREY, budget=8), held_out=(100, 120))
    assert first.baselines["clean"]["target_success"] == 0.5
    assert set(first.baselines) == {"clean", "random_noise"}
