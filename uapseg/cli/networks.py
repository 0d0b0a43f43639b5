"""The networks of a command: code from a file runs only where the user named it, or trusts the plan that does."""

from uapseg.cli.downloads import bring
from uapseg.cli.flags import Options
from uapseg.errors import UapsegError
from uapseg.export import Perturbation
from uapseg.models import Segmenter, load_model, runs_code
from uapseg.run import Plan, choose_device


def network_for(options: Options, perturbation: Perturbation) -> Segmenter:
    """Loads the network of ``--model``, else of the plan in a perturbation's file, which is not trusted.

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
    bring([(name, weights)], [])
    return load_model(name, choose_device(options.device), weights=weights, trusted=bool(options.model))


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
