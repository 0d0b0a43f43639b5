"""READ FIRST. A plan names everything that decides a run; `run` loads what it names and yields snapshots."""

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from uapseg.attack.distributed import SINGLE_PROCESS, Workers
from uapseg.attack.loop import fit
from uapseg.attack.run_cache import RunCache
from uapseg.attack.settings import PASS_PICTURES, Settings
from uapseg.attack.state import Snapshot, State
from uapseg.datasets import Dataset, load_dataset, overlap
from uapseg.datasets.reader import SIDE_RANGE, ConcatDataset
from uapseg.errors import UapsegError
from uapseg.io.values import check_range, check_types, quote_value
from uapseg.models import Segmenter, load_model
from uapseg.targets import TARGETS, Target
from uapseg.tensors import Delta


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that decides a run, as plain values: the same plan on the same machine gives the same perturbation.

    Attributes:
        model: The name of the network.
        data: The name of the data set; its train split is learnt from, its val split chooses.
        target: What the network is to see.
        settings: How to search.
        also: The names of further networks that must see it too.
        weights: A file of weights for the network, instead of its own.
        eval_data: The name of the data set that the report is measured on, so that the test split of ``data`` is
            learnt from too; None takes that for the report.
        size: (width, height) that pictures are brought to; None takes the data set's own.
    """

    model: str
    data: str
    target: Target
    settings: Settings
    also: tuple[str, ...] = ()
    weights: str | None = None
    eval_data: str | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Checks that each part is of its type, and the size in its range; target and settings check themselves.

        Raises:
            UapsegError: One is not; it is named, with what it may be.
        """
        check_types(self, but=("target",))
        if not isinstance(self.target, tuple(TARGETS.values())):
            raise UapsegError(
                f"The target must be of one of the kinds {', '.join(TARGETS)}; it is {quote_value(self.target)}."
            )
        for side in self.size or ():
            check_range("size", side, *SIDE_RANGE, "pixels a side")

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Plan":
        """The plan that `to_dict` took apart, also after a journey through JSON.

        Raises:
            UapsegError: It is not a plan of this version.
        """
        try:
            plain = {name: _to_tuples(value) for name, value in fields.items()}
            parts = {
                "target": TARGETS[plain["target"]["kind"]](**plain["target"]),
                "settings": Settings(**plain["settings"]),
            }
            return cls(**{**plain, **parts})
        except UapsegError as error:
            sentence = str(error)
            raise UapsegError(f"The plan cannot be read: {sentence[0].lower()}{sentence[1:]}") from error
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise UapsegError("The plan cannot be read: it is not one of this version.") from error


def _to_tuples(value: Any) -> Any:
    """A value from JSON with its lists as tuples."""
    if isinstance(value, dict):
        return {name: _to_tuples(inner) for name, inner in value.items()}
    return tuple(_to_tuples(inner) for inner in value) if isinstance(value, list) else value


def run(
    plan: Plan,
    *,
    device: str = "auto",
    state: State | None = None,
    start: Delta | None = None,
    workers: Workers = SINGLE_PROCESS,
    trusted: bool = True,
    pictures: tuple[Dataset, Dataset] | None = None,
    strict: bool = True,
    cache: RunCache | None = None,
) -> Generator[Snapshot, None, None]:
    """Loads what ``plan`` names and yields the snapshots of its search: one before the first step, then one a batch.

    Args:
        plan: What to do.
        device: ``auto``, or a device of torch such as ``cuda`` or ``cpu``.
        state: Where an earlier run of the same plan stopped.
        start: The perturbation that a new run starts from; None starts from zero.
        workers: The processes that share each batch.
        trusted: Whether its networks may run code from a file: False for a plan that anyone but the user made.
        pictures: Those of `load_run_data`, where they are loaded already.
        strict: Whether a network that only looks wrongly normalised is refused; else that is a warning.
        cache: What earlier runs of this process have loaded, where they shall share it.

    Raises:
        UapsegError: At once, when a name is not known or the parts do not fit together.

    Source:
        Metzen et al., Universal Adversarial Perturbations Against Semantic Image Segmentation,
        https://arxiv.org/abs/1704.05712
    """
    on, cache = choose_device(device), cache or RunCache()
    data = (training_data(plan), plan.eval_data, plan.size)
    train, held_out = pictures or cache.get("data", data, lambda: load_run_data(plan))
    ways: dict[str, Any] = {"trusted": trusted, "size": train.size, "strict": strict}

    def load(name: str, weights: str | None = None) -> Segmenter:
        key = (name, str(on), weights, *ways.values())
        return cache.get("network", key, lambda: load_model(name, on, weights=weights, **ways))

    model, also = load(plan.model, plan.weights), [load(name) for name in plan.also]
    return fit(
        model, train, held_out, plan.target, plan.settings,
        also=also, state=state, start=start, workers=workers, cache=cache,
    )  # fmt: skip


