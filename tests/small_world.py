"""The page on a world whose answers are known: grey pictures and a network of two greys, too small to need time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

import uapseg.datasets
import uapseg.models
from tests.conftest import Plain, greys
from uapseg.ui.handlers import CONTROLS, Handlers
from uapseg.ui.runs import Registry, Run
from uapseg.ui.studio import Studio

SIZE = (96, 64)
SHADES = [102, 104, 106, 107]
"""Seen as dark; a change of 10 grey levels makes all of them light, random signs of 10 an eighth of the pixels."""


@contextmanager
def small_world() -> Iterator[Studio]:
    """Registers the network ``greys`` and the pictures ``plain:x``, and gives the studio that shows them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # pictures this small gain nothing from more, and lose much on a busy machine
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "small_model", SimpleNamespace(load=lambda *_: greys()))
        patch.setitem(
            sys.modules, "small_data", SimpleNamespace(load=lambda _, split: Plain(SHADES * 16, split, SIZE))
        )
        patch.setitem(uapseg.models._FILES, "greys", "small_model")
        patch.setitem(uapseg.datasets._FILES, "plain", "small_data")
        yield Studio("greys", "plain:x")
    torch.set_num_threads(threads)


def visitor(handlers: Handlers, saved: dict | None = None) -> Run:
    """Someone who opens the page."""
    run = handlers.runs.get(handlers.on_load(saved)[0])
    assert run
    return run


def values(handlers: Handlers, drawing: str | None = None, **changes: object) -> list[object]:
    """The controls as the browser sends them: the default but for ``changes``."""
    kept = {**handlers.first.kept(), "word": "o", **changes}
    return [*(kept[name] for name in CONTROLS), {"drawing": drawing}]


def registry() -> Registry:
    return Registry()
