"""The runs of visitors: their values, the history kept of them, and how they go on, go back and end."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from uapseg.app import messages, strings
from uapseg.app.controls import ControlValues, Mask
from uapseg.app.device import (
    Checkpoint,
    LevelArray,
    Step,
    ValidationFrame,
    level_array,
    pack_state,
    unpack_state,
    validation_frame,
)
from uapseg.app.frames import Recording, UploadedPhoto
from uapseg.attack.run import Plan
from uapseg.targets.drawing import drawn_region
from uapseg.targets.metrics import Collapse, Scores

MOST_MOMENTS = 60


@dataclass(frozen=True, eq=False)
class HistoryPoint:
    """The perturbation as it was when the held-out pictures were looked at.

    Attributes:
        spent: The image-gradients spent until then.
        levels: The perturbation in whole grey levels (3, h, w).
        validation: Its figures on validation pictures.
        plan: What was searched for then.
        choice: The controls that asked for it.
        since: The image-gradients that were spent when its budget began to count.
        seconds: The time used until then.
        baselines: The scores of clean pictures and of random noise.
    """

    spent: int
    levels: LevelArray = field(repr=False)
    validation: ValidationFrame = field(repr=False)
    plan: Plan = field(repr=False)
    choice: ControlValues = field(default_factory=ControlValues, repr=False)
    since: int = 0
    seconds: float = 0.0
    baselines: dict[str, Scores] = field(default_factory=dict[str, Scores], repr=False)


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
    figures = moment.validation
    validation = replace(
        state.validation,
        image_gradients=moment.spent,
        scores=figures["scores"],
        each=tuple(figures["each"]),
        interval=tuple(figures["interval"]),
        training=figures["training"],
        collapse=Collapse(**figures["collapse"]) if figures["collapse"] else None,
        counts=torch.from_numpy(figures["counts"]),
        predictions=torch.from_numpy(figures["predictions"].copy()),
    )
    rest = {"image_gradients": moment.spent, "seconds": moment.seconds, "improved_at": moment.spent}
    return pack_state(replace(state.restarted(delta), **rest, best_validation=validation, validation=validation))


Status = Literal["idle", "waiting", "running", "paused", "done"]
GOING = ("waiting", "running")

GONE_AFTER = 20.0
"""Seconds without a look after which a waiting visitor counts as gone."""


@dataclass(frozen=True)
class PendingChange:
    """That a run which is going is to go on with what the controls say.

    Attributes:
        due: The moment (of `time.monotonic`) to begin with it: a little later, as a slider passes many values.
        moment: Where to go back to first.
    """

    due: float
    moment: HistoryPoint | None = None


class OpenedExample(NamedTuple):
    """An example that was opened.

    Attributes:
        name: What a link calls it.
        title: What the page calls it.
        choice: The controls then.
        spent: The image-gradients then.
    """

    name: str
    title: str
    choice: ControlValues
    spent: int


@dataclass(eq=False)
class Run:
    """One visitor's run: what it does, where it stands, and what there is to see of it.

    Attributes:
        token: 128 random bits; who knows it may see and steer the run.
        status: Where it stands.
        note: A few words about that, where the status alone does not say it.
        choice: The controls as they are now.
        unchecked: The controls for which a link or the browser's memory named classes of a network not loaded yet.
        left_out: What a link or the browser's memory asks for in vain, in a sentence, until the next start.
        plan: What runs, ran or waits; None before the first start.
        plan_controls: The controls that asked for the plan.
        since: The image-gradients that were spent when the present budget began to count.
        spent: Image-gradients used.
        seconds: Time used.
        levels: The perturbation to show, whole grey levels (3, h, w).
        validation: The newest figures on validation pictures.
        baselines: The scores of clean pictures and of random noise.
        curve: All figures so far, as (image-gradients, scores).
        plan_changes: Where the plan changed, as (image-gradients, what changed).
        moments: What can be gone back to.
        checkpoint: What resuming needs.
        files: The folder of the file that was made last.
        example: The example that was opened last.
        drawing_version: Counts the drawings that came from a file, for the stage to take up.
        strengths: What each strength of a perturbation reaches, with that perturbation.
        photos: The visitor's own photos.
        uploads: The files that the visitor has uploaded and that are still on the disk.
        view: Which picture is shown large: ``scene``, or the number of an ``unseen`` or an ``own`` one.
        mask: The uploaded mask and its file's name.
        stop: Set to pause.
        pending: What to go on with instead.
        recording: What is recorded of the visitor's camera.
        at_rest: Set when the device has ended the work of the run's last turn; None before the first one.
        frame_lock: Held while a frame is made that the visitor asked for.
        versions: The `seq` at which each part changed last.
    """

    token: str
    status: Status = "idle"
    note: str = ""
    choice: ControlValues = field(default_factory=ControlValues)
    unchecked: frozenset[str] = frozenset()
    left_out: str = ""
    plan: Plan | None = None
    plan_controls: ControlValues = field(default_factory=ControlValues)
    since: int = 0
    spent: int = 0
    seconds: float = 0.0
    levels: LevelArray | None = None
    validation: ValidationFrame | None = None
    baselines: dict[str, Scores] = field(default_factory=dict[str, Scores])
    curve: list[tuple[int, Scores]] = field(default_factory=list[tuple[int, Scores]])
    plan_changes: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    moments: list[HistoryPoint] = field(default_factory=list[HistoryPoint])
    checkpoint: Checkpoint | None = None
    strengths: tuple[LevelArray, Any] | None = None
    photos: list[UploadedPhoto] = field(default_factory=list[UploadedPhoto])
    uploads: set[Path] = field(default_factory=set[Path])
    view: tuple[str, int] = ("scene", 0)
    mask: tuple[str, Mask] | None = None
    recording: Recording | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    pending: PendingChange | None = None
    at_rest: threading.Event | None = None
    frame_lock: threading.Lock = field(default_factory=threading.Lock)
    changing: threading.Lock = field(default_factory=threading.Lock)
    seq: int = 0
    versions: dict[str, int] = field(default_factory=dict[str, int])
    ticket: int = 0
    watched: float = field(default_factory=time.monotonic)
    touched: float = field(default_factory=time.monotonic)
    frame_cache: dict[str, Any] = field(default_factory=dict[str, Any])
    files: Any = None
    example: OpenedExample | None = None
    drawing_version: int = 0

    def publish(self, **changes: Any) -> None:
        """Changes some attributes and then tells whoever watches, who reads the counters before the values."""
        with self.changing:
            for name, value in changes.items():
                setattr(self, name, value)
            self.versions |= dict.fromkeys(changes, self.seq + 1)
            self.seq += 1
        self.touched = time.monotonic()

    def newer(self, seq: int, *names: str) -> bool:
        """Whether one of the attributes changed after ``seq``."""
        return any(self.versions.get(name, 0) > seq for name in names)

    @property
    def total(self) -> int:
        """The image-gradients that the run may use."""
        return self.plan.settings.budget if self.plan else self.choice.budget

    @property
    def source(self) -> str:
        """Where the target came from, a key of `strings.SOURCES`."""
        return self.plan_controls.source

    @property
    def opened(self) -> OpenedExample | None:
        """The example that is shown, unchanged since it was opened."""
        example = self.example
        return example if example and (example.choice, example.spent) == (self.choice, self.spent) else None

    @property
    def is_current(self) -> bool:
        """Whether the network and the pictures of the run are those that the visitor looks at now."""
        return self.plan is not None and (self.plan.model, self.plan.data) == self.choice.pair

    def reset(self) -> None:
        """Back to the beginning; controls, photos and mask stay."""
        self.publish(
            status="idle",
            note="",
            plan=None,
            since=0,
            spent=0,
            seconds=0.0,
            levels=None,
            validation=None,
            baselines={},
            curve=[],
            plan_changes=[],
            moments=[],
            checkpoint=None,
            files=None,
            pending=None,
            strengths=None,
        )

    @property
    def worked(self) -> bool:
        """Whether there is something that the visitor would miss."""
        return self.plan is not None or bool(self.photos) or self.mask is not None or self.choice.drawing is not None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        arrays = [
            *(moment.levels for moment in self.moments),
            *(moment.validation["predictions"] for moment in self.moments),
        ]
        arrays += [photo.picture for photo in self.photos]
        arrays += self.checkpoint["arrays"].values() if self.checkpoint else []
        return sum(array.nbytes for array in arrays) + len(self.choice.drawing or "")

    def apply_step(self, step: Step) -> None:
        """Publishes what the worker sent."""
        changes: dict[str, Any] = {name: step[name] for name in ("spent", "seconds", "levels")}
        if step["stalled"] != (self.note == strings.STALLED):
            changes["note"] = strings.STALLED if step["stalled"] else ""
        if step["checkpoint"] is not None:
            changes["checkpoint"] = step["checkpoint"]
        if step["validation"] is not None:
            validation = step["validation"]
            rows = [row for row in self.curve if row[0] < validation["spent"]]
            changes |= {
                "validation": validation,
                "baselines": step["baselines"],
                "curve": [*rows, (validation["spent"], validation["scores"])],
            }
            if self.plan and validation["spent"] == step["spent"]:
                changes["moments"] = thin_history(self.moments, self._moment(step, validation, self.plan))
        self.publish(**changes)

    def _moment(self, step: Step, validation: ValidationFrame, plan: Plan) -> HistoryPoint:
        return HistoryPoint(
            step["spent"],
            step["levels"],
            validation,
            plan,
            choice=self.plan_controls,
            since=self.since,
            seconds=step["seconds"],
            baselines=step["baselines"],
        )

    def watch(self) -> None:
        """Notes that someone looks."""
        self.watched = self.touched = time.monotonic()

    def gone(self) -> None:
        """Notes that nobody looks any more."""
        self.watched = time.monotonic() - GONE_AFTER

    def is_unwatched(self, patience: float) -> bool:
        """Whether nobody has looked for ``patience`` seconds."""
        return time.monotonic() - self.watched > patience

    @property
    def present(self) -> bool:
        """Whether a visitor who waits in line is still there."""
        return not self.is_unwatched(GONE_AFTER)


def can_continue(run: Run) -> bool:
    """Whether Start goes on from the run's checkpoint: it does unless another network or other pictures are chosen."""
    return run.checkpoint is not None and run.is_current


