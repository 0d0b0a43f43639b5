"""The command transfer: each perturbation on each network, whatever it was trained on."""

from pathlib import Path
from typing import Any

from uapseg.cli.downloads import bring
from uapseg.cli.output import columns, print_progress, print_result
from uapseg.cli.parser import Options
from uapseg.datasets import load_dataset
from uapseg.errors import UapsegError
from uapseg.evaluate import evaluate, percent
from uapseg.export import load
from uapseg.models import Segmenter, load_model
from uapseg.run import choose_device


def transfer(options: Options) -> None:
    """Measures perturbations (rows) on networks (columns), beside random noise of the same epsilon."""
    names = options.models.split(",")
    bring([(name, None) for name in names], [options.data])
    models = [load_model(name, choose_device(options.device)) for name in names]
    cells = [_cell(file, model, options) for file in options.perturbations for model in models]
    print_result({"transfer": cells}, _table(cells, [model.name for model in models]), as_json=options.json)


def _cell(file: Path, model: Segmenter, options: Options) -> dict[str, Any]:
    perturbation = load(file)
    plan = perturbation.plan
    if plan is None:
        raise UapsegError(f"{file} holds no plan, so that its target is not known: bring a perturbation with one.")
    print_progress(f"{file} on {model.name}")
    dataset = load_dataset(options.data or plan.eval_data or plan.data, "test", options.size or plan.size)
    report = evaluate(model, dataset, plan.target, perturbation.delta, epsilon=perturbation.epsilon)
    return {"perturbation": str(file), "trained_on": [plan.model, *plan.also], **report.to_dict()}


def _table(cells: list[dict[str, Any]], names: list[str]) -> str:
    """The first score of each cell, and in brackets that of random noise, in per cent."""
    rows = [("trained on", "score", *names)]
    for start in range(0, len(cells), len(names)):
        line = cells[start : start + len(names)]
        score = next(iter(line[0]["perturbed"]))
        values = (f"{percent(cell['perturbed'][score])} ({percent(cell['random_noise'][score])})" for cell in line)
        rows.append(("+".join(line[0]["trained_on"]), score.replace("_", " "), *values))
    return columns(rows)
