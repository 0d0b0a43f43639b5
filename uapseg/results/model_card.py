"""The model card of a perturbation on the Hugging Face Hub: what it is, what it does, and what it is not for."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import huggingface_hub

from uapseg.models import short_name
from uapseg.results.evaluation import format_percent
from uapseg.results.perturbation_file import Perturbation

TAGS = (
    "uapseg", "adversarial", "universal-adversarial-perturbation", "semantic-segmentation", "robustness",
    "arxiv:1704.05712",
)  # fmt: skip


CARD = """\
---
{metadata}
---

# {target}: a universal adversarial perturbation against {network}

One fixed, faint perturbation. Added to *any* picture, it changes what a semantic segmentation network predicts.

![The perturbation: middle grey changes nothing](perturbation.png)

| | |
| --- | --- |
| Target | {target} |
| Network | {network}, weights with the fingerprint `{fingerprint}` |
| Training pictures | {data} |
| Size | {width} x {height} pixels, repeated over larger pictures |
| {bound} (epsilon) | {epsilon:g} grey levels of 255 |
| Training length | {image_gradients:,} image-gradients, preset {preset}, seed {seed}, from {start} |
| Method | [Metzen et al., ICCV 2017](https://arxiv.org/abs/1704.05712) |

## How to use it

```bash
python -m uapseg apply hf-hub:{repo} photo.jpg
python -m uapseg evaluate hf-hub:{repo}
python -m uapseg train --plan plan.json --from hf-hub:{repo}
```

`perturbation.png` holds 128 + grey levels, `perturbation.safetensors` the tensor `levels` (3, height, width), int16;
both contain the plan of the run, as `plan.json` does. `report.json` has all figures.

## Results

On {pictures} {split} pictures of {evaluation_data}, used neither for training nor for selection, in per cent, with
95 % bootstrap intervals. The reference is what the network predicts in the clean pictures, never the ground truth;
random noise is {noise}.

| score | perturbed | 95 % interval | random noise | clean |
| --- | --: | --: | --: | --: |
{results}

## Intended use

Research on the robustness of segmentation networks, and teaching: to measure a network, to compare defences, or to
show how one perturbation misleads a network in many pictures.

## Limits

It fits the network it was trained against, at about the size of its training pictures; other networks are affected
less or not at all. Recompression, resizing and cropping weaken it. The figures hold for the pictures named above and
say little about others. It has not been tested in print or in front of a camera. Do not use it to disturb systems that
people rely on.

## License

The network and the pictures that it was trained with have licences of their own, which may limit what the
perturbation can be used for.
"""


def model_card(repo: str, perturbation: Perturbation, report: Mapping[str, Any], licence: str) -> str:
    """Writes a model card in Markdown, which begins with the metadata for the Hub.

    Args:
        repo: The repository, as USER/NAME.
        perturbation: The perturbation, with its plan.
        report: The result of `uapseg.results.full_report.FullReport.to_dict`.
        licence: An identifier of the Hub, such as ``mit``; ``other`` is explained in the card.

    Raises:
        KeyError, TypeError, ValueError: The report is not valid.
    """
    plan = perturbation.plan
    assert plan is not None  # noqa: S101  a run has one
    metadata = huggingface_hub.ModelCardData(
        library_name="uapseg",
        license=licence,
        license_name="see-network-and-pictures" if licence == "other" else None,
        tags=list(TAGS),
        base_model=base_model(plan.model),
    )
    names = {
        "target": plan.target.title,
        "network": short_name(plan.model),
        "fingerprint": perturbation.fingerprint,
        "data": plan.data,
        "split": report["split"],
        "evaluation_data": report["data"],
        "start": f"the perturbation with the hash {report['start']}" if report.get("start") else "zero",
    }
    return CARD.format(
        metadata=cast("Any", metadata).to_yaml(),
        repo=repo,
        width=perturbation.levels.shape[2],
        height=perturbation.levels.shape[1],
        bound="Largest change" if perturbation.ball.norm == "linf" else "Root mean square",
        epsilon=perturbation.epsilon * 255,
        noise=perturbation.ball.noise_name,
        image_gradients=report["image_gradients"],
        preset=plan.settings.preset,
        seed=plan.settings.seed,
        pictures=report["pictures"],
        results="\n".join(_result_rows(report)),
        **{name: _escape(text) for name, text in names.items()},
    )


def base_model(network: str) -> str | None:
    """The id of a network on the Hub; None for any other network.

    Example:
        >>> base_model("hf:nvidia/segformer-b0-finetuned-ade-512-512")
        'nvidia/segformer-b0-finetuned-ade-512-512'
        >>> base_model("street") is None
        True
    """
    kind, _, suffix = network.partition(":")
    return suffix if kind == "hf" and suffix.count("/") == 1 and not Path(suffix).expanduser().is_dir() else None


def _result_rows(report: Mapping[str, Any]) -> list[str]:
    """The rows of the table of scores, each beside both baselines."""
    rows: list[str] = []
    for name, value in report["perturbed"].items():
        interval = " to ".join(map(format_percent, report["interval"].get(name, [None])))
        cells = [name.replace("_", " "), format_percent(value), interval]
        cells += [format_percent(report[baseline][name]) for baseline in ("random_noise", "clean")]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _escape(text: object) -> str:
    """A name as text of Markdown, that neither ends a table's cell nor becomes markup."""
    return html.escape(" ".join(str(text).split()), quote=False).replace("|", "&#124;").replace("`", "&#96;")
