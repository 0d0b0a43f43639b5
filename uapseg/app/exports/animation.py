"""A run as a short animation, GIF or MP4: the perturbed picture beside what the network sees in it."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from uapseg.app import messages
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.frames import Picture, Video, perturb_photo
from uapseg.app.runs.device import LevelArray
from uapseg.app.view.rendering import scale_levels, shown_photo
from uapseg.app.workspace import overlay_classes
from uapseg.attack.validation import evenly_spaced
from uapseg.targets.drawing import load_typeface

PANEL_WIDTH = 480
"""The width of each of the two pictures side by side."""

MARGIN, LINE = 12, 34
PAPER, INK, ACCENT = (246, 245, 242), (27, 26, 23), (184, 65, 14)

FIRST_SECONDS, MIDDLE_SECONDS, LAST_SECONDS = 0.8, 2.4, 1.8
"""How long the clean picture, all frames between, and the result are shown."""

MAX_FRAMES, MIN_FRAMES = 24, 6
"""Frames between the clean picture and the result: history points, or strengths where a run has few."""

PALETTE_FRAMES = 8
"""Frames that the palette of a GIF is made from."""


class Frame(NamedTuple):
    """A frame of the animation.

    Attributes:
        levels: Whole grey levels (3, h, w).
        score: The main score, as text.
        when: The position in the run, as text.

    Example:
        >>> Frame(np.zeros((3, 32, 48), np.int16), score="0 % hidden", when="clean picture").when
        'clean picture'
    """

    levels: LevelArray
    score: str
    when: str


def encode_gif(work: FinishedRun) -> bytes:
    """The animation as GIF, with one palette for all frames, so that no colour changes from one to the next."""
    frames = [Image.fromarray(frame) for frame in _draw(work)]
    samples = [frames[place] for place in evenly_spaced(len(frames), PALETTE_FRAMES)]
    sheet = np.concatenate([np.asarray(frame)[::2, ::2] for frame in samples])
    palette = Image.fromarray(sheet).quantize(256, Image.Quantize.FASTOCTREE)  # keeps rare colours, as those of cars
    palette_frames = [frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]
    buffer = io.BytesIO()
    durations = [round(1000 * seconds) for seconds in _durations(len(frames))]
    palette_frames[0].save(buffer, "GIF", save_all=True, append_images=palette_frames[1:], loop=0, duration=durations)
    return buffer.getvalue()


def encode_mp4(work: FinishedRun) -> bytes:
    """The animation as MP4."""
    video, frames = Video(), _draw(work)
    times = np.cumsum([0, *_durations(len(frames))])
    for frame, start in zip([*frames, frames[-1]], times, strict=True):  # the last one twice, as it ends with a frame
        video.add(frame, float(start))
    return video.content()


def _durations(count: int) -> list[float]:
    """The duration of each frame in seconds, rounded to hundredths as GIF requires."""
    middle_seconds = round(MIDDLE_SECONDS / max(count - 2, 1), 2)
    return [FIRST_SECONDS, *[middle_seconds] * (count - 2), LAST_SECONDS]


def _draw(work: FinishedRun) -> list[Picture]:
    photo = shown_photo(work.run, work.workspace)
    return [_panels(work, photo.picture, frame) for frame in _frames(work)]


def _frames(work: FinishedRun) -> list[Frame]:
    """The clean picture, then the history points, or growing strengths if the run has too few, as examples do."""
    name, label, _ = messages.score_labels(work.plan.target, work.run.source)[0]

    def score_text(scores: dict[str, float | None]) -> str:
        return f"{messages.percent(scores.get(name))} {label}"

    clean = Frame(np.zeros_like(work.levels), score_text(work.run.baselines["clean"]), "clean picture")
    last = Frame(
        work.levels, score_text(work.state.best_validation.scores), f"epsilon {work.plan.settings.ball} of 255"
    )
    history_points = [point for point in work.run.history_points if point.image_gradients]
    if len(history_points) >= MIN_FRAMES:
        points = [history_points[place] for place in evenly_spaced(len(history_points), MAX_FRAMES)]
        middle_frames = [
            Frame(point.levels, score_text(point.validation["scores"]), f"{point.image_gradients:,} image-gradients")
            for point in points
        ]
    else:
        strengths = np.linspace(0, 1, MAX_FRAMES + 2)[1:-1]
        middle_frames = [
            Frame(scale_levels(work.levels, share), "", f"{100 * share:.0f} % of the strength") for share in strengths
        ]
    return [clean, *middle_frames, last]


def _panels(work: FinishedRun, picture: Picture, frame: Frame) -> Picture:
    """The perturbed picture and its segmentation side by side, below two lines of text."""
    after = perturb_photo(picture, frame.levels)
    pictures: Sequence[Picture] = (after, overlay_classes(after, work.workspace.predict(after), work.workspace))
    height = round(PANEL_WIDTH * picture.shape[0] / picture.shape[1])
    canvas = Image.new("RGB", (2 * PANEL_WIDTH + 3 * MARGIN, (height + LINE + 2 * MARGIN) // 2 * 2), PAPER)
    for place, panel in enumerate(pictures):
        image = Image.fromarray(panel).resize((PANEL_WIDTH, height), Image.Resampling.BILINEAR)
        canvas.paste(image, (MARGIN + place * (PANEL_WIDTH + MARGIN), LINE + MARGIN))
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN, MARGIN), frame.score, ACCENT, load_typeface(frame.score, 19))
    pen.text((canvas.width - MARGIN, MARGIN), frame.when, INK, load_typeface(frame.when, 19), anchor="ra")
    return np.asarray(canvas)
