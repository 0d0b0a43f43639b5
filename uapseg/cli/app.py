"""The command app: the page, on this machine."""

from uapseg.cli.flags import Options


def app(options: Options) -> None:
    """Serves the page until it is interrupted."""
    from uapseg.app import build, launch_options  # noqa: PLC0415  Gradio takes a second to import

    build().launch(**launch_options(), server_name=options.host, server_port=options.port)
