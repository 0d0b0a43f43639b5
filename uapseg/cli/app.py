"""The command app: serves the page on this machine."""

import socket

from uapseg.cli.flags import Options
from uapseg.errors import UapsegError, one_line

LOCAL = "127.0.0.1"
"""The address that only this machine reaches."""


def app(options: Options) -> None:
    """Serves the page until it is interrupted.

    Raises:
        UapsegError: The address is in use, or not one of this machine.
    """
    from uapseg.app import build, launch_options  # noqa: PLC0415  Gradio takes a second

    try:
        _check_address(options.host or LOCAL, options.port or 0)
        build().launch(**launch_options(), server_name=options.host, server_port=options.port)
    except OSError as error:
        raise UapsegError(
            f"The page cannot be served ({one_line(error)}): choose another --port or --host."
        ) from error


def _check_address(host: str, port: int) -> None:
    """Listens on an address for a moment: Gradio would look for a free port there at length.

    Raises:
        OSError: It is in use, or not one of this machine.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    socket.create_server(address[:2], family=family).close()
