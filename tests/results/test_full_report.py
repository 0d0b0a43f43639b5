"""The report of a finished run: the scores, its search, and sentences on what to know about them."""

from dataclasses import replace

import torch
from PIL import Image

from uapseg.datasets.reader import ImageDataset, Sample
from uapseg.models import load_model
from uapseg.results.full_report import full_report, generalization_sentences
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets.drawing import text_target


def test_overfitting_is_reported():
    close, apart = ({"target_success": 0.5, "region_success": 0.0} | {"target_success": share} for share in (0.6, 0.7))
    here = {"target_success": 0.5, "region_success": 0.9}
    assert generalization_sentences(here, None) == generalization_sentences(here, {"target_success": None}) == []
    assert generalization_sentences(here, close) == ["On training pictures, target success is 60.0 %."]
    assert generalization_sentences(here, apart)[0].endswith(
        "is 70.0 %: it overfits. Train on more pictures to narrow the gap."
    )


def test_the_report_holds_scores_search_and_what_was_read():
    grey = Sample("a", "a.png", lambda: Image.new("RGB", (64, 48), "gray"))
    test = ImageDataset([grey], name="mine", split="test", size=(64, 48), licence="MIT")
    found = Perturbation(
        torch.zeros(3, 48, 64, dtype=torch.int16), image_gradients=400, seconds=2.5, training={"target_success": 0.9},
        best_iterate={"image_gradients": 200, "pictures": 1},
    )  # fmt: skip
    target = text_target("o", "Car", "Building", (64, 48))
    report = full_report(found, load_model("street:small"), test, target)
    fields = report.to_dict()
    assert "scores" not in fields
    assert (fields["image_gradients"], fields["seconds"], fields["data"]) == (400, 2.5, "mine")
    assert fields["measuring_seconds"] == report.scores.measuring_seconds
    assert fields["stride"] == 8
    assert 0.9 < fields["ceiling"]["target_success"] <= 1
    told = report.table()
    assert "It is the iterate after 200 of 400 image-gradients, chosen by 1 validation picture." in told
    assert "it overfits" in told
    assert "coarser than" not in told
    assert "32 times coarser than" in replace(report, stride=32).table()
