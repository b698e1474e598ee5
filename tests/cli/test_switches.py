"""`streamproc channel`, `campaign`, `stop-all`, `resume-all`: what they write, and whom they wait for."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from streamproc.flow.config_log import ConfigState, read_config
from streamproc.shipped import shipped_folder
from tests.cli.command_line import CommandLine


def config() -> ConfigState:
    return asyncio.run(read_config(os.environ["STREAMPROC_KAFKA"], os.environ["STREAMPROC_TOPIC_PREFIX"]))


def written(key: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(config().values[key])
    return value


def test_channel_off_writes_the_switch_with_reason_name_and_time(installed: CommandLine) -> None:
    said = installed("channel", "off", "push", "--reason", "the gateway repeats")
    assert said.code == 0
    assert "no worker is alive, the next one starts with it" in said.out
    switch = written("channel/push")
    assert (switch["enabled"], switch["reason"]) == (False, "the gateway repeats")
    assert "@" in switch["by"]
    assert switch["at_ms"] > 1_700_000_000_000


def test_channel_on_lets_it_speak_again(installed: CommandLine) -> None:
    installed("channel", "off", "sms", "--reason", "x")
    assert installed("channel", "on", "sms").code == 0
    assert config().switches().channel_off("sms") is None


def test_off_without_a_reason_is_refused_and_writes_nothing(installed: CommandLine) -> None:
    assert installed("channel", "off", "push").code == 2
    assert installed("stop-all", "--reason", " ").code == 1
    assert config().end == 0


def test_a_channel_that_does_not_exist_is_refused_with_the_nearest_name(installed: CommandLine) -> None:
    said = installed("channel", "off", "pusch", "--reason", "x")
    assert said.code == 1
    assert "did you mean 'push'?" in said.err
    assert config().end == 0


def test_a_mistyped_campaign_is_refused_unless_forced(installed: CommandLine) -> None:
    said = installed("campaign", "pause", "wishlist_savd", "--reason", "x")
    assert (said.code, "did you mean 'wishlist_saved'?" in said.err) == (1, True)
    assert installed("campaign", "pause", "not_yet", "--reason", "x", "--force").code == 0
    assert config().switches().campaign_off("not_yet") is not None


def test_a_campaign_is_paused_and_resumed(installed: CommandLine) -> None:
    installed("campaign", "pause", "wishlist_saved", "--reason", "x")
    assert written("campaign/wishlist_saved")["enabled"] is False
    installed("campaign", "resume", "wishlist_saved")
    assert written("campaign/wishlist_saved")["enabled"] is True


def test_stop_all_and_resume_all_write_the_one_switch_over_everything(installed: CommandLine) -> None:
    installed("stop-all", "--reason", "wrong prices")
    assert config().switches().all_off() is not None
    installed("resume-all")
    assert config().switches().all_off() is None


def test_list_shows_every_channel_and_what_is_off_with_its_reason(installed: CommandLine) -> None:
    installed("channel", "off", "email", "--reason", "[bold] bounces")
    said = installed("channel", "list")
    assert "[bold] bounces" in said.out
    listed = installed("channel", "list", "--json").json
    assert [name for name, switch in listed["channels"].items() if not switch["enabled"]] == ["email"]
    assert len(listed["channels"]) == 6


def test_campaign_list_shows_the_campaigns_of_the_policy_in_force(installed: CommandLine) -> None:
    listed = installed("campaign", "list", "--json").json
    assert {"abandoned_cart", "wishlist_saved"} <= set(listed["campaigns"])


def test_campaign_list_shows_a_renamed_campaign_with_the_pause_of_its_former_name(
    installed: CommandLine, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(shipped_folder("policy"), tmp_path / "policy"))
    file = folder / "campaigns" / "wishlist_saved.yaml"
    file.write_text(file.read_text() + "formerly: wish_reminder\n")
    installed.set(POLICY=str(folder))
    installed("campaign", "pause", "wish_reminder", "--reason", "x", "--force")
    listed = installed("campaign", "list", "--json").json["campaigns"]
    assert listed["wishlist_saved"]["enabled"] is False
    assert "wish_reminder" not in listed
    installed("campaign", "resume", "wishlist_saved")
    assert installed("campaign", "list", "--json").json["campaigns"]["wishlist_saved"]["enabled"] is True


def test_without_redis_the_switch_stands_and_the_command_says_so(installed: CommandLine) -> None:
    installed.set(REDIS_URL="redis://user:secret@127.0.0.1:1/0")
    said = installed("channel", "off", "push", "--reason", "x")
    assert said.code == 69
    assert "written at offset 0, but nobody can tell which workers have applied it" in said.err
    assert "secret" not in said.err
    assert config().switches().channel_off("push") is not None


@pytest.mark.parametrize("words", [("channel", "list"), ("channel", "off", "push", "--reason", "x")])
def test_without_the_topic_the_command_that_creates_it_is_named(
    cli: CommandLine, words: tuple[str, ...]
) -> None:
    said = cli(*words)
    assert said.code == 69
    assert "create it with `streamproc topics apply`" in said.err
