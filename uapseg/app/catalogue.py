"""What the page offers: networks, data sets and examples, their sizes, and their downloads."""

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
    """What can be chosen.

    Attributes:
        name: What ``load_model`` or ``load_dataset`` takes.
        label: What the list says: the name, and in short what it is and costs.
        details: Size, classes, cost and licence in a line.

    Example:
        >>> Offer("street", "street · 11 classes · ready", "Network: 11 classes").name
        'street'
    """

    name: str
    label: str
    details: str


def model_offers(names: Sequence[str]) -> list[Offer]:
    """The networks, each with what its card says.

    Example:
        >>> [offer.name for offer in model_offers(["street", "mine.py:net"])]
        ['street', 'mine.py:net']
    """
    cards = {card.name: card for card in models.catalogue()}
    return [_model_offer(name, cards[name]) if name in cards else Offer(name, name, "") for name in names]


def dataset_offers(names: Sequence[str]) -> list[Offer]:
    """The data sets, each with what its card says.

    Example:
        >>> dataset_offers(["street"])[0].name
        'street'
    """
    cards = {card.name: card for card in datasets.catalogue()}
    return [_dataset_offer(name, cards[name]) if name in cards else Offer(name, name, "") for name in names]


SPACE_PAIR: Pair = ("torchvision:lraspp_mobilenet_v3_large", "coco-mini")
"""What a Space offers beside the embedded network and pictures: it is fetched at the start."""


def _cost(name: str, card: models.ModelInfo | datasets.DatasetInfo) -> str:
    ahead = on_spaces() and name in SPACE_PAIR
    return messages.cost(card.cached or ahead, card.download_bytes)


def _model_offer(name: str, card: models.ModelInfo) -> Offer:
    cost = _cost(name, card)
    about = f"{card.classes} classes"
    details = f"Network: {about}, {card.parameters / 1e6:.1f} million weights, {cost}; licence: {card.licence}."
    return Offer(name, f"{messages.short_name(name)} · {about} · {cost}", details)


def _dataset_offer(name: str, card: datasets.DatasetInfo) -> Offer:
    cost = _cost(name, card)
    about = f"{sum(card.pictures.values())} pictures" if card.pictures else card.about
    size = f" of {card.size[0]} x {card.size[1]}" if card.size else ""
    details = f"Pictures: {about}{size}, {cost}; licence: {card.licence}."
    return Offer(name, f"{name} · {about} · {cost}", details)


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
    known = ("street", SPACE_PAIR[1])
    return _read_list("UAPSEG_DATASETS") or (known if on_spaces() else (*known, "coco:val2017"))


def listed_examples() -> tuple[str, ...]:
    """The repositories of the operator's list of examples: ``UAPSEG_EXAMPLES``, separated by commas.

    Example:
        >>> os.environ["UAPSEG_EXAMPLES"] = "USER/foo, USER/bar"
        >>> listed_examples()
        ('USER/foo', 'USER/bar')
        >>> del os.environ["UAPSEG_EXAMPLES"]
    """
    return _read_list("UAPSEG_EXAMPLES")


def check_model(name: str) -> None:
    """Makes sure that a network may be loaded for anyone who asks.

    Raises:
        UapsegError: It is not on the list.

    Example:
        >>> check_model("street")
    """
    _check(name, offered_models(), "network", "UAPSEG_MODELS")


def check_dataset(name: str) -> None:
    """Makes sure that a set of pictures may be opened for anyone who asks.

    Raises:
        UapsegError: It is not on the list.

    Example:
        >>> check_dataset("street")
    """
    _check(name, offered_datasets(), "set of pictures", "UAPSEG_DATASETS")


def _check(name: str, offered: tuple[str, ...], kind: str, variable: str) -> None:
    if name not in offered:
        raise UapsegError(
            f"This page does not offer the {kind} {name}: choose one of {', '.join(offered)}; "
            f"who runs the page sets the list in {variable}."
        )


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
    """What there is to know of each perturbation for a network and its pictures; none where nothing was made for them.

    Each has ``file``, ``title``, ``epsilon``, ``success`` and ``interval`` on the test pictures, ``image_gradients``,
    and ``prediction``: what the network predicts for the scene with it.

    Example:
        >>> example_cards(("street", "street"))[0]["title"]
        '“foo” in Tree on Building, epsilon 10'
    """
    index = EXAMPLES / "index.json"
    known: dict[str, Any] = (
        json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {"pair": None, "cards": []}
    )
    return [card for card in known["cards"] if known["pair"] == list(pair) and (EXAMPLES / card["file"]).is_file()]


