"""What a GPU makes of the project: speed of the steps, and scores of short runs on rendered scenes. Prints JSON.

python -m tests.gpu

Takes at most five minutes. It needs torch, torchvision, jaxtyping, numpy, pillow, platformdirs, safetensors, scipy and
tqdm, but neither Gradio nor the internet. Without CUDA it says so and does nothing.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch

from uapseg.attack.loop import fit
from uapseg.attack.settings import Settings, fast
from uapseg.datasets import Dataset, load_dataset
from uapseg.datasets.batches import load_images
from uapseg.models import Segmenter, load_model
from uapseg.models.classes import voc_palette
from uapseg.results.evaluation import evaluate
from uapseg.results.speed import describe_device, measure_step
from uapseg.targets import HideClasses, Target
from uapseg.targets.drawing import text_target

LIMIT = 300.0
"""Seconds that everything may take: what has not begun by then is left out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures as one JSON document; the exit status is 0 without CUDA too."""
    parser = argparse.ArgumentParser(description="Measure speed and scores on a GPU.")
    parser.add_argument("--device", default="cuda", help="where to compute (cuda); cpu tries the program itself")
    parser.add_argument("--budget", type=int, default=4000, metavar="N", help="image-gradients of each run (4000)")
    parser.add_argument("--scenes", type=int, default=256, metavar="N", help="scenes to train on (256)")
    parser.add_argument("--side", type=int, default=520, metavar="N", help="sides of the pictures in pixels (520)")
    parser.add_argument("--epsilons", default="10", metavar="N,…", help="grey levels of the runs (10)")
    parser.add_argument("--only", choices=("steps", "runs"), help="leave out the other half")
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="how often to time each (20)")
    options = parser.parse_args(arguments)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        sys.stdout.write("There is no CUDA device here: nothing was measured.\n")
        return 0
    print(json.dumps(measure(options), indent=2))
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: what a step costs, and what short runs reach."""
    device = torch.device(options.device)
    began = time.monotonic()
    figures: dict[str, Any] = {**describe_device(device), "steps": [], "runs": [], "left_out": []}
    for name, section, function in _parts(device, options):
        if time.monotonic() - began < LIMIT - 60:
            figures[section].append({"what": name, **function()})
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        else:
            figures["left_out"].append(name)
    return {**figures, "seconds": round(time.monotonic() - began, 1)}


def _parts(device: torch.device, options: argparse.Namespace) -> list[tuple[str, str, Any]]:
    """What is measured, in its order: a name, the section of the figures, and the function."""
    street = [load_model("street", device, fold=fold) for fold in (True, False)]
    scenes = load_dataset(f"street?scenes={options.scenes}", "train")
    foo, hide = text_target("foo", *street[0].default_pair, scenes.size), HideClasses(classes=("Pedestrian",))
    large = load_dataset("street?scenes=16", "train", (options.side, options.side))
    random = [random_network(device, fold=fold) for fold in (True, False)]
    targets = {"foo": text_target("foo", *random[0].default_pair, large.size), "hide": most_common(random[0], large)}

    def steps(pair: list[Segmenter], dataset: Dataset, target: Target, batch: int) -> Any:
        cost = lambda: measure_step(*pair, dataset, target, batch=batch, rounds=options.rounds).to_dict()  # noqa: E731
        where = f"{pair[0].name}, {'x'.join(map(str, dataset.size))}, {target.title}, batch {batch}"
        return where, "steps", cost

    def scored(name: str, target: Target, levels: int) -> Any:
        settings = fast(epsilon=levels / 255, budget=options.budget)
        what = f"{name} on street, epsilon {levels}, {options.budget} image-gradients"
        return what, "runs", lambda: short_run(street[0], scenes, target, settings)

    parts = [
        *(steps(street, scenes, target, batch) for target in (foo, hide) for batch in (1, 4, 16)),
        *(steps(random, large, target, batch) for target in targets.values() for batch in (4, 16)),
        *(
            scored(name, target, int(levels))
            for levels in options.epsilons.split(",")
            for name, target in (("foo", foo), ("hide", hide))
        ),
    ]
    return [part for part in parts if options.only in {None, part[1]}]


def random_network(device: torch.device, *, fold: bool) -> Segmenter:
    """LR-ASPP of torchvision with 21 classes and weights drawn at random, the same ones every time."""
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    torch.manual_seed(0)
    net = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.uniform_(-0.2, 0.2)
    classes = tuple(f"class {number}" for number in range(21))
    model = Segmenter(
        net, name="lraspp with random weights", classes=classes, palette=voc_palette(21), objects=classes[1:],
        pair=classes[1:3], source="random weights", licence="none",
    ).to(device)  # fmt: skip
    if fold:
        model.fold()
    return model


def most_common(model: Segmenter, dataset: Dataset) -> HideClasses:
    """The target that hides the class which a network predicts most often."""
    labels = model.predict(load_images(dataset, range(4), next(model.buffers()).device))
    return HideClasses(classes=(model.classes[int(labels.flatten().long().bincount().argmax())],))


def short_run(model: Segmenter, train: Dataset, target: Target, settings: Settings) -> dict[str, Any]:
    """The scores of a run on test scenes, its curve on validation scenes, and when it was at 90 % of its end."""
    began = time.perf_counter()
    curve: list[tuple[float, int, float]] = []
    snapshot = None
    for snapshot in fit(model, train, load_dataset("street", "val"), target, settings):
        look = snapshot.state.validation
        if not curve or curve[-1][1] != look.image_gradients:
            score = next(iter(look.scores.values())) or 0.0
            curve.append((round(time.perf_counter() - began, 2), look.image_gradients, score))
    assert snapshot is not None
    seconds = time.perf_counter() - began
    report = evaluate(model, load_dataset("street", "test"), target, snapshot.state.best, ball=settings.ball)
    kept = ("perturbed", "interval", "clean", "random_noise", "hashes")
    return {
        "seconds": round(seconds, 2),
        "seconds_to_90_percent": next(after for after, _, score in curve if score >= 0.9 * curve[-1][2]),
        "curve": curve,
        **{name: getattr(report, name) for name in kept},
    }


if __name__ == "__main__":
    sys.exit(main())
