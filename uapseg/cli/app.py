"""The command app: serves the page on this machine."""

from uapseg.cli.flags import Options


def app(options: Options) -> None:
    """Serves the page until it is interrupted."""
    from uapseg.app import build, launch_options  # noqa: PLC0415  Gradio takes a second

    build().launch(**launch_options(), server_name=options.host, server_port=options.port)
