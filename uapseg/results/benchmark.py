"""Which settings make the strongest perturbation for the same amount of work: variants that run side by side."""

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from statistics import mean
from typing import Any

from uapseg.attack.loop import fit
from uapseg.attack.perturbation import quantize
from uapseg.attack.settings import PASS_PICTURES
from uapseg.attack.state import Snapshot
from uapseg.datasets import Dataset
from uapseg.models import Segmenter
from uapseg.results.evaluation import evaluate
from uapseg.results.variants import variant_settings
from uapseg.targets import Target
from uapseg.targets.metrics import Collapse, Scores

SHARED = ("perturbed", "selection_score", "interval", "clean", "random_noise", "collapse")
"""What a result takes from the report on the test pictures."""


@dataclass(frozen=True)
class Benchmark:
    """What all variants of a race have in common.

    Attributes:
        model: The network, on the device to compute on.
        train: The pictures to learn from.
        held_out: The pictures that choose each variant's best iterate and draw its curve.
        test: The pictures that decide.
        target: What the network is to see.
        epsilon: The largest change of a value, in [0, 1].
        budget: Image-gradients for each variant.
    """

    model: Segmenter
    train: Dataset
    held_out: Dataset
    test: Dataset
    target: Target
    epsilon: float
    budget: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a variant did with one seed.

    Attributes:
        variant: Its name.
        seed: Its seed.
        budget: What it could spend.
        image_gradients: What it spent.
        seconds: How long it searched.
        perturbed: Its scores on the test pictures.
        selection_score: The mean of these that the leaderboard is ordered by, in [0, 1].
        interval: 95 % bootstrap intervals over the test pictures, as [low, high].
        clean: The scores of the clean test pictures.
        random_noise: Those with random noise of the same epsilon.
        training: The scores on some of the pictures it learnt from.
        collapse: The class that has swallowed others, if one has.
        curve: Each validation, as (image-gradients, first score).
    """

    variant: str
    seed: int
    budget: int
    image_gradients: int
    seconds: float
    perturbed: Scores
    selection_score: float
    interval: dict[str, list[float]]
    clean: Scores
    random_noise: Scores
    training: Scores
    collapse: Collapse | None
    curve: list[tuple[int, float | None]]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, ready for JSON."""
        return asdict(self)


def run_variant(benchmark: Benchmark, variant: str, seed: int) -> Generator[Snapshot, None, Result]:
    """Runs one variant with one seed, yields its snapshots, and returns how it did.

    A variant that looks at each training picture before its first step has at most `PASS_PICTURES` of them.

    Raises:
        UapsegError: There is no such variant, or it does not fit the benchmark.
    """
    every = max(1, benchmark.budget // 8)
    settings = variant_settings(
        variant, epsilon=benchmark.epsilon, budget=benchmark.budget, seed=seed, validate_every=every
    )
    if settings.full_batch or settings.balanced:
        settings = replace(settings, train_pictures=PASS_PICTURES)
    snapshot, curve = None, list[tuple[int, float | None]]()
    for snapshot in fit(benchmark.model, benchmark.train, benchmark.held_out, benchmark.target, settings):
        validation = snapshot.state.validation
        if not curve or curve[-1][0] != validation.image_gradients:
            curve.append((validation.image_gradients, next(iter(validation.scores.values()))))
        yield snapshot
    assert snapshot is not None  # noqa: S101  there is one before the first step
    state = snapshot.state
    delta = quantize(state.best, benchmark.epsilon)
    report = evaluate(benchmark.model, benchmark.test, benchmark.target, delta, epsilon=benchmark.epsilon, seed=seed)
    return Result(
        variant=variant,
        seed=seed,
        budget=benchmark.budget,
        image_gradients=state.image_gradients,
        seconds=round(state.seconds, 3),
        training=state.best_validation.training,
        curve=curve,
        **{name: getattr(report, name) for name in SHARED},
    )


def leaderboard(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The variants with means over their seeds, the best first.

    Args:
        results: What `Result.to_dict` gave for each variant and seed.

    Returns:
        For each variant its name as ``variant``, ``seeds``, ``perturbed`` and ``training`` (means over seeds),
        ``interval`` (the mean over seeds of each end), ``seed_range`` (the lowest and highest seed), ``collapse`` (of
        any seed), ``curve`` (means),
        ``image_gradients`` and ``seconds`` (means), and ``selection_score``, the number that they are ordered by.
    """
    ordered = sorted(results, key=lambda result: result["variant"])
    variants = [
        _leaderboard_row(variant, list(group))
        for variant, group in groupby(ordered, key=lambda result: result["variant"])
    ]
    return sorted(variants, key=lambda variant: variant["selection_score"], reverse=True)


def _leaderboard_row(variant: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    perturbed = {name: _mean([run["perturbed"][name] for run in runs]) for name in runs[0]["perturbed"]}
    known = [name for name, value in perturbed.items() if value is not None]
    return {
        "variant": variant,
        "seeds": [run["seed"] for run in runs],
        "perturbed": perturbed,
        "interval": {name: [_mean([run["interval"][name][end] for run in runs]) for end in (0, 1)] for name in known},
        "seed_range": {name: [pick(run["perturbed"][name] for run in runs) for pick in (min, max)] for name in known},
        "training": {name: _mean([run["training"][name] for run in runs]) for name in perturbed},
        "collapse": next((run["collapse"] for run in runs if run["collapse"]), None),
        "curve": [
            [spent, _mean([run["curve"][place][1] for run in runs])] for place, spent in enumerate(_validations(runs))
        ],
        "image_gradients": round(mean(run["image_gradients"] for run in runs)),
        "seconds": round(mean(run["seconds"] for run in runs), 3),
        "selection_score": mean(run["selection_score"] for run in runs),
    }


def _validations(runs: list[dict[str, Any]]) -> list[int]:
    """The image-gradients of the validations that all seeds have reached."""
    curves: list[list[tuple[int, float | None]]] = [run["curve"] for run in runs]
    return [spent for spent, _ in min(curves, key=len)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None
