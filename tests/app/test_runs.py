import numpy as np
import pytest

from uapseg.app import strings
from uapseg.app.runs.run import Run

LEVELS = np.zeros((3, 4, 6), np.int16)


def step(image_gradients: int, *, validation: bool = False, checkpoint: bool = False, stalled: bool = False) -> dict:
    figures = {
        "image_gradients": image_gradients,
        "scores": {"region_success": 0.5},
        "each": [0.5],
        "predictions": LEVELS[:1].view(np.uint8),
    }
    saved = {"arrays": {}, "rest": str(image_gradients)}
    return {
        "image_gradients": image_gradients, "seconds": 1.0, "levels": LEVELS,
        "validation": figures if validation else None,
        "baselines": {"clean": {}}, "stalled": stalled, "checkpoint": saved if checkpoint else None,
    }  # fmt: skip


def test_publishing_tells_what_changed_after_a_moment():
    run = Run("t")
    run.publish(status="running")
    before = run.seq
    assert not run.changed_since(before, "status", "levels")
    run.publish(levels=LEVELS)
    assert run.changed_since(before, "status", "levels")
    assert not run.changed_since(before, "status")


def test_a_reader_of_the_counter_finds_the_values_that_it_counts():
    """While they are set, the counter is still the old one: what is read then is asked for again."""

    class Watched(Run):
        def __setattr__(self, name, value):
            if name == "levels" and value is not None:
                between.append((self.seq, self.changed_since(self.seq, "levels"), self.versions.get("levels", 0)))
            super().__setattr__(name, value)

    between: list[tuple[int, bool, int]] = []
    run = Watched("t")
    run.publish(status="running")
    run.publish(note="", levels=LEVELS)
    assert between == [(1, False, 0)]
    assert (run.seq, run.versions["levels"], run.versions["status"]) == (2, 2, 1)


def test_steps_build_a_curve_and_a_repeated_stretch_replaces_the_old_one():
    run = Run("t")
    for image_gradients in (0, 64, 128):
        run.apply_step(step(image_gradients, validation=True, checkpoint=image_gradients == 64))
    run.apply_step(step(140))
    assert [row[0] for row in run.curve] == [0, 64, 128]
    assert (run.image_gradients, run.checkpoint) == (140, {"arrays": {}, "rest": "64"})
    run.apply_step(step(64, validation=True))  # resumed from the checkpoint
    assert [row[0] for row in run.curve] == [0, 64]


def test_a_run_that_stands_still_says_so_until_it_gains_again():
    run = Run("t")
    run.publish(status="running", note="")
    notes = []
    for stalled in (False, True, True, False):
        run.apply_step(step(64, validation=True, stalled=stalled))
        notes.append(run.note)
    assert notes == ["", strings.STALLED, strings.STALLED, ""]


def test_forgetting_keeps_the_photo_and_the_controls():
    run = Run("t")
    controls, photo = run.controls, object()
    run.publish(photo=photo)
    run.apply_step(step(64, validation=True, checkpoint=True))
    run.reset()
    assert (run.status, run.image_gradients, run.levels, run.curve, run.checkpoint) == ("idle", 0, None, [], None)
    assert (run.photo, run.controls) == (photo, controls)


@pytest.mark.parametrize(("away", "alone"), [(0.0, False), (31.0, True)])
def test_a_run_knows_whether_somebody_watches(away: float, *, alone: bool):
    run = Run("t")
    run.last_watched -= away
    assert run.is_unwatched(30) is alone
