"""The command evaluate: a perturbation from a file, on any network and pictures."""

from typing import Any

from uapseg.cli.output import print_result
from uapseg.cli.parser import Options
from uapseg.cli.targets import target_of
from uapseg.datasets import Dataset, load_dataset
from uapseg.errors import UapsegError
from uapseg.evaluate import evaluate as measure
from uapseg.export import Perturbation, load
from uapseg.models import Segmenter, load_model
from uapseg.run import choose_device
from uapseg.targets import Target


def evaluate(options: Options) -> None:
    """Measures a perturbation; what the flags do not say comes from the plan in its file."""
    perturbation = load(options.perturbation)
    plan = perturbation.plan
    name, data = options.model or (plan and plan.model), options.data or (plan and plan.data)
    if not name or not data:
        raise UapsegError(
            f"{options.perturbation} holds no plan: say which network and pictures with --model and --data."
        )
    model, dataset = load_model(name, choose_device(options.device)), load_dataset(data, options.split)
    target = _target(options, perturbation, model, data)
    report, table = full_report(perturbation, model, dataset, target, seed=options.seed)
    print_result(report, table, as_json=options.json)


def full_report(
    perturbation: Perturbation, model: Segmenter, dataset: Dataset, target: Target, *, seed: int = 0
) -> tuple[dict[str, Any], str]:
    """Measures a perturbation on a data set: the report for JSON, and as a text table.

    Returns:
        The fields of `uapseg.evaluate.Report`, but that ``image_gradients`` and ``seconds`` are what the search cost
        (None where unknown) and ``measuring_seconds`` is what measuring did.
    """
    report = measure(model, dataset, target, perturbation.delta, epsilon=perturbation.epsilon, seed=seed)
    cost = {"image_gradients": perturbation.image_gradients, "seconds": perturbation.seconds}
    return {**report.to_dict(), **cost, "measuring_seconds": round(report.seconds, 3)}, report.table()


def _target(options: Options, perturbation: Perturbation, model: Segmenter, data: str) -> Target:
    """The target of the flags, else the plan's, if the network has the classes that it needs."""
    size = (perturbation.levels.shape[2], perturbation.levels.shape[1])
    target = target_of(options, model, data, size) or (perturbation.plan and perturbation.plan.target)
    if target is None:
        raise UapsegError(
            f"{options.perturbation} holds no plan: say what it aims at with --text, --mask, --scene or --hide."
        )
    try:
        target.on(model.classes, model.objects, size)
    except UapsegError as error:
        raise UapsegError(f"The perturbation does not fit the network {model.name}: {error}") from error
    return target
