"""One network with one dataset, as the page shows them."""

import threading
from collections.abc import Sequence
from functools import cached_property, reduce
from operator import add
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from PIL import Image

from uapseg.app import messages
from uapseg.app.catalogue import (
    example_card,
    example_cards,
    load_example,
)
from uapseg.app.controls import VALIDATION, ControlValues, Pair
from uapseg.app.frames import (
    LabelMap,
    Photo,
    Picture,
    UploadedPhoto,
    defend_photo,
    jpeg,
    label_png,
    perturb_photo,
    stretch_levels,
    webp,
)
from uapseg.app.runs.device import THUMB, LevelArray
from uapseg.attack.data.sampling import picture_order
from uapseg.attack.perturbation import fit_picture
from uapseg.attack.validation import PREVIEW_IMAGES, evenly_spaced
from uapseg.datasets import Dataset, load_dataset
from uapseg.datasets.street import render_ahead
from uapseg.models import Segmenter, load_model
from uapseg.results.figures import overlay
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets import Target
from uapseg.targets.goals import Goal
from uapseg.targets.metrics import Scores, count_pixels, per_image_success, scores
from uapseg.targets.people import PEOPLE, names_people
from uapseg.tensors import from_array

SCENES = {"street": 34}
"""The number of the validation picture shown until a visitor brings a photo; the first one where none is said."""


class Example(NamedTuple):
    """A ready perturbation.

    Attributes:
        card: Its card, as in `uapseg.app.catalogue.example_cards`.
        perturbation: The perturbation.

    Example:
        >>> from uapseg.app.catalogue import example_cards, load_example
        >>> card = example_cards(("street", "street"))[0]
        >>> Example(card, load_example(card)).card["epsilon"]
        10
    """

    card: dict[str, Any]
    perturbation: Perturbation


