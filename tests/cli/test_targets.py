"""The target of a command's flags: people are hidden together, and one class of them alone is remarked on."""

from argparse import Namespace

import pytest

from uapseg.cli.targets import _hidden
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
    assert _hidden(names, STREET) == hidden
    assert capsys.readouterr().err == ""


def test_hiding_one_class_of_people_tells_which_may_take_its_place(capsys):
    assert _hidden(["bicyclist"], STREET) == ("Bicyclist",)
    assert "may see Pedestrian where it saw Bicyclist: --hide people hides both" in capsys.readouterr().err
    assert _hidden(["person"], network("background", "person")) == ("person",)
    assert capsys.readouterr().err == ""


def test_people_is_a_class_like_others_where_a_network_has_it_or_no_people():
    assert _hidden(["people"], network("people", "person")) == ("people",)
    with pytest.raises(UapsegError, match="no class 'people'"):
        _hidden(["people"], network("cat", "dog"))
