"""The user's own networks: ``FILE.py:FUNCTION``, where the function returns a module that follows this contract.

The module maps float RGB (n, 3, h, w) in [0, 1] to logits (n, k, h', w'): bare, as ``{"out": logits}`` or ``{"logits":
logits}``, or first in a list. It may have the attributes ``classes`` (names), ``palette`` (colours from 0 to 255),
``objects`` (the classes that are objects), and ``mean`` and ``std`` (three channels, in [0, 1]); with these two, it
receives normalized pictures.
"""

import sys
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import torch
from torch import nn

from uapseg.errors import UapsegError, one_line
from uapseg.models import checks
from uapseg.models.classes import default_pair, make_distinct, numbered_names, objects_of, palette_of
from uapseg.models.segmenter import RGB, Channels, Segmenter
from uapseg.tensors import to_list


def load(
    name: str,
    *,
    size: checks.Size | None = None,
    strict: bool = True,
) -> Segmenter:
    """Runs the function of a file, and checks the network that it returns as `uapseg.models.checks.check` does.

    Args:
        name: ``FILE.py:FUNCTION``.
        size: The (width, height) of the pictures to attack, if known.
        strict: Whether probable mistakes are errors; otherwise they are warnings.

    Raises:
        UapsegError: There is no such file or function, it fails, or its network cannot be attacked.

    Example:
        >>> _ = Path("mine.py").write_text('''
        ... from torch import nn
        ...
        ... def net():
        ...     net = nn.Conv2d(3, 2, 1)
        ...     net.classes = ["road", "car"]
        ...     return net
        ... ''')
        >>> load("mine.py:net").classes
        ('road', 'car')
    """
    path, _, function = name.rpartition(":")
    file = Path(path).expanduser()
    if not file.is_file():
        raise UapsegError(f"There is no file {file} with a network: name one with --model FILE.py:FUNCTION.")
    net = _call(file, function)
    if not isinstance(net, nn.Module):
        raise UapsegError(f"The function {name} returns {type(net).__name__}: it must return a torch.nn.Module.")
    short_name = f"{file.name}:{function}"
    return wrap(net.to("cpu", torch.float32), short_name, source=str(file), size=size, strict=strict)


def wrap(
    net: nn.Module,
    name: str,
    *,
    source: str = "Python",
    fingerprint: str | None = None,
    size: checks.Size | None = None,
    strict: bool = True,
) -> Segmenter:
    """Wraps a module on the CPU that follows the contract above as a segmenter, after checking it.

    Args:
        net: The module; it is frozen and put into eval mode.
        name: What to call it.
        source: Where it comes from.
        fingerprint: What identifies its weights, if they are not in its state dict.
        size: The (width, height) of the pictures to attack, if known.
        strict: Whether probable mistakes are errors; otherwise they are warnings.

    Raises:
        UapsegError: The module makes a mistake that `uapseg.models.checks` knows, or its attributes are invalid.

    Example:
        >>> wrap(nn.Conv2d(3, 2, 1), "mine").classes
        ('class 0', 'class 1')
    """
    mean, std = _channels(net, "mean", name), _channels(net, "std", name)
    if (mean is None) != (std is None):
        raise UapsegError(f"The network {name} has only one of the attributes mean and std: give both, or neither.")
    segmenter = partial(
        Segmenter,
        net,
        name=name,
        mean=mean or (0.0, 0.0, 0.0),
        std=std or (1.0, 1.0, 1.0),
        source=source,
        licence="its own",
        channels_last=False,
        fingerprint=fingerprint,
    )
    classes = _classes(net, name)
    if not classes:
        unnamed_model = segmenter(classes=(), palette=(), objects=(), pair=("", ""))
        classes = numbered_names(checks.count_classes(unnamed_model, checks.find_multiple(unnamed_model, size)))
    model = segmenter(
        classes=classes,
        palette=_palette(net, classes, name),
        objects=_objects(net, classes, name),
        pair=default_pair(classes),
    )
    checks.check(model, size, strict=strict)
    return model


def _classes(net: nn.Module, name: str) -> tuple[str, ...]:
    names = getattr(net, "classes", None)
    if names is None:
        return ()
    if not _is_list(names) or len(names) < 2 or not all(isinstance(entry, str) and entry.strip() for entry in names):
        raise UapsegError(f"The attribute classes of the network {name} must be a list of two or more names.")
    return make_distinct(names)


def _palette(net: nn.Module, classes: tuple[str, ...], name: str) -> tuple[RGB, ...]:
    colours = getattr(net, "palette", None)
    if colours is None:
        return palette_of(classes)
    if not _is_list(colours) or len(colours) != len(classes) or not all(map(_is_colour, colours)):
        raise UapsegError(
            f"The attribute palette of the network {name} must be a list of colours (R, G, B) in whole numbers from 0 "
            f"to 255, one for each of the {len(classes)} classes."
        )
    return tuple((red, green, blue) for red, green, blue in colours)


def _objects(net: nn.Module, classes: tuple[str, ...], name: str) -> tuple[str, ...]:
    objects = getattr(net, "objects", None)
    if objects is None:
        return objects_of(classes)
    if not _is_list(objects) or not set(objects) <= set(classes):
        raise UapsegError(f"The attribute objects of the network {name} must be a list of some of its classes.")
    return tuple(objects)


def _channels(net: nn.Module, attribute: str, name: str) -> Channels | None:
    statistics = getattr(net, attribute, None)
    if statistics is None:
        return None
    values: Any = to_list(statistics.flatten()) if isinstance(statistics, torch.Tensor) else statistics
    three = _is_list(values) and len(values) == 3 and all(isinstance(value, int | float) for value in values)
    if not three or not all((attribute == "mean" or value > 0) and 0 <= value <= 1 for value in values):
        raise UapsegError(
            f"The attribute {attribute} of the network {name} must be three numbers in the units of its pictures, "
            "[0, 1]: divide grey levels by 255."
        )
    red, green, blue = values
    return red, green, blue


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_colour(value: Any) -> bool:
    return _is_list(value) and len(value) == 3 and all(isinstance(v, int) and 0 <= v <= 255 for v in value)


def _call(file: Path, function: str) -> Any:
    """Calls the function of a file."""
    try:
        with _import_path(file.resolve().parent):
            return getattr(_import(file), function)()
    except Exception as error:  # code of the user's own may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        location = f"{file}, line {lines[-1]}" if lines else f"{file}"
        raise UapsegError(f"The network {file}:{function} cannot be built ({location}: {one_line(error)}).") from error


class _SourceLoader(SourceFileLoader):
    """Compiles the source each time: bytecode beside it is taken for current if a change took less than a second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _import(file: Path) -> ModuleType:
    """Imports the file as a new module."""
    name = f"uapseg_own_{file.stem}"
    spec = spec_from_file_location(name, file, loader=_SourceLoader(name, str(file)))
    if spec is None or spec.loader is None:
        raise ImportError(file)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@contextmanager
def _import_path(folder: Path) -> Generator[None]:
    """Lets a file import modules beside it, as a script may."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
