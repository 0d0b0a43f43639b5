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

OTHER_MODELS = "Also: hf:ID_OR_FOLDER, FILE.py:FUNCTION, FILE.pt2 and FILE.torchscript."


def models(options: Options) -> None:
    """Prints the networks known by name, or the details of the given ones.

    Example:
        >>> models(Options(names=["street:small"], size=None, strict=True, json=False))
        name         street:small
        parameters ...
    """
    if options.names:
        found = [_model(name, options) for name in options.names]
        text = "\n\n".join(columns(list(_describe(line).items())) for line in found)
    else:
        found = [asdict(card) for card in networks.catalogue()]
        rows: list[tuple[str, ...]] = [("name", "parameters", "classes", "cached", "download", "licence")]
        for line in found:
            size = f"{line['parameters'] / 1e6:.1f} million"
            here, download = _cost(line)
            rows.append((line["name"], size, str(line["classes"]), here, download, line["licence"]))
        text = f"{columns(rows)}\n{OTHER_MODELS}"
    print_result({"models": found}, text, as_json=options.json)


def datasets(options: Options) -> None:
    """Prints the datasets, or the sizes of the given ones.

    Example:
        >>> datasets(Options(names=["street"], json=False))
        name    size     train  val  test  classes  cached  download  licence
        street  384x256  4000   64   64    11       yes     - ...
    """
    cards = {card.name: card for card in data.catalogue()}
    found = [_dataset(name, cards) for name in options.names] or [asdict(card) for card in cards.values()]
    rows: list[tuple[str, ...]] = [("name", "size", *data.SPLITS, "classes", "cached", "download", "licence")]
    for line in found:
        size = "x".join(map(str, line["size"])) if line["size"] else "varies"
        counts = (str(line["pictures"].get(split, "-")) for split in data.SPLITS)
        classes = "-" if line["classes"] is None else str(line["classes"])
        rows.append((line["name"], size, *counts, classes, *_cost(line), line["licence"]))
    lines = [text for line in found for text in (*list_files(line.get("skipped", [])), *line.get("notes", []))]
    print_result({"datasets": found}, "\n".join([columns(rows), *lines]), as_json=options.json)


def _cost(line: dict[str, Any]) -> tuple[str, str]:
    """Whether it is on this machine, and the size of the download."""
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
    plain = {name: str(value) for name, value in line.items()}
    plain |= {name: ", ".join(line[name]) for name in ("classes", "objects")}
    sides = f"padded inside to multiples of {line['multiple']}" if line["multiple"] > 1 else "any"
    plain |= {"parameters": f"{line['parameters'] / 1e6:.1f} million", "multiple": sides}
    return {{"multiple": "sides"}.get(name, name): value for name, value in plain.items()}


def _dataset(name: str, cards: dict[str, data.DatasetInfo]) -> dict[str, Any]:
    """What a data set contains; its catalogue entry if it would have to be downloaded first."""
    if name in cards and not cards[name].cached:
        return asdict(cards[name])
    download_needed([], [name])
    splits, refusals = dict[str, data.Dataset](), list[UapsegError]()
    for split in data.SPLITS:
        try:
            splits[split] = data.load_dataset(name, split)
        except UapsegError as error:  # a split may be empty
            refusals.append(error)
    if not splits:
        raise refusals[0]
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
