"""What commands print: text or one JSON document on standard output, progress on standard error."""

import json
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from uapseg.attack.state import Snapshot
from uapseg.results.evaluation import format_percent
from uapseg.targets import Target

SHAPE = "{percentage:3.0f} %|{bar:20}| {n_fmt}/{total_fmt} image-gradients, {rate_fmt}, {remaining} left{postfix}"


def print_result(fields: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Prints the result of a command, as JSON or as text.

    Args:
        fields: The result for JSON.
        text: The result as text.
        as_json: Whether to print JSON.

    Example:
        >>> print_result({"pictures": 4}, "4 pictures", as_json=False)
        4 pictures
    """
    printed = (json.dumps(fields, indent=2, allow_nan=False) if as_json else text) + "\n"
    encoding = sys.stdout.encoding or "utf-8"  # a name of a file may hold letters that it does not have
    sys.stdout.write(printed.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def print_progress(text: str) -> None:
    """Prints a line on standard error.

    Example:
        >>> print_progress("Evaluating...")
    """
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def columns(rows: Sequence[Sequence[str]]) -> str:
    r"""Formats rows of cells as a text table; the last column may have any width.

    Example:
        >>> columns([("variant", "score"), ("fast", "0.9")])
        'variant  score\nfast     0.9'
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def with_progress(snapshots: Iterator[Snapshot], target: Target, total: int, initial: int) -> Generator[Snapshot]:
    """Yields the snapshots, and moves a progress bar over image-gradients on standard error.

    Example:
        >>> from uapseg.targets import Untargeted
        >>> list(with_progress(iter(()), Untargeted(), total=400, initial=0))
        []
    """
    pause = _pause()
    with tqdm(
        total=total, initial=initial, unit=" image-gradients", bar_format=SHAPE, mininterval=pause, maxinterval=pause,
        smoothing=0.1, dynamic_ncols=True, file=sys.stderr,
    ) as bar:  # fmt: skip
        for snapshot in snapshots:
            bar.set_postfix_str(_success(snapshot, target), refresh=False)
            bar.update(snapshot.state.image_gradients - bar.n)
            yield snapshot


def with_bar(items: Sequence[Any], unit: str) -> Iterable[Any]:
    """Yields items, with a progress bar on standard error if they take more than a second.

    Example:
        >>> list(with_bar(["a.png", "b.png"], " pictures"))
        ['a.png', 'b.png']
    """
    pause = _pause()
    return tqdm(
        items, unit=unit, delay=1, leave=False, mininterval=pause, maxinterval=pause, dynamic_ncols=True,
        file=sys.stderr,
    )  # fmt: skip


def _pause() -> float:
    """Seconds between two updates of a bar: few in a terminal, many in a log."""
    return 0.2 if sys.stderr.isatty() else 15.0


def report_stall(snapshots: Iterator[Snapshot]) -> Generator[Snapshot]:
    """Yields the snapshots, and reports once on standard error that a run no longer improves.

    Example:
        >>> list(report_stall(iter(())))
        []
    """
    is_reported = False
    for snapshot in snapshots:
        if snapshot.stalled and not is_reported:
            state, is_reported = snapshot.state, True
            tqdm.write(
                f"No significant improvement on {_pictures(len(state.validation.each))} for validation since "
                f"{state.improved_at:,} image-gradients, for half of the budget: Ctrl-C stops here and keeps all.",
                file=sys.stderr,
            )
        yield snapshot


def _success(snapshot: Snapshot, target: Target) -> str:
    """Two scores of the last validation beside those of random noise, and the best iterate so far."""
    state, noise = snapshot.state, snapshot.baselines.get("random_noise", {})
    names = tuple(dict.fromkeys(target.selection))[:2]
    last_scores = ", ".join(
        f"{name} {format_percent(state.validation.scores[name])} % (noise {format_percent(noise.get(name))} %)"
        for name in names
    )
    if not state.best_validation.image_gradients:
        return last_scores
    best = state.best_validation
    return f"{last_scores}; best: after {best.image_gradients:,}, on {_pictures(len(best.each))}"


def _pictures(count: int) -> str:
    return f"{count} picture{'s' * (count != 1)}"
