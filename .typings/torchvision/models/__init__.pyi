from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import nn

class Preset(Protocol):
    mean: list[float]
    std: list[float]

class Weights:
    url: str
    meta: dict[str, Any]
    transforms: Callable[[], Preset]

class WeightsEntry(Protocol):
    value: Weights

def get_model(name: str, **config: Any) -> nn.Module: ...
def get_model_weights(name: str) -> Mapping[str, WeightsEntry]: ...
def mobilenet_v3_small(*, weights: Weights | None = None, **config: Any) -> nn.Module: ...
