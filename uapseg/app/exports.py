"""What a visitor exports: files of a run that has figures, each made when it is asked for."""

import base64
import hashlib
import html
import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from uapseg.app import messages, strings
from uapseg.app.device import LevelArray, level_array, unpack_state
from uapseg.app.frames import Photo, mp4, perturb_photo
from uapseg.app.rendering import shown_photo
from uapseg.app.runs import HistoryPoint, Run
from uapseg.app.server import read_static
from uapseg.app.sharing import PLAN_FILE, to_command
from uapseg.app.workspace import Workspace, overlay_classes
from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.errors import UapsegError
from uapseg.io.files import to_json
from uapseg.io.images import encode_png
from uapseg.results.evaluation import MIN_TARGET_SHARE, target_shares
from uapseg.results.figures import Row, draw_figure
from uapseg.results.perturbation_file import Perturbation, best_perturbation, save_png, save_safetensors
from uapseg.targets.drawing import load_typeface
from uapseg.targets.metrics import Scores, groups_gone

ROWS = 4
"""Pictures in the figure."""


@dataclass(frozen=True)
class FinishedRun:
    """What there is to take away of a run.

    Attributes:
        run: The run.
        plan: What it searched for.
        state: Where it stands.
        workspace: Its network and pictures.
    """

    run: Run
    plan: Plan
    state: State
    workspace: Workspace

    @classmethod
    def of(cls, run: Run, workspace: Workspace) -> "FinishedRun":
        """The work of a run.

        Raises:
            UapsegError: It has no figures yet.
        """
        state = unpack_state(run.checkpoint) if run.checkpoint and run.is_current else None
        if run.plan is None or state is None or not state.validation.image_gradients:
            raise UapsegError(strings.NOTHING_YET)
        return cls(run, run.plan, state, workspace)

    @property
    def perturbation(self) -> Perturbation:
        """The best perturbation."""
        return best_perturbation(self.plan, self.state)

    @property
    def levels(self) -> LevelArray:
        """The same in whole grey levels (3, h, w)."""
        return level_array(self.state.best, self.plan.settings.epsilon)

    @property
    def title(self) -> str:
        """What it does, on which network."""
        return f"{messages.caption(self.plan.target, self.plan.settings.epsilon * 255)}, network {self.plan.model}"

    def figure(self, kind: str) -> bytes:
        """The table of held-out pictures, before and after, as ``png``, ``jpg`` or ``pdf``."""
        kept, model = self.perturbation, self.workspace.model
        rows = [self._row(photo) for photo in self._telling[:ROWS]]
        return draw_figure(rows, kept.delta, kept.epsilon, model.classes, model.palette, title=self.title, kind=kind)

    @property
    def _telling(self) -> list[Photo]:
        """The held-out pictures, those that show well what the target is about first."""
        model, target = self.workspace.model, self.plan.target

        def unclear(photo: Photo) -> float:
            return -min(
                target_shares(torch.from_numpy(photo.seen)[None], target, model.classes).item(), MIN_TARGET_SHARE
            )

        return sorted(self.workspace.strip, key=unclear)

    def _row(self, photo: Photo) -> Row:
        after = perturb_photo(photo.picture, self.levels)
        images = (torch.from_numpy(p.transpose(2, 0, 1).copy()).float() / 255 for p in (photo.picture, after))
        before, changed = images
        return Row(before, torch.from_numpy(photo.seen), changed, torch.from_numpy(self.workspace.predict(after)))


PANEL_WIDTH = 480
"""Of each of the two pictures side by side."""

MARGIN, LINE = 12, 34
MILLISECONDS, LAST_MILLISECONDS = 160, 2400
PAPER, INK, ACCENT = (246, 245, 242), (27, 26, 23), (184, 65, 14)


def encode_gif(work: FinishedRun) -> list[Image.Image]:
    """The kept moments: the perturbed picture, what the network sees in it, and what is reached."""
    photo = shown_photo(work.run, work.workspace)
    first = messages.shares(work.plan.target, work.run.source)[0]
    return [_frame(work, photo, moment, first) for moment in work.run.moments]


