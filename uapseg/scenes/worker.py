"""The program of a rendering process: it reads which scenes to render, and writes their pixels.

Each line of standard input is ``[folder, split, number]`` in JSON; the answer on standard output is the scene, as the
bytes of an array of the shape `uapseg.scenes.files.SHAPE`. `READY` comes before the first answer. The process ends
when its input does, and so whenever the process that started it ends, even if that one is killed.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from uapseg.scenes.files import render_scene

READY = b"\n"

NICENESS = 5
"""Below the priority of the training process, whose cores it must not take; much lower, and on a busy machine the
training process would wait for scenes."""


def main() -> None:
    """Renders until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with suppress(BrokenPipeError):
        _write(READY)
        for line in sys.stdin.buffer:
            folder, split, number = json.loads(line)
            _write(render_scene(Path(folder), split, number).tobytes())


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
