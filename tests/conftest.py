"""A world whose answers are known: pictures of one colour each, and a network that names the nearer of two greys."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jaxtyping
import pytest
import torch
from hypothesis import HealthCheck, settings
from torch import Tensor, nn

from uapseg.datasets.crops import Crop, crop_tensors
from uapseg.models import Segmenter

if TYPE_CHECKING:
    from uapseg.app.handlers.context import Context
    from uapseg.app.workspace_cache import WorkspaceCache

settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

DARK, LIGHT = 100 / 255, 121 / 255
"""The colours of the two classes; a grey is seen as light from 110.5 grey levels on."""


class Greys(nn.Module):
    """Logits of (dark, light, never) by squared distance to each class's grey, steep enough to be confident."""

    def forward(self, images: Tensor) -> Tensor:
        grey = images.mean(dim=1)
        never = torch.full_like(grey, -1e4)
        return torch.stack([-((grey - DARK) ** 2) * 3000, -((grey - LIGHT) ** 2) * 3000, never], dim=1)


def greys() -> Segmenter:
    return Segmenter(
        Greys(), name="greys", classes=("dark", "light", "never"), palette=((0, 0, 0), (255, 255, 255), (255, 0, 0)),
        objects=("light",), pair=("light", "dark"), source="known answers", licence="MIT",
    )  # fmt: skip


class Plain:
    """Pictures of one grey each: ``shades`` in grey levels."""

    name, licence, classes, skipped, notes = "plain", "MIT", ("dark",), (), ()

    def __init__(self, shades: Sequence[int], split: str = "train", size: tuple[int, int] = (16, 12)) -> None:
        self.shades, self.split, self.size = list(shades), split, size
        self.keys = tuple(f"{split}-{number}" for number in range(len(shades)))

    def __len__(self) -> int:
        return len(self.shades)

    def pictures(self, indices: Sequence[int]) -> Tensor:
        shades = torch.tensor([self.shades[n] for n in indices], dtype=torch.uint8)
        return shades.view(-1, 1, 1, 1).expand(-1, 3, self.size[1], self.size[0]).contiguous()

    def crops(self, indices: Sequence[int], crops: Sequence[Crop]) -> Tensor:
        return crop_tensors(self.pictures(indices), crops)

    def prefetch(self, indices: Sequence[int], *, whole: bool = False) -> None:
        """Nothing is read from anywhere."""

    def truth(self, indices: Sequence[int]) -> Tensor:
        return torch.zeros(len(indices), self.size[1], self.size[0], dtype=torch.uint8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that drive a browser get a second try, which pytest's summary counts: a stalled machine is no defect."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws depends neither on which others ran before it, nor on the process it runs in."""
    torch.manual_seed(0)


@pytest.fixture
def model() -> Segmenter:
    return greys()


@pytest.fixture
def plain() -> Callable[..., Plain]:
    return Plain


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Types as users meet them: not checked on every call, as they are in tests."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Pictures this small gain nothing from more threads, and tests that run beside each other lose much."""
    os.environ["OMP_NUM_THREADS"] = "1"  # that of the programs they start
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def scene_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes rendered by the tests go to a folder of their own, shared by all tests and their processes."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["UAPSEG_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="module")
def workspaces() -> Iterator["WorkspaceCache"]:
    """The page's workspaces on the small world; imported here, as most tests need no page."""
    from tests.small_world import small_world

    with small_world() as workspaces:
        yield workspaces


@pytest.fixture
def context(workspaces: "WorkspaceCache") -> "Context":
    """The events of a page of their own, on the small world."""
    from tests.small_world import registry
    from uapseg.app.handlers.context import Context

    return Context(workspaces, registry(), patience=600)
