"""What a command needs from the internet, fetched first and with a bar that moves."""

import sys
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from uapseg import datasets, models
from uapseg.cli.output import print_progress
from uapseg.io.download import Progress, UnreachableError, fetch


def download_needed(networks: Iterable[tuple[str, str | None]], data: Iterable[str | None]) -> None:
    """Downloads what the networks (name, file of weights) and data sets need and is not here yet.

    Raises:
        UapsegError: There is no connection, no such name, or a file is not what it should be.
    """
    for name, weights in networks:
        for download in models.needed(name, weights):
            with suppress(UnreachableError):  # loading the network says what to do without a connection
                _shown(fetch(download), download.path.name)
    for name in dict.fromkeys(one for one in data if one):
        failed = _shown(datasets.prepare(name), name)
        if failed:
            print_progress(f"{len(failed)} pictures of {name} could not be had and are left out, {failed[0]} first.")


def _shown(progress: Generator[Progress, None, Any], name: str) -> Any:
    """Follows a download with a bar on standard error, if anything comes at all; hands on what it returns."""
    bar: Any = None
    while True:
        try:
            now = next(progress)
        except StopIteration as end:
            if bar is not None:
                bar.close()
            return end.value
        bar = bar or tqdm(total=now.total, unit="B", unit_scale=True, desc=name, file=sys.stderr, dynamic_ncols=True)
        bar.total = now.total
        bar.update(now.received - bar.n)
