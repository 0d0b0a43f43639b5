"""Several splits as one, such as those that a run may learn from when it reports on other pictures."""

from collections.abc import Collection, Sequence

import torch

from uapseg.datasets import Dataset, Split
from uapseg.tensors import LabelMaps, Pictures


class ConcatDataset:
    """The pictures of several splits of one size, one split after the other.

    Args:
        parts: The splits; name, licence and classes are those of the first.
        without: The keys of pictures that are left out.
    """

    def __init__(self, parts: Sequence[Dataset], *, without: Collection[str] = ()) -> None:
        first, *_ = self._parts = tuple(parts)
        self.name, self.size = first.name, first.size
        self.split: Split = first.split
        self.licence, self.classes = first.licence, first.classes
        kept = [
            (part, number, key) for part in parts for number, key in enumerate(part.keys) if key not in set(without)
        ]
        self._places = [(part, number) for part, number, _ in kept]
        self.keys = tuple(key for *_, key in kept)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The names of the files that could not be read, as far as is known."""
        return tuple(dict.fromkeys(name for part in self._parts for name in part.skipped))

    @property
    def notes(self) -> tuple[str, ...]:
        """How pictures and label maps were found and read, where that needs saying."""
        return tuple(dict.fromkeys(note for part in self._parts for note in part.notes))

    def __len__(self) -> int:
        return len(self._places)

    def pictures(self, numbers: Sequence[int]) -> Pictures:
        """The pictures with these numbers, uint8, on the CPU."""
        self.prefetch(numbers)  # all are decoded at once, though they are asked for one by one
        return torch.cat([part.pictures([number]) for part, number in map(self._places.__getitem__, numbers)])

    def truth(self, numbers: Sequence[int]) -> LabelMaps:
        """Their true label maps; 255 where there is no label."""
        return torch.cat([part.truth([number]) for part, number in map(self._places.__getitem__, numbers)])

    def prefetch(self, numbers: Sequence[int]) -> None:
        """Begins to decode these in the background, as they come next."""
        for part in self._parts:
            part.prefetch([own for of, own in map(self._places.__getitem__, numbers) if of is part])
