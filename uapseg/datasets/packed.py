"""Long sequences in little memory: paths of a hundred thousand pictures take megabytes instead of a gigabyte."""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import compress, islice
from operator import eq
from typing import Generic, TypeVar, cast, overload

T = TypeVar("T")
U = TypeVar("U")

BLOCK = 32
"""Items that are compressed together: neighbours share most of their paths."""

UNPACKED = 64
"""Blocks that stay unpacked, as the next pictures are asked for more than once."""


class PackedSequence(Sequence[T], Generic[T]):
    """An immutable sequence, compressed in blocks of `BLOCK` items.

    Args:
        items: The items: strings, numbers, None, and lists of them.

    Example:
        >>> packed = PackedSequence(f"holiday/{number}.jpg" for number in range(1000))
        >>> len(packed), packed[-1], packed[:2]
        (1000, 'holiday/999.jpg', ('holiday/0.jpg', 'holiday/1.jpg'))
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._blocks, self._length = list[bytes](), 0
        iterator = iter(items)
        while block := tuple(islice(iterator, BLOCK)):
            self._blocks.append(zlib.compress(json.dumps(block).encode()))
            self._length += len(block)
        self._block = lru_cache(UNPACKED)(self._unpack)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        places = range(self._length)[index]
        return self._item(places) if isinstance(places, int) else tuple(map(self._item, places))

    def __iter__(self) -> Iterator[T]:
        for number in range(len(self._blocks)):
            yield from self._unpack(number)

    def _item(self, place: int) -> T:
        return self._block(place // BLOCK)[place % BLOCK]

    def _unpack(self, number: int) -> list[T]:
        return json.loads(zlib.decompress(self._blocks[number]))


class MappedSequence(Sequence[U], Generic[U, T]):
    """A sequence whose items are computed from those of another one whenever they are asked for.

    Args:
        function: Computes an item.
        items: The items to compute from.

    Example:
        >>> squares = MappedSequence(lambda number: number**2, range(100_000))
        >>> squares[3], squares[:4], squares.index(16)
        (9, (0, 1, 4, 9), 4)
    """

    def __init__(self, function: Callable[[T], U], items: Sequence[T]) -> None:
        self._function, self._items = function, items

    def select(self, selectors: Iterable[bool]) -> "MappedSequence[U, T]":
        """Packs those of the items for which ``selectors`` is true."""
        return MappedSequence(self._function, PackedSequence(compress(self._items, selectors)))

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> U: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[U, ...]: ...

    def __getitem__(self, index: int | slice) -> U | tuple[U, ...]:
        if isinstance(index, slice):
            return tuple(map(self._function, self._items[index]))
        return self._function(self._items[index])

    def __iter__(self) -> Iterator[U]:
        return map(self._function, self._items)

    def __eq__(self, other: object) -> bool:
        """Whether another sequence, of any type, has the same items."""
        if not isinstance(other, Sequence):
            return NotImplemented
        items = cast("Sequence[object]", other)
        return len(self) == len(items) and all(map(eq, self, items))

    def __hash__(self) -> int:
        return hash(tuple(self))
