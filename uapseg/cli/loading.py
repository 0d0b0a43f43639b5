"""What a command loads: downloads with a progress bar, and networks, whose code runs only with the user's consent."""

import sys
from collections.abc import Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from uapseg import datasets, models
from uapseg.attack.run import Plan, choose_device
from uapseg.cli.flags import Options
from uapseg.cli.output import print_progress
from uapseg.errors import UapsegError
from uapseg.io.download import Progress, UnreachableError, fetch
from uapseg.models import Segmenter, load_model, runs_code
from uapseg.results.hub import is_on_hub, load_from_hub
from uapseg.results.perturbation_file import Perturbation, load
from uapseg.results.run_folder import SAFETENSORS


def download_needed(networks: Iterable[tuple[str, str | None]], data: Iterable[str | None]) -> None:
    """Downloads the missing files of networks and datasets, with a progress bar.

    Args:
        networks: (name, file of weights or None) of each network.
        data: The names of datasets; None stands for no dataset.

    Raises:
        UapsegError: There is no connection, no such name, or a file is corrupt.

    Example:
        >>> download_needed([("street", None)], ["street", None])  # both come with the package
    """
    for name, weights in networks:
        for download in models.missing_files(name, weights):
            with suppress(UnreachableError):  # loading the network tells what to do without a connection
                _with_bar(fetch(download), download.path.name)
    for name in dict.fromkeys(dataset_name for dataset_name in data if dataset_name):
        failed_names = _with_bar(datasets.download(name), name)
        if failed_names:
            print_progress(
                f"{len(failed_names)} pictures of {name} could not be downloaded and are left out, "
                f"{failed_names[0]} first."
            )


def _with_bar(progress: Generator[Progress, None, Any], name: str) -> Any:
    """Runs a download to its end, with a bar on standard error once bytes arrive; returns what it returns."""
    bar: Any = None
    while True:
        try:
            state = next(progress)
        except StopIteration as end:
            if bar is not None:
                bar.close()
            return end.value
        bar = bar or tqdm(total=state.total, unit="B", unit_scale=True, desc=name, file=sys.stderr, dynamic_ncols=True)
        bar.total = state.total
        bar.update(state.received - bar.n)


def load_perturbation(path: Path) -> Perturbation:
    """Reads a perturbation from its file, from the folder of its run, or from the Hub.

    Raises:
        UapsegError: There is none.

    Example:
        >>> import torch
        >>> from uapseg.results.perturbation_file import save_png
        >>> save_png(Path("a.png"), Perturbation(torch.zeros(3, 48, 64, dtype=torch.int16)))
        >>> load_perturbation(Path("a.png")).levels.shape
        torch.Size([3, 48, 64])
    """
    if is_on_hub(path):
        return load_from_hub(path.as_posix())
    return load(path / SAFETENSORS if path.is_dir() else path)


def load_network(options: Options, perturbation: Perturbation, size: tuple[int, int] | None = None) -> Segmenter:
    """Loads the network of ``--model``, else that of the plan in a perturbation's file, which is not trusted.

    Args:
        options: The flags of the network.
        perturbation: The perturbation that the network is attacked with.
        size: (width, height) of the pictures in pixels, if known.

    Raises:
        UapsegError: Neither names a network, it cannot be loaded, or that of the plan would run code or is not the one
            that the perturbation was trained against.

    Example:
        >>> import torch
        >>> options = Options(model="street:small", weights=None, device="cpu", strict=True)
        >>> load_network(options, Perturbation(torch.zeros(3, 48, 64, dtype=torch.int16))).name
        'street:small'
    """
    plan = perturbation.plan
    name = options.model or (plan and plan.model)
    if not name:
        raise UapsegError(
            f"{options.perturbation} contains no plan: name a network with --model, such as FILE.py:FUNCTION."
        )
    weights = options.weights or (plan.weights if plan and name == plan.model else None)
    download_needed([(name, weights)], [])
    device, allow_code = choose_device(options.device), bool(options.model)
    model = load_model(name, device, weights=weights, allow_code=allow_code, size=size, strict=options.strict)
    if not options.model:
        check_fingerprint(perturbation, model)
    return model


def check_fingerprint(perturbation: Perturbation, model: Segmenter) -> None:
    """Checks that a network is the one that a perturbation was trained against, if its file names one.

    Raises:
        UapsegError: It is not.

    Example:
        >>> import torch
        >>> perturbation = Perturbation(torch.zeros(3, 48, 64, dtype=torch.int16), fingerprint="0123456789ab")
        >>> check_fingerprint(perturbation, load_model("street:small"))
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: The perturbation was trained against street:small with the fingerprint ...
    """
    if perturbation.fingerprint not in {None, model.fingerprint}:
        raise UapsegError(
            f"The perturbation was trained against {model.name} with the fingerprint {perturbation.fingerprint}, and "
            f"{model.name} has {model.fingerprint} here: load its weights with --weights, or name any network with "
            "--model to measure on that."
        )


def needs_trust(plan: Plan) -> bool:
    """Whether a network of a plan runs code from a file.

    Example:
        >>> from uapseg import HideClasses, fast
        >>> target, settings = HideClasses(classes=("Car",)), fast(epsilon=0.04, budget=8)
        >>> rest = {"data": "street", "target": target, "settings": settings}
        >>> needs_trust(Plan(model="street", **rest)), needs_trust(Plan(model="mine.py:net", **rest))
        (False, True)
    """
    return any(map(runs_code, (plan.model, *plan.also)))


def check_trust(plan: Plan, *, allow_code: bool) -> None:
    """Checks that the plan of a file, which may come from anyone, runs no code without the user's consent.

    Raises:
        UapsegError: It would; the message names the network.

    Example:
        >>> from uapseg import HideClasses, fast
        >>> plan = Plan(model="mine.py:net", data="street", target=HideClasses(classes=("Car",)),
        ...             settings=fast(epsilon=10 / 255, budget=8))
        >>> check_trust(plan, allow_code=False)
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: The network mine.py:net runs code from a file: read that file, ...
    """
    name = next(filter(runs_code, (plan.model, *plan.also)), None)
    if name and not allow_code:
        raise UapsegError(f"The network {name} runs code from a file: read that file, then allow it with --trust.")
