"""Measures an embedded network on pictures it never saw; prints the figures of the model card.

python assets/street/measure.py                                    # rendered test scenes
python assets/street/measure.py --data camvid:CAMVID --split val   # real photos
"""

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor

from uapseg.attack.ball import Ball
from uapseg.attack.perturbation import perturb, quantize_images
from uapseg.datasets import Dataset, load_dataset
from uapseg.datasets.batches import load_images
from uapseg.models import Segmenter, load_model

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Accuracy:
    """A confusion matrix (k, k) of truth against prediction, and how many predictions random noise left alone."""

    confusion: Tensor
    stable: float

    def iou(self) -> Tensor:
        """The intersection over union of each class (k,)."""
        hit = self.confusion.diag().double()
        return hit / (self.confusion.sum(0) + self.confusion.sum(1) - hit)

    def __str__(self) -> str:
        """A table for the model card."""
        right = (self.confusion.diag().sum() / self.confusion.sum()).item()
        return (
            f"pixels right {100 * right:.1f} %, mIoU {100 * self.iou().nanmean():.1f}, "
            f"unchanged by random signs of 10 grey levels {100 * self.stable:.1f} %"
        )


@torch.no_grad()
def measure(model: Segmenter, dataset: Dataset, draws: int = 3) -> Accuracy:
    """Compares predictions with the truth, and with those under random sign noise of 10 grey levels."""
    k = len(model.classes)
    confusion, same, pixels = torch.zeros(k * k, dtype=torch.int64), 0, 0
    for number in range(len(dataset)):
        images, truth = load_images(dataset, [number], CPU), dataset.truth([number])
        predictions = model.predict(images)
        labeled = truth < k
        confusion += (truth[labeled].long() * k + predictions[labeled]).bincount(minlength=k * k)
        for draw in range(draws):
            noise = Ball(10 / 255).random_noise(dataset.size, seed=number * draws + draw)
            same += int((model.predict(quantize_images(perturb(images, noise))) == predictions).sum())
            pixels += predictions.numel()
    return Accuracy(confusion.view(k, k), same / max(1, pixels))


def main() -> None:
    """Prints the figures of one split of one data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="street", help="street, street:small or street:robust")
    parser.add_argument("--weights", help="other weights than its own")
    parser.add_argument("--data", default="street", help="street or camvid:FOLDER")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--draws", type=int, default=3, help="draws of random noise for each picture")
    options = parser.parse_args()
    model, dataset = load_model(options.model, weights=options.weights), load_dataset(options.data, options.split)
    accuracy = measure(model, dataset, options.draws)
    print(f"{options.data} {options.split}: {accuracy}")
    for name, iou in zip(model.classes, accuracy.iou(), strict=True):
        print(f"{name:<12}{100 * iou:6.1f}")


if __name__ == "__main__":
    main()
