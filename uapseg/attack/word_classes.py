"""Chooses two classes in which a word is easily drawn: pairs are tried briefly, and the worse half dropped.

Trials take a quarter of the pixels of a picture, and together no more work than `FULL_GRADIENTS` image-gradients of
whole pictures.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from math import ceil, log2
from typing import TypeVar

import torch

from uapseg.attack.data.sampling import picture_order
from uapseg.attack.distributed import SINGLE_PROCESS
from uapseg.attack.loop import Search
from uapseg.attack.settings import Settings, fast
from uapseg.attack.state import State
from uapseg.attack.validation import Validation
from uapseg.datasets import Dataset
from uapseg.datasets.batches import load_images
from uapseg.models import Segmenter
from uapseg.targets import Target
from uapseg.targets.drawing import text_target
from uapseg.tensors import to_integers

T = TypeVar("T")

Pair = tuple[str, str]
"""The class of the letters, and that of the rest."""

FULL_GRADIENTS = 60
"""What all trials may cost together, in image-gradients of whole pictures."""

CLASSES = 4
"""The number of classes to try: those that cover most of the pictures, as more of them is easily predicted."""

PICTURES = 8
"""The number of pictures that decide about these classes."""

BATCH = 2
"""The batch size: small batches give more steps for the same work."""

MIN_SIDE = 64
"""Pictures are not halved below this many pixels: a few cells of the network's output would show no letters."""


def successive_halving(candidates: Mapping[T, Iterator[float]], steps: int) -> T:
    """Advances candidates, drops the worse half of them, and so on until one is left.

    Args:
        candidates: The score of each after each further step, higher being better; on equal scores the first stays.
        steps: How many steps all candidates may take together; each round takes the same share of them.

    Example:
        >>> from itertools import count, repeat
        >>> successive_halving({"early": repeat(3), "late": count(), "never": repeat(0)}, steps=40)
        'late'
    """
    remaining_names = list(candidates)
    rounds = ceil(log2(len(remaining_names))) if len(remaining_names) > 1 else 0
    for _ in range(rounds):
        steps_per_candidate = max(1, steps // rounds // len(remaining_names))
        scores = {name: list(islice(candidates[name], steps_per_candidate))[-1] for name in remaining_names}
        remaining_names = sorted(remaining_names, key=lambda name: -scores[name])[: ceil(len(remaining_names) / 2)]
    return remaining_names[0]


def candidate_pairs(frequent: Sequence[str], default: Pair, inside: str | None, rest: str | None) -> list[Pair]:
    """Returns the pairs to try: the default one first, then those of frequent classes; each has the given classes.

    Args:
        frequent: The classes that cover most of the pictures.
        default: The network's default pair.
        inside: The class of the letters, if it is given.
        rest: The class of the rest, if it is given.

    Returns:
        One or more pairs; of one class twice only if there is no other.

    Example:
        >>> candidate_pairs(["Road", "Sky"], ("Tree", "Sky"), None, None)
        [('Tree', 'Sky'), ('Road', 'Sky'), ('Sky', 'Road')]
        >>> candidate_pairs(["Road", "Sky"], ("Tree", "Sky"), "Car", None)
        [('Car', 'Sky'), ('Car', 'Road')]
    """
    named_pair = (inside or default[0], rest or default[1])
    pairs = product([inside] if inside else frequent, [rest] if rest else frequent)
    return list(dict.fromkeys(pair for pair in (named_pair, *pairs) if pair[0] != pair[1])) or [named_pair]


def trial_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) of pictures in trials: half of each side, unless too few pixels are left.

    Example:
        >>> trial_size((384, 256)), trial_size((192, 96))
        ((192, 128), (192, 96))
    """
    half_size = (size[0] // 2, size[1] // 2)
    return half_size if min(half_size) >= MIN_SIDE else size


def choose_pair(
    model: Segmenter,
    train: Dataset,
    text: str,
    *,
    epsilon: float,
    work: float = FULL_GRADIENTS,
    seed: int = 0,
    inside: str | None = None,
    rest: str | None = None,
) -> tuple[Pair, int]:
    """Chooses the classes of a word.

    Args:
        model: The network, on the device to compute on.
        train: The training pictures, at the size for trials.
        text: The word.
        epsilon: The largest change of a value, in [0, 1].
        work: What the trials may cost together, in image-gradients of pictures of that size.
        seed: Draws the order of the pictures.
        inside: The class of the letters, if it is given.
        rest: The class of the rest, if it is given.

    Returns:
        The pair, and the number of pairs tried.

    Example:
        >>> from uapseg.datasets import load_dataset
        >>> from uapseg.models import load_model
        >>> model, train = load_model("street:small", "cpu"), load_dataset("street?scenes=4", "train", (96, 64))
        >>> choose_pair(model, train, "a", epsilon=10 / 255, work=8, inside="Tree", rest="Building")
        (('Tree', 'Building'), 1)
    """
    pairs = candidate_pairs(frequent_classes(model, train, seed), model.default_pair, inside, rest)
    settings = fast(epsilon=epsilon, budget=10**6, seed=seed, batch=BATCH, decay=False)
    trials = {
        (region_class, rest_class): _trial(
            model, train, text_target(text, region_class, rest_class, train.size), settings
        )
        for region_class, rest_class in pairs
    }
    return successive_halving(trials, int((work - PICTURES / 3) / BATCH)), len(pairs)


def frequent_classes(model: Segmenter, train: Dataset, seed: int) -> list[str]:
    """The classes that cover most of the pictures a run meets first, in the network's predictions.

    Args:
        model: The network, on the device to compute on.
        train: The training pictures.
        seed: Draws the order of the pictures.

    Example:
        >>> from uapseg.datasets import load_dataset
        >>> from uapseg.models import load_model
        >>> train = load_dataset("street?scenes=2", "train", (96, 64))
        >>> 1 <= len(frequent_classes(load_model("street:small", "cpu"), train, 0)) <= CLASSES
        True
    """
    indices = picture_order(len(train), 0, seed)[:PICTURES]
    predictions = model.predict(load_images(train, indices, next(model.buffers()).device)).flatten().long()
    counts = to_integers(predictions.bincount(minlength=len(model.classes)))
    ordered_indices = sorted(range(len(counts)), key=lambda index: -counts[index])
    return [model.classes[index] for index in ordered_indices[:CLASSES] if counts[index]]


def _trial(model: Segmenter, train: Dataset, target: Target, settings: Settings) -> Iterator[float]:
    """The negative loss of each batch before the step that it leads to: each batch is of new pictures."""
    empty_validation = Validation(0, {}, (), torch.zeros(0, 1, 1, dtype=torch.uint8), {})
    search = Search((model,), train, range(len(train)), target, settings, workers=SINGLE_PROCESS)
    state = State.initial(train.size, empty_validation).to(search.device)
    while True:
        state, loss, _ = search.advance(state)
        yield -loss.item()
