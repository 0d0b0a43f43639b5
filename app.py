"""The page, as Hugging Face Spaces runs it: ``python app.py``."""

import threading
from contextlib import suppress

with suppress(ImportError):  # only Hugging Face Spaces has it, and it must come before torch
    import spaces  # noqa: F401

from uapseg.ui import build, draw_scenes, launch_options

demo = build()

if __name__ == "__main__":
    threading.Thread(target=draw_scenes, daemon=True).start()
    demo.launch(**launch_options())
