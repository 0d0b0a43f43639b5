"""Cheaper layers give the same logits and gradients, and torch does less for them."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from uapseg.models import load_model
from uapseg.models.cheaper_layers import GlobalAverage, avoid_copies, use_onednn

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


def called_operators(function: Callable[[], object]) -> Counter[str]:
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        function()
    return Counter(event.name for event in profiler.events() or ())


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
    names = called_operators(lambda: torch.autograd.grad(model.raw_output(images).sum(), images))
    assert "aten::mkldnn_convolution" in names
    assert not any("slow_conv" in name for name in names), names


@pytest.mark.parametrize(("activation", "copies"), [(nn.Hardswish, 1), (nn.SiLU, 1), (nn.Mish, 1), (nn.ReLU, 0)])
def test_activations_and_pooling_stay_the_same_with_fewer_copies(activation, copies):
    plain = nn.Sequential(nn.Conv2d(6, 8, 3), activation(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1))
    plain.requires_grad_(False)
    changed = deepcopy(plain)
    avoid_copies(changed)
    for result, expected in zip(logits_and_gradient(changed), logits_and_gradient(plain), strict=True):
        assert torch.allclose(result, expected, atol=1e-6)
    calls, plain_calls = (called_operators(lambda net=net: logits_and_gradient(net)) for net in (changed, plain))
    assert plain_calls["aten::clone"] - calls["aten::clone"] == copies
    assert plain_calls["aten::mean"] == 1
    assert calls["aten::mean"] == 0


def test_pooling_to_more_than_one_pixel_and_other_kinds_stay():
    class Maximum(nn.AdaptiveAvgPool2d):
        """A layer of the user's own."""

    sizes = (2, (1, 2), (None, 1), (1, 1), [1, 1])
    net = nn.Sequential(Maximum(1), *(nn.AdaptiveAvgPool2d(size) for size in sizes))
    avoid_copies(net)
    assert [isinstance(layer, GlobalAverage) for layer in net] == [False, False, False, False, True, True]
