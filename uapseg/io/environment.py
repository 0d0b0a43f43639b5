"""What the machine gives: numbers in the variables of the environment, and threads."""

import os
import re

from uapseg.errors import UapsegError

MAX_THREADS = 8


def read_number(variable: str, usual: int, least: int = 0, unit: str = "") -> int:
    """The whole number in a variable.

    Args:
        variable: Its name.
        usual: What counts where it is not set, or empty.
        least: The smallest number that makes sense.
        unit: What the number counts, for the message.

    Raises:
        UapsegError: It holds anything else.
    """
    setting = os.environ.get(variable, "").strip()
    if not setting:
        return usual
    if not re.fullmatch(r"[0-9]{1,12}", setting) or int(setting) < least:
        kind = f"whole number of {unit}" if unit else "whole number"
        raise UapsegError(f"{variable} is {setting[:40]!r}: give it as a {kind} from {least} on, such as {usual}.")
    return int(setting)


def thread_count() -> int:
    """How many pictures are decoded at once."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MAX_THREADS, allowed)
