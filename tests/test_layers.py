"""Importing does nothing heavy, and the core knows no front end."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

import uapseg

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def package_names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[=<>\[]", line)[0].lower() for line in requirements}


REQUIRED = package_names((ROOT / "requirements.txt").read_text().split())


def test_the_requirements_and_the_package_ask_for_the_same():
    assert package_names(PROJECT["dependencies"]) == REQUIRED


def imported(code: str, *modules: str) -> set[str]:
    """Which of the modules have been imported after some code has run in a process of its own."""
    code = f"{code}; print(*{set(modules)} & set(sys.modules), file=sys.stderr)"
    command = [sys.executable, "-c", f"import sys; {code}"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stderr.split())


def test_the_core_knows_no_front_end():
    code = "from uapseg import *"
    assert imported(code, "torch", "gradio", "matplotlib", "torchvision", "uapseg.app") == {"torch"}


def test_help_imports_nothing_heavy():
    code = "from uapseg.cli.parser import make_parser; make_parser().format_help()"
    assert imported(code, "torch", "numpy", "scipy", "PIL", "gradio", "jaxtyping", "uapseg.cli.parser") == {
        "uapseg.cli.parser"
    }


ROOMS = ("io", "scenes", "targets", "models", "datasets", "attack", "results", "app", "cli")
"""The folders of the package: each imports from those before it alone."""


def imported_rooms(file: Path) -> set[str]:
    """The folders of the package that a module imports from, wherever in it."""
    modules = set[str]()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in modules if name.startswith("uapseg.")} & {*ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_in_one_direction(room: str):
    allowed = {*ROOMS[: ROOMS.index(room) + 1]}
    modules = [*(ROOT / "uapseg" / room).glob("*.py")]
    assert modules
    assert {file.name: late for file in modules if (late := imported_rooms(file) - allowed)} == {}


def test_every_public_name_is_there():
    for name in uapseg.__all__:
        assert getattr(uapseg, name).__name__ == name
        assert name in dir(uapseg)
    with pytest.raises(AttributeError, match="no attribute 'noise'"):
        uapseg.noise  # noqa: B018


@pytest.mark.parametrize("file", sorted((ROOT / "uapseg").rglob("*.py")), ids=lambda f: str(f.relative_to(ROOT)))
def test_only_the_page_imports_gradio_and_nothing_unpickles(file):
    text = file.read_text()
    if "app" not in file.relative_to(ROOT).parts:
        assert not re.search(r"^\s*(import|from) gradio", text, re.MULTILINE)
    assert "import pickle" not in text
    assert "torch.load(" not in text or "weights_only=True" in text
    assert "allow_pickle=True" not in text


def test_every_package_that_is_imported_is_asked_for():
    wanted = REQUIRED.union(*(package_names(PROJECT["optional-dependencies"][extra]) for extra in ("hf", "smp")))
    names = {"PIL": "pillow", "spaces": None, "uapseg": None}
    for file in [ROOT / "app.py", *(ROOT / "uapseg").rglob("*.py")]:
        for module in re.findall(r"^\s*(?:import|from) (\w+)", file.read_text(), re.MULTILINE):
            package = names.get(module, module)
            assert package is None or module in sys.stdlib_module_names or package.lower() in wanted, (file, module)


def modules_of_the_page() -> dict[str, set[str]]:
    """The modules of the page, and which of the others each of them imports."""
    imports = {}
    for file in (ROOT / "uapseg/app").rglob("*.py"):
        found = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
        names = {f"{node.module}.{alias.name}" for node in found for alias in node.names}
        imports[".".join(file.relative_to(ROOT).with_suffix("").parts)] = names | {f"{node.module}" for node in found}
    return {module: names & imports.keys() for module, names in imports.items()}


def test_the_modules_of_the_page_import_in_one_direction():
    left = modules_of_the_page()
    assert len(left) > 20
    while free := [name for name, imports in left.items() if not imports & left.keys()]:
        for name in free:
            del left[name]
    assert not left  # those that import each other in a circle, and what imports them
