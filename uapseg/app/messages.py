"""The texts of the page that contain figures or names: of runs, networks and pictures."""

import re
from collections.abc import Sequence
from typing import Any

from uapseg.app import strings
from uapseg.app.controls import ControlValues
from uapseg.app.runs.own_pictures import OwnPictures
from uapseg.attack.ball import Ball
from uapseg.attack.run import Plan
from uapseg.datasets import Dataset
from uapseg.models import Segmenter
from uapseg.results.full_report import OVERFITTING_GAP
from uapseg.targets import Target
from uapseg.targets.base import ScoreLabel, join_names
from uapseg.targets.metrics import Scores
from uapseg.targets.static import LETTERS

REGIONS = {strings.TYPE: LETTERS, strings.DRAW: "the drawing", strings.UPLOAD: "the mask"}
"""What to call the region of a target that was typed, drawn or uploaded."""


def name_classes(text: str) -> str:
    """A text with the names of classes as the page shows them, by `strings.CLASS_NAMES`.

    Example:
        >>> name_classes("of the letters seen as SignSymbol")
        'of the letters seen as Traffic sign'
    """
    for name, label in strings.CLASS_NAMES.items():
        text = re.sub(rf"\b{name}\b", label, text)
    return text


def score_labels(target: Target, source: str) -> list[ScoreLabel]:
    """The scores that the page shows for a target, the main one first; ``source`` is a key of `strings.SOURCES`.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> score_labels(HideClasses(classes=("Car",)), strings.TYPE)[0].name
        'hidden'
    """
    return list(target.wording(REGIONS[source]).scores)


def image_share_label(target: Target) -> str:
    """The meaning of the score of a single picture, as a label.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> image_share_label(HideClasses(classes=("Car",)))
        'of the hidden classes gone'
    """
    return target.wording("").in_image


def caption(target: Target, ball: Ball) -> str:
    """The target and the bound of a run in a line.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> caption(HideClasses(classes=("Car",)), Ball(10 / 255))
        'Hide Car, epsilon 10'
    """
    return f"{target.wording('').description}, epsilon {ball}"


def summary(
    target: Target, scores: Scores, baselines: dict[str, Scores], source: str, gone_groups: tuple[int, int] = (0, 0)
) -> str:
    """The main score and its baseline in a sentence; ``gone_groups`` is from `uapseg.targets.selection.groups_gone`.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> hide, noise = HideClasses(classes=("Car",)), {"random_noise": {"hidden": 0.03}}
        >>> summary(hide, {"hidden": 0.85}, noise, strings.TYPE)
        'Unseen pictures: 85 % of the pixels of Car vanish; random noise of the same size: 3 %.'
    """
    wording, noise = target.wording(REGIONS[source]), baselines.get("random_noise", {})
    name = wording.scores[0].name
    if scores.get(name) is None:
        return ""
    success_rate, baseline = percent(scores[name]), percent(noise.get(name))
    outcome = f"{success_rate} {wording.outcome}"
    if gone_groups[1]:
        groups = f"{gone_groups[0]} of {gone_groups[1]} {wording.groups}"
        outcome = f"{groups}, {success_rate} of their pixels" if name == "hidden" else f"{outcome}, {groups}"
    return f"Unseen pictures: {outcome}; random noise of the same size: {baseline}."


def own_pictures(own: OwnPictures | None) -> str:
    """A visitor's own pictures and their split sizes, as text; empty without any.

    Example:
        >>> own_pictures(None)
        ''
    """
    if own is None:
        return ""
    train, val, test = (len(own.splits[split]) for split in ("train", "val", "test"))
    return f"{strings.OWN_SOURCES[own.source]}: {train} to train on, {val} for validation, {test} for the test"


