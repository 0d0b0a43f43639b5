"""Flags that several commands have, and the values that they take."""

import argparse
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import NoReturn

from uapseg.errors import UapsegError

Options = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are raised as one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print above its usage."""
        raise UapsegError(f"{message[0].upper()}{message[1:]} (see {self.prog} --help).")


def add_perturbation(parser: Parser) -> None:
    """The file that a command is about."""
    parser.add_argument("perturbation", type=Path, metavar="PERTURBATION", help="a PNG or safetensors file of a run")


def add_networks(parser: Parser, model: str | None, data: str | None) -> None:
    """Which network, and which pictures; None for what the perturbation's plan names."""
    default = model or "the perturbation's own"
    parser.add_argument(
        "--model", default=model, metavar="NAME", help=f"the network ({default}); see the command models"
    )
    parser.add_argument("--weights", metavar="FILE", help="a file of weights for the network, instead of its own")
    parser.add_argument(
        "--data", default=data, metavar="NAME", help=f"the pictures ({data or default}); see the command datasets"
    )
    parser.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="what pictures are brought to (their own)")
    add_checks(parser)


def add_checks(parser: Parser) -> None:
    """Whether guesses about a network are refusals."""
    parser.add_argument(
        "--no-checks", dest="strict", action="store_false",
        help="use a network although it looks wrongly normalised, with a warning",
    )  # fmt: skip


def add_report(parser: Parser) -> None:
    """Which pictures to report on."""
    parser.add_argument("--eval-data", metavar="NAME", help="pictures to report on (the test split of --data)")


def add_target(parser: Parser, *, required: bool, plan: bool = False) -> None:
    """What the network is to see; ``plan`` offers to take that, and all else, from a file."""
    group = parser.add_argument_group(
        "what the network is to see" + ("" if required else " (else the perturbation's target)")
    )
    kind = group.add_mutually_exclusive_group(required=required)
    kind.add_argument("--text", metavar="WORD", help="a word, in one class on another")
    kind.add_argument("--mask", type=Path, metavar="PICTURE", help="what differs from the border in a picture")
    kind.add_argument("--scene", type=int, metavar="INDEX", help="what it sees in this training picture, from 0")
    kind.add_argument("--hide", action="append", metavar="CLASS", help="the scene without this class; may be repeated")
    if plan:
        kind.add_argument(
            "--plan", type=Path, metavar="FILE", help="all of it as the page's JSON, or a report's, says"
        )
    group.add_argument("--invert", action="store_true", help="with --mask: draw the other part")
    group.add_argument("--region-class", metavar="CLASS", help="with --text or --mask: the class of what is drawn")
    group.add_argument("--rest-class", metavar="CLASS|keep", help="and of the rest; keep leaves what the network sees")
    group.add_argument("--fill", metavar="CLASS", help="with --hide: what hidden pixels become (what lies nearest)")


def without_defaults(parser: Parser, names: Sequence[str]) -> None:
    """Leaves flags that are not typed at None, for `given_flags`; `fill_defaults` gives them their defaults."""
    parser.set_defaults(usual={name: parser.get_default(name) for name in names}, **dict.fromkeys(names))


def given_flags(options: Options) -> list[str]:
    """Those of the flags held back that were typed."""
    return ["--" + name.replace("_", "-") for name in options.usual if getattr(options, name) is not None]


def fill_defaults(options: Options) -> Options:
    """The options with the defaults of the flags held back."""
    missing = {name: value for name, value in options.usual.items() if getattr(options, name) is None}
    return Options(**{**vars(options), **missing})


def add_trust(parser: Parser, text: str = "") -> None:
    """Whether a plan that the user has not written on this command line may run code."""
    parser.add_argument(
        "--trust", action="store_true", help=f"{text}let the networks that its plan names run code from their files"
    )


def add_device(parser: Parser) -> None:
    """Where to compute."""
    parser.add_argument("--device", default="auto", help="cuda, mps or cpu (the first of them there is)")


def epsilon(text: str) -> float:
    """The largest change, 1 to 127 grey levels."""
    value = number(text)
    if not 1 <= value <= 127:
        raise argparse.ArgumentTypeError(f"it must lie between 1 and 127 grey levels, not {text}")
    return value


def count(text: str) -> int:
    """A whole number of 1 or more, also written as 4e3."""
    value = number(text)
    if value < 1 or not value.is_integer():
        raise argparse.ArgumentTypeError(f"it must be a whole number of 1 or more, not {text}")
    return int(value)


def seed(text: str) -> int:
    """A whole number of at most twelve digits."""
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise argparse.ArgumentTypeError(f"it must be a whole number from 0 to 999999999999, not {text}")
    return int(text)


def number(text: str) -> float:
    """Any finite number."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"it must be a number, not {text}")
    return value


def size(text: str) -> tuple[int, int]:
    """(width, height) in pixels, written WIDTHxHEIGHT."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"a size is WIDTHxHEIGHT, such as 384x256, not {text}")
    return int(width), int(height)
