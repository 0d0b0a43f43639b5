from typing import Any

from torch import nn

class LRASPP(nn.Module):
    backbone: nn.Module
    classifier: nn.Module
    def __init__(self, backbone: nn.Module, low_channels: int, high_channels: int, num_classes: int) -> None: ...

def lraspp_mobilenet_v3_large(*, weights: Any = None, num_classes: int, weights_backbone: Any = None) -> nn.Module: ...
