"""`streamproc policy new`: a file that passes the check as it is, and nothing is overwritten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from streamproc.shipped import shipped_folder
from tests.cli.command_line import CommandLine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_folder("policy"), tmp_path / "policy"))


def test_a_new_campaign_passes_the_check_and_can_be_looked_at(offline: CommandLine, folder: Path) -> None:
    said = offline("policy", "new", "spring_shoes", "--dir", folder)
    file = folder / "campaigns" / "spring_shoes.yaml"
    assert (said.code, f"ok {file}; change it" in said.out) == (0, True)
    assert file.read_text("utf-8").startswith("# yaml-language-server: $schema=../schema/campaign.json\n")
    checked = offline("policy", "check", folder)
    assert (checked.code, "warn" in checked.out, "fail" in checked.out) == (0, False, False)
    assert offline("policy", "preview", "spring_shoes", "--policy", folder).code == 0


def test_a_file_that_is_there_is_left_as_it_is(offline: CommandLine, folder: Path) -> None:
    before = (folder / "campaigns" / "second_look.yaml").read_text("utf-8")
    said = offline("policy", "new", "second_look", "--dir", folder)
    assert (said.code, "second_look.yaml is there already" in said.err) == (1, True)
    assert (folder / "campaigns" / "second_look.yaml").read_text("utf-8") == before


def test_a_name_that_is_none_or_that_counters_hang_on_is_refused(offline: CommandLine, folder: Path) -> None:
    said = offline("policy", "new", "Spring-Shoes", "--dir", folder)
    assert (said.code, "'Spring-Shoes' is not a name: lower-case letters" in said.err) == (1, True)
    file = folder / "campaigns" / "second_look.yaml"
    file.write_text(f"{file.read_text('utf-8')}formerly: glance\n", "utf-8")
    said = offline("policy", "new", "glance", "--dir", folder)
    assert (said.code, "glance is what second_look was called" in said.err) == (1, True)


def test_a_folder_without_a_policy_is_named(offline: CommandLine, tmp_path: Path) -> None:
    said = offline("policy", "new", "spring", "--dir", tmp_path / "nosuch")
    assert (said.code, "there is no such folder" in said.err) == (1, True)
