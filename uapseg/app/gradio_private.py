"""What the page uses of Gradio without a promise that it stays; all of it is here, and a test looks at each part."""

from pathlib import Path

from gradio.events import api as add_endpoint
from gradio.utils import get_upload_folder

__all__ = ["add_endpoint", "upload_folder"]


def upload_folder() -> Path:
    """The folder in which Gradio stores what is uploaded, each file in a folder of its own."""
    return Path(get_upload_folder()).resolve()
