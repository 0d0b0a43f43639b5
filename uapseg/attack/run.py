"""Start here: a `Plan` names everything that determines a run, and `run` yields its snapshots."""

from collections.abc import Generator
from dataclasses import asdict, dataclass
from functools import partial
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
from uapseg.io.values import check_range, check_types, is_dict, is_list, quote_value
from uapseg.models import Segmenter, load_model
from uapseg.targets import TARGETS, Target
from uapseg.tensors import Delta


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that determines a run, as plain values: on one machine, the same plan gives the same perturbation.

    Attributes:
        model: The name of the network.
        data: The name of the dataset; its train split is trained on, its val split selects.
        target: What the network should predict.
        settings: The hyperparameters of the search.
        also: Further networks to attack at the same time.
        weights: A file of weights for the network, instead of its own.
        eval_data: The dataset to report on, so that the test split of ``data`` is trained on too; None reports on that
            split.
        size: The (width, height) of the pictures; None for the dataset's default.

    Example:
        >>> from uapseg import HideClasses, fast
        >>> plan = Plan(model="street", data="street", target=HideClasses(classes=("Car",)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> Plan.from_dict(plan.to_dict()) == plan
        True
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
        """Checks the type of each field and the range of the size; target and settings check themselves.

        Raises:
            UapsegError: A field is invalid; the message names it and what it may be.
        """
        check_types(self, skip=("target",))
        if not isinstance(self.target, tuple(TARGETS.values())):
            raise UapsegError(
                f"The target must be one of the kinds {', '.join(TARGETS)}; it is {quote_value(self.target)}."
            )
        for side in self.size or ():
            check_range("size", side, *SIDE_RANGE, "pixels a side")

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Plan":
        """Creates a plan from the result of `to_dict`, also after serialization as JSON.

        Raises:
            UapsegError: The fields are not those of a plan of this version.
        """
        try:
            values: dict[str, Any] = {name: _to_tuples(value) for name, value in fields.items()}
            target, settings = values.pop("target"), values.pop("settings")
            return cls(target=TARGETS[target["kind"]](**target), settings=Settings(**settings), **values)
        except UapsegError as error:
            sentence = str(error)
            raise UapsegError(f"The plan cannot be read: {sentence[0].lower()}{sentence[1:]}") from error
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise UapsegError("The plan cannot be read: it is not one of this version.") from error


def _to_tuples(value: Any) -> Any:
    """A value from JSON with its lists as tuples."""
    if is_dict(value):
        return {name: _to_tuples(inner) for name, inner in value.items()}
    return tuple(_to_tuples(inner) for inner in value) if is_list(value) else value


def run(
    plan: Plan,
    *,
    device: str = "auto",
    state: State | None = None,
    start: Delta | None = None,
    workers: Workers = SINGLE_PROCESS,
    allow_code: bool = True,
    pictures: tuple[Dataset, Dataset] | None = None,
    strict: bool = True,
    cache: RunCache | None = None,
) -> Generator[Snapshot, None, None]:
    """Runs a plan, and yields the snapshots of its search: one before the first step, then one for each batch.

    Args:
        plan: The plan.
        device: ``auto``, or a device of torch such as ``cuda`` or ``cpu``.
        state: The state of an interrupted run of the same plan.
        start: The perturbation that a new run starts from; None starts from zero.
        workers: The processes that share each batch.
        allow_code: Whether its networks may run code from a file; False for a plan that anyone but the user made.
        pictures: The result of `load_run_data`, if already loaded.
        strict: Whether a network that looks wrongly normalized is an error; otherwise it is a warning.
        cache: What earlier runs of this process have loaded, to be shared.

    Yields:
        The snapshots.

    Raises:
        UapsegError: A name is unknown, or network, pictures and target do not fit. Raised at once.

    Example:
        >>> from uapseg.attack.settings import fast
        >>> from uapseg.targets.drawing import text_target
        >>> target = text_target("a", "Tree", "Building", (96, 64))
        >>> settings = fast(epsilon=10 / 255, budget=4, validation_pictures=1)
        >>> plan = Plan(model="street:small", data="street?scenes=2", target=target, settings=settings, size=(96, 64))
        >>> [snapshot.state.image_gradients for snapshot in run(plan, device="cpu")]
        [0, 4]

    Source:
        Metzen et al., Universal Adversarial Perturbations Against Semantic Image Segmentation,
        https://arxiv.org/abs/1704.05712
    """
    torch_device, cache = choose_device(device), cache or RunCache()
    data = (training_data(plan), plan.eval_data, plan.size)
    train, held_out = pictures or cache.get("data", data, lambda: load_run_data(plan))

    def load(name: str, weights: str | None = None) -> Segmenter:
        load_network = partial(
            load_model, name, torch_device, weights=weights, allow_code=allow_code, size=train.size, strict=strict
        )
        return cache.get("network", (name, str(torch_device), weights, allow_code, train.size, strict), load_network)

    model, extra_models = load(plan.model, plan.weights), [load(name) for name in plan.also]
    return fit(
        model, train, held_out, plan.target, plan.settings,
        extra_models=extra_models, state=state, start=start, workers=workers, cache=cache,
    )  # fmt: skip


def training_data(plan: Plan) -> str:
    """Returns the name of the dataset that a plan trains on.

    It has fewer rendered scenes than usual if all of them are needed before the first step.

    Example:
        >>> from uapseg import HideClasses, fast, paper
        >>> plan = {"model": "street", "data": "street", "target": HideClasses(classes=("Car",))}
        >>> training_data(Plan(**plan, settings=fast(epsilon=10 / 255, budget=2000)))
        'street'
        >>> training_data(Plan(**plan, settings=paper(epsilon=10 / 255, budget=2000)))
        'street?scenes=512'
    """
    uses_all_pictures = plan.settings.full_batch or plan.settings.balanced
    return f"street?scenes={PASS_PICTURES}" if plan.data == "street" and uses_all_pictures else plan.data


def load_run_data(plan: Plan) -> tuple[Dataset, Dataset]:
    """Loads the training and the validation pictures of a plan.

    Raises:
        UapsegError: There is no such dataset.

    Example:
        >>> from uapseg import HideClasses, paper
        >>> plan = Plan(model="street", data="street", target=HideClasses(classes=("Car",)),
        ...             settings=paper(epsilon=10 / 255, budget=512))
        >>> [len(pictures) for pictures in load_run_data(plan)]
        [512, 64]
    """
    train = load_training_data(training_data(plan), plan.eval_data, plan.size)
    return train, load_dataset(plan.data, "val", plan.size)


def load_training_data(data: str, eval_data: str | None = None, size: tuple[int, int] | None = None) -> Dataset:
    """Loads the training pictures: the train split, and with ``eval_data`` the test split without shared pictures.

    Args:
        data: The dataset.
        eval_data: The dataset to report on; None reports on the test split of ``data``.
        size: The (width, height) of the pictures; None for the dataset's default.

    Raises:
        UapsegError: There is no such dataset.

    Example:
        >>> len(load_training_data("street?scenes=512"))
        512
    """
    train = load_dataset(data, "train", size)
    if eval_data is None:
        return train
    try:
        test = load_dataset(data, "test", train.size)
    except UapsegError:  # too few pictures for one
        return train
    return ConcatDataset((train, test), excluded_keys=set(load_evaluation_data(data, eval_data, size).keys))


def check_unseen(pictures: Dataset, plan: Plan) -> None:
    """Checks that a run which reports on another dataset is not evaluated on its training pictures.

    Args:
        pictures: The pictures to evaluate on.
        plan: The plan of the run.

    Raises:
        UapsegError: Some of the pictures were trained on.

    Example:
        >>> from uapseg import HideClasses, fast
        >>> plan = Plan(model="street", data="street", target=HideClasses(classes=("Car",)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> check_unseen(load_dataset("street", "test"), plan)
    """
    if plan.eval_data is None:
        return
    shared = overlap(load_training_data(training_data(plan), plan.eval_data, plan.size), pictures)
    if shared:
        raise UapsegError(
            f"{len(shared)} of these pictures were used for training, as the run reports on {plan.eval_data}: "
            "leave out --data and --split, or name others with --eval-data."
        )


def load_evaluation_data(data: str, eval_data: str | None = None, size: tuple[int, int] | None = None) -> Dataset:
    """Loads the pictures to report on: the test split, or all of ``eval_data``.

    Of an ``eval_data`` with official splits, only the test split is used.

    Args:
        data: The dataset trained on.
        eval_data: The dataset to report on, if another one.
        size: The (width, height) of the pictures; None for the dataset's default.

    Raises:
        UapsegError: There is no such dataset, or it contains training or validation pictures of ``data``.

    Example:
        >>> len(load_evaluation_data("street"))
        64
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
            f"{len(shared)} of the pictures of {eval_data} are used for training or selection: "
            "report on others with --eval-data."
        )
    return pictures


def choose_device(name: str = "auto") -> torch.device:
    """Returns a device by name; ``auto`` prefers CUDA, then Apple's MPS, then the CPU.

    Raises:
        UapsegError: This machine has no such device.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    available = [*["cuda"][: len(gpus)], *["mps"] * torch.backends.mps.is_available(), "cpu", *gpus]
    device_name = available[0] if name == "auto" else name
    if device_name not in available:
        raise UapsegError(f"There is no device {name!r} here: choose one of {', '.join(available)}.")
    device = torch.device(device_name)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # in TF32, as convolutions are there anyway
    return device
