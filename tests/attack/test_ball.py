"""The balls of both norms: nothing leaves them, rounded or not, and random noise fills them."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.attack.test_loop import search
from uapseg.attack.ball import Ball, root_mean_square, size_in_levels
from uapseg.attack.optimizer import OPTIMIZERS
from uapseg.attack.settings import PRESETS, fast
from uapseg.attack.state import State
from uapseg.attack.validation import Validation

NORMS = ("linf", "l2")
SPARSE = torch.zeros(3, 12, 16)
SPARSE[:, 0, 0] = 100 / 255  # its root mean square is 7.2 grey levels


def random(spread: float, seed: int) -> torch.Tensor:
    return torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(seed)) * spread / 255


@examples(max_examples=60)
@given(st.floats(1, 127), st.floats(0.1, 300), st.integers(0, 99), st.sampled_from(NORMS))
def test_whole_levels_are_in_the_ball_and_stay_as_they_are(levels, spread, seed, norm):
    ball = Ball(levels / 255, norm)
    whole = ball.to_levels(random(spread, seed))
    assert ball.holds(whole)
    assert size_in_levels(whole, norm) <= levels + 1e-3
    assert torch.equal(ball.to_levels(whole / 255), whole)


@examples(max_examples=60)
@given(st.floats(1, 127), st.floats(0.1, 300), st.integers(0, 99))
def test_a_projection_is_in_the_ball_and_stays_as_it_is(levels, spread, seed):
    ball = Ball(levels / 255, "l2")
    delta = ball.project(random(spread, seed))
    assert root_mean_square(delta) * 255 <= levels * (1 + 1e-5)
    assert delta.abs().max() * 255 <= 127 + 1e-3
    assert torch.allclose(ball.project(delta), delta, atol=1e-6)


def test_the_root_mean_square_bounds_all_values_together():
    assert torch.equal(Ball(10 / 255, "l2").project(SPARSE), SPARSE)
    assert (Ball(10 / 255).project(SPARSE) * 255).max() == pytest.approx(10)


def test_rounding_costs_no_more_than_it_must():
    """Every value of 10.4 becomes 10, which fits; of half the values 10.6 and 9.4, the root mean square is 10.02."""
    ball = Ball(10 / 255, "l2")
    assert ball.to_levels(torch.full((3, 4, 4), 10.4 / 255)).unique().tolist() == [10]
    uneven = torch.tensor([10.6, 9.4]).repeat(24).view(3, 4, 4) / 255
    assert ball.to_levels(uneven).unique().tolist() == [9, 10]


@pytest.mark.parametrize("norm", NORMS)
def test_random_noise_is_as_large_as_the_ball_and_follows_the_seed(norm):
    ball = Ball(10 / 255, norm)
    noise = ball.random_noise((24, 16), seed=1)
    assert noise.shape == (3, 16, 24)
    assert root_mean_square(noise) * 255 == pytest.approx(10, rel=1e-5)
    assert torch.equal(noise, ball.random_noise((24, 16), seed=1))
    assert not torch.equal(noise, ball.random_noise((24, 16), seed=2))
    assert size_in_levels(ball.to_levels(noise), "l2") == pytest.approx(10, rel=0.01)


def test_a_step_has_the_length_of_the_step_size_and_the_direction_of_the_gradient():
    none = Validation(0, {}, (), torch.zeros(0, 12, 16, dtype=torch.uint8), {})
    settings = fast(epsilon=10 / 255, budget=100, norm="l2", step_size=2 / 255)
    after = State.initial((16, 12), none).descend(-SPARSE, OPTIMIZERS["dual_averaging"], settings, 0.0)
    assert root_mean_square(after.delta) * 255 == pytest.approx(2, rel=1e-5)
    assert torch.allclose(after.delta / after.delta.max(), SPARSE / SPARSE.max())


@pytest.mark.parametrize("preset", PRESETS)
def test_a_search_in_l2_stays_in_its_ball_and_finds_what_it_holds(preset):
    """Pictures of grey 100 are seen as light from 110.5 on: an even change of 11 does it, and one of 10 cannot."""
    for levels, success in ((11, 1.0), (10, 0.0)):
        snapshots = search(PRESETS[preset](epsilon=levels / 255, budget=120, norm="l2"))
        assert max(root_mean_square(one.state.delta).item() * 255 for one in snapshots) <= levels * (1 + 1e-5)
        assert (snapshots[-1].state.best_validation.scores["target_success"] or 0) >= success
    assert (snapshots[-1].state.best_validation.scores["target_success"] or 0) < 1


def test_in_l2_a_part_of_the_picture_may_have_all_of_the_change():
    assert (Ball(4 / 255, "l2").project(SPARSE) * 255).max() == pytest.approx(100 * 4 / 7.2169, rel=1e-3)
