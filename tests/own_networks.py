"""Networks as users bring them, by ``tests/own_networks.py:NAME``: sound ones, and one for each slip of the field."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Bare(nn.Module):
    """A small network with everything that can go wrong: batch statistics, dropout, strides."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Conv2d(8, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.drop(F.relu(self.norm(self.first(images)))))


class Around(nn.Module):
    """A function of a network and its pictures."""

    def __init__(self, function: Callable[[nn.Module, Tensor], object], net: nn.Module | None = None) -> None:
        super().__init__()
        self.function, self.net = function, net or Bare()

    def forward(self, images: Tensor) -> object:
        return self.function(self.net, images)


def normalised(images: Tensor) -> Tensor:
    return (images - images.new_tensor(MEAN).view(3, 1, 1)) / images.new_tensor(STD).view(3, 1, 1)


def with_attributes(net: nn.Module, **attributes: object) -> nn.Module:
    for name, value in attributes.items():
        setattr(net, name, value)
    return net


# sound


def bare():
    return Bare()


def one_layer():
    return nn.Conv2d(3, 2, 1)


def of_one_file():
    """As the README shows it."""
    classes = ["road", "car", "person", "sky"]
    palette = [(90, 90, 90), (0, 0, 200), (200, 0, 0), (90, 160, 250)]
    return with_attributes(Bare(), classes=classes, palette=palette, objects=["car", "person"], mean=MEAN, std=STD)


def normalises():
    return Around(lambda net, x: net(normalised(x)))


def grey_levels():
    return Around(lambda net, x: net(x.flip(1) * 255 - 120))


def whitened():
    return Around(lambda net, x: net((x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True)))


def as_dictionary():
    return Around(lambda net, x: {"out": net(x), "aux": net(x)})


def log_probabilities():
    return Around(lambda net, x: net(x).log_softmax(1))


def reshapes():
    return Around(lambda net, x: net(x.view(len(x), -1).view(x.shape)))


def small_positive_logits():
    return Around(lambda net, x: 0.4 + 0.1 * net(x).tanh())


def checks_its_range():
    return Around(lambda net, x: net(x) if x.amax() <= 1 else 1 / 0)


def half():
    return Bare().half()


def sides_of_32():
    return Around(lambda net, x: net(F.pixel_unshuffle(x, 32)[:, :3]))


def a_list():
    return Around(lambda net, x: [net(x), net(x) * 0])


def other_key():
    return Around(lambda net, x: {"logits": net(x)})


SOUND = (
    bare, one_layer, of_one_file, normalises, grey_levels, whitened, as_dictionary, log_probabilities, reshapes,
    small_positive_logits, checks_its_range, half, sides_of_32, a_list, other_key,
)  # fmt: skip


# with a slip


def softmax():
    return Around(lambda net, x: net(x).softmax(1))


def sigmoid():
    return Around(lambda net, x: net(x).sigmoid())


def normalises_twice():
    return with_attributes(normalises(), mean=MEAN, std=STD)


def normalises_twice_inside():
    return Around(lambda net, x: net(normalised(normalised(x))))


def divides():
    return Around(lambda net, x: net(x / 255))


def divides_and_normalises():
    return Around(lambda net, x: net(normalised(x / 255)))


def divides_what_is_normalised():
    return with_attributes(divides(), mean=MEAN, std=STD)


def multiplies_and_normalises():
    return Around(lambda net, x: net(normalised(x * 255)))


def divides_without_weights():
    return Around(lambda _, x: torch.cat([x.mean(1, keepdim=True) / 255, 0.3 - x.mean(1, keepdim=True) / 255], 1) * 50)


def always_dropout():
    return Around(lambda net, x: F.dropout(net(x), 0.1))


def faint_noise():
    return Around(lambda net, x: net(x) * (1 + 0.05 * torch.randn(())))


def faint_batch():
    return Around(lambda net, x: net(x) - 0.1 * net(x).mean(0, keepdim=True))


def batch_statistics():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))


class Stubborn(Bare):
    def train(self, *_: bool) -> "Stubborn":
        return super().train(True)


def stays_in_train_mode():
    return Stubborn()


