"""The moments of a run that are kept, to look at again and to go back to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from uapseg.app.controls import ControlValues
from uapseg.app.progress import Checkpoint, LevelArray, ValidationFrame, pack_state, unpack_state
from uapseg.attack.run import Plan
from uapseg.targets.metrics import Collapse, Scores

MOST_MOMENTS = 60


@dataclass(frozen=True, eq=False)
class HistoryPoint:
    """The perturbation as it was when the held-out pictures were looked at.

    Attributes:
        spent: The image-gradients spent until then.
        levels: The perturbation in whole grey levels (3, h, w).
        look: What it did.
        plan: What was searched for then.
        choice: The controls that asked for it.
        since: The image-gradients that were spent when its budget began to count.
        seconds: The time used until then.
        floors: The scores of clean pictures and of random noise, by which the figures are read.
    """

    spent: int
    levels: LevelArray = field(repr=False)
    look: ValidationFrame = field(repr=False)
    plan: Plan = field(repr=False)
    choice: ControlValues = field(default_factory=ControlValues, repr=False)
    since: int = 0
    seconds: float = 0.0
    floors: dict[str, Scores] = field(default_factory=dict, repr=False)


def thin_history(moments: Sequence[HistoryPoint], new: HistoryPoint) -> list[HistoryPoint]:
    """The moments with a new last one; of too many the one goes whose neighbours are closest to each other."""
    all_ = [*(moment for moment in moments if moment.spent < new.spent), new]
    if len(all_) > MOST_MOMENTS:
        del all_[min(range(1, len(all_) - 1), key=lambda number: all_[number + 1].spent - all_[number - 1].spent)]
    return all_


def rewind_checkpoint(moment: HistoryPoint, checkpoint: Checkpoint) -> Checkpoint:
    """What a search needs to go on from a moment: its perturbation, at rest."""
    state = unpack_state(checkpoint)
    delta = torch.from_numpy(moment.levels.copy()).float() / 255
    look = moment.look
    seen = replace(
        state.validation,
        image_gradients=moment.spent,
        scores=look["scores"],
        each=tuple(look["each"]),
        interval=tuple(look["band"]),
        training=look["training"],
        collapse=Collapse(**look["collapse"]) if look["collapse"] else None,
        counts=torch.from_numpy(look["counts"]),
        predictions=torch.from_numpy(look["predictions"].copy()),
    )
    rest = {"image_gradients": moment.spent, "seconds": moment.seconds, "improved_at": moment.spent}
    return pack_state(replace(state.restarted(delta), **rest, best_validation=seen, validation=seen))
