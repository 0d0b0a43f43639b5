"""The history of a run: perturbations to look at again, and to continue from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from uapseg.app.controls import ControlValues
from uapseg.app.runs.device import Checkpoint, LevelArray, ValidationFrame, pack_state, unpack_state
from uapseg.attack.run import Plan
from uapseg.targets.metrics import Collapse, Scores
from uapseg.tensors import from_array

MAX_HISTORY_POINTS = 60


@dataclass(frozen=True, eq=False)
class HistoryPoint:
    """A perturbation of the history of a run, stored at a validation.

    Attributes:
        image_gradients: The image-gradients used until then.
        levels: The perturbation in whole grey levels (3, h, w).
        validation: Its figures on validation pictures.
        plan: The plan then.
        controls: The controls that describe the plan.
        budget_start: The image-gradients that had been used when its budget began to count.
        seconds: The time used until then.
        baselines: The scores of clean pictures and of random noise.

    Example:
        >>> import numpy as np
        >>> from uapseg import Untargeted, fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> plan = Plan(model="street", data="street", target=Untargeted(), settings=settings)
        >>> HistoryPoint(200, np.zeros((3, 32, 48), np.int16), validation=None, plan=plan).image_gradients
        200
    """

    image_gradients: int
    levels: LevelArray = field(repr=False)
    validation: ValidationFrame = field(repr=False)
    plan: Plan = field(repr=False)
    controls: ControlValues = field(default_factory=ControlValues, repr=False)
    budget_start: int = 0
    seconds: float = 0.0
    baselines: dict[str, Scores] = field(default_factory=dict[str, Scores], repr=False)


def thin_history(history_points: Sequence[HistoryPoint], new_point: HistoryPoint) -> list[HistoryPoint]:
    """Appends a point to a history; beyond the limit, the point whose neighbours are closest to each other is removed.

    Example:
        >>> points = []
        >>> for image_gradients in range(100):
        ...     points = thin_history(points, HistoryPoint(image_gradients, levels=None, validation=None, plan=None))
        >>> len(points), points[0].image_gradients, points[-1].image_gradients
        (60, 0, 99)
    """
    points = [*(point for point in history_points if point.image_gradients < new_point.image_gradients), new_point]
    if len(points) > MAX_HISTORY_POINTS:
        del points[
            min(
                range(1, len(points) - 1),
                key=lambda number: points[number + 1].image_gradients - points[number - 1].image_gradients,
            )
        ]
    return points


def rewind_checkpoint(point: HistoryPoint, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint to continue from a history point: its perturbation, without momentum."""
    state = unpack_state(checkpoint)
    delta = from_array(point.levels.copy()).float() / 255
    figures = point.validation
    validation = replace(
        state.validation,
        image_gradients=point.image_gradients,
        scores=figures["scores"],
        each=tuple(figures["each"]),
        interval=tuple(figures["interval"]),
        training=figures["training"],
        collapse=Collapse(**figures["collapse"]) if figures["collapse"] else None,
        counts=from_array(figures["counts"]),
        predictions=from_array(figures["predictions"].copy()),
    )
    fields = {"image_gradients": point.image_gradients, "seconds": point.seconds, "improved_at": point.image_gradients}
    return pack_state(replace(state.restart(delta), **fields, best_validation=validation, validation=validation))