def budget_start(run: Run, target: Any) -> int:
    """From where on the budget counts: from the beginning, from the last change of the target, or from a spent one."""
    if not can_continue(run) or run.plan is None:
        return 0
    spent = run.status not in GOING and run.spent >= run.since + run.choice.budget
    return run.spent if spent or target != run.plan.target else run.since


def apply_plan(run: Run, plan: Plan, since: int, choice: ControlValues) -> None:
    """Goes on with another plan of the same network and pictures, from where the run stands.

    Args:
        run: The run.
        plan: What it is to do.
        since: The image-gradients after which the budget begins to count.
        choice: The controls that ask for the plan.
    """
    old = run.plan
    changes: dict[str, Any] = {"plan": plan, "since": since, "plan_controls": choice, "pending": None, "left_out": ""}
    if old and run.checkpoint and describe_change(old, plan):
        same = plan.target == old.target
        state = unpack_state(run.checkpoint).with_settings(plan.settings, same_target=same)
        changes["checkpoint"] = pack_state(state)
        changes["plan_changes"] = [*run.plan_changes, (state.image_gradients, messages.change(old, plan))]
        if not same:
            changes |= {"validation": None, "baselines": {}}
    run.publish(**changes)


def describe_change(first: Plan, second: Plan) -> bool:
    """Whether what was best by one plan is not what the other looks for: budget, seed and preset apart."""
    one, other = ((plan.target, plan.settings.epsilon, plan.settings.keep_weight) for plan in (first, second))
    return one != other


