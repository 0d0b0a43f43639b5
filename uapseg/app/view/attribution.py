"""What each tile of a perturbation adds, measured one tile at a time for as long as the visitor looks on."""

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from uapseg.app import strings
from uapseg.app.runs.device import LevelArray
from uapseg.app.runs.run import Run
from uapseg.app.workspace import Workspace
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.results.attribution import tiles

GRID = (4, 6)
"""Rows and columns of tiles."""


@dataclass(frozen=True, eq=False)
class _TileScores:
    """The success of a perturbation, and its loss without each of the tiles measured so far.

    Attributes:
        levels: The perturbation.
        plan: Its plan.
        success: The success of the whole perturbation, in [0, 1].
        lost: The success minus that without a tile, row by row.
    """

    levels: LevelArray = field(repr=False)
    plan: Plan
    success: float
    lost: tuple[float, ...] = ()


class Attributions:
    """The attribution of each visitor's perturbation to its tiles, as far as measured.

    It uses the copy of the network on the CPU that renders previews: neither the queue for the device nor a
    visitor's time on ZeroGPU is affected. The browser requests tile by tile, so measuring ends when it is closed.
    """

    def __init__(self) -> None:
        self._tile_scores: WeakKeyDictionary[Run, _TileScores] = WeakKeyDictionary()

    def measure_next(self, run: Run, workspace: Workspace, levels: LevelArray, plan: Plan) -> dict[str, Any]:
        """Measures the next tile on the held-out pictures on the page; a new perturbation starts at the first tile.

        Raises:
            UapsegError: No pixel of these pictures counts towards the score.
        """
        _, height, width = levels.shape
        places = tiles(height, width, GRID)
        tile_scores = self._tile_scores.get(run)
        if tile_scores is None or tile_scores.levels is not levels or tile_scores.plan != plan:
            tile_scores = _TileScores(levels, plan, _success(workspace, levels, plan))
        elif len(tile_scores.lost) < len(places):
            remaining_levels = levels.copy()
            remaining_levels[:, *places[len(tile_scores.lost)]] = 0
            loss = tile_scores.success - _success(workspace, remaining_levels, plan)
            tile_scores = _TileScores(levels, plan, tile_scores.success, (*tile_scores.lost, loss))
        self._tile_scores[run] = tile_scores
        return {
            "lost": tile_scores.lost,
            "success": tile_scores.success,
            "rows": GRID[0],
            "columns": GRID[1],
            "pictures": len(workspace.held_out_photos),
        }


def _success(workspace: Workspace, levels: LevelArray, plan: Plan) -> float:
    """The main score on the held-out pictures on the page."""
    name = plan.target.wording("").scores[0].name
    success = workspace.evaluate(workspace.held_out_photos, levels, plan.target)["scores"].get(name)
    if success is None:
        raise UapsegError(strings.NOTHING_TO_ATTRIBUTE)
    return success
