"""The workspaces of the last few pairs, which are loaded while their visitors look on."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from weakref import WeakKeyDictionary

from uapseg import datasets, models
from uapseg.app import messages, strings
from uapseg.app.catalogue import (
    Fetch,
    LoadStatus,
    Offer,
    Steps,
    dataset_offers,
    download_size,
    model_offers,
)
from uapseg.app.controls import ControlValues, Pair
from uapseg.app.runs.own_pictures import OwnPictures
from uapseg.app.runs.run import Run
from uapseg.app.workspace import Workspace
from uapseg.errors import UapsegError
from uapseg.io.download import Download, fetch_all

LOG = logging.getLogger(__name__)

MAX_WORKSPACES = 3

OPERATOR = "operator"
"""The token under which files are fetched at the start; visitors' tokens are longer."""

FETCH_SECONDS = 1.0
"""Between two looks at what is fetched at the start."""


class WorkspaceCache:
    """Workspaces by pair.

    Args:
        models: The names of the networks on offer; the first is shown to a new visitor.
        datasets: The names of the datasets on offer, likewise.

    Attributes:
        first: The workspace that a new visitor sees.
    """

    def __init__(self, models: Sequence[str], datasets: Sequence[str]) -> None:
        self.models, self.datasets = tuple(models), tuple(datasets)
        self._lock = threading.Lock()
        self._fetches: dict[str, Fetch] = {}
        self._loading: set[Pair] = set()
        self._pairs_in_check: set[Pair] = set()
        self._statuses: dict[Pair, LoadStatus] = {}
        self._error_messages: dict[Pair, str] = {}
        self._skipped_files: set[tuple[str, str]] = set()
        self.first = Workspace(self.models[0], self.datasets[0])
        self._workspaces: OrderedDict[Pair, Workspace] = OrderedDict()
        self._own_workspaces: WeakKeyDictionary[OwnPictures, Workspace] = WeakKeyDictionary()

    @cached_property
    def model_offers(self) -> list[Offer]:
        """The networks on offer, for the list on the page."""
        return model_offers(self.models)

    @cached_property
    def dataset_offers(self) -> list[Offer]:
        """The datasets on offer, for the list on the page."""
        return dataset_offers(self.datasets)

    def details(self, pair: Pair) -> list[str]:
        """Details of a pair to read before choosing it."""
        halves = zip((self.model_offers, self.dataset_offers), pair, strict=True)
        return [offer.details for offers, name in halves for offer in offers if offer.name == name and offer.details]

    def offers(self, pair: Pair) -> bool:
        """Whether a visitor may choose this pair."""
        return pair[0] in self.models and pair[1] in self.datasets

    def get(self, pair: Pair) -> Workspace | None:
        """The workspace of a pair; None if it is not loaded."""
        if pair == self.first.pair:
            return self.first
        with self._lock:
            if pair in self._workspaces:
                self._workspaces.move_to_end(pair)
            return self._workspaces.get(pair)

    def of(self, run: Run, controls: ControlValues | None = None) -> Workspace | None:
        """The workspace that a visitor chose, possibly with their own pictures; None if it is not loaded.

        Args:
            run: The visitor's run.
            controls: The controls that name it; None for those of the run.
        """
        pair = (controls or run.controls).pair
        if run.own_pictures is None or pair[1] != run.own_pictures.name:
            return self.get(pair)
        workspace = self._own_workspaces.get(run.own_pictures)
        return workspace if workspace and workspace.pair == pair else None

    def offers_to(self, run: Run, pair: Pair) -> bool:
        """Whether this visitor may choose a pair, including one with their own pictures."""
        return self.offers(_base(run, pair))

    def ask_for(self, run: Run, *, fetch: bool = False) -> LoadStatus:
        """Calls `ask` for the pair that a visitor chose, and makes the workspace of their own pictures."""
        pair = _base(run, run.controls.pair)
        workspace = self.get(pair)
        if workspace is None or pair == run.controls.pair:
            return self.ask(pair, run.token, fetch=fetch)
        if run.own_pictures:
            self.prepare(run.own_pictures, workspace)
        return LoadStatus("loading")

    def prepare(self, own_pictures: OwnPictures, base: Workspace) -> None:
        """Makes the workspace of a visitor's own pictures, which takes a second, from another one of its network."""
        self._own_workspaces[own_pictures] = Workspace(
            base.pair[0], own_pictures.name, loaded=(base.model, own_pictures.splits["val"])
        )

    def leave_for(self, run: Run) -> None:
        """Notes that a visitor no longer waits for the pair they chose."""
        self.leave(_base(run, run.controls.pair), run.token)

    def ask(self, pair: Pair, token: str, *, fetch: bool = False) -> LoadStatus:
        """The progress of a pair; starts loading it if nothing is missing, and downloading what is missing on request.

        Args:
            pair: A pair on offer.
            token: The visitor who waits.
            fetch: Whether the visitor agreed to the download.
        """
        if not self.offers(pair):
            return LoadStatus("failed", message=strings.NOT_OFFERED)
        with self._lock:
            if fetch:
                self._error_messages.pop(pair, None)
            if pair in self._loading:
                return LoadStatus("loading")
            self._collect_downloads(pair)
            if pair in self._error_messages:
                return LoadStatus("failed", message=self._error_messages[pair])
            if pair in self._pairs_in_check and not fetch:
                return self._statuses.get(pair, LoadStatus("loading"))
            self._pairs_in_check.add(pair)
        try:
            parts = _parts(pair)  # may read annotations of half a gigabyte, which nobody else is to wait for
        finally:
            self._pairs_in_check.discard(pair)
        with self._lock:
            missing_parts = self._missing(parts)
            if missing_parts:
                self._statuses[pair] = self._download_status(missing_parts, token, fetch=fetch)
                return self._statuses[pair]
            if pair not in self._loading and pair not in self._workspaces:
                self._load(pair)
            return LoadStatus("loading")

    def fetch_in_background(self, pair: Pair) -> None:
        """Downloads and loads a pair in the background before any visitor chooses it, if it is on offer."""
        if self.offers(pair):
            threading.Thread(target=self._fetch, args=(pair,), daemon=True).start()

    def _fetch(self, pair: Pair) -> None:
        status = self.ask(pair, OPERATOR, fetch=True)
        while status.state == "fetching":
            time.sleep(FETCH_SECONDS)
            status = self.ask(pair, OPERATOR)
        if status.state == "failed":  # the first visitor who chooses it may try again
            LOG.warning("%s on %s could not be fetched: %s", *pair, status.message)
            with self._lock:
                self._error_messages.pop(pair, None)

    def leave(self, pair: Pair, token: str) -> None:
        """Notes that a visitor no longer waits for a pair."""
        with self._lock:
            for name in _names(pair):
                if name in self._fetches:
                    self._fetches[name].leave(token)

    def _collect_downloads(self, pair: Pair) -> None:
        """Ends finished downloads; pictures that could not be downloaded are left out."""
        for name in _names(pair):
            last_fetch = self._fetches.get(name)
            if last_fetch and last_fetch.is_over:
                del self._fetches[name]
                if last_fetch.failed_names and not last_fetch.needs_all:
                    self._skipped_files |= {(name, file) for file in last_fetch.failed_names}
                elif last_fetch.error or last_fetch.failed_names:
                    self._error_messages[pair] = last_fetch.error or messages.missing_files(last_fetch.failed_names)

    def _missing(self, parts: Sequence["_Part"]) -> list["_Part"]:
        """The parts that have to be downloaded."""
        return [
            part
            for part in parts
            if {(part.name, download.path.name) for download in part.files} - self._skipped_files
        ]

    def _download_status(self, missing_parts: Sequence["_Part"], token: str, *, fetch: bool) -> LoadStatus:
        fetches: list[Fetch] = []
        for part in missing_parts:
            if part.name not in self._fetches and fetch:
                self._fetches[part.name] = Fetch(
                    part.start, download_size(part.files), token, needs_all=part.needs_all
                )
            if part.name in self._fetches:
                fetches.append(self._fetches[part.name])
        if len(fetches) < len(missing_parts):
            return LoadStatus("costs", total=_sum([download_size(part.files) for part in missing_parts]))
        for current in fetches:
            current.wait_for(token)
        received = sum(current.received for current in fetches)
        return LoadStatus("fetching", received, _sum([current.total for current in fetches]))

    def _load(self, pair: Pair) -> None:
        self._loading.add(pair)
        threading.Thread(target=self._load_in_thread, args=(pair,), daemon=True).start()

    def _load_in_thread(self, pair: Pair) -> None:
        try:
            workspace = Workspace(*pair)
        except UapsegError as error:
            self._error_messages[pair] = str(error)
        except Exception:
            LOG.exception("%s on %s could not be loaded.", *pair)
            self._error_messages[pair] = strings.NOT_LOADED
        else:
            with self._lock:
                self._workspaces[pair] = workspace
                while len(self._workspaces) > MAX_WORKSPACES:
                    self._workspaces.popitem(last=False)
        finally:
            self._loading.discard(pair)


@dataclass(frozen=True)
class _Part:
    """One half of a pair.

    Attributes:
        name: The name under which all pairs that need this half share its download.
        files: The missing files.
        start: Starts their download.
        needs_all: Whether every file is needed; otherwise files that fail are left out.
    """

    name: str
    files: Sequence[Download]
    start: Callable[[], Steps]
    needs_all: bool


def _parts(pair: Pair) -> tuple[_Part, _Part]:
    (model, data), (first, second) = pair, _names(pair)
    weights = models.missing_files(model)
    return (
        _Part(first, weights, partial(fetch_all, weights), needs_all=True),
        _Part(second, datasets.missing_files(data), partial(datasets.download, data), needs_all=False),
    )


def _names(pair: Pair) -> tuple[str, str]:
    return f"model {pair[0]}", f"data {pair[1]}"


def _base(run: Run, pair: Pair) -> Pair:
    """A pair in which the visitor's own pictures are replaced by the dataset chosen before."""
    return (pair[0], run.own_pictures.base) if run.own_pictures and pair[1] == run.own_pictures.name else pair


def _sum(sizes: Sequence[int | None]) -> int | None:
    known_sizes = [size for size in sizes if size is not None]
    return sum(known_sizes) if len(known_sizes) == len(sizes) else None
