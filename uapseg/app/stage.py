"""The stage: everything right of the controls. It asks for what it shows; only a drawing goes to Python by itself."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Route

STATIC = Path(__file__).parent / "static"
STYLES = ("look.css", "gradio.css", "controls.css", "stage.css", "parts.css", "panels.css", "small.css", "present.css")
EVENTS = (
    "back", "cancel", "fetch", "forget", "lost", "noise", "painted", "ready", "reel", "settled", "turn", "view",
)  # fmt: skip
"""What the scripts trigger. Gradio takes for an event of a component each name in quotes in its ``js_on_load``."""

FOREVER = "public, max-age=31536000, immutable"
"""How long a browser keeps a script: another version has another address."""


def read_static(*names: str) -> str:
    """The text of files in ``static``, one after the other."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def _modules_path() -> str:
    """Where the page's own server offers the scripts: another address for each version, so that none is ever stale."""
    scripts = "".join(read_static(file.name) for file in sorted(STATIC.glob("*.js")))
    return f"/scripts-{hashlib.sha256(scripts.encode()).hexdigest()[:12]}"


MODULES = _modules_path()


async def _script(request: Request) -> FileResponse:
    name = request.path_params["name"]
    if name not in {file.name for file in STATIC.glob("*.js")}:
        raise HTTPException(404)
    return FileResponse(STATIC / name, media_type="text/javascript", headers={"Cache-Control": FOREVER})


def routes() -> list[BaseRoute]:
    """The routes that the page needs besides Gradio's own."""
    return [Route(f"{MODULES}/{{name}}", _script)]  # a mount of files would not know a root_path


def load_script() -> str:
    """The script of the component: connects the modules to it; they are found wherever the page is served."""
    return f"""
        const modules = window.gradio_config.root + '{MODULES}/';
        const events = {list(EVENTS)};
        import(modules + 'context.js').then(({{ connect }}) => {{
            connect({{ element, props, server, trigger, watch }});
            return import(modules + 'app.js');
        }});
    """


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
        html_template=read_static("stage.html"),
        js_on_load=load_script(),
        apply_default_css=False,
        server_functions=list(answers),
        elem_id="u-stage",
        token=None,
        facts=facts,
    )
