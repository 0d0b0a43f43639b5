"""The network of a command: the one that is named, else the perturbation's own, if that runs no code from a file."""

from uapseg.cli.downloads import bring
from uapseg.cli.flags import Options
from uapseg.errors import UapsegError
from uapseg.export import Perturbation
from uapseg.models import Segmenter, load_model
from uapseg.run import choose_device


def network_for(options: Options, perturbation: Perturbation) -> Segmenter:
    """Loads the network of ``--model``, else of the plan in a perturbation's file, which is not trusted.

    Raises:
        UapsegError: Neither names a network, it cannot be had, or the plan's would run code.
    """
    plan = perturbation.plan
    name = options.model or (plan and plan.model)
    if not name:
        raise UapsegError(f"{options.perturbation} holds no plan: say which network is to look with --model.")
    weights = options.weights or (plan.weights if plan and name == plan.model else None)
    bring([(name, weights)], [])
    return load_model(name, choose_device(options.device), weights=weights, trusted=bool(options.model))
