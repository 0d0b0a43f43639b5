"""A run as a page of its own: scores, pictures, curve, plan and the perturbation itself in one HTML file."""

import base64
import hashlib
import html
import platform
import statistics
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from uapseg.app import messages
from uapseg.app.exports.command import PLAN_FILE, to_command
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.server import read_static
from uapseg.io.files import to_json
from uapseg.results.perturbation_file import save_png
from uapseg.targets.metrics import Scores
from uapseg.targets.selection import groups_gone

WIDTH, HEIGHT = 640, 240
"""The size of the curve, without its axes."""

LEFT, BELOW = 52, 44
"""Room for its axes."""

PACKAGES = ("uapseg", "torch", "torchvision", "numpy")


def report(work: FinishedRun) -> str:
    """Renders the report as HTML."""
    title = html.escape(work.title)
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="lead">{html.escape(_summary(work))}</p>',
        f'<p class="note">{html.escape(_origin())}</p>',
        _image(_data_uri("image/jpeg", work.figure("jpg")), "Pictures and predictions, before and after", "wide"),
        "<h2>Scores</h2>",
        _table(work),
        f'<p class="note">{html.escape(_method(work))}</p>',
        "<h2>Success during the run</h2>",
        _curve(work),
        "<h2>The perturbation</h2>",
        _perturbation(work),
        "<h2>Repeat the run</h2>",
        *_repeat(work),
        f"<details><summary>Plan and hashes (JSON)</summary><pre>{html.escape(_json(work))}</pre></details>",
    ]
    body = "\n".join(parts)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>{title}</title>'
        f"<style>{read_static('report.css')}</style></head><body><main>{body}</main></body></html>"
    )


def _summary(work: FinishedRun) -> str:
    best, target = work.state.best_validation, work.plan.target
    gone_groups = groups_gone(best.counts, target)
    return messages.summary(target, best.scores, work.run.baselines, work.run.source, gone_groups)


