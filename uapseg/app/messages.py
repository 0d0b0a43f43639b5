"""What the page says of runs, networks and pictures: the texts with figures in them."""

from collections.abc import Sequence
from typing import Any

from uapseg.app import strings
from uapseg.app.controls import ControlValues
from uapseg.attack.ball import Ball
from uapseg.attack.run import Plan
from uapseg.datasets import Dataset
from uapseg.models import Segmenter
from uapseg.targets import Target
from uapseg.targets.base import ScoreLabel, join_names
from uapseg.targets.metrics import Scores
from uapseg.targets.static import LETTERS

REGIONS = {strings.TYPE: LETTERS, strings.DRAW: "the drawing", strings.UPLOAD: "the mask"}
"""What to call the region of a target that was typed, drawn or uploaded."""


def score_labels(target: Target, source: str) -> list[ScoreLabel]:
    """The scores that the page shows for a target, the first of them large."""
    return list(target.wording(REGIONS[source]).scores)


def image_share_label(target: Target) -> str:
    """What the figure of a single picture is a share of."""
    return target.wording("").in_image


def caption(target: Target, ball: Ball) -> str:
    """What a run does, in a line."""
    return f"{target.wording('').description}, epsilon {ball}"


def summary(
    target: Target, scores: Scores, baselines: dict[str, Scores], source: str, gone: tuple[int, int] = (0, 0)
) -> str:
    """What is reached, as one would say it; ``gone`` is what `uapseg.targets.selection.groups_gone` counts."""
    wording, noise = target.wording(REGIONS[source]), baselines.get("random_noise", {})
    name = wording.scores[0].name
    if scores.get(name) is None:
        return ""
    reached, baseline = percent(scores[name]), percent(noise.get(name))
    outcome = f"{reached} {wording.outcome}"
    if gone[1]:
        outcome = f"{gone[0]} of {gone[1]} {wording.groups}, {reached} of their pixels"
    return f"Unseen pictures: {outcome}; random noise of the same size: {baseline}."


def people_warning(target: Target, people: tuple[str, ...]) -> str:
    """A warning where some of the classes that are people are hidden and others are not."""
    hidden = target.source_classes if target.wording("").groups else ()
    others = tuple(name for name in people if name not in hidden)
    if not set(people) & set(hidden):
        return ""
    if not others:
        return ""
    return f"{join_names(others)} may take the place of {join_names(hidden)}: hide both, and nobody is left."


def percent(share: float | None) -> str:
    """A share in whole per cent."""
    return "-" if share is None else f"{100 * share:.0f} %"


def claim(target: Target, found: Scores, claimed: Scores | None, source: str) -> str:
    """Whether a file keeps what it promises."""
    name = score_labels(target, source)[0][0]
    outcome, true = (claimed or {}).get(name), found.get(name)
    if outcome is None or true is None:
        return f"measured here: {percent(true)}"
    if abs(outcome - true) < 0.01:
        return f"measured {percent(true)}, as the file claims"
    return f"measured {percent(true)}; it claims {percent(outcome)}"


def collapse_warning(swallowed: dict[str, Any]) -> str:
    """That one class has swallowed the others."""
    shares_ = (percent(swallowed[name]) for name in ("perturbed", "clean", "goal"))
    return (
        "The network now sees {} in {} of the unseen pictures, where there is {} of it and {} was asked for: the scene"
        " is gone with the target. Go back to an earlier point of the run, lower epsilon, or ask for another class."
    ).format(swallowed["name"], *shares_)


def cost(cached: bool, download: int | None) -> str:  # noqa: FBT001  as cards have it
    """What choosing a network or a data set costs."""
    return "ready" if cached or not download else f"{format_size(download)} to download"


def change(old: Plan, new: Plan) -> str:
    """What differs between two plans of a run, in a few words."""
    if new.target != old.target:
        return "new target"
    if new.settings.ball != old.settings.ball:
        return f"epsilon {new.settings.ball}"
    return f"keep weight {new.settings.keep_weight:g}"


def settings(controls: ControlValues) -> str:
    """The settings in a few words: the goal with its classes, and the numbers."""
    source = f"“{controls.word}”" if controls.source == strings.TYPE else strings.SOURCES[controls.source].lower()
    details = {
        strings.STATIC: source,
        strings.HIDDEN: ", ".join(controls.hide),
        strings.SWAP: f"{controls.swap_from} to {controls.swap_into}",
    }
    goal = f"{strings.GOALS[controls.goal]} ({details[controls.goal]})"
    return f"these settings: {goal}, epsilon {controls.epsilon}, length {controls.budget:,}"


def link(opens: str, address: str | None, *, with_drawing: bool) -> str:
    """What a link opens, and where to copy it from if the browser would not let the page do it."""
    copied = f"It could not be copied for you: {address} opens {opens}." if address else f"Copied. It opens {opens}."
    return f"{copied} {strings.DRAWING_NOT_LINKED}" if with_drawing else copied


def missing_files(names: Sequence[str]) -> str:
    """That some files could not be had."""
    more = f" and {len(names) - 1} more files" if len(names) > 1 else ""
    return f"{names[0]}{more} could not be downloaded: try again later, or choose something else."


def ignored_controls(names: Sequence[str]) -> str:
    """That some values of a link or of the browser's memory were left out; names are those of controls."""
    if not names:
        return ""
    *first, last = (strings.CONTROLS[name] for name in names)
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"Values from the link or from this browser do not fit this page, so these are at their defaults: {listed}."


def format_size(count: int | None) -> str:
    """Bytes as people say them."""
    if count is None:
        return "of unknown size"
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.{1 if name == 'GB' else 0}f} {name}"
    return f"{count} bytes"


def about(model: Segmenter, pictures: Dataset) -> str:
    """What is attacked, in a line."""
    width, height = pictures.size
    shown = f"{len(model.classes)} classes; {model.licence}. Pictures of {width} x {height}; {pictures.licence}."
    return f"{shown} {len(pictures.skipped)} could not be downloaded or read." if pictures.skipped else shown


def short_name(name: str) -> str:
    """The name of a network without where it comes from."""
    return name.removeprefix("torchvision:")
