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
    """The success of a perturbation, and what it loses without each of its first tiles.

    Attributes:
        levels: The perturbation.
        plan: Its plan.
        success: The success of all of it, in [0, 1].
        lost: The success minus that without a tile, row by row.
    """

    levels: LevelArray = field(repr=False)
    plan: Plan
    success: float
    lost: tuple[float, ...] = ()


class Attributions:
    """What is known of the tiles of each visitor's perturbation.

    It is measured by the copy of the network that previews use, on the CPU: neither the queue for the device nor a
    visitor's time on ZeroGPU is touched. The browser asks tile by tile, so that nothing is measured once nobody looks.
    """

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Run, _TileScores] = WeakKeyDictionary()

    def measure_next(self, run: Run, workspace: Workspace, levels: LevelArray, plan: Plan) -> dict[str, Any]:
        """Measures one more tile on the unseen pictures that are shown; a new perturbation begins at the first.

        Raises:
            UapsegError: No pixel of these pictures counts.
        """
        _, height, width = levels.shape
        places = tiles(height, width, GRID)
        found = self._known.get(run)
        if found is None or found.levels is not levels or found.plan != plan:
            found = _TileScores(levels, plan, _success(workspace, levels, plan))
        elif len(found.lost) < len(places):
            without = levels.copy()
            without[:, *places[len(found.lost)]] = 0
            lost = found.success - _success(workspace, without, plan)
            found = _TileScores(levels, plan, found.success, (*found.lost, lost))
        self._known[run] = found
        return {
            "lost": found.lost,
            "success": found.success,
            "rows": GRID[0],
            "columns": GRID[1],
            "pictures": len(workspace.held_out_photos),
        }


def _success(workspace: Workspace, levels: LevelArray, plan: Plan) -> float:
    """The main score on the unseen pictures that are shown."""
    name = plan.target.wording("").scores[0].name
    success = workspace.evaluate(workspace.held_out_photos, levels, plan.target)["scores"].get(name)
    if success is None:
        raise UapsegError(strings.NOTHING_TO_ATTRIBUTE)
    return success
