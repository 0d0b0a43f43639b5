"""What the page uses of Gradio without a promise that it stays; all of it is here, and a test looks at each part."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gradio.events import api as add_endpoint
from gradio.utils import get_upload_folder

__all__ = ["add_endpoint", "local_file", "upload_folder"]

FILE_ROUTE = "/gradio_api/file="
"""What the address of a file contains that the page gave; its path follows."""


def upload_folder() -> Path:
    """The folder in which Gradio stores what is uploaded, each file in a folder of its own."""
    return Path(get_upload_folder()).resolve()


def local_file(sent: Any) -> Any:
    """A value that was sent, with the path of a file in place of the address that this page gave of it.

    Gradio would download it from itself, and refuses to where the page is on this machine. It checks the path after.
    """
    path = sent.get("path") if isinstance(sent, dict) else None
    if not isinstance(path, str) or FILE_ROUTE not in path:
        return sent
    local = Path(unquote(path.partition(FILE_ROUTE)[2])).resolve()
    inside = local.is_relative_to(upload_folder()) and local.is_file()
    return {"path": str(local), "meta": {"_type": "gradio.FileData"}} if inside else sent
