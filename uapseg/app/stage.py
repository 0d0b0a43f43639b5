"""The stage: everything right of the controls. It pulls what it shows; only what is painted on it goes to Python."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

STATIC = Path(__file__).parent / "static"
SCRIPTS = (
    "base.js", "views.js", "modes.js", "compare.js", "paper.js", "tools.js", "hand.js", "figures.js", "look.js",
    "curve.js", "trade.js", "strength.js", "strip.js", "coming.js", "camera.js", "recorded.js",
    "story.js", "pull.js",
)  # fmt: skip
STYLES = ("look.css", "controls.css", "stage.css", "parts.css", "panels.css", "small.css")


def read(*names: str) -> str:
    """The text of files in ``static``, one after the other."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def script() -> str:
    """All scripts as one, without indents and comments on lines of their own: a sixth of their weight."""
    lines = (line.strip() for line in read(*SCRIPTS).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/* ---")))


def stage(answers: Sequence[Callable[[Any], Any]], facts: dict[str, Any]) -> gr.HTML:
    """Live views, target painter, figures.

    Its value is ``{"drawing": data URI of a PNG or None}``. Its template is static: Gradio would otherwise draw it
    anew at each change and drop what the scripts added. (It is no subclass, for which Gradio writes a stub file.)

    Args:
        answers: The functions that the scripts call: ``pull`` for what is new, ``look`` for what was.
        facts: Its words, and the first network with its pictures.
    """
    return gr.HTML(
        {"drawing": None},
        html_template=read("stage.html"),
        js_on_load=script(),
        apply_default_css=False,
        server_functions=list(answers),
        elem_id="u-stage",
        token=None,
        facts=facts,
    )
