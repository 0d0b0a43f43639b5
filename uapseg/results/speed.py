"""The speed of training: a step beside a bare forward and backward pass and the published method."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any, TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from uapseg.attack.cuda import can_record, record_cuda_graph
from uapseg.attack.loop import fit
from uapseg.attack.losses import below_confidence, per_pixel_weights
from uapseg.attack.perturbation import perturb
from uapseg.attack.settings import GREY_LEVEL, fast, paper
from uapseg.attack.state import Snapshot
from uapseg.datasets import Dataset
from uapseg.datasets.batches import load_images
from uapseg.models import Segmenter
from uapseg.targets import Target
from uapseg.tensors import Images

EPSILON = 10 / 255

WARM_UP = 4
"""Steps before timing begins: by then all pictures are decoded, their goals computed, kernels chosen, and the step
recorded, if it can be."""


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """The cost of a training step at one batch size. All times are medians in seconds, for the whole batch.

    Attributes:
        batch: Pictures in a batch.
        step_seconds: A training step, until the device has finished it.
        host_seconds: The same until the host is free again; on a GPU that is earlier.
        bare_seconds: The forward pass and the input gradient of the network as it was loaded.
        folded_seconds: The same after `Segmenter.fold`.
        captured_seconds: The same, folded, as one CUDA graph; None without a GPU.
        published_seconds: The published method, see `PublishedLoop`.
        kernels: The kernels that a step launches on a GPU, or the operators that it calls on a CPU.
        peak_memory_mib: The peak memory: on a GPU that of this batch size, on a CPU that of the process so far,
            and 0 on Windows.
    """

    batch: int
    step_seconds: float
    host_seconds: float
    bare_seconds: float
    folded_seconds: float
    published_seconds: float
    kernels: int
    peak_memory_mib: int
    captured_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values with the derived figures, ready for JSON.

        Example:
            >>> cost = StepCost(
            ...     batch=4, step_seconds=0.2, host_seconds=0.2, bare_seconds=0.25, folded_seconds=0.2,
            ...     published_seconds=0.5, kernels=900, peak_memory_mib=700,
            ... )
            >>> cost.to_dict()["ratio"], cost.to_dict()["image_gradients_per_second"]
            (0.8, 20.0)
        """
        return {
            **asdict(self),
            "ratio": self.ratio,
            "ratio_folded": self.ratio_folded,
            "ratio_captured": self.ratio_captured,
            "image_gradients_per_second": self.image_gradients_per_second,
            "published_image_gradients_per_second": self.published_image_gradients_per_second,
        }

    @property
    def ratio(self) -> float:
        """How many times as long a step takes as the forward pass and input gradient alone."""
        return self.step_seconds / self.bare_seconds

    @property
    def ratio_folded(self) -> float:
        """The same for the network with folded batch normalization."""
        return self.step_seconds / self.folded_seconds

    @property
    def ratio_captured(self) -> float | None:
        """The same for the CUDA graph; None without a GPU."""
        return self.step_seconds / self.captured_seconds if self.captured_seconds else None

    @property
    def image_gradients_per_second(self) -> float:
        """The throughput of training."""
        return self.batch / self.step_seconds

    @property
    def published_image_gradients_per_second(self) -> float:
        """The throughput of the published method."""
        return self.batch / self.published_seconds


class DeviceDescription(TypedDict):
    """What a speed was measured on.

    Attributes:
        device: The device as torch names it.
        name: The name of the GPU, or again that of the device.
        torch: The version of torch.
        threads: The threads that torch uses on the CPU.

    Example:
        >>> DeviceDescription(device="cpu", name="cpu", torch="2.11.0", threads=1)["threads"]
        1
    """

    device: str
    name: str
    torch: str
    threads: int