class Workspace:
    """A network on the CPU and its pictures, for previews; on ZeroGPU the GPU is only available in the worker.

    Args:
        model: The name of the network, which may not run code of its own.
        data: The name of the dataset, whose validation pictures are shown.
        loaded: The network and the validation pictures, if they are loaded already.

    Example:
        >>> from uapseg import load_model
        >>> from uapseg.datasets.reader import ImageDataset
        >>> pictures = ImageDataset.from_pictures([Image.new("RGB", (64, 48))])
        >>> workspace = Workspace(loaded=(load_model("street:small"), pictures))
        >>> workspace.size, workspace.predict(np.zeros((48, 64, 3), np.uint8)).shape
        ((64, 48), (48, 64))
    """

    def __init__(
        self, model: str = "street", data: str = "street", *, loaded: tuple[Segmenter, Dataset] | None = None
    ) -> None:
        self.pair: Pair = (model, data)
        self.model, self.held_out = loaded or (load_model(model, allow_code=False), load_dataset(data, "val"))
        self.size = self.held_out.size
        self.hub_examples: tuple[Example, ...] = ()
        self._lock = threading.Lock()
        self._photos: WeakKeyDictionary[UploadedPhoto, Photo] = WeakKeyDictionary()
        self._goals: WeakKeyDictionary[Photo, tuple[Any, Goal]] = WeakKeyDictionary()
        self.scene = self._photo(self._held_out([SCENES.get(data, 0) % len(self.held_out)])[0])
        indices = evenly_spaced(len(self.held_out), VALIDATION["validation_pictures"])
        self.pictures = len(indices)
        self.held_out_photos = [self._photo(picture) for picture in self._held_out(indices[:PREVIEW_IMAGES])]

    @property
    def first(self) -> ControlValues:
        """The default values of the controls."""
        inside, rest = self.model.default_pair
        hidden = self.model.people or self.model.classes[:1]
        pixels = np.bincount(self.scene.prediction.ravel(), minlength=len(self.model.classes))
        others = [name for name in self.model.objects if name not in hidden]
        into = max(others, key=lambda name: pixels[self.model.classes.index(name)], default=rest)  # well in sight
        return ControlValues(
            model=self.pair[0],
            data=self.pair[1],
            inside=inside,
            rest=rest,
            hide=(PEOPLE,) if names_people(self.model.classes) else hidden,
            swap_from=hidden[0],
            swap_into=into,
        )

    def render_in_background(self) -> None:
        """Renders the scenes of a first run in the background, in its order."""
        data, first = self.pair[1], ControlValues
        indices = picture_order(len(load_dataset(data, "train")), 0, first.seed)[: first.budget]
        threading.Thread(target=render_ahead, args=(data, indices), daemon=True).start()

    def _held_out(self, indices: Sequence[int]) -> list[Picture]:
        return list(self.held_out.pictures(indices).permute(0, 2, 3, 1).numpy())

    def _photo(self, picture: Picture) -> Photo:
        return Photo(picture, self.predict(picture))

    def fit(self, image: Image.Image) -> Picture:
        """Scales a picture down to at most as many pixels as this workspace's pictures have; smaller ones stay."""
        return np.array(fit_picture(image, self.size))

    def photo(self, upload: UploadedPhoto) -> Photo:
        """A visitor's photo with its prediction, cached as long as the visitor's run exists.

        It was scaled for the workspace at its upload, and is scaled down for another one with smaller pictures.
        """
        if upload not in self._photos:
            self._photos[upload] = self._photo(self.fit(Image.fromarray(upload.picture)))
        return self._photos[upload]

    def predict(self, picture: Picture) -> LabelMap:
        """Predicts the class of each pixel (h, w)."""
        return self.predict_perturbed(picture)[0]

    def predict_perturbed(
        self, picture: Picture, *, with_confidence: bool = False
    ) -> tuple[LabelMap, LabelMap | None]:
        """Predicts the class of each pixel (h, w), and if requested the confidence (h, w) from 0 to 255."""
        image = from_array(picture.transpose(2, 0, 1).copy()).unsqueeze(0).float() / 255
        with self._lock, torch.no_grad():
            if not with_confidence:
                return self.model.predict(image)[0].numpy(), None
            confidence, labels = self.model(image).softmax(dim=1).max(dim=1)
        return labels[0].to(torch.uint8).numpy(), (confidence[0] * 255).round().to(torch.uint8).numpy()

    def success_in(self, photo: Photo, prediction: LabelMap, levels: LevelArray, target: Target) -> float | None:
        """The success of a perturbation in one picture, in [0, 1]; None if the target does not concern it."""
        return self._evaluate(photo, prediction, target, levels)[1]

    def evaluate(
        self,
        photos: Sequence[Photo],
        levels: LevelArray,
        target: Target,
        *,
        stretch: bool = False,
        defence: str = "",
    ) -> dict[str, Any]:
        """Evaluates a perturbation on pictures of any size: ``scores``, the success of ``each``, and ``thumbs``."""
        applied_levels = [stretch_levels(levels, photo.size) if stretch else levels for photo in photos]
        prediction = [
            self.predict(defend_photo(perturb_photo(photo.picture, applied), defence))
            for photo, applied in zip(photos, applied_levels, strict=True)
        ]
        parts = [
            self._evaluate(*row[:2], target, row[2]) for row in zip(photos, prediction, applied_levels, strict=True)
        ]
        total_scores: Scores = scores(reduce(add, (counts for counts, _ in parts)), target)
        return {
            "scores": total_scores,
            "each": [share for _, share in parts],
            "thumbs": [label_png(labels, self.model.palette, THUMB) for labels in prediction],
        }

    def _evaluate(
        self, photo: Photo, prediction: LabelMap, target: Target, levels: LevelArray
    ) -> tuple[Any, float | None]:
        """The counts of one picture, and its success as in `uapseg.targets.metrics.per_image_success`."""
        clean_prediction, perturbed_prediction = from_array(photo.prediction)[None], from_array(prediction)[None]
        goal = self._goal(photo, target, (levels.shape[2], levels.shape[1]))
        counts = count_pixels(perturbed_prediction, clean_prediction, goal, target, self.model.classes)
        return counts, per_image_success(counts, target)[0]

    def _goal(self, photo: Photo, target: Target, tile: tuple[int, int]) -> Goal:
        """The goal of a photo; the last one is cached, as every frame needs it."""
        cached = self._goals.get(photo)
        if cached and cached[0] == (target, tile):
            return cached[1]
        goal = target.bind(self.model.classes, self.model.objects, tile)(from_array(photo.prediction)[None])
        self._goals[photo] = (target, tile), goal
        return goal

    def clean(self, photo: Photo) -> dict[str, Any]:
        """A clean photo and its prediction, as sent to the browser."""
        return {
            "width": photo.size[0],
            "height": photo.size[1],
            "image": jpeg(photo.picture, 88),
            "prediction": label_png(photo.prediction, self.model.palette),
        }

    @property
    def examples(self) -> list[dict[str, Any]]:
        """The cards of the perturbations that come with the project, and of those from the Hub."""
        return [*example_cards(self.pair), *(example.card for example in self.hub_examples)]

    def load_example(self, number: object) -> Example:
        """One of the `examples`, by its index.

        Raises:
            UapsegError: There is none of that number.
        """
        own_count = len(example_cards(self.pair))
        if isinstance(number, int) and own_count <= number < own_count + len(self.hub_examples):
            return self.hub_examples[number - own_count]
        card = example_card(self.pair, number)
        return Example(card, load_example(card))

    def add_examples(self, examples: Sequence[Example]) -> None:
        """Adds examples from the Hub; open pages show them too."""
        self.hub_examples = (*self.hub_examples, *examples)
        self.__dict__.pop("facts", None)  # computed again when it is next needed

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The facts about network and pictures that the browser needs."""
        model = self.model
        colours = dict(zip(model.classes, model.palette, strict=True))
        return {
            "key": " ".join((*self.pair, *(example.card["file"] for example in self.hub_examples))),
            "about": messages.about(self.model, self.held_out),
            "size": self.size,
            "classes": [{"name": messages.name_classes(name), "rgb": list(rgb)} for name, rgb in colours.items()],
            "people": [list(colours[name]) for name in model.people],
            "examples": [
                {**card, **{part: messages.name_classes(card[part]) for part in ("title", "label")}}
                for card in self.examples
            ],
            "scene": {**self.clean(self.scene), "image": webp(self.scene.picture, 75)},
            "pictures": self.pictures,
            "held_out": [self.small(photo) for photo in self.held_out_photos],
        }

    def small(self, photo: Photo) -> dict[str, str]:
        """A photo and its prediction as thumbnails."""
        return {
            "photo": webp(photo.picture, 50, 144),
            "prediction": label_png(photo.prediction, self.model.palette, THUMB),
        }

    def thumbs(self, predictions: LabelMap) -> list[str]:
        """Predictions for the held-out pictures as thumbnails."""
        return [label_png(labels, self.model.palette, THUMB) for labels in predictions]

    def target_png(self, target: Target) -> str:
        """The target on the scene, in the network's colours."""
        goal = self._goal(self.scene, target, self.size)
        return label_png(goal.labels[0].numpy(), self.model.palette)


def overlay_classes(picture: Picture, prediction: LabelMap, workspace: Workspace) -> Picture:
    """Draws a prediction in the network's colours over a picture."""
    image = from_array(picture.transpose(2, 0, 1).copy()).float() / 255
    return overlay(image, from_array(prediction), workspace.model.palette)
