"""The command evaluate: a perturbation from a file, on any network and pictures."""

from collections.abc import Sequence
from typing import Any

from uapseg.attack.run import Plan, check_unseen, load_evaluation_data
from uapseg.cli.flags import Options
from uapseg.cli.loading import download_needed, load_network, load_perturbation
from uapseg.cli.output import columns, print_result
from uapseg.cli.targets import check_fit, target_of
from uapseg.datasets import Dataset, load_dataset
from uapseg.errors import UapsegError
from uapseg.models import Segmenter
from uapseg.results.evaluation import evaluate as measure
from uapseg.results.evaluation import format_percent
from uapseg.results.perturbation_file import Perturbation
from uapseg.results.robustness import evaluate_robustness
from uapseg.targets import Target
from uapseg.targets.ceiling import reachable_scores
from uapseg.targets.metrics import Scores

MOST_NAMES = 12
"""Files that are named in a line; the report names all."""

COARSE_STRIDE = 16
"""From this stride of the network's output on, the best scores that it allows are printed."""

OVERFITTING_GAP = 0.15
"""A lead on known pictures over unseen ones that is worth a warning."""


def evaluate(options: Options) -> None:
    """Evaluates a perturbation; what the flags leave open comes from the plan in its file."""
    perturbation = load_perturbation(options.perturbation)
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
    target = choose_target(options, perturbation, model, data)
    report, table = full_report(perturbation, model, dataset, target, seed=options.seed)
    if plan is None:
        table = f"{table}\nRead as: {perturbation.convention}."
    if options.robustness:
        found = evaluate_robustness(
            model, dataset, target, perturbation.delta, epsilon=perturbation.epsilon, seed=options.seed
        )
        report, table = {**report, "robustness": found}, f"{table}\n\n{_robustness_table(found)}"
    print_result(report, table, as_json=options.json)


