"""The pictures to learn from, choose by, report on. A new set is a file with ``load()`` and a line in ``_FILES``."""

from collections.abc import Sequence
from importlib import import_module
from typing import Literal, Protocol, get_args, runtime_checkable

from uapseg.errors import UapsegError
from uapseg.tensors import LabelMaps, Pictures

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

_FILES = {"street": "uapseg.datasets.street", "camvid": "uapseg.datasets.camvid"}


@runtime_checkable
class Dataset(Protocol):
    """Pictures of one size, by number.

    Attributes:
        name: What the user calls it.
        split: Which part of the set this is; no picture is in two.
        size: (width, height) of every picture, in pixels.
        licence: What the pictures may be used for.
    """

    name: str
    split: Split
    size: tuple[int, int]
    licence: str

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def pictures(self, numbers: Sequence[int]) -> Pictures:
        """The pictures with these numbers, uint8, on the CPU."""
        ...

    def truth(self, numbers: Sequence[int]) -> LabelMaps:
        """Their true label maps, numbered as in CamVid's 11 classes; 255 where there is no label."""
        ...


def dataset_names() -> tuple[str, ...]:
    """The forms that ``load_dataset`` knows."""
    return ("street", "camvid:FOLDER")


def load_dataset(name: str, split: str) -> Dataset:
    """Opens one split of the data set ``name``: ``street`` or ``camvid:FOLDER``.

    Raises:
        UapsegError: There is no such set or split, or its folder does not hold what it should.
    """
    kind, _, root = name.partition(":")
    if kind not in _FILES or bool(root) != (kind != "street"):
        raise UapsegError(f"There is no data set called {name!r}: choose one of {', '.join(dataset_names())}.")
    if split not in SPLITS:
        raise UapsegError(f"There is no split called {split!r}: choose one of {', '.join(SPLITS)}.")
    module = import_module(_FILES[kind])
    return module.load(root, split) if root else module.load(split)
