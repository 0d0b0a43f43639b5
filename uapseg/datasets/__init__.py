"""Datasets: rendered street scenes, COCO, official folders, and the user's own pictures."""

from uapseg.datasets.registry import (
    Dataset,
    DatasetInfo,
    attribution,
    catalogue,
    dataset_names,
    download,
    load_dataset,
    missing_files,
    overlap,
)
from uapseg.datasets.splits import SPLITS, Split

__all__ = [
    "SPLITS",
    "Dataset",
    "DatasetInfo",
    "Split",
    "attribution",
    "catalogue",
    "dataset_names",
    "download",
    "load_dataset",
    "missing_files",
    "overlap",
]
