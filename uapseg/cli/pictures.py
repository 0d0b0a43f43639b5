"""The commands apply and figure: perturbed pictures and their segmentation."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

from uapseg.attack.perturbation import fit_picture
from uapseg.attack.run import choose_device, load_evaluation_data
from uapseg.cli.flags import Options
from uapseg.cli.loading import check_trust, download_needed, load_network, load_perturbation
from uapseg.cli.output import print_result, with_bar
from uapseg.datasets.batches import load_images
from uapseg.errors import UapsegError
from uapseg.io.files import create_folder, write
from uapseg.io.images import encode_png, read_picture, to_images, to_picture
from uapseg.models import Segmenter, load_model
from uapseg.results.evaluation import indices_showing_target
from uapseg.results.figures import Row, overlay
from uapseg.results.figures import draw_figure as render_figure
from uapseg.results.perturbation_file import Perturbation
from uapseg.results.run_folder import RunFolder

KINDS = {".png": "png", ".pdf": "pdf"}
"""The format of a figure by the ending of its file."""

ENDINGS = (".perturbed.png", ".seen.png")
"""What the names of a perturbed picture and of its segmentation end in."""

MAX_NAME_BYTES = 255
"""The longest file name that common file systems allow, in bytes of UTF-8."""


def apply(options: Options) -> None:
    """Writes each perturbed picture and its segmentation; unreadable pictures are skipped, and named at the end.

    Example:
        >>> import torch
        >>> from uapseg.cli import main
        >>> from uapseg.results.perturbation_file import save_png
        >>> Image.new("RGB", (64, 48), "gray").save("photo.png")
        >>> save_png(Path("none.png"), Perturbation(torch.zeros(3, 48, 64, dtype=torch.int16)))
        >>> main(["apply", "none.png", "photo.png", "--model", "street:small", "--out", "out"])
        out/photo.perturbed.png: the prediction changes in 0.0 % of the pixels.
        0
    """
    perturbation = load_perturbation(options.perturbation)
    outputs = _outputs(options.pictures, options.out, options.perturbation, overwrite=options.overwrite)
    model = load_network(options, perturbation)
    results, left_out = list[dict[str, Any]](), list[UapsegError]()
    pairs = list(zip(options.pictures, outputs, strict=True))
    for file, pair in with_bar(pairs, " pictures"):
        try:
            picture = read_picture(file)
        except UapsegError as error:
            left_out.append(error)
        else:
            results.append({"picture": str(file), **_perturb(picture, pair, perturbation, model)})
    if not results:
        raise left_out[0]
    print_result({"model": model.name, "pictures": results}, "\n".join(map(_line, results)), as_json=options.json)
    if left_out:
        number = f"{len(left_out)} of {len(pairs)} pictures could not be read; the others are written."
        raise UapsegError("\n".join(map(str, [*left_out, number])))


def figure(options: Options) -> None:
    """Draws test pictures and their segmentation, before and after the perturbation of a run."""
    folder = RunFolder.open(options.folder)
    check_trust(folder.plan, allow_code=options.trust)
    file = options.out or options.folder / "figure.png"
    if file.suffix.lower() not in KINDS:
        raise UapsegError(f"The figure {file.name} must end in .png or .pdf: choose such a name with --out.")
    perturbation, plan = folder.perturbation(), folder.plan
    download_needed([(plan.model, plan.weights)], [plan.data, plan.eval_data])
    dataset = load_evaluation_data(plan.data, plan.eval_data, plan.size)
    device = choose_device(options.device)
    model = load_model(
        plan.model, device, weights=plan.weights, allow_code=options.trust, size=dataset.size, strict=options.strict
    )
    images = load_images(dataset, indices_showing_target(model, dataset, plan.target, options.pictures), device)
    rows = [Row.measure(model, image[None], perturbation.delta) for image in images]
    title = f"{plan.target.title} \u00b7 epsilon {perturbation.ball} of 255 \u00b7 network {model.name}"
    content = render_figure(
        rows, perturbation.delta, perturbation.epsilon, model.classes, model.palette,
        title=title, kind=KINDS[file.suffix.lower()],
    )  # fmt: skip
    write(file, content)
    print_result(
        {"figure": str(file), "pictures": len(rows)}, f"{file} shows {len(rows)} test pictures.", as_json=options.json
    )


def _outputs(pictures: Sequence[Path], folder: Path, perturbation: Path, *, overwrite: bool) -> list[list[Path]]:
    """The files of each perturbed picture and its segmentation: no two alike, and none that is read as input."""
    create_folder(folder)
    reserved = {_name_key(file.resolve()) for file in (perturbation, *pictures)}
    outputs: list[list[Path]] = []
    for picture in pictures:
        stems = (_shorten(picture.stem, "" if number == 1 else f"-{number}") for number in count(1))
        pairs = ([folder.resolve() / f"{stem}{ending}" for ending in ENDINGS] for stem in stems)
        pair = next(pair for pair in pairs if reserved.isdisjoint(map(_name_key, pair)))
        reserved.update(map(_name_key, pair))
        outputs.append([folder / file.name for file in pair])
    existing_file = next((file for pair in outputs for file in pair if file.exists()), None)
    if existing_file and not overwrite:
        raise UapsegError(f"{existing_file} is already there: choose another folder with --out, or add --overwrite.")
    return outputs


def _shorten(stem: str, number: str) -> str:
    """The stem of a file's name and a number, shortened so that an ending still fits."""
    max_bytes = MAX_NAME_BYTES - len(number) - max(map(len, ENDINGS))
    content = os.fsencode(stem)
    return (stem if len(content) <= max_bytes else content[:max_bytes].decode(errors="ignore")) + number


def _name_key(file: Path) -> str:
    """The name of a file as a case-insensitive file system compares it."""
    return unicodedata.normalize("NFC", str(file)).casefold()


def _line(result: Mapping[str, Any]) -> str:
    sentence = f"{result['perturbed']}: the prediction changes in {100 * result['changed']:.1f} % of the pixels"
    if result["size"] == result["from_size"]:
        return f"{sentence}."
    size, original_size = ("x".join(map(str, result[name])) for name in ("size", "from_size"))
    return f"{sentence} (at {size}, scaled down from {original_size} to fit the perturbation)."


def _perturb(
    picture: Image.Image, outputs: Sequence[Path], perturbation: Perturbation, model: Segmenter
) -> dict[str, Any]:
    device = next(model.buffers()).device
    fitted_picture = fit_picture(picture, perturbation.picture_size)
    row = Row.measure(model, to_images(fitted_picture).to(device), perturbation.delta)
    segmentation = overlay(row.perturbed, row.perturbed_prediction, model.palette)
    for output, output_picture in zip(
        outputs, (to_picture(row.perturbed), Image.fromarray(segmentation)), strict=True
    ):
        write(output, encode_png(output_picture))
    changed_share = (row.prediction != row.perturbed_prediction).float().mean().item()
    sizes = {"size": list(fitted_picture.size), "from_size": list(picture.size)}
    return {"perturbed": str(outputs[0]), "seen": str(outputs[1]), "changed": changed_share, **sizes}
