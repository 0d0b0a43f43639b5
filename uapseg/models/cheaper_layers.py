"""Layers that compute the same with less work."""

from torch import Tensor, nn

from uapseg.models.folding import named_modules

_NEEDS_INPUT = (nn.Hardswish, nn.SiLU, nn.Mish)
"""Activations whose gradient is computed from their input."""


class GlobalAverage(nn.Module):
    """The average over all pixels: as a sum, whose gradient need not be written for each pixel, unlike that of a mean.

    Example:
        >>> import torch
        >>> GlobalAverage()(torch.tensor([[[[1.0, 3.0]]]]))
        tensor([[[[2.]]]])
    """

    def forward(self, values: Tensor) -> Tensor:
        """Averages values (n, c, h, w) over their pixels (n, c, 1, 1)."""
        height, width = values.shape[-2:]
        return values.sum((-2, -1), keepdim=True) / (height * width)


def avoid_copies(net: nn.Module) -> None:
    """Has the layers of a network copy less, in place; logits and gradients differ at most by rounding.

    Average pooling to one pixel becomes `GlobalAverage`. Activations whose gradient needs their input get an output of
    their own: computing in place, they would copy the input first.

    Args:
        net: The network.

    Example:
        >>> net = nn.Sequential(nn.Hardswish(inplace=True), nn.AdaptiveAvgPool2d(1))
        >>> avoid_copies(net)
        >>> net
        Sequential(
          (0): Hardswish()
          (1): GlobalAverage()
        )
    """
    for name, module in [*named_modules(net)]:
        if type(module) is nn.AdaptiveAvgPool2d and module.output_size in (1, (1, 1), [1, 1]):
            net.set_submodule(name, GlobalAverage().train(module.training))
        elif isinstance(module, _NEEDS_INPUT):
            module.inplace = False


def use_onednn(net: nn.Module) -> None:
    """Has torch compute the 1x1 convolutions of a network by oneDNN, in place; results differ by rounding.

    With a single thread and fewer than 16 images, torch multiplies matrices instead, which takes up to twice as long.
    Its rule makes an exception for dilated convolutions, and dilation does not change a 1x1 kernel.

    Args:
        net: A network on the CPU.

    Source:
        ``use_mkldnn`` in ``aten/src/ATen/native/Convolution.cpp``.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 3))
        >>> use_onednn(net)
        >>> [conv.dilation for conv in net]
        [(2, 2), (1, 1)]
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
            module.dilation = (2, 2)
