"""One network with one data set, as the page shows them, and the cache of the last few of them."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from operator import add
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from PIL import Image

from uapseg import datasets, models
from uapseg.app import messages, strings
from uapseg.app.catalogue import (
    Fetch,
    LoadStatus,
    Offer,
    Steps,
    dataset_offers,
    download_size,
    example_cards,
    model_offers,
)
from uapseg.app.controls import VALIDATION, ControlValues, Pair
from uapseg.app.device import THUMB, LevelArray
from uapseg.app.frames import (
    LabelMap,
    Photo,
    Picture,
    UploadedPhoto,
    jpeg,
    label_png,
    perturb_photo,
    stretch_levels,
    webp,
)
from uapseg.attack.perturbation import fit_picture
from uapseg.attack.sampling import picture_order
from uapseg.attack.validation import PREVIEW_IMAGES, evenly_spaced
from uapseg.datasets import load_dataset
from uapseg.datasets.street import render_ahead
from uapseg.errors import UapsegError
from uapseg.io.download import Download, fetch_all
from uapseg.models import load_model
from uapseg.results.figures import overlay
from uapseg.targets import Target
from uapseg.targets.goals import Goal
from uapseg.targets.metrics import Scores, count_pixels, per_image_success, scores

SCENES = {"street": 34}
"""The number of the validation picture shown until a visitor brings a photo; the first one where none is said."""


class Workspace:
    """The network on the CPU, for previews; on ZeroGPU nothing else may run outside the worker.

    Args:
        model: The name of the network; one that would run code of its own is refused.
        data: The name of the data set, whose validation pictures are shown.
    """

    def __init__(self, model: str = "street", data: str = "street") -> None:
        self.pair: Pair = (model, data)
        self.model = load_model(model, trusted=False)
        self.held_out = load_dataset(data, "val")
        self.size = self.held_out.size
        self._lock = threading.Lock()
        self._photos: WeakKeyDictionary[UploadedPhoto, Photo] = WeakKeyDictionary()
        self._goals: WeakKeyDictionary[Photo, tuple[Any, Goal]] = WeakKeyDictionary()
        self.scene = self._photo(self._held_out([SCENES.get(data, 0) % len(self.held_out)])[0])
        numbers = evenly_spaced(len(self.held_out), VALIDATION["validation_pictures"])
        self.pictures = len(numbers)
        self.strip = [self._photo(picture) for picture in self._held_out(numbers[:PREVIEW_IMAGES])]

    @property
    def first(self) -> ControlValues:
        """The choice that a new visitor finds."""
        inside, rest = self.model.default_pair
        hide = self.model.people or self.model.classes[:1]
        into = next((name for name in self.model.objects if name not in hide), rest)
        return ControlValues(
            model=self.pair[0],
            data=self.pair[1],
            inside=inside,
            rest=rest,
            hide=hide,
            swap_from=hide[0],
            swap_into=into,
        )

    def draw_ahead(self) -> None:
        """Renders the scenes that a first run meets, in the background and in its order."""
        data, first = self.pair[1], ControlValues
        numbers = picture_order(len(load_dataset(data, "train")), 0, first.seed)[: first.budget]
        threading.Thread(target=render_ahead, args=(data, numbers), daemon=True).start()

    def _held_out(self, numbers: list[int]) -> list[Picture]:
        return list(self.held_out.pictures(numbers).permute(0, 2, 3, 1).numpy())

    def _photo(self, picture: Picture) -> Photo:
        return Photo(picture, self.predict(picture))

    def fit(self, image: Image.Image) -> Picture:
        """A picture that somebody brings, as a perturbation for this workspace's pictures is laid on it."""
        return np.array(fit_picture(image, self.size))

    def photo(self, upload: UploadedPhoto) -> Photo:
        """A visitor's photo with what the network sees in it; forgotten together with the visitor.

        It was made to fit the workspace that it was brought to; where another one has smaller pictures, so is it.
        """
        if upload not in self._photos:
            self._photos[upload] = self._photo(self.fit(Image.fromarray(upload.picture)))
        return self._photos[upload]

    def predict(self, picture: Picture) -> LabelMap:
        """What the network sees (h, w)."""
        return self.predict_perturbed(picture)[0]

    def predict_perturbed(self, picture: Picture, *, sure: bool = False) -> tuple[LabelMap, LabelMap | None]:
        """What the network sees (h, w), and if asked for how sure it is of that (h, w), 255 being certain."""
        image = torch.from_numpy(picture.transpose(2, 0, 1).copy()).unsqueeze(0).float() / 255
        with self._lock, torch.no_grad():
            if not sure:
                return self.model.predict(image)[0].numpy(), None
            confidence, labels = self.model(image).softmax(dim=1).max(dim=1)
        return labels[0].to(torch.uint8).numpy(), (confidence[0] * 255).round().to(torch.uint8).numpy()

    def success_by_strength(
        self, photo: Photo, prediction: LabelMap, levels: LevelArray, target: Target
    ) -> float | None:
        """The success in one picture."""
        return self._evaluate(photo, prediction, target, levels)[1]

    def evaluate(
        self, photos: Sequence[Photo], levels: LevelArray, target: Target, *, stretch: bool = False
    ) -> dict[str, Any]:
        """The perturbation on pictures of any size: their ``scores`` together, the share of each, what is seen."""
        laid = [stretch_levels(levels, photo.size) if stretch else levels for photo in photos]
        prediction = [
            self.predict(perturb_photo(photo.picture, each_)) for photo, each_ in zip(photos, laid, strict=True)
        ]
        parts = [self._evaluate(*row[:2], target, row[2]) for row in zip(photos, prediction, laid, strict=True)]
        together: Scores = scores(reduce(add, (counts for counts, _ in parts)), target)
        return {
            "scores": together,
            "each": [share for _, share in parts],
            "thumbs": [label_png(labels, self.model.palette, THUMB) for labels in prediction],
        }

    def _evaluate(
        self, photo: Photo, prediction: LabelMap, target: Target, levels: LevelArray
    ) -> tuple[Any, float | None]:
        """The counts of one picture, and its success as in `uapseg.targets.metrics.per_image_success`."""
        clean, now = torch.from_numpy(photo.prediction)[None], torch.from_numpy(prediction)[None]
        goal = self._goal(photo, target, (levels.shape[2], levels.shape[1]))
        counts = count_pixels(now, clean, goal, target, self.model.classes)
        return counts, per_image_success(counts, target)[0]

    def _goal(self, photo: Photo, target: Target, tile: tuple[int, int]) -> Goal:
        """What should be seen in a photo; the last one is kept, as it is asked for with every frame."""
        known = self._goals.get(photo)
        if known and known[0] == (target, tile):
            return known[1]
        goal = target.bind(self.model.classes, self.model.objects, tile)(torch.from_numpy(photo.prediction)[None])
        self._goals[photo] = (target, tile), goal
        return goal

    def clean(self, photo: Photo) -> dict[str, Any]:
        """A photo before anything is done to it."""
        return {
            "width": photo.size[0],
            "height": photo.size[1],
            "image": jpeg(photo.picture, 88),
            "prediction": label_png(photo.prediction, self.model.palette),
        }

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the browser needs to know of network and pictures."""
        model = self.model
        return {
            "key": " ".join(self.pair),
            "about": messages.about(self.model, self.held_out),
            "size": self.size,
            "classes": [
                {"name": name, "rgb": list(rgb)} for name, rgb in zip(model.classes, model.palette, strict=True)
            ],
            "ready": example_cards(self.pair),
            "scene": {**self.clean(self.scene), "image": webp(self.scene.picture, 75)},
            "pictures": self.pictures,
            "strip": [self.small(photo) for photo in self.strip],
        }

    def small(self, photo: Photo) -> dict[str, str]:
        """A photo and what is seen in it, as thumbnails."""
        return {
            "photo": webp(photo.picture, 50, 144),
            "prediction": label_png(photo.prediction, self.model.palette, THUMB),
        }

    def thumbs(self, predictions: LabelMap) -> list[str]:
        """What the network sees in the first held-out pictures, small."""
        return [label_png(labels, self.model.palette, THUMB) for labels in predictions]

    def target_png(self, target: Target) -> str:
        """The target on the scene, in the network's colours."""
        goal = self._goal(self.scene, target, self.size)
        return label_png(goal.labels[0].numpy(), self.model.palette)


