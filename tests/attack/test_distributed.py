"""Several processes are the same search: each takes its share of every batch."""

import operator
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.distributed import Workers
from uapseg.attack.loop import fit
from uapseg.attack.settings import fast
from uapseg.targets import HideClasses

SHADES = (90, 100, 104, 112, 115, 120)
PROGRAM = """
import sys, torch
from tests.attack.test_distributed import search
from uapseg.attack.distributed import init_distributed
with init_distributed() as workers:
    torch.save(search(workers), f"{sys.argv[1]}.{workers.rank}")
"""
HELD_OUT = (115, 113, 90, 112, 95, 116, 111, 117, 118)


class Watched(Plain):
    """Remembers which pictures were decoded."""

    def __init__(self, *given):
        super().__init__(*given)
        self.asked: list[int] = []

    def pictures(self, numbers):
        self.asked += numbers
        return super().pictures(numbers)

    def prefetch(self, numbers):
        self.asked += numbers


def search(workers: Workers) -> dict:
    """The perturbation, how it is judged, and how many pictures were decoded to learn from and to choose by."""
    settings = fast(epsilon=11 / 255, budget=31, batch=5)  # in the last batch there is one picture for all
    target = HideClasses(classes=("light",), fill="dark")
    train, held_out = Watched(SHADES), Watched(HELD_OUT, "val")
    last = list(fit(greys(), train, held_out, target, settings, workers=workers))[-1].state
    looked = asdict(last.validation)
    return {"delta": last.delta, "looked": looked, "decoded": (len(train.asked), len(held_out.asked))}


def test_the_shares_of_the_workers_are_the_batch():
    numbers = list(range(7))
    shares = [Workers(rank, 3).shard(numbers) for rank in range(3)]
    assert sorted(number for share in shares for number in share) == numbers


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_processes_find_what_one_finds(world, tmp_path):
    """Rounding may decide where gradients cancel: 99.9 % of the values must be equal."""
    program, found = tmp_path / "program.py", tmp_path / "delta.pt"
    program.write_text(PROGRAM)
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={world}",
        program,
        found,
    ]
    subprocess.run(command, check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=120)
    alone = search(Workers())
    ranks = [torch.load(f"{found}.{rank}", weights_only=True) for rank in range(world)]
    for each in ranks:
        assert (each["delta"] == alone["delta"]).float().mean() > 0.999
        for name, value in alone["looked"].items():
            same = torch.equal if isinstance(value, torch.Tensor) else operator.eq
            assert same(each["looked"][name], value), name
    for kind, whole in enumerate(alone["decoded"]):
        counts = [each["decoded"][kind] for each in ranks]
        assert sum(counts) == whole
        assert max(counts) - min(counts) <= 0.25 * whole


def test_what_processes_gather_is_the_batch_again(monkeypatch):
    """Also where some of them have nothing."""
    for size in (0, 1, 2, 7):
        shares = [Workers(rank, 3).shard(list(range(size))) for rank in range(3)]
        monkeypatch.setattr(
            "torch.distributed.all_gather_object", lambda into, _, shares=shares: into.__setitem__(slice(None), shares)
        )
        assert Workers(1, 3).gather(list(shares[1])) == list(range(size))
    assert Workers().gather([4, 5]) == [4, 5]
