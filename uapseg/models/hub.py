"""What networks from Hugging Face's hub share: ids and folders, a connection check, and plain errors."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory

import huggingface_hub
from huggingface_hub.errors import GatedRepoError

from uapseg.errors import UapsegError, one_line
from uapseg.io.download import Download, UnreachableError, fetch


def resolve_place(suffix: str) -> str:
    """Resolves the folder of a network, or its id on the hub.

    Args:
        suffix: The name of the network without its kind.

    Raises:
        UapsegError: It is neither, or a folder without ``config.json``.

    Example:
        >>> resolve_place("nvidia/segformer-b0")
        'nvidia/segformer-b0'
    """
    folder = Path(suffix).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UapsegError(f"The folder {folder} has no config.json: name one that save_pretrained has written.")
        return str(folder)
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", suffix):
        raise UapsegError(f"There is no folder {folder}: name a folder with a saved network, or an id.")
    return suffix


def check_connection(place: str) -> None:
    """Fails at once without a connection; the hub's own library would retry for half a minute.

    Args:
        place: The id of a network.

    Raises:
        UnreachableError: There is no connection.
    """
    url = f"{huggingface_hub.constants.ENDPOINT}/{place}/resolve/main/config.json"
    with TemporaryDirectory() as folder:
        try:
            for _ in fetch(Download(url=url, path=Path(folder) / "config.json")):
                pass
        except UnreachableError:
            raise
        except UapsegError:
            pass  # private, or not there: the hub's library knows more


@contextmanager
def plain_errors(name: str) -> Generator[None]:
    """Reports any exception while a network is loaded in one sentence.

    Args:
        name: What the user calls the network.

    Raises:
        UapsegError: An exception was raised.

    Example:
        >>> with plain_errors("hf:mine"):
        ...     raise OSError("no weights")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: The network hf:mine cannot be loaded (no weights).
    """
    try:
        yield
    except UnreachableError as error:
        raise UapsegError(
            f"There is no internet and no cached weights for {name}: choose street, or name a folder as"
            f" {name.partition(':')[0]}:FOLDER."
        ) from error
    except UapsegError:
        raise
    except UnpicklingError as error:
        raise UapsegError(
            f"The weights of {name} would run code when they are read: choose a network whose weights are safetensors."
        ) from error
    except Exception as error:  # libraries raise almost anything on a damaged network
        if isinstance(error.__cause__, GatedRepoError):
            raise UapsegError(
                f"The network {name} requires you to accept its terms: accept them on its page, then log in with "
                "hf auth login."
            ) from error
        raise UapsegError(f"The network {name} cannot be loaded ({one_line(error)}).") from error
