"""What happens on the page's events. Each handler knows its visitor by the token alone."""

from typing import final

from uapseg.app.context import BUTTONS, CONTROLS
from uapseg.app.files import Files

__all__ = ["BUTTONS", "CONTROLS", "Handlers"]


@final
class Handlers(Files):
    """The events of one page: those of visits, turns on the device, uploads and files."""
