"""Which side a picture is on: decided by its identity alone, so that none ever changes sides when others are added."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from uapseg.errors import UapsegError

Split = Literal["train", "val", "test", "all"]
"""``all`` exists only for sets without official splits."""

SPLITS: tuple[Split, ...] = get_args(Split)[:3]
"""Those that every set has; no picture is in two."""

TRAIN, VAL = 0.70, 0.15
"""Shares of the pictures that are learnt from, and chosen by; the rest is for the report."""


def unit_hash(identity: str) -> float:
    """A number in [0, 1) that belongs to an identity; evenly spread."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8]) / 2**64


def split_of(identity: str) -> Split:
    """The split that a picture is in, where a data set has no official ones."""
    drawn = unit_hash(identity)
    return "train" if drawn < TRAIN else "val" if drawn < TRAIN + VAL else "test"


def train_or_val(identity: str) -> Split:
    """Train or val, for a picture of an official train split; the official val split is our test then."""
    return "val" if unit_hash(identity) < VAL else "train"


def require_official(name: str, split: Split) -> None:
    """Refuses ``all`` where the data set itself says what is trained on.

    Raises:
        UapsegError: It is asked for.
    """
    if split == "all":
        raise UapsegError(f"{name} has official splits: choose one of {', '.join(SPLITS)}.")


def in_split(identities: Iterable[str], split: Split) -> Sequence[bool]:
    """Of each picture, whether it is in the split."""
    return [split in {"all", split_of(identity)} for identity in identities]
