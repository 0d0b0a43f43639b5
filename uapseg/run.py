"""READ FIRST. A plan names everything that decides a run; `run` loads what it names and yields snapshots."""

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from uapseg.datasets import load_dataset
from uapseg.distributed import ALONE, Workers
from uapseg.errors import UapsegError
from uapseg.fit import fit
from uapseg.models import load_model
from uapseg.settings import Settings
from uapseg.state import Snapshot, State
from uapseg.targets import Hidden, Static, Target


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that decides a run, as plain values: the same plan on the same machine gives the same perturbation.

    Attributes:
        model: The name of the network.
        data: The name of the data set; its train split is learnt from, its val split chooses.
        target: What the network is to see.
        settings: How to search.
    """

    model: str
    data: str
    target: Target
    settings: Settings

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
            target: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields["target"].items()}
            settings: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in fields["settings"].items()
            }
            kind = {"static": Static, "hidden": Hidden}[target["kind"]]
            return cls(
                model=fields["model"], data=fields["data"], target=kind(**target), settings=Settings(**settings)
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise UapsegError(f"The plan cannot be read ({error}): it is not one of this version.") from error


def run(
    plan: Plan, *, device: str = "auto", state: State | None = None, workers: Workers = ALONE
) -> Generator[Snapshot, None, None]:
    """Loads what ``plan`` names and yields the snapshots of its search: one before the first step, then one a batch.

    Args:
        plan: What to do.
        device: ``auto``, or a device of torch such as ``cuda`` or ``cpu``.
        state: Where an earlier run of the same plan stopped.
        workers: The processes that share each batch.

    Raises:
        UapsegError: At once, when a name is not known or the parts do not fit together.

    Source:
        Metzen et al., Universal Adversarial Perturbations Against Semantic Image Segmentation,
        https://arxiv.org/abs/1704.05712
    """
    model = load_model(plan.model, choose_device(device))
    train, held_out = load_dataset(plan.data, "train"), load_dataset(plan.data, "val")
    return fit(model, train, held_out, plan.target, plan.settings, state=state, workers=workers)


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
    return torch.device(chosen)
