"""`streamproc policy diff`: folders, versions and what is in force, in words, with the exit codes of `diff`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from streamproc.shipped import shipped_folder
from tests.cli.command_line import CommandLine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_folder("policy"), tmp_path / "policy"))


@pytest.fixture
def other(folder: Path, tmp_path: Path) -> Path:
    """A copy that is a little looser."""
    copy = Path(shutil.copytree(folder, tmp_path / "other"))
    edit(copy / "channels.yaml", "gap_min: 1h", "gap_min: 30m")
    edit(copy / "campaigns" / "second_look.yaml", "Still looking?", "Another look?")
    return copy


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_two_folders_that_say_the_same_give_0(offline: CommandLine, folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert offline("policy", "diff", folder, copy).code == 0
    edit(copy / "channels.yaml", "# ", "# Oh: ")
    said = offline("policy", "diff", folder, copy)
    assert (said.code, "only comments or layout differ" in said.out) == (0, True)


def test_what_differs_is_told_under_its_part_and_gives_1(
    offline: CommandLine, folder: Path, other: Path
) -> None:
    said = offline("policy", "diff", folder, other)
    assert said.code == 1
    lines = [line.rstrip() for line in said.out.splitlines()]
    assert lines[lines.index("overall") + 1] == "  looser   least gap: 30 minutes, was 1 hour"
    assert lines[-1] == "2 changes: 1 looser"
    (words,) = [line for line in lines if "push, soft, title" in line]
    assert words.split()[-4:] == ["Still", "looking?", "Another", "look?"]


def test_programs_get_every_change(offline: CommandLine, folder: Path, other: Path) -> None:
    found = offline("policy", "diff", other, folder, "--json").json
    assert (found["same"], found["looser"], found["tighter"]) == (False, 0, 1)
    assert found["changes"][0] == {
        "part": "overall",
        "path": "overall.gap_min",
        "says": "least gap: 1 hour, was 30 minutes",
        "restraint": "tighter",
        "kind": "changed",
        "was": "",
        "now": "",
    }


def test_trouble_gives_2_and_names_the_folder(offline: CommandLine, folder: Path, other: Path) -> None:
    edit(other / "channels.yaml", "gap_min", "gap_mn")
    said = offline("policy", "diff", folder, f"{other}/")
    assert (said.code, f"error: {other}/channels.yaml:" in said.err) == (2, True)
    assert offline("policy", "diff", folder).code == 2  # no setting says where Kafka is
    assert offline("policy", "diff", folder, f"{folder}/nosuch").code == 2


def test_a_folder_is_compared_with_what_is_in_force_and_versions_with_each_other(
    installed: CommandLine, folder: Path, other: Path
) -> None:
    default = installed("policy", "diff", folder)
    assert (default.code, "the workers' default" in default.out) == (0, True)
    installed("policy", "publish", folder)
    said = installed("policy", "diff", other)
    assert (said.code, ", in force" in said.out) == (1, True)
    assert "looser   least gap: 30 minutes, was 1 hour" in said.out
    installed("policy", "publish", other)
    first, second = installed("policy", "show", "--json").json["versions"]
    back = installed("policy", "diff", second, first)
    assert "tighter  least gap: 1 hour, was 30 minutes" in back.out
    assert installed("policy", "diff", "config", second).code == 0
    unknown = installed("policy", "diff", "nope", "config")
    assert (unknown.code, f"no version on config, which holds {first}, {second}" in unknown.err) == (2, True)
