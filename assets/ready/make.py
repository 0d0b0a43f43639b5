"""Makes the perturbations that the page offers ready-made, and the run that it plays when it is opened.

    python assets/ready/make.py [--budget 2000] [--only NAME ...]

What is there already is kept: to make one anew, remove its file. On one processor core each takes about ten minutes.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from uapseg.app import messages, strings
from uapseg.app.controls import VALIDATION
from uapseg.app.frames import FrameOptions, label_png, perturb_photo
from uapseg.app.runs.device import LevelArray, level_array, validation_frame
from uapseg.app.runs.import_run import measure
from uapseg.app.view.figures import titles
from uapseg.app.view.rendering import frame
from uapseg.app.workspace import Workspace
from uapseg.attack.run import Plan, run
from uapseg.attack.settings import fast
from uapseg.attack.state import Snapshot
from uapseg.attack.validation import Validation
from uapseg.datasets import load_dataset
from uapseg.datasets.batches import load_images
from uapseg.results.evaluation import evaluate, indices_showing_target
from uapseg.results.figures import Row, draw_figure
from uapseg.results.perturbation_file import best_perturbation, load, save_png
from uapseg.targets import HideClasses, Target
from uapseg.targets.drawing import label_map_target, text_target
from uapseg.targets.metrics import Scores
from uapseg.targets.selection import groups_gone

FOLDER = Path(__file__).parent
PAIR = ("street", "street")
LEARNT = "street?scenes=4096"
"""The pictures to learn from; shown and judged by are those of the page."""
SIZE = (384, 256)


@dataclass(frozen=True)
class Example:
    """One perturbation to make.

    Attributes:
        name: Its file's name.
        target: What it is to do.
        epsilon: In grey levels.
        robust: Whether it must survive JPEG and the like.
        title: What to call it, instead of by its target.
    """

    name: str
    target: Target
    epsilon: int = 10
    robust: bool = False
    title: str = ""


EXAMPLES = (
    Example("foo", text_target("foo", "Tree", "Building", SIZE)),
    Example("strong-no-people", HideClasses(classes=("Pedestrian", "Bicyclist")), 16),
    Example("strong-foo", text_target("foo", "Tree", "Building", SIZE), 16),
    Example("faint-foo", text_target("foo", "Tree", "Building", SIZE), 6),
    Example("robust-foo", text_target("foo", "Tree", "Building", SIZE), robust=True),
    Example("no-pedestrians", HideClasses(classes=("Pedestrian",))),
    Example("no-cars", HideClasses(classes=("Car",))),
    Example("no-people", HideClasses(classes=("Pedestrian", "Bicyclist"))),
    Example("all-clear", HideClasses(classes=("Car", "Pedestrian", "Bicyclist"), fill="Road"), 16),
)
SCENE = 7
"""The train scene whose label map is shown everywhere."""

RECORDED, ENDING = "foo", "strong-no-people"
"""What the recorded run trains, and what is shown after it."""
GROWTH = 1.3
"""How many times as many image-gradients as the frame before it a frame of the recorded run has."""
SMALL = 112
"""The width of what is sent with the page."""


def main() -> None:
    """Makes what is missing, and the index of all."""
    names = [*(example.name for example in EXAMPLES), "scene"]
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--budget", type=int, default=2000)
    options.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    chosen = options.parse_args()
    workspace = Workspace(*PAIR)
    examples = (*EXAMPLES, Example("scene", map_of(SCENE, workspace), title="Another street everywhere"))
    for example in examples:
        file = FOLDER / f"{example.name}.png"
        if (chosen.only is None or example.name in chosen.only) and not file.is_file():
            make(example, file, chosen.budget, workspace)
        if example.name == RECORDED:
            (FOLDER.parent / "figure.png").write_bytes(figure(example, file, workspace))
    add_ending(workspace)
    cards = [card(example, workspace) for example in examples if (FOLDER / f"{example.name}.png").is_file()]
    (FOLDER / "index.json").write_text(json.dumps({"pair": PAIR, "cards": cards}), encoding="utf-8")


def figure(example: Example, file: Path, workspace: Workspace) -> bytes:
    """The figure of the README: four test pictures, as ``uapseg figure`` draws them."""
    kept, model, pictures = load(file), workspace.model, load_dataset(PAIR[1], "test")
    device = torch.device("cpu")
    images = load_images(pictures, indices_showing_target(model, pictures, example.target, 4), device)
    rows = [Row.measure(model, image[None], kept.delta) for image in images]
    title = f"{messages.caption(example.target, kept.ball)} of 255, network {model.name}"
    return draw_figure(rows, kept.delta, kept.epsilon, model.classes, model.palette, title=title)


def map_of(number: int, workspace: Workspace) -> Target:
    """What the network sees in a train scene, as the target for every picture."""
    picture = load_dataset(PAIR[1], "train").pictures([number])[0].permute(1, 2, 0).numpy()
    return label_map_target(workspace.predict(picture), workspace.model.classes, None, f"scene {number}")


def make(example: Example, file: Path, budget: int, workspace: Workspace) -> None:
    """Trains one; the recorded one leaves its frames as well."""
    settings = fast(epsilon=example.epsilon / 255, budget=budget, robust=example.robust, **VALIDATION)
    plan = Plan(model=PAIR[0], data=LEARNT, target=example.target, settings=settings)
    frames: list[dict[str, Any]] = []
    snapshot = None
    for snapshot in validated_snapshots(plan):
        sys.stderr.write(f"{example.name} {snapshot.state.image_gradients} {snapshot.state.validation.scores}\n")
        if example.name == RECORDED:
            frames.append(recorded_frame(plan, snapshot, workspace))
    if snapshot:
        save_png(file, best_perturbation(plan, snapshot.state))
    if frames and snapshot:
        shares = messages.score_labels(plan.target, strings.TYPE)
        text = {
            "pair": PAIR, "caption": messages.caption(plan.target, plan.settings.ball), "shares": shares,
            "here": messages.image_share_label(plan.target), "total": budget,
            "baselines": snapshot.baselines, "frames": thin_frames(frames),
        }  # fmt: skip
        (FOLDER / "recorded.json").write_text(json.dumps(text), encoding="utf-8")


def thin_frames(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first and the last frame, and between them fewer and fewer, as less and less changes."""
    thinned = frames[:2]
    for candidate in frames[2:]:
        if candidate["image_gradients"] >= GROWTH * thinned[-1]["image_gradients"] or candidate is frames[-1]:
            thinned.append(candidate)
    return thinned


