"""The command transfer: evaluates each perturbation on each network."""

from dataclasses import dataclass
from pathlib import Path

from uapseg.attack.run import Plan, choose_device
from uapseg.cli.evaluate import load_pictures
from uapseg.cli.flags import Options
from uapseg.cli.loading import download_needed, load_perturbation
from uapseg.cli.output import columns, print_progress, print_result
from uapseg.cli.targets import check_fit
from uapseg.errors import UapsegError
from uapseg.models import Segmenter, load_model, short_name
from uapseg.results.evaluation import Report, evaluate, format_percent
from uapseg.results.perturbation_file import Perturbation


@dataclass(frozen=True)
class Cell:
    """The scores of a perturbation on a network.

    Attributes:
        perturbation: The file of the perturbation.
        trained_on: The networks that it was trained against.
        report: Its scores on another network.
    """

    perturbation: Path
    trained_on: list[str]
    report: Report

    def to_dict(self) -> dict[str, object]:
        """Converts to plain values, ready for JSON."""
        return {"perturbation": str(self.perturbation), "trained_on": self.trained_on, **self.report.to_dict()}


def transfer(options: Options) -> None:
    """Evaluates perturbations (rows) on networks (columns), beside random noise of the same epsilon."""
    rows = [_read(file) for file in options.perturbations]
    names = [name.strip() for name in options.models.split(",") if name.strip()]
    if not names:
        raise UapsegError("No network is named: list some with --models, separated by commas.")
    data = [options.data] if options.data else [name for *_, plan in rows for name in (plan.data, plan.eval_data)]
    download_needed([(name, None) for name in names], data)
    size, device = options.size or rows[0][2].size, choose_device(options.device)
    models = [load_model(name, device, size=size, strict=options.strict) for name in names]
    for file, perturbation, plan in rows:
        for model in models:  # before the first is evaluated, which takes a while
            check_fit(plan.target, model, (perturbation.levels.shape[2], perturbation.levels.shape[1]), file)
    cells = [_cell(*row, model, options) for row in rows for model in models]
    fields = {"transfer": [cell.to_dict() for cell in cells]}
    print_result(fields, _table(cells, [model.name for model in models]), as_json=options.json)


def _read(file: Path) -> tuple[Path, Perturbation, Plan]:
    perturbation = load_perturbation(file)
    if perturbation.plan is None:
        raise UapsegError(
            f"{file} contains no plan, so its target is unknown: use a perturbation that a run has saved."
        )
    return file, perturbation, perturbation.plan


def _cell(file: Path, perturbation: Perturbation, plan: Plan, model: Segmenter, options: Options) -> Cell:
    print_progress(f"{file} on {model.name}")
    dataset = load_pictures(options, plan, options.data or plan.data)
    report = evaluate(model, dataset, plan.target, perturbation.delta, ball=perturbation.ball)
    return Cell(file, [short_name(name) for name in (plan.model, *plan.also)], report)


def _table(cells: list[Cell], names: list[str]) -> str:
    """All scores of each cell in per cent, with those of random noise in brackets."""
    rows = [("trained on", "score", *names)]
    for start in range(0, len(cells), len(names)):
        line = cells[start : start + len(names)]
        for score in line[0].report.perturbed:
            pairs = ((cell.report.perturbed[score], cell.report.random_noise[score]) for cell in line)
            values = (f"{format_percent(share)} ({format_percent(noise)})" for share, noise in pairs)
            rows.append(("+".join(line[0].trained_on), score.replace("_", " "), *values))
    return columns(rows)
