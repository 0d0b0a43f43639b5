"""Memory that is free goes back to the machine, whichever thread has used it."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, threading, time
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("memory", "uapseg/app/memory.py")  # alone, as the page brings much else
memory = module_from_spec(spec)
spec.loader.exec_module(memory)

def held():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

def work():
    ready.wait()
    blocks = [b"x" * (5000 + number % 100) for number in range(2000)]
    kept.append(blocks[::100])  # all over the heap
    ready.wait()

memory.TRIM_SECONDS = 0.2
if sys.argv[1] == "spare":
    memory.limit_arenas()
kept, ready, before = [], threading.Barrier(16), held()
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
time.sleep(1)
print(held() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators give memory back by themselves")
def test_free_memory_is_given_back():
    left = {}
    for way in ("spare", "usual"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True, timeout=120,
            cwd=Path(__file__).parents[2], env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        left[way] = int(done.stdout)
    assert left["usual"] > 100, "the allocator does not keep what is free: nothing is measured here"
    assert left["spare"] < 60


def test_another_c_library_is_left_alone(monkeypatch):
    from uapseg.app import memory

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    memory.limit_arenas.__wrapped__()
