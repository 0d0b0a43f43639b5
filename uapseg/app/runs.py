"""The runs that visitors have going, each known by its secret token alone. No Gradio here."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from uapseg.app import strings
from uapseg.app.controls import ControlValues, Mask
from uapseg.app.frames import UploadedPhoto
from uapseg.app.history import HistoryPoint, thin_history
from uapseg.app.progress import Checkpoint, LevelArray, Step, ValidationFrame
from uapseg.app.recording import Recording
from uapseg.attack.run import Plan
from uapseg.targets.metrics import Scores

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
        asked: The controls that asked for the plan.
        since: The image-gradients that were spent when the present budget began to count.
        spent: Image-gradients used.
        seconds: Time used.
        levels: The perturbation to show, whole grey levels (3, h, w).
        look: The newest figures on validation pictures.
        floors: The scores of clean pictures and of random noise.
        curve: All figures so far, as (image-gradients, scores).
        legs: Where the plan changed, as (image-gradients, what changed).
        moments: What can be gone back to.
        checkpoint: What resuming needs.
        files: The folder of the file that was made last.
        drawn: Counts the drawings that came from a file, for the stage to take up.
        strengths: What each strength of a perturbation reaches, with that perturbation.
        photos: The visitor's own photos.
        uploads: The files that the visitor has uploaded and that are still on the disk.
        view: Which picture is shown large: ``scene``, or the number of an ``unseen`` or an ``own`` one.
        mask: The uploaded mask and its file's name.
        stop: Set to pause.
        wish: What to go on with instead.
        reel: What is recorded of the visitor's camera.
        rested: Set when the device has ended the work of the run's last turn; None before the first one.
        looking: Held while a frame is made that the visitor asked for.
        versions: The `seq` at which each part changed last.
    """

    token: str
    status: Status = "idle"
    note: str = ""
    choice: ControlValues = field(default_factory=ControlValues)
    unchecked: frozenset[str] = frozenset()
    left_out: str = ""
    plan: Plan | None = None
    asked: ControlValues = field(default_factory=ControlValues)
    since: int = 0
    spent: int = 0
    seconds: float = 0.0
    levels: LevelArray | None = None
    look: ValidationFrame | None = None
    floors: dict[str, Scores] = field(default_factory=dict)
    curve: list[tuple[int, Scores]] = field(default_factory=list)
    legs: list[tuple[int, str]] = field(default_factory=list)
    moments: list[HistoryPoint] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    strengths: tuple[LevelArray, Any] | None = None
    photos: list[UploadedPhoto] = field(default_factory=list)
    uploads: set[Path] = field(default_factory=set)
    view: tuple[str, int] = ("scene", 0)
    mask: tuple[str, Mask] | None = None
    reel: Recording | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    wish: PendingChange | None = None
    rested: threading.Event | None = None
    looking: threading.Lock = field(default_factory=threading.Lock)
    changing: threading.Lock = field(default_factory=threading.Lock)
    seq: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    ticket: int = 0
    watched: float = field(default_factory=time.monotonic)
    touched: float = field(default_factory=time.monotonic)
    shown: dict[str, Any] = field(default_factory=dict)
    files: Any = None
    drawn: int = 0

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
        """Where the target came from, one of `words.SOURCES`."""
        return self.asked.source

    @property
    def is_current(self) -> bool:
        """Whether the network and the pictures of the run are those that the visitor looks at now."""
        return self.plan is not None and (self.plan.model, self.plan.data) == self.choice.pair

    def reset(self) -> None:
        """Back to the beginning; controls, photos and mask stay."""
        self.publish(
            status="idle", note="", plan=None, since=0, spent=0, seconds=0.0, levels=None, look=None, floors={},
            curve=[], legs=[], moments=[], checkpoint=None, files=None, wish=None, strengths=None,
        )  # fmt: skip

    @property
    def worked(self) -> bool:
        """Whether there is something that the visitor would miss."""
        return self.plan is not None or bool(self.photos) or self.mask is not None or self.choice.drawing is not None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        arrays = [
            *(moment.levels for moment in self.moments),
            *(moment.look["predictions"] for moment in self.moments),
        ]
        arrays += [photo.picture for photo in self.photos]
        arrays += self.checkpoint["arrays"].values() if self.checkpoint else []
        return sum(array.nbytes for array in arrays) + len(self.choice.drawing or "")

    def apply_step(self, step: Step) -> None:
        """Publishes what the worker sent."""
        changes: dict[str, Any] = {name: step[name] for name in ("spent", "seconds", "levels")}
        if step["still"] != (self.note == strings.STILL):
            changes["note"] = strings.STILL if step["still"] else ""
        if step["checkpoint"] is not None:
            changes["checkpoint"] = step["checkpoint"]
        if step["look"] is not None:
            look = step["look"]
            rows = [row for row in self.curve if row[0] < look["spent"]]
            changes |= {"look": look, "floors": step["floors"], "curve": [*rows, (look["spent"], look["scores"])]}
            if self.plan and look["spent"] == step["spent"]:
                changes["moments"] = thin_history(self.moments, self._moment(step, look, self.plan))
        self.publish(**changes)

    def _moment(self, step: Step, look: ValidationFrame, plan: Plan) -> HistoryPoint:
        return HistoryPoint(
            step["spent"], step["levels"], look, plan, choice=self.asked, since=self.since, seconds=step["seconds"],
            floors=step["floors"],
        )  # fmt: skip

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