def load_pictures(options: Options, plan: Plan | None, data: str) -> Dataset:
    """Opens the pictures to report on: those of the plan, unless the flags name others.

    Raises:
        UapsegError: The dataset cannot be opened, or the run was trained on some of its pictures.
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
    """The dataset to report on where it is not the one trained on."""
    return options.eval_data or (plan.eval_data if plan and not (options.data or options.split) else None)


def full_report(
    perturbation: Perturbation,
    model: Segmenter,
    dataset: Dataset,
    target: Target,
    *,
    seed: int = 0,
    used: Sequence[Dataset] = (),
) -> tuple[dict[str, Any], str]:
    """Evaluates a perturbation on a dataset, and returns the report for JSON and as a text table.

    Args:
        perturbation: The perturbation.
        model: The network, on the device to compute on.
        dataset: The pictures to evaluate on.
        target: The target of the perturbation.
        seed: Random seed of the noise and the bootstrap.
        used: The pictures just used for training and selection.

    Returns:
        The fields of `Report`, except that ``image_gradients`` and ``seconds`` are the cost of the search (None if
        unknown) and ``measuring_seconds`` is that of the evaluation. In addition, ``training`` holds the scores on
        some training pictures, ``best_iterate`` the ``image_gradients`` of the iterate and the number of ``pictures``
        that selected it, and ``convention`` how a foreign file was interpreted, each if known; ``skipped`` lists the
        files of all these pictures that could not be read, and ``notes`` says how the others were. ``ceiling`` holds
        approximately the best scores possible at the resolution of the network's logits; empty unless the target has
        the same labels for every picture.
    """
    report = measure(model, dataset, target, perturbation.delta, epsilon=perturbation.epsilon, seed=seed)
    cost = {"image_gradients": perturbation.image_gradients, "seconds": perturbation.seconds}
    fields: dict[str, Any] = {**report.to_dict(), **cost, "measuring_seconds": round(report.seconds, 3)}
    fields |= {name: getattr(perturbation, name) for name in ("training", "best_iterate", "convention")}
    read = (*used, dataset)
    fields |= {"skipped": sorted({file for part in read for file in part.skipped}), "notes": _notes(model, read)}
    fields["ceiling"] = _ceiling(model, target, dataset.size, perturbation)
    lines = [
        report.table(),
        *ceiling_sentences(fields["ceiling"], dataset.size, model.logits_size(*dataset.size)),
        *_choice(perturbation),
        *generalization_gap(report.perturbed, perturbation.training),
    ]
    return fields, "\n".join([*lines, *list_files(fields["skipped"]), *fields["notes"]])


def _ceiling(model: Segmenter, target: Target, size: tuple[int, int], perturbation: Perturbation) -> Scores:
    """The best scores at the resolution of the logits, roughly; empty where the goal depends on the picture."""
    tile = (perturbation.levels.shape[2], perturbation.levels.shape[1])
    return reachable_scores(target, model.classes, size, model.logits_size(*size), tile)


def ceiling_sentences(ceiling: Scores, size: tuple[int, int], cells: tuple[int, int]) -> list[str]:
    """A sentence on the best scores, where logits are so coarse that they explain much of what is missing.

    Args:
        ceiling: The best scores.
        size: (width, height) of the pictures.
        cells: (rows, columns) of the logits for them.

    Example:
        >>> ceiling_sentences({"target_success": 0.9}, (384, 256), (8, 12))
        ["The network's output is 32 times coarser than the pictures: it can reach about 90.0 % target success."]
        >>> ceiling_sentences({"target_success": 0.99}, (384, 256), (32, 48))
        []
    """
    stride = round(size[1] / cells[0])
    if not ceiling or stride < COARSE_STRIDE:
        return []
    best = " and ".join(f"{format_percent(value)} % {name.replace('_', ' ')}" for name, value in ceiling.items())
    return [f"The network's output is {stride} times coarser than the pictures: it can reach about {best}."]


def list_files(files: Sequence[str]) -> list[str]:
    """Lists in a sentence the files that could not be read, if any.

    Example:
        >>> list_files(["a.jpg", "b.jpg"]), list_files([])
        (['Not readable, and left out: a.jpg, b.jpg.'], [])
    """
    more = f" and {len(files) - MOST_NAMES} more" if len(files) > MOST_NAMES else ""
    return [f"Not readable, and left out: {', '.join(files[:MOST_NAMES])}{more}."] if files else []


def _notes(model: Segmenter, read: Sequence[Dataset]) -> list[str]:
    """Notes on how pictures and label maps were read, and whether the last dataset lacks usable ground truth."""
    notes = [note for part in read for note in part.notes]
    known = {name.lower() for name in model.classes}
    if read[-1].classes and not known & {name.lower() for name in read[-1].classes}:
        notes.append(
            f"No class of {read[-1].name} is called as one of the network's (names come from classes.txt): no truth."
        )
    return list(dict.fromkeys(notes))


def _choice(perturbation: Perturbation) -> list[str]:
    """Which iterate of its search a perturbation is, and what selected it."""
    chosen, spent = perturbation.best_iterate, perturbation.image_gradients
    if chosen is None or spent is None:
        return []
    count = chosen["pictures"]
    by = f"{count} validation picture{'s' * (count != 1)}"
    return [f"It is the iterate after {chosen['image_gradients']:,} of {spent:,} image-gradients, chosen by {by}."]


def generalization_gap(unseen: Scores, training: Scores | None) -> list[str]:
    """A sentence on how a perturbation does on training pictures, and whether it overfits.

    Example:
        >>> generalization_gap({"hidden": 0.5}, {"hidden": 0.9})
        ['On training pictures, hidden is 90.0 %: it overfits. Train on more pictures to narrow the gap.']
    """
    if not training:
        return []
    name = next(iter(unseen))
    here, there = unseen[name], training.get(name)
    if here is None or there is None:
        return []
    line = f"On training pictures, {name.replace('_', ' ')} is {format_percent(there)} %"
    if there - here > OVERFITTING_GAP:
        return [f"{line}: it overfits. Train on more pictures to narrow the gap."]
    return [f"{line}."]


def _robustness_table(found: dict[str, dict[str, Scores]]) -> str:
    """The scores after each transform in per cent, with the first score of both baselines."""
    names = list(next(iter(found.values()))["perturbed"])
    rows: list[tuple[str, ...]] = [("after", *(name.replace("_", " ") for name in names), "clean", "random noise")]
    for transform, scores in found.items():
        baselines = (format_percent(scores[baseline][names[0]]) for baseline in ("clean", "random_noise"))
        rows.append((transform, *(format_percent(scores["perturbed"][name]) for name in names), *baselines))
    return columns(rows)


def choose_target(options: Options, perturbation: Perturbation, model: Segmenter, data: str) -> Target:
    """The target of the flags, else the plan's, if the network has the classes that it needs."""
    size = (perturbation.levels.shape[2], perturbation.levels.shape[1])
    target = target_of(options, model, data, size) or (perturbation.plan and perturbation.plan.target)
    if target is None:
        raise UapsegError(
            f"{options.perturbation} has no plan: name its target with --text, --mask, --scene, --hide, --swap or "
            "--break."
        )
    check_fit(target, model, size, options.perturbation)
    return target
