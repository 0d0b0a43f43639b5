"""The commands models and datasets: what there is to choose from."""

from typing import Any

from uapseg.cli.output import columns, print_result
from uapseg.cli.parser import Options
from uapseg.datasets import SPLITS, dataset_names, load_dataset
from uapseg.models import load_model, model_names


def models(options: Options) -> None:
    """Prints the networks."""
    found = [_model(name) for name in model_names()]
    blocks = [
        columns([
            (line["name"], f"{line['parameters'] / 1e6:.1f} million parameters"),
            ("classes", ", ".join(line["classes"])),
            ("objects", ", ".join(line["objects"])),
            ("source", line["source"]),
            ("licence", line["licence"]),
        ])
        for line in found
    ]  # fmt: skip
    print_result({"models": found}, "\n\n".join(blocks), as_json=options.json)


def datasets(options: Options) -> None:
    """Prints the data sets; of those in a folder of the user's, the sizes are known when the folder is named."""
    names = options.names or dataset_names()
    found = [_dataset(name) for name in names]
    rows: list[tuple[str, ...]] = [("name", "size", *SPLITS, "licence")]
    for line in found:
        size = "x".join(map(str, line["size"])) if line["size"] else "any"
        rows.append(
            (line["name"], size, *(str(line["pictures"].get(split, "-")) for split in SPLITS), line["licence"])
        )
    print_result({"datasets": found}, columns(rows), as_json=options.json)


def _model(name: str) -> dict[str, Any]:
    model = load_model(name)
    return {
        "name": name,
        "classes": list(model.classes),
        "objects": list(model.objects),
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "source": model.source,
        "licence": model.licence,
    }


def _dataset(name: str) -> dict[str, Any]:
    if name.endswith(":FOLDER"):
        return {"name": name, "size": None, "pictures": {}, "licence": "its own"}
    splits = {split: load_dataset(name, split) for split in SPLITS}
    pictures = {split: len(dataset) for split, dataset in splits.items()}
    return {"name": name, "size": list(splits["test"].size), "pictures": pictures, "licence": splits["test"].licence}