def training_data(plan: Plan) -> str:
    """The name of the data set that a plan trains on.

    It has fewer rendered scenes than usual where every one of them is looked at before the first step.

    Example:
        >>> from uapseg import HideClasses, fast, paper
        >>> plan = {"model": "street", "data": "street", "target": HideClasses(classes=("Car",))}
        >>> training_data(Plan(**plan, settings=fast(epsilon=10 / 255, budget=2000)))
        'street'
        >>> training_data(Plan(**plan, settings=paper(epsilon=10 / 255, budget=2000)))
        'street?scenes=512'
    """
    every_one = plan.settings.full_batch or plan.settings.balanced
    return f"street?scenes={PASS_PICTURES}" if plan.data == "street" and every_one else plan.data


def load_run_data(plan: Plan) -> tuple[Dataset, Dataset]:
    """The pictures that a run learns from, and those that it chooses by.

    Raises:
        UapsegError: There is no such data set.
    """
    train = load_training_data(training_data(plan), plan.eval_data, plan.size)
    return train, load_dataset(plan.data, "val", plan.size)


def load_training_data(data: str, eval_data: str | None = None, size: tuple[int, int] | None = None) -> Dataset:
    """The pictures to learn from: the train split, and with ``eval_data`` all of the test split that is not in it.

    Raises:
        UapsegError: There is no such data set.
    """
    train = load_dataset(data, "train", size)
    if eval_data is None:
        return train
    try:
        test = load_dataset(data, "test", train.size)
    except UapsegError:  # too few pictures for one
        return train
    return ConcatDataset((train, test), without=set(load_evaluation_data(data, eval_data, size).keys))


def check_unseen(pictures: Dataset, plan: Plan) -> None:
    """Makes sure that a run which reports on other pictures is not measured on those that it has learnt from instead.

    Raises:
        UapsegError: It is.
    """
    if plan.eval_data is None:
        return
    shared = overlap(load_training_data(training_data(plan), plan.eval_data, plan.size), pictures)
    if shared:
        raise UapsegError(
            f"{len(shared)} of these pictures were learnt from, as the run reports on {plan.eval_data}: leave out "
            "--data and --split, or name others with --eval-data."
        )


def load_evaluation_data(data: str, eval_data: str | None = None, size: tuple[int, int] | None = None) -> Dataset:
    """The pictures that a finished run is measured on: the test split, or ``eval_data`` as a whole.

    Of ``eval_data`` with official splits only the test split is taken.

    Raises:
        UapsegError: There is no such data set, or it holds pictures of ``data`` that are learnt from or chosen by.
    """
    if eval_data is None:
        return load_dataset(data, "test", size)
    try:
        pictures = load_dataset(eval_data, "all", size)
    except UapsegError:  # it has splits of its own, or cannot be opened at all, which is then said again
        pictures = load_dataset(eval_data, "test", size)
    shared = [key for split in ("train", "val") for key in overlap(load_dataset(data, split, size), pictures)]
    if shared:
        raise UapsegError(
            f"{len(shared)} of the pictures of {eval_data} are learnt from or chosen by: "
            "report on others with --eval-data."
        )
    return pictures


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``; ``auto`` takes CUDA where there is some, else Apple's MPS, else the CPU.

    Raises:
        UapsegError: This machine has no such device.
    """
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    there = [*["cuda"][: len(gpus)], *["mps"] * torch.backends.mps.is_available(), "cpu", *gpus]
    chosen = there[0] if name == "auto" else name
    if chosen not in there:
        raise UapsegError(f"There is no device {name!r} here: choose one of {', '.join(there)}.")
    device = torch.device(chosen)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # in TF32, as convolutions are there anyway
    return device
