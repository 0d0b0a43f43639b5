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
from uapseg.attack.distributed import Workers, _own_gpu
from uapseg.attack.loop import Search, fit
from uapseg.attack.run import Plan
from uapseg.attack.settings import fast
from uapseg.attack.state import State
from uapseg.cli import train as train_command
from uapseg.errors import UapsegError
from uapseg.targets import HideClasses

SHADES = (90, 100, 104, 112, 115, 120)
PROGRAM = """
import sys, torch
from tests.attack.test_distributed import search
from uapseg.attack.distributed import init_distributed
with init_distributed() as workers:
    found = search(workers) | {"resumed": search(workers, sys.argv[2])["delta"]}
    torch.save(found, f"{sys.argv[1]}.{workers.rank}")
"""
LATE = """
import os, sys, time
from datetime import timedelta
from pathlib import Path
import torch.distributed.distributed_c10d as torch_distributed
from uapseg.attack.distributed import init_distributed
torch_distributed.default_pg_timeout = timedelta(seconds=2)
here = Path(sys.argv[1])
(here / os.environ["RANK"]).touch()
while len(list(here.iterdir())) < 2:  # as importing torch may take one of them longer
    time.sleep(0.01)
with init_distributed() as workers:
    time.sleep(0 if workers.local_rank else 5)
    workers.wait()
"""
HELD_OUT = (115, 113, 90, 112, 95, 116, 111, 117, 118)


class Watched(Plain):
    """Remembers which pictures were decoded."""

    def __init__(self, *given):
        super().__init__(*given)
        self.asked: list[int] = []

    def pictures(self, indices):
        self.asked += indices
        return super().pictures(indices)

    def prefetch(self, indices, *, whole=False):
        self.asked += indices


def search(workers: Workers, resumed: str = "") -> dict:
    """The perturbation, how it is judged, and how many pictures were decoded to learn from and to choose by.

    Args:
        workers: The processes.
        resumed: The file of a state, as tensors and text.
    """
    settings = fast(epsilon=11 / 255, budget=31, batch=5)  # in the last batch there is one picture for all
    target = HideClasses(classes=("light",), fill="dark")
    train, held_out = Watched(SHADES), Watched(HELD_OUT, "val")
    state = State.from_tensors(*torch.load(resumed, weights_only=True)) if resumed else None
    snapshots = list(fit(greys(), train, held_out, target, settings, state=state, workers=workers))
    last = snapshots[-1].state
    looked = asdict(last.validation)
    half = snapshots[len(snapshots) // 2].state.to_tensors()
    decoded = len(train.asked), len(held_out.asked)
    return {"delta": last.delta, "looked": looked, "decoded": decoded, "half": half}


def start(world: int, program: Path, *arguments: Path) -> None:
    """Runs a program in several processes."""
    root = Path(__file__).parents[2]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world}"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([*torchrun, program, *arguments], check=True, cwd=root, env=environment, timeout=240)


def test_the_shares_of_the_workers_are_the_batch():
    indices = list(range(7))
    shares = [Workers(rank, 3).shard(indices) for rank in range(3)]
    assert sorted(number for share in shares for number in share) == indices


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_processes_find_what_one_finds_and_resume_what_one_began(world, tmp_path):
    """Rounding may decide where gradients cancel: 99.9 % of the values must be equal."""
    program, found, half = tmp_path / "program.py", tmp_path / "delta.pt", tmp_path / "half.pt"
    program.write_text(PROGRAM)
    alone = search(Workers())
    torch.save(alone["half"], half)
    start(world, program, found, half)
    ranks = [torch.load(f"{found}.{rank}", weights_only=True) for rank in range(world)]
    for each in ranks:
        assert (each["delta"] == alone["delta"]).float().mean() > 0.999
        assert (each["resumed"] == alone["delta"]).float().mean() > 0.999
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


@pytest.mark.slow
def test_processes_wait_for_one_that_downloads_longer_than_a_sum_may_take(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(LATE)
    (tmp_path / "ready").mkdir()
    start(2, program, tmp_path / "ready")


@pytest.mark.parametrize("world", [1, 2, 3])
def test_batches_are_the_same_for_any_number_of_processes(world):
    searches = [searching(Workers(rank, world)) for rank in range(world)]
    alone = searching(Workers())
    for spent in (0, 5, 30):
        whole = alone._batch(spent)
        assert [each._batch(spent) for each in searches] == [whole] * world
        shares = [each._augmented_batch(whole, spent).indices for each in searches]
        assert sorted(number for share in shares for number in share) == sorted(whole)


def searching(workers: Workers) -> Search:
    settings = fast(epsilon=11 / 255, budget=31, batch=5)
    target = HideClasses(classes=("light",), fill="dark")
    return Search([greys()], Plain(SHADES), range(len(SHADES)), target, settings, workers=workers)


def test_the_first_process_of_each_machine_downloads(monkeypatch):
    asked: list[int] = []
    waited: list[int] = []
    monkeypatch.setattr(train_command, "download_needed", lambda *_: asked.append(rank))
    monkeypatch.setattr(Workers, "wait", lambda workers: waited.append(workers.rank))
    target, settings = HideClasses(classes=("Car",)), fast(epsilon=10 / 255, budget=4)
    plan = Plan(model="street", data="street", target=target, settings=settings)
    for rank in range(4):
        train_command._download(plan, Workers(rank, world=4, local_rank=rank % 2))
    assert (asked, waited) == ([0, 2], [0, 1, 2, 3])


def test_each_process_has_a_gpu_of_its_own_or_learns_that_there_are_too_few():
    assert [_own_gpu(rank, 2) for rank in range(2)] == [0, 1]
    with pytest.raises(UapsegError, match=r"has 1 GPU, and each process needs one of its own: .*--nproc-per-node"):
        _own_gpu(1, 1)
