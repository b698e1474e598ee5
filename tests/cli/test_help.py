"""The front door: help that shows how, and that opens without loading what only a worker needs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from streamproc import __version__
from streamproc.cli import app
from tests.cli.command_line import CommandLine

ROOT = Path(__file__).parents[2]
LOADED = """
import sys
from streamproc.cli import main
sys.argv[1:] = ["--help"]
try: main()
except SystemExit: pass
heavy = {"faust", "aiokafka", "redis", "pydantic", "uvloop", "aiohttp"} & set(sys.modules)
print("heavy:", sorted(heavy))
"""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself_with_an_example_of_its_own(path: tuple[str, ...]) -> None:
    text = ALL[path].help
    assert "Example: `" in text
    assert " ".join(("streamproc", *path)) in " ".join(text.split())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    silent = [one.name for one in ALL[path].params if one.param_type_name == "option" and not one.help]
    assert silent == []


def test_the_documented_commands_exist() -> None:
    known = {" ".join(path[:length]) for path in ALL for length in (1, 2)}
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        named = set(re.findall(r"`streamproc ([a-z-]+)", document.read_text("utf-8")))
        assert named <= known, document


def test_help_is_shown_without_loading_what_only_a_worker_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=30, check=False, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_the_version_is_shown(offline: CommandLine) -> None:
    assert offline("--version").out == f"streamproc {__version__}\n"


def test_a_command_that_does_not_exist_is_wrong_usage(offline: CommandLine) -> None:
    assert offline("chanel").code == 2


def test_a_file_that_is_not_there_is_a_message(offline: CommandLine) -> None:
    said = offline("check-events", "/nowhere/in.ndjson")
    assert (said.code, said.err) == (1, "error: /nowhere/in.ndjson: No such file or directory\n")