def generalization(target: Target, validation_scores: Scores, training_scores: Scores) -> str:
    """Compares the main score on unseen pictures with that on training pictures, in a sentence.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> generalization(HideClasses(classes=("Car",)), {"hidden": 0.5}, {"hidden": 0.9})
        'It overfits: 90 % on the pictures it is trained on, 50 % on unseen ones.'
    """
    name = target.wording("").scores[0].name
    unseen_score, training_score = validation_scores.get(name), training_scores.get(name)
    if unseen_score is None or training_score is None:
        return ""
    shares = f"{percent(training_score)} on the pictures it is trained on, {percent(unseen_score)} on unseen ones"
    overfits = training_score - unseen_score > OVERFITTING_GAP
    return f"It overfits: {shares}." if overfits else f"It generalizes: {shares}."


def test_result(target: Target, scores: Scores, pictures: int) -> str:
    """The headline score on the test split of a visitor's own pictures.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> test_result(HideClasses(classes=("Car",)), {"hidden": 0.5}, pictures=4)
        'On 4 test pictures, used neither for training nor for selection: 50 %.'
    """
    share = percent(scores.get(target.wording("").scores[0].name))
    return f"On {pictures} test picture{'s' * (pictures != 1)}, used neither for training nor for selection: {share}."


def people_warning(target: Target, people: tuple[str, ...]) -> str:
    """Warns if some of the classes of people are hidden and others are not.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> people_warning(HideClasses(classes=("Pedestrian",)), ("Pedestrian", "Bicyclist"))[:44]
        'Bicyclist may take the place of Pedestrian: '
    """
    hidden = target.source_classes if target.wording("").groups else ()
    other_people = tuple(name for name in people if name not in hidden)
    if not set(people) & set(hidden):
        return ""
    if not other_people:
        return ""
    others, names = join_names(other_people), join_names(hidden)
    return f"{others} may take the place of {names}: hide these too, so that nobody is left."


def percent(share: float | None) -> str:
    """Formats a share in whole per cent.

    Example:
        >>> percent(0.256), percent(None)
        ('26 %', '-')
    """
    return "-" if share is None else f"{100 * share:.0f} %"


def compare_with_claim(target: Target, measured_scores: Scores, claimed_scores: Scores | None, source: str) -> str:
    """Compares the main score measured here with the one that a file states.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> compare_with_claim(HideClasses(classes=("Car",)), {"hidden": 0.5}, {"hidden": 0.9}, strings.TYPE)
        'measured here: 50 % (on other pictures: 90 %)'
    """
    name = score_labels(target, source)[0][0]
    outcome, measured_success = (claimed_scores or {}).get(name), measured_scores.get(name)
    if outcome is None or measured_success is None:
        return f"measured here: {percent(measured_success)}"
    if abs(outcome - measured_success) < 0.01:
        return f"measured here: {percent(measured_success)}, as the file says"
    return f"measured here: {percent(measured_success)} (on other pictures: {percent(outcome)})"


def collapse_warning(collapse: dict[str, Any]) -> str:
    """Warns that the network predicts one class almost everywhere, from a `uapseg.targets.metrics.Collapse`.

    Example:
        >>> collapse_warning({"name": "Road", "perturbed": 0.9, "clean": 0.3, "goal": 0.3})[:72]
        'Too strong: the network now sees 90 % of the unseen pictures as Road, wh'
    """
    perturbed_share, goal_share = percent(collapse["perturbed"]), percent(collapse["goal"])
    return (
        f"Too strong: the network now sees {perturbed_share} of the unseen pictures as {collapse['name']}, "
        f"where {goal_share} was asked for. Go back on the timeline, or lower epsilon."
    )


def cost(cached: bool, download: int | None) -> str:  # noqa: FBT001  as cards have it
    """The cost of a network or a dataset: the download in bytes, or that it is cached.

    Example:
        >>> cost(False, 33_000_000), cost(True, 33_000_000)
        ('33 MB to download', 'ready')
    """
    return "ready" if cached or not download else f"{format_size(download)} to download"


