"""1x1 convolutions by oneDNN give the same logits and gradients, and torch does use it for them."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from uapseg.models import load_model
from uapseg.models.cheaper_layers import use_onednn

IMAGES = torch.rand(2, 6, 24, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def single_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def logits_and_gradient(net: nn.Module) -> tuple[Tensor, Tensor]:
    images = IMAGES.clone().requires_grad_()
    logits = net(images)
    return logits.detach(), torch.autograd.grad(logits.square().sum(), images)[0]


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"padding": 1}, {"padding": "same"}, {"groups": 2}])
def test_logits_and_gradients_stay_the_same(options):
    plain = nn.Sequential(nn.Conv2d(6, 8, 1, **options), nn.Hardswish(), nn.Conv2d(8, 4, 3)).requires_grad_(False)
    changed = deepcopy(plain)
    use_onednn(changed)
    for result, expected in zip(logits_and_gradient(changed), logits_and_gradient(plain), strict=True):
        assert torch.allclose(result, expected, atol=1e-5)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch comes without oneDNN")
def test_torch_uses_onednn_for_all_convolutions_of_an_embedded_network():
    model, images = load_model("street:small", "cpu"), torch.rand(2, 3, 64, 96).requires_grad_()
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        torch.autograd.grad(model.raw_output(images).sum(), images)
    names = {event.name for event in profiler.events()}
    assert "aten::mkldnn_convolution" in names
    assert not any("slow_conv" in name for name in names), names
