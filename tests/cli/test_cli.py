"""The command line: as a process where that matters, else as the function that the process calls."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.photos import photos_in
from uapseg.attack.checkpoint import pack
from uapseg.attack.plan_file import extract_plan
from uapseg.attack.run import Plan
from uapseg.attack.settings import fast
from uapseg.cli import main
from uapseg.cli.parser import PLANNED, make_parser
from uapseg.errors import UapsegError
from uapseg.io.files import to_json
from uapseg.results.full_report import full_report
from uapseg.results.perturbation_file import Perturbation, load, save_png
from uapseg.results.run_folder import FILES, RunFolder
from uapseg.targets import HideClasses
from uapseg.targets.hide import COMPONENT_SCORES

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "train",
    "resume",
    "evaluate",
    "apply",
    "figure",
    "models",
    "datasets",
    "race",
    "transfer",
    "compare",
    "attribute",
    "smallest",
    "push",
    "bench",
)
STATIC = {"target_success", "region_success"}
HIDDEN = {"hidden", "filled", "fully_hidden", *COMPONENT_SCORES, "elsewhere", "kept", "kept_objects", "miou"}
BOTH = HIDDEN - {"miou"} | {"changed", "region_success"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> str:
    """A dataset of small pictures."""
    return photos_in(tmp_path_factory.mktemp("photos"))


def process(*words: object, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "uapseg", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=600, **options)


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """The folder of a short run of a process, and what that printed."""
    folder = tmp_path_factory.mktemp("runs") / "foo"
    done = process("train", "--data", photos, "--text", "foo", "--budget", 40, "--out", folder, "--json")
    return folder, done


def told(capsys, *words: object) -> str:
    """The one sentence that a mistake gives."""
    assert main([str(word) for word in words]) == 2
    out, sentence = capsys.readouterr()
    assert out == ""
    assert sentence.endswith((".\n", "!\n"))
    assert sentence.count("\n") == 1
    return sentence


def document(capsys, *words: object) -> dict:
    """The one JSON document on standard output."""
    capsys.readouterr()
    assert main([*(str(word) for word in words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_speaks_json(command, capsys):
    with pytest.raises(SystemExit) as stop:
        make_parser().parse_args([command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "--json" in text
    assert "usage: python -m uapseg" in text


@pytest.mark.slow
def test_help_names_every_command():
    done = process("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert all(re.search(rf"^    {command}( |$)", done.stdout, re.MULTILINE) for command in COMMANDS)


def test_parsing_imports_nothing_heavy():
    code = (
        "import sys, types; package = types.ModuleType('uapseg'); package.__path__ = ['uapseg'];"
        "sys.modules['uapseg'] = package; from uapseg.cli.parser import make_parser; make_parser();"
        "sys.exit(bool({'torch', 'torchvision', 'matplotlib', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.slow
def test_a_mistake_is_one_sentence_and_exit_status_2():
    done = process("train", "--hide", "Person", "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("The network has no class 'Person': choose from Sky, Building,")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "The following arguments are required: COMMAND"),
        ("fly", "invalid choice: 'fly'"),
        ("train", "Name a target: one of --text, --mask, --scene, --hide, --swap and --break, or --plan."),
        ("train --plan p.json --text foo", "--text: not allowed with argument --plan"),
        (f"train --plan {ROOT}/LICENSE --epsilon 10 --robust", "already: leave out --data, --epsilon, --robust."),
        ("train --text foo --hide Tree", "Tree cannot be drawn and hidden at once: draw in another class"),
        ("train --text foo --rest-class Road --hide Car", "there is nothing to hide: leave it or --hide out"),
        ("train --scene 0 --hide Car", "as --scene says what every pixel is to be: leave one out"),
        ("train --break --hide Car", "as --break says what every pixel is to be: leave one out"),
        ("train --plan p.json --hide Car", "as --plan says what every pixel is to be: leave one out"),
        ("train --text foo --mask a.png", "not allowed with argument"),
        ("train --text foo --epsilon loud", "--epsilon: it must be a number, not loud"),
        ("train --text foo --epsilon nan", "--epsilon: it must be a number, not nan"),
        ("train --text foo --epsilon 0.5", "--epsilon: it must lie between 1 and 127 grey levels"),
        ("train --text foo --epsilon 200", "--epsilon: it must lie between 1 and 127 grey levels"),
        ("train --text foo --budget 0", "--budget: it must be a whole number of 1 or more"),
        ("train --text foo --budget 2.5", "--budget: it must be a whole number of 1 or more"),
        ("train --text foo --tile 384", "a size is WIDTHxHEIGHT"),
        ("train --text foo --tile 2x2", "The tile must lie between 8"),
        ("train --text foo --preset slow", "invalid choice: 'slow'"),
        ("train --text foo --omega 0.9", "--omega goes with --preset paper only"),
        ("train --hide Car --keep 2 --preset paper", "--keep-weight goes with --preset fast only"),
        ("train --text foo --seed 1e30", "--seed: it must be a whole number from 0 to 999999999999, not 1e30"),
        ("train --text foo --also zebra", "no network called 'zebra'"),
        ("race --text foo --variants fast,fats", "The variant 'fats' must begin with fast or paper"),
        ("race --text foo --variants fast+tile-inf", "no change 'tile-inf'"),
        ("race --text foo --variants fast --best 2", "--best: not allowed with argument --variants"),
        (
            f"race --text foo --budget 1 --out {ROOT}/README.md",
            "README.md holds something other than the results",
        ),
        ("race --text foo --budget 1 --out race.png", "race.png is where the chart would go"),
        (f"race --text foo --budget 1 --out {ROOT}/LICENSE/race.jsonl", "cannot be written"),
        ("transfer /nowhere.png --models street", "There is no file /nowhere.png"),
        ("bench --eval-data street", "Unrecognized arguments: --eval-data"),
        ("train --text foo --fill Car", "--fill goes with --hide only"),
        ("train --text foo --invert", "--invert goes with --mask only"),
        ("train --hide Car --rest-class keep", "--rest-class goes with --text or --mask only"),
        ("train --scene 0 --region-class Car", "--region-class goes with --text or --mask only"),
        ("train --text foo --region-class Car --rest-class car", "Region and rest are both Car"),
        ("train --text foo --region-class Zebra", "no class 'Zebra': choose from Sky"),
        ("train --text foo --model zebra", "no network called 'zebra': choose one of street"),
        ("train --text foo --data zebra", "no dataset called 'zebra': choose one of street"),
        ("train --text foo --data camvid:/nowhere", "There are no pictures in /nowhere"),
        ("train --text foo --device abacus", "There is no device 'abacus' here"),
        ("train --mask /nowhere.png", "There is no file /nowhere.png"),
        ("train --hide Car --fill Car", "which is hidden too"),
        ("train --break --keep 2", "--keep-weight goes with a target that keeps something only"),
        ("train --break --swap Car Road", "not allowed with"),
        ("resume /nowhere", "/nowhere is not the folder of a run"),
        ("figure /nowhere", "/nowhere is not the folder of a run"),
        ("evaluate /nowhere.png", "There is no file /nowhere.png"),
        ("evaluate setup.py --split dev", "invalid choice: 'dev'"),
        ("apply /nowhere.png photo.jpg", "There is no file /nowhere.png"),
        ("apply noise.png", "required: PICTURE"),
        ("datasets zebra", "no dataset called 'zebra'"),
    ],
)
def test_every_mistake_is_one_sentence(words, sentence, capsys, photos):
    line = words.split()
    if line[:1] in (["train"], ["race"]) and "--data" not in line:
        line += ["--data", photos]
    assert sentence in told(capsys, *line)


@pytest.mark.slow
def test_a_swap_is_trained_and_measured_from_the_file_alone(capsys, tmp_path):
    flags = ("--swap", "car", "Bicyclist", "--size", "96x64", "--budget", 8, "--train-pictures", 8)
    report = document(capsys, "train", *flags, "--validation-pictures", 8, "--out", tmp_path / "o")
    assert report["plan"]["target"] == {"source": "Car", "into": "Bicyclist", "kind": "swap"}
    assert list(report["perturbed"]) == ["swapped", "kept", "kept_objects", "miou"]
    assert set(report["interval"]) >= {"swapped", "kept", "kept_objects", "miou", "lost_objects"}
    assert report["clean"]["swapped"] == 0
    assert report["clean"]["kept"] == 1
    assert 0 <= report["random_noise"]["swapped"] < 1
    measured = document(capsys, "evaluate", tmp_path / "o" / "perturbation.png")
    assert measured["perturbed"] == report["perturbed"]


@pytest.mark.slow
def test_an_untargeted_attack_is_trained_and_measured_from_the_file_alone(capsys, tmp_path):
    """The clean pictures keep every class, and their scores against the truth stand beside those after the attack."""
    flags = ("--break", "--size", "96x64", "--budget", 24, "--train-pictures", 8)
    report = document(capsys, "train", *flags, "--validation-pictures", 8, "--out", tmp_path / "o")
    assert report["plan"]["target"] == {"kind": "untargeted"}
    assert report["clean"] == {"fooled": 0, "pixel_accuracy": 1, "miou": 1}
    assert report["perturbed"]["fooled"] == pytest.approx(1 - report["perturbed"]["pixel_accuracy"])
    assert report["perturbed"]["fooled"] > report["random_noise"]["fooled"]
    assert report["truth_accuracy"]["perturbed"] < report["truth_accuracy"]["clean"]
    assert document(capsys, "evaluate", tmp_path / "o" / "perturbation.png")["perturbed"] == report["perturbed"]


def test_a_scene_that_is_not_there_is_one_sentence(capsys, photos):
    assert "choose from 0 to 7" in told(capsys, "train", "--scene", 8, "--data", photos)


def test_a_budget_below_one_pass_is_refused_before_there_is_a_folder(capsys, photos, tmp_path):
    words = ("train", "--text", "foo", "--data", photos, "--preset", "paper", "--budget", 7, "--out", tmp_path / "run")
    assert "at least 8 image-gradients" in told(capsys, *words)
    assert not (tmp_path / "run").exists()


def test_models_and_datasets_are_listed(capsys, photos):
    listed = {card["name"]: card for card in document(capsys, "models")["models"]}
    assert listed["street"]["cached"]
    assert listed["torchvision:fcn_resnet50"]["download_bytes"] > 1e8
    (street,) = document(capsys, "models", "street")["models"]
    assert len(street["classes"]) == 11
    assert street["licence"]
    (camvid,) = document(capsys, "datasets", photos)["datasets"]
    assert camvid["size"] == [96, 64]
    assert camvid["pictures"] == {"train": 8, "val": 2, "test": 3}
    assert main(["models"]) == main(["datasets"]) == main(["models", "street"]) == 0
    out = capsys.readouterr().out
    assert "Pedestrian" in out
    assert "camvid:ROOT" in out


@pytest.mark.slow
class TestARun:
    def test_prints_exactly_one_json_document(self, trained):
        folder, done = trained
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert {"perturbed", "clean", "random_noise", "interval", "image_gradients", "seconds"} <= report.keys()
        for name in ("perturbed", "clean", "random_noise", "interval"):
            assert report[name].keys() == STATIC
        assert all(0 <= low <= high <= 1 for low, high in report["interval"].values())
        assert report["image_gradients"] == 40
        assert report["pictures"] == 3
        assert report["split"] == "test"
        assert report["folder"] == str(folder)

    def test_shows_its_progress_on_standard_error(self, trained):
        _, done = trained
        assert "40/40 image-gradients" in done.stderr
        assert "image-gradients/s" in done.stderr
        assert "left" in done.stderr
        assert "Traceback" not in done.stderr

    def test_leaves_everything_in_its_folder(self, trained):
        folder, done = trained
        names = {
            "plan.json",
            "state.safetensors",
            "history.json",
            "perturbation.png",
            "perturbation.safetensors",
            "report.json",
        }
        assert {file.name for file in folder.iterdir() if file.suffix != ".pdf"} == names
        stored = json.loads((folder / "report.json").read_text())
        printed = json.loads(done.stdout)
        assert {name: stored[name] for name in printed if name != "folder"} == {
            name: value for name, value in printed.items() if name != "folder"
        }

    def test_scores_the_same_from_either_file(self, trained, capsys):
        folder, done = trained
        reports = [document(capsys, "evaluate", folder / f"perturbation.{kind}") for kind in ("png", "safetensors")]
        for name in ("perturbed", "clean", "random_noise", "interval", "image_gradients", "linf", "l2"):
            assert reports[0][name] == reports[1][name]
        for name in ("perturbed", "clean", "random_noise"):
            assert reports[0][name] == pytest.approx(
                json.loads(done.stdout)[name], abs=2e-3
            )  # threads round otherwise

    def test_is_evaluated_on_another_split_or_target(self, trained, capsys):
        folder, _ = trained
        png = folder / "perturbation.png"
        assert document(capsys, "evaluate", png, "--split", "val")["pictures"] == 2
        assert document(capsys, "evaluate", png, "--hide", "car")["perturbed"].keys() == HIDDEN
        assert main(["evaluate", str(png)]) == 0
        assert "region success" in capsys.readouterr().out

    def test_is_not_overwritten_by_mistake(self, trained, capsys, photos):
        folder, _ = trained
        before = (folder / "state.safetensors").read_bytes()
        assert "--overwrite" in told(capsys, "train", "--text", "bar", "--data", photos, "--out", folder)
        assert (folder / "state.safetensors").read_bytes() == before

    def test_that_is_finished_is_measured_again_by_resume(self, trained, capsys):
        folder, done = trained
        again = document(capsys, "resume", folder)
        assert again["image_gradients"] == 40
        assert again["perturbed"] == pytest.approx(json.loads(done.stdout)["perturbed"], abs=2e-3)

    @pytest.mark.parametrize("kind", ["png", "pdf"])
    def test_is_drawn_as_a_table(self, trained, capsys, tmp_path, kind):
        folder, _ = trained
        file = tmp_path / f"table.{kind}"
        assert document(capsys, "figure", folder, "--pictures", 2, "--out", file) == {
            "figure": str(file),
            "pictures": 2,
        }
        assert file.stat().st_size > 5000

    def test_is_not_drawn_as_anything_else(self, trained, capsys):
        folder, _ = trained
        assert "must end in .png or .pdf" in told(capsys, "figure", folder, "--out", "table.docx")

    def test_is_applied_to_pictures_of_any_size(self, trained, capsys, tmp_path):
        folder, _ = trained
        levels = load(folder / "perturbation.png").levels.numpy()
        Image.new("RGB", (120, 45), (100, 120, 140)).save(tmp_path / "grey.png")
        (tmp_path / "more").mkdir()
        Image.new("RGB", (40, 40), "white").save(tmp_path / "more" / "grey.png")
        words = ("apply", folder / "perturbation.png", tmp_path / "grey.png", tmp_path / "more" / "grey.png")
        first, second = document(capsys, *words, "--out", tmp_path / "out")["pictures"]
        assert Path(second["perturbed"]).name == "grey-2.perturbed.png"
        perturbed = np.asarray(Image.open(first["perturbed"]), int)
        tiled = np.tile(levels, (1, 2, 2))[:, :45, :120].transpose(1, 2, 0)
        assert np.array_equal(perturbed, np.array([100, 120, 140]) + tiled)
        assert Image.open(first["seen"]).size == (120, 45)
        assert 0 <= first["changed"] <= 1
        assert "is already there" in told(capsys, *words, "--out", tmp_path / "out")
        assert main([*map(str, words), "--out", str(tmp_path / "out"), "--overwrite"]) == 0

    def test_without_its_plan_needs_the_flags(self, trained, capsys, tmp_path, photos):
        folder, _ = trained
        bare = tmp_path / "bare.png"
        save_png(bare, Perturbation(load(folder / "perturbation.png").levels))
        assert "--model and --data" in told(capsys, "evaluate", bare)
        words = ("evaluate", bare, "--model", "street", "--data", photos)
        assert "--text, --mask, --scene, --hide, --swap or --break" in told(capsys, *words)
        assert "--model" in told(capsys, "apply", bare, tmp_path / "photo.png")
        known, report = (
            document(capsys, "evaluate", folder / "perturbation.png"),
            document(capsys, *words, "--text", "foo"),
        )
        assert report["perturbed"] == known["perturbed"]
        assert report["image_gradients"] is None

    def test_of_a_network_with_other_classes_is_refused(self, trained, capsys, tmp_path):
        folder, _ = trained
        content = (folder / "plan.json").read_text()
        other = tmp_path / "other"
        other.mkdir()
        (other / "plan.json").write_text(content.replace('"Tree"', '"Zebra"'))
        assert "no class 'Zebra'" in told(capsys, "resume", other)


class TestAPlan:
    """A run from a plan's file alone."""

    @pytest.mark.slow
    def test_gives_the_run_that_it_came_from(self, trained, tmp_path):
        _, done = trained
        told = json.loads(done.stdout)
        (tmp_path / "plan.json").write_text(json.dumps({"format": 1, **told["plan"]}))
        again = process("train", "--plan", tmp_path / "plan.json", "--out", tmp_path / "again", "--json")
        assert again.returncode == 0, again.stderr
        report = json.loads(again.stdout)
        assert report["plan"] == told["plan"]
        assert report["perturbed"] == pytest.approx(told["perturbed"], abs=2e-3)  # threads round otherwise
        assert "--overwrite" in process("train", "--plan", tmp_path / "plan.json", "--out", tmp_path / "again").stderr

    def test_is_read_from_a_run_folder_too(self, capsys, tmp_path):
        plan = Plan(
            model="street",
            data="camvid:/nowhere",
            target=HideClasses(classes=("Car",)),
            settings=fast(epsilon=0.04, budget=8),
        )
        (tmp_path / "plan.json").write_text(to_json({"plan": plan.to_dict()}))
        assert "no pictures in /nowhere" in told(capsys, "train", "--plan", tmp_path / "plan.json")

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"format": 7}, "reads format 1 only"),
            ({"model": "zebra"}, "no network called 'zebra'"),
            ({"also": ["mine.py:net"]}, "The network mine.py:net runs code from a file"),
            ({"target": {"kind": "hidden", "classes": ["Zebra"], "fill": None}}, "no class 'Zebra'"),
            ({"settings": {}}, "The plan cannot be read"),
            ({"plan": "foo"}, "The plan cannot be read"),
        ],
    )
    def test_with_a_mistake_is_refused_in_a_sentence(self, capsys, tmp_path, photos, changes, sentence):
        plan = Plan(
            model="street", data=photos, target=HideClasses(classes=("Car",)), settings=fast(epsilon=0.04, budget=8)
        )
        (tmp_path / "plan.json").write_text(json.dumps({"format": 1, **plan.to_dict(), **changes}))
        words = ("train", "--plan", tmp_path / "plan.json", "--out", tmp_path / "run")
        assert sentence in told(capsys, *words)
        assert not (tmp_path / "run").exists()

    def test_that_is_none_is_refused_in_a_sentence(self, capsys, tmp_path):
        (tmp_path / "plan.json").write_text("no plan")
        assert "not the JSON that uapseg writes" in told(capsys, "train", "--plan", tmp_path / "plan.json")
        assert "There is no file" in told(capsys, "train", "--plan", tmp_path / "none.json")

    def test_says_what_every_flag_of_the_search_says(self):
        (commands,) = (action for action in make_parser()._actions if action.choices)
        flags = {action.dest for action in commands.choices["train"]._actions}
        beside = {
            "help",
            "json",
            "out",
            "overwrite",
            "device",
            "plan",
            "trust",
            "strict",
            "text",
            "mask",
            "scene",
            "hide",
            "swap",
            "untargeted",
            "start",
        }
        assert flags - beside == set(PLANNED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--mask", "MASK", "--invert", "--region-class", "tree", "--rest-class", "KEEP"), STATIC),
        (("--scene", "3", "--tile", "48x40"), STATIC),
        (("--mask", "MASK", "--hide", "car", "--region-class", "sky"), BOTH),
        (("--hide", "CAR", "--hide", "building", "--fill", "Road", "--preset", "paper", "--omega", "0.9"), HIDDEN),
    ],
)
def test_every_kind_of_target_can_be_trained(words, names, capsys, photos, tmp_path):
    mask = Image.new("L", (50, 50))
    mask.paste(255, (10, 10, 40, 40))
    mask.save(tmp_path / "mask.png")
    line = [str(tmp_path / "mask.png") if word == "MASK" else word for word in words]
    report = document(capsys, "train", "--data", photos, *line, "--budget", 16, "--out", tmp_path / "run")
    assert report["perturbed"].keys() == names
    assert report["image_gradients"] == 16


