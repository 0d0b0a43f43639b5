"""What the README says is all that it takes to add something is all that it takes: each is added and used."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.small_world import ran
from uapseg.app import build, strings
from uapseg.app.exports import files as exports
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.handlers.files import export_file
from uapseg.attack.losses import LOSSES
from uapseg.attack.optimizer import OPTIMIZERS, Moments, Optimizer
from uapseg.attack.run import Plan, run
from uapseg.attack.settings import fast
from uapseg.attack.state import State
from uapseg.attack.transforms import RANDOM_TRANSFORMS, Transform
from uapseg.cli import main
from uapseg.datasets import registry as datasets
from uapseg.io.files import to_json
from uapseg.models import registry as models
from uapseg.results.robustness import TRANSFORMS
from uapseg.targets import TARGETS, HideClasses, Target
from uapseg.targets.base import ScoreLabel, SearchDefaults, Wording
from uapseg.targets.goals import Goal, class_indices

NETWORK = """
import torch
from uapseg.models import Segmenter


class Brightness(torch.nn.Module):
    def forward(self, images):
        grey = images.mean(dim=1)
        return torch.stack([40 * (0.43 - grey), 40 * (grey - 0.43)], dim=1)


def load(suffix):
    return Segmenter(
        Brightness(), name="brightness", classes=("dark", "light"), palette=((0, 0, 0), (255, 255, 255)),
        objects=("light",), pair=("light", "dark"), source="a test", licence="MIT",
    )
"""

DATASET = """
import torch

from uapseg.datasets.crops import crop_tensors


class Greys:
    name, licence, classes, skipped, notes = "greys", "MIT", (), (), ()

    def __init__(self, split, size):
        self.split, self.size = split, size or (16, 12)
        self.keys = tuple(f"{split}-{index}" for index in range(4))

    def __len__(self):
        return len(self.keys)

    def pictures(self, indices):
        width, height = self.size
        return torch.tensor(indices, dtype=torch.uint8).add(100).view(-1, 1, 1, 1).expand(-1, 3, height, width)

    def truth(self, indices):
        width, height = self.size
        return torch.full((len(indices), height, width), 255, dtype=torch.uint8)

    def crops(self, indices, crops):
        return crop_tensors(self.pictures(indices), crops)

    def prefetch(self, indices, *, whole=False):
        pass


def load(suffix, split, size):
    return Greys(split, size)


def info():
    return []
