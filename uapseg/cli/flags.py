"""Flags shared by several commands, and the types of their values."""

import argparse
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import NoReturn

from uapseg.errors import UapsegError

Options = argparse.Namespace

MAX_PORT = 65_535

KEEP = "keep"
"""The value of --rest-class that keeps what the network predicts."""

PERTURBATION = "a perturbation: PNG, safetensors, a run's folder, or hf-hub:USER/NAME"
"""The help of a file of a perturbation."""


class Parser(argparse.ArgumentParser):
    """A parser that raises errors as one sentence.

    Example:
        >>> parser = Parser(prog="uapseg")
        >>> add_device(parser)
        >>> parser.parse_args(["--device", "cpu"]).device
        'cpu'
    """

    def error(self, message: str) -> NoReturn:
        """Raises the error message of argparse.

        Raises:
            UapsegError: Always.
        """
        raise UapsegError(f"{message[0].upper()}{message[1:]} (see {self.prog} --help).")


def add_perturbation(parser: Parser) -> None:
    """Adds the file of a perturbation.

    Example:
        >>> parser = Parser()
        >>> add_perturbation(parser)
        >>> parser.parse_args(["a.png"]).perturbation.name
        'a.png'
    """
    parser.add_argument("perturbation", type=Path, metavar="PERTURBATION", help=PERTURBATION)


def add_networks(parser: Parser, model: str | None, data: str | None) -> None:
    """Adds the network and the pictures; None defaults to those of the perturbation's plan.

    Example:
        >>> parser = Parser()
        >>> add_networks(parser, "street", "street")
        >>> parser.parse_args(["--size", "384x256"]).size
        (384, 256)
    """
    default = model or "that of the perturbation"
    parser.add_argument(
        "--model", default=model, metavar="NAME", help=f"the network (default: {default}); `models` lists them"
    )
    parser.add_argument("--weights", metavar="FILE", help="load these weights into the network instead of its own")
    parser.add_argument(
        "--data",
        default=data,
        metavar="NAME",
        help=f"the dataset (default: {data or default}); `datasets` lists them",
    )
    parser.add_argument(
        "--size",
        type=size,
        metavar="WIDTHxHEIGHT",
        help="scale and crop pictures to this size (default: the dataset's)",
    )
    add_checks(parser)


def add_checks(parser: Parser) -> None:
    """Adds the flag that turns guessed mistakes of a network into warnings.

    Example:
        >>> parser = Parser()
        >>> add_checks(parser)
        >>> parser.parse_args(["--no-checks"]).strict
        False
    """
    parser.add_argument(
        "--no-checks", dest="strict", action="store_false",
        help="only warn about a network that looks wrongly normalized",
    )  # fmt: skip


def add_report(parser: Parser) -> None:
    """Adds the pictures to report on.

    Example:
        >>> parser = Parser()
        >>> add_report(parser)
        >>> parser.parse_args(["--eval-data", "coco-mini"]).eval_data
        'coco-mini'
    """
    parser.add_argument("--eval-data", metavar="NAME", help="dataset to report on (default: the test split of --data)")


def add_target(parser: Parser, *, default: str | None = None, plan: bool = False) -> None:
    """Adds the target.

    Args:
        parser: The command.
        default: What the help calls the default; None requires a target.
        plan: Whether a file that holds the target and all other settings is allowed.

    Example:
        >>> parser = Parser()
        >>> add_target(parser)
        >>> parser.parse_args(["--hide", "Car"]).hide
        ['Car']
    """
    group = parser.add_argument_group(
        "target: what the network should see" + (f" (default: {default})" if default else "")
    )
    kind = group.add_mutually_exclusive_group()
    kind.add_argument("--text", metavar="WORD", help="a word: its letters in one class, the rest in another")
    kind.add_argument(
        "--mask", type=Path, metavar="PICTURE", help="a shape: everything in a picture that differs from its border"
    )
    kind.add_argument(
        "--scene", type=int, metavar="INDEX", help="the segmentation of a training picture, counted from 0"
    )
    group.add_argument(
        "--hide",
        action="append",
        metavar="CLASS",
        help="the same scene without this class (repeatable); people stands for all classes that are people; with "
        "--text or --mask, it is hidden outside the letters or the shape",
    )
    kind.add_argument(
        "--swap", nargs=2, metavar=("CLASS", "CLASS"), help="the scene with the first class predicted as the second"
    )
    kind.add_argument(
        "--break",
        dest="untargeted",
        action="store_true",
        help="any other scene: every pixel loses its class (untargeted)",
    )
    if plan:
        kind.add_argument(
            "--plan", type=Path, metavar="FILE", help="everything as in a plan (JSON), from the page or a report"
        )
    parser.set_defaults(target_needed=default is None)
    group.add_argument("--invert", action="store_true", help="with --mask: swap shape and background")
    group.add_argument(
        "--region-class",
        metavar="CLASS",
        help="with --text or --mask: the class of the letters or the shape (default: the network's own choice; in "
        "long runs with --text, the best in brief trials)",
    )
    group.add_argument(
        "--rest-class",
        metavar="CLASS|keep",
        help="with --text or --mask: the class of the rest; keep leaves it unchanged (default: likewise)",
    )
    group.add_argument(
        "--fill", metavar="CLASS", help="with --hide: the class that hidden pixels take (default: the nearest)"
    )


