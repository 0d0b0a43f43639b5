"""Attacks a network of each family, briefly trained on rendered scenes: `python -m tests.families`.

The networks tell ground, sky and all else apart, and say little of well-trained ones; what counts is that each family
is attacked through its own preprocessing and inference. With weights of your own, use `python -m uapseg race --break`.
"""

import argparse
import warnings
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torchvision.models import get_model

from tests.models import test_huggingface, test_smp, test_universal
from uapseg.datasets import Dataset, load_dataset
from uapseg.models import Segmenter, load_model
from uapseg.results.benchmark import Benchmark, Result, run_variant
from uapseg.targets import Untargeted

CLASSES = {0: "ground", 1: "else", 2: "sky"}
SIZE = (96, 64)
LABELS = torch.tensor([2, 1, 1, 0, 0, *[1] * 6])
"""The class of each of the eleven classes of street scenes."""


def load_saved(prefix: str, save: Callable[[Path], Any]) -> Callable[[Path], Segmenter]:
    """What saves a small network in a folder, and loads it from there."""

    def load(folder: Path) -> Segmenter:
        save(folder)
        return load_model(f"{prefix}:{folder}", size=SIZE, fold=False)

    return load


def load_torchvision(name: str) -> Callable[[Path], Segmenter]:
    """What loads a network of torchvision with random weights."""

    def load(folder: Path) -> Segmenter:
        net = get_model(name, weights=None, weights_backbone=None, num_classes=21, aux_loss=False)
        torch.save(net.state_dict(), folder / "weights.pth")
        return load_model(f"torchvision:{name}", weights=str(folder / "weights.pth"), size=SIZE, fold=False)

    return load


FAMILIES: dict[str, Callable[[Path], Segmenter]] = {
    "LR-ASPP of torchvision": load_torchvision("lraspp_mobilenet_v3_large"),
    "DeepLabV3 of torchvision": load_torchvision("deeplabv3_mobilenet_v3_large"),
    "FCN of torchvision": load_torchvision("fcn_resnet50"),
    "SegFormer": load_saved("hf", lambda folder: test_huggingface.saved(test_huggingface.segformer(CLASSES), folder)),
    "UperNet": load_saved("hf", lambda folder: test_huggingface.saved(test_huggingface.upernet(CLASSES), folder)),
    "Mask2Former": load_saved("hf", lambda folder: test_universal.saved(test_universal.mask2former, folder)),
    "MaskFormer": load_saved("hf", lambda folder: test_universal.saved(test_universal.maskformer, folder)),
    "OneFormer": load_saved("hf", lambda folder: test_universal.saved(test_universal.oneformer, folder)),
    "EoMT": load_saved("hf", lambda folder: test_universal.saved(test_universal.eomt, folder)),
    "Unet of segmentation_models_pytorch": load_saved("smp", lambda folder: test_smp.saved(folder, classes=3)),
}
"""Of each family what loads a small network with random weights, which it may save in a folder."""


def train(family: str, dataset: Dataset, steps: int, learning_rate: float) -> Segmenter:
    """Trains a network of a family on batches of eight scenes."""
    torch.manual_seed(0)
    with TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        model = FAMILIES[family](Path(folder))
    model.version = None  # predictions are not cached, as the weights are no longer those of the file
    weights = [weight.requires_grad_() for weight in model.parameters()]
    optimizer = torch.optim.Adam(weights, lr=learning_rate)
    for step in range(steps):
        indices = [(8 * step + place) % len(dataset) for place in range(8)]
        logits = model(dataset.pictures(indices).float() / 255)
        loss = cross_entropy(logits, LABELS[dataset.truth(indices).long().clamp(max=10)])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    model.requires_grad_(requires_grad=False)
    return model


def attack(family: str, steps: int, learning_rate: float, budget: int) -> tuple[float, Result]:
    """Attacks a network without a target, at epsilon 10: its clean pixel accuracy and the scores on test scenes."""
    training, held_out, test = (load_dataset("street?scenes=512", split, SIZE) for split in ("train", "val", "test"))
    model = train(family, training, steps, learning_rate)
    indices = list(range(len(test)))
    labels = model.predict(test.pictures(indices).float() / 255)
    accuracy = (labels == LABELS[test.truth(indices).long().clamp(max=10)]).float().mean().item()
    benchmark = Benchmark(model, training, held_out, test, Untargeted(), epsilon=10 / 255, budget=budget)
    return accuracy, _last(run_variant(benchmark, "fast", 0))


def _last(steps: Generator[Any, None, Result]) -> Result:
    results: list[Result] = []

    def collect() -> Generator[Any]:
        results.append((yield from steps))

    deque(collect(), maxlen=0)
    return results[0]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=200)
    options.add_argument("--learning-rate", type=float, default=2e-3)
    options.add_argument("--budget", type=int, default=400)
    options.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES), metavar="FAMILY")
    chosen = options.parse_args()
    print("| family | clean accuracy | pixels that lose their class | random noise |\n| --- | --: | --: | --: |")
    for family in chosen.only:
        accuracy, result = attack(family, chosen.steps, chosen.learning_rate, chosen.budget)
        share, (low, high) = result.perturbed["fooled"], result.interval["fooled"]
        noise = result.random_noise["fooled"]
        clean = f"{100 * accuracy:.1f}"
        print(
            f"| {family} | {clean} | {100 * share:.1f} ({100 * low:.1f} to {100 * high:.1f}) | {100 * noise:.1f} |",
            flush=True,
        )
