"""What happens on the page's events. Each handler knows its visitor by the token alone."""

from typing import final

from uapseg.ui.desk import BUTTONS, CONTROLS
from uapseg.ui.uploads import Uploads

__all__ = ["BUTTONS", "CONTROLS", "Handlers"]


@final
class Handlers(Uploads):
    """The events of one page: those of visits, turns on the device, and uploads."""
