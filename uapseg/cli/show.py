"""The commands apply and figure: pictures of what a perturbation does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from uapseg.cli.downloads import bring
from uapseg.cli.flags import Options
from uapseg.cli.networks import check_trust, network_for
from uapseg.cli.output import print_result
from uapseg.errors import UapsegError
from uapseg.evaluate import images_of
from uapseg.export import Perturbation, load
from uapseg.files import write
from uapseg.folder import RunFolder
from uapseg.models import Segmenter, load_model
from uapseg.perturbation import eight_bit, perturb
from uapseg.pictures import encoded, read_picture, to_images, to_picture
from uapseg.render import Row, overlay
from uapseg.render import figure as render_figure
from uapseg.run import choose_device, reported
from uapseg.tensors import Images

KINDS = {".png": "png", ".pdf": "pdf"}


def apply(options: Options) -> None:
    """Writes each perturbed picture, and what the network sees in it."""
    perturbation = load(options.perturbation)
    outputs = _outputs(options.pictures, options.out, overwrite=options.overwrite)
    model = network_for(options, perturbation)
    done = [_perturbed(*pair, perturbation, model) for pair in zip(options.pictures, outputs, strict=True)]
    lines = [
        f"{line['perturbed']}: the network sees {100 * line['changed']:.1f} % of the pixels otherwise."
        for line in done
    ]
    print_result({"model": model.name, "pictures": done}, "\n".join(lines), as_json=options.json)


def figure(options: Options) -> None:
    """Writes the table of a run: pictures and what the network sees, before and after."""
    folder = RunFolder.open(options.folder)
    check_trust(folder.plan, trusted=options.trust)
    file = options.out or options.folder / "figure.png"
    if file.suffix.lower() not in KINDS:
        raise UapsegError(f"The figure {file.name} must end in .png or .pdf: choose such a name with --out.")
    perturbation, plan = folder.perturbation(), folder.plan
    bring([(plan.model, plan.weights)], [plan.data, plan.eval_data])
    model = load_model(plan.model, choose_device(options.device), weights=plan.weights, trusted=options.trust)
    dataset = reported(plan.data, plan.eval_data, plan.size)
    device = next(model.buffers()).device
    images = images_of(dataset, range(min(options.pictures, len(dataset))), device)
    rows = [_row(image[None], perturbation, model) for image in images]
    title = f"{plan.target.title} \u00b7 epsilon {255 * perturbation.epsilon:g} of 255 \u00b7 network {plan.model}"
    content = render_figure(
        rows, perturbation.delta, perturbation.epsilon, model.classes, model.palette,
        title=title, kind=KINDS[file.suffix.lower()],
    )  # fmt: skip
    write(file, content)
    print_result(
        {"figure": str(file), "pictures": len(rows)}, f"{file} shows {len(rows)} test pictures.", as_json=options.json
    )


def _outputs(pictures: Sequence[Path], folder: Path, *, overwrite: bool) -> list[tuple[Path, Path]]:
    """Where each perturbed picture goes, and what the network sees beside it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UapsegError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    names: list[str] = []
    for picture in pictures:
        number = sum(stem == picture.stem for stem in (p.stem for p in pictures[: len(names)]))
        names.append(picture.stem if not number else f"{picture.stem}-{number + 1}")
    outputs = [(folder / f"{name}.perturbed.png", folder / f"{name}.seen.png") for name in names]
    taken = next((file for pair in outputs for file in pair if file.exists()), None)
    if taken and not overwrite:
        raise UapsegError(f"{taken} is already there: choose another folder with --out, or add --overwrite.")
    return outputs


def _perturbed(file: Path, outputs: tuple[Path, Path], perturbation: Perturbation, model: Segmenter) -> dict[str, Any]:
    device = next(model.buffers()).device
    row = _row(to_images(read_picture(file)).to(device), perturbation, model)
    seen = overlay(row.perturbed, row.seen_perturbed, model.palette)
    for output, picture in zip(outputs, (to_picture(row.perturbed), Image.fromarray(seen)), strict=True):
        write(output, encoded(picture))
    changed = (row.seen != row.seen_perturbed).float().mean().item()
    return {"picture": str(file), "perturbed": str(outputs[0]), "seen": str(outputs[1]), "changed": changed}


def _row(images: Images, perturbation: Perturbation, model: Segmenter) -> Row:
    """A picture (1, 3, h, w) before and after, as 8-bit files hold it."""
    changed = eight_bit(perturb(images, perturbation.delta.to(images.device)))
    before, after = model.predict(images), model.predict(changed)
    return Row(images[0].cpu(), before[0].cpu(), changed[0].cpu(), after[0].cpu())