def validated_snapshots(plan: Plan) -> Iterator[Snapshot]:
    """The snapshots that come with new figures."""
    last = -1
    for snapshot in run(plan):
        if snapshot.state.validation.image_gradients != last:
            last = snapshot.state.validation.image_gradients
            yield snapshot


def recorded_frame(plan: Plan, snapshot: Snapshot, workspace: Workspace) -> dict[str, Any]:
    """One frame, as small as it can be shown."""
    levels = level_array(snapshot.state.delta, plan.settings.ball)
    return one_frame(plan, levels, snapshot.state.validation, snapshot.baselines, workspace)


def one_frame(
    plan: Plan, levels: LevelArray, validation: Validation, baselines: dict[str, Scores], workspace: Workspace
) -> dict[str, Any]:
    """What the stage shows of a perturbation."""
    figures, gone = validation_frame(validation), groups_gone(validation.counts, plan.target)
    return {
        **frame(workspace, workspace.scene, levels, plan, FrameOptions(slow=True)),
        "image_gradients": validation.image_gradients,
        "scores": figures["scores"], "each": figures["each"][:6],
        "thumbs": workspace.thumbs(figures["predictions"][:, ::2, ::2]),
        "plain": messages.summary(plan.target, figures["scores"], baselines, strings.TYPE, gone),
    }  # fmt: skip


def add_ending(workspace: Workspace) -> None:
    """Has the recorded run end with another perturbation, which hides people."""
    file, perturbation = FOLDER / "recorded.json", load(FOLDER / f"{ENDING}.png")
    text = json.loads(file.read_text(encoding="utf-8"))
    plan = perturbation.plan
    if plan is None:
        return
    validation, baselines = measure(perturbation, plan, workspace, perturbation.image_gradients or 0)
    last_frame = one_frame(plan, level_array(perturbation.delta, perturbation.ball), validation, baselines, workspace)
    heading = {
        **titles(plan.target, plan.settings.ball, strings.TYPE),
        "total": perturbation.image_gradients, "baselines": baselines, "target": workspace.target_png(plan.target),
    }  # fmt: skip
    file.write_text(json.dumps({**text, "ending": {**last_frame, "heading": heading}}), encoding="utf-8")


def card(example: Example, workspace: Workspace) -> dict[str, Any]:
    """What the page says of one, measured on the test pictures."""
    file = FOLDER / f"{example.name}.png"
    perturbation = load(file)
    report = evaluate(
        workspace.model, load_dataset(PAIR[1], "test"), example.target, perturbation.delta, ball=perturbation.ball
    )
    painted = example.title != ""  # a word and hidden classes need none
    name, label, _ = messages.score_labels(example.target, strings.DRAW if painted else strings.TYPE)[0]
    caption = messages.caption(example.target, perturbation.ball) + ", survives JPEG" * example.robust
    levels = perturbation.levels.numpy()
    return {
        "file": file.name,
        "title": f"{example.title}, epsilon {example.epsilon}" if example.title else caption,
        "label": label,
        "hides": bool(example.target.source_classes),
        "epsilon": example.epsilon,
        "success": report.perturbed[name],
        "interval": report.interval.get(name),
        "noise": report.random_noise[name],
        "pictures": report.pictures,
        "image_gradients": perturbation.image_gradients,
        "prediction": label_png(
            workspace.predict(perturb_photo(workspace.scene.picture, levels)), workspace.model.palette, SMALL
        ),
    }


if __name__ == "__main__":
    main()
