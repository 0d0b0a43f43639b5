"""The least epsilon at which a share of success is reached: bisection, each search starting from the one before."""

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, replace
from typing import Any

from uapseg.attack.loop import fit
from uapseg.attack.perturbation import quantize
from uapseg.attack.run_cache import RunCache
from uapseg.attack.settings import Settings, fast
from uapseg.attack.state import Snapshot, State
from uapseg.errors import UapsegError
from uapseg.results.benchmark import Benchmark
from uapseg.results.evaluation import evaluate, format_percent
from uapseg.targets.metrics import Scores


@dataclass(frozen=True, kw_only=True)
class Point:
    """What was reached at one epsilon.

    Attributes:
        epsilon: The largest change of a value, in grey levels of 255.
        reached: Whether the success on the validation pictures is at least the share asked for.
        validation: The scores on the validation pictures, which decide.
        perturbed: The scores on the test pictures.
        interval: 95 % bootstrap intervals of these, as [low, high].
        clean: The scores of the clean test pictures.
        random_noise: Those with random noise of the same epsilon.
        image_gradients: What this search and those before it have spent.
    """

    epsilon: int
    reached: bool
    validation: Scores
    perturbed: Scores
    interval: dict[str, list[float]]
    clean: Scores
    random_noise: Scores
    image_gradients: int

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, ready for JSON."""
        return asdict(self)


class EpsilonSearch:
    """Trains at one epsilon after the other; each search starts from the perturbation of the one before, scaled.

    Args:
        benchmark: The network, the pictures, the target, and the budget of each search.
        share: The success to reach, in [0, 1].
        seed: The seed of each search.

    Attributes:
        points: What was reached at each epsilon, in the order of the searches.
        states: Where the search at each epsilon ended.
    """

    def __init__(self, benchmark: Benchmark, share: float, seed: int) -> None:
        self._benchmark, self._share, self._seed = benchmark, share, seed
        self._cache = RunCache()
        self.points: list[Point] = []
        self.states: dict[int, State] = {}

    def settings(self, epsilon: int) -> Settings:
        """The settings of the search at an epsilon in grey levels."""
        budget = self._benchmark.budget
        return fast(epsilon=epsilon / 255, budget=budget, seed=self._seed, validate_every=max(1, budget // 4))

    def run(self, epsilon: int) -> Generator[Snapshot]:
        """Trains at an epsilon in grey levels, yields the snapshots, and adds a point.

        Raises:
            UapsegError: The clean pictures have as much success already, or the parts do not fit together.
        """
        benchmark, settings, snapshot = self._benchmark, self.settings(epsilon), None
        snapshots = fit(
            benchmark.model, benchmark.train, benchmark.held_out, benchmark.target, settings,
            state=self._start(settings), cache=self._cache,
        )  # fmt: skip
        for snapshot in snapshots:
            self._check_clean(snapshot)
            yield snapshot
        assert snapshot is not None  # noqa: S101  there is one before the first step
        state = snapshot.state
        self.states[epsilon] = state
        self.points.append(self._point(epsilon, settings, state))

    def _start(self, settings: Settings) -> State | None:
        """The perturbation of the last search at the new epsilon, with nothing spent; None for the first search."""
        if not self.points:
            return None
        before = self.points[-1].epsilon
        state = self.states[before]
        scaled = state.restarted(state.best * (settings.epsilon * 255 / before))
        return replace(
            scaled.with_settings(settings, same_target=False), image_gradients=0, seconds=0.0, improved_at=0
        )

    def _check_clean(self, snapshot: Snapshot) -> None:
        clean = next(iter(snapshot.baselines["clean"].values())) or 0.0
        if clean >= self._share:
            raise UapsegError(f"The clean pictures reach {format_percent(clean)} % already: ask for a larger --share.")

    def _point(self, epsilon: int, settings: Settings, state: State) -> Point:
        benchmark = self._benchmark
        delta = quantize(state.best, settings.epsilon)
        report = evaluate(
            benchmark.model, benchmark.test, benchmark.target, delta, epsilon=settings.epsilon, seed=self._seed
        )
        validation = state.best_validation.scores
        return Point(
            epsilon=epsilon,
            reached=(next(iter(validation.values())) or 0.0) >= self._share,
            validation=validation,
            perturbed=report.perturbed,
            interval=report.interval,
            clean=report.clean,
            random_noise=report.random_noise,
            image_gradients=state.image_gradients + (self.points[-1].image_gradients if self.points else 0),
        )


def bisect(most: int, reached: Callable[[int], bool]) -> int | None:
    """The least whole number up to ``most`` at which something is reached; None if it is not even there.

    Args:
        most: The largest number to try, which is tried first.
        reached: Whether it is reached at a number; what is reached at one number is taken to be at any larger one.

    Example:
        >>> tried = []
        >>> bisect(16, lambda number: tried.append(number) or number >= 5), tried
        (5, [16, 8, 4, 6, 5])
    """
    if not reached(most):
        return None
    below, least = 0, most
    while least - below > 1:
        middle = (below + least) // 2
        below, least = (below, middle) if reached(middle) else (middle, least)
    return least
