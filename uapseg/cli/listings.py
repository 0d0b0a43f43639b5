"""The commands models and datasets: what can be chosen, and how large the downloads are."""

from dataclasses import asdict
from typing import Any

from uapseg import datasets as data
from uapseg import models as networks
from uapseg.cli.flags import Options
from uapseg.cli.loading import download_needed
from uapseg.cli.output import columns, print_result
from uapseg.errors import UapsegError
from uapseg.results.full_report import list_files

OTHER_MODELS = "Also: hf:ID_OR_FOLDER, smp:ID_OR_FOLDER, FILE.py:FUNCTION, FILE.pt2 and FILE.torchscript."


def models(options: Options) -> None:
    """Prints the networks known by name, or the details of the given ones.

    Example:
        >>> models(Options(names=["street:small"], size=None, strict=True, json=False))
        name         street:small
        parameters ...
    """
    if options.names:
        entries = [_model(name, options) for name in options.names]
        text = "\n\n".join(columns(list(_describe(entry).items())) for entry in entries)
    else:
        entries = [asdict(card) for card in networks.catalogue()]
        rows: list[tuple[str, ...]] = [("name", "parameters", "classes", "cached", "download", "licence")]
        for entry in entries:
            size = f"{entry['parameters'] / 1e6:.1f} million"
            cached, download = _cost(entry)
            rows.append((entry["name"], size, str(entry["classes"]), cached, download, entry["licence"]))
        text = f"{columns(rows)}\n{OTHER_MODELS}"
    print_result({"models": entries}, text, as_json=options.json)


def datasets(options: Options) -> None:
    """Prints the datasets, or the sizes of the given ones.

    Example:
        >>> datasets(Options(names=["street"], json=False))
        name    size     train  val  test  classes  cached  download  licence
        street  384x256  4000   64   64    11       yes     - ...
    """
    cards = {card.name: card for card in data.catalogue()}
    entries = [_dataset(name, cards) for name in options.names] or [asdict(card) for card in cards.values()]
    rows: list[tuple[str, ...]] = [("name", "size", *data.SPLITS, "classes", "cached", "download", "licence")]
    for entry in entries:
        size = "x".join(map(str, entry["size"])) if entry["size"] else "varies"
        counts = (str(entry["pictures"].get(split, "-")) for split in data.SPLITS)
        classes = "-" if entry["classes"] is None else str(entry["classes"])
        rows.append((entry["name"], size, *counts, classes, *_cost(entry), entry["licence"]))
    lines = [text for entry in entries for text in (*list_files(entry.get("skipped", [])), *entry.get("notes", []))]
    print_result({"datasets": entries}, "\n".join([columns(rows), *lines]), as_json=options.json)


def _cost(line: dict[str, Any]) -> tuple[str, str]:
    """Whether it is cached on this machine, and the size of the download."""
    size = line["download_bytes"]
    return "yes" if line["cached"] else "no", "-" if size is None else f"{size / 1e6:.0f} MB"


def _model(name: str, options: Options) -> dict[str, Any]:
    download_needed([(name, None)], [])
    model = networks.load_model(name, size=options.size, strict=options.strict)
    return {
        "name": name,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "classes": list(model.classes),
        "objects": list(model.objects),
        "multiple": model.multiple,
        "source": model.source,
        "licence": model.licence,
        "fingerprint": model.fingerprint,
    }


def _describe(line: dict[str, Any]) -> dict[str, str]:
    cells = {name: str(value) for name, value in line.items()}
    cells |= {name: ", ".join(line[name]) for name in ("classes", "objects")}
    sides = f"padded inside to multiples of {line['multiple']}" if line["multiple"] > 1 else "any"
    cells |= {"parameters": f"{line['parameters'] / 1e6:.1f} million", "multiple": sides}
    return {{"multiple": "sides"}.get(name, name): value for name, value in cells.items()}


def _dataset(name: str, cards: dict[str, data.DatasetInfo]) -> dict[str, Any]:
    """The contents of a dataset; only its catalogue entry if it is not downloaded yet."""
    if name in cards and not cards[name].cached:
        return asdict(cards[name])
    download_needed([], [name])
    splits, errors = dict[str, data.Dataset](), list[UapsegError]()
    for split in data.SPLITS:
        try:
            splits[split] = data.load_dataset(name, split)
        except UapsegError as error:  # a split may be empty
            errors.append(error)
    if not splits:
        raise errors[0]
    last = list(splits.values())[-1]
    return {
        "name": name,
        "pictures": {split: len(splits[split]) if split in splits else 0 for split in data.SPLITS},
        "size": list(last.size),
        "classes": len(last.classes),
        "skipped": sorted({file for dataset in splits.values() for file in dataset.skipped}),
        "notes": list(dict.fromkeys(note for dataset in splits.values() for note in dataset.notes)),
        "licence": last.licence,
        "cached": True,
        "download_bytes": None,
    }
