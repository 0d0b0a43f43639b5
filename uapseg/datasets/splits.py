"""Splits by the identity of a picture alone, so that none changes its split when others are added."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from uapseg.errors import UapsegError

Split = Literal["train", "val", "test", "all"]
"""``all`` exists only for datasets without official splits."""

SPLITS: tuple[Split, ...] = get_args(Split)[:3]
"""The splits of every dataset; they are disjoint."""

TRAIN, VAL = 0.70, 0.15
"""The shares of train and val; the rest is test."""


def unit_hash(identity: str) -> float:
    """Hashes an identity to a number in [0, 1), uniformly distributed.

    Example:
        >>> round(unit_hash("coco/a.jpg"), 3)
        0.473
    """
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8]) / 2**64


def split_of(identity: str) -> Split:
    """Returns the split of a picture in a dataset without official splits.

    Example:
        >>> [split_of(f"picture {number}") for number in range(3)]
        ['val', 'train', 'train']
    """
    fraction = unit_hash(identity)
    return "train" if fraction < TRAIN else "val" if fraction < TRAIN + VAL else "test"


def split_few(identities: Sequence[str]) -> list[Split]:
    """Divides few pictures by their hashes, as `split_of` does, but with one or more in each split.

    A picture may change its split when others are added.

    Args:
        identities: What identifies each picture; equal ones get the same split.

    Raises:
        UapsegError: There are fewer than three different pictures.

    Example:
        >>> split_few(["a", "b", "c", "c"])
        ['test', 'val', 'train', 'train']
    """
    ordered_identities = sorted(set(identities), key=unit_hash)
    if len(ordered_identities) < len(SPLITS):
        raise UapsegError(f"{len(ordered_identities)} different pictures cannot be split in three: add more.")
    held_out = max(1, round(VAL * len(ordered_identities)))
    splits: dict[str, Split] = {}
    for place, identity in enumerate(ordered_identities):
        remaining_count = len(ordered_identities) - place
        splits[identity] = (
            "train" if remaining_count > 2 * held_out else "val" if remaining_count > held_out else "test"
        )
    return [splits[identity] for identity in identities]


def split_of_time(time: float, length: float, gap: float) -> Split | None:
    """Returns the split of a moment of a recording: first train, then val, then test; None just after a border.

    Args:
        time: The moment, in seconds.
        length: The length of the recording, in seconds.
        gap: How far apart the splits are, in seconds.

    Example:
        >>> [split_of_time(time, length=10, gap=1) for time in (0, 7.5, 8, 10)]
        ['train', None, 'val', 'test']
    """
    if time < TRAIN * length:
        return "train"
    is_last_border = time >= (TRAIN + VAL) * length
    border = (TRAIN + VAL if is_last_border else TRAIN) * length
    if time < border + gap:
        return None
    return "test" if is_last_border else "val"


def train_or_val(identity: str) -> Split:
    """Divides an official train split into train and val; the official val split then serves as test.

    Example:
        >>> {train_or_val(f"picture {number}") for number in range(20)} == {"train", "val"}
        True
    """
    return "val" if unit_hash(identity) < VAL else "train"


def require_official(name: str, split: Split) -> None:
    """Refuses the split ``all`` for a dataset with official splits.

    Raises:
        UapsegError: The split is ``all``.

    Example:
        >>> require_official("voc", "all")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: voc has official splits: choose one of train, val, test.
    """
    if split == "all":
        raise UapsegError(f"{name} has official splits: choose one of {', '.join(SPLITS)}.")


def in_split(identities: Iterable[str], split: Split) -> Sequence[bool]:
    """Returns for each picture whether it is in the split.

    Example:
        >>> in_split(["a", "b"], "all")
        [True, True]
    """
    return [split in {"all", split_of(identity)} for identity in identities]