def change(old_plan: Plan, new_plan: Plan) -> str:
    """The difference between two plans of a run in a few words, as the chart shows it.

    Example:
        >>> from uapseg import HideClasses, Untargeted, fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> targets = Untargeted(), HideClasses(classes=("Car",))
        >>> old, new = (Plan(model="street", data="street", target=target, settings=settings) for target in targets)
        >>> change(old, new)
        'new target'
    """
    if new_plan.target != old_plan.target:
        return "new target"
    if new_plan.settings.ball != old_plan.settings.ball:
        return f"epsilon {new_plan.settings.ball}"
    return f"protect the rest x{new_plan.settings.keep_weight:g}"


def settings(controls: ControlValues) -> str:
    """The settings in a few words: the goal with its classes, and the numbers.

    Example:
        >>> settings(ControlValues(word="foo", budget=2000))
        'these settings: Show a target (“foo”), epsilon 10, length 2,000'
    """
    source = f"“{controls.word}”" if controls.source == strings.TYPE else strings.SOURCES[controls.source].lower()
    hidden = (join_names(controls.also_hide),) if controls.also_hide and controls.rest == strings.KEEP else ()
    details = {
        strings.STATIC: ", without ".join((source, *hidden)),
        strings.HIDDEN: ", ".join(controls.hide),
        strings.SWAP: f"{controls.swap_from} to {controls.swap_into}",
        strings.UNTARGETED: "every pixel another class",
    }
    goal = f"{strings.GOALS[controls.goal]} ({details.get(controls.goal, controls.goal)})"
    return f"these settings: {goal}, epsilon {controls.ball}, length {controls.budget:,}"


def link(content: str, address: str | None, *, with_drawing: bool) -> str:
    """Tells what a link opens, with its address if the browser could not copy it.

    Example:
        >>> link("the example foo", None, with_drawing=False)
        'Copied. It opens the example foo.'
    """
    sentence = (
        f"The link could not be copied: {address} opens {content}." if address else f"Copied. It opens {content}."
    )
    return f"{sentence} {strings.DRAWING_NOT_LINKED}" if with_drawing else sentence


def missing_files(names: Sequence[str]) -> str:
    """Says that some files could not be downloaded.

    Example:
        >>> missing_files(["a.jpg", "b.jpg", "c.jpg"])[:43]
        'a.jpg and 2 more files could not be downloa'
    """
    others = len(names) - 1
    remainder = f" and {others} more file{'s' * (others != 1)}" if others else ""
    return f"{names[0]}{remainder} could not be downloaded: try again later, or choose something else."


def ignored_controls(names: Sequence[str]) -> str:
    """Says which values of a link or of the browser's memory were ignored, by the names of their controls.

    Example:
        >>> ignored_controls(["epsilon", "seed"]).endswith("epsilon and seed.")
        True
    """
    if not names:
        return ""
    *first, last = (strings.CONTROLS[name] for name in names)
    text = f"{', '.join(first)} and {last}" if first else last
    return f"Values from the link or from this browser do not fit this page, so these are at their defaults: {text}."


def format_size(count: int | None) -> str:
    """Formats a number of bytes with a unit.

    Example:
        >>> format_size(253_000_000), format_size(None)
        ('253 MB', 'of unknown size')
    """
    if count is None:
        return "of unknown size"
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.{1 if name == 'GB' else 0}f} {name}"
    return f"{count} bytes"


def about(model: Segmenter, pictures: Dataset) -> str:
    """The classes, sizes and licences of a network and its pictures in a line.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> pictures = ImageDataset.from_pictures([Image.new("RGB", (64, 48))])
        >>> about(load_model("street:small"), pictures)[:10]
        '11 classes'
    """
    width, height = pictures.size
    line = f"{len(model.classes)} classes; {model.licence}. Pictures of {width} x {height}; {pictures.licence}."
    return f"{line} {len(pictures.skipped)} could not be downloaded or read." if pictures.skipped else line


def network_label(name: str) -> str:
    """The name of a network without the name of its library.

    Example:
        >>> network_label("torchvision:fcn_resnet50")
        'fcn_resnet50'
    """
    return name.removeprefix("torchvision:")
