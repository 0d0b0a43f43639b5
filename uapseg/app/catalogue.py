"""What the page offers: networks, datasets and examples, their sizes, and their downloads."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from uapseg import datasets, models
from uapseg.app import messages, strings
from uapseg.app.controls import Pair
from uapseg.errors import UapsegError
from uapseg.io.download import DiskError, Download, Progress, UnreachableError, WrongContentError
from uapseg.io.files import ASSETS
from uapseg.models import model_names
from uapseg.results.perturbation_file import Perturbation, load


class Offer(NamedTuple):
    """An entry of a list of networks or datasets.

    Attributes:
        name: The name for ``load_model`` or ``load_dataset``.
        label: The text of the list: name, short description and cost.
        details: Size, classes, cost and licence in a line.

    Example:
        >>> Offer("street", "street · 11 classes · ready", "Network: 11 classes").name
        'street'
    """

    name: str
    label: str
    details: str


def model_offers(names: Sequence[str]) -> list[Offer]:
    """The networks on offer, described by their cards.

    Example:
        >>> [offer.name for offer in model_offers(["street", "mine.py:net"])]
        ['street', 'mine.py:net']
    """
    cards = {card.name: card for card in models.catalogue()}
    return [_model_offer(name, cards[name]) if name in cards else Offer(name, name, "") for name in names]


def dataset_offers(names: Sequence[str]) -> list[Offer]:
    """The datasets on offer, described by their cards.

    Example:
        >>> dataset_offers(["street"])[0].name
        'street'
    """
    cards = {card.name: card for card in datasets.catalogue()}
    return [_dataset_offer(name, cards[name]) if name in cards else Offer(name, name, "") for name in names]


SPACE_PAIR: Pair = ("torchvision:lraspp_mobilenet_v3_large", "coco-mini")
"""What a Space offers beside the embedded network and pictures: it is fetched at the start."""


def _cost(name: str, card: models.ModelInfo | datasets.DatasetInfo) -> str:
    is_preloaded = on_spaces() and name in SPACE_PAIR
    return messages.cost(card.cached or is_preloaded, card.download_bytes)


def _model_offer(name: str, card: models.ModelInfo) -> Offer:
    cost = _cost(name, card)
    summary = f"{card.classes} classes"
    details = f"Network: {summary}, {card.parameters / 1e6:.1f} million weights, {cost}; licence: {card.licence}."
    return Offer(name, f"{messages.network_label(name)} · {summary} · {cost}", details)


def _dataset_offer(name: str, card: datasets.DatasetInfo) -> Offer:
    cost = _cost(name, card)
    summary = f"{sum(card.pictures.values())} pictures" if card.pictures else card.about
    size = f" of {card.size[0]} x {card.size[1]}" if card.size else ""
    details = f"Pictures: {summary}{size}, {cost}; licence: {card.licence}."
    return Offer(name, f"{name} · {summary} · {cost}", details)


def offered_models() -> tuple[str, ...]:
    """The networks of the operator's list: ``UAPSEG_MODELS``, separated by commas.

    Returns:
        Without a list, those known by name; on Hugging Face Spaces two embedded ones and that of `SPACE_PAIR`.

    Example:
        >>> "street" in offered_models()
        True
    """
    return _read_list("UAPSEG_MODELS") or (
        ("street", "street:robust", SPACE_PAIR[0]) if on_spaces() else model_names()
    )


def offered_datasets() -> tuple[str, ...]:
    """The sets of pictures of the operator's list: ``UAPSEG_DATASETS``, separated by commas.

    Returns:
        Without a list, ``street`` and COCO; on Hugging Face Spaces ``street`` and that of `SPACE_PAIR`.

    Example:
        >>> "street" in offered_datasets()
        True
    """
    default_names = ("street", SPACE_PAIR[1])
    return _read_list("UAPSEG_DATASETS") or (default_names if on_spaces() else (*default_names, "coco:val2017"))


def listed_examples() -> tuple[str, ...]:
    """The repositories of the operator's list of examples: ``UAPSEG_EXAMPLES``, separated by commas.

    Example:
        >>> os.environ["UAPSEG_EXAMPLES"] = "USER/foo, USER/bar"
        >>> listed_examples()
        ('USER/foo', 'USER/bar')
        >>> del os.environ["UAPSEG_EXAMPLES"]
    """
    return _read_list("UAPSEG_EXAMPLES")


def _read_list(variable: str) -> tuple[str, ...]:
    names = (name.strip() for name in os.environ.get(variable, "").split(","))
    return tuple(dict.fromkeys(filter(None, names)))


def on_spaces() -> bool:
    """Whether the page runs as a Hugging Face Space.

    Example:
        >>> on_spaces()
        False
    """
    return "SPACE_ID" in os.environ


EXAMPLES = ASSETS / "ready"


@cache
def example_cards(pair: Pair) -> list[dict[str, Any]]:
    """The cards of the ready perturbations for a network and its pictures; empty if there are none.

    Each has ``file``, ``title``, ``epsilon``, ``success`` and ``interval`` on the test pictures, ``image_gradients``,
    and ``prediction``: what the network predicts for the scene with it.

    Example:
        >>> example_cards(("street", "street"))[0]["title"]
        '“foo” in Tree on Building, epsilon 10'
    """
    index = EXAMPLES / "index.json"
    content: dict[str, Any] = (
        json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {"pair": None, "cards": []}
    )
    return [card for card in content["cards"] if content["pair"] == list(pair) and (EXAMPLES / card["file"]).is_file()]


def example_card(pair: Pair, number: object) -> dict[str, Any]:
    """The card of a ready perturbation, by its index in `example_cards`.

    Raises:
        UapsegError: There is no such card for this network and these pictures.

    Example:
        >>> example_card(("street", "street"), 0)["epsilon"]
        10
    """
    cards = example_cards(pair)
    if not isinstance(number, int) or not 0 <= number < len(cards):
        raise UapsegError(strings.NO_PERTURBATION)
    return cards[number]


def load_example(card: dict[str, Any]) -> Perturbation:
    """The perturbation of a card.

    Raises:
        UapsegError: Its file cannot be read.

    Example:
        >>> load_example(example_card(("street", "street"), 0)).levels.shape
        torch.Size([3, 256, 384])
    """
    return load(EXAMPLES / card["file"])


@cache
def recorded_run(pair: Pair) -> dict[str, Any]:
    """The recorded run of a network and its pictures, frame by frame, as the stage shows it; empty if there is none.

    Example:
        >>> sorted(recorded_run(("street", "street")))
        ['baselines', 'caption', 'ending', 'frames', 'here', 'pair', 'shares', 'total']
    """
    file = EXAMPLES / "recorded.json"
    content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"pair": None}
    return content if content["pair"] == list(pair) else {}


@dataclass(frozen=True)
class LoadStatus:
    """The loading progress of a network and its pictures.

    Attributes:
        state: The stage of loading; ``costs`` means that a download waits for the visitor's consent.
        received: The bytes received so far.
        total: The bytes to download; None if unknown.
        message: Why it failed.

    Example:
        >>> LoadStatus("fetching", received=10, total=100).state
        'fetching'
    """

    state: Literal["costs", "fetching", "loading", "failed"]
    received: int = 0
    total: int | None = None
    message: str = ""


LOG = logging.getLogger(__name__)

DOWNLOAD_PATIENCE = 60.0
"""Seconds after which a visitor who no longer asks counts as gone."""

Steps = Generator[Progress, None, Sequence[str]]


class Fetch:
    """A download of several files in a thread. It stops when no visitor waits for it, and can be resumed.

    Args:
        start: Starts the download, which returns the names of the files that failed.
        total: The size of all files in bytes; None if unknown.
        token: The token of the first visitor who waits.
        needs_all: Whether every file is needed; otherwise files that fail are left out.

    Attributes:
        received: The bytes received so far.
        total: The size of all files in bytes; None if the server does not say.
        is_over: Whether the download has ended.
        error: Why it failed, in a sentence; empty if it did not.
        failed_names: The names of the files that failed while others did not.
        needs_all: Whether every file is needed.
        is_stopped: Whether it ended because no visitor waited any more.
    """

    def __init__(self, start: Callable[[], Steps], total: int | None, token: str, *, needs_all: bool = True) -> None:
        self.needs_all = needs_all
        self.received, self.total = 0, total
        self.is_over, self.error, self.is_stopped = False, "", False
        self.failed_names: Sequence[str] = ()
        self._start = start
        self._last_requests = {token: time.monotonic()}
        threading.Thread(target=self._run, daemon=True).start()

    def wait_for(self, token: str) -> None:
        """Notes that a visitor waits."""
        self._last_requests[token] = time.monotonic()

    def leave(self, token: str) -> None:
        """Notes that a visitor no longer waits."""
        self._last_requests.pop(token, None)

    def _run(self) -> None:
        try:
            self.failed_names = self._download()
        except UapsegError as error:
            self.error = download_error(error)
        except Exception:
            LOG.exception("Files could not be fetched.")
            self.error = strings.NOT_FETCHED
        finally:
            self.is_over = True

    def _download(self) -> Sequence[str]:
        steps = self._start()
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return end.value
            self.received, self.total = progress.received, progress.total or self.total
            if all(
                time.monotonic() - last_request > DOWNLOAD_PATIENCE
                for last_request in list(self._last_requests.values())
            ):
                steps.close()
                self.is_stopped = True
                return ()


def download_error(error: UapsegError) -> str:
    """Explains why a download failed and how to fix it; the error's own message names files of the server.

    Example:
        >>> download_error(UnreachableError("…")) == strings.UNREACHABLE
        True
    """
    reasons = {
        UnreachableError: strings.UNREACHABLE,
        DiskError: strings.NO_ROOM,
        WrongContentError: strings.WRONG_FILE,
    }
    return next((sentence for kind, sentence in reasons.items() if isinstance(error, kind)), strings.NOT_FETCHED)


def download_size(downloads: Sequence[Download]) -> int | None:
    """The size of all files together in bytes; None if one is unknown.

    Example:
        >>> from pathlib import Path
        >>> download_size([Download(url="", path=Path("a"), size=2), Download(url="", path=Path("b"), size=3)])
        5
    """
    sizes = [download.size for download in downloads]
    return None if None in sizes else sum(size or 0 for size in sizes)


def loading_message(status: "LoadStatus", pair: tuple[str, str], details: Sequence[str]) -> dict[str, Any]:
    """The message of the page while a network and its pictures are loading.

    Example:
        >>> loading_message(LoadStatus("loading"), ("street", "coco-mini"), [])
        {'title': 'Loading street on coco-mini', 'lines': ['This takes a moment.']}
    """
    names = " on ".join(messages.network_label(name) for name in pair)
    if status.state == "costs":
        lines = [*([f"To download now: {messages.format_size(status.total)}."] if status.total else []), *details]
        return {"title": f"{names} is not on this machine yet", "lines": lines}
    if status.state == "fetching":
        total = f" of {messages.format_size(status.total)}" if status.total else ""
        return {"title": f"Downloading {names}", "lines": [f"{messages.format_size(status.received)}{total}"]}
    if status.state == "failed":
        return {"title": f"{names} cannot be shown", "lines": [status.message]}
    return {"title": f"Loading {names}", "lines": ["This takes a moment."]}
