"""The commands train and resume: a run that is saved every few seconds."""

import re
import time
from collections import deque
from collections.abc import Generator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from shlex import quote

from uapseg.attack.distributed import Workers, init_distributed
from uapseg.attack.plan_file import MAX_BYTES, extract_plan
from uapseg.attack.run import Plan, choose_device, load_evaluation_data, load_run_data, run
from uapseg.attack.settings import PRESETS, Settings
from uapseg.attack.state import Snapshot
from uapseg.cli.flags import Options, fill_defaults, given_flags
from uapseg.cli.interruption import Stop, signals
from uapseg.cli.loading import check_fingerprint, check_trust, download_needed, load_perturbation, needs_trust
from uapseg.cli.output import print_progress, print_result, report_stall, with_progress
from uapseg.cli.targets import choose_word_pair, leaves_pair_open, target_of
from uapseg.datasets import Dataset, load_dataset
from uapseg.errors import UapsegError
from uapseg.io.files import read, remove_parts
from uapseg.models import load_model
from uapseg.results.evaluation import perturbation_hash
from uapseg.results.full_report import full_report, list_files
from uapseg.results.perturbation_file import Perturbation, best_perturbation
from uapseg.results.run_folder import PNG, SAFETENSORS, RunFolder, check_vacant

FROM_PRESET = (
    "omega", "train_pictures", "keep_weight", "balanced", "crop", "paste", "robust", "validate_every",
    "first_validation", "validation_pictures",
)  # fmt: skip
"""Settings whose default is that of the preset."""

SAVE_EVERY = 5.0
"""Seconds between two saves of a run's folder."""


def train(options: Options) -> None:
    """Trains a perturbation, saves it in a new folder, and evaluates it on the test pictures."""
    with init_distributed(options.device) as workers:
        if options.out and workers.rank == 0:
            check_vacant(options.out, overwrite=options.overwrite)
        choice = _flags_or_plan(options)
        _download(choice, workers)
        plan = _plan(choice, workers) if isinstance(choice, Options) else choice
        allow_code = isinstance(choice, Options) or options.trust  # what the user typed is trusted
        # raises errors of the plan before a folder is made
        pictures, strict = load_run_data(plan), options.strict
        start = _start(options, plan, allow_code=allow_code) if options.start else None
        snapshots = run(
            plan, device=options.device, start=start.delta if start else None, workers=workers, allow_code=allow_code,
            strict=strict, pictures=pictures,
        )  # fmt: skip
        if workers.rank:
            _assist(snapshots)
            return
        test = load_evaluation_data(plan.data, plan.eval_data, plan.size)
        path = options.out or new_folder(plan.target.title)
        folder = RunFolder.create(path, plan, overwrite=options.overwrite)
        if start:
            folder.write_start(start)
        _run_to_report(folder, snapshots, (*pictures, test), 0, options)


def resume(options: Options) -> None:
    """Continues a stopped run, and evaluates it on the test pictures."""
    with init_distributed(options.device) as workers:
        folder = RunFolder.open(options.folder)
        plan, state = folder.plan, folder.load_state()
        check_trust(plan, allow_code=options.trust)
        _download(plan, workers)
        pictures, start = load_run_data(plan), folder.start()
        snapshots = run(
            plan, device=options.device, state=state, start=start.delta if start else None, workers=workers,
            allow_code=options.trust, strict=options.strict, pictures=pictures,
        )  # fmt: skip
        if workers.rank:
            _assist(snapshots)
            return
        test = load_evaluation_data(plan.data, plan.eval_data, plan.size)
        remove_parts(folder.path)
        if state is None:
            print_progress(
                f"The run in {folder.path} was stopped before its first save: it starts from the beginning."
            )
        _run_to_report(folder, snapshots, (*pictures, test), state.image_gradients if state else 0, options)


def _start(options: Options, plan: Plan, *, allow_code: bool) -> Perturbation:
    """The perturbation of ``--from``, if it belongs to the network of that name, or to another one."""
    start = load_perturbation(options.start)
    if start.plan and start.plan.model == plan.model:
        model = load_model(
            plan.model, weights=plan.weights, allow_code=allow_code, size=plan.size, strict=options.strict, fold=False
        )
        check_fingerprint(start, model)
    return start


def _flags_or_plan(options: Options) -> Options | Plan:
    """The flags with their defaults, or the plan in the file of ``--plan``."""
    if options.plan is None:
        if options.trust:
            raise UapsegError("--trust goes with --plan only: leave it out.")
        return fill_defaults(options)
    if flags := given_flags(options):
        raise UapsegError(f"--plan contains these settings already: leave out {', '.join(flags)}.")
    plan = extract_plan(read(options.plan, MAX_BYTES))
    check_trust(plan, allow_code=options.trust)
    return plan


def _download(source: Options | Plan, workers: Workers) -> None:
    """Downloads missing files in the first process of each machine, while the others wait."""
    if workers.local_rank == 0:
        networks = [(source.model, source.weights), *((name, None) for name in source.also)]
        download_needed(networks, [source.data, source.eval_data])
    workers.wait()


