"""A run as a short animation, GIF or MP4."""

import io

import numpy as np
from PIL import Image, ImageDraw

from uapseg.app import messages
from uapseg.app.finished_run import FinishedRun
from uapseg.app.frames import Photo, mp4, perturb_photo
from uapseg.app.rendering import shown_photo
from uapseg.app.runs import HistoryPoint
from uapseg.app.workspace import overlay_classes
from uapseg.targets.drawing import load_typeface

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
