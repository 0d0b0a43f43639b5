"""The command bench: what a training step costs beside the bare work on its batch and the published method."""

import time
from typing import Any

from uapseg.attack.run import Plan, choose_device, run
from uapseg.attack.settings import fast
from uapseg.cli.flags import Options
from uapseg.cli.loading import download_needed
from uapseg.cli.output import columns, print_result
from uapseg.cli.targets import target_of
from uapseg.datasets import load_dataset
from uapseg.models import load_model
from uapseg.results.speed import EPSILON, DeviceDescription, StepCost, describe_device, measure_step
from uapseg.targets import Target
from uapseg.targets.drawing import text_target


class BenchReport(DeviceDescription):
    """The cost of a training step, as printed.

    Attributes:
        model: The network.
        size: The [width, height] of the pictures.
        folded: How many batch normalizations are folded into convolutions.
        rounds: How often each was timed.
        first_frame_seconds: Seconds from a plan to the first step, including what is loaded.
        batches: The fields of `StepCost` at each batch size.
    """

    model: str
    size: list[int]
    folded: int
    rounds: int
    first_frame_seconds: float
    batches: list[dict[str, Any]]


def bench(options: Options) -> None:
    """Times a start, then training steps, the bare forward + input-gradient and the published method, in turn."""
    download_needed([(options.model, options.weights)], [options.data])
    dataset = load_dataset(options.data, "train", options.size)
    device = choose_device(options.device)
    model, unfolded = (
        load_model(options.model, device, weights=options.weights, fold=fold, size=dataset.size, strict=options.strict)
        for fold in (True, False)
    )
    pair = model.default_pair
    target = target_of(options, model, options.data, dataset.size) or text_target("foo", *pair, dataset.size)
    first = _first_frame_seconds(options, target)
    costs = [
        measure_step(model, unfolded, dataset, target, batch=batch, rounds=options.rounds) for batch in options.batches
    ]
    fields: BenchReport = {
        **describe_device(device), "model": model.name, "size": list(dataset.size), "folded": model.folded,
        "rounds": options.rounds, "first_frame_seconds": first, "batches": [cost.to_dict() for cost in costs],
    }  # fmt: skip
    print_result(fields, _text(fields, costs), as_json=options.json)


def _first_frame_seconds(options: Options, target: Target) -> float:
    """Seconds from a plan to its first step, including networks, pictures and baselines."""
    plan = Plan(
        model=options.model, data=options.data, weights=options.weights, size=options.size, target=target,
        settings=fast(epsilon=EPSILON, budget=400),
    )  # fmt: skip
    start_time = time.perf_counter()
    snapshots = run(plan, device=options.device, strict=options.strict)
    next(snapshots)
    next(snapshots)
    snapshots.close()
    return time.perf_counter() - start_time


def _text(fields: BenchReport, costs: list[StepCost]) -> str:
    """The figures as a table and two sentences."""
    heads = ["batch", "step", "times bare", "times bare folded", "image-gradients/s", "published", "kernels", "memory"]
    rows = [heads, *map(_row, costs)]
    width, height = fields["size"]
    notes = (
        f"Medians of {fields['rounds']} on {fields['name']}, {fields['model']} at {width}x{height}, torch "
        f"{fields['torch']}, {fields['threads']} threads. Bare is the forward pass and input gradient of the network "
        "as loaded; published is the published method, in image-gradients per second. "
        f"{_captured_sentence(costs)}{fields['folded']} batch normalizations are folded into convolutions. The first "
        "step was taken "
        f"{fields['first_frame_seconds']:.1f} seconds after the start."
    )
    return f"{columns(rows)}\n{notes}"


def _row(cost: StepCost) -> list[str]:
    return [
        f"{cost.batch}", f"{1000 * cost.step_seconds:.0f} ms", f"{cost.ratio:.2f}", f"{cost.ratio_folded:.2f}",
        f"{cost.image_gradients_per_second:.1f}", f"{cost.published_image_gradients_per_second:.1f}",
        f"{cost.kernels}", f"{cost.peak_memory_mib} MiB",
    ]  # fmt: skip


def _captured_sentence(costs: list[StepCost]) -> str:
    """Compares a step with the same work as a CUDA graph, at each batch size; empty without graphs."""
    ratios = [f"{cost.ratio_captured:.2f}" for cost in costs if cost.ratio_captured]
    return f"A step takes {', '.join(ratios)} times as long as the work as a CUDA graph. " if ratios else ""
