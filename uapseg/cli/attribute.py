"""The command attribute: which tiles of a perturbation matter."""

from pathlib import Path

from uapseg.attack.run import Plan
from uapseg.cli.evaluate import open_evaluation
from uapseg.cli.flags import Options
from uapseg.cli.loading import load_perturbation
from uapseg.cli.output import columns, print_result
from uapseg.errors import UapsegError
from uapseg.io.files import write
from uapseg.results.attribution import Attribution
from uapseg.results.attribution import attribute as measure
from uapseg.results.charts import draw_attribution
from uapseg.results.evaluation import format_percent


def attribute(options: Options) -> None:
    """Measures a perturbation without each of its tiles; what the flags leave open comes from its plan."""
    chart: Path | None = options.chart
    if chart:
        _check_chart(chart)
    perturbation = load_perturbation(options.perturbation)
    model, dataset, target = open_evaluation(options, perturbation)
    grid = (options.rows, options.columns)
    attribution = measure(model, dataset, target, perturbation.delta, grid=grid, seed=options.seed)
    if chart:
        write(
            chart,
            draw_attribution(attribution, perturbation.delta, _title(target.title, attribution, perturbation.plan)),
        )
    fields = {"perturbation": str(options.perturbation), **attribution.to_dict(), "chart": chart and str(chart)}
    print_result(fields, _text(attribution), as_json=options.json)


def _check_chart(file: Path) -> None:
    """Checks that the chart can be written, before anything is measured."""
    if file.suffix.lower() != ".png":
        raise UapsegError(f"The chart is a PNG: give {file} with --chart a name that ends in .png.")
    if not file.parent.is_dir():
        raise UapsegError(f"There is no folder {file.parent} for the chart: create it, or name another with --chart.")


def _title(target: str, attribution: Attribution, plan: Plan | None) -> str:
    epsilon = f", epsilon {plan.settings.epsilon * 255:g}" if plan else ""
    return f"{target}{epsilon} · {attribution.data} · network {attribution.model}"


def _text(attribution: Attribution) -> str:
    """The loss without each tile in per cent of the same pixels, as a table and two sentences."""
    rows = [tuple(f"{100 * share:+.1f}" for share in row) for row in attribution.lost]
    row, column = attribution.most_important
    low, high = (100 * bound for bound in attribution.interval[row][column])
    return (
        f"{columns(rows)}\nWhat {attribution.score.replace('_', ' ')} loses without each tile, in percentage "
        f"points. With all tiles it is {format_percent(attribution.success)} on {attribution.pictures} pictures of "
        f"{attribution.data}.\n"
        f"Most is lost without row {row + 1}, column {column + 1} (95 % interval {low:+.1f} to {high:+.1f})."
    )
