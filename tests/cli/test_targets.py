"""The target of a command's flags: people are hidden together, and one class of them alone is remarked on."""

import json
from argparse import Namespace

import pytest

from tests.photos import photos_in
from uapseg.cli import main
from uapseg.cli.targets import _classes_to_hide, leaves_pair_open
from uapseg.errors import UapsegError


def network(*classes: str) -> Namespace:
    people = tuple(name for name in classes if name in {"Pedestrian", "Bicyclist", "person"})
    return Namespace(classes=classes, people=people)


STREET = network("Road", "Car", "Pedestrian", "Bicyclist")


@pytest.mark.parametrize(
    ("names", "hidden"),
    [
        (["people"], ("Pedestrian", "Bicyclist")),
        (["Car", "PEOPLE", "pedestrian"], ("Car", "Pedestrian", "Bicyclist")),
        (["car"], ("Car",)),
    ],
)
def test_people_are_all_classes_of_people(names, hidden, capsys):
    assert _classes_to_hide(names, STREET) == hidden
    assert capsys.readouterr().err == ""


def test_hiding_one_class_of_people_tells_which_may_take_its_place(capsys):
    assert _classes_to_hide(["bicyclist"], STREET) == ("Bicyclist",)
    assert "may see Pedestrian where it saw Bicyclist: --hide people hides both" in capsys.readouterr().err
    assert _classes_to_hide(["person"], network("background", "person")) == ("person",)
    assert capsys.readouterr().err == ""


def test_people_is_a_class_like_others_where_a_network_has_it_or_no_people():
    assert _classes_to_hide(["people"], network("people", "person")) == ("people",)
    with pytest.raises(UapsegError, match="no class 'people'"):
        _classes_to_hide(["people"], network("cat", "dog"))


OPEN = {
    "text": "foo",
    "region_class": None,
    "rest_class": None,
    "tile": None,
    "also": [],
    "hide": None,
    "budget": 4000,
}


@pytest.mark.parametrize(
    ("given", "opened"),
    [
        ({}, True),
        ({"region_class": "Car"}, True),
        ({"rest_class": "Sky"}, True),
        ({"budget": 1199}, False),
        ({"region_class": "Car", "rest_class": "Sky"}, False),
        ({"rest_class": "Keep"}, False),
        ({"text": None}, False),
        ({"tile": (64, 64)}, False),
        ({"also": ["street:small"]}, False),
        ({"hide": ["people"]}, False),
    ],
)
def test_pairs_are_tried_where_a_class_is_open_and_the_run_is_long(given, opened):
    assert leaves_pair_open(Namespace(**{**OPEN, **given})) == opened


@pytest.mark.slow
def test_the_pair_that_was_chosen_is_told_and_in_the_plan(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("uapseg.cli.targets.FULL_GRADIENTS", 4)
    folder = photos_in(tmp_path / "photos")
    words = [
        "train",
        "--data",
        folder,
        "--text",
        "o",
        "--rest-class",
        "road",
        "--budget",
        "80",
        "--out",
        str(tmp_path / "run"),
    ]
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    target = json.loads(out)["plan"]["target"]
    assert target["rest"] == "Road"
    assert f"The word is drawn in {target['classes'][0]} on Road, the best of " in err
    assert "--region-class and --rest-class choose others." in err
