"""How often each picture is drawn, on devices of every kind."""

import pytest
import torch

from tests.conftest import Plain, greys
from uapseg.attack.data.sampling import class_balanced_weights
from uapseg.targets import HideClasses
from uapseg.targets.counts import truth_overlap
from uapseg.targets.metrics import count_pixels


class OnDevice(torch.Tensor):
    """A tensor of a device that has no float64, as Apple's MPS."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = super().__torch_function__(func, types, args, kwargs or {})
        if func is torch.Tensor.cpu:
            return found.as_subclass(torch.Tensor)
        if isinstance(found, OnDevice) and found.dtype == torch.float64:
            raise TypeError("there is no float64 on this device")
        return found


def test_the_device_needs_no_float64(monkeypatch, unchecked):
    with pytest.raises(TypeError, match="no float64"):
        torch.ones(3).as_subclass(OnDevice).double()
    model = greys()
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda images: predict(images).as_subclass(OnDevice))
    odds = class_balanced_weights(model, Plain((115, *[95] * 8)), range(9))
    assert odds.tolist() == pytest.approx([0.5, *[0.0625] * 8])
    target = HideClasses(classes=("light",), fill="dark")
    seen = model.predict(torch.full((2, 3, 4, 4), 115 / 255))
    goal = target.bind(model.classes, model.objects, (4, 4))(seen)
    assert count_pixels(seen, seen, goal, target, model.classes).remaining.tolist() == [[16], [16]]
    assert truth_overlap(seen, seen, 3)[0].tolist() == [[0, 16, 0], [0, 16, 0]]


def test_a_network_without_objects_draws_every_picture_as_often():
    model = greys()
    model.objects = ()
    assert class_balanced_weights(model, Plain((115, 95, 95)), range(3)).tolist() == pytest.approx([1 / 3] * 3)
