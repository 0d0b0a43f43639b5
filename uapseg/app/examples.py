"""Perturbations that come with the project, and a recorded run: both are made by ``assets/ready/make.py``."""

import json
from functools import cache
from typing import Any

from uapseg.app import strings
from uapseg.app.controls import Pair
from uapseg.errors import UapsegError
from uapseg.io.files import ASSETS
from uapseg.results.perturbation_file import Perturbation, load

EXAMPLES = ASSETS / "ready"


@cache
def example_cards(pair: Pair) -> list[dict[str, Any]]:
    """What there is to know of each perturbation for a network and its pictures; none where nothing was made for them.

    Each has ``file``, ``title``, ``epsilon``, ``success`` and ``interval`` on the test pictures, ``image_gradients``,
    and ``seen``: what the network sees in the scene with it.
    """
    index = EXAMPLES / "index.json"
    known = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {"pair": None, "cards": []}
    return [card for card in known["cards"] if known["pair"] == list(pair) and (EXAMPLES / card["file"]).is_file()]


def load_example(pair: Pair, number: object) -> Perturbation:
    """One of the perturbations.

    Raises:
        UapsegError: There is none of that number for this network and these pictures.
    """
    known = example_cards(pair)
    if not isinstance(number, int) or not 0 <= number < len(known):
        raise UapsegError(strings.NO_NOISE)
    return load(EXAMPLES / known[number]["file"])


@cache
def recorded_run(pair: Pair) -> dict[str, Any]:
    """A run on a network and its pictures, frame by frame, as the stage shows it; empty where none was recorded."""
    file = EXAMPLES / "recorded.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"pair": None}
    return known if known["pair"] == list(pair) else {}
