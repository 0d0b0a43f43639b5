"""The command race: named settings at an equal budget, on any network and pictures."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from uapseg.attack.run import choose_device, load_evaluation_data, load_training_data
from uapseg.cli.flags import Options
from uapseg.cli.interruption import Stop, signals
from uapseg.cli.loading import download_needed
from uapseg.cli.output import columns, print_progress, print_result, with_progress
from uapseg.cli.targets import target_of
from uapseg.datasets import load_dataset
from uapseg.errors import UapsegError
from uapseg.io.files import read, write
from uapseg.models import load_model
from uapseg.results.benchmark import Benchmark, LeaderboardRow, Result, leaderboard, run_variant
from uapseg.results.charts import draw_benchmark
from uapseg.results.evaluation import format_percent
from uapseg.results.variants import DEFAULT_VARIANTS, variant_settings
from uapseg.targets.metrics import Scores

ALIKE = ("model", "weights", "data", "target", "epsilon")
"""What a smaller race must share for its best variants to be taken; budget and size of the pictures may differ."""

BEGINNING = '{"race": '
"""How each line of results begins."""


def race(options: Options) -> None:
    """Runs each variant with each seed, unless the file already holds it, and prints the leaderboard."""
    benchmark = load_benchmark(options)
    key = _key(options, benchmark)
    variants = _variants(options, key)
    results = [line for line in _lines(options.out) if line["race"] == key]
    _check_writable(options.out)
    try:
        for variant, seed in product(variants, range(options.seeds)):
            if not any((line["variant"], line["seed"]) == (variant, seed) for line in results):
                results += [_append_result(options.out, key, result) for result in _run(benchmark, variant, seed)]
    except KeyboardInterrupt as stop:
        message = f"Stopped; {options.out} keeps what has run to its end, and the same command goes on from there."
        raise Stop(signals.number, message) from stop
    if not results:
        raise UapsegError("No variant could run: raise the budget, or choose other variants.")
    _print_leaderboard(options, key, results)


def load_benchmark(options: Options) -> Benchmark:
    """Loads the network, the pictures and the target that the flags name.

    Raises:
        UapsegError: One is not known, or they do not fit together.

    Example:
        >>> from uapseg.cli.parser import make_parser
        >>> words = ["race", "--hide", "Car", "--model", "street:small", "--data", "street?scenes=2", "--budget", "8"]
        >>> load_benchmark(make_parser().parse_args([*words, "--device", "cpu"])).target.title
        'without Car'
    """
    download_needed([(options.model, options.weights)], [options.data, options.eval_data])
    train = load_training_data(options.data, options.eval_data, options.size)
    held_out = load_dataset(options.data, "val", options.size)
    device = choose_device(options.device)
    model = load_model(options.model, device, weights=options.weights, size=train.size, strict=options.strict)
    target = target_of(options, model, options.data, train.size)
    assert target is not None  # noqa: S101  the parser asks for one
    test = load_evaluation_data(options.data, options.eval_data, options.size)
    return Benchmark(model, train, held_out, test, target, options.epsilon / 255, options.budget)


def _key(options: Options, benchmark: Benchmark) -> dict[str, Any]:
    """The properties that comparable results share, as plain JSON values."""
    fields = {
        "model": options.model, "weights": benchmark.model.fingerprint, "data": options.data,
        "eval_data": options.eval_data, "size": benchmark.train.size, "target": benchmark.target.title,
        "target_hash": sha256(json.dumps(asdict(benchmark.target)).encode()).hexdigest()[:16],
        "epsilon": options.epsilon, "budget": options.budget,
    }  # fmt: skip
    return json.loads(json.dumps(fields))


def _variants(options: Options, key: dict[str, Any]) -> list[str]:
    """The variants of the flags, or the default ones, or the best of the largest smaller race in the file."""
    if options.best is None:
        variants: list[str] = (
            [variant.strip() for variant in options.variants.split(",")] if options.variants else [*DEFAULT_VARIANTS]
        )
        for variant in variants:  # a mistake in the last name is reported before the first runs
            variant_settings(variant, epsilon=options.epsilon / 255, budget=options.budget, seed=0)
        return variants
    comparable_results = [
        line for line in _lines(options.out) if all(line["race"].get(name) == key[name] for name in ALIKE)
    ]
    smaller_results = [line for line in comparable_results if line["budget"] < options.budget]
    if not smaller_results:
        raise UapsegError(
            f"{options.out} holds no race of a smaller budget to take the best variants from: run one first."
        )
    largest = max(line["budget"] for line in smaller_results)
    rows = _leaderboard(options.out, [line for line in smaller_results if line["budget"] == largest])
    return [variant["variant"] for variant in rows[: options.best]]


def _run(benchmark: Benchmark, variant: str, seed: int) -> list[Result]:
    """Runs one variant; one that cannot run here is reported, and has no result."""
    print_progress(f"{variant}, seed {seed}")
    results: list[Result] = []

    def collect() -> Iterator[Any]:
        results.append((yield from run_variant(benchmark, variant, seed)))

    try:
        deque(with_progress(collect(), benchmark.target, benchmark.budget, 0), maxlen=0)
    except UapsegError as error:
        print_progress(f"{variant} is left out: {error}")
    return results


def _check_writable(file: Path) -> None:
    """Checks that the file can be written, before the first variant runs."""
    if file.suffix == ".png":
        raise UapsegError(f"{file} is where the chart would go: choose a name in .jsonl with --out.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("ab").close()
    except OSError as error:
        raise UapsegError(f"The file {file} cannot be written: {error.strerror}.") from error


def _append_result(file: Path, key: dict[str, Any], result: Result) -> dict[str, Any]:
    """Appends a result to the file at once, on a new line even if the last one is incomplete."""
    line = {"race": key, **result.to_dict()}
    old_content = read(file)
    try:
        with signals.delay(), file.open("a", encoding="utf-8") as stream:
            stream.write("\n" * (old_content != b"" and not old_content.endswith(b"\n")) + json.dumps(line) + "\n")
    except OSError as error:
        raise UapsegError(f"The file {file} cannot be written: {error.strerror}; earlier results are kept.") from error
    return line


def _lines(file: Path) -> list[dict[str, Any]]:
    """The results in a file; incomplete lines are skipped.

    Raises:
        UapsegError: It holds something else.
    """
    lines: list[dict[str, Any]] = []
    for line in read(file).decode("utf-8", "replace").splitlines() if file.exists() else ():
        if not line.startswith(BEGINNING):
            raise UapsegError(f"{file} holds something other than the results of races: choose another with --out.")
        with suppress(ValueError):
            lines.append(json.loads(line))
    if not all(isinstance(line["race"], dict) and line.keys() >= {"variant", "seed", "budget"} for line in lines):
        raise _alteration_error(file)
    return lines


def _leaderboard(file: Path, lines: list[dict[str, Any]]) -> list[LeaderboardRow]:
    """The leaderboard of results from a file, which are unchecked.

    Raises:
        UapsegError: They were altered.
    """
    try:
        return leaderboard(lines)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise _alteration_error(file) from error


def _alteration_error(file: Path) -> UapsegError:
    return UapsegError(f"{file} holds results that were altered: choose another file with --out.")


def _print_leaderboard(options: Options, key: dict[str, Any], results: list[dict[str, Any]]) -> None:
    variants = _leaderboard(options.out, results)
    baselines: dict[str, Scores] = {name: results[0][name] for name in ("random_noise", "clean")}
    title = f"{key['target']} · {options.data} · network {options.model} · epsilon {options.epsilon:g}"
    picture = options.out.with_suffix(".png")
    write(picture, draw_benchmark(variants, baselines, title))
    fields = {
        "variants": variants,
        "winner": variants[0]["variant"],
        **baselines,
        **key,
        "file": str(options.out),
        "chart": str(picture),
    }
    print_result(fields, f"{title}\n{_table(variants, baselines)}\n{picture} shows the curves.", as_json=options.json)


def _table(variants: list[LeaderboardRow], baselines: dict[str, Scores]) -> str:
    names = list(variants[0]["perturbed"])
    extra_columns = ["lost_objects"] * any(variant["lost_objects"] is not None for variant in variants)
    titles = [name.replace("_", " ") for name in names] + ["objects lost beyond random noise"] * len(extra_columns)
    rows = [("variant", *titles, "on training pictures", "seconds")]
    for variant in variants:
        shares = variant["perturbed"] | {"lost_objects": variant["lost_objects"]}
        cells = (_cell(shares[name], variant["interval"].get(name)) for name in (*names, *extra_columns))
        rows.append(
            (variant["variant"], *cells, format_percent(variant["training"][names[0]]), f"{variant['seconds']:.0f}")
        )
    rows += [
        (
            name.replace("_", " "),
            *(format_percent(baseline[column]) for column in names),
            *([""] * len(extra_columns)),
            "",
            "",
        )
        for name, baseline in baselines.items()
    ]
    return columns(rows)


def _cell(share: float | None, interval: list[float] | None) -> str:
    if interval is None:
        return format_percent(share)
    low, high = map(format_percent, interval)
    return f"{format_percent(share)} ({low} to {high})"
