"""Settings of the machine: numbers in environment variables, and the number of threads."""

import os
import re

from uapseg.errors import UapsegError

MAX_THREADS = 8
"""The most threads that decode images; beyond this, memory bandwidth is the limit."""


def read_number(variable: str, default: int, minimum: int = 0, unit: str = "") -> int:
    """Reads a whole number from an environment variable.

    Args:
        variable: The name of the variable.
        default: The value if the variable is unset or empty.
        minimum: The smallest value allowed.
        unit: What the number counts, for the error message.

    Raises:
        UapsegError: The variable holds anything else.

    Example:
        >>> read_number("UAPSEG_UNSET", default=7)
        7
    """
    setting = os.environ.get(variable, "").strip()
    if not setting:
        return default
    if not re.fullmatch(r"[0-9]{1,12}", setting) or int(setting) < minimum:
        kind = f"whole number of {unit}" if unit else "whole number"
        raise UapsegError(f"{variable} is {setting[:40]!r}: give it as a {kind} from {minimum} on, such as {default}.")
    return int(setting)


def thread_count() -> int:
    """Returns how many threads decode images: one for each CPU core available to the process, at most 8.

    Example:
        >>> 1 <= thread_count() <= MAX_THREADS
        True
    """
    core_count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MAX_THREADS, core_count)
