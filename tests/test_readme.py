"""What the README says can be typed can be typed, and what it names is there."""

import re
import shlex
from pathlib import Path

import pytest

from uapseg.cli.parser import make_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CARD = (ROOT / "assets" / "street" / "README.md").read_text()
BLOCKS = "\n".join(re.findall(r"```bash\n(.*?)```", README + CARD, re.DOTALL)).replace("\\\n", " ")
COMMANDS = re.findall(r"^python -m uapseg (.*)$", BLOCKS, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_typed(command):
    make_parser().parse_args(shlex.split(command, comments=True))


def test_commands_were_found():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)\)", README))))
def test_every_link_leads_somewhere(path):
    assert (ROOT / path).exists()


def test_the_spaces_header_names_what_is_here():
    header = dict(line.split(": ", 1) for line in README.split("---")[1].strip().splitlines())
    assert (ROOT / header["app_file"]).is_file()
    assert header["sdk_version"].rsplit(".", 1)[0] in (ROOT / "requirements.txt").read_text()
    assert len(header["short_description"]) <= 60
