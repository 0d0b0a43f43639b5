"""A benchmark of settings: variants that train with the same budget, and their leaderboard."""

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from statistics import mean
from typing import Any, TypedDict

from uapseg.attack.loop import fit
from uapseg.attack.settings import PASS_PICTURES
from uapseg.attack.state import Snapshot
from uapseg.datasets import Dataset
from uapseg.models import Segmenter
from uapseg.results.evaluation import evaluate
from uapseg.results.variants import variant_settings
from uapseg.targets import Target
from uapseg.targets.metrics import Collapse, Scores


@dataclass(frozen=True)
class Benchmark:
    """What all variants have in common.

    Attributes:
        model: The network, on the device to compute on.
        train: The training pictures.
        held_out: The validation pictures, which select the best iterate of each variant.
        test: The test pictures.
        target: The target.
        epsilon: The bound of the perturbation, in [0, 1].
        budget: Image-gradients for each variant.

    Example:
        >>> from uapseg.datasets import load_dataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import HideClasses
        >>> train, val, test = (load_dataset("street", split) for split in ("train", "val", "test"))
        >>> target = HideClasses(classes=("Pedestrian",))
        >>> benchmark = Benchmark(load_model("street:small"), train, val, test, target, epsilon=10 / 255, budget=400)
        >>> benchmark.budget
        400
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
    """The result of a variant with one seed.

    Attributes:
        variant: The name of the variant.
        seed: The random seed.
        budget: The image-gradients available.
        image_gradients: The image-gradients spent.
        seconds: The time spent.
        perturbed: The scores on the test pictures.
        selection_score: The mean of scores that orders the leaderboard, in [0, 1].
        interval: 95 % bootstrap intervals over the test pictures, as [low, high].
        clean: The scores of the clean test pictures.
        random_noise: The scores with random noise of the same epsilon.
        training: The scores on some training pictures.
        collapse: The class that replaces others, if any.
        curve: Each validation, as (image-gradients, first score).
        lost_objects: The share of other objects' pixels lost beyond what random noise loses; None for a target without
            such objects. Its interval is among those of the scores.

    Example:
        >>> result = Result(variant="fast", seed=0, budget=8, image_gradients=8, seconds=1.0,
        ...                 perturbed={"hidden": 0.5}, selection_score=0.5, interval={"hidden": [0.4, 0.6]},
        ...                 clean={}, random_noise={}, training={"hidden": 0.6}, collapse=None, curve=[(8, 0.5)])
        >>> leaderboard([result.to_dict()])[0]["variant"]
        'fast'
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
    lost_objects: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values, ready for JSON."""
        return asdict(self)


def run_variant(benchmark: Benchmark, variant: str, seed: int) -> Generator[Snapshot, None, Result]:
    """Trains one variant with one seed and evaluates it on the test pictures.

    Args:
        benchmark: What all variants have in common.
        variant: The name, such as ``fast+margin``.
        seed: The random seed.

    Yields:
        The snapshots of the search.

    Returns:
        The result.

    A variant that looks at each training picture before its first step has at most `PASS_PICTURES` of them.

    Raises:
        UapsegError: There is no such variant, or it does not fit the benchmark.
    """
    interval = max(1, benchmark.budget // 8)
    settings = variant_settings(
        variant, epsilon=benchmark.epsilon, budget=benchmark.budget, seed=seed, validate_every=interval
    )
    if settings.full_batch or settings.balanced:
        settings = replace(settings, train_pictures=min(settings.train_pictures or PASS_PICTURES, PASS_PICTURES))
    snapshot, curve = None, list[tuple[int, float | None]]()
    for snapshot in fit(benchmark.model, benchmark.train, benchmark.held_out, benchmark.target, settings):
        validation = snapshot.state.validation
        if not curve or curve[-1][0] != validation.image_gradients:
            curve.append((validation.image_gradients, next(iter(validation.scores.values()))))
        yield snapshot
    assert snapshot is not None  # noqa: S101  there is one before the first step
    state = snapshot.state
    report = evaluate(benchmark.model, benchmark.test, benchmark.target, state.best, ball=settings.ball, seed=seed)
    return Result(
        variant=variant,
        seed=seed,
        budget=benchmark.budget,
        image_gradients=state.image_gradients,
        seconds=round(state.seconds, 3),
        perturbed=report.perturbed,
        selection_score=report.selection_score,
        interval=report.interval,
        clean=report.clean,
        random_noise=report.random_noise,
        training=state.best_validation.training,
        collapse=report.collapse,
        curve=curve,
        lost_objects=report.lost_objects,
    )


class LeaderboardRow(TypedDict):
    """The results of a variant over all seeds.

    Attributes:
        variant: The name of the variant.
        seeds: The random seeds.
        perturbed: The mean scores on the test pictures.
        interval: The mean 95 % bootstrap intervals over the test pictures, as [low, high].
        seed_range: The lowest and the highest score of a seed.
        training: The mean scores on some training pictures.
        collapse: The class that replaces others with any of the seeds, as the fields of `Collapse`.
        curve: The mean first score at each validation, as [image-gradients, score].
        image_gradients: The mean image-gradients spent.
        seconds: The mean time spent.
        selection_score: The mean selection score, which orders the leaderboard.
        lost_objects: The mean share of other objects' pixels lost beyond what random noise loses; None if no result
            has it. Its interval is among those of the scores.
    """

    variant: str
    seeds: list[int]
    perturbed: Scores
    interval: dict[str, list[float]]
    seed_range: dict[str, list[float]]
    training: Scores
    collapse: dict[str, Any] | None
    curve: list[tuple[int, float | None]]
    image_gradients: int
    seconds: float
    selection_score: float
    lost_objects: float | None


def leaderboard(results: Sequence[dict[str, Any]]) -> list[LeaderboardRow]:
    """Averages the results of each variant over its seeds, and orders the variants, best first.

    Args:
        results: The results of `Result.to_dict` for each variant and seed, also after serialization as JSON.

    Example:
        >>> run = {"seed": 0, "perturbed": {"hidden": 0.5}, "interval": {"hidden": [0.4, 0.6]},
        ...        "training": {"hidden": 0.6}, "collapse": None, "curve": [(8, 0.5)],
        ...        "image_gradients": 8, "seconds": 1.0}
        >>> scores = {"paper": 0.5, "fast": 0.7}
        >>> runs = [run | {"variant": name, "selection_score": score} for name, score in scores.items()]
        >>> [row["variant"] for row in leaderboard(runs)]
        ['fast', 'paper']
    """
    ordered_results = sorted(results, key=lambda result: result["variant"])
    variants = [
        _leaderboard_row(variant, list(group))
        for variant, group in groupby(ordered_results, key=lambda result: result["variant"])
    ]
    return sorted(variants, key=lambda variant: variant["selection_score"], reverse=True)


def _leaderboard_row(variant: str, runs: list[dict[str, Any]]) -> LeaderboardRow:
    perturbed = {name: _mean([run["perturbed"][name] for run in runs]) for name in runs[0]["perturbed"]}
    known_names = [name for name, value in perturbed.items() if value is not None]
    lost_objects = _mean([run.get("lost_objects") for run in runs])
    with_interval = known_names if lost_objects is None else [*known_names, "lost_objects"]
    return {
        "variant": variant,
        "seeds": [run["seed"] for run in runs],
        "perturbed": perturbed,
        "interval": {
            name: [mean(run["interval"][name][end] for run in runs if name in run["interval"]) for end in (0, 1)]
            for name in with_interval
        },
        "seed_range": {
            name: [pick(run["perturbed"][name] for run in runs) for pick in (min, max)] for name in known_names
        },
        "training": {name: _mean([run["training"][name] for run in runs]) for name in perturbed},
        "collapse": next((run["collapse"] for run in runs if run["collapse"]), None),
        "curve": [
            (image_gradients, _mean([run["curve"][place][1] for run in runs]))
            for place, image_gradients in enumerate(_validations(runs))
        ],
        "image_gradients": round(mean(run["image_gradients"] for run in runs)),
        "seconds": round(mean(run["seconds"] for run in runs), 3),
        "selection_score": mean(run["selection_score"] for run in runs),
        "lost_objects": lost_objects,
    }


def _validations(runs: list[dict[str, Any]]) -> list[int]:
    """The image-gradients of the validations that all seeds have reached."""
    curves: list[list[tuple[int, float | None]]] = [run["curve"] for run in runs]
    return [image_gradients for image_gradients, _ in min(curves, key=len)]


def _mean(values: Sequence[float | None]) -> float | None:
    known_values = [value for value in values if value is not None]
    return mean(known_values) if known_values else None