def restore(run: Run, moment: HistoryPoint) -> None:
    """Sets the controls to those of a kept moment."""
    choice, mask = moment.choice, run.mask
    drawn = drawn_region(moment.plan.target)
    if drawn and choice.source == strings.UPLOAD:  # another one may have been uploaded since
        mask = (drawn[0], drawn[1] ^ choice.invert)
    run.publish(choice=choice, mask=mask, drawing_version=run.drawing_version + 1)


def rewind(run: Run, moment: HistoryPoint) -> None:
    """Goes back to a kept moment; what came later is forgotten."""
    if run.checkpoint is None:
        return
    run.publish(
        checkpoint=rewind_checkpoint(moment, run.checkpoint),
        plan=moment.plan,
        levels=moment.levels,
        validation=moment.validation,
        spent=moment.spent,
        seconds=moment.seconds,
        since=moment.since,
        plan_controls=moment.choice,
        baselines=moment.baselines,
        pending=None,
        curve=[row for row in run.curve if row[0] <= moment.spent],
        plan_changes=[change for change in run.plan_changes if change[0] < moment.spent],
        moments=[each for each in run.moments if each.spent <= moment.spent],
    )


def end_run(run: Run, *, finished: bool = False, note: str = "") -> None:
    """Brings a run to rest, showing the best perturbation so far with its own figures: it is the one to be saved."""
    if run.checkpoint is None:
        run.reset()
        return
    changes: dict[str, Any] = {"status": "done" if finished else "paused", "note": note, "pending": None}
    state = unpack_state(run.checkpoint)
    if run.plan and state.validation.image_gradients:
        changes |= {
            "levels": level_array(state.best, run.plan.settings.epsilon),
            "validation": validation_frame(state.best_validation),
        }
    run.publish(**changes)
