"""What the demo tells at its end, from literal records."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from rich.console import Console

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.reasons import Gate
from streamproc.core.record import Record
from streamproc.ops.demo.calendar import at, moved
from streamproc.ops.demo.judgement import cap_rows, honoured, switched
from streamproc.ops.demo.pace import FIRST_DAY
from streamproc.ops.demo.screen import picture, progress_line
from streamproc.ops.demo.story import Operation, Story
from streamproc.ops.demo.summary import failures, print_summary
from streamproc.ops.demo.words import label, sentence, spoken
from streamproc.ops.policy_files import read_folder
from streamproc.ops.verify.report import Findings, Report
from streamproc.shipped import shipped_folder

NOON_MS = at(0, "12:00")
HOLDS = Report((Findings("I1", {"receipts": 1}),))
WHY = {"code": "quiet_hours", "detail": "push opens at 1764576000000", "next_at_ms": 1_764_576_000_000}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(moved(read_folder(shipped_folder("policy"))))


def record(topic: str, value: dict[str, Any], offset: int = 0, **headers: str) -> Record:
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    return Record(topic, 0, offset, NOON_MS, False, b"k", orjson.dumps(value), encoded)


def nudge(at_ms: int, channel: str = "push", config_offset: int = 2, appended_ms: int = 0) -> Record:
    value = {
        "nudge_id": f"{at_ms:032x}",
        "customer_id": "c-1",
        "channel": channel,
        "campaign": "second_look",
        "decided_at_ms": at_ms,
        "content": {"title": "Still looking?", "body": "It is here. You looked at it."},
        "reason": "You looked at it.",
        "because": ["viewed"],
        "caps": [],
    }
    headers = (("sp-config-offset", str(config_offset).encode()),)
    return Record(f"nudges.{channel}", 0, 0, appended_ms, False, b"c-1", orjson.dumps(value), headers)


def silence(code: str, detail: str, campaign: str = "second_look") -> Record:
    candidate = {"campaign": campaign, "channel": "push", "verdict": "suppressed"}
    reasons = [{"code": code, "detail": detail}]
    value = {"result": "silent", "customer_id": "c-1", "decided_at_ms": NOON_MS}
    return record("decisions", value | {"candidates": [candidate | {"reasons": reasons}]})


def charge(seq: int, at_ms: int) -> Record:
    names = {"channel": "push", "campaign": "second_look", "category": "coats", "zone": "Europe/Berlin"}
    value = {"h": "aa", "seq": seq, "at_ms": at_ms, "kind": "charge", "until_ms": at_ms + 10**9}
    return record("ledger", value | names | {"nudge_id": f"{at_ms:032x}", "event": f"{seq:016x}"})


def withdrawal(channel: str, purpose: str, at_ms: int) -> Record:
    row = {"customer_id": "c-1", "channel": channel, "purpose": purpose, "state": "withdrawn", "at_ms": at_ms}
    return record("consents", row)


def operation(*, enabled: bool, offset: int, wall_ms: int) -> Operation:
    return Operation(enabled, NOON_MS, offset, 90, 1, True, wall_ms, wall_ms + 100)


def told(*records: Record) -> Story:
    story = Story(now_ms=NOON_MS)
    story.see(records)
    return story


def test_a_cap_shows_the_most_that_was_used_and_how_often_it_bound(policy: Policy) -> None:
    story = told(charge(1, NOON_MS), silence("frequency_cap", "push 1 d: 1 of 1"))
    row = next(row for row in cap_rows(story, policy) if row.name == "push 1 d")
    assert (row.limit, row.highest, row.bound, row.is_held) == ("1", "1", 1, True)


def test_a_cap_that_the_ledger_shows_exceeded_is_not_held(policy: Policy) -> None:
    story = told(charge(1, NOON_MS), charge(2, NOON_MS + 7_200_000))
    broken = {row.name for row in cap_rows(story, policy) if not row.is_held}
    assert broken == {"push 1 d", "second_look 7 d rolling"}
    assert failures(story, policy, HOLDS, is_finished=True) != []


def test_a_charge_that_was_written_twice_counts_once(policy: Policy) -> None:
    story = told(charge(1, NOON_MS), charge(1, NOON_MS))
    assert failures(story, policy, HOLDS, is_finished=True) == []


def test_two_messages_within_the_gap_are_not_held(policy: Policy) -> None:
    story = told(charge(1, NOON_MS), charge(2, NOON_MS + 600_000))
    (row,) = [row for row in cap_rows(story, policy) if row.name == "between two messages"]
    assert (row.highest, row.is_held) == ("10 min", False)


@pytest.mark.parametrize(
    ("channel", "purpose"), [("push", "marketing"), ("*", "marketing"), ("*", "processing")]
)
def test_a_nudge_after_a_withdrawal_is_a_broken_promise(policy: Policy, channel: str, purpose: str) -> None:
    story = told(nudge(NOON_MS - 1), nudge(NOON_MS), withdrawal(channel, purpose, NOON_MS))
    (one,) = honoured(story)
    assert (one.before, one.last_before_ms, one.after) == (1, NOON_MS - 1, 1)
    assert failures(story, policy, HOLDS, is_finished=False) == ["1 nudges followed a withdrawal"]


def test_a_withdrawal_of_another_channel_forbids_nothing(policy: Policy) -> None:
    story = told(nudge(NOON_MS + 1), withdrawal("email", "marketing", NOON_MS))
    assert failures(story, policy, HOLDS, is_finished=False) == []


@pytest.mark.parametrize(
    ("offset", "appended_ms", "through"), [(2, 50, 0), (3, 50, 1), (2, 300, 1), (4, 700, 0)]
)
def test_what_gets_through_while_push_is_off_is_counted(offset: int, appended_ms: int, through: int) -> None:
    story = told(nudge(NOON_MS, config_offset=offset, appended_ms=appended_ms))
    story.operations = [
        operation(enabled=False, offset=3, wall_ms=100),
        operation(enabled=True, offset=4, wall_ms=600),
    ]
    (one,) = switched(story)
    assert one.through == through


def test_records_that_were_not_finished_fail_the_run(policy: Policy) -> None:
    story = told(record("clickstream", {}, offset=4))
    story.fed = 1
    assert story.lag == 5
    assert failures(story, policy, HOLDS, is_finished=True) == ["5 records were not finished"]
    counts = dict.fromkeys(("decided", "quiet", "duplicate", "redelivered", "too_old", "rejected"), 0)
    source = {"topic": "clickstream", "partition": 0, "last": 4, "events": 5, **counts}
    story.see([record("receipts", {"sources": [source]})])
    assert (story.lag, story.events) == (0, 5)
    story.fed = 3
    assert story.lag == 2


def test_without_a_verification_nothing_is_claimed(policy: Policy) -> None:
    assert failures(told(), policy, None, is_finished=True) == ["nothing was verified"]


def test_a_reason_is_said_with_its_numbers() -> None:
    assert sentence(WHY) == "push: quiet hours until 09:00"
    assert sentence({"code": "frequency_cap", "detail": "push 1 d: 1 of 1"}) == "push 1 d: 1 of 1"
    unknown = {"code": "channel_not_opted_in", "detail": "push: push/marketing: unknown"}
    assert sentence(unknown) == "push: not agreed to"
    withdrawn = {"code": "channel_not_opted_in", "detail": "push: */marketing: withdrawn at 1764590700000"}
    assert sentence(withdrawn) == "push: withdrawn at Mon 1 Dec 13:05"
    assert (
        sentence({"code": "sensing_not_consented", "detail": "*/sensing: unknown"})
        == "sensing: not agreed to"
    )


def test_the_words_of_a_nudge_come_without_the_reason_that_ends_them() -> None:
    value = orjson.loads(nudge(NOON_MS).value or b"")
    assert spoken(value) == "Still looking?: It is here."


def test_the_picture_fits_a_terminal_of_80_by_24() -> None:
    story = told(nudge(NOON_MS), silence("gap", "2 min of 60 min since the last"))
    story.notice = "12:30  the operator switched push off"
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(picture(story, 0.5, 120.0)(console))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert "said   1 (push  1" in progress_line(story, 120.0)


def test_the_summary_names_caps_silences_and_the_verdict(policy: Policy) -> None:
    story = told(nudge(NOON_MS), charge(1, NOON_MS), silence("frequency_cap", "push 1 d: 1 of 1"))
    console = Console(file=io.StringIO(), width=100)
    print_summary(console, story, policy, HOLDS, [], 8.0)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in ("push 1 d ", "cap reached", "c-1, 12:00, push 1 d: 1 of 1", "Every promise held."):
        assert words in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_where_charges_outnumber_messages_the_summary_says_why(policy: Policy) -> None:
    console = Console(file=io.StringIO(), width=100)
    report = Report((Findings("I2", {"charges": 3, "nudges": 2}),))
    print_summary(console, told(nudge(NOON_MS)), policy, report, [], 8.0)
    assert isinstance(console.file, io.StringIO)
    assert "3 charges for 2 messages: what was decided and then withheld" in console.file.getvalue()


def test_simulated_time_only_goes_forward() -> None:
    instants = [FIRST_DAY.instant_ms(step / 200) for step in range(201)]
    assert instants == sorted(instants)
    assert FIRST_DAY.fraction(instants[120]) == pytest.approx(0.6, abs=1e-3)


@pytest.mark.parametrize("gate", Gate)
def test_every_reason_has_words(gate: Gate) -> None:
    assert label(gate) != gate
