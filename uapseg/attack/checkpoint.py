"""A search's state as one file, which knows the plan it belongs to and notices when it was altered."""

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
    """A state as the content of a safetensors file, with a checksum and the hash of its plan."""
    tensors, rest = state.to_tensors()
    apart = {name: tensor.clone() for name, tensor in tensors.items()}  # two looks may be one
    fields = {"state": rest, "plan": plan_hash(plan)}
    return save_tensors(apart, metadata={KEY: to_json({**fields, "checksum": _checksum(apart, fields)})})


def unpack(content: bytes, plan: Plan, name: str) -> State:
    """The state that `pack` wrote.

    Args:
        content: What is in the file.
        plan: What the run does.
        name: What to call the file in a message.

    Raises:
        UapsegError: It is damaged, or belongs to another plan.
    """
    damaged = UapsegError(f"{name} is damaged: bring back a copy of it, or train again with --overwrite.")
    try:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        fields = from_json(header["__metadata__"][KEY], name)
        if fields.pop("checksum", None) != _checksum(tensors, fields):
            raise damaged
        if fields["plan"] != plan_hash(plan):
            raise UapsegError(
                f"{name} belongs to another plan than the one beside it: bring back the two that were written "
                "together, or train again with --overwrite."
            )
        return State.from_tensors(tensors, fields["state"])
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damaged from error


def plan_hash(plan: Plan) -> str:
    """What tells a plan from all others: the SHA-256 of its JSON, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(plan.to_dict(), sort_keys=True).encode()).hexdigest()


def _checksum(tensors: dict[str, Tensor], fields: Mapping[str, object]) -> str:
    """The SHA-256 of all that a state's file says, in hexadecimal digits; the order of the tensors is left open."""
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
