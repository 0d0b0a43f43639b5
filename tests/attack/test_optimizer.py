"""One step from a gradient, against the rules written out."""

from dataclasses import replace

import pytest
import torch

from uapseg.attack.optimizer import epsilon_at, inner_step, optimizer_step, step_size_at
from uapseg.attack.settings import fast
from uapseg.attack.state import State
from uapseg.attack.validation import Validation

NOTHING = Validation(0, {}, (), torch.zeros(0, 2, 2, dtype=torch.uint8), {})
START = State.initial((2, 2), NOTHING)
GRADIENT = torch.tensor([[[1.0, -2.0], [0.0, 4.0]]]).expand(3, 2, 2).contiguous()


def settings(**options):
    return fast(epsilon=10 / 255, budget=100, **options)


def test_a_sign_step_goes_against_the_gradient_by_the_same_for_each_value():
    after = optimizer_step(START, GRADIENT, settings(optimizer="sign", step_size=2 / 255), 0.0)
    assert torch.allclose(after.delta * 255, -2 * GRADIENT.sign())
    assert after.step == 1


def test_a_lazy_step_is_as_large_as_the_pace_on_average_over_the_values():
    after = optimizer_step(START, GRADIENT, settings(optimizer="dual_averaging", step_size=2 / 255), 0.0)
    assert torch.allclose(after.delta * 255, -2 * GRADIENT / GRADIENT.abs().mean())
    assert not after.second_moment.any()


@pytest.mark.parametrize(("name", "slack", "back"), [("sign", 1, 2), ("dual_averaging", 2, 7)])
def test_only_what_a_lazy_step_pushed_beyond_epsilon_needs_as_much_to_come_back(name, slack, back):
    """By steps of 2 levels back from 10, or 20, the second, or the seventh, is the first below 7."""
    rule, state, steps = settings(optimizer=name, momentum=0.0, step_size=2 / 255, decay=False), START, 0
    for _ in range(20):
        state = optimizer_step(state, -torch.ones(3, 2, 2), rule, 0.0)
    assert torch.allclose(state.delta * 255, torch.full((3, 2, 2), 10.0))
    assert torch.allclose(state.dual * 255, torch.full((3, 2, 2), 10.0 * slack))
    while state.delta.amax() * 255 > 7:
        state, steps = optimizer_step(state, torch.ones(3, 2, 2), rule, 0.0), steps + 1
    assert steps == back


def test_a_state_keeps_what_lies_beyond_epsilon_only_for_the_same_target():
    wide = replace(START, delta=torch.full((3, 2, 2), 10 / 255), dual=torch.full((3, 2, 2), 16 / 255))
    same, other = (wide.with_settings(settings(), same_target=same_target) for same_target in (True, False))
    assert torch.equal(same.dual, wide.dual)
    assert torch.equal(other.dual, wide.delta)
    assert torch.equal(same.delta, other.delta)
    less = wide.with_settings(fast(epsilon=4 / 255, budget=100), same_target=True)
    assert (less.delta.amax() * 255).item() == pytest.approx(4)


def test_momentum_adds_gradients_of_unit_mean_size():
    one = optimizer_step(START, GRADIENT, settings(momentum=0.5), 0.0)
    two = optimizer_step(one, -1000 * GRADIENT.flip(-1), settings(momentum=0.5), 0.0)
    unit = GRADIENT / GRADIENT.abs().mean()
    assert torch.allclose(two.momentum, 0.5 * unit - unit.flip(-1))


def test_adam_is_that_of_torch_but_for_the_ball():
    value = torch.nn.Parameter(torch.zeros(3, 2, 2))
    reference = torch.optim.Adam([value], lr=0.1 / 255, betas=(0.9, 0.999))
    state, rule = START, settings(optimizer="adam", momentum=0.9, step_size=0.1 / 255, decay=False)
    for turn in range(5):
        gradient = (GRADIENT + turn).contiguous()
        value.grad = gradient / gradient.abs().mean()
        reference.step()
        state = optimizer_step(state, gradient, rule, 0.0)
    assert torch.allclose(state.delta, value.detach(), atol=1e-7)
    assert optimizer_step(state, GRADIENT, replace(rule, step_size=1.0), 0.0).delta.abs().amax() <= 10 / 255


def test_the_pace_falls_along_a_cosine_to_nothing():
    assert [step_size_at(settings(step_size=0.02), share) for share in (0, 0.5, 1)] == pytest.approx([0.02, 0.01, 0.0])
    assert step_size_at(settings(step_size=0.02, decay=False), 0.9) == 0.02


def test_the_ball_is_wider_at_first_where_asked_and_never_in_the_end():
    shares = (0, 0.29, 0.3, 0.59, 0.6, 1)
    assert [round(epsilon_at(settings(wide=True), share) * 255, 3) for share in shares] == [20, 20, 15, 15, 10, 10]
    assert epsilon_at(settings(), 0) == 10 / 255
    far = replace(START, dual=torch.full((3, 2, 2), 18 / 255))
    assert optimizer_step(far, GRADIENT, settings(wide=True), 0.7).delta.abs().amax() <= 10 / 255


def test_a_walk_steps_by_the_sign_and_stays_in_the_ball():
    rule = settings(step_size=4 / 255)
    once = inner_step(START.delta, GRADIENT, rule, 0.0)
    assert torch.allclose(once * 255, -4 * GRADIENT.sign())
    far = once
    for _ in range(5):
        far = inner_step(far, GRADIENT, rule, 0.0)
    assert far.abs().amax() <= 10 / 255
