"""The command line. A mistake is one sentence on standard error and exit status 2."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from uapseg.cli.interruption import STOPS, signals
from uapseg.cli.parser import make_parser
from uapseg.errors import UapsegError

MISTAKE = 2
"""Exit status after a mistake of the user."""

STOPPED = 128
"""Exit status after a signal, to which the number of the signal is added."""

PIPE_SIGNAL = 13
"""The number of SIGPIPE, which not every system has."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The words after the program's name; None takes those of this process, which is about to exit.

    Returns:
        The exit status: 0, 2 after a mistake of the user, or 128 plus the number of the signal that stopped it: 130
        after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, 141 if the reader of the output has gone.

    Example:
        >>> main(["evaluate", "foo.png", "--split", "future"])
        2
    """
    try:
        with signals.catch():
            options = make_parser().parse_args(arguments)
            options.command(options)
    except UapsegError as error:
        _say(f"{error}\n")
        return MISTAKE
    except BrokenPipeError:  # whoever reads the output wants no more of it, as `head` does
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor does Python's own last flush
        return STOPPED + PIPE_SIGNAL
    except KeyboardInterrupt as stop:
        if arguments is None:
            for number in STOPS:  # everything is saved: a further Ctrl-C would only print a traceback
                signal.signal(number, signal.SIG_IGN)
        _say(f"{stop.args[0] if stop.args else 'Stopped.'}\n")
        return STOPPED + signals.number
    return 0


def _say(text: str) -> None:
    """Writes to standard error, if the terminal still exists."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
