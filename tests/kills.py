"""Kills a run again and again, at random moments, and checks that it ends as if it had never been stopped.

python -m tests.kills --kills 20
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.photos import photos_in
from uapseg.results.perturbation_file import Perturbation, load
from uapseg.results.run_folder import FILES, RunFolder

ROOT = Path(__file__).parents[1]
PROGRAM = """
import sys
import uapseg.cli.train
uapseg.cli.train.SAVE_EVERY = float(sys.argv.pop(1))
sys.exit(uapseg.cli.main())
"""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
"""More threads round otherwise from time to time."""

PATIENCE = 300.0
"""Seconds that a command may take."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what each kill has left and the verdict; the exit status is 0 where both runs end the same."""
    parser = argparse.ArgumentParser(description="Kill a run at random moments, and compare its end.")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="how often (20)")
    parser.add_argument("--budget", type=int, default=800, metavar="N", help="image-gradients of the run (800)")
    parser.add_argument("--save-every", type=float, default=0.0, metavar="SECONDS", help="between saves (0)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws the moments (0)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        data = photos_in(Path(place) / "photos")
        words = ("train", "--data", data, "--text", "foo", "--budget", str(options.budget), "--device", "cpu", "--out")
        straight, killed = Path(place) / "straight", Path(place) / "killed"
        seconds = finish(options.save_every, *words, straight)
        draw = random.Random(options.seed)
        for number in range(options.kills):
            known = (killed / "plan.json").exists()
            command = ("resume", killed, "--device", "cpu") if known else (*words, killed, "--overwrite")
            pause = draw.uniform(0, 2 * seconds / (options.kills + 1))
            left = kill(pause, options.save_every, *command)
            print(f"kill {number + 1}: {pause:.2f} s after it began, {spent(killed)} image-gradients are kept{left}")
        finish(options.save_every, "resume", killed, "--device", "cpu")
        return told(straight, killed, options.kills)


def finish(save_every: float, *words: object) -> float:
    """Runs a command to its end: the seconds that it trained and measured, without its start.

    Raises:
        RuntimeError: It failed.
    """
    with started(save_every, *words) as run:
        begun(run)
        began = time.monotonic()
        _, said = run.communicate(timeout=PATIENCE)
    if run.returncode:
        raise RuntimeError(f"{words[0]} ended with {run.returncode}: {said}")
    return time.monotonic() - began


def kill(pause: float, save_every: float, *words: object) -> str:
    """Kills a command so many seconds after its training began; says so if it had come to its end before.

    Raises:
        RuntimeError: It failed before.
    """
    with started(save_every, *words) as run:
        begun(run)
        time.sleep(pause)
        run.kill()
        run.communicate(timeout=PATIENCE)
    if run.returncode > 0:
        raise RuntimeError(f"{words[0]} failed before it was killed")
    return " (it had come to its end)" if run.returncode == 0 else ""


def started(save_every: float, *words: object) -> "subprocess.Popen[str]":
    """A command as a process of its own."""
    command = [sys.executable, "-c", PROGRAM, str(save_every), *map(str, words)]
    environment = {**os.environ, **ONE_THREAD}
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )


def begun(run: "subprocess.Popen[str]") -> None:
    """Waits until a command says that it trains.

    Raises:
        RuntimeError: It ends without.
    """
    assert run.stderr
    said = ""
    for line in run.stderr:
        said += line
        if line.startswith("Training into"):
            return
    raise RuntimeError(f"it ended before it trained: {said}")


def spent(folder: Path) -> int:
    """The image-gradients that a folder keeps; reading it raises where a kill has damaged anything."""
    state = RunFolder.open(folder).load_state()
    return state.image_gradients if state else 0


def told(straight: Path, killed: Path, kills: int) -> int:
    """Prints the verdict, and gives the exit status."""
    one, other = (load(folder / "perturbation.png") for folder in (straight, killed))
    reports = [json.loads((folder / "report.json").read_text())["perturbed"] for folder in (straight, killed)]
    faults = [
        *["the perturbations differ"] * (not same(one, other)),
        *["the scores differ"] * (reports[0] != reports[1] or one.scores != other.scores),
        *[f"{name} is left" for name in sorted({file.name for file in killed.iterdir()} - {*FILES})],
    ]
    print(
        "; ".join(faults) or f"After {kills} kills the run has ended as the one that was never stopped, bit for bit."
    )
    return 1 if faults else 0


def same(one: Perturbation, other: Perturbation) -> bool:
    """Whether two perturbations are equal bit for bit, and cost the same."""
    return torch.equal(one.levels, other.levels) and one.image_gradients == other.image_gradients


if __name__ == "__main__":
    sys.exit(main())
