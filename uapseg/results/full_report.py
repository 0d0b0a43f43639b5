"""The report of a finished run: the scores, the search that they are the result of, and the files that were read."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from uapseg.datasets import Dataset
from uapseg.models import Segmenter
from uapseg.results.evaluation import Report, evaluate, format_percent
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets import Target
from uapseg.targets.ceiling import reachable_scores
from uapseg.targets.metrics import Scores

MAX_NAMES = 12
"""The most files listed in a sentence; the report lists all of them."""

COARSE_STRIDE = 16
"""The output stride of a network from which on the table shows the best scores that it allows."""

OVERFITTING_GAP = 0.15
"""How much better a score must be on training pictures to be reported as overfitting."""


@dataclass(frozen=True, kw_only=True)
class FullReport:
    """A report with the search that found the perturbation, and with the files that were read.

    Attributes:
        scores: The scores, and what they were measured on.
        image_gradients: The image-gradients that the search spent; None if unknown.
        seconds: The duration of the search; None if unknown.
        training: The scores on some training pictures; None if unknown.
        best_iterate: The ``image_gradients`` of the iterate, and the number of ``pictures`` that selected it; None if
            unknown.
        convention: How the values of the perturbation's file were interpreted.
        skipped: The files of all datasets that could not be read.
        notes: Sentences on how the others were read.
        ceiling: About the best scores possible at the resolution of the network's logits; empty unless the target has
            the same labels for every picture.
        stride: How many pixels of a picture share one logit, along a side.

    Example:
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> import torch
        >>> from PIL import Image
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> perturbation = Perturbation(torch.zeros(3, 48, 64, dtype=torch.int16), image_gradients=400)
        >>> report = full_report(perturbation, load_model("street:small"), dataset, Untargeted())
        >>> report.to_dict()["data"], report.to_dict()["image_gradients"]
        ('pictures', 400)
    """

    scores: Report
    image_gradients: int | None
    seconds: float | None
    training: Scores | None
    best_iterate: dict[str, int] | None
    convention: str
    skipped: list[str]
    notes: list[str]
    ceiling: Scores
    stride: int

    def to_dict(self) -> dict[str, object]:
        """Converts to plain values, ready for JSON: the fields of `Report` and these, side by side."""
        own_fields = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "scores"}
        return {**self.scores.to_dict(), **own_fields}

    def table(self) -> str:
        """Formats the report as a text table, followed by a sentence on each thing to know about it."""
        lines = [
            self.scores.table(),
            *ceiling_sentences(self.ceiling, self.stride),
            *selection_sentences(self.best_iterate, self.image_gradients),
            *generalization_sentences(self.scores.perturbed, self.training),
            *list_files(self.skipped),
            *self.notes,
        ]
        return "\n".join(lines)


def full_report(
    perturbation: Perturbation,
    model: Segmenter,
    dataset: Dataset,
    target: Target,
    *,
    seed: int = 0,
    training_data: Sequence[Dataset] = (),
) -> FullReport:
    """Evaluates a perturbation on a dataset, and adds what is known about its search and the pictures.

    Args:
        perturbation: The perturbation.
        model: The network, on the device to compute on.
        dataset: The pictures to evaluate on.
        target: The target of the perturbation.
        seed: Random seed of the noise and the bootstrap.
        training_data: The pictures just used for training and selection.

    Raises:
        UapsegError: The target does not fit the classes of the network.

    Example:
        >>> import torch
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> perturbation = Perturbation(torch.zeros(3, 48, 64, dtype=torch.int16))
        >>> full_report(perturbation, load_model("street:small"), dataset, Untargeted()).scores.perturbed["fooled"]
        0.0
    """
    datasets, cells = (*training_data, dataset), model.logits_size(*dataset.size)
    tile = (perturbation.levels.shape[2], perturbation.levels.shape[1])
    return FullReport(
        scores=evaluate(model, dataset, target, perturbation.delta, ball=perturbation.ball, seed=seed),
        image_gradients=perturbation.image_gradients,
        seconds=perturbation.seconds,
        training=perturbation.training,
        best_iterate=perturbation.best_iterate,
        convention=perturbation.convention,
        skipped=sorted({file for part in datasets for file in part.skipped}),
        notes=_notes(model, datasets),
        ceiling=reachable_scores(target, model.classes, dataset.size, cells, tile),
        stride=round(dataset.size[1] / cells[0]),
    )


def ceiling_sentences(ceiling: Scores, stride: int) -> list[str]:
    """Says which scores are the best possible, if logits are so coarse that this explains much of what is missing.

    Args:
        ceiling: The best scores.
        stride: How many pixels of a picture share one logit, along a side.

    Example:
        >>> ceiling_sentences({"target_success": 0.9}, stride=32)
        ["The network's output is 32 times coarser than the pictures: it can reach about 90.0 % target success."]
        >>> ceiling_sentences({"target_success": 0.99}, stride=8)
        []
    """
    if not ceiling or stride < COARSE_STRIDE:
        return []
    ceilings = " and ".join(f"{format_percent(value)} % {name.replace('_', ' ')}" for name, value in ceiling.items())
    return [f"The network's output is {stride} times coarser than the pictures: it can reach about {ceilings}."]


def selection_sentences(best_iterate: dict[str, int] | None, image_gradients: int | None) -> list[str]:
    """Says which iterate of its search a perturbation is, and how many pictures selected it, if known.

    Example:
        >>> selection_sentences({"image_gradients": 200, "pictures": 32}, 400)
        ['It is the iterate after 200 of 400 image-gradients, chosen by 32 validation pictures.']
    """
    if best_iterate is None or image_gradients is None:
        return []
    count, selected_at = best_iterate["pictures"], best_iterate["image_gradients"]
    by = f"{count} validation picture{'s' * (count != 1)}"
    return [f"It is the iterate after {selected_at:,} of {image_gradients:,} image-gradients, chosen by {by}."]


def generalization_sentences(unseen_scores: Scores, training_scores: Scores | None) -> list[str]:
    """Says how a perturbation does on training pictures, and whether it overfits.

    Args:
        unseen_scores: The scores on pictures not used for training.
        training_scores: The scores on training pictures; None if unknown.

    Example:
        >>> generalization_sentences({"hidden": 0.5}, {"hidden": 0.9})
        ['On training pictures, hidden is 90.0 %: it overfits. Train on more pictures to narrow the gap.']
    """
    if not training_scores:
        return []
    name = next(iter(unseen_scores))
    unseen_score, training_score = unseen_scores[name], training_scores.get(name)
    if unseen_score is None or training_score is None:
        return []
    line = f"On training pictures, {name.replace('_', ' ')} is {format_percent(training_score)} %"
    if training_score - unseen_score > OVERFITTING_GAP:
        return [f"{line}: it overfits. Train on more pictures to narrow the gap."]
    return [f"{line}."]


def list_files(files: Sequence[str]) -> list[str]:
    """Lists in a sentence the files that could not be read, if any.

    Example:
        >>> list_files(["a.jpg", "b.jpg"]), list_files([])
        (['Not readable, and left out: a.jpg, b.jpg.'], [])
    """
    remainder = f" and {len(files) - MAX_NAMES} more" if len(files) > MAX_NAMES else ""
    return [f"Not readable, and left out: {', '.join(files[:MAX_NAMES])}{remainder}."] if files else []


def _notes(model: Segmenter, datasets: Sequence[Dataset]) -> list[str]:
    """Notes on how pictures and label maps were read, and whether the last dataset lacks usable ground truth."""
    notes = [note for dataset in datasets for note in dataset.notes]
    names = {name.lower() for name in model.classes}
    last = datasets[-1]
    if last.classes and not names & {name.lower() for name in last.classes}:
        notes.append(
            f"No class of {last.name} has the name of one of the network's, so there is no ground truth: names come "
            "from classes.txt."
        )
    return list(dict.fromkeys(notes))
