"""The examples in the docstrings of the package do what they say."""

import doctest
import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

import uapseg

MODULES = sorted(
    name
    for name in ("uapseg", *(module.name for module in pkgutil.walk_packages(uapseg.__path__, "uapseg.")))
    if not name.endswith("__main__")
)


class Finder(doctest.DocTestFinder):
    """Finds functions that a decorator has wrapped, as jaxtyping's checks of types do, by where they come from."""

    def _from_module(self, module: ModuleType, object: object) -> bool:  # noqa: A002  doctest's own name
        return super()._from_module(module, inspect.unwrap(object) if callable(object) else object)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what an example writes
    module = import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in Finder(exclude_empty=True).find(module, name):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_wrapped_functions_are_found():
    from uapseg.targets import goals

    assert "uapseg.targets.goals.repeat_tile" in {test.name for test in Finder(exclude_empty=False).find(goals)}