def describe_device(device: torch.device) -> DeviceDescription:
    """Describes the device to compute on, and the version of torch.

    Example:
        >>> describe_device(torch.device("cpu"))["name"]
        'cpu'
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    return {"device": str(device), "name": name, "torch": torch.__version__, "threads": torch.get_num_threads()}


def measure_step(
    model: Segmenter, unfolded: Segmenter, dataset: Dataset, target: Target, *, batch: int, rounds: int
) -> StepCost:
    """Times training steps, the bare passes and the published method in turn, so that all see the same load.

    Args:
        model: The network with batch normalization folded, on the device to compute on.
        unfolded: The same network as it was loaded.
        dataset: The pictures: ``batch`` of them are used, some repeatedly if there are fewer.
        target: What the network should predict.
        batch: The batch size.
        rounds: How often each is timed.
    """
    device = next(model.buffers()).device
    images = load_images(dataset, [number % len(dataset) for number in range(batch)], device)
    snapshots = _steps(model, dataset, target, batch, rounds)
    published_loop = PublishedLoop(unfolded, images, target)
    functions: dict[str, Callable[[], object]] = {
        "step": lambda: next(snapshots),
        "bare": lambda: _bare(unfolded, images),
        "folded": lambda: _bare(model, images),
        "published": published_loop.step,
        **({"captured": _capture(model, images)} if can_record(device) else {}),
    }
    memory = _warm_up(snapshots, device)
    times = [{name: _seconds(function, device) for name, function in functions.items()} for _ in range(rounds + 1)][1:]
    kernels = _kernels(lambda: next(snapshots), device)
    snapshots.close()
    seconds = {name: median(device_time for _, device_time in (row[name] for row in times)) for name in functions}
    return StepCost(
        batch=batch,
        step_seconds=seconds["step"],
        host_seconds=median(host_time for host_time, _ in (row["step"] for row in times)),
        bare_seconds=seconds["bare"],
        folded_seconds=seconds["folded"],
        captured_seconds=seconds.get("captured"),
        published_seconds=seconds["published"],
        kernels=kernels,
        peak_memory_mib=memory,
    )


def _warm_up(snapshots: Generator[Snapshot, None, None], device: torch.device) -> int:
    """Takes the first steps, and returns the peak memory of all but the one that prepares."""
    next(snapshots)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(WARM_UP):
        next(snapshots)
    return _peak_memory(device)


class PublishedLoop:
    """The published method as it is usually written: one picture at a time, and nothing is cached between steps.

    Each pass computes the goal of each picture again from the network's prediction, uses the network as it was loaded,
    and ends with a step of one grey level against the sign of the sum of all gradients.

    Args:
        model: The network, on the device to compute on.
        images: All training pictures (n, 3, h, w).
        target: What the network should predict.

    Source:
        Metzen et al., https://arxiv.org/abs/1704.05712, section 4.
    """

    def __init__(self, model: Segmenter, images: Images, target: Target) -> None:
        self._settings = paper(epsilon=EPSILON, budget=1)
        self._model, self._images = model, images
        self._weights = torch.tensor(target.omega_weights(self._settings.omega), device=images.device)
        self._goal_of = target.bind(model.classes, model.objects, (images.shape[-1], images.shape[-2]))
        self.delta = torch.zeros_like(images[0])

    def step(self) -> None:
        """Makes a pass over all pictures and takes a step."""
        total = torch.zeros_like(self.delta)
        for image in self._images.unsqueeze(1):
            goal = self._goal_of(self._model.predict(image))
            delta = self.delta.clone().requires_grad_()
            losses = F.cross_entropy(self._model(perturb(image, delta)), goal.labels.long(), reduction="none")
            weights = per_pixel_weights(goal.groups, self._weights, losses[0].numel())
            weights = weights * below_confidence(losses, self._settings.tau)
            total += torch.autograd.grad((losses * weights).sum(), delta)[0]
        self.delta = (self.delta - GREY_LEVEL * total.sign()).clamp(-EPSILON, EPSILON)


def _steps(
    model: Segmenter, dataset: Dataset, target: Target, batch: int, rounds: int
) -> Generator[Snapshot, None, None]:
    """A search over one batch of pictures without validation; as with many pictures, nothing is pasted."""
    budget = batch * (WARM_UP + rounds + 3)
    settings = fast(
        epsilon=EPSILON, budget=budget, batch=batch, train_pictures=batch, validation_pictures=1,
        validate_every=budget + 1, paste=0,
    )  # fmt: skip
    return fit(model, dataset, dataset, target, settings)


def _bare(model: Segmenter, images: Images) -> tuple[Tensor]:
    """The passes that no method can do without: logits, their cross-entropy, and its gradient by the input."""
    images = images.clone().requires_grad_()
    labels = torch.zeros(len(images), *images.shape[-2:], dtype=torch.int64, device=images.device)
    return (torch.autograd.grad(F.cross_entropy(model(images), labels), images)[0],)


def _capture(model: Segmenter, images: Images) -> Callable[[], None]:
    """The same as a CUDA graph."""
    return record_cuda_graph(partial(_bare, model), [images])[0]


def _seconds(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds until a function returns, and until the device has finished what it asked for."""
    start_time = time.perf_counter()
    work()
    host_time = time.perf_counter() - start_time
    _synchronize(device)
    return host_time, time.perf_counter() - start_time


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    if device.type == "mps":
        torch.mps.synchronize()


def _kernels(work: Callable[[], object], device: torch.device) -> int:
    """How many kernels a function launches on a GPU, or how many operators it calls elsewhere."""
    cuda = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * cuda], acc_events=True) as profiler:
        work()
        _synchronize(device)
    events: list[Any] = [*(profiler.events() or ())]
    if cuda:
        copies = ("Memcpy", "Memset")
        return sum(event.device_type.name == "CUDA" and not event.name.startswith(copies) for event in events)
    return sum(_is_operator(event) and not _is_operator(event.cpu_parent) for event in events)


def _is_operator(event: Any) -> bool:
    return event is not None and event.name.startswith("aten::")


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    with suppress(ImportError):  # on Windows
        import resource  # noqa: PLC0415

        unit_bits = 20 if sys.platform == "darwin" else 10  # there in bytes, elsewhere in KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> unit_bits
    return 0
