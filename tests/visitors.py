"""A crowd on a page of its own: how much memory it takes, what of that is given back, and how fast it is answered.

python -m tests.visitors --visitors 8 --minutes 6
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import numpy as np
from PIL import Image

from tests.visit import Visit

ROOT = Path(__file__).parents[1]
BUDGET = 4000
STAY = (40.0, 90.0)
"""Seconds that a visitor stays before the next one comes in their place."""


@dataclass
class Served:
    """The page in a process of its own.

    Attributes:
        url: Where it is.
        process: Its number.
        most: The most memory that it held, in MiB.
    """

    url: str
    process: int
    most: float = 0.0

    @property
    def memory(self) -> float:
        """MiB that it holds now."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    @property
    def threads(self) -> int:
        """Threads that it has now."""
        return len(list(Path(f"/proc/{self.process}/task").iterdir()))


@dataclass
class Crowd:
    """What all visitors do together.

    Attributes:
        url: The page's address.
        photo: A picture to bring.
        until: When they leave, on the clock of `time.monotonic`.
        seconds: How long each kind of answer took.
        faults: What went wrong.
        frames: How many frames they were shown.
    """

    url: str
    photo: Path
    until: float
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)
    frames: int = 0

    def come(self, seed: int) -> None:
        """One place in the crowd: a visitor after the other, until all leave."""
        draw = random.Random(seed)
        while time.monotonic() < self.until:
            visit = Visit(self.url)
            try:
                self._stay(visit, draw, min(self.until, time.monotonic() + draw.uniform(*STAY)))
            except (httpx.HTTPError, RuntimeError, LookupError, ValueError) as error:
                self.faults.append(f"{type(error).__name__}: {error}")
                time.sleep(1)
            finally:
                visit.leave()

    def _stay(self, visit: Visit, draw: random.Random, until: float) -> None:
        """Loads the page, starts a run, watches it, brings photos, looks at details, pauses, goes on, leaves."""
        self._timed("load", visit.load)
        visit.put("u-budget", BUDGET)
        self._timed("start", lambda: visit.click("u-start"))
        watching = threading.Thread(target=self._watch, args=(visit, until), daemon=True)
        watching.start()
        deeds: list[tuple[str, Callable[[], object]]] = [
            ("everything", lambda: visit.poll(afresh=True)),
            ("measure", lambda: visit.ask("measure", {"history_point": -1, "strength": 1.0})),
            ("photos", lambda: visit.upload("u-photos", [self.photo, self.photo])),
            ("pause", lambda: visit.click("u-pause")),
        ]
        while time.monotonic() < until:
            kind, deed = draw.choice(deeds)
            if kind == "pause" and visit.status != "running":  # nothing to pause
                continue
            self._timed(kind, deed)
            time.sleep(draw.uniform(1, 4))
            while visit.status in {"paused", "done"} and time.monotonic() < until:
                self._timed("start", lambda: visit.click("u-start"))
                time.sleep(2)
        watching.join()

    def _watch(self, visit: Visit, until: float) -> None:
        while time.monotonic() < until:
            try:
                shown = "after" in visit.poll()
                self.frames += shown  # in one step, as other visitors count too
            except (httpx.HTTPError, RuntimeError, ValueError) as error:
                self.faults.append(f"pull: {error}")
                time.sleep(1)

    def _timed(self, kind: str, deed: Callable[[], object]) -> None:
        began = time.monotonic()
        try:
            deed()
        except RuntimeError as error:  # what the page refuses, it answers too
            self.faults.append(f"{kind}: {error}")
        self.seconds[kind].append(time.monotonic() - began)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; the exit status is 0 where all was answered, and memory stayed within bounds."""
    parser = argparse.ArgumentParser(description="Load a page of its own with visitors.")
    parser.add_argument("--visitors", type=int, default=8, metavar="N", help="at once (8)")
    parser.add_argument("--minutes", type=float, default=6.0, metavar="M", help="how long (6)")
    parser.add_argument("--rest", type=float, default=60.0, metavar="SECONDS", help="before the last figure (60)")
    parser.add_argument("--growth", type=float, default=1536.0, metavar="MIB", help="the most that is allowed (1536)")
    parser.add_argument("--left", type=float, default=400.0, metavar="MIB", help="of that after the rest (400)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as page:
        photo = Path(place) / "photo.png"
        pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).resize((1500, 1000), Image.Resampling.BICUBIC).save(photo)
        crowd = Crowd(page.url, photo, time.monotonic() + 60 * options.minutes)
        first = Visit(page.url)
        first.load()  # what every page needs is there before the first figure
        first.leave()
        before, threads = page.memory, page.threads
        page.most = before
        visitors = [threading.Thread(target=crowd.come, args=(seed,), daemon=True) for seed in range(options.visitors)]
        for visitor in visitors:
            visitor.start()
        while any(visitor.is_alive() for visitor in visitors):
            page.most = max(page.most, page.memory)
            time.sleep(0.1)
        at_end, most_threads = page.memory, page.threads
        time.sleep(options.rest)
        after = page.memory
        print(
            f"Memory: {before:.0f} MiB at first, {page.most:.0f} at most, {at_end:.0f} when they left, {after:.0f} "
            f"{options.rest:.0f} s later."
        )
        print(f"Threads: {threads} at first, {most_threads} when they left, {page.threads} later.")
    return told(crowd, options, grown=page.most - before, left=after - before)


def told(crowd: Crowd, options: argparse.Namespace, *, grown: float, left: float) -> int:
    """Prints times and faults, and gives the exit status."""
    print(f"{'answer':12} {'count':>5} {'median':>8} {'p95':>8} {'max':>8}  (seconds)")
    for kind, seconds in sorted(crowd.seconds.items()):
        p95 = float(np.percentile(seconds, 95))
        print(f"{kind:12} {len(seconds):5} {median(seconds):8.2f} {p95:8.2f} {max(seconds):8.2f}")
    print(f"{crowd.frames} frames were shown; {len(crowd.faults)} answers were faults.")
    for fault in sorted(set(crowd.faults))[:10]:
        print(f"  {crowd.faults.count(fault)} x {fault}")
    good = not crowd.faults and grown <= options.growth and left <= options.left
    print(f"Memory grew by {grown:.0f} MiB, of which {left:.0f} are left: {'good' if good else 'NOT GOOD'}.")
    return 0 if good else 1


@contextmanager
def served(place: Path) -> Iterator[Served]:
    """Starts ``app.py``, and waits until it can be visited."""
    told = {**os.environ, "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_TEMP_DIR": str(place / "gradio")}
    with page_of([sys.executable, "app.py"], ROOT, told, place / "log") as (url, process):
        yield Served(url, process)


@contextmanager
def page_of(command: Sequence[str], folder: Path, told: dict[str, str], log: Path) -> Iterator[tuple[str, int]]:
    """Runs a command that serves the page, and gives the address that it prints, and its process.

    Args:
        command: The command.
        folder: Where to run it.
        told: Its environment.
        log: Where what it prints goes.

    Raises:
        RuntimeError: It ends instead.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**told, "PYTHONUNBUFFERED": "1"}, stdout=output, stderr=output
        )
    try:
        ends = time.monotonic() + 300
        while not (found := re.search(r"Running on local URL:\s+(\S+)", log.read_text())):
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(log.read_text())
            time.sleep(0.2)
        yield found[1], process.pid
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
