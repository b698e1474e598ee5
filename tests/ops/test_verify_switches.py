"""I5: nothing is handed over under a config offset at which it is off, nor a second after the switch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.run_records import (
    FILES,
    NOON_MS,
    Line,
    charge,
    consents,
    ledger,
    nudge,
    only,
    policy,
    sound_run,
    switch,
    violations,
)

KEYS = ["all", "channel/push", "campaign/second_look"]


def run(*switches: Line, config_offset: str, appended_ms: int = NOON_MS + 10, **fields: Any) -> list[Line]:
    sent = nudge(config_offset=config_offset, appended_ms=appended_ms, **fields)
    charged = charge("n-1", campaign=fields.get("campaign", "second_look"))
    return [policy(), *consents(), *switches, *ledger(charged), sent]


@pytest.mark.parametrize("key", KEYS)
def test_handed_over_at_a_position_at_which_it_is_off_is_found(key: str) -> None:
    off = switch(1, key, enabled=False)
    assert f"{key} is off at config offset 2" in only(run(off, config_offset="2"), "I5")
    assert violations(run(off, config_offset="1")) == []


@pytest.mark.parametrize("key", ["channel/email", "campaign/welcome", "channel/pus"])
def test_other_switches_do_not_matter(key: str) -> None:
    assert violations(run(switch(1, key, enabled=False), config_offset="2")) == []


@pytest.mark.parametrize("on_again", [True, None])
def test_switched_on_again_or_deleted_is_on(on_again: bool | None) -> None:  # noqa: FBT001
    switches = [switch(1, "all", enabled=False), switch(2, "all", on_again)]
    assert violations(run(*switches, config_offset="3")) == []
    assert "off at config offset 2" in only(run(*switches, config_offset="2"), "I5")


@pytest.mark.parametrize("value", [{"enabled": "no"}, {}, 7, "off"])
def test_an_unreadable_switch_is_off(value: object) -> None:
    broken = {**switch(1, "all", enabled=True), "value": value}
    assert "all is off" in only(run(broken, config_offset="2"), "I5")


def test_a_switch_that_is_no_json_is_off() -> None:
    broken = {**switch(1, "all", enabled=True), "value_text": "off!"}
    assert "all is off" in only(run(broken, config_offset="2"), "I5")


def test_a_campaign_that_its_policy_disables_is_off_until_a_switch_says_otherwise() -> None:
    assert "campaign/asleep is off" in only(run(config_offset="1", campaign="asleep"), "I5")
    on = switch(1, "campaign/asleep", enabled=True)
    assert violations(run(on, config_offset="2", campaign="asleep")) == []


@pytest.mark.parametrize("key", KEYS)
def test_appended_more_than_a_second_after_the_switch_is_found(key: str) -> None:
    off = switch(1, key, enabled=False)
    assert violations(run(off, config_offset="1", appended_ms=NOON_MS + 1_000)) == []
    late = run(off, config_offset="1", appended_ms=NOON_MS + 1_001)
    assert f"{key} was off for 1001 ms" in only(late, "I5")


def test_the_second_runs_from_the_first_of_several_offs_and_ends_with_on() -> None:
    offs = [switch(1, "all", enabled=False), switch(2, "all", enabled=False, at_ms=NOON_MS + 900)]
    assert "for 1500 ms" in only(run(*offs, config_offset="1", appended_ms=NOON_MS + 1_500), "I5")
    on = switch(3, "all", enabled=True, at_ms=NOON_MS + 1_400)
    assert violations(run(*offs, on, config_offset="4", appended_ms=NOON_MS + 1_500)) == []


def test_a_nudge_handed_over_again_is_judged_again() -> None:
    off = switch(1, "channel/push", enabled=False)
    again = nudge(offset=1, config_offset="2", appended_ms=NOON_MS + 20)
    assert "off at config offset 2" in only([*sound_run(), off, again], "I5")


@pytest.mark.parametrize("place", ["campaigns/second_look.yaml", "channels.yaml"])
def test_a_nudge_of_a_campaign_in_shadow_is_found(place: str) -> None:
    keys = {"campaigns/second_look.yaml": "shadow: true\n", "channels.yaml": "overall: {shadow: true}\n"}[
        place
    ]
    text = FILES[place] if place.startswith("campaigns") else "channels: {}\n"
    lines = run(config_offset="1")
    lines[0] = policy(files={**FILES, place: text + keys})
    assert only(lines, "I5") == "campaign/second_look is in shadow in policy p-1"


@pytest.mark.parametrize("header", ["", "x", None])
def test_a_nudge_that_names_no_config_offset_is_found(header: str | None) -> None:
    lines = run(config_offset="1")
    lines[-1]["headers"] = {} if header is None else {"sp-config-offset": header}
    assert "sp-config-offset is missing" in only(lines, "I5")
