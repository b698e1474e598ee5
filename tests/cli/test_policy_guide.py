"""The commands of docs/policy.md run as the page has them, in its order, on a copy of the folder that ships."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from streamproc.shipped import shipped_folder
from tests.cli.command_line import CommandLine

TEXT = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
COMMANDS = re.findall(r"^    (streamproc policy .*)$", TEXT, re.MULTILINE)
BLOCKS = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL))
CHANGES = {
    "channels.yaml": [
        ("gap_min: 1h", "gap_min: 30m"),
        ('open: "09:00-20:00"', 'open: "08:00-21:00"'),
        ("max: 3, rolling: 7d", "max: 2, rolling: 7d"),
    ],
    "campaigns/second_look.yaml": [("min: 3", "min: 2"), ("Still looking?", "Another look?")],
}


def copy_of_the_policy(folder: Path) -> Path:
    shutil.copytree(shipped_folder("policy"), folder)
    file = folder / "campaigns" / "third_wish.yaml"
    file.write_text(BLOCKS["campaigns/third_wish.yaml"], "utf-8")
    return folder


def test_every_command_of_the_page_works(installed: CommandLine, tmp_path: Path) -> None:
    folder = copy_of_the_policy(tmp_path / "policy")
    installed("policy", "publish", shipped_folder("policy"))
    assert len(COMMANDS) == 9
    for command in COMMANDS:
        words = (
            command.replace("DIR", str(folder))
            .replace("third_wish.html", str(tmp_path / "page.html"))
            .split()
        )
        said = installed(*words[1:], *(["--yes"] if "rollback" in words else []))
        assert said.code == ("diff" in words), f"{command}: {said.out}{said.err}"


def test_the_difference_that_the_page_shows_is_what_is_said(offline: CommandLine, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shipped_folder("policy"), tmp_path / "policy"))
    for name, changes in CHANGES.items():
        text = (folder / name).read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (folder / name).write_text(text, "utf-8")
    said = offline("policy", "diff", shipped_folder("policy"), folder).out
    told = [re.sub(r" {2,}", "  ", line.strip()) for line in said.splitlines()[3:]]
    shown = [re.sub(r" {2,}", "  ", line.strip()) for line in BLOCKS["diff"].splitlines()]
    assert told == shown