def video(work: FinishedRun) -> bytes:
    """The same as MP4."""
    frames = [np.asarray(frame) for frame in encode_gif(work)]
    rate = round(1000 / MILLISECONDS)
    return mp4([*frames, *[frames[-1]] * (rate * LAST_MILLISECONDS // 1000)], rate)


def animation(work: FinishedRun) -> bytes:
    """The same as GIF."""
    frames = encode_gif(work)
    palette = frames[-1].quantize(256, dither=Image.Dither.NONE)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    small[0].save(
        buffer, "GIF", save_all=True, append_images=small[1:], loop=0,
        duration=[MILLISECONDS] * (len(small) - 1) + [LAST_MILLISECONDS],
    )  # fmt: skip
    return buffer.getvalue()


def _frame(work: FinishedRun, photo: Photo, moment: HistoryPoint, first: tuple[str, str, str]) -> Image.Image:
    after = perturb_photo(photo.picture, moment.levels)
    seen = work.workspace.predict(after)
    height = round(PANEL_WIDTH * photo.size[1] / photo.size[0])
    frame = Image.new("RGB", (2 * PANEL_WIDTH + 3 * MARGIN, height + LINE + 2 * MARGIN), PAPER)
    for place, picture in enumerate((after, overlay_classes(after, seen, work.workspace))):
        shown_ = Image.fromarray(picture).resize((PANEL_WIDTH, height), Image.Resampling.BILINEAR)
        frame.paste(shown_, (MARGIN + place * (PANEL_WIDTH + MARGIN), LINE + MARGIN))
    name, label, _ = first
    pen = ImageDraw.Draw(frame)
    reached = f"{messages.whole(moment.look['scores'].get(name))} {label}"
    pen.text((MARGIN, MARGIN), reached, ACCENT, load_typeface(reached, 19))
    spent = f"{moment.spent} image-gradients"
    pen.text((frame.width - MARGIN, MARGIN), spent, INK, load_typeface(spent, 19), anchor="ra")
    return frame


WIDTH, HEIGHT = 640, 220


def report(work: FinishedRun) -> str:
    """The page as text."""
    figure = base64.b64encode(work.figure("jpg")).decode()
    parts = [
        f"<h1>{html.escape(work.title)}</h1>",
        f"<p>{html.escape(_plain(work))}</p>",
        f'<img src="data:image/jpeg;base64,{figure}" alt="Pictures before and after, and what the network sees">',
        "<h2>Figures</h2>",
        _table(work),
        f"<p>{html.escape(_how(work))}</p>",
        "<h2>Curve</h2>",
        _curve(work),
        "<h2>Each picture</h2>",
        f"<p>{', '.join(messages.whole(share) for share in work.state.best_validation.each)}</p>",
        "<h2>To do it again</h2>",
        *_again(work),
        "<h2>Plan and hashes</h2>",
        f"<pre>{html.escape(to_json(_facts(work), indent=2))}</pre>",
    ]
    title, body = html.escape(work.title), "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{read_static('report.css')}</style><main>{body}</main></html>"
    )


def _again(work: FinishedRun) -> list[str]:
    """The command that does it again, and what it needs."""
    command = to_command(work.plan, work.workspace.size)
    parts = [f"<pre>{html.escape(command)}</pre>"]
    if PLAN_FILE in command:
        parts.append(f"<p>Save the text under “Plan and hashes” as {PLAN_FILE} first.</p>")
    if work.run.legs:
        parts.append(
            "<p>This run was changed on the way; the command searches for its last plan from the beginning.</p>"
        )
    return parts


def _plain(work: FinishedRun) -> str:
    chosen, target = work.state.best_validation, work.plan.target
    gone = groups_gone(chosen.counts, target)
    return messages.plain(target, chosen.scores, work.run.floors, work.run.source, gone)


def _how(work: FinishedRun) -> str:
    pictures = f"{len(work.state.best_validation.each)} pictures of {work.plan.data}"
    iterate = f"{work.state.best_validation.image_gradients} of {work.state.image_gradients} image-gradients"
    return (
        f"On {pictures} not learnt from that chose this perturbation, the iterate after {iterate}, in 8 bits; "
        "what it sees in the clean pictures is the reference."
    )


def _facts(work: FinishedRun) -> dict[str, object]:
    return {
        "plan": work.plan.to_dict(),
        "sha256 of the perturbation (int16 grey levels, 3 x height x width)": hashlib.sha256(
            work.levels.tobytes()
        ).hexdigest(),
        "fingerprint of the network": work.workspace.model.fingerprint,
        "image-gradients": work.state.image_gradients,
        "seconds": round(work.state.seconds, 1),
        "changed on the way": [f"{label} at {spent}" for spent, label in work.run.legs],
    }


def _table(work: FinishedRun) -> str:
    columns = {
        "perturbed": work.state.best_validation.scores,
        "clean": work.run.floors.get("clean", {}),
        "random noise": work.run.floors.get("random_noise", {}),
    }
    head = "".join(f"<th>{name}</th>" for name in columns)
    rows = "".join(_row(name, list(columns.values())) for name in work.state.best_validation.scores)
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _row(name: str, columns: Sequence[Scores]) -> str:
    cells = "".join(f"<td>{messages.whole(column.get(name))}</td>" for column in columns)
    return f"<tr><th>{html.escape(name.replace('_', ' '))}</th>{cells}</tr>"


def _curve(work: FinishedRun) -> str:
    """The first score over image-gradients, as SVG."""
    name = messages.shares(work.plan.target, work.run.source)[0][0]
    rows = [(spent, scores[name]) for spent, scores in work.run.curve if scores.get(name) is not None]
    last = max([spent for spent, _ in rows], default=1) or 1
    points = " ".join(f"{spent / last * WIDTH:.1f},{(1 - (share or 0)) * HEIGHT:.1f}" for spent, share in rows)
    noise = work.run.floors.get("random_noise", {}).get(name)
    floor = f'<path d="M0 {(1 - noise) * HEIGHT:.1f}H{WIDTH}" class="floor"/>' if noise is not None else ""
    end = f"{last} image-gradients"
    return (
        f'<svg viewBox="-4 -8 {WIDTH + 8} {HEIGHT + 32}" role="img" aria-label="Success over image-gradients">'
        f'<path d="M0 0H{WIDTH}M0 {HEIGHT}H{WIDTH}" class="grid"/>{floor}<polyline points="{points}"/>'
        f'<text y="{HEIGHT + 18}">0</text><text x="{WIDTH}" y="{HEIGHT + 18}" class="end">{end}</text>'
        "</svg>"
    )


def export_run(kind: object, run: Run, workspace: Workspace) -> str:
    """Makes a file, and gives its path; it lasts until the next one is asked for.

    Args:
        kind: One of `words.FILES`.
        run: A run that has figures.
        workspace: Its network and pictures.

    Raises:
        UapsegError: There is nothing to export yet, or no such kind.
    """
    if not isinstance(kind, str) or kind not in _MAKERS:
        raise UapsegError(strings.NO_SUCH_FILE)
    work = FinishedRun.of(run, workspace)
    name, make = _MAKERS[kind]
    return cached_file(
        run, name.format(epsilon=round(work.plan.settings.epsilon * 255)), lambda path: make(path, work)
    )


def cached_file(run: Run, name: str, make: Callable[[Path], Any]) -> str:
    """Has a file made in a folder that lasts until the run's next file; its path."""
    folder = tempfile.TemporaryDirectory(prefix="uapseg-")
    make(Path(folder.name) / name)
    run.files = folder
    return str(Path(folder.name) / name)


def figures_of(work: FinishedRun) -> dict[str, Any]:
    """Plan and figures; they are those of the validation pictures that chose the perturbation, and say so."""
    state = work.state
    return {
        "plan": work.plan.to_dict(),
        "split": "val",
        "pictures": len(state.best_validation.each),
        "perturbed": state.best_validation.scores,
        **work.run.floors,
        "each": list(state.best_validation.each),
        "image_gradients": state.best_validation.image_gradients,
        "image_gradients_spent": state.image_gradients,
        "seconds": round(state.seconds, 3),
    }


def pictures(path: Path, work: FinishedRun) -> None:
    """The perturbed pictures without loss: the one that is shown, the held-out ones, the visitor's own."""
    workspace = work.workspace
    photos = {"shown": shown_photo(work.run, workspace)}
    photos |= {f"unseen-{number}": photo for number, photo in enumerate(workspace.strip, 1)}
    photos |= {f"own-{number}": workspace.photo(brought) for number, brought in enumerate(work.run.photos, 1)}
    with zipfile.ZipFile(path, "w") as file:  # stored: a PNG does not shrink further
        for name, photo in photos.items():
            file.writestr(f"{name}.png", encode_png(Image.fromarray(perturb_photo(photo.picture, work.levels))))


def _written(make: Callable[[FinishedRun], bytes]) -> Callable[[Path, FinishedRun], Any]:
    return lambda path, work: path.write_bytes(make(work))


_MAKERS: dict[str, tuple[str, Callable[[Path, FinishedRun], Any]]] = {
    strings.FILE_PNG: ("uapseg-epsilon{epsilon}.png", lambda path, work: save_png(path, work.perturbation)),
    strings.FILE_TENSORS: (
        "uapseg-epsilon{epsilon}.safetensors", lambda path, work: save_safetensors(path, work.perturbation)
    ),
    strings.FILE_PICTURES: ("uapseg-pictures.zip", pictures),
    strings.FILE_FIGURE: ("uapseg-figure.png", _written(lambda work: work.figure("png"))),
    strings.FILE_PDF: ("uapseg-figure.pdf", _written(lambda work: work.figure("pdf"))),
    strings.FILE_GIF: ("uapseg-animation.gif", _written(animation)),
    strings.FILE_MP4: ("uapseg-animation.mp4", _written(video)),
    strings.FILE_REPORT: ("uapseg-report.html", _written(lambda work: report(work).encode())),
    strings.FILE_FIGURES: ("uapseg-figures.json", _written(lambda work: to_json(figures_of(work), indent=2).encode())),
    strings.FILE_PLAN: (PLAN_FILE, _written(lambda work: to_json(work.plan.to_dict(), indent=2).encode())),
}  # fmt: skip
"""The name of each kind of file, and what writes it."""
