"""Which parts of a perturbation matter: its success without each tile of a grid."""

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from uapseg.datasets import Dataset
from uapseg.errors import UapsegError
from uapseg.models import Segmenter
from uapseg.results.comparison import count_each
from uapseg.targets import Target
from uapseg.targets.bootstrap import bootstrap_differences
from uapseg.targets.metrics import scores
from uapseg.tensors import Delta


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """How much success is lost without each tile of a perturbation.

    Attributes:
        model: The network.
        data: The dataset.
        split: The split.
        pictures: The number of pictures.
        score: The name of the success rate among the scores.
        success: The success rate of the whole perturbation, in [0, 1]; None where no pixel counts.
        lost: The success rate of the whole perturbation minus that without a tile, by row and column.
        interval: 95 % bootstrap intervals of ``lost``, as [low, high].

    Example:
        >>> attribution = Attribution(model="street", data="street", split="test", pictures=64, score="hidden",
        ...                     success=0.8, lost=[[0.1, 0.3]], interval=[[[0.0, 0.2], [0.2, 0.4]]])
        >>> attribution.most_important
        (0, 1)
    """

    model: str
    data: str
    split: str
    pictures: int
    score: str
    success: float | None
    lost: list[list[float]]
    interval: list[list[list[float]]]

    @property
    def most_important(self) -> tuple[int, int]:
        """The row and the column of the tile without which most is lost, counted from 0 at the top left."""
        cells = [(row, column) for row, values in enumerate(self.lost) for column in range(len(values))]
        return max(cells, key=lambda cell: self.lost[cell[0]][cell[1]])

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values, ready for JSON."""
        return asdict(self)


def attribute(
    model: Segmenter, dataset: Dataset, target: Target, delta: Delta, *, grid: tuple[int, int], seed: int = 0
) -> Attribution:
    """Measures what each tile of a perturbation adds: each is set to zero in turn, with all others in place.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures, used neither for training nor for selection.
        target: The target of the perturbation.
        delta: The perturbation (3, h, w) in [-1, 1]; it is rounded to whole grey levels first.
        grid: How many rows and columns of tiles; each picture is predicted once for each tile, and twice more.
        seed: Random seed of the bootstrap.

    Raises:
        UapsegError: The target does not fit the classes of the network, no pixel counts in any picture, or the grid
            is finer than the perturbation.

    Source:
        Occlusion: Zeiler, Fergus, Visualizing and Understanding Convolutional Networks,
        https://arxiv.org/abs/1311.2901; here the perturbation is occluded instead of the picture.

    Example:
        >>> import torch
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> attribute(load_model("street:small"), dataset, Untargeted(), torch.zeros(3, 48, 64), grid=(1, 2)).lost
        [[0.0, 0.0]]
    """
    rows, columns = grid
    height, width = delta.shape[-2:]
    deltas = [delta, *(_remove_tile(delta, *tile) for tile in tiles(height, width, grid))]
    total, *tile_counts = count_each(model, dataset, target, deltas)
    total_scores = scores(total, target)
    name = next(iter(total_scores))
    differences = [bootstrap_differences(counts, total, target, seed) for counts in tile_counts]
    if any(name not in losses for losses, _ in differences):
        raise UapsegError(
            f"The network sees nothing that {target.title!r} is about in these pictures: name others with --data."
        )
    losses, interval = [counts[0][name] for counts in differences], [counts[1][name] for counts in differences]
    return Attribution(
        model=model.name,
        data=dataset.name,
        split=dataset.split,
        pictures=len(dataset),
        score=name,
        success=total_scores[name],
        lost=[losses[columns * row : columns * (row + 1)] for row in range(rows)],
        interval=[interval[columns * row : columns * (row + 1)] for row in range(rows)],
    )


def tiles(height: int, width: int, grid: tuple[int, int]) -> list[tuple[slice, slice]]:
    """The rows and columns of pixels of each tile of a grid, row by row, as equal as whole pixels allow.

    Args:
        height: Of the perturbation.
        width: Of the perturbation.
        grid: How many rows and columns of tiles.

    Raises:
        UapsegError: The grid is finer than the perturbation.

    Example:
        >>> tiles(4, 6, (1, 2))
        [(slice(0, 4, None), slice(0, 3, None)), (slice(0, 4, None), slice(3, 6, None))]
    """
    if grid[0] > height or grid[1] > width:
        raise UapsegError(
            f"A perturbation of {width} x {height} pixels has no {grid[1]} x {grid[0]} tiles: choose fewer rows and "
            "columns."
        )
    rows, columns = (
        [slice(*borders) for borders in pairwise(side * place // count for place in range(count + 1))]
        for side, count in zip((height, width), grid, strict=True)
    )
    return [(row, column) for row in rows for column in columns]


def _remove_tile(delta: Delta, rows: slice, columns: slice) -> Delta:
    remaining_delta = delta.clone()
    remaining_delta[:, rows, columns] = 0
    return remaining_delta
