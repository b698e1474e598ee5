"""I2: every window of every cap holds at every charge, and the ledger is one chain."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from streamproc.ops.verify.command import read_folder
from streamproc.ops.verify.rules import Cap, read_rules
from tests.ops.run_records import (
    DAY_MS,
    FILES,
    HOUR_MS,
    NOON_MS,
    Line,
    charge,
    ledger,
    only,
    policy,
    sound_run,
    violations,
)

MINUTE_MS = 60_000


def two(gap_ms: int, **fields: Any) -> list[Line]:
    """Charge two nudges `gap_ms` apart; `second` overrides fields of the later one."""
    second = fields.pop("second", {})
    later = {**fields, **second}
    return [policy(), *ledger(charge("n-1", **fields), charge("n-2", NOON_MS + gap_ms, **later))]


def test_a_charge_within_every_cap_holds() -> None:
    assert violations(sound_run()) == []


def test_a_rolling_window_ends_at_the_charge_and_its_start_is_outside() -> None:
    in_app = {"channel": "in_app"}
    assert violations(two(30 * MINUTE_MS, **in_app)) == []
    assert "campaign second_look rolling" in only(two(30 * MINUTE_MS - 1, **in_app), "I2")


def test_a_channel_cap_counts_all_campaigns_of_the_channel() -> None:
    assert violations(two(HOUR_MS, channel="in_app", second={"campaign": "welcome"})) == []
    assert "channel push per day: 2 nudges of 1" in only(two(HOUR_MS, second={"campaign": "welcome"}), "I2")


def test_a_day_is_a_day_in_the_zone_that_the_charge_names() -> None:
    evening = 12 * HOUR_MS - 1  # 23:59:59.999 in Berlin, 05:59 in Tokyo
    assert "per day" in only(two(evening), "I2")
    assert violations(two(evening + 1)) == []
    assert violations(two(evening, second={"zone": "Asia/Tokyo"})) == []


def test_a_week_begins_on_monday() -> None:
    fields = {"channel": "in_app", "category": "toys"}
    assert "category toys per week" in only(two(3 * DAY_MS, **fields), "I2")
    assert violations(two(4 * DAY_MS, **fields)) == []


def test_a_month_and_the_overall_cap_count_everything() -> None:
    nudges = [charge("n-1"), charge("n-2", NOON_MS + DAY_MS), charge("n-3", NOON_MS + 30 * DAY_MS)]
    assert "overall per month: 3 nudges of 2" in only([policy(), *ledger(*nudges)], "I2")
    nudges[-1]["at_ms"] = NOON_MS + 31 * DAY_MS
    assert violations([policy(), *ledger(*nudges)]) == []


def test_a_visit_is_one_window() -> None:
    fields = {"channel": "in_store", "visit": f"berlin-1/{NOON_MS}"}
    assert "channel in_store per visit" in only(two(HOUR_MS, **fields), "I2")
    assert violations(two(HOUR_MS, **fields, second={"visit": f"berlin-2/{NOON_MS}"})) == []


def test_beacons_cause_one_nudge_a_visit_at_most_whatever_the_campaign_and_channel() -> None:
    sensed: dict[str, Any] = {"visit": f"berlin-1/{NOON_MS}", "sensed": True, "category": "toys"}
    first = charge("n-1", channel="in_app", campaign="one", **sensed)
    second = {"channel": "email", "campaign": "two", **sensed, "category": "coats"}
    twice = [policy(), *ledger(first, charge("n-2", NOON_MS + HOUR_MS, **second))]
    assert f"visit berlin-1/{NOON_MS}: 2 sensed nudges of 1" in only(twice, "I2")
    other = second | {"visit": f"berlin-1/{NOON_MS + HOUR_MS}"}
    assert violations([policy(), *ledger(first, charge("n-2", NOON_MS + HOUR_MS, **other))]) == []
    unsensed = second | {"sensed": False}
    assert violations([policy(), *ledger(first, charge("n-2", NOON_MS + HOUR_MS, **unsensed))]) == []


@pytest.mark.parametrize(
    ("visit", "finding"),
    [
        ("berlin-1/2026-01-01", "'berlin-1/2026-01-01' is no visit"),
        (f"berlin-1/{NOON_MS + 1}", f"the visit berlin-1/{NOON_MS + 1} begins after its charge at {NOON_MS}"),
    ],
)
def test_a_visit_that_had_not_begun_is_found(visit: str, finding: str) -> None:
    assert finding in only([policy(), *ledger(charge("n-1", visit=visit))], "I2")


def test_a_visit_cap_without_a_visit_is_found() -> None:
    lines = [policy(), *ledger(charge("n-1", channel="in_store"))]
    assert "counted without a visit" in only(lines, "I2")


def test_ever_never_ends() -> None:
    fields = {"channel": "in_app", "campaign": "welcome"}
    assert "campaign welcome ever" in only(two(3_000 * DAY_MS, **fields), "I2")


def test_an_unknown_category_has_the_caps_of_the_default_one() -> None:
    assert violations(two(2 * DAY_MS)) == []
    assert "category odd rolling" in only(two(2 * DAY_MS, category="odd"), "I2")


def test_two_charges_of_one_nudge_count_once() -> None:
    assert violations([policy(), *ledger(charge("n-1"), charge("n-1", NOON_MS + 1))]) == []


def test_customers_do_not_share_caps() -> None:
    lines = [policy(), *ledger(charge("n-1")), *ledger(charge("n-2"), h="cd34")]
    assert violations(lines) == []


def test_only_charges_count() -> None:
    hold = {**charge("n-2"), "kind": "hold"}
    assert violations([policy(), *ledger(charge("n-1"), hold)]) == []


def test_a_charge_is_judged_by_the_policy_that_it_names() -> None:
    loose = policy("p-2", {**FILES, "channels.yaml": "channels: {push: {}}"}, offset=1)
    assert violations([loose, *two(HOUR_MS, second={"policy": "p-2"})]) == []


def test_a_calendar_cap_in_an_unknown_zone_is_found() -> None:
    for zone in ("", "Mars/Base", "../etc/passwd"):
        lines = [policy(), *ledger(charge("n-1", channel="push", zone=zone))]
        found = violations(lines)
        assert {violation.invariant for violation in found} == {"I2"}
        assert all("unknown zone" in violation.detail for violation in found)


def test_a_charge_under_a_policy_that_nobody_has_is_found() -> None:
    assert "in no record of config" in only(ledger(charge("n-1")), "I2")
    assert violations(ledger(charge("n-1")), policy_files=FILES) == []


def test_a_policy_that_was_overwritten_is_found() -> None:
    lines = [policy(), policy(files={}, offset=1), *ledger(charge("n-1"))]
    assert "published 2 times" in only(lines, "I2")


def test_a_policy_file_that_is_no_yaml_is_found() -> None:
    lines = [policy(files={"channels.yaml": "channels: ["}), *ledger(charge("n-1"))]
    assert "channels.yaml" in only(lines, "I2")


def test_the_policy_that_ships_can_be_read() -> None:
    rules = read_rules(read_folder(Path(__file__).parents[2] / "policy"))
    assert rules.channels["push"][0] == Cap(1, per="day")
    assert Cap(1, rolling_ms=7 * DAY_MS) in rules.channels["sms"]
    assert rules.overall
    assert any(rules.campaigns.values())


@pytest.mark.parametrize(
    "cap", ["{max: 1}", "{max: x, per: day}", "{max: 1, rolling: soon}", "{max: 1, per: year}"]
)
def test_a_cap_that_cannot_be_understood_is_found(cap: str) -> None:
    files = {"channels.yaml": f"overall: {{caps: [{cap}]}}"}
    assert "this is no cap" in only([policy(files=files), *ledger(charge("n-1"))], "I2")


def test_a_nudge_without_a_charge_is_found() -> None:
    lines = [line for line in sound_run() if line["topic"] != "ledger"]
    assert only(lines, "I2") == "nudge n-1 has no charge on push for second_look"


def test_a_nudge_charged_to_another_channel_is_found() -> None:
    lines = [line for line in sound_run() if line["topic"] != "ledger"]
    assert "no charge on push" in only([*lines, *ledger(charge("n-1", channel="email"))], "I2")


def test_a_gap_in_seq_is_found() -> None:
    chain = ledger(charge("n-1"), {**charge("n-1"), "kind": "hold"}, {**charge("n-1"), "kind": "mute"})
    assert violations([policy(), *chain]) == []
    assert "from seq 1 to 3" in only([policy(), chain[0], chain[2]], "I2")


def test_a_record_that_names_another_one_before_it_is_found() -> None:
    first, second = ledger(charge("n-1"), {**charge("n-1"), "kind": "hold"})
    second["value"]["prev"] = "0" * 32
    assert "seq 2 names 000" in only([policy(), first, second], "I2")


def test_a_record_that_was_changed_afterwards_is_found_by_the_one_after_it() -> None:
    first, second = ledger(charge("n-1"), {**charge("n-1"), "kind": "hold"})
    first["value"]["campaign"] = "welcome"
    assert "seq 2 names" in only([policy(), first, second], "I2")


def test_two_records_of_one_seq_are_found_unless_they_are_the_same() -> None:
    (entry,) = ledger(charge("n-1"))
    (other,) = ledger(charge("n-2", channel="in_app"))
    assert violations([policy(), entry, {**entry, "offset": 7}]) == []
    assert "two records of seq 1" in only([policy(), entry, {**other, "offset": 7}], "I2")


def test_the_first_record_names_none_before_it_and_all_others_one() -> None:
    assert "names" in only([policy(), *ledger(charge("n-1"), prev="0" * 32)], "I2")
    assert "names nothing" in only([policy(), *ledger(charge("n-1"), first=2)], "I2")


def test_a_ledger_from_the_middle_is_found_only_if_the_file_reaches_back_to_the_start() -> None:
    lines = [policy(), *ledger(charge("n-1"), first=5, prev="0" * 32)]
    assert violations(lines) == []
    assert "begins with seq 5" in only(lines, "I2", from_start=True)


def test_an_unreadable_ledger_record_is_found() -> None:
    (entry,) = ledger(charge("n-1"))
    entry["value"] = {"h": "ab12"}
    assert "cannot be read" in only([entry], "I2")


def test_the_value_as_bytes_in_base64_chains_too() -> None:
    lines = ledger(charge("n-1"), {**charge("n-1"), "kind": "hold"})
    for line in lines:
        value = json.dumps(line.pop("value"), separators=(",", ":")).encode()
        line["value_base64"] = base64.b64encode(value).decode()
    assert violations([policy(), *lines]) == []
