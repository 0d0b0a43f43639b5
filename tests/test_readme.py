"""What the documents say can be typed can be typed, what they link is there, and the README stays short."""

import re
import shlex
from pathlib import Path

import pytest

from uapseg.cli.parser import make_parser

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "assets/findings.md", "assets/street/README.md")
}
BLOCKS = "\n".join(re.findall(r"```bash\n(.*?)```", "\n".join(DOCUMENTS.values()), re.DOTALL)).replace("\\\n", " ")
COMMANDS = re.findall(r"^python -m uapseg (.*)$", BLOCKS, re.MULTILINE)
LINKS = [
    (name, *link)
    for name, text in DOCUMENTS.items()
    for link in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)", text)
]


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_typed(command):
    make_parser().parse_args(shlex.split(command, comments=True))


def test_commands_were_found():
    assert len(COMMANDS) >= 30


@pytest.mark.parametrize(("document", "path", "anchor"), LINKS)
def test_every_link_leads_somewhere(document, path, anchor):
    file = (ROOT / document).parent / path if path else ROOT / document
    assert file.exists()
    if anchor:
        assert anchor in map(slug, re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:uapseg|tests|assets)/[\w/.-]+)`", README.read_text()))))
def test_every_file_that_is_named_is_there(path):
    assert (ROOT / path).exists()


def test_every_file_of_the_map_is_there():
    rows = re.findall(
        r"^\| (`.*?`) \|", DOCUMENTS["README.md"].split("| in `uapseg/` |")[1].split("\n\n")[0], re.MULTILINE
    )
    assert len(rows) >= 8
    for row in rows:
        first, *others = re.findall(r"`([^`]+)`", row)
        room = (ROOT / "uapseg" / first).parent
        assert (ROOT / "uapseg" / first).exists()
        assert all((room / name).exists() for name in others), row


def test_the_readme_is_short():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 250
    assert [line for line in lines if len(line) > 120 and not line.startswith(("|", "!", "python"))] == []


def test_the_header_of_the_space_names_what_is_here():
    header = dict(line.split(": ", 1) for line in DOCUMENTS["README.md"].split("---")[1].strip().splitlines())
    assert (ROOT / header["app_file"]).is_file()
    assert header["sdk_version"].rsplit(".", 1)[0] in (ROOT / "requirements.txt").read_text()
    assert len(header["short_description"]) <= 60
