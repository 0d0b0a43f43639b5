"""The command line: it parses, calls, and prints; a mistake is one sentence on standard error and exit status 2."""

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from uapseg.cli.interruption import STOPS, signals
from uapseg.cli.parser import make_parser
from uapseg.errors import UapsegError

MISTAKE = 2
STOPPED = 128
"""What the number of a signal is added to."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The words after the program's name; None takes those of this process, which then ends.

    Returns:
        The exit status: 0, 2 after a mistake of the user's, 128 and its number when a signal stopped it: 130 after
        Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
    """
    try:
        with signals.caught():
            options = make_parser().parse_args(arguments)
            options.command(options)
    except UapsegError as error:
        _say(f"{error}\n")
        return MISTAKE
    except KeyboardInterrupt as stop:
        if arguments is None:
            for number in STOPS:  # all is done: a further Ctrl-C would only litter the way out
                signal.signal(number, signal.SIG_IGN)
        _say(f"{stop.args[0] if stop.args else 'Stopped.'}\n")
        return STOPPED + signals.number
    return 0


def _say(text: str) -> None:
    """Writes on standard error, if the terminal is still there."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
