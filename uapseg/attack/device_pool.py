"""Training pictures and their goals on a GPU, where each is sent once."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MEMORY_SHARE = 0.25
"""The share of the free memory of a GPU that a pool may take."""


class DevicePool:
    """Tensors of one shape by their numbers, kept on a GPU as far as its memory allows; elsewhere nothing is kept.

    Args:
        device: Where the tensors are needed.
        room: The bytes to keep at most; None takes `MEMORY_SHARE` of what a GPU has free, and nothing elsewhere.

    Example:
        >>> pool = DevicePool(torch.device("cpu"), room=100)
        >>> pool.stack([5, 7], lambda places: torch.tensor([50, 70])[places]).tolist(), pool.missing([5, 6])
        ([50, 70], [6])
    """

    def __init__(self, device: torch.device, room: int | None = None) -> None:
        self._device, self._kept = device, dict[int, Tensor]()
        free = torch.cuda.mem_get_info(device)[0] if room is None and device.type == "cuda" else 0
        self._room = int(free * MEMORY_SHARE) if room is None else room

    def missing(self, numbers: Sequence[int]) -> list[int]:
        """Those of some numbers whose tensors are not here."""
        return [number for number in numbers if number not in self._kept]

    def stack(self, numbers: Sequence[int], load: Callable[[list[int]], Tensor]) -> Tensor:
        """The tensors of some numbers (n, …) on the device.

        Args:
            numbers: Which they are.
            load: Loads those at some places of ``numbers``, on any device.
        """
        places = [place for place, number in enumerate(numbers) if number not in self._kept]
        if len(places) == len(numbers) and not self._room:
            return load(places).to(self._device, non_blocking=True)
        loaded = dict(zip(places, load(places).to(self._device, non_blocking=True), strict=True)) if places else {}
        for place, tensor in loaded.items():
            if tensor.nbytes <= self._room and numbers[place] not in self._kept:
                self._kept[numbers[place]] = tensor
                self._room -= tensor.nbytes
        return torch.stack(
            [loaded[place] if place in loaded else self._kept[number] for place, number in enumerate(numbers)]
        )
