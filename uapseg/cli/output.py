"""What commands print: text or one JSON document on standard output, progress on standard error."""

import json
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from uapseg.evaluate import percent
from uapseg.state import Snapshot

SHAPE = "{percentage:3.0f} %|{bar:20}| {n_fmt}/{total_fmt} image-gradients, {rate_fmt}, {remaining} left{postfix}"


def print_result(fields: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Prints the result of a command, as JSON or as text."""
    printed = (json.dumps(fields, indent=2, allow_nan=False) if as_json else text) + "\n"
    encoding = sys.stdout.encoding or "utf-8"  # a name of a file may hold letters that it does not have
    sys.stdout.write(printed.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def print_progress(text: str) -> None:
    """Prints a line on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a text table; the last column may be of any width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def with_progress(snapshots: Iterator[Snapshot], total: int, spent: int) -> Generator[Snapshot]:
    """Hands the snapshots on, and moves a bar over image-gradients on standard error.

    Args:
        snapshots: Of one run.
        total: The run's budget.
        spent: What an earlier part of it has spent.
    """
    pause = _pause()
    with tqdm(
        total=total, initial=spent, unit=" image-gradients", bar_format=SHAPE, mininterval=pause, maxinterval=pause,
        smoothing=0.1, dynamic_ncols=True, file=sys.stderr,
    ) as bar:  # fmt: skip
        for snapshot in snapshots:
            bar.set_postfix_str(_success(snapshot), refresh=False)
            bar.update(snapshot.state.image_gradients - bar.n)
            yield snapshot


def with_bar(items: Sequence[Any], unit: str) -> Iterable[Any]:
    """Hands items on, with a bar on standard error if they take more than a second."""
    pause = _pause()
    return tqdm(
        items, unit=unit, delay=1, leave=False, mininterval=pause, maxinterval=pause, dynamic_ncols=True,
        file=sys.stderr,
    )  # fmt: skip


def _pause() -> float:
    """Seconds between two states of a bar: it is written seldom where no one watches it move."""
    return 0.2 if sys.stderr.isatty() else 15.0


def _success(snapshot: Snapshot) -> str:
    """The first score of the newest look at the validation pictures, beside that of random noise."""
    name = next(iter(snapshot.state.validation.scores))
    reached, noise = snapshot.state.validation.scores[name], snapshot.floors["random_noise"][name]
    return f"{name} {percent(reached)} % (noise {percent(noise)} %)"