def example_card(pair: Pair, number: object) -> dict[str, Any]:
    """The card of one of the perturbations, by its place among `example_cards`.

    Raises:
        UapsegError: There is none of that number for this network and these pictures.

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
    """A run on a network and its pictures, frame by frame, as the stage shows it; empty where none was recorded.

    Example:
        >>> sorted(recorded_run(("street", "street")))
        ['baselines', 'caption', 'ending', 'frames', 'here', 'pair', 'shares', 'total']
    """
    file = EXAMPLES / "recorded.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"pair": None}
    return known if known["pair"] == list(pair) else {}


@dataclass(frozen=True)
class LoadStatus:
    """The progress of a network and its pictures that cannot be shown yet.

    Attributes:
        state: ``costs`` waits for the visitor's consent, as something has to be downloaded first.
        received: Bytes that have arrived.
        total: Bytes to download, None where that is not known.
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
    """A download of several files in a thread. It stops when nobody waits for it any more, and can be continued.

    Args:
        begin: Begins to fetch them; what it returns in the end are the names of the files that could not be had.
        total: How many bytes they are, where that is known.
        token: The first visitor who waits.
        whole: Whether every file is needed, and not only as many as can be had.

    Attributes:
        received: Bytes that have arrived.
        total: Bytes of all files, None where the server does not say.
        over: Whether nothing more will come.
        error: Why it failed, in a sentence; empty where it did not.
        failed: The names of the files that did not come although the others did.
        whole: Whether every file is needed.
        stopped: Whether it ended because nobody waited any more.
    """

    def __init__(self, begin: Callable[[], Steps], total: int | None, token: str, *, whole: bool = True) -> None:
        self.whole = whole
        self.received, self.total = 0, total
        self.over, self.error, self.stopped = False, "", False
        self.failed: Sequence[str] = ()
        self._begin = begin
        self._waiting = {token: time.monotonic()}
        threading.Thread(target=self._run, daemon=True).start()

    def wait_for(self, token: str) -> None:
        """Notes that a visitor waits, and still does."""
        self._waiting[token] = time.monotonic()

    def leave(self, token: str) -> None:
        """Notes that a visitor no longer waits."""
        self._waiting.pop(token, None)

    def _run(self) -> None:
        try:
            self.failed = self._download()
        except UapsegError as error:
            self.error = download_error(error)
        except Exception:
            LOG.exception("Files could not be fetched.")
            self.error = strings.NOT_FETCHED
        finally:
            self.over = True

    def _download(self) -> Sequence[str]:
        steps = self._begin()
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return end.value
            self.received, self.total = progress.received, progress.total or self.total
            if all(time.monotonic() - asked > DOWNLOAD_PATIENCE for asked in list(self._waiting.values())):
                steps.close()
                self.stopped = True
                return ()


def download_error(error: UapsegError) -> str:
    """Why a download failed, and how to mend it; the error's own message names files of this machine.

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
    """The bytes of all files together; None where one of them is unknown.

    Example:
        >>> from pathlib import Path
        >>> download_size([Download(url="", path=Path("a"), size=2), Download(url="", path=Path("b"), size=3)])
        5
    """
    sizes = [download.size for download in downloads]
    return None if None in sizes else sum(size or 0 for size in sizes)


def loading_message(status: "LoadStatus", pair: tuple[str, str], details: Sequence[str]) -> dict[str, Any]:
    """What the page says while network and pictures are not there yet.

    Example:
        >>> loading_message(LoadStatus("loading"), ("street", "coco-mini"), [])
        {'title': 'Loading street on coco-mini', 'lines': ['This takes a moment.']}
    """
    names = " on ".join(messages.short_name(name) for name in pair)
    if status.state == "costs":
        lines = [*([f"To download now: {messages.format_size(status.total)}."] if status.total else []), *details]
        return {"title": f"{names} is not on this machine yet", "lines": lines}
    if status.state == "fetching":
        of = f" of {messages.format_size(status.total)}" if status.total else ""
        return {"title": f"Downloading {names}", "lines": [f"{messages.format_size(status.received)}{of}"]}
    if status.state == "failed":
        return {"title": f"{names} cannot be shown", "lines": [status.message]}
    return {"title": f"Loading {names}", "lines": ["This takes a moment."]}
