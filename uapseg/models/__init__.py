"""Segmentation networks: the embedded ones, torchvision's, Hugging Face's, and the user's own."""

from uapseg.models.registry import (
    ModelInfo,
    catalogue,
    load_model,
    missing_files,
    model_names,
    runs_code,
    short_name,
)
from uapseg.models.segmenter import RGB, Segmenter

__all__ = [
    "RGB",
    "ModelInfo",
    "Segmenter",
    "catalogue",
    "load_model",
    "missing_files",
    "model_names",
    "runs_code",
    "short_name",
]
