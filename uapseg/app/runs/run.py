"""The runs of visitors: what each holds, and what of it changed when."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from uapseg.app import strings
from uapseg.app.controls import ControlValues, Mask
from uapseg.app.frames import Recording, UploadedPhoto
from uapseg.app.runs.device import Checkpoint, LevelArray, Step, ValidationFrame
from uapseg.app.runs.history import HistoryPoint, thin_history
from uapseg.app.runs.own_pictures import Footage, OwnPictures
from uapseg.attack.run import Plan
from uapseg.targets.metrics import Scores

Status = Literal["idle", "waiting", "running", "paused", "done"]
ACTIVE = ("waiting", "running")

ABSENT_SECONDS = 20.0
"""Seconds without a request after which a waiting visitor counts as absent."""


@dataclass(frozen=True)
class PendingChange:
    """A change of the controls that an active run has not applied yet.

    Attributes:
        due: When to apply it (`time.monotonic`): after a short delay, as a slider passes many values.
        point: The history point to rewind to first.

    Example:
        >>> PendingChange(due=time.monotonic() + 0.25).point is None
        True
    """

    due: float
    point: HistoryPoint | None = None


@dataclass(frozen=True, eq=False)
class KeptRun:
    """An earlier run of the visit, in the tray: see `uapseg.app.runs.tray`.

    Attributes:
        key: A unique number.
        controls: The controls then.
        card: What the browser shows of it: ``key``, ``title``, ``summary``, ``success``, ``photo``, ``prediction``.
        fields: The attributes of the run by name.
        by_reset: Whether Reset put it into the tray.

    Example:
        >>> KeptRun(1, ControlValues(), card={"title": "Hide Car"}, fields={"image_gradients": 400}).card["title"]
        'Hide Car'
    """

    key: int
    controls: ControlValues
    card: dict[str, Any] = field(repr=False)
    fields: dict[str, Any] = field(repr=False)
    by_reset: bool = False


class OpenedExample(NamedTuple):
    """An example that was opened.

    Attributes:
        name: Its name in links.
        title: Its title on the page.
        controls: The controls then.
        image_gradients: The image-gradients then.
        controls_before: The controls before it was opened, which Reset restores.

    Example:
        >>> first = ControlValues()
        >>> OpenedExample("foo", "“foo” in Tree on Building", first, image_gradients=4000, controls_before=first).name
        'foo'
    """

    name: str
    title: str
    controls: ControlValues
    image_gradients: int
    controls_before: ControlValues


@dataclass(eq=False)
class Run:
    """One visitor's run: its plan, its progress, and what is shown of it.

    Attributes:
        token: 128 random bits; whoever knows them may see and control the run.
        status: Its status.
        note: A few words that are shown instead of the status.
        controls: The controls as they are now.
        unchecked_controls: The controls whose classes, named by a link or the browser's memory, are those of a network
            that is not loaded yet.
        link_warning: The values of a link or of the browser's memory that were ignored, in a sentence.
        plan: The plan that runs, ran or waits; None before the first start.
        plan_controls: The controls that describe the plan.
        budget_start: The image-gradients that had been used when the present budget began to count.
        image_gradients: Image-gradients used.
        seconds: Time used.
        levels: The perturbation to show, whole grey levels (3, h, w).
        validation: The newest figures on validation pictures.
        baselines: The scores of clean pictures and of random noise.
        curve: All figures so far, as (image-gradients, scores).
        plan_changes: Where the plan changed, as (image-gradients, what changed).
        history_points: The points that the run can be rewound to.
        checkpoint: The state to resume from.
        files: The folders of the last two exported files: the earlier one may still be sent.
        opened_example: The last example that was opened.
        drawing_version: The number of drawings that were read from files, which the stage then shows.
        strengths: A perturbation, and its scores at each strength.
        photos: The visitor's own photos.
        kept_runs: The earlier runs of this visit, in the tray.
        own_pictures: The visitor's own training pictures, if any.
        test_scores: The scores on their test split, once a run on them has finished.
        footage: The camera recording to train on.
        uploads: The files that the visitor has uploaded and that are still on the disk.
        view: Which picture is shown large: ``scene``, or the number of an ``held_out`` or an ``own`` one.
        mask: The uploaded mask and its file's name.
        stop: Set to pause.
        pending_change: A change that the run has not taken up yet.
        recording: The recording of the visitor's camera.
        reading: The upload that is being read, a key of `strings.READING`, and the share of it that is done; None for
            a share that is not known.
        worker_done: Set when the worker of the run's last turn has ended; None before the first turn.
        frame_lock: Held while a frame is rendered on request.
        versions: The `seq` at which each part changed last.

    Example:
        >>> run = Run("a")
        >>> seq = run.seq
        >>> run.publish(note="paused by the visitor")
        >>> run.changed_since(seq, "note"), run.changed_since(seq, "levels")
        (True, False)
    """

    token: str
    status: Status = "idle"
    note: str = ""
    controls: ControlValues = field(default_factory=ControlValues)
    unchecked_controls: frozenset[str] = frozenset()
    link_warning: str = ""
    plan: Plan | None = None
    plan_controls: ControlValues = field(default_factory=ControlValues)
    budget_start: int = 0
    image_gradients: int = 0
    seconds: float = 0.0
    levels: LevelArray | None = None
    validation: ValidationFrame | None = None
    baselines: dict[str, Scores] = field(default_factory=dict[str, Scores])
    curve: list[tuple[int, Scores]] = field(default_factory=list[tuple[int, Scores]])
    plan_changes: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    history_points: list[HistoryPoint] = field(default_factory=list[HistoryPoint])
    checkpoint: Checkpoint | None = None
    strengths: tuple[LevelArray, Any] | None = None
    photos: list[UploadedPhoto] = field(default_factory=list[UploadedPhoto])
    kept_runs: list[KeptRun] = field(default_factory=list[KeptRun])
    own_pictures: OwnPictures | None = None
    test_scores: Scores | None = None
    footage: Footage | None = None
    uploads: set[Path] = field(default_factory=set[Path])
    view: tuple[str, int] = ("scene", 0)
    mask: tuple[str, Mask] | None = None
    recording: Recording | None = None
    reading: tuple[str, float | None] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    pending_change: PendingChange | None = None
    worker_done: threading.Event | None = None
    frame_lock: threading.Lock = field(default_factory=threading.Lock)
    publish_lock: threading.Lock = field(default_factory=threading.Lock)
    seq: int = 0
    versions: dict[str, int] = field(default_factory=dict[str, int])
    ticket: int = 0
    last_watched: float = field(default_factory=time.monotonic)
    last_active: float = field(default_factory=time.monotonic)
    frame_cache: dict[str, Any] = field(default_factory=dict[str, Any])
    files: tuple[Any, ...] = ()
    opened_example: OpenedExample | None = None
    drawing_version: int = 0

    def publish(self, **changes: Any) -> None:
        """Changes some attributes and then their versions; polls read the versions before the values."""
        with self.publish_lock:
            for name, value in changes.items():
                setattr(self, name, value)
            self.versions |= dict.fromkeys(changes, self.seq + 1)
            self.seq += 1
        self.last_active = time.monotonic()

    def changed_since(self, seq: int, *names: str) -> bool:
        """Whether one of the attributes changed after ``seq``."""
        return any(self.versions.get(name, 0) > seq for name in names)

    @property
    def total(self) -> int:
        """The image-gradients that the run may use."""
        return self.plan.settings.budget if self.plan else self.controls.budget

    @property
    def source(self) -> str:
        """Where the target came from, a key of `strings.SOURCES`."""
        return self.plan_controls.source

    @property
    def current_example(self) -> OpenedExample | None:
        """The example that is shown, unchanged since it was opened."""
        example = self.opened_example
        return (
            example
            if example and (example.controls, example.image_gradients) == (self.controls, self.image_gradients)
            else None
        )

    @property
    def is_current(self) -> bool:
        """Whether the run is on the network and the pictures that the visitor has chosen."""
        return self.plan is not None and (self.plan.model, self.plan.data) == self.controls.pair

    def reset(self) -> None:
        """Removes the plan and all results; controls, photos and mask stay."""
        self.publish(
            status="idle",
            note="",
            plan=None,
            budget_start=0,
            image_gradients=0,
            seconds=0.0,
            levels=None,
            validation=None,
            baselines={},
            curve=[],
            plan_changes=[],
            history_points=[],
            checkpoint=None,
            files=(),
            pending_change=None,
            strengths=None,
            test_scores=None,
        )

    @property
    def has_work(self) -> bool:
        """Whether the visitor would lose something with the run."""
        belongings = self.photos or self.own_pictures or self.mask or self.controls.drawing
        return self.plan is not None or bool(belongings)

    @property
    def trained_on(self) -> OwnPictures | None:
        """The visitor's own pictures, if the run trains on these."""
        return (
            self.own_pictures if self.own_pictures and self.plan and self.plan.data == self.own_pictures.name else None
        )

    @property
    def size(self) -> int:
        """The approximate memory of the run in bytes."""
        arrays = [
            *(point.levels for point in self.history_points),
            *(point.validation["predictions"] for point in self.history_points),
        ]
        arrays += [photo.picture for photo in self.photos]
        arrays += [array for kept_run in self.kept_runs for array in kept_run.fields["checkpoint"]["arrays"].values()]
        arrays += self.checkpoint["arrays"].values() if self.checkpoint else []
        own_bytes = self.own_pictures.nbytes if self.own_pictures else 0
        return sum(array.nbytes for array in arrays) + own_bytes + len(self.controls.drawing or "")

    def apply_step(self, step: Step) -> None:
        """Publishes a step of the worker."""
        changes: dict[str, Any] = {name: step[name] for name in ("image_gradients", "seconds", "levels")}
        if step["stalled"] != (self.note == strings.STALLED):
            changes["note"] = strings.STALLED if step["stalled"] else ""
        if step["checkpoint"] is not None:
            changes["checkpoint"] = step["checkpoint"]
        if step["validation"] is not None:
            validation = step["validation"]
            rows = [row for row in self.curve if row[0] < validation["image_gradients"]]
            changes |= {
                "validation": validation,
                "baselines": step["baselines"],
                "curve": [*rows, (validation["image_gradients"], validation["scores"])],
            }
            if self.plan and validation["image_gradients"] == step["image_gradients"]:
                changes["history_points"] = thin_history(
                    self.history_points, self._history_point(step, validation, self.plan)
                )
        self.publish(**changes)

    def _history_point(self, step: Step, validation: ValidationFrame, plan: Plan) -> HistoryPoint:
        return HistoryPoint(
            step["image_gradients"],
            step["levels"],
            validation,
            plan,
            controls=self.plan_controls,
            budget_start=self.budget_start,
            seconds=step["seconds"],
            baselines=step["baselines"],
        )

    def mark_watched(self) -> None:
        """Notes that a visitor is present."""
        self.last_watched = self.last_active = time.monotonic()

    def mark_absent(self) -> None:
        """Notes that no visitor is present any more."""
        self.last_watched = time.monotonic() - ABSENT_SECONDS

    def is_unwatched(self, patience: float) -> bool:
        """Whether no visitor has been present for ``patience`` seconds."""
        return time.monotonic() - self.last_watched > patience

    @property
    def is_present(self) -> bool:
        """Whether a visitor who waits in the queue is still present."""
        return not self.is_unwatched(ABSENT_SECONDS)
