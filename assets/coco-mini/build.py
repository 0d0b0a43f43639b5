"""Lists pictures of COCO for the data set `coco-mini`, from annotations and pictures that lie in a folder.

    python assets/coco-mini/build.py FOLDER

FOLDER holds annotations/instances_{train,val}2017.json and {train,val}2017/*.jpg, byte for byte as they are given out:
their checksums and sizes go into manifest.json, beside numbers, categories, licences and addresses at Flickr.
"""

import argparse
import hashlib
from pathlib import Path
from typing import Any

from uapseg.datasets.coco.annotations import select_annotations
from uapseg.datasets.coco.mini import MANIFEST
from uapseg.datasets.coco.selection import Selection
from uapseg.io.files import to_json, write


def manifest(root: Path) -> dict[str, Any]:
    """Everything that `uapseg.datasets.coco.mini.listed` reads."""
    entries = [
        one.entry
        for folder in ("train2017", "val2017")
        for one in select_annotations(root / "annotations" / f"instances_{folder}.json", folder, Selection()).pictures
    ]
    licences = {entry.licence.number: entry.licence for entry in entries}
    pictures: list[list[Any]] = []
    for entry in entries:
        content = (root / entry.folder / entry.file).read_bytes()
        shares = {name: round(share, 4) for name, share in sorted(entry.shares.items())}
        digest = hashlib.sha256(content).hexdigest()
        pictures.append([entry.folder, entry.number, entry.licence.number, entry.source, len(content), digest, shares])
    return {
        "licences": [[number, one.name, one.url] for number, one in sorted(licences.items())],
        "pictures": pictures,
    }


def main() -> None:
    """Writes the list, a picture a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, metavar="FOLDER")
    text = to_json(manifest(parser.parse_args().root))
    write(MANIFEST, text.replace('["train2017"', '\n["train2017"').replace('["val2017"', '\n["val2017"').encode())


if __name__ == "__main__":
    main()
