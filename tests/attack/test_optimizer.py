"""One step from a gradient, against the rules written out."""

from dataclasses import replace

import pytest
import torch

from uapseg.attack.optimizer import OPTIMIZERS
from uapseg.attack.settings import Settings, fast
from uapseg.attack.state import State
from uapseg.attack.validation import Validation

NOTHING = Validation(0, {}, (), torch.zeros(0, 2, 2, dtype=torch.uint8), {})
START = State.initial((2, 2), NOTHING)
GRADIENT = torch.tensor([[[1.0, -2.0], [0.0, 4.0]]]).expand(3, 2, 2).contiguous()


def settings(**options):
    return fast(epsilon=10 / 255, budget=100, **{"optimizer": "sign", **options})


def descend(state: State, gradient: torch.Tensor, rule: Settings, share: float = 0.0) -> State:
    return state.descend(gradient, OPTIMIZERS[rule.optimizer], rule, share)


def test_a_sign_step_goes_against_the_gradient_by_the_same_for_each_value():
    after = descend(START, GRADIENT, settings(optimizer="sign", step_size=2 / 255), 0.0)
    assert torch.allclose(after.delta * 255, -2 * GRADIENT.sign())
    assert after.step == 1


def test_a_step_of_dual_averaging_is_as_large_as_the_step_size_on_average_over_the_values():
    after = descend(START, GRADIENT, settings(optimizer="dual_averaging", step_size=2 / 255), 0.0)
    assert torch.allclose(after.delta * 255, -2 * GRADIENT / GRADIENT.abs().mean())
    assert not after.second_moment.any()


@pytest.mark.parametrize(("name", "slack", "back"), [("sign", 1, 2), ("dual_averaging", 2, 7)])
def test_only_what_dual_averaging_pushed_beyond_epsilon_needs_as_much_to_come_back(name, slack, back):
    """By steps of 2 levels back from 10, or 20, the second, or the seventh, is the first below 7."""
    rule, state, steps = settings(optimizer=name, momentum=0.0, step_size=2 / 255, decay=False), START, 0
    for _ in range(20):
        state = descend(state, -torch.ones(3, 2, 2), rule, 0.0)
    assert torch.allclose(state.delta * 255, torch.full((3, 2, 2), 10.0))
    assert torch.allclose(state.dual * 255, torch.full((3, 2, 2), 10.0 * slack))
    while state.delta.amax() * 255 > 7:
        state, steps = descend(state, torch.ones(3, 2, 2), rule, 0.0), steps + 1
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
    one = descend(START, GRADIENT, settings(momentum=0.5), 0.0)
    two = descend(one, -1000 * GRADIENT.flip(-1), settings(momentum=0.5), 0.0)
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
        state = descend(state, gradient, rule, 0.0)
    assert torch.allclose(state.delta, value.detach(), atol=1e-7)
    assert descend(state, GRADIENT, replace(rule, step_size=1.0), 0.0).delta.abs().amax() <= 10 / 255


def test_the_step_size_falls_along_a_cosine_to_nothing():
    assert [settings(step_size=0.02).step_size_at(share) for share in (0, 0.5, 1)] == pytest.approx([0.02, 0.01, 0.0])
    assert settings(step_size=0.02, decay=False).step_size_at(0.9) == 0.02
