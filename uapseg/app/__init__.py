"""The page: the whole project in a browser."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported

from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import gradio as gr
from gradio.themes import Base, LocalFont
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from uapseg.app.catalogue import SPACE_PAIR, listed_examples, offered_datasets, offered_models, on_spaces
from uapseg.app.exports.hub import fetch_in_background
from uapseg.app.handlers.context import Context, default_patience
from uapseg.app.page import page
from uapseg.app.runs.registry import Registry
from uapseg.app.server import STATIC, STYLES, BodyLimit, limit_arenas, read_static, routes
from uapseg.app.view.polling import Polling
from uapseg.app.workspace_cache import WorkspaceCache


def build(workspaces: WorkspaceCache | None = None, *, patience: float | None = None) -> gr.Blocks:
    """Builds the page; launch it with `launch_options`.

    Args:
        workspaces: Networks and pictures; None for those on offer, see `uapseg.app.catalogue`.
        patience: Seconds after which a run that nobody watches is paused; None takes ``UAPSEG_PATIENCE``, or 30.
    """
    limit_arenas()
    cache, runs = workspaces or WorkspaceCache(offered_models(), offered_datasets()), Registry()
    blocks = page(Context(cache, runs, default_patience() if patience is None else patience), Polling(cache, runs))
    if workspaces is None:
        cache.first.render_in_background()
        fetch_in_background(cache.first, listed_examples())
        if on_spaces():
            cache.fetch_in_background(SPACE_PAIR)
    return blocks


def launch_options() -> dict[str, Any]:
    """The arguments of `gr.Blocks.launch` with which this page looks and behaves as designed.

    Example:
        >>> launch_options()["max_file_size"]
        '40mb'
    """
    return {
        "theme": theme(),
        "head": f"<style>{read_static(*STYLES)}</style>",  # css= would be rewritten, and lose rules
        "max_file_size": "40mb",
        "show_error": False,  # other messages than ours name files of the server
        "favicon_path": str(STATIC / "icon.svg"),
        "run_history": False,
        "enable_monitoring": False,  # what visitors do is not for other visitors
        "footer_links": [],
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": has_mcp(),
        "state_session_capacity": 500,
        "app_kwargs": {
            "routes": routes(),
            "middleware": [Middleware(BodyLimit), Middleware(GZipMiddleware, minimum_size=4096, compresslevel=5)],
        },
    }


def has_mcp() -> bool:
    """Whether the package mcp is installed in a version that Gradio supports: agents then find the endpoints as tools.

    Example:
        >>> isinstance(has_mcp(), bool)
        True
    """
    try:
        return int(version("mcp").partition(".")[0]) < 2
    except PackageNotFoundError:
        return False


def theme() -> Base:
    """A neutral theme in a typeface bundled with Gradio, of which only the weights 400 and 700 are complete.

    Example:
        >>> type(theme()).__name__
        'Base'
    """
    sans = LocalFont("IBM Plex Sans", weights=(400, 700))
    base = Base(
        primary_hue="neutral",
        neutral_hue="neutral",
        radius_size="sm",
        spacing_size="sm",
        text_size="md",
        font=[sans, "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return cast("Any", base).set(
        slider_color="#1b1a17",
        slider_color_dark="#f3f1ec",
        block_info_text_color="#5f5c55",
        block_info_text_color_dark="#b9b5ab",
    )
