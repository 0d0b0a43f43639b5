"""What the browser asks for, read from whatever was sent."""

from dataclasses import dataclass, field
from typing import Any

STRENGTHS = (0.0, 1.5)
FACTORS = (1, 60)


@dataclass(frozen=True)
class FrameOptions:
    """How a frame is to be made.

    Attributes:
        slow: Smaller pictures, for a slow link.
        strength: What the perturbation is multiplied by.
        factor: By how much the difference to the clean picture is amplified; 0 shows none.
        stretch: Whether the perturbation is stretched over a picture of another size, instead of repeated.
        spectrum: Whether the spectrum of the perturbation is wanted.
        sure: Whether it is wanted how sure the network is.
    """

    slow: bool = False
    strength: float = 1.0
    factor: int = 0
    stretch: bool = False
    spectrum: bool = False
    sure: bool = False

    @classmethod
    def of(cls, values: dict[str, Any]) -> "FrameOptions":
        """What is wanted; whatever does not make sense falls back to the default."""
        strength, factor = values.get("strength"), values.get("factor")
        good = isinstance(strength, int | float) and STRENGTHS[0] <= strength <= STRENGTHS[1]
        return cls(
            strength=float(strength) if good and strength is not None else 1.0,
            factor=factor if isinstance(factor, int) and FACTORS[0] <= factor <= FACTORS[1] else 0,
            **{name: values.get(name) is True for name in ("slow", "stretch", "spectrum", "sure")},
        )


@dataclass(frozen=True)
class Request:
    """What the browser has, and how it wants what is new.

    Attributes:
        token: The visitor's.
        seq: The `seq` of the run that it saw last.
        frame: The version of its frame.
        mine: The version of the figures of the visitor's own photos.
        turn: The ticket of the turn on the device that it took up last.
        world: The network and the pictures that it shows.
        hidden: Whether it wants no frames.
        own: Whether it wants figures of the visitor's own photos.
        wanted: How frames are to be made.
    """

    token: str
    seq: int = -1
    frame: int = -1
    mine: int = -1
    turn: int = -1
    world: str = ""
    hidden: bool = False
    own: bool = False
    wanted: FrameOptions = field(default_factory=FrameOptions)

    @classmethod
    def of(cls, sent: object) -> "Request":
        """A request from whatever was sent."""
        values = sent if isinstance(sent, dict) else {}
        numbers = {name: values.get(name) for name in ("seq", "frame", "mine", "turn")}
        return cls(
            str(values.get("token", "")),
            world=str(values.get("world", "")),
            wanted=FrameOptions.of(values),
            **{name: number if isinstance(number, int) else -1 for name, number in numbers.items()},
            **{name: values.get(name) is True for name in ("hidden", "own")},
        )