@pytest.mark.slow
def test_a_run_without_a_folder_gets_one_of_its_own(capsys, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("train", "--data", photos, "--hide", "Car", "--budget", 8, "--train-pictures", 4)
    folders = [document(capsys, *words)["folder"] for _ in range(2)]
    assert all(re.fullmatch(r"runs/\d{4}-\d\d-\d\d_\d{4}_without-car(_2)?", folder) for folder in folders)
    assert len(set(folders)) == 2


@pytest.mark.slow
def test_bench_prints_what_a_step_costs(capsys, photos):
    report = document(capsys, "bench", "--data", photos, "--rounds", 2, "--batches", "1,3")
    assert [row["batch"] for row in report["batches"]] == [1, 3]
    assert report["first_frame_seconds"] > 0
    assert report["torch"] == torch.__version__
    assert all(row["ratio"] > 0 for row in report["batches"])


INTERRUPTIBLE = """
import signal, sys
import uapseg.cli.interruption, uapseg.cli.train
uapseg.cli.interruption.REPEAT = 600
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us deaf to it
uapseg.cli.train.SAVE_EVERY = 0.0
sys.exit(uapseg.cli.main())
"""


def spent(folder: Path) -> int:
    """The image-gradients that a run has spent, as far as its folder tells."""
    file = folder / "perturbation.png"
    return load(file).image_gradients or 0 if file.exists() else 0


STRAIGHT = ("train", "--text", "foo", "--budget", "240", "--device", "cpu")


def stopped(folder: Path, data: str, numbers: "list[signal.Signals]", gap: float = 0.0) -> "tuple[int, str, str]":
    """Sends signals to a run that is under way: its exit status, and what it printed on its two outputs."""
    run = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *STRAIGHT, "--data", data, "--out", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while spent(folder) < 16 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    for number in numbers:
        run.send_signal(number)
        time.sleep(gap)
    out, sentence = run.communicate(timeout=300)
    return run.returncode, out, sentence


@pytest.fixture(scope="module")
def straight(photos, tmp_path_factory) -> Perturbation:
    """What the run finds that is never stopped."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    assert process(*STRAIGHT, "--data", photos, "--out", folder).returncode == 0
    return load(folder / "perturbation.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("numbers", "statuses"),
    [
        ([signal.SIGINT], {130}),
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], {130}),
        ([signal.SIGTERM], {143}),
        ([signal.SIGHUP, signal.SIGTERM], {129, 143}),  # both may be there before the first is seen
    ],
)
def test_a_signal_keeps_everything_and_the_run_goes_on_to_the_same_end(photos, tmp_path, straight, numbers, statuses):
    """Stopped at any step and resumed, a run ends as if it had never been stopped: bit for bit."""
    folder = tmp_path / "stopped"
    code, out, sentence = stopped(folder, photos, numbers, gap=0.01)
    assert code in statuses, sentence
    assert out == ""
    assert f"python -m uapseg resume {folder}" in sentence
    assert "Traceback" not in sentence
    assert not (folder / "report.json").exists()
    assert 16 <= spent(folder) < 240
    assert RunFolder.open(folder).load_state().image_gradients == spent(folder)
    assert process("resume", folder, "--device", "cpu").returncode == 0
    resumed = load(folder / "perturbation.png")
    assert torch.equal(resumed.levels, straight.levels)
    assert resumed.scores == straight.scores


@pytest.mark.slow
def test_a_run_stopped_before_its_first_step_begins_anew(trained, capsys, tmp_path):
    folder, done = trained
    (tmp_path / "plan.json").write_bytes((folder / "plan.json").read_bytes())
    (tmp_path / ".uapseg-0123abcd.part").write_bytes(b"what a killed save has left")
    assert document(capsys, "resume", tmp_path)["perturbed"] == pytest.approx(
        json.loads(done.stdout)["perturbed"], abs=0.05
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(FILES)


@pytest.mark.slow
def test_a_run_stopped_before_its_first_save_says_that_it_begins_anew(trained, tmp_path):
    (tmp_path / "plan.json").write_bytes((trained[0] / "plan.json").read_bytes())
    assert f"{tmp_path} was stopped before its first save" in process("resume", tmp_path).stderr


@pytest.mark.slow
def test_a_run_without_its_state_is_not_begun_anew(trained, capsys, tmp_path):
    for name in ("plan.json", "perturbation.safetensors"):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    assert f"{tmp_path / 'state.safetensors'} is missing" in told(capsys, "resume", tmp_path)
    assert load(tmp_path / "perturbation.safetensors").image_gradients == 40


@pytest.mark.slow
def test_a_folder_deleted_during_its_run_is_made_again(capsys, photos, tmp_path, monkeypatch):
    folder = tmp_path / "run"

    def measured(*arguments: object, **more: object) -> object:
        shutil.rmtree(folder)
        return full_report(*arguments, **more)

    monkeypatch.setattr("uapseg.cli.train.full_report", measured)
    document(capsys, "train", "--data", photos, "--hide", "Car", "--budget", 8, "--out", folder)
    assert sorted(file.name for file in folder.iterdir()) == sorted(FILES)


CODE = """
import pathlib
pathlib.Path({left!r}).write_text("")
from uapseg.models import load_model

def net():
    return load_model("street")
"""


@pytest.fixture
def stranger(trained, tmp_path) -> tuple[Path, Path]:
    """The folder of a run whose plan names a file with code, and what that code would leave."""
    folder, left = tmp_path / "run", tmp_path / "was-run"
    (tmp_path / "mine.py").write_text(CODE.format(left=str(left)))
    shutil.copytree(trained[0], folder)
    plan = json.loads((folder / "plan.json").read_text())
    plan["plan"]["model"] = f"{tmp_path / 'mine.py'}:net"
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "state.safetensors").write_bytes(
        pack(RunFolder.open(trained[0]).load_state(), extract_plan(json.dumps(plan).encode()))
    )
    return folder, left


@pytest.mark.slow
@pytest.mark.parametrize("field", ["model", "also"])
def test_a_plan_runs_code_from_a_file_only_where_it_is_trusted(capsys, stranger, tmp_path, field):
    folder, left = stranger
    if field == "also":
        plan = json.loads((folder / "plan.json").read_text())
        plan["plan"] |= {"model": "street", "also": [plan["plan"]["model"]]}
        (folder / "plan.json").write_text(json.dumps(plan))
        for name in ("state.safetensors", "perturbation.png", "perturbation.safetensors", "report.json"):
            (folder / name).unlink()
    commands: list[list[object]] = [["resume", folder], ["train", "--plan", folder / "plan.json"], ["figure", folder]]
    for command in commands[: 2 if field == "also" else 3]:  # a figure looks with the first network alone
        sentence = told(capsys, *command)
        assert f"{tmp_path / 'mine.py'}:net runs code from a file" in sentence
        assert "--trust" in sentence
        assert not left.exists(), command
    assert document(capsys, "resume", folder, "--trust")["image_gradients"] == 40
    assert left.exists()
    assert document(capsys, "figure", folder, "--trust", "--pictures", 1)["pictures"] == 1


def test_a_perturbation_runs_code_from_a_file_only_where_its_network_is_named(capsys, tmp_path):
    left = tmp_path / "was-run"
    (tmp_path / "mine.py").write_text(CODE.format(left=str(left)))
    plan = Plan(
        model=f"{tmp_path / 'mine.py'}:net", data="street", target=HideClasses(classes=("Car",)),
        settings=fast(epsilon=0.04, budget=8),
    )  # fmt: skip
    save_png(tmp_path / "noise.png", Perturbation(torch.zeros(3, 64, 96, dtype=torch.int16), plan))
    Image.new("RGB", (96, 64)).save(tmp_path / "photo.png")
    for words in (("evaluate", tmp_path / "noise.png"), ("apply", tmp_path / "noise.png", tmp_path / "photo.png")):
        assert "runs code from a file" in told(capsys, *words, *(["--out", tmp_path] if words[0] == "apply" else []))
        assert not left.exists()


def test_trust_is_for_plans(capsys):
    assert "--trust goes with --plan only" in told(capsys, "train", "--text", "foo", "--trust")


@pytest.mark.slow
def test_the_embedded_scenes_need_no_flags(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("uapseg.datasets.street.SPLITS", {"train": 8, "val": 2, "test": 3})
    report = document(capsys, "train", "--text", "foo", "--budget", 16, "--out", tmp_path / "run")
    assert (report["model"], report["data"], report["pictures"]) == ("street", "street", 3)
    assert report["linf"] <= 10
    assert document(capsys, "evaluate", tmp_path / "run" / "perturbation.png")["perturbed"] == report["perturbed"]


def test_an_interrupt_elsewhere_is_no_traceback(capsys, monkeypatch):
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("uapseg.cli.listings.models", interrupted)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_bugs_are_not_hidden(monkeypatch):
    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("uapseg.cli.listings.models", broken)
    with pytest.raises(ZeroDivisionError):
        main(["models"])


def test_the_parser_raises_what_argparse_prints():
    with pytest.raises(UapsegError, match=r"see python -m uapseg train --help"):
        make_parser().parse_args(["train", "--seed", "x"])


def test_a_reader_that_wants_no_more_of_the_output_gets_no_traceback():
    command = [sys.executable, "-m", "uapseg", "datasets", "street"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as listing:
        listing.stdout.close()
        errors = listing.stderr.read()
    assert (listing.returncode, errors) == (128 + 13, b"")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (("--port", 70_000), "must be at most 65535"),
        (("--host", "203.0.113.5"), "choose another --port or --host"),
        (("--host", "none.invalid"), "choose another --port or --host"),
    ],
)
def test_an_address_at_which_the_page_cannot_be_served_is_one_sentence(capsys, address, reason):
    assert reason in told(capsys, "app", *address)


def test_a_port_in_use_is_one_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert "choose another --port or --host" in told(capsys, "app", "--port", server.getsockname()[1])
