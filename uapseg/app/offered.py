"""What a page that is open to the public may offer: only this can be chosen there, and only this is downloaded."""

import os

from uapseg.errors import UapsegError
from uapseg.models import model_names


def offered_models() -> tuple[str, ...]:
    """The networks of the operator's list: ``UAPSEG_MODELS``, separated by commas.

    Returns:
        Without a list, those that are known by name; on Hugging Face Spaces the embedded one alone.
    """
    return _listed("UAPSEG_MODELS") or (("street",) if _on_spaces() else model_names())


def offered_datasets() -> tuple[str, ...]:
    """The sets of pictures of the operator's list: ``UAPSEG_DATASETS``, separated by commas.

    Returns:
        Without a list, ``street`` and COCO; on Hugging Face Spaces ``street`` alone.
    """
    return _listed("UAPSEG_DATASETS") or (("street",) if _on_spaces() else ("street", "coco-mini", "coco:val2017"))


def check_model(name: str) -> None:
    """Makes sure that a network may be loaded for anyone who asks.

    Raises:
        UapsegError: It is not on the list.
    """
    _check(name, offered_models(), "network", "UAPSEG_MODELS")


def check_dataset(name: str) -> None:
    """Makes sure that a set of pictures may be opened for anyone who asks.

    Raises:
        UapsegError: It is not on the list.
    """
    _check(name, offered_datasets(), "set of pictures", "UAPSEG_DATASETS")


def _check(name: str, offered: tuple[str, ...], kind: str, variable: str) -> None:
    if name not in offered:
        raise UapsegError(
            f"This page does not offer the {kind} {name}: choose one of {', '.join(offered)}; "
            f"who runs the page sets the list in {variable}."
        )


def _listed(variable: str) -> tuple[str, ...]:
    names = (name.strip() for name in os.environ.get(variable, "").split(","))
    return tuple(dict.fromkeys(filter(None, names)))


def _on_spaces() -> bool:
    return "SPACE_ID" in os.environ
