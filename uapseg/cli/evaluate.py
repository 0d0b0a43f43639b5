"""The command evaluate: a perturbation from a file, on any network and pictures."""

from dataclasses import replace

from uapseg.attack.run import Plan, check_unseen, load_evaluation_data
from uapseg.cli.flags import Options
from uapseg.cli.loading import download_needed, load_network, load_perturbation
from uapseg.cli.output import columns, print_result
from uapseg.cli.targets import check_fit, target_of
from uapseg.datasets import Dataset, load_dataset
from uapseg.errors import UapsegError
from uapseg.models import Segmenter
from uapseg.results.evaluation import format_percent
from uapseg.results.full_report import full_report
from uapseg.results.perturbation_file import Perturbation
from uapseg.results.robustness import evaluate_robustness
from uapseg.targets import Target
from uapseg.targets.metrics import Scores


def evaluate(options: Options) -> None:
    """Evaluates a perturbation; what the flags leave open comes from the plan in its file.

    Example:
        >>> import torch
        >>> from PIL import Image
        >>> from uapseg.cli import main
        >>> from uapseg.results.perturbation_file import save_png
        >>> from pathlib import Path
        >>> Path("photos").mkdir()
        >>> Image.new("RGB", (64, 48), "gray").save("photos/a.png")
        >>> save_png(Path("none.png"), Perturbation(torch.zeros(3, 48, 64, dtype=torch.int16)))
        >>> main(["evaluate", "none.png", "--model", "street:small", "--data", "photos", "--split", "all", "--break"])
                          perturbed    95 % interval    clean  random noise
        fooled ...
        0
    """
    perturbation = _with_norm(options, load_perturbation(options.perturbation))
    model, dataset, target = open_evaluation(options, perturbation)
    report = full_report(perturbation, model, dataset, target, seed=options.seed)
    fields, table = report.to_dict(), report.table()
    if perturbation.plan is None:
        table += f"\nRead as: {report.convention}."
    if options.robustness:
        robustness = evaluate_robustness(
            model, dataset, target, perturbation.delta, ball=perturbation.ball, seed=options.seed
        )
        fields["robustness"] = robustness
        table += f"\n\n{_robustness_table(robustness)}"
    print_result(fields, table, as_json=options.json)


def open_evaluation(options: Options, perturbation: Perturbation) -> tuple[Segmenter, Dataset, Target]:
    """Opens the network, the pictures and the target of an evaluation: those of the plan, unless flags name others.

    Raises:
        UapsegError: There is no plan, and the flags leave something open; or something cannot be opened.

    Example:
        >>> import torch
        >>> from uapseg.cli.parser import make_parser
        >>> options = make_parser().parse_args(["evaluate", "a.png", "--hide", "Car"])
        >>> open_evaluation(options, Perturbation(torch.zeros(3, 64, 96, dtype=torch.int16)))
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: a.png has no plan: name the network and the pictures with --model and --data, ...
    """
    plan = perturbation.plan
    data = options.data or (plan and plan.data)
    if not (options.model or plan) or not data:
        raise UapsegError(
            f"{options.perturbation} has no plan: name the network and the pictures with --model and --data, such as "
            "--model FILE.py:FUNCTION --data FOLDER."
        )
    download_needed([], [data, eval_data_of(options, plan)])
    dataset = load_pictures(options, plan, data)
    model = load_network(options, perturbation, dataset.size)
    return model, dataset, choose_target(options, perturbation, model, data)


def _with_norm(options: Options, perturbation: Perturbation) -> Perturbation:
    """Sets the norm of a perturbation to that of the flag if its file names none."""
    if options.norm is None:
        return perturbation
    if perturbation.plan:
        raise UapsegError("--norm is for perturbations without a plan, and this one has its own: leave it out.")
    return replace(perturbation, norm=options.norm)


def load_pictures(options: Options, plan: Plan | None, data: str) -> Dataset:
    """Opens the pictures to report on: those of the plan, unless the flags name others.

    Raises:
        UapsegError: The dataset cannot be opened, or the run was trained on some of its pictures.

    Example:
        >>> load_pictures(Options(split="val", eval_data=None, size=None), plan=None, data="street").split
        'val'
    """
    eval_data, size = eval_data_of(options, plan), options.size or (plan and plan.size)
    if options.split:
        pictures = load_dataset(eval_data or data, options.split, size)
    else:
        pictures = load_evaluation_data(data, eval_data, size)
    if plan and data == plan.data and options.split in {None, "test"}:
        check_unseen(pictures, plan)
    return pictures


def eval_data_of(options: Options, plan: Plan | None) -> str | None:
    """The dataset to report on if it differs from the training set.

    Example:
        >>> eval_data_of(Options(eval_data="coco-mini"), plan=None)
        'coco-mini'
    """
    return options.eval_data or (plan.eval_data if plan and not (options.data or options.split) else None)


def _robustness_table(robustness: dict[str, dict[str, Scores]]) -> str:
    """The scores after each transform in per cent, with the first score of both baselines."""
    names = list(next(iter(robustness.values()))["perturbed"])
    rows: list[tuple[str, ...]] = [("after", *(name.replace("_", " ") for name in names), "clean", "random noise")]
    for transform, scores in robustness.items():
        baselines = (format_percent(scores[baseline][names[0]]) for baseline in ("clean", "random_noise"))
        rows.append((transform, *(format_percent(scores["perturbed"][name]) for name in names), *baselines))
    return columns(rows)


def choose_target(options: Options, perturbation: Perturbation, model: Segmenter, data: str) -> Target:
    """The target of the flags, or else of the plan, if the network has its classes.

    Example:
        >>> import torch
        >>> from uapseg.cli.parser import make_parser
        >>> from uapseg.models import load_model
        >>> options = make_parser().parse_args(["evaluate", "a.png", "--hide", "Car"])
        >>> perturbation = Perturbation(torch.zeros(3, 64, 96, dtype=torch.int16))
        >>> choose_target(options, perturbation, load_model("street:small"), "street").title
        'without Car'
    """
    size = (perturbation.levels.shape[2], perturbation.levels.shape[1])
    target = target_of(options, model, data, size) or (perturbation.plan and perturbation.plan.target)
    if target is None:
        raise UapsegError(
            f"{options.perturbation} has no plan: name its target with --text, --mask, --scene, --hide, --swap or "
            "--break."
        )
    check_fit(target, model, size, options.perturbation)
    return target
