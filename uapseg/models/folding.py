"""Folding batch normalization into convolutions: the same function with fewer and cheaper operations."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def fold_batch_norm(net: nn.Module, logits_of: Callable[[nn.Module], Tensor]) -> tuple[nn.Module, int]:
    """Folds batch normalization into the convolutions before it.

    A forward pass shows which module feeds which, so that networks that `torch.fx` cannot trace are folded too. If
    that fails, or the folded network returns different logits, the network is left as it is.

    Args:
        net: A network in eval mode.
        logits_of: Returns the logits of a network for a fixed batch of images.

    Returns:
        The folded network, and the number of folded normalizations.

    Source:
        Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
        https://arxiv.org/abs/1712.05877, section 3.2.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).eval().requires_grad_(False)
        >>> folded, count = fold_batch_norm(net, lambda net: net(torch.ones(1, 3, 2, 2)))
        >>> count, [type(module).__name__ for module in folded]
        (1, ['Conv2d', 'Identity'])
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in net.modules()):
        return net, 0
    try:
        with _find_pairs(net) as pairs:
            original_logits = logits_of(net)
        folded_net = _fold_pairs(net, pairs)
        folded_logits = logits_of(folded_net)
    except Exception:  # noqa: BLE001  a network of the user's own may raise anything: on this size, a copy, a lost weight
        return net, 0
    is_equal = torch.allclose(
        original_logits, folded_logits, rtol=1e-3, atol=1e-3 * float(original_logits.abs().max())
    )
    return (folded_net, len(pairs)) if pairs and is_equal else (net, 0)


def named_modules(net: nn.Module, *, remove_duplicate: bool = True) -> Iterator[tuple[str, nn.Module]]:
    """Iterates over the modules of a network by name; torch leaves the method of that name untyped.

    Example:
        >>> [name for name, _ in named_modules(nn.Sequential(nn.ReLU()))]
        ['', '0']
    """
    return cast("Any", net).named_modules(remove_duplicate=remove_duplicate)


@contextmanager
def _find_pairs(net: nn.Module) -> Generator[list[tuple[str, str]]]:
    """The names of each convolution and of the only module after it, a normalization; filled once the net has run."""
    calls: Counter[str] = Counter()
    outputs: dict[int, tuple[str, Tensor]] = {}  # the tensor is kept, so that its id stays its own
    convolution_of: dict[str, str] = {}

    def note(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls[name] += 1
        if isinstance(module, _CONVOLUTIONS):
            outputs[id(output)] = (name, output)
        elif id(inputs[0]) in outputs:
            convolution_of[name] = outputs[id(inputs[0])][0]

    modules = [
        (name, module) for name, module in named_modules(net) if isinstance(module, (*_CONVOLUTIONS, nn.BatchNorm2d))
    ]
    hooks = [
        module.register_forward_hook(lambda module, inputs, output, name=name: note(name, module, inputs, output))
        for name, module in modules
    ]
    pairs: list[tuple[str, str]] = []
    try:
        yield pairs
    finally:
        for hook in hooks:
            hook.remove()
    owners = Counter(id(module) for _, module in named_modules(net, remove_duplicate=False))
    modules_by_name = dict(modules)
    output_counts = Counter(convolution_of.values())
    pairs += [
        (convolution, normalization)
        for normalization, convolution in convolution_of.items()
        if all(calls[name] == 1 and owners[id(modules_by_name[name])] == 1 for name in (convolution, normalization))
        and output_counts[convolution] == 1
        and modules_by_name[normalization].track_running_stats
    ]


def _fold_pairs(net: nn.Module, pairs: list[tuple[str, str]]) -> nn.Module:
    """A copy with each convolution fused, and each normalization replaced by the identity."""
    folded_net = deepcopy(net).eval()
    for convolution, normalization in pairs:
        conv, norm = folded_net.get_submodule(convolution), folded_net.get_submodule(normalization)
        transposed = isinstance(conv, nn.ConvTranspose2d)
        fused = cast("Any", fuse_conv_bn_eval)(conv, norm, transpose=transposed)
        folded_net.set_submodule(convolution, fused)
        folded_net.set_submodule(normalization, nn.Identity().eval())
    return folded_net
