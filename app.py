"""The page, as Hugging Face Spaces runs it: ``python app.py``."""

import sys
from contextlib import suppress
from importlib import import_module

with suppress(ImportError):  # only Hugging Face Spaces has it, and it must come before torch
    import_module("spaces")

from uapseg.app import build, launch_options
from uapseg.errors import UapsegError

if __name__ == "__main__" and sys.argv[1:]:
    sys.exit("python app.py takes no options: use python -m uapseg app, which has --host and --port.")

try:
    demo = build()
except UapsegError as error:  # what the environment sets is not as it should be
    sys.exit(f"{error}")

if __name__ == "__main__":
    demo.launch(**launch_options())
