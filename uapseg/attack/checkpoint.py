"""The state of a search as one file, tied to its plan and protected by a checksum."""

import hashlib
import json
from collections.abc import Mapping

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.errors import UapsegError
from uapseg.io.files import from_json, to_json

KEY = "uapseg"


def pack(state: State, plan: Plan) -> bytes:
    """Serializes a state as safetensors, with a checksum and the hash of its plan.

    Args:
        state: The state.
        plan: The plan of the run.

    Example:
        >>> import torch
        >>> from uapseg import fast, text_target
        >>> from uapseg.attack.validation import Validation
        >>> plan = Plan(model="street", data="street", target=text_target("o", "Car", "Sky", (32, 32)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> none = torch.zeros(0, 32, 32, dtype=torch.uint8)
        >>> state = State.initial((32, 32), Validation(0, scores={}, each=(), predictions=none, training={}))
        >>> unpack(pack(state, plan), plan, "The state").image_gradients
        0
    """
    tensors, state_json = state.to_tensors()
    # safetensors refuses tensors that share memory
    separate_tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    fields = {"state": state_json, "plan": plan_hash(plan)}
    return save_tensors(
        separate_tensors, metadata={KEY: to_json({**fields, "checksum": _checksum(separate_tensors, fields)})}
    )


def unpack(content: bytes, plan: Plan, name: str) -> State:
    """Deserializes the state that `pack` wrote.

    Args:
        content: The content of the file.
        plan: The plan of the run.
        name: What to call the file in error messages.

    Raises:
        UapsegError: The content is damaged, or belongs to another plan.

    Example:
        >>> from uapseg import fast, text_target
        >>> plan = Plan(model="street", data="street", target=text_target("o", "Car", "Sky", (32, 32)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> unpack(b"no state", plan, "The state")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: The state is damaged: restore a copy of it, or train again with --overwrite.
    """
    damage_error = UapsegError(f"{name} is damaged: restore a copy of it, or train again with --overwrite.")
    try:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        fields = from_json(header["__metadata__"][KEY], name)
        if fields.pop("checksum", None) != _checksum(tensors, fields):
            raise damage_error
        if fields["plan"] != plan_hash(plan):
            raise UapsegError(
                f"{name} belongs to another plan than the one beside it: restore the two that were saved "
                "together, or train again with --overwrite."
            )
        return State.from_tensors(tensors, fields["state"])
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damage_error from error


def plan_hash(plan: Plan) -> str:
    """Hashes a plan: the SHA-256 of its JSON, in hexadecimal digits.

    Example:
        >>> from uapseg import fast, text_target
        >>> plan = Plan(model="street", data="street", target=text_target("o", "Car", "Sky", (32, 32)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> len(plan_hash(plan))
        64
    """
    return hashlib.sha256(json.dumps(plan.to_dict(), sort_keys=True).encode()).hexdigest()


def _checksum(tensors: dict[str, Tensor], fields: Mapping[str, object]) -> str:
    """The SHA-256 of a state's content, in hexadecimal digits, whatever the order of its tensors."""
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
