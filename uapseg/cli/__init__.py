"""The command line: it parses, calls, and prints; a mistake is one sentence on standard error and exit status 2."""

import sys
from collections.abc import Sequence

from uapseg.cli.parser import make_parser
from uapseg.errors import UapsegError

MISTAKE = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The words after the program's name; None takes those of this process.

    Returns:
        The exit status: 0, 2 after a mistake of the user's, 130 when interrupted.
    """
    try:
        options = make_parser().parse_args(arguments)
        options.command(options)
    except UapsegError as error:
        sys.stderr.write(f"{error}\n")
        return MISTAKE
    except KeyboardInterrupt as stop:
        sys.stderr.write(f"{stop.args[0] if stop.args else 'Stopped.'}\n")
        return INTERRUPTED
    return 0
