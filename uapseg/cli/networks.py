"""The networks of a command: code from a file runs only where the user named it, or trusts the plan that does."""

from uapseg.attack.run import Plan, choose_device
from uapseg.cli.downloads import download_needed
from uapseg.cli.flags import Options
from uapseg.errors import UapsegError
from uapseg.models import Segmenter, load_model, runs_code
from uapseg.results.perturbation_file import Perturbation


def network_for(options: Options, perturbation: Perturbation, size: tuple[int, int] | None = None) -> Segmenter:
    """Loads the network of ``--model``, else of the plan in a perturbation's file, which is not trusted.

    Args:
        options: With the flags of networks.
        perturbation: What it is to look at.
        size: (width, height) of the pictures, where that is known.

    Raises:
        UapsegError: Neither names a network, it cannot be had, or the plan's would run code.
    """
    plan = perturbation.plan
    name = options.model or (plan and plan.model)
    if not name:
        raise UapsegError(
            f"{options.perturbation} holds no plan: say which network is to look, such as --model FILE.py:FUNCTION."
        )
    weights = options.weights or (plan.weights if plan and name == plan.model else None)
    download_needed([(name, weights)], [])
    device, trusted = choose_device(options.device), bool(options.model)
    return load_model(name, device, weights=weights, trusted=trusted, size=size, strict=options.strict)


def needs_trust(plan: Plan) -> bool:
    """Whether a network of a plan runs code from a file."""
    return any(map(runs_code, (plan.model, *plan.also)))


def check_trust(plan: Plan, *, trusted: bool) -> None:
    """Makes sure that the plan of a file, which may be anyone's, runs no code that the user has not allowed.

    Raises:
        UapsegError: It would; the network is named.
    """
    name = next(filter(runs_code, (plan.model, *plan.also)), None)
    if name and not trusted:
        raise UapsegError(f"The network {name} runs code from a file: read that file, then allow it with --trust.")
