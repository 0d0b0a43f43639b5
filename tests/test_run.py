"""Plans and devices: what is asked for, and what is said when it cannot be had."""

import pytest
import torch

from uapseg.errors import UapsegError
from uapseg.run import Plan, choose_device, run
from uapseg.settings import fast
from uapseg.targets import Hidden

PLAN = Plan(
    model="street", data="street", target=Hidden(classes=("Car",)), settings=fast(epsilon=10 / 255, budget=8, batch=4)
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


def test_the_embedded_network_and_scenes_run_from_a_plan_alone():
    *_, last = run(PLAN, device="cpu")
    assert last.state.image_gradients == 8
    assert 0 < last.won < 1
    assert last.loss > 0
    assert last.state.validation.predictions.shape == (6, 256, 384)
    assert set(last.state.validation.scores) == {"hidden", "filled", "fully_hidden", "kept", "kept_objects", "miou"}
