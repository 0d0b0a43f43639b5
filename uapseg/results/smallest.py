"""The smallest epsilon that reaches a success rate, by bisection; each search continues the previous one."""

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, replace
from typing import Any

from uapseg.attack.loop import fit
from uapseg.attack.run_cache import RunCache
from uapseg.attack.settings import Settings, fast
from uapseg.attack.state import Snapshot, State
from uapseg.errors import UapsegError
from uapseg.results.benchmark import Benchmark
from uapseg.results.evaluation import evaluate, format_percent
from uapseg.targets.metrics import Scores


@dataclass(frozen=True, kw_only=True)
class Point:
    """The result at one epsilon.

    Attributes:
        epsilon: The bound of the perturbation, in grey levels of 255.
        reached: Whether the success rate on the validation pictures is high enough.
        validation: The scores on the validation pictures.
        perturbed: The scores on the test pictures.
        interval: 95 % bootstrap intervals of the test scores, as [low, high].
        clean: The scores of the clean test pictures.
        random_noise: The test scores with random noise of the same epsilon.
        image_gradients: The image-gradients that this search and those before it have spent.

    Example:
        >>> point = Point(epsilon=8, reached=True, validation={"hidden": 0.9}, perturbed={"hidden": 0.8},
        ...               interval={}, clean={"hidden": 0.0}, random_noise={"hidden": 0.1}, image_gradients=400)
        >>> point.to_dict()["epsilon"]
        8
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
        """Converts to plain values, ready for JSON."""
        return asdict(self)


class EpsilonSearch:
    """Trains at one epsilon after another; each search starts from the previous perturbation, rescaled.

    Args:
        benchmark: The network, the pictures, the target, and the budget of each search.
        share: The success rate to reach, in [0, 1].
        seed: The random seed of each search.

    Attributes:
        points: The result at each epsilon, in the order of the searches.
        states: The final state at each epsilon.
    """

    def __init__(self, benchmark: Benchmark, share: float, seed: int) -> None:
        self._benchmark, self._share, self._seed = benchmark, share, seed
        self._cache = RunCache()
        self.points: list[Point] = []
        self.states: dict[int, State] = {}

    def settings(self, epsilon: int) -> Settings:
        """Returns the settings of the search at an epsilon in grey levels."""
        budget = self._benchmark.budget
        return fast(epsilon=epsilon / 255, budget=budget, seed=self._seed, validate_every=max(1, budget // 4))

    def run(self, epsilon: int) -> Generator[Snapshot]:
        """Trains at an epsilon in grey levels, and appends the result to ``points``.

        Yields:
            The snapshots of the search.

        Raises:
            UapsegError: The clean pictures already reach the success rate, or network, pictures and target do not fit.
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
        """The last perturbation, rescaled to the new epsilon, with nothing spent; None for the first search."""
        if not self.points:
            return None
        last_epsilon = self.points[-1].epsilon
        state = self.states[last_epsilon]
        scaled_state = state.restart(state.best * (settings.epsilon * 255 / last_epsilon))
        return replace(
            scaled_state.with_settings(settings, same_target=False), image_gradients=0, seconds=0.0, improved_at=0
        )

    def _check_clean(self, snapshot: Snapshot) -> None:
        clean = next(iter(snapshot.baselines["clean"].values())) or 0.0
        if clean >= self._share:
            raise UapsegError(f"The clean pictures reach {format_percent(clean)} % already: ask for a larger --share.")

    def _point(self, epsilon: int, settings: Settings, state: State) -> Point:
        benchmark = self._benchmark
        report = evaluate(
            benchmark.model, benchmark.test, benchmark.target, state.best, ball=settings.ball, seed=self._seed
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


def bisect(highest: int, is_reached: Callable[[int], bool]) -> int | None:
    """Finds the smallest integer at which a monotone condition holds; None if it does not hold at ``highest``.

    Args:
        highest: The largest number, which is tried first.
        is_reached: The condition; if it holds at a number, it holds at all larger ones.

    Example:
        >>> tried = []
        >>> bisect(16, lambda number: tried.append(number) or number >= 5), tried
        (5, [16, 8, 4, 6, 5])
    """
    if not is_reached(highest):
        return None
    too_low, lowest = 0, highest
    while lowest - too_low > 1:
        middle = (too_low + lowest) // 2
        too_low, lowest = (too_low, middle) if is_reached(middle) else (middle, lowest)
    return lowest
