"""The loss at the resolution of the logits is the loss of the image whose pixels have the logits of their cell."""

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import DARK, LIGHT
from uapseg.attack.distributed import SINGLE_PROCESS
from uapseg.attack.objective import Batch, Objective
from uapseg.attack.settings import fast, paper
from uapseg.attack.transforms import Framing, Transform
from uapseg.models import Segmenter
from uapseg.targets import HideClasses
from uapseg.targets.drawing import mask_target

SIZE = (22, 14)
"""No multiple of the cells: images are padded inside."""

WORD = mask_target(torch.eye(6, 8, dtype=torch.bool).numpy(), "light", "dark")


class Cells(nn.Module):
    """Logits of (dark, light, other) for cells of 4x4 pixels; ``enlarged`` gives each pixel those of its cell."""

    def __init__(self, *, enlarged: bool) -> None:
        super().__init__()
        self.enlarged = enlarged

    def forward(self, images: Tensor) -> Tensor:
        grey = nn.functional.avg_pool2d(images.mean(dim=1), 4)
        logits = torch.stack([-((grey - DARK) ** 2), -((grey - LIGHT) ** 2), grey * 0.001 - 0.001], dim=1) * 3000
        return logits.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3) if self.enlarged else logits


def cells(*, enlarged: bool) -> Segmenter:
    return Segmenter(
        Cells(enlarged=enlarged), name="cells", classes=("dark", "light", "other"), palette=((0, 0, 0),) * 3,
        objects=("light",), pair=("light", "dark"), source="", licence="", multiple=4,
    )  # fmt: skip


def gradient(target, settings, *, enlarged: bool, process: Transform | None = None) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(80, 140, (3, 3, SIZE[1], SIZE[0]), generator=generator) / 255
    images[0] = images[0] * 0.2 + 0.8 * LIGHT
    model = cells(enlarged=enlarged)
    model.predict = cells(enlarged=True).predict  # so that the goals are the same
    objective = Objective(model, target, settings, SIZE, SINGLE_PROCESS)
    delta = torch.randn(3, SIZE[1], SIZE[0], generator=generator) * 4 / 255
    return objective.gradient(Batch((0, 1, 2), images, 3, transform=process), delta)


@pytest.mark.parametrize(
    "target", [WORD, HideClasses(classes=("light",)), HideClasses(classes=("light",), fill="other")]
)
@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        (fast, {}),
        (fast, {"tau": 0.6, "loss": "margin"}),
        (fast, {"loss": "cosine"}),
        (fast, {"omega": 0.75}),
        (paper, {"omega": 0.9}),
    ],
)
@pytest.mark.parametrize("process", [None, Transform(framing=Framing(1.2, 0.1, -0.1))])
def test_gradient_loss_and_share_are_those_of_the_enlarged_cells(target, preset, changes, process):
    full, coarse = (
        gradient(
            target, preset(epsilon=10 / 255, budget=8, loss_resolution=name, **changes), enlarged=enlarged,
            process=process,
        )
        for name, enlarged in (("full", True), ("logits", False))
    )  # fmt: skip
    assert full[0].abs().max() > 0
    for one, other in zip(full, coarse, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6 * float(one.abs().max()))


@pytest.mark.parametrize(("target", "name"), [(WORD, "logits"), (HideClasses(classes=("light",)), "full")])
def test_left_open_it_is_that_of_the_logits_for_a_word_and_full_for_hiding(target, name):
    found, expected = (
        gradient(target, fast(epsilon=10 / 255, budget=8, loss_resolution=each), enlarged=False)[0]
        for each in (None, name)
    )
    assert torch.equal(found, expected)
