"""The command bench: what a training step costs beside the bare work on its batch."""

import time
from collections.abc import Callable, Generator
from statistics import median

import torch
import torch.nn.functional as F

from uapseg.attack.loop import fit
from uapseg.attack.run import choose_device
from uapseg.attack.settings import Settings, fast
from uapseg.attack.state import Snapshot
from uapseg.cli.downloads import download_needed
from uapseg.cli.flags import Options
from uapseg.cli.output import print_result
from uapseg.cli.targets import target_of
from uapseg.datasets import load_dataset
from uapseg.models import Segmenter, load_model
from uapseg.results.evaluation import load_images
from uapseg.targets.drawing import text_target
from uapseg.tensors import Images

WARM = 3
"""Steps before the first that counts; by then all pictures are read and their goals computed."""


def bench(options: Options) -> None:
    """Times training steps and the bare forward + input-gradient of as many pictures, in turn; medians of both.

    The bare work is that of the network as it was loaded; what a step gains is that batch normalization is folded.
    """
    download_needed([(options.model, options.weights)], [options.data])
    dataset = load_dataset(options.data, "train", options.size)
    device = choose_device(options.device)
    model, plain = (
        load_model(options.model, device, weights=options.weights, fold=fold, size=dataset.size, strict=options.strict)
        for fold in (True, False)
    )
    pair = model.default_pair
    target = target_of(options, model, options.data, dataset.size) or text_target("foo", *pair, dataset.size)
    settings = _settings(options.rounds)
    images = load_images(dataset, range(settings.batch), next(model.buffers()).device)
    step, bare = _times(fit(model, dataset, dataset, target, settings), plain, images, options.rounds)
    fields = {
        "ratio": step / bare, "step_seconds": step, "bare_seconds": bare, "batch": len(images),
        "image_gradients_per_second": len(images) / step, "rounds": options.rounds,
        "device": str(images.device), "threads": torch.get_num_threads(), "size": list(dataset.size),
        "folded": model.folded,
    }  # fmt: skip
    text = (
        f"A step takes {fields['ratio']:.3f} times its bare forward and input-gradient: {1000 * step:.0f} ms against "
        f"{1000 * bare:.0f} ms for {len(images)} pictures of {dataset.size[0]}x{dataset.size[1]} on {images.device}, "
        f"{len(images) / step:.1f} image-gradients a second (medians of {options.rounds}); "
        f"{model.folded} batch normalizations are folded into convolutions."
    )
    print_result(fields, text, as_json=options.json)


def _settings(rounds: int) -> Settings:
    """A search over one batch of pictures that never stops to look at others."""
    few = fast(epsilon=10 / 255, budget=1)
    budget = few.batch * (rounds + WARM + 1)
    return fast(
        epsilon=10 / 255, budget=budget, train_pictures=few.batch, validation_pictures=1, validate_every=budget + 1
    )


def _times(snapshots: Generator[Snapshot], model: Segmenter, images: Images, rounds: int) -> tuple[float, float]:
    """Median seconds of a step and of the bare work, measured in turn so that both meet the same machine."""
    next(snapshots)
    steps, bares = [], []
    for _ in range(WARM + rounds):
        steps.append(_seconds(lambda: next(snapshots), images.device))
        bares.append(_seconds(lambda: _bare(model, images), images.device))
    snapshots.close()
    return median(steps[WARM:]), median(bares[WARM:])


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    if device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter() - began


def _bare(model: Segmenter, images: Images) -> None:
    """What no method can do without: logits, their cross-entropy, and its gradient by the input."""
    images = images.clone().requires_grad_()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=images.device.type == "cuda"):
        logits = model(images)
    labels = torch.zeros(len(images), *images.shape[-2:], dtype=torch.int64, device=images.device)
    torch.autograd.grad(F.cross_entropy(logits.float(), labels), images)
