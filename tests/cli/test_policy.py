"""`streamproc policy`: what is wrong is said with file and line, what holds is published, and there is a way back."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import jsonschema
import pytest

from streamproc.core.policy.bundle import from_document
from streamproc.flow.config_log import ConfigState, read_config, write_config
from streamproc.ops.commands.rollout import who
from streamproc.shipped import shipped_folder
from tests.cli.command_line import CommandLine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_folder("policy"), tmp_path / "policy"))


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "campaigns" / "wishlist_saved.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def config() -> ConfigState:
    return asyncio.run(read_config(os.environ["STREAMPROC_KAFKA"], os.environ["STREAMPROC_TOPIC_PREFIX"]))


def test_the_shipped_policy_holds_with_all_its_examples(offline: CommandLine, folder: Path) -> None:
    said = offline("policy", "check", folder)
    assert said.code == 0, said.out
    assert "the first wish is confirmed, quietly" in said.out
    assert "fail" not in said.out


def test_a_folder_that_is_not_there_is_named_once(offline: CommandLine, tmp_path: Path) -> None:
    said = offline("policy", "check", tmp_path / "nosuch")
    assert said.code == 1
    assert f"fail {tmp_path}/nosuch: there is no such folder\n" in said.out
    assert "fail 1 error\n" in said.out


def test_a_policy_without_campaigns_is_a_warning_and_a_folder_named_like_a_file_an_error(
    offline: CommandLine, folder: Path
) -> None:
    shutil.rmtree(folder / "campaigns")
    shutil.rmtree(folder / "translations")
    said = offline("policy", "check", folder)
    assert (said.code, "campaigns: there are none, so nothing will ever be sent" in said.out) == (0, True)
    (folder / "campaigns" / "spring.yaml").mkdir(parents=True)
    said = offline("policy", "check", folder)
    assert (said.code, "campaigns/spring.yaml: is a folder" in said.out) == (1, True)


def test_errors_carry_file_and_line_and_no_example_is_run(offline: CommandLine, folder: Path) -> None:
    edit(folder, "trigger:", "triger:")
    said = offline("policy", "check", folder)
    assert said.code == 1
    assert f"{folder}/campaigns/wishlist_saved.yaml:7: triger: unknown key" in said.out
    assert "examples hold" not in said.out


def test_a_failing_example_says_what_was_expected_what_came_and_why_not(
    offline: CommandLine, folder: Path
) -> None:
    edit(folder, "consents: [push]", "consents: [in_app]")
    edit(folder, "rolling: 30d", "rolling: 29d")
    said = offline("policy", "check", folder)
    assert said.code == 1
    assert "wishlist_saved.yaml:32: push was not asked for, and is not used" in said.out
    assert "expected: silence" in said.out
    assert "came:     in_app (send) at once from wishlist_saved" in said.out


def test_the_gates_that_silenced_an_example_are_named(offline: CommandLine, folder: Path) -> None:
    edit(folder, "consents: [in_app]\n    given: [{at: 0m, wish", "consents: []\n    given: [{at: 0m, wish")
    found = offline("policy", "check", folder, "--json").json
    (failed,) = [one for one in found["examples"] if not one["passed"]]
    assert (failed["expected"][0]["channel"], failed["came"]) == ("in_app", [])
    assert "channel_not_opted_in" in failed["silences"][0]


def test_a_policy_whose_examples_fail_is_not_published(installed: CommandLine, folder: Path) -> None:
    edit(folder, "consents: [push]", "consents: [in_app]")
    said = installed("policy", "publish", folder)
    assert said.code == 1
    assert "not published" in said.err
    assert config().end == 0


def test_a_rename_that_forgets_the_first_name_is_not_published(installed: CommandLine, folder: Path) -> None:
    edit(folder, "campaign: wishlist_saved", "campaign: wishlist_saved\nformerly: wish_reminder")
    assert installed("policy", "publish", folder).code == 0
    file = folder / "campaigns" / "wishlist_saved.yaml"
    renamed = file.read_text("utf-8").replace("campaign: wishlist_saved", "campaign: wish_kept")
    for old in (file, *(folder / "translations").glob("*/wishlist_saved.yaml")):
        old.rename(old.with_name("wish_kept.yaml"))
    for formerly, code in (("wishlist_saved", 1), ("[wish_reminder, wishlist_saved]", 0)):
        file.with_name("wish_kept.yaml").write_text(
            renamed.replace("formerly: wish_reminder", f"formerly: {formerly}"), "utf-8"
        )
        said = installed("policy", "publish", folder)
        assert (said.code, "formerly leaves out wish_reminder" in said.err) == (code, bool(code))


def test_publishing_puts_the_document_under_its_version_and_points_to_it(
    installed: CommandLine, folder: Path
) -> None:
    assert installed("policy", "publish", folder).code == 0
    state = config()
    version = state.version()
    assert version is not None
    assert state.versions() == (version,)
    assert from_document(state.values[f"policy/{version}"]).version == version
    pointer = json.loads(state.values["policy"])
    assert (pointer["version"], pointer["by"]) == (version, who())


def test_a_version_that_stands_is_not_written_again(installed: CommandLine, folder: Path) -> None:
    installed("policy", "publish", folder)
    said = installed("policy", "publish", folder)
    assert (said.code, "config names already" in said.out) == (0, True)
    assert config().end == 2  # the document and the pointer


def test_rollback_points_to_the_version_before_and_can_be_undone(
    installed: CommandLine, folder: Path
) -> None:
    installed("policy", "publish", folder)
    first = config().version()
    edit(folder, "rolling: 30d", "rolling: 29d")
    installed("policy", "publish", folder)
    second = config().version()
    assert first != second
    back = installed("policy", "rollback", "--yes")
    assert (back.code, "tighter" in back.out) == (0, True), "30 days are tighter than 29"
    assert config().version() == first
    assert installed("policy", "rollback", second or "", "--yes").code == 0
    assert config().version() == second


def test_rollback_tells_what_changes_and_does_nothing_until_somebody_agrees(
    installed: CommandLine, folder: Path
) -> None:
    installed("policy", "publish", folder)
    first = config().version()
    edit(folder, "rolling: 30d", "rolling: 29d")
    installed("policy", "publish", folder)
    end = config().end
    said = installed("policy", "rollback", given="y\n")
    assert (said.code, "at most 1 in 30 days, was 1 in 29 days" in said.out) == (1, True)
    assert f"Put {first} in force? There is nobody to ask here: add --yes" in said.err
    assert config().end == end
    present = installed("policy", "rollback", config().version() or "")
    assert (present.code, "in force already; nothing to write" in present.out) == (0, True)
    assert config().end == end


def test_what_no_worker_would_take_is_not_put_in_force(installed: CommandLine, folder: Path) -> None:
    installed("policy", "publish", folder)
    given = (os.environ["STREAMPROC_KAFKA"], [("policy/old", b'{"version": "old", "files": {}}')])
    asyncio.run(write_config(*given, prefix=os.environ["STREAMPROC_TOPIC_PREFIX"]))
    said = installed("policy", "rollback", "old", "--yes")
    assert (said.code, "old does not load in this version of streamproc" in said.err) == (1, True)
    assert "channels.yaml: this file is required" in said.err


def test_a_policy_that_is_named_and_not_there_can_be_replaced(installed: CommandLine, folder: Path) -> None:
    given = (os.environ["STREAMPROC_KAFKA"], [("policy", b'{"version": "lost"}')])
    asyncio.run(write_config(*given, prefix=os.environ["STREAMPROC_TOPIC_PREFIX"]))
    said = installed("policy", "publish", folder)
    assert (said.code, "names the policy lost, which is not there" in said.out) == (0, True)
    assert config().version() != "lost"


def test_list_says_which_versions_there_are_when_and_by_whom(installed: CommandLine, folder: Path) -> None:
    assert "holds no policy" in installed("policy", "list").out
    installed("policy", "publish", folder)
    edit(folder, "rolling: 30d", "rolling: 29d")
    installed("policy", "publish", folder)
    installed("policy", "rollback", "--yes")
    second, first = installed("policy", "list", "--json").json
    assert [one["in_force"] for one in (second, first)] == [False, True]
    assert [len(one["put_in_force"]) for one in (second, first)] == [1, 2]
    assert first["published_by"] == first["put_in_force"][1]["by"] == who()
    assert first["published_at_ms"] <= second["published_at_ms"] <= first["put_in_force"][1]["at_ms"]
    lines = installed("policy", "list").out.splitlines()
    assert lines[0].split() == ["version", "published", "by", "in", "force", "since"]
    assert [line.split()[0] for line in lines[1:]] == [second["version"], first["version"]]
    assert ("no more" in lines[1], "no more" in lines[2]) == (True, False)


def test_rollback_to_what_is_not_there_is_refused(installed: CommandLine, folder: Path) -> None:
    assert "no other policy to go back to" in installed("policy", "rollback").err
    installed("policy", "publish", folder)
    said = installed("policy", "rollback", "nope")
    assert (said.code, "config holds no policy nope" in said.err) == (1, True)


def test_show_says_which_policy_is_in_force(installed: CommandLine, folder: Path) -> None:
    assert "the workers' default" in installed("policy", "show").out
    installed("policy", "publish", folder)
    shown = installed("policy", "show", "--json").json
    assert shown["published"]
    assert shown["versions"] == [shown["version"]]
    assert "wishlist_saved" in shown["campaigns"]


def test_schemas_are_written_for_editors_with_the_categories_of_a_policy(
    offline: CommandLine, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "schema"
    said = offline("policy", "schema", "--policy", folder, "--out", out)
    assert (said.code, f"ok {out}/campaign.json\n" in said.out) == (0, True)
    category = json.loads((out / "campaign.json").read_text("utf-8"))["properties"]["category"]
    assert {"from_item", "none", "coats", "jewellery"} <= set(category["enum"])
    assert not jsonschema.Draft7Validator(category).is_valid("cots")
    shipped = json.loads((folder / "schema" / "campaign.json").read_text("utf-8"))
    assert "enum" not in shipped["properties"]["category"]
