"""Every command that a document, a script or an alert names is one that streamproc has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from streamproc.cli import app

ROOT = Path(__file__).parents[2]
FILES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "Makefile", "docker-compose.yml")),
    *(ROOT / "docs").rglob("*.md"),
    *(file for file in (ROOT / "deploy").rglob("*") if file.is_file()),
]
COMMAND = r"streamproc ([a-z][a-z-]+)(?:[ |]([a-z][a-z-]+))?"
# In a text a command stands in backticks or is indented; in a script its line begins with it.
IN_TEXT = re.compile(r"(?:`|^ {4})" + COMMAND, re.MULTILINE)
IN_SCRIPT = re.compile(r"(?:`|^|bin/)" + COMMAND, re.MULTILINE)


def commands() -> dict[str, set[str]]:
    """Return each command with its subcommands."""
    root: Any = typer.main.get_command(app)
    return {name: set(getattr(command, "commands", ())) for name, command in root.commands.items()}


def named(file: Path) -> Iterator[tuple[str, str]]:
    pattern = IN_TEXT if file.suffix == ".md" else IN_SCRIPT
    for match in pattern.finditer(file.read_text("utf-8")):
        yield match[1], match[2] or ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_command_that_a_file_names_exists(file: Path) -> None:
    known = commands()
    for command, word in named(file):
        assert command in known, f"streamproc {command}"
        if known[command]:
            assert word in known[command], f"streamproc {command} {word}"


def test_the_search_finds_commands() -> None:
    assert ("topics", "apply") in set(named(ROOT / "README.md")) & set(named(ROOT / "deploy" / "setup.sh"))
    assert ("demo", "") in set(named(ROOT / "Makefile"))
