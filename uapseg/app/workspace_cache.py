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

MOST_WORKSPACES = 3

OPERATOR = "operator"
"""The token under which files are fetched at the start; visitors' tokens are longer."""

FETCH_SECONDS = 1.0
"""Between two looks at what is fetched at the start."""


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
        self._own: WeakKeyDictionary[OwnPictures, Workspace] = WeakKeyDictionary()

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

    def of(self, run: Run, controls: ControlValues | None = None) -> Workspace | None:
        """The workspace of what a visitor chose, their own pictures among it, where it is loaded.

        Args:
            run: The visitor's run.
            controls: What is chosen; None for the controls of the run.
        """
        pair = (controls or run.controls).pair
        if run.own is None or pair[1] != run.own.name:
            return self.get(pair)
        workspace = self._own.get(run.own)
        return workspace if workspace and workspace.pair == pair else None

    def offers_to(self, run: Run, pair: Pair) -> bool:
        """Whether this visitor may choose a pair: also one with their own pictures."""
        return self.offers(_base(run, pair))

    def ask_for(self, run: Run, *, fetch: bool = False) -> LoadStatus:
        """Does as `ask` for what a visitor chose, and makes the workspace of their own pictures."""
        pair = _base(run, run.controls.pair)
        workspace = self.get(pair)
        if workspace is None or pair == run.controls.pair:
            return self.ask(pair, run.token, fetch=fetch)
        if run.own:
            self.prepare(run.own, workspace)
        return LoadStatus("loading")

    def prepare(self, own: OwnPictures, base: Workspace) -> None:
        """Makes the workspace of a visitor's own pictures, which takes a second, from another one of its network."""
        self._own[own] = Workspace(base.pair[0], own.name, loaded=(base.model, own.splits["val"]))

    def leave_for(self, run: Run) -> None:
        """Notes that a visitor does not want to wait any more for what they chose."""
        self.leave(_base(run, run.controls.pair), run.token)

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
            self._collect_downloads(pair)
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
                self._statuses[pair] = self._download_status(missing, token, fetch=fetch)
                return self._statuses[pair]
            if pair not in self._loading and pair not in self._ready:
                self._load(pair)
            return LoadStatus("loading")

    def fetch_in_background(self, pair: Pair) -> None:
        """Downloads and loads a pair before any visitor asks for it, where it is on offer."""
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
                self._failed.pop(pair, None)

    def leave(self, pair: Pair, token: str) -> None:
        """A visitor does not want to wait for a pair any more."""
        with self._lock:
            for name in _names(pair):
                if name in self._fetches:
                    self._fetches[name].leave(token)

    def _collect_downloads(self, pair: Pair) -> None:
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

    def _download_status(self, missing: Sequence["_Part"], token: str, *, fetch: bool) -> LoadStatus:
        fetches: list[Fetch] = []
        for part in missing:
            if part.name not in self._fetches and fetch:
                self._fetches[part.name] = Fetch(part.begin, download_size(part.files), token, whole=part.whole)
            if part.name in self._fetches:
                fetches.append(self._fetches[part.name])
        if len(fetches) < len(missing):
            return LoadStatus("costs", total=_sum([download_size(part.files) for part in missing]))
        for each in fetches:
            each.wait_for(token)
        return LoadStatus("fetching", sum(each.received for each in fetches), _sum([each.total for each in fetches]))

    def _load(self, pair: Pair) -> None:
        self._loading.add(pair)
        threading.Thread(target=self._load_in_thread, args=(pair,), daemon=True).start()

    def _load_in_thread(self, pair: Pair) -> None:
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


def _base(run: Run, pair: Pair) -> Pair:
    """A pair with the data set that was chosen before the visitor's own pictures, in place of these."""
    return (pair[0], run.own.base) if run.own and pair[1] == run.own.name else pair


def _sum(sizes: Sequence[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
