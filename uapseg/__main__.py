"""Runs the command line: ``python -m uapseg``."""

import sys

from uapseg.cli import main

if __name__ == "__main__":
    sys.exit(main())