"""

HIDE = HideClasses(classes=("dark",))
WORLD = ["--model", "brightness", "--data", "greys:here"]


@pytest.fixture(autouse=True)
def added(tmp_path, monkeypatch, unchecked):
    """A network and a dataset, as files, and their lines."""
    (tmp_path / "recipe_network.py").write_text(NETWORK)
    (tmp_path / "recipe_dataset.py").write_text(DATASET)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(models.KINDS, "brightness", models.Kind("recipe_network"))
    monkeypatch.setitem(datasets.KINDS, "greys", datasets.Kind("recipe_dataset"))
    yield
    for name in ("recipe_network", "recipe_dataset"):
        sys.modules.pop(name, None)


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    """What a command prints as JSON."""
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def plan_of(target: Target, **settings: object) -> Plan:
    settings = fast(epsilon=20 / 255, budget=64, **settings)
    return Plan(model="brightness", data="greys:here", target=target, settings=settings)


def searched(target: Target = HIDE, **settings: object) -> State:
    """The end of a run on the network and the dataset."""
    plan = plan_of(target, **settings)
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    *_, last = run(plan, device="cpu")
    return last.state


def test_a_network_and_a_data_set_are_trained_on_measured_and_applied(tmp_path, capsys):
    flags = ("--hide", "dark", "--budget", 64, "--epsilon", 20, "--out", tmp_path / "o")
    report = printed(capsys, "train", *WORLD, *flags)
    assert (report["model"], report["data"], report["pictures"]) == ("brightness", "greys", 4)
    assert report["perturbed"]["hidden"] == 1.0
    file = tmp_path / "o" / "perturbation.png"
    assert printed(capsys, "evaluate", file)["perturbed"] == report["perturbed"]
    Image.new("RGB", (32, 24), (100, 100, 100)).save(tmp_path / "photo.png")
    applied = printed(capsys, "apply", file, tmp_path / "photo.png", "--out", tmp_path / "applied")
    assert applied["pictures"][0]["changed"] > 0.9


@dataclass(frozen=True, kw_only=True)
class TopRow:
    """The first row is to be of a class, and the rest as it was."""

    name: str
    kind: str = "top-row"

    title = "the first row"
    needs_clean = True
    moves_with_image = False
    source_classes = ()
    takes_pasted_objects = False
    scores_miou = False
    defaults = SearchDefaults(optimizer="sign", pixel_weighting="all")
    selection = ("row", "kept")
    collapse_threshold = None

    def bind(self, classes, objects, tile):
        (number,) = class_indices((self.name,), classes)

        def goal(clean):
            groups = torch.ones_like(clean)
            groups[:, 0] = 0
            return Goal(torch.where(groups == 0, number, clean).to(torch.uint8), groups)

        return goal

    def group_weights(self, keep_weight):
        return (1.0, keep_weight)

    def omega_weights(self, omega):
        return (1.0, 1.0)

    def pixel_loss(self, logits, goal, loss, *, classes, fill_weight):
        return loss(logits, goal.labels)

    def success_mask(self, seen, goal, classes):
        return seen == goal.labels

    def score_fractions(self, counts):
        return {
            name: (counts.reached[:, group], counts.pixels[:, group]) for group, name in enumerate(("row", "kept"))
        }

    def wording(self, region):
        shown = ScoreLabel("row", f"of the first row seen as {self.name}", "the row")
        return Wording("A row", (shown,), "of the first row", "of the first row changes")


def test_a_target_is_trained_reported_and_read_back(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(TARGETS, "top-row", TopRow)
    plan = plan_of(TopRow(name="light"))
    assert isinstance(plan.target, Target)
    (tmp_path / "plan.json").write_text(to_json(plan.to_dict()))
    report = printed(capsys, "train", "--plan", tmp_path / "plan.json", "--out", tmp_path / "o")
    assert report["perturbed"] == {"row": 1.0, "kept": 1.0}
    assert report["clean"] == {"row": 0.0, "kept": 1.0}
    assert report["interval"] == {"row": [1.0, 1.0], "kept": [1.0, 1.0]}
    assert report["selection_score"] == 1.0
    assert printed(capsys, "evaluate", tmp_path / "o" / "perturbation.png")["perturbed"] == report["perturbed"]


def test_a_loss_is_used_by_its_name(monkeypatch):
    calls = []

    def lead(logits: Tensor, labels: Tensor) -> Tensor:
        calls.append(len(logits))
        return logits.amax(1) + logits.amin(1) - 2 * logits.gather(1, labels.long()[:, None])[:, 0]

    monkeypatch.setitem(LOSSES, "lead", lead)
    assert searched(loss="lead").best_validation.scores["hidden"] == 1.0
    assert calls


def test_an_optimizer_is_used_by_its_name(monkeypatch):
    calls = []

    def signed(gradient: Tensor, moments: Moments, step: int, momentum: float) -> tuple[Tensor, Moments]:
        calls.append((step, momentum))
        return gradient.sign(), moments

    monkeypatch.setitem(OPTIMIZERS, "signed", Optimizer(signed))
    assert searched(optimizer="signed").best_validation.scores["hidden"] == 1.0
    assert calls[:2] == [(1, 0.9), (2, 0.9)]


def test_a_transform_is_trained_through_and_measured(monkeypatch, tmp_path, capsys):
    calls = []

    def darken(images: Tensor) -> Tensor:
        calls.append(len(images))
        return images * 0.95

    monkeypatch.setitem(RANDOM_TRANSFORMS, "darken", lambda rng: Transform(darken))
    flags = ("--hide", "dark", "--budget", 96, "--epsilon", 20, "--robust", "--out", tmp_path / "o")
    printed(capsys, "train", *WORLD, *flags)
    assert calls
    monkeypatch.setitem(TRANSFORMS, "darken", (darken, lambda maps: maps))
    robustness = printed(capsys, "evaluate", tmp_path / "o" / "perturbation.png", "--robustness")["robustness"]
    assert robustness["darken"]["perturbed"]["hidden"] == 1.0


def test_an_export_is_made_and_offered(monkeypatch, workspaces, context):
    def epsilon(path: Path, work: FinishedRun) -> None:
        path.write_text(f"{255 * work.plan.settings.epsilon:.0f}")

    monkeypatch.setitem(exports._MAKERS, "epsilon", ("epsilon.txt", epsilon))
    finished = ran(context, budget=64)
    assert Path(export_file(context, finished.token, "epsilon")).read_text() == "10"
    monkeypatch.setattr(strings, "FILES", {**strings.FILES, "epsilon": "Epsilon (TXT)"})
    assert "Epsilon (TXT)" in json.dumps(build(workspaces).get_config_file(), default=str)
