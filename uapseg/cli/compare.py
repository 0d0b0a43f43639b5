"""The command compare: two perturbations on the same pictures, used to train neither of them."""

from collections.abc import Sequence
from pathlib import Path

from uapseg.attack.run import Plan, load_run_data
from uapseg.cli.evaluate import open_evaluation
from uapseg.cli.flags import Options
from uapseg.cli.loading import load_perturbation
from uapseg.cli.output import columns, print_progress, print_result
from uapseg.cli.targets import names_target
from uapseg.datasets import Dataset, overlap
from uapseg.errors import UapsegError
from uapseg.results.comparison import Comparison
from uapseg.results.comparison import compare as measure
from uapseg.results.evaluation import format_percent

SIGNIFICANT = "*"
"""Marks a difference whose interval does not contain 0."""


def compare(options: Options) -> None:
    """Compares two perturbations; what the flags leave open comes from the plan of the first."""
    files = [options.first, options.second]
    perturbations = [load_perturbation(file) for file in files]
    plans = [perturbation.plan for perturbation in perturbations]
    _check_alike(options, plans)
    first_options = Options(**vars(options), perturbation=options.first, split=None)
    model, dataset, target = open_evaluation(first_options, perturbations[0])
    for file, plan in zip(files, plans, strict=True):
        _check_untrained(file, plan, dataset)
    deltas = [perturbation.delta for perturbation in perturbations]
    comparison = measure(model, dataset, target, *deltas, seed=options.seed)
    epsilons = [round(perturbation.epsilon * 255, 3) for perturbation in perturbations]
    fields = {"perturbations": list(map(str, files)), "epsilon": epsilons, **comparison.to_dict()}
    print_result(fields, _text(comparison), as_json=options.json)


def _check_alike(options: Options, plans: Sequence[Plan | None]) -> None:
    """Checks that two plans have the same target and network, unless the flags name them."""
    first, second = plans
    if first is None or second is None:
        return
    if first.target != second.target and not names_target(options):
        raise UapsegError(
            f"One perturbation was trained for {first.target.title!r} and the other one for {second.target.title!r}: "
            "name the target to measure both by, as in --hide CLASS."
        )
    if first.model != second.model and not options.model:
        raise UapsegError(
            f"One perturbation was trained against {first.model} and the other one against {second.model}: name the "
            "network to measure both on with --model."
        )


def _check_untrained(file: Path, plan: Plan | None, dataset: Dataset) -> None:
    """Checks that a perturbation was neither trained on nor selected by any of the pictures.

    Raises:
        UapsegError: It was.
    """
    if plan is None:
        return
    try:
        run_data = load_run_data(plan)
    except UapsegError:
        print_progress(f"The pictures that {file} was trained on are not here: it may know some of those measured.")
        return
    shared = {key for part in run_data for key in overlap(part, dataset)}
    if shared:
        raise UapsegError(
            f"{file} was trained on or chosen by {len(shared)} of these pictures: name others with --data or "
            "--eval-data."
        )


def _text(comparison: Comparison) -> str:
    """The scores in per cent and their differences, as a table and two sentences."""
    rows: list[tuple[str, ...]] = [("", "first", "second", "second - first", "95 % interval")]
    for name, first in comparison.first.items():
        shares = (format_percent(first), format_percent(comparison.second[name]))
        rows.append((name.replace("_", " "), *shares, *_cells(comparison, name)))
    kind = f"all {comparison.pictures}" if comparison.split == "all" else f"{comparison.pictures} {comparison.split}"
    return (
        f"{columns(rows)}\n{kind} pictures of {comparison.data}, network {comparison.model}; {SIGNIFICANT} marks "
        "differences whose interval does not contain 0"
    )


def _cells(comparison: Comparison, name: str) -> tuple[str, str]:
    if not comparison.interval.get(name):
        return "-", "-"
    low, high = comparison.interval[name]
    mark = f" {SIGNIFICANT}" if low > 0 or high < 0 else ""
    return f"{100 * comparison.difference[name]:+.1f}{mark}", f"{100 * low:+.1f} to {100 * high:+.1f}"
