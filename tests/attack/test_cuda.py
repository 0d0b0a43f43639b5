"""Graphs of steps: replayed on fixed memory they do what ordinary steps do, and hold nothing that a GPU cannot record.

There is no GPU here: a recording is played by calling the function again on the same memory, and every operation is
looked at that a real recording would refuse.
"""

import logging

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.conftest import Plain, greys
from uapseg.attack import cuda, objective
from uapseg.attack.cuda import MAX_GRAPHS, WARM_UP, GraphedFunction
from uapseg.attack.loop import fit
from uapseg.attack.settings import fast
from uapseg.models import Segmenter
from uapseg.targets import HideClasses, SwapClasses, hide
from uapseg.targets.drawing import text_target

SIZE = (64, 48)
REFUSED = {"nonzero", "masked_select", "_local_scalar_dense", "unique2", "bincount", "lift_fresh", "masked_scatter"}
"""Operations that wait for the device, or whose result has a shape that depends on values."""


class Recordable(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        assert name not in REFUSED, name
        if name == "index":
            assert all(one is None or one.dtype != torch.bool for one in args[1])
        return func(*args, **(kwargs or {}))


class Recorder:
    """Records as a CUDA graph does: fixed memory for what goes in and comes out, and the same work each time."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, function, inputs):
        self.recorded += 1
        with Recordable():
            outputs = function(*inputs)

        def replay():
            self.replayed += 1
            for output, new in zip(outputs, function(*inputs), strict=True):
                output.copy_(new)

        for output in outputs:
            output.fill_(float("nan"))  # what is not written by a replay shows
        return replay, outputs


@pytest.fixture
def recorder(monkeypatch):
    """Steps are recorded as on a GPU."""
    recorder = Recorder()
    monkeypatch.setattr(hide, "_fixed_shapes", lambda _: True)
    monkeypatch.setattr(objective, "can_record", lambda _: True)
    monkeypatch.setattr(objective, "GraphedFunction", lambda function: GraphedFunction(function, recorder))
    return recorder


class Half(torch.nn.Module):
    """The logits of a network of greys at half the size."""

    def __init__(self, model: Segmenter) -> None:
        super().__init__()
        self.model = model

    def forward(self, images):
        return torch.nn.functional.avg_pool2d(self.model(images), 2)


def half_size(model: Segmenter) -> Segmenter:
    return Segmenter(
        Half(model), name="half", classes=model.classes, palette=model.palette, objects=model.objects,
        pair=model.default_pair, source="a test", licence="MIT",
    )  # fmt: skip


def trained(target, **options):
    data = Plain((100, 110, 105, 118, 90, 113, 108), size=SIZE)
    settings = fast(epsilon=10 / 255, budget=30, batch=4, validate_every=12, **options)
    *_, last = fit(half_size(greys()), data, data, target, settings)
    return last


TARGETS = {
    "word": text_target("a", "light", "dark", SIZE),
    "word over the scene": text_target("a", "light", None, SIZE),
    "hide": HideClasses(classes=("light",)),
    "hide with a filling": HideClasses(classes=("light",), fill="dark"),
    "swap": SwapClasses(source="light", into="dark"),
}


@pytest.mark.parametrize("options", [{}, {"flip": True, "shift": 4}, {"crop": True}, {"loss": "margin"},
                                     {"loss_resolution": "full"},
                                     {"loss_resolution": "logits", "pixel_weighting": "tau"}])  # fmt: skip
@pytest.mark.parametrize("name", TARGETS)
def test_a_recorded_search_ends_where_an_ordinary_one_does(name, options, recorder, monkeypatch):
    found = trained(TARGETS[name], **options)
    assert recorder.recorded == 1
    assert recorder.replayed > 30 // 4 - WARM_UP
    monkeypatch.undo()
    expected = trained(TARGETS[name], **options)
    assert torch.allclose(found.state.delta, expected.state.delta, atol=1e-6)
    assert found.state.delta.any()
    assert found.loss == pytest.approx(expected.loss, rel=1e-4)


def test_pasted_objects_differ_in_each_step_and_the_recording_stays(recorder, monkeypatch):
    found = trained(TARGETS["hide"], paste=2, flip=True)
    assert (recorder.recorded, recorder.replayed > 30 // 4 - WARM_UP) == (1, True)
    monkeypatch.undo()
    expected = trained(TARGETS["hide"], paste=2, flip=True)
    assert torch.allclose(found.state.delta, expected.state.delta, atol=1e-6)
    assert not torch.equal(expected.state.delta, trained(TARGETS["hide"], paste=0, flip=True).state.delta)


def test_robust_pictures_differ_in_each_step_and_are_not_recorded(recorder):
    trained(TARGETS["word"], robust=True)
    assert recorder.recorded == 0


def test_a_few_calls_come_first_and_each_shape_has_its_own_graph():
    recorder = Recorder()
    double = GraphedFunction(lambda value, other: (2 * value + (0 if other is None else other),), recorder)
    for _ in range(WARM_UP - 1):
        double(torch.ones(2), None)
    assert recorder.recorded == 0
    for length in range(2, 6):
        for turn in range(5):
            assert double(torch.full((length,), float(turn)), None)[0].tolist() == [2 * turn] * length
    assert recorder.recorded == MAX_GRAPHS


def test_what_comes_out_is_not_changed_by_the_next_call():
    double = GraphedFunction(lambda value: (2 * value,), Recorder())
    results = [double(torch.tensor([float(turn)]))[0] for turn in range(6)]
    assert [result.item() for result in results] == [0, 2, 4, 6, 8, 10]


def test_an_input_that_stays_the_same_for_a_while_is_read_anew_when_it_changes():
    added = GraphedFunction(lambda value, constant: (value + constant,), Recorder())
    constant = torch.tensor([5.0])
    assert [added(torch.tensor([float(turn)]), constant)[0].item() for turn in range(6)] == [5, 6, 7, 8, 9, 10]
    assert added(torch.tensor([0.0]), torch.tensor([7.0]))[0].item() == 7


@pytest.mark.parametrize("fault", ["an error", "another result", "an empty graph"])
def test_where_recording_fails_the_function_is_called_as_before_and_one_line_says_so(fault, caplog):
    class Faulty(Recorder):
        def __call__(self, function, inputs):
            if fault == "an error":
                raise RuntimeError("operation not permitted when stream is capturing")
            if fault == "an empty graph":  # as of a stream of another device
                return lambda: None, function(*inputs)
            return super().__call__(lambda value: (-function(value)[0],), inputs)

    double = GraphedFunction(lambda value: (2 * value,), Faulty())
    with caplog.at_level(logging.WARNING, logger=cuda.__name__):
        results = [double(torch.tensor([turn + 1.0]))[0].item() for turn in range(8)]
    assert results == [2 * (turn + 1) for turn in range(8)]
    (line,) = caplog.messages
    assert "goes on without a CUDA graph" in line
