"""What all visitors share: the network, the held-out scenes, and the one place where the page computes with them."""

import threading
from collections import deque
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image

from uapseg.datasets import load_dataset
from uapseg.metrics import count, each
from uapseg.models import Segmenter, load_model
from uapseg.run import Plan
from uapseg.targets import Goal, Target
from uapseg.ui.choice import VALIDATION
from uapseg.ui.frames import LabelMap, Photo, Picture, amplified, jpeg, label_png, perturbed
from uapseg.ui.steps import Levels8
from uapseg.validation import SHOWN, spread

MOST_PIXELS = 768 * 512
"""Photos are shown and attacked at no more than this, so that a frame takes no longer than a step."""

THUMB = 192


class Studio:
    """The network on the CPU, for previews; on ZeroGPU nothing else may run outside the worker.

    Args:
        model: The name of the network.
        data: The name of the data set, whose validation pictures are shown.
        scene: The number of the validation picture shown until a visitor brings a photo.
    """

    def __init__(self, model: str = "street", data: str = "street", scene: int = 33) -> None:
        self.data = data
        self.model = load_model(model)
        self.held_out = load_dataset(data, "val")
        self.size = self.held_out.size
        self._lock = threading.Lock()
        self.scene = self.photo(self._held_out([scene % len(self.held_out)])[0])
        numbers = spread(len(self.held_out), VALIDATION["validation_pictures"])
        self.judged = len(numbers)
        self.strip = self._held_out(numbers[:SHOWN])

    def draw_ahead(self) -> None:
        """Asks for every training picture once, in the background: on a new machine the scenes are drawn by then."""
        train = load_dataset(self.data, "train")
        threading.Thread(
            target=lambda: deque(map(train.pictures, ([n] for n in range(len(train)))), 0), daemon=True
        ).start()

    def _held_out(self, numbers: list[int]) -> list[Picture]:
        return list(self.held_out.pictures(numbers).permute(0, 2, 3, 1).numpy())

    def photo(self, picture: Picture) -> Photo:
        """A picture with what the network sees in it."""
        return Photo(picture, self.predict(picture))

    def shrunk(self, image: Image.Image) -> Picture:
        """A photo of any size, made smaller where it is too large to be shown live."""
        share = (MOST_PIXELS / (image.width * image.height)) ** 0.5
        if share < 1:
            size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
            image = image.resize(size, Image.Resampling.LANCZOS)
        return np.array(image)

    def predict(self, picture: Picture) -> LabelMap:
        """What the network sees (h, w)."""
        image = torch.from_numpy(picture.transpose(2, 0, 1).copy()).unsqueeze(0).float() / 255
        with self._lock:
            return self.model.predict(image)[0].numpy()

    def frame(self, photo: Photo, levels: Levels8, plan: Plan, *, slow: bool) -> dict[str, Any]:
        """What there is to see at a moment: the photo with the perturbation, its segmentation, the noise amplified."""
        epsilon = round(plan.settings.epsilon * 255)
        attacked = perturbed(photo.picture, levels)
        seen = self.predict(attacked)
        return {
            "after": jpeg(attacked, 70 if slow else 85, 256 if slow else None),
            "seen": label_png(seen, self.model.palette),
            "noise": jpeg(amplified(levels, epsilon), 70, 192 if slow else None),
            "reached": self.reached(photo, seen, plan.target, (levels.shape[2], levels.shape[1])),
        }

    def reached(self, photo: Photo, seen: LabelMap, target: Target, tile: tuple[int, int]) -> float | None:
        """The success in one picture, as in `uapseg.metrics.each`."""
        clean, now = torch.from_numpy(photo.seen)[None], torch.from_numpy(seen)[None]
        goal = _goal(self.model, photo, target, tile)
        return each(count(now, clean, goal, target, self.model.classes), target)[0]

    def clean(self, photo: Photo) -> dict[str, Any]:
        """A photo before anything is done to it."""
        return {
            "width": photo.size[0],
            "height": photo.size[1],
            "image": jpeg(photo.picture, 88),
            "seen": label_png(photo.seen, self.model.palette),
        }

    def thumbs(self, predictions: LabelMap) -> list[str]:
        """What the network sees in the first held-out pictures, small."""
        return [label_png(labels, self.model.palette, THUMB) for labels in predictions]

    def wanted(self, target: Target) -> str:
        """The target on the scene, in the network's colours."""
        goal = _goal(self.model, self.scene, target, self.size)
        return label_png(goal.labels[0].numpy(), self.model.palette)


@lru_cache(maxsize=16)
def _goal(model: Segmenter, photo: Photo, target: Target, tile: tuple[int, int]) -> Goal:
    """What should be seen in a photo; kept, as it is asked for with every frame."""
    return target.on(model.classes, model.objects, tile)(torch.from_numpy(photo.seen)[None])
