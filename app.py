"""The page, as Hugging Face Spaces runs it: ``python app.py``."""

from contextlib import suppress

with suppress(ImportError):  # only Hugging Face Spaces has it, and it must come before torch
    import spaces  # noqa: F401

from uapseg.ui import build, launch_options

demo = build()

if __name__ == "__main__":
    demo.launch(**launch_options())
