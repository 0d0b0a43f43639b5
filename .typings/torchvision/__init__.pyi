"""Types of what uapseg uses of torchvision, which brings none."""

__version__: str