def check_target(options: Options) -> None:
    """Checks that the flags name a target if a command needs one, and that they do not conflict.

    Raises:
        UapsegError: They name none, or two that exclude each other.

    Example:
        >>> parser = Parser()
        >>> add_target(parser)
        >>> check_target(parser.parse_args(["--text", "foo", "--hide", "people"]))
    """
    if not hasattr(options, "target_needed"):
        return
    target_flags = ("text", "mask", "scene", "swap", "plan")
    given_flags = [name for name in target_flags if getattr(options, name, None) is not None]
    given_flags += ["break"] * options.untargeted
    if options.target_needed and not given_flags and options.hide is None:
        plan = ", or --plan" * hasattr(options, "plan")
        raise UapsegError(f"Name a target: one of --text, --mask, --scene, --hide, --swap and --break{plan}.")
    exclusive_flags = [name for name in given_flags if name not in {"text", "mask"}]
    if exclusive_flags and options.hide is not None:
        raise UapsegError(
            f"--hide goes with --text or --mask, or alone, as --{exclusive_flags[0]} says what every pixel is to be: "
            "leave one out."
        )
    if options.hide is not None and (options.rest_class or KEEP).lower() != KEEP:
        raise UapsegError(
            "--rest-class makes everything outside the drawing one class, so that there is nothing to hide: leave it "
            "or --hide out."
        )


def without_defaults(parser: Parser, names: Sequence[str]) -> None:
    """Sets the defaults of some flags to None, so that `given_flags` knows which were typed.

    Example:
        >>> parser = Parser()
        >>> _ = parser.add_argument("--epsilon", type=epsilon, default=10.0)
        >>> without_defaults(parser, ["epsilon"])
        >>> given_flags(parser.parse_args(["--epsilon", "6"])), given_flags(parser.parse_args([]))
        (['--epsilon'], [])
        >>> fill_defaults(parser.parse_args([])).epsilon
        10.0
    """
    parser.set_defaults(usual={name: parser.get_default(name) for name in names}, **dict.fromkeys(names))


def given_flags(options: Options) -> list[str]:
    """Returns the flags of `without_defaults` that were typed.

    Example:
        >>> parser = Parser()
        >>> _ = parser.add_argument("--seed", type=seed, default=0)
        >>> without_defaults(parser, ["seed"])
        >>> given_flags(parser.parse_args(["--seed", "1"]))
        ['--seed']
    """
    return ["--" + name.replace("_", "-") for name in options.usual if getattr(options, name) is not None]


def fill_defaults(options: Options) -> Options:
    """Restores the defaults that `without_defaults` removed.

    Example:
        >>> parser = Parser()
        >>> _ = parser.add_argument("--seed", type=seed, default=0)
        >>> without_defaults(parser, ["seed"])
        >>> fill_defaults(parser.parse_args([])).seed
        0
    """
    missing_values = {name: value for name, value in options.usual.items() if getattr(options, name) is None}
    return Options(**{**vars(options), **missing_values})


def add_trust(parser: Parser, text: str = "") -> None:
    """Adds the permission to run code that a plan from a file names.

    Example:
        >>> parser = Parser()
        >>> add_trust(parser)
        >>> parser.parse_args(["--trust"]).trust
        True
    """
    parser.add_argument("--trust", action="store_true", help=f"{text}allow networks that run code from a file")


def add_device(parser: Parser) -> None:
    """Adds the device.

    Example:
        >>> parser = Parser()
        >>> add_device(parser)
        >>> parser.parse_args([]).device
        'auto'
    """
    parser.add_argument("--device", default="auto", help="cuda, mps or cpu (default: the first available)")


def epsilon(text: str) -> float:
    """Reads epsilon, 1 to 127 grey levels.

    Example:
        >>> epsilon("10")
        10.0
    """
    value = number(text)
    if not 1 <= value <= 127:
        raise argparse.ArgumentTypeError(f"it must lie between 1 and 127 grey levels, not {text}")
    return value


def count(text: str) -> int:
    """Reads a whole number of 1 or more, also written as 4e3.

    Example:
        >>> count("4e3")
        4000
    """
    value = number(text)
    if value < 1 or not value.is_integer():
        raise argparse.ArgumentTypeError(f"it must be a whole number of 1 or more, not {text}")
    return int(value)


def port(text: str) -> int:
    """Reads the number of a port, 1 to 65535.

    Example:
        >>> port("7860")
        7860
    """
    value = count(text)
    if value > MAX_PORT:
        raise argparse.ArgumentTypeError(f"it must be at most {MAX_PORT}, not {text}")
    return value


def counts(text: str) -> tuple[int, ...]:
    """Reads whole numbers of 1 or more, separated by commas.

    Example:
        >>> counts("1,4,16")
        (1, 4, 16)
    """
    return tuple(count(part) for part in text.split(","))


def seed(text: str) -> int:
    """Reads a seed: a whole number of at most twelve digits.

    Example:
        >>> seed("7")
        7
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise argparse.ArgumentTypeError(f"it must be a whole number from 0 to 999999999999, not {text}")
    return int(text)


def number(text: str) -> float:
    """Reads any finite number.

    Example:
        >>> number("0.95")
        0.95
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"it must be a number, not {text}")
    return value


def size(text: str) -> tuple[int, int]:
    """Reads (width, height) in pixels, written WIDTHxHEIGHT.

    Example:
        >>> size("384x256")
        (384, 256)
    """
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"a size is WIDTHxHEIGHT, such as 384x256, not {text}")
    return int(width), int(height)
