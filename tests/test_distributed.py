"""Several processes are the same search: each takes its share of every batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.distributed import Workers
from uapseg.fit import fit
from uapseg.settings import fast
from uapseg.targets import Hidden

SHADES = (90, 100, 104, 112, 115, 120)
PROGRAM = """
import sys, torch
from tests.test_distributed import search
from uapseg.distributed import joined
with joined() as workers:
    delta = search(workers)
    if workers.rank == 0:
        torch.save(delta, sys.argv[1])
"""


def search(workers: Workers) -> torch.Tensor:
    settings = fast(epsilon=11 / 255, budget=31, batch=5)  # in the last batch there is one picture for all
    target = Hidden(classes=("light",), fill="dark")
    return list(fit(greys(), Plain(SHADES), Plain((115,), "val"), target, settings, workers=workers))[-1].state.delta


def test_the_shares_of_the_workers_are_the_batch():
    numbers = list(range(7))
    shares = [Workers(rank, 3).mine(numbers) for rank in range(3)]
    assert sorted(number for share in shares for number in share) == numbers


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_processes_find_what_one_finds(world, tmp_path):
    """Rounding may decide where gradients cancel: 99.9 % of the values must be equal."""
    program, found = tmp_path / "program.py", tmp_path / "delta.pt"
    program.write_text(PROGRAM)
    root = Path(__file__).parents[1]
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
    shared = torch.load(found, weights_only=True)
    assert (shared == search(Workers())).float().mean() > 0.999