def _origin() -> str:
    """The date and the software versions of the report."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    now = datetime.now(UTC)
    return f"{now.day} {now:%B %Y, %H:%M} UTC. {versions}, Python {platform.python_version()}."


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from its sources"


def _method(work: FinishedRun) -> str:
    best, image_gradients = work.state.best_validation, work.state.image_gradients
    low, high = (messages.percent(end) for end in best.interval or (None, None))
    each = sorted(share for share in best.each if share is not None)
    name = next(iter(best.scores)).replace("_", " ")
    spread = (
        f" In single pictures it lies between {messages.percent(each[0])} and {messages.percent(each[-1])}, with a "
        f"median of {messages.percent(statistics.median(each))}."
        if each
        else ""
    )
    return (
        f"Measured on {len(best.each)} pictures of {work.plan.data} that were not used for training. They selected "
        f"this perturbation, the iterate after {best.image_gradients:,} of {image_gradients:,} image-gradients, so "
        f"scores in other pictures may be a little lower. The 95 % interval of {name} is {low} to {high}.{spread} "
        "Pictures are 8-bit; the reference is what the network predicts in the clean pictures. Random "
        f"noise is {work.plan.settings.ball.noise_name}."
    )


def _table(work: FinishedRun) -> str:
    columns = {
        "perturbed": work.state.best_validation.scores,
        "random noise": work.run.baselines.get("random_noise", {}),
        "clean": work.run.baselines.get("clean", {}),
    }
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    meanings = {label.name: label.text for label in messages.score_labels(work.plan.target, work.run.source)}
    rows = "".join(
        _score_row(name, meanings.get(name, ""), list(columns.values())) for name in work.state.best_validation.scores
    )
    return f'<table><thead><tr><th scope="col">score</th>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _score_row(name: str, meaning: str, columns: Sequence[Scores]) -> str:
    cells = "".join(f"<td>{messages.percent(column.get(name))}</td>" for column in columns)
    small = f" <small>{html.escape(meaning)}</small>" if meaning else ""
    return f'<tr><th scope="row">{html.escape(name.replace("_", " "))}{small}</th>{cells}</tr>'


def _curve(work: FinishedRun) -> str:
    """The first score over image-gradients, as SVG with axes."""
    label = messages.score_labels(work.plan.target, work.run.source)[0]
    rows = [
        (image_gradients, share)
        for image_gradients, scores in work.run.curve
        if (share := scores.get(label.name)) is not None
    ]
    last = max([image_gradients for image_gradients, _ in rows], default=1) or 1
    points = " ".join(
        f"{image_gradients / last * WIDTH:.1f},{(1 - share) * HEIGHT:.1f}" for image_gradients, share in rows
    )
    lines = [
        f'<path class="grid" d="M0 {(1 - share) * HEIGHT:.0f}H{WIDTH}"/>'
        f'<text class="end" x="-8" y="{(1 - share) * HEIGHT + 4:.0f}">{100 * share:.0f} %</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    lines += [
        f'<text class="{anchor}" x="{share * WIDTH:.0f}" y="{HEIGHT + 18}">{round(share * last):,}</text>'
        for share, anchor in ((0, ""), (0.5, "middle"), (1, "end"))
    ]
    noise = work.run.baselines.get("random_noise", {}).get(label.name)
    if noise is not None:
        height = (1 - noise) * HEIGHT
        lines.append(
            f'<path class="baseline" d="M0 {height:.1f}H{WIDTH}"/>'
            f'<text class="end" x="{WIDTH}" y="{height - 6:.1f}">random noise</text>'
        )
    view = f"{-LEFT} -12 {WIDTH + LEFT + 8} {HEIGHT + BELOW + 12}"
    return (
        f'<figure><figcaption>Share {html.escape(label.text)}</figcaption><svg viewBox="{view}" role="img" '
        f'aria-label="Success over image-gradients">{"".join(lines)}<polyline points="{points}"/>'
        f'<text class="middle" x="{WIDTH / 2}" y="{HEIGHT + 38}">image-gradients</text></svg></figure>'
    )


def _perturbation(work: FinishedRun) -> str:
    """The file of the perturbation, to view and to download."""
    with tempfile.TemporaryDirectory(prefix="uapseg-") as folder:
        path = Path(folder) / "perturbation.png"
        save_png(path, work.perturbation)
        uri = _data_uri("image/png", path.read_bytes())
    name = f"uapseg-epsilon{round(work.plan.settings.epsilon * 255)}.png"
    return (
        f'{_image(uri, "The perturbation")}<p><a download="{name}" href="{uri}">Save {name}</a>. Its'
        " values are 128 + grey levels, and it contains the plan. The page opens it, and so do <code>uapseg "
        "apply</code> and <code>uapseg evaluate</code>.</p>"
    )


def _repeat(work: FinishedRun) -> list[str]:
    """The command that repeats the run, and its requirements."""
    command = to_command(work.plan, work.workspace.size)
    parts = [f"<pre>{html.escape(command)}</pre>"]
    if PLAN_FILE in command:
        parts.append(f"<p>First save the text under “Plan and hashes” as {PLAN_FILE}.</p>")
    if work.run.plan_changes:
        changes = html.escape(
            ", ".join(f"{label} at {image_gradients:,}" for image_gradients, label in work.run.plan_changes)
        )
        parts.append(
            f"<p>The plan was changed during the run ({changes} image-gradients); the command trains with the last "
            "one from the beginning.</p>"
        )
    return parts


def _json(work: FinishedRun) -> str:
    facts = {
        "plan": work.plan.to_dict(),
        "sha256 of the perturbation (int16 grey levels, 3 x height x width)": hashlib.sha256(
            work.levels.tobytes()
        ).hexdigest(),
        "fingerprint of the network": work.workspace.model.fingerprint,
        "image-gradients": work.state.image_gradients,
        "seconds": round(work.state.seconds, 1),
        "plan changes": [f"{label} at {image_gradients}" for image_gradients, label in work.run.plan_changes],
        "success in each picture": list(work.state.best_validation.each),
    }
    return to_json(facts, indent=2)


def _image(uri: str, alternative: str, kind: str = "") -> str:
    return f'<img class="{kind}" src="{uri}" alt="{alternative}">'


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