def _assist(snapshots: Generator[Snapshot]) -> None:
    """Runs this process's share of a run; the first process saves the results."""
    deque(snapshots, maxlen=0)


def _plan(options: Options, workers: Workers) -> Plan:
    for flag, preset in (("omega", "paper"), ("keep_weight", "fast")):
        if getattr(options, flag) is not None and options.preset != preset:
            raise UapsegError(f"--{flag.replace('_', '-')} goes with --preset {preset} only: leave it out.")
    size = load_dataset(options.data, "train", options.size).size
    device = choose_device(options.device)
    model = load_model(options.model, device, weights=options.weights, size=size, strict=options.strict)
    if leaves_pair_open(options):
        pair = choose_word_pair(options, model, size)
        options.region_class, options.rest_class = workers.gather([pair])[0]  # on GPUs the others may differ
    target = target_of(options, model, options.data, options.tile or size)
    assert target is not None  # noqa: S101  the parser asks for one
    return Plan(
        model=options.model, data=options.data, target=target, settings=_settings(options), also=tuple(options.also),
        weights=options.weights, eval_data=options.eval_data, size=options.size,
    )  # fmt: skip


def _settings(options: Options) -> Settings:
    overrides = {name: getattr(options, name) for name in FROM_PRESET}
    return PRESETS[options.preset](
        epsilon=options.epsilon / 255,
        norm=options.norm,
        budget=options.budget,
        seed=options.seed,
        tile=options.tile,
        **{name: value for name, value in overrides.items() if value is not None},
    )


def new_folder(title: str) -> Path:
    """A new folder under runs/, named by date, time and target.

    Example:
        >>> new_folder("foo in Car").name.endswith("_foo-in-car")
        True
    """
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")
    name = f"{datetime.now().astimezone():%Y-%m-%d_%H%M}_{words or 'target'}"
    candidates = (Path("runs") / (name if number == 1 else f"{name}_{number}") for number in range(1, 10_000))
    return next(path for path in candidates if not path.exists())


def _run_to_report(
    folder: RunFolder,
    snapshots: Generator[Snapshot],
    pictures: tuple[Dataset, Dataset, Dataset],
    image_gradients: int,
    options: Options,
) -> None:
    """Runs to the end and evaluates; a stopped run has saved all of its progress.

    Args:
        folder: The folder of the run.
        snapshots: The snapshots of the run.
        pictures: The datasets for training, validation and test.
        image_gradients: Image-gradients of earlier parts of the run.
        options: The flags.
    """
    *training_data, test = pictures
    plan = folder.plan
    print_progress(f"Training into {folder.path}: {plan.target.title}.")
    for line in list_files(training_data[0].skipped):
        print_progress(line)
    try:
        last = _search(
            folder, report_stall(with_progress(snapshots, plan.target, plan.settings.budget, image_gradients))
        )
        print_progress("Evaluating on the test pictures...")
        device = choose_device(options.device)
        model = load_model(plan.model, device, weights=plan.weights, size=test.size, strict=options.strict)
        report = full_report(
            best_perturbation(plan, last.state), model, test, plan.target, training_data=training_data
        )
    except KeyboardInterrupt as stop:
        command = f"python -m uapseg resume {quote(str(folder.path))}{' --trust' * needs_trust(plan)}"
        command += "" if options.strict else " --no-checks"
        message = f"Stopped; everything is saved in {folder.path}, and `{command}` continues from there."
        raise Stop(signals.number, message) from stop
    start = folder.start()
    fields = report.to_dict() | {"plan": plan.to_dict(), "start": perturbation_hash(start.delta) if start else None}
    _save(folder, last)  # again, as the folder may have been deleted during the evaluation
    folder.write_report(fields)
    cost = f"{report.image_gradients} image-gradients in {report.seconds or 0:.0f} s"
    summary = f"{cost}; {folder.path / PNG} and {SAFETENSORS} contain the perturbation."
    print_result({**fields, "folder": str(folder.path)}, f"{report.table()}\n{summary}", as_json=options.json)


def _search(folder: RunFolder, snapshots: Generator[Snapshot]) -> Snapshot:
    """Runs a search to its last snapshot, and saves it every few seconds and at the end, even after an error."""
    last: Snapshot | None = None
    last_save = time.monotonic()
    try:
        with closing(snapshots):
            for last in snapshots:
                folder.append_history(last)
                if time.monotonic() - last_save > SAVE_EVERY:
                    _save(folder, last)
                    last_save = time.monotonic()
                signals.check()
    finally:
        if last is not None:
            _save(folder, last)
    assert last is not None  # noqa: S101  there is one before the first step
    return last


def _save(folder: RunFolder, snapshot: Snapshot) -> None:
    """Saves a run; signals are delayed until it is saved."""
    with signals.delay():
        folder.save(snapshot)
