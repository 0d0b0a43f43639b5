"""A run's folder: what was written is read back equal, and no run is lost by mistake."""

import errno
import json
import os
import shutil
import sys
from dataclasses import fields, replace
from pathlib import Path
from stat import S_ISREG

import pytest
import torch

from uapseg.attack.loop import fit
from uapseg.attack.run import Plan
from uapseg.attack.settings import fast
from uapseg.errors import UapsegError
from uapseg.io.files import to_json, write
from uapseg.results.perturbation_file import Perturbation, load
from uapseg.results.run_folder import FILES, RunFolder
from uapseg.targets.drawing import mask_target


@pytest.fixture
def plan() -> Plan:
    mask = torch.zeros(12, 16, dtype=torch.bool)
    mask[3:9, 4:12] = True
    settings = fast(epsilon=20 / 255, budget=24, batch=4, validate_every=8)
    return Plan(model="greys", data="plain", target=mask_target(mask.numpy(), "light", "dark"), settings=settings)


@pytest.fixture
def snapshots(plan, model, plain):
    train, held_out = plain([100, 104, 98, 110, 112, 108]), plain([101, 109], "val")
    return list(fit(model, train, held_out, plan.target, plan.settings))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "one"


def same(one, other) -> bool:
    """Whether two states are equal, tensors and all."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if not hasattr(one, "__dataclass_fields__"):
        return one == other
    return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))


@pytest.mark.parametrize("step", [0, 1, 3, -1])
def test_the_state_comes_back_as_it_was(path, plan, snapshots, step):
    RunFolder.create(path, plan).save(snapshots[step])
    opened = RunFolder.open(path)
    assert opened.plan == plan
    assert same(opened.load_state(), snapshots[step].state)


def test_a_new_folder_has_a_plan_and_no_state(path, plan):
    RunFolder.create(path, plan)
    assert RunFolder.open(path).load_state() is None
    with pytest.raises(UapsegError, match="has found no perturbation yet"):
        RunFolder.open(path).perturbation()
    assert RunFolder.open(path).report() is None


def test_the_history_holds_every_look_and_the_floors(path, plan, snapshots):
    folder = RunFolder.create(path, plan)
    for snapshot in snapshots:
        folder.append_history(snapshot)
    folder.save(snapshots[-1])
    history = RunFolder.open(path).history
    assert [validation["image_gradients"] for validation in history["validations"]] == [0, 8, 16, 24]
    assert history["validations"][-1]["scores"] == snapshots[-1].state.validation.scores
    assert history["baselines"] == snapshots[-1].baselines


def test_a_resumed_run_goes_on_with_its_history(path, plan, snapshots):
    """A history that is newer than the state is cut back: those steps are taken again."""
    folder = RunFolder.create(path, plan)
    for snapshot in snapshots:
        folder.append_history(snapshot)
    folder.save(snapshots[2])  # at 8 image-gradients, the validations of a later stop being there already
    assert [validation["image_gradients"] for validation in folder.history["validations"]] == [0, 8]
    opened = RunFolder.open(path)
    for snapshot in snapshots[2:]:
        opened.append_history(snapshot)
    assert [validation["image_gradients"] for validation in opened.history["validations"]] == [0, 8, 16, 24]


def test_both_perturbation_files_hold_the_best_iterate(path, plan, snapshots):
    RunFolder.create(path, plan).save(snapshots[-1])
    png, tensors = load(path / "perturbation.png"), load(path / "perturbation.safetensors")
    best = (snapshots[-1].state.best * 255).round().to(torch.int16)
    assert torch.equal(png.levels, best)
    assert torch.equal(tensors.levels, best)
    assert png.plan == tensors.plan == plan
    assert (png.scores, png.image_gradients) == (snapshots[-1].state.best_validation.scores, 24)


def test_before_the_first_look_the_newest_iterate_is_kept(path, plan, snapshots):
    """Stopped early, a run must not leave an empty perturbation."""
    RunFolder.create(path, plan).save(snapshots[1])
    kept = RunFolder.open(path).perturbation()
    assert isinstance(kept, Perturbation)
    assert kept.levels.abs().max() > 0
    assert kept.scores is None


def test_the_report_comes_back(path, plan):
    folder = RunFolder.create(path, plan)
    folder.write_report({"perturbed": {"hidden": 0.25, "kept": None}, "seconds": 3.5})
    assert folder.report() == {"perturbed": {"hidden": 0.25, "kept": None}, "seconds": 3.5}


def test_a_folder_that_is_not_empty_is_refused(path, plan):
    path.mkdir(parents=True)
    (path / "thesis.tex").write_text("years of work")
    with pytest.raises(UapsegError, match="is not empty: resume the run in it, choose another, or add --overwrite"):
        RunFolder.create(path, plan)
    assert [file.name for file in path.iterdir()] == ["thesis.tex"]


def test_overwriting_takes_the_old_run_away_and_nothing_else(path, plan, snapshots):
    RunFolder.create(path, plan).save(snapshots[-1])
    (path / "thesis.tex").write_text("years of work")
    RunFolder.create(path, plan, overwrite=True)
    assert sorted(file.name for file in path.iterdir()) == ["plan.json", "thesis.tex"]


def test_an_empty_folder_is_welcome(path, plan):
    path.mkdir(parents=True)
    assert RunFolder.create(path, plan).plan == plan


def test_a_file_is_no_folder(tmp_path, plan):
    (tmp_path / "runs").write_text("")
    with pytest.raises(UapsegError, match="is a file"):
        RunFolder.create(tmp_path / "runs", plan)
    with pytest.raises(UapsegError, match="cannot be written"):
        RunFolder.create(tmp_path / "runs" / "one", plan)


def test_another_folder_is_no_run(tmp_path):
    with pytest.raises(UapsegError, match=r"is not the folder of a run: there is no plan\.json in it"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("name", ["plan.json", "history.json"])
def test_a_file_of_another_version_is_refused(path, plan, snapshots, name):
    RunFolder.create(path, plan).save(snapshots[-1])
    (path / name).write_text(json.dumps({"format": 7}))
    with pytest.raises(UapsegError, match="is of format 7"):
        RunFolder.open(path)


@pytest.mark.parametrize("validations", [5, None, [1], {"a": 1}, [{"image_gradients": "x"}], [{"image_gradients": 8}]])
def test_a_history_of_another_shape_is_one_sentence(path, plan, snapshots, validations):
    RunFolder.create(path, plan).save(snapshots[-1])
    (path / "history.json").write_text(to_json({"baselines": {}, "validations": validations}))
    with pytest.raises(UapsegError, match=r"history\.json was altered: delete it, and the run continues without"):
        RunFolder.open(path)
    (path / "history.json").unlink()
    assert RunFolder.open(path).load_state().image_gradients == 24


@pytest.mark.parametrize("baselines", [None, [], {"clean": 1}, {"clean": {"hidden": "x"}}, {"clean": {"hidden": []}}])
def test_baselines_of_another_shape_are_one_sentence(path, plan, baselines):
    RunFolder.create(path, plan)
    (path / "history.json").write_text(to_json({"baselines": baselines, "validations": []}))
    with pytest.raises(UapsegError, match=r"history\.json was altered"):
        RunFolder.open(path)


def test_every_flipped_bit_of_a_state_is_noticed(path, plan, snapshots):
    RunFolder.create(path, plan).save(snapshots[-1])
    whole = (path / "state.safetensors").read_bytes()
    for place in range(0, len(whole), 37):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        (path / "state.safetensors").write_bytes(flipped)
        with pytest.raises(UapsegError, match=r"state\.safetensors"):
            RunFolder.open(path).load_state()


def test_the_state_of_another_run_is_refused(path, tmp_path, plan, snapshots):
    RunFolder.create(path, plan).save(snapshots[-1])
    RunFolder.create(tmp_path / "two", replace(plan, settings=replace(plan.settings, seed=1))).save(snapshots[-1])
    (path / "state.safetensors").write_bytes((tmp_path / "two" / "state.safetensors").read_bytes())
    with pytest.raises(UapsegError, match="belongs to another plan than the one beside it"):
        RunFolder.open(path).load_state()


def test_the_perturbation_of_another_run_is_refused_until_the_run_writes_its_own(path, tmp_path, plan, snapshots):
    folder = RunFolder.create(path, plan)
    other = RunFolder.create(tmp_path / "two", replace(plan, settings=replace(plan.settings, seed=1)))
    for each in (folder, other):
        each.save(snapshots[-1])
    (path / "perturbation.safetensors").write_bytes((tmp_path / "two" / "perturbation.safetensors").read_bytes())
    with pytest.raises(UapsegError, match="belongs to another plan than the one beside it: resume the run"):
        RunFolder.open(path).perturbation()
    folder.save(snapshots[-1])
    assert RunFolder.open(path).perturbation().plan == plan


@pytest.mark.parametrize("left", ["perturbation.png", "perturbation.safetensors", "report.json"])
def test_a_run_that_has_lost_its_state_is_not_begun_anew(path, plan, snapshots, left):
    folder = RunFolder.create(path, plan)
    folder.save(snapshots[-1])
    folder.write_report({})
    for name in set(FILES) - {"plan.json", left}:
        (path / name).unlink()
    with pytest.raises(UapsegError, match=r"state\.safetensors is missing, .* restore it"):
        RunFolder.open(path).load_state()


def test_what_a_killed_save_has_left_is_removed(path, plan, snapshots, monkeypatch):
    folder = RunFolder.create(path, plan)
    with monkeypatch.context() as patch:  # killed, nothing is cleared away
        patch.setattr(Path, "replace", lambda *_: sys.exit("killed"))
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            folder.save(snapshots[-1])
    assert len(list(path.iterdir())) == 2
    (path / ".hidden.part").write_text("of another program")
    RunFolder.create(path, plan, overwrite=True)
    assert sorted(file.name for file in path.iterdir()) == [".hidden.part", "plan.json"]


@pytest.mark.parametrize("gone", ["everything", "the plan"])
def test_a_folder_deleted_during_a_run_is_made_again(path, plan, snapshots, gone):
    folder = RunFolder.create(path, plan)
    folder.save(snapshots[1])
    shutil.rmtree(path.parent) if gone == "everything" else (path / "plan.json").unlink()
    folder.save(snapshots[2])
    opened = RunFolder.open(path)
    assert opened.plan == plan
    assert same(opened.load_state(), snapshots[2].state)
    shutil.rmtree(path)
    folder.write_report({"seconds": 3.5})
    assert RunFolder.open(path).report() == {"seconds": 3.5}


@pytest.mark.parametrize("full", range(4))
def test_a_full_disk_is_one_sentence_and_keeps_the_save_before(path, plan, snapshots, monkeypatch, full):
    """Whichever of the four files the disk has no room for."""
    folder, left = RunFolder.create(path, plan), [None] * full
    folder.save(snapshots[1])

    def synced(number: int) -> None:
        if S_ISREG(os.fstat(number).st_mode) and not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if S_ISREG(os.fstat(number).st_mode):
            left.pop()

    monkeypatch.setattr(os, "fsync", synced)
    with pytest.raises(UapsegError, match=r"No space left on device; the previous save is kept\.$"):
        folder.save(snapshots[2])
    monkeypatch.undo()
    opened = RunFolder.open(path)
    assert same(opened.load_state(), snapshots[1 if full < 2 else 2].state)
    assert opened.perturbation().levels.abs().max() > 0
    assert not list(path.glob("*.part"))


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda number: done.append(Path(f"/proc/self/fd/{number}").resolve().suffix))
    monkeypatch.setattr(
        Path, "replace", lambda part, path, old=Path.replace: done.append("renamed") or old(part, path)
    )
    write(tmp_path / "one.txt", b"1")
    assert done == [".part", "renamed", ""]
    assert (tmp_path / "one.txt").read_bytes() == b"1"


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 100])
def test_a_damaged_state_is_one_sentence(path, plan, snapshots, content):
    RunFolder.create(path, plan).save(snapshots[-1])
    (path / "state.safetensors").write_bytes(content)
    with pytest.raises(UapsegError, match="train again with --overwrite"):
        RunFolder.open(path).load_state()


def test_nothing_but_the_named_files_is_left(path, plan, snapshots):
    folder = RunFolder.create(path, plan)
    folder.save(snapshots[-1])
    folder.write_report({})
    assert sorted(file.name for file in path.iterdir()) == sorted(FILES)


def test_a_stopped_run_goes_on_from_its_folder_to_the_same_end(path, plan, snapshots, model, plain):
    RunFolder.create(path, plan).save(snapshots[2])
    state = RunFolder.open(path).load_state()
    train, held_out = plain([100, 104, 98, 110, 112, 108]), plain([101, 109], "val")
    *_, last = fit(model, train, held_out, plan.target, plan.settings, state=state)
    assert torch.equal(last.state.delta, snapshots[-1].state.delta)
    assert torch.equal(last.state.best, snapshots[-1].state.best)