def overlay_classes(picture: Picture, prediction: LabelMap, workspace: Workspace) -> Picture:
    """What the network sees laid over a picture."""
    image = torch.from_numpy(picture.transpose(2, 0, 1).copy()).float() / 255
    return overlay(image, torch.from_numpy(prediction), workspace.model.palette)


LOG = logging.getLogger(__name__)

MOST_WORKSPACES = 3


class WorkspaceCache:
    """Workspaces by pair.

    Args:
        models: The names of the networks on offer; the first is shown to a new visitor.
        datasets: The same of the data sets.

    Attributes:
        first: The workspace that a new visitor sees.
    """

    def __init__(self, models: Sequence[str], datasets: Sequence[str]) -> None:
        self.models, self.datasets = tuple(models), tuple(datasets)
        self._lock = threading.Lock()
        self._fetches: dict[str, Fetch] = {}
        self._loading: set[Pair] = set()
        self._checking: set[Pair] = set()
        self._statuses: dict[Pair, LoadStatus] = {}
        self._failed: dict[Pair, str] = {}
        self._left_out: set[tuple[str, str]] = set()
        self.first = Workspace(self.models[0], self.datasets[0])
        self._ready: OrderedDict[Pair, Workspace] = OrderedDict()

    @cached_property
    def model_offers(self) -> list[Offer]:
        """The networks in plain words."""
        return model_offers(self.models)

    @cached_property
    def dataset_offers(self) -> list[Offer]:
        """The data sets in plain words."""
        return dataset_offers(self.datasets)

    def details(self, pair: Pair) -> list[str]:
        """What there is to know of a pair before choosing it."""
        halves = zip((self.model_offers, self.dataset_offers), pair, strict=True)
        return [offer.details for offers, name in halves for offer in offers if offer.name == name and offer.details]

    def offers(self, pair: Pair) -> bool:
        """Whether a visitor may choose this pair."""
        return pair[0] in self.models and pair[1] in self.datasets

    def get(self, pair: Pair) -> Workspace | None:
        """The workspace of a pair, where it is loaded."""
        if pair == self.first.pair:
            return self.first
        with self._lock:
            if pair in self._ready:
                self._ready.move_to_end(pair)
            return self._ready.get(pair)

    def ask(self, pair: Pair, token: str, *, fetch: bool = False) -> LoadStatus:
        """How far a pair is; begins to load it where nothing is missing, and to download what is missing if told to.

        Args:
            pair: One that is on offer.
            token: The visitor who waits.
            fetch: Whether the visitor agreed to the download.
        """
        if not self.offers(pair):
            return LoadStatus("failed", message=strings.NOT_OFFERED)
        with self._lock:
            if fetch:
                self._failed.pop(pair, None)
            if pair in self._loading:
                return LoadStatus("loading")
            self._take_stock(pair)
            if pair in self._failed:
                return LoadStatus("failed", message=self._failed[pair])
            if pair in self._checking and not fetch:
                return self._statuses.get(pair, LoadStatus("loading"))
            self._checking.add(pair)
        try:
            parts = _parts(pair)  # may read annotations of half a gigabyte, which nobody else is to wait for
        finally:
            self._checking.discard(pair)
        with self._lock:
            missing = self._missing(parts)
            if missing:
                self._statuses[pair] = self._fetching(missing, token, fetch=fetch)
                return self._statuses[pair]
            if pair not in self._loading and pair not in self._ready:
                self._load(pair)
            return LoadStatus("loading")

    def leave(self, pair: Pair, token: str) -> None:
        """A visitor does not want to wait for a pair any more."""
        with self._lock:
            for name in _names(pair):
                if name in self._fetches:
                    self._fetches[name].leave(token)

    def _take_stock(self, pair: Pair) -> None:
        """Looks at what has come; pictures that did not are left out."""
        for name in _names(pair):
            known = self._fetches.get(name)
            if known and known.over:
                del self._fetches[name]
                if known.failed and not known.whole:
                    self._left_out |= {(name, file) for file in known.failed}
                elif known.error or known.failed:
                    self._failed[pair] = known.error or messages.missing_files(known.failed)

    def _missing(self, parts: Sequence["_Part"]) -> list["_Part"]:
        """The parts that have to be downloaded."""
        return [part for part in parts if {(part.name, one.path.name) for one in part.files} - self._left_out]

    def _fetching(self, missing: Sequence["_Part"], token: str, *, fetch: bool) -> LoadStatus:
        going: list[Fetch] = []
        for part in missing:
            if part.name not in self._fetches and fetch:
                self._fetches[part.name] = Fetch(part.begin, download_size(part.files), token, whole=part.whole)
            if part.name in self._fetches:
                going.append(self._fetches[part.name])
        if len(going) < len(missing):
            return LoadStatus("costs", total=_sum([download_size(part.files) for part in missing]))
        for each in going:
            each.wait_for(token)
        return LoadStatus("fetching", sum(each.received for each in going), _sum([each.total for each in going]))

    def _load(self, pair: Pair) -> None:
        self._loading.add(pair)
        threading.Thread(target=self._loaded, args=(pair,), daemon=True).start()

    def _loaded(self, pair: Pair) -> None:
        try:
            workspace = Workspace(*pair)
        except UapsegError as error:
            self._failed[pair] = str(error)
        except Exception:
            LOG.exception("%s on %s could not be loaded.", *pair)
            self._failed[pair] = strings.NOT_LOADED
        else:
            with self._lock:
                self._ready[pair] = workspace
                while len(self._ready) > MOST_WORKSPACES:
                    self._ready.popitem(last=False)
        finally:
            self._loading.discard(pair)


@dataclass(frozen=True)
class _Part:
    """One half of a pair.

    Attributes:
        name: By which a download is shared by all pairs that need it.
        files: What is missing.
        begin: Begins to fetch it.
        whole: Whether every file is needed, and not only as many as can be had.
    """

    name: str
    files: Sequence[Download]
    begin: Callable[[], Steps]
    whole: bool


def _parts(pair: Pair) -> tuple[_Part, _Part]:
    (model, data), (first, second) = pair, _names(pair)
    weights = models.missing_files(model)
    return (
        _Part(first, weights, partial(fetch_all, weights), whole=True),
        _Part(second, datasets.missing_files(data), partial(datasets.download, data), whole=False),
    )


def _names(pair: Pair) -> tuple[str, str]:
    return f"model {pair[0]}", f"data {pair[1]}"


def _sum(sizes: Sequence[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