def no_gradient():
    return Around(lambda net, x: net(x).detach())


def inference_mode():
    return Around(torch.inference_mode()(lambda net, x: net(x)))


def rounds():
    return Around(lambda net, x: net((x * 255).round() / 255))


def root_of_nothing():
    return Around(lambda net, x: net(x) + (x * 0).sqrt().mean())


def gradient_to_the_first_alone():
    return Around(lambda net, x: torch.cat([net(x[:1]), net(x[1:]).detach()]))


def one_size():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 96 * 128, 4 * 12), nn.Unflatten(1, (4, 3, 4)))


def single_pictures():
    return Around(lambda net, x: net(x.view(3, *x.shape[-2:])[None]))


def channels_last():
    return Around(lambda net, x: net(x).permute(0, 2, 3, 1))


def labels():
    return Around(lambda net, x: net(x).argmax(1))


def one_map():
    return Bare(1)


def empty_list():
    return Around(lambda net, x: [])


def other_keys():
    return Around(lambda net, x: {"first": net(x), "second": net(x)})


class OwnError(Exception):
    """One that only the user's code knows."""


def raises_nothing_known():
    def fail(*_: object) -> None:
        raise OwnError("OwnError: no such thing")

    return Around(fail)


def not_finite():
    return Around(lambda net, x: net(x) / 0)


def too_few_names():
    return with_attributes(Bare(), classes=["road", "car", "person"])


def grey_level_mean():
    return with_attributes(Bare(), mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4))


def mean_alone():
    return with_attributes(Bare(), mean=MEAN)


def bad_palette():
    return with_attributes(Bare(), palette=[(0, 0, 0)])


def bad_objects():
    return with_attributes(Bare(), classes=["a", "b", "c", "d"], objects=["e"])


def bad_classes():
    return with_attributes(Bare(), classes=4)


def no_module():
    return lambda x: x


def fails():
    raise KeyError("weights")


SLIPS = {
    softmax: "answers with probabilities: leave the softmax or sigmoid out",
    sigmoid: "answers with probabilities",
    normalises_twice: "normalizes its pictures although it has the attributes mean and std",
    normalises_twice_inside: "normalizes its pictures twice",
    divides: "expects pictures from 0 to 255 .its first layer gets values from .* to 0.0039",
    divides_and_normalises: "expects pictures from 0 to 255",
    divides_what_is_normalised: "expects pictures from 0 to 255",
    multiplies_and_normalises: "as if they ranged from 0 to 255",
    divides_without_weights: "to it they look black",
    always_dropout: "answers the same pictures differently each time",
    faint_noise: "answers the same pictures differently each time",
    faint_batch: "answers a picture differently in another batch",
    batch_statistics: "answers a picture differently in another batch",
    stays_in_train_mode: "stays in train mode",
    no_gradient: "has no gradient with respect to the picture",
    inference_mode: "has no gradient with respect to the picture",
    rounds: "has no gradient with respect to the picture",
    root_of_nothing: "has no gradient with respect to the picture, or one that is not finite",
    gradient_to_the_first_alone: "has no gradient with respect to the picture",
    one_size: "cannot take two pictures of 131 x 97",
    single_pictures: "cannot take two pictures of 128 x 96",
    channels_last: r"answers with 48 classes at one picture size and with 49 at another: .*\(n, k, h, w\)",
    labels: r"with torch.int64 of shape \(2, 48, 64\)",
    one_map: "with 2 to 255 classes",
    empty_list: "with None: it must return logits",
    other_keys: "with None: it must return logits",
    raises_nothing_known: r"cannot take two pictures of 128 x 96 \(no such thing\): choose another --size",
    not_finite: "values that are not finite",
    too_few_names: "answers with logits for 4 classes and names 3",
    grey_level_mean: "divide grey levels by 255",
    mean_alone: "only one of the attributes mean and std",
    bad_palette: "one for each of the 4 classes",
    bad_objects: "a list of some of its classes",
    bad_classes: "a list of two or more names",
    no_module: "returns function: it must return a torch.nn.Module",
    fails: "cannot be built .*own_networks.py, line [0-9]+: there is no 'weights'",
}
