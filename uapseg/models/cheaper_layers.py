"""1x1 convolutions on a CPU: by oneDNN, which torch does not use for them with a single thread."""

from torch import nn


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
