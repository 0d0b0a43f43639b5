"""A run as a page of its own: figures, pictures, curve and plan in one HTML file."""

import base64
import hashlib
import html
from collections.abc import Sequence

from uapseg.app import messages
from uapseg.app.finished_run import FinishedRun
from uapseg.app.server import read_static
from uapseg.app.sharing import PLAN_FILE, to_command
from uapseg.io.files import to_json
from uapseg.targets.metrics import Scores, groups_gone

WIDTH, HEIGHT = 640, 220


def report(work: FinishedRun) -> str:
    """The page as text."""
    figure = base64.b64encode(work.figure("jpg")).decode()
    parts = [
        f"<h1>{html.escape(work.title)}</h1>",
        f"<p>{html.escape(_plain(work))}</p>",
        f'<img src="data:image/jpeg;base64,{figure}" alt="Pictures before and after, and what the network sees">',
        "<h2>Figures</h2>",
        _table(work),
        f"<p>{html.escape(_how(work))}</p>",
        "<h2>Curve</h2>",
        _curve(work),
        "<h2>Each picture</h2>",
        f"<p>{', '.join(messages.whole(share) for share in work.state.best_validation.each)}</p>",
        "<h2>To do it again</h2>",
        *_again(work),
        "<h2>Plan and hashes</h2>",
        f"<pre>{html.escape(to_json(_facts(work), indent=2))}</pre>",
    ]
    title, body = html.escape(work.title), "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{read_static('report.css')}</style><main>{body}</main></html>"
    )


def _again(work: FinishedRun) -> list[str]:
    """The command that does it again, and what it needs."""
    command = to_command(work.plan, work.workspace.size)
    parts = [f"<pre>{html.escape(command)}</pre>"]
    if PLAN_FILE in command:
        parts.append(f"<p>Save the text under “Plan and hashes” as {PLAN_FILE} first.</p>")
    if work.run.legs:
        parts.append(
            "<p>This run was changed on the way; the command searches for its last plan from the beginning.</p>"
        )
    return parts


def _plain(work: FinishedRun) -> str:
    chosen, target = work.state.best_validation, work.plan.target
    gone = groups_gone(chosen.counts, target)
    return messages.plain(target, chosen.scores, work.run.floors, work.run.source, gone)


def _how(work: FinishedRun) -> str:
    pictures = f"{len(work.state.best_validation.each)} pictures of {work.plan.data}"
    iterate = f"{work.state.best_validation.image_gradients} of {work.state.image_gradients} image-gradients"
    return (
        f"On {pictures} not learnt from that chose this perturbation, the iterate after {iterate}, in 8 bits; "
        "what it sees in the clean pictures is the reference."
    )


def _facts(work: FinishedRun) -> dict[str, object]:
    return {
        "plan": work.plan.to_dict(),
        "sha256 of the perturbation (int16 grey levels, 3 x height x width)": hashlib.sha256(
            work.levels.tobytes()
        ).hexdigest(),
        "fingerprint of the network": work.workspace.model.fingerprint,
        "image-gradients": work.state.image_gradients,
        "seconds": round(work.state.seconds, 1),
        "changed on the way": [f"{label} at {spent}" for spent, label in work.run.legs],
    }


def _table(work: FinishedRun) -> str:
    columns = {
        "perturbed": work.state.best_validation.scores,
        "clean": work.run.floors.get("clean", {}),
        "random noise": work.run.floors.get("random_noise", {}),
    }
    head = "".join(f"<th>{name}</th>" for name in columns)
    rows = "".join(_row(name, list(columns.values())) for name in work.state.best_validation.scores)
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _row(name: str, columns: Sequence[Scores]) -> str:
    cells = "".join(f"<td>{messages.whole(column.get(name))}</td>" for column in columns)
    return f"<tr><th>{html.escape(name.replace('_', ' '))}</th>{cells}</tr>"


def _curve(work: FinishedRun) -> str:
    """The first score over image-gradients, as SVG."""
    name = messages.shares(work.plan.target, work.run.source)[0][0]
    rows = [(spent, scores[name]) for spent, scores in work.run.curve if scores.get(name) is not None]
    last = max([spent for spent, _ in rows], default=1) or 1
    points = " ".join(f"{spent / last * WIDTH:.1f},{(1 - (share or 0)) * HEIGHT:.1f}" for spent, share in rows)
    noise = work.run.floors.get("random_noise", {}).get(name)
    floor = f'<path d="M0 {(1 - noise) * HEIGHT:.1f}H{WIDTH}" class="floor"/>' if noise is not None else ""
    end = f"{last} image-gradients"
    return (
        f'<svg viewBox="-4 -8 {WIDTH + 8} {HEIGHT + 32}" role="img" aria-label="Success over image-gradients">'
        f'<path d="M0 0H{WIDTH}M0 {HEIGHT}H{WIDTH}" class="grid"/>{floor}<polyline points="{points}"/>'
        f'<text y="{HEIGHT + 18}">0</text><text x="{WIDTH}" y="{HEIGHT + 18}" class="end">{end}</text>'
        "</svg>"
    )
