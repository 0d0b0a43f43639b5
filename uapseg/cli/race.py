"""The command race: named settings at an equal budget, on any network and pictures."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from uapseg.arms import SCREEN
from uapseg.charts import race_chart
from uapseg.cli.downloads import bring
from uapseg.cli.output import columns, print_progress, print_result, with_progress
from uapseg.cli.parser import Options
from uapseg.cli.targets import target_of, title_of
from uapseg.datasets import load_dataset
from uapseg.errors import UapsegError
from uapseg.evaluate import percent
from uapseg.files import write
from uapseg.models import load_model
from uapseg.race import Course, Result, run_arm, standings
from uapseg.run import choose_device, reported


def race(options: Options) -> None:
    """Runs each arm with each seed, unless the file already holds it, and prints the standings."""
    course = _course(options)
    key = {"model": options.model, "data": options.data, "size": options.size, "target": title_of(course.target),
           "epsilon": options.epsilon, "budget": options.budget}  # fmt: skip
    key = json.loads(json.dumps(key))
    done = [line for line in _lines(options.out) if line["race"] == key]
    for arm in _arms(options, key):
        for seed in range(options.seeds):
            if not any((line["arm"], line["seed"]) == (arm, seed) for line in done):
                done += [{"race": key, **result.to_dict()} for result in _run(course, arm, seed, options.out, key)]
    if not done:
        raise UapsegError("No arm could run: raise the budget, or choose other arms.")
    arms = standings(done)
    floors = {name: done[0][name] for name in ("random_noise", "clean")}
    title = f"{title_of(course.target)} · {options.data} · network {options.model} · epsilon {options.epsilon:g}"
    picture = options.out.with_suffix(".png")
    write(picture, race_chart(arms, floors, title))
    fields = {"arms": arms, "winner": arms[0]["arm"], **floors, **key, "file": str(options.out), "chart": str(picture)}
    print_result(fields, f"{title}\n{_table(arms, floors)}\n{picture} shows the curves.", as_json=options.json)


def _course(options: Options) -> Course:
    bring([(options.model, options.weights)], [options.data, options.eval_data])
    model = load_model(options.model, choose_device(options.device), weights=options.weights)
    train, held_out = (load_dataset(options.data, split, options.size) for split in ("train", "val"))
    target = target_of(options, model, options.data, train.size)
    if target is None:
        raise UapsegError("Say what the network is to see with --text, --mask, --scene or --hide.")
    test = reported(options.data, options.eval_data, options.size)
    return Course(model, train, held_out, test, target, options.epsilon / 255, options.budget)


def _arms(options: Options, key: dict[str, Any]) -> list[str]:
    """The arms that are named, else those of the screen, else the best of an earlier and smaller race."""
    if options.best is None:
        return options.arms.split(",") if options.arms else list(SCREEN)
    earlier = [
        line
        for line in _lines(options.out)
        if {**line["race"], "budget": 0, "size": 0} == {**key, "budget": 0, "size": 0}
    ]
    smaller = [line for line in earlier if line["budget"] < options.budget]
    if not smaller:
        raise UapsegError(
            f"{options.out} holds no race of a smaller budget to take the best arms from: run one first."
        )
    return [arm["arm"] for arm in standings(smaller)[: options.best]]


def _run(course: Course, arm: str, seed: int, out: Path, key: dict[str, Any]) -> Iterator[Result]:
    """Runs one arm, keeps its result at once, and yields it; an arm that cannot run here is named and left out."""
    print_progress(f"{arm}, seed {seed}")
    snapshots, found = run_arm(course, arm, seed), list[Result]()

    def kept() -> Iterator[Any]:
        found.append((yield from snapshots))

    try:
        for _ in with_progress(kept(), course.budget, 0):
            pass
    except UapsegError as error:
        print_progress(f"{arm} is left out: {error}")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file:
        file.write(json.dumps({"race": key, **found[0].to_dict()}) + "\n")
    yield found[0]


def _lines(file: Path) -> list[dict[str, Any]]:
    """The results in a file; a line that was cut off is left out."""
    lines: list[dict[str, Any]] = []
    if file.is_file():
        for line in file.read_text().splitlines():
            with suppress(ValueError):
                lines.append(json.loads(line))
    return lines


def _table(arms: list[dict[str, Any]], floors: dict[str, dict[str, float | None]]) -> str:
    names = list(arms[0]["perturbed"])
    rows = [("arm", *(name.replace("_", " ") for name in names), "on those learnt from", "seconds")]
    for arm in arms:
        cells = (_cell(arm, name) for name in names)
        rows.append((arm["arm"], *cells, percent(arm["training"][names[0]]), f"{arm['seconds']:.0f}"))
    rows += [
        (name.replace("_", " "), *(percent(floor[one]) for one in names), "", "") for name, floor in floors.items()
    ]
    return columns(rows)


def _cell(arm: dict[str, Any], name: str) -> str:
    if name not in arm["interval"]:
        return percent(arm["perturbed"][name])
    low, high = (percent(end) for end in arm["interval"][name])
    return f"{percent(arm['perturbed'][name])} ({low} to {high})"
