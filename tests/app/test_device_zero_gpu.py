import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
import torch

from uapseg.app import strings
from uapseg.app.controls import ControlValues
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.errors import as_user_error
from uapseg.app.layout import number_controls
from uapseg.app.runs import device
from uapseg.app.runs.device import pack_state, requested_seconds
from uapseg.attack.state import State
from uapseg.attack.validation import Validation

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_run_crosses_into_a_forked_worker_and_back(tmp_path: Path):
    """Everything that goes to the worker and comes back is pickled, by the package that does it on ZeroGPU."""
    pytest.importorskip("spaces")
    done = subprocess.run(
        [sys.executable, "-m", "tests.zero_gpu", str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, timeout=600, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["workers"] == 1
    status, image_gradients, kept = found["paused"]
    assert status == "paused"
    assert kept <= image_gradients < 8000
    assert found["resumed"] == ["running", kept]
    assert found["killed"] == [
        "paused",
        "The GPU was taken away before the run finished: press Resume to go on from the last checkpoint.",
    ]
    assert found["done"][:2] == ["done", 640]
    assert found["done"][2] > 0.9
    assert found["refused"][0] == "idle"
    assert "set a budget of at least 64" in found["refused"][1]
    assert found["calls"][0] == 4


def test_little_time_is_asked_for():
    controls = ControlValues(model="greys", data="plain:x", inside="light", rest="dark", word="o")
    plan = controls.plan(controls.target((96, 64), None, ("dark", "light")))
    assert requested_seconds(plan, None) <= 60
    nothing = Validation(0, {}, (), torch.zeros(0, 2, 2, dtype=torch.uint8), {})
    state = replace(State.initial((96, 64), nothing), image_gradients=plan.settings.budget)
    assert requested_seconds(plan, pack_state(state)) == 20 < requested_seconds(plan, None)


def test_the_page_says_before_start_what_a_run_takes_of_the_daily_time(context: Context, monkeypatch):
    with gr.Blocks():
        assert number_controls(context)["budget"].info is None
    monkeypatch.setattr(device, "FORKED", True)
    with gr.Blocks() as blocks:
        length = number_controls(context)["budget"]
    assert length.info == strings.GPU_TIME.format(seconds=device.seconds_for(length.value))
    (moved,) = blocks.fns.values()
    assert moved.fn(300)["info"].startswith("Start uses up to 23 s")
    plan = replace(context.first, budget=300).plan(context.first.target((96, 64), None, ("dark", "light")))
    assert requested_seconds(plan, None) == 23


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (
            "You have exceeded your GPU quota (40s requested vs. 30s left). <a href='https://x.y'>Sign up</a>",
            strings.QUOTA.format(requested=40, left=30),
        ),
        ("ZeroGPU quota exceeded", strings.NO_QUOTA),
        ("ZeroGPU illegal duration", strings.NO_QUOTA),
        ("GPU task aborted", strings.EVICTED),
        ("Choose at least one class to hide.", "Choose at least one class to hide."),
    ],
)
def test_a_refusal_of_zero_gpu_is_one_sentence_of_the_pages_own(refusal: str, sentence: str):
    assert as_user_error(gr.Error(refusal)).message == sentence
