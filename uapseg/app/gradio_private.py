"""What the page uses of Gradio without a promise that it stays; all of it is here, and a test looks at each part."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from gradio import events
from gradio.utils import get_upload_folder

__all__ = ["add_endpoint", "local_file", "upload_folder"]

FILE_ROUTE = "/gradio_api/file="
"""What the address of a file contains that the page gave; its path follows."""


def add_endpoint(answer: Callable[..., Any]) -> None:
    """Adds a function to the API of the page that is being built, under its own name."""
    cast("Any", events).api(
        answer, api_name=answer.__name__, concurrency_limit=None
    )  # calls wait in the queue of the device


def upload_folder() -> Path:
    """The folder in which Gradio stores uploads, each file in a folder of its own.

    Example:
        >>> upload_folder().is_absolute()
        True
    """
    return Path(get_upload_folder()).resolve()


def local_file(payload: Any) -> Any:
    """Replaces the address of a file on this page by its path in a value from the browser.

    Gradio would download the file from itself, which it refuses on a local page. It checks the path afterwards.

    Example:
        >>> local_file("text"), local_file({"path": "/etc/passwd"})
        ('text', {'path': '/etc/passwd'})
    """
    path = cast("dict[str, Any]", payload).get("path") if isinstance(payload, dict) else None
    if not isinstance(path, str) or FILE_ROUTE not in path:
        return cast("Any", payload)
    local = Path(unquote(path.partition(FILE_ROUTE)[2])).resolve()
    inside = local.is_relative_to(upload_folder()) and local.is_file()
    return {"path": str(local), "meta": {"_type": "gradio.FileData"}} if inside else cast("Any", payload)
