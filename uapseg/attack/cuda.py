"""Fast steps on a GPU: a step is recorded as a CUDA graph, and pictures stay on the device.

A graph is recorded once, then replayed without the cost of launching each of its kernels.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LOG = logging.getLogger(__name__)

WARM_UP = 3
"""Ordinary calls with inputs of the same shapes before a graph is recorded: libraries choose their kernels in them."""

MAX_GRAPHS = 2
"""The most graphs to keep, as each has memory of its own: one for full batches and one for the last batch."""

MIN_COSINE = 0.99
"""The least cosine similarity of the first output of a replay and that of an ordinary call. Two ordinary calls, which
may sum float32 in different orders, have more than 0.999."""

Outputs = tuple[Tensor, ...]
TensorFunction = Callable[..., Outputs]
Record = Callable[[TensorFunction, list[Tensor | None]], tuple[Callable[[], None], Outputs]]
"""Records a function with given inputs; returns a function that runs it again on the same memory, and its outputs."""


def can_record(device: torch.device) -> bool:
    """Whether CUDA graphs can be recorded on a device.

    Example:
        >>> can_record(torch.device("cpu"))
        False
    """
    return device.type == "cuda"


def record_cuda_graph(function: TensorFunction, inputs: list[Tensor | None]) -> tuple[Callable[[], None], Outputs]:
    """Records a function as a CUDA graph.

    Source:
        https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """
    device = next(value.device for value in inputs if value is not None)
    with torch.cuda.device(device):  # streams and graphs belong to the current device
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other runs may go on meanwhile
            outputs = function(*inputs)
    return graph.replay, outputs


@dataclass
class _Graph:
    """A recorded function.

    Attributes:
        inputs: The memory that it reads.
        outputs: The memory that it writes.
        replay: Runs it.
        sources: What was last copied to the inputs: tensors that stay the same are copied once.
    """

    inputs: list[Tensor | None]
    outputs: Outputs
    replay: Callable[[], None]
    sources: list[Tensor | None]

    def run(self, inputs: tuple[Tensor | None, ...]) -> Outputs:
        for place, (buffer, value) in enumerate(zip(self.inputs, inputs, strict=True)):
            if buffer is not None and value is not None and self.sources[place] is not value:
                buffer.copy_(value)
        self.sources = [*inputs]
        self.replay()
        return tuple(output.clone() for output in self.outputs)


class GraphedFunction:
    """A function that is replayed as a CUDA graph once it has been called a few times with inputs of the same shapes.

    The function may only launch kernels: it must not copy a value to the host, and no shape may depend on a value.
    Nothing may change its inputs in place. If it cannot be recorded, or a replay differs from an ordinary call, a line
    is logged, and the function is called as usual.

    Args:
        function: Maps tensors, or None, to tensors.
        record: Records the function.

    Example:
        >>> double = GraphedFunction(lambda value: (2 * value,))
        >>> double(torch.tensor([3.0]))
        (tensor([6.]),)
    """

    def __init__(self, function: TensorFunction, record: Record = record_cuda_graph) -> None:
        self._function, self._record = function, record
        self._calls: Counter[object] = Counter()
        self._graphs: dict[object, _Graph] = {}
        self._can_record = True

    def __call__(self, *inputs: Tensor | None) -> Outputs:
        """Returns the outputs of the function for these inputs."""
        key = tuple(None if value is None else (value.shape, value.dtype, value.stride()) for value in inputs)
        if key in self._graphs:
            return self._graphs[key].run(inputs)
        outputs = self._function(*inputs)
        self._calls[key] += 1
        if self._can_record and self._calls[key] >= WARM_UP and len(self._graphs) < MAX_GRAPHS:
            self._can_record = self._add_graph(key, inputs, outputs)
        return outputs

    def _add_graph(self, key: object, inputs: tuple[Tensor | None, ...], outputs: Outputs) -> bool:
        """Records the function for inputs of these shapes, and returns whether that worked."""
        buffers = [None if value is None else torch.zeros_like(value) for value in inputs]
        try:
            replay, static = self._record(self._function, buffers)
            graph = _Graph(buffers, static, replay, [None] * len(inputs))
            cosine = F.cosine_similarity(graph.run(inputs)[0].flatten(), outputs[0].flatten(), dim=0).item()
        except Exception as error:  # noqa: BLE001  a network of the user's own may do anything
            LOG.warning("Training goes on without a CUDA graph, which costs time alone: %s", error)
            return False
        if cosine < MIN_COSINE and outputs[0].any():
            LOG.warning("Training goes on without a CUDA graph, as it gave another gradient (cosine %.3f).", cosine)
            return False
        self._graphs[key] = graph
        return True


MEMORY_SHARE = 0.25
"""The share of a GPU's free memory that a pool may take."""


class DevicePool:
    """A cache of tensors of one shape, by index, in the memory of a GPU; on other devices nothing is cached.

    Args:
        device: Where the tensors are needed.
        max_bytes: The most bytes to keep; None takes `MEMORY_SHARE` of the free memory of a GPU, and 0 elsewhere.

    Example:
        >>> pool = DevicePool(torch.device("cpu"), max_bytes=100)
        >>> pool.stack([5, 7], lambda places: torch.tensor([50, 70])[places]).tolist(), pool.missing([5, 6])
        ([50, 70], [6])
    """

    def __init__(self, device: torch.device, max_bytes: int | None = None) -> None:
        self._device, self._tensors = device, dict[int, Tensor]()
        free_bytes = torch.cuda.mem_get_info(device)[0] if max_bytes is None and device.type == "cuda" else 0
        self._free_bytes = int(free_bytes * MEMORY_SHARE) if max_bytes is None else max_bytes

    def missing(self, indices: Sequence[int]) -> list[int]:
        """Returns those of the given indices whose tensors are not cached."""
        return [index for index in indices if index not in self._tensors]

    def stack(self, indices: Sequence[int], load: Callable[[list[int]], Tensor]) -> Tensor:
        """Returns the tensors of the given indices (n, …), on the device.

        Args:
            indices: The indices.
            load: Loads the tensors at the given positions of ``indices``, on any device.
        """
        places = [place for place, index in enumerate(indices) if index not in self._tensors]
        if len(places) == len(indices) and not self._free_bytes:
            return load(places).to(self._device, non_blocking=True)
        loaded_tensors = (
            dict(zip(places, load(places).to(self._device, non_blocking=True), strict=True)) if places else {}
        )
        for place, tensor in loaded_tensors.items():
            if tensor.nbytes <= self._free_bytes and indices[place] not in self._tensors:
                self._tensors[indices[place]] = tensor
                self._free_bytes -= tensor.nbytes
        return torch.stack(
            [
                loaded_tensors[place] if place in loaded_tensors else self._tensors[index]
                for place, index in enumerate(indices)
            ]
        )
