"""The command smallest: the smallest epsilon that reaches a success rate, and the success rate by epsilon."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

from uapseg.attack.run import Plan
from uapseg.cli.flags import Options
from uapseg.cli.interruption import Stop, signals
from uapseg.cli.output import columns, print_progress, print_result, with_progress
from uapseg.cli.race import load_benchmark
from uapseg.cli.train import new_folder
from uapseg.errors import UapsegError
from uapseg.io.files import create_folder, to_json, write
from uapseg.results.benchmark import Benchmark
from uapseg.results.charts import draw_success_curve
from uapseg.results.evaluation import format_percent
from uapseg.results.perturbation_file import best_perturbation, save_png
from uapseg.results.run_folder import PNG, check_vacant
from uapseg.results.smallest import EpsilonSearch, Point, bisect

JSON = "smallest.json"
CHART = "smallest.png"


class SmallestReport(TypedDict):
    """The success rate by epsilon, as printed and saved.

    Attributes:
        least: The least epsilon that reaches the share, in grey levels of 255; None if none does.
        share: The success rate to reach, in [0, 1].
        score: The name of the success rate among the scores.
        target: The title of the target.
        model: The network.
        data: The dataset.
        budget: The image-gradients of each search.
        seed: The random seed.
        points: The fields of `Point` at each epsilon, in ascending order.
        chart: The file of the chart.
        perturbation: The file of the perturbation with the least epsilon, if there is one.
    """

    least: int | None
    share: float
    score: str
    target: str
    model: str
    data: str
    budget: int
    seed: int
    points: list[dict[str, Any]]
    chart: str
    perturbation: str | None


def smallest(options: Options) -> None:
    """Trains at several epsilons; after each, the folder holds the curve so far and the smallest perturbation."""
    if not 0 < options.share <= 1:
        raise UapsegError(f"The share must be above 0 and at most 1, such as 0.8, not {options.share:g}.")
    max_epsilon = int(options.epsilon)
    benchmark = load_benchmark(options)
    folder = options.out or new_folder(f"smallest {benchmark.target.title}")
    check_vacant(folder, overwrite=False)
    create_folder(folder)
    search = EpsilonSearch(benchmark, options.share, options.seed)

    def reaches_share(epsilon: int) -> bool:
        print_progress(f"epsilon {epsilon}")
        deque(with_progress(search.run(epsilon), benchmark.target, benchmark.budget, 0), maxlen=0)
        with signals.delay():
            _save(options, benchmark, folder, search, _least(search.points))
        return search.points[-1].reached

    try:
        least = bisect(max_epsilon, reaches_share)
    except KeyboardInterrupt as stop:
        outcome = f"{folder} keeps the searches that have ended" if search.points else "no search has ended"
        raise Stop(signals.number, f"Stopped; {outcome}.") from stop
    fields = _fields(options, benchmark, folder, search.points, least)
    print_result(fields, _text(fields, search.points), as_json=options.json)


def _least(points: Sequence[Point]) -> int | None:
    return min((point.epsilon for point in points if point.reached), default=None)


def _save(
    options: Options, benchmark: Benchmark, folder: Path, search: EpsilonSearch, least: int | None
) -> None:  # fmt: skip
    """Writes the curve as JSON and as a chart, and the perturbation of the least epsilon so far."""
    fields = _fields(options, benchmark, folder, search.points, least)
    write(folder / JSON, to_json(fields).encode())
    title = f"{benchmark.target.title} · {options.data} · network {options.model}"
    write(folder / CHART, draw_success_curve(search.points, options.share, title))
    if least is not None and search.points[-1].epsilon == least:
        plan = Plan(
            model=options.model, data=options.data, target=benchmark.target, settings=search.settings(least),
            weights=options.weights, eval_data=options.eval_data, size=options.size,
        )  # fmt: skip
        perturbation = best_perturbation(plan, search.states[least])
        save_png(
            folder / PNG, replace(perturbation, image_gradients=search.points[-1].image_gradients, best_iterate=None)
        )


def _fields(
    options: Options, benchmark: Benchmark, folder: Path, points: Sequence[Point], least: int | None
) -> SmallestReport:
    return {
        "least": least,
        "share": options.share,
        "score": next(iter(points[0].perturbed)),
        "target": benchmark.target.title,
        "model": options.model,
        "data": options.data,
        "budget": options.budget,
        "seed": options.seed,
        "points": [point.to_dict() for point in sorted(points, key=lambda point: point.epsilon)],
        "chart": str(folder / CHART),
        "perturbation": None if least is None else str(folder / PNG),
    }


def _text(fields: SmallestReport, points: Sequence[Point]) -> str:
    """The curve as a table, and the result as a sentence."""
    name = fields["score"]
    rows: list[tuple[str, ...]] = [("epsilon", "validation", "test", "95 % interval", "random noise")]
    for point in sorted(points, key=lambda point: point.epsilon):
        interval = " to ".join(map(format_percent, point.interval.get(name, [None])))
        shares = (point.validation[name], point.perturbed[name])
        noise = format_percent(point.random_noise[name])
        rows.append((f"{point.epsilon}", *map(format_percent, shares), interval, noise))
    share = f"{format_percent(fields['share'])} % of {name.replace('_', ' ')}"
    if fields["least"] is None:
        result = f"{share} is not reached at epsilon {points[0].epsilon}: raise --epsilon or --budget"
    else:
        result = (
            f"{share} is reached from epsilon {fields['least']}; {fields['perturbation']} contains the perturbation"
        )
    return f"{columns(rows)}\n{result}, and {fields['chart']} shows the curve."
