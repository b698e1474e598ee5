"""I4: one nudge an event at most; one nudge id has one topic, key and value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.run_records import charge, consents, ledger, nudge, only, policy, record, sound_run, violations


def test_a_nudge_that_was_handed_over_again_byte_for_byte_holds() -> None:
    assert violations([*sound_run(), nudge(offset=1, appended_ms=nudge()["timestamp_ms"] + 1)]) == []


@pytest.mark.parametrize(
    "other",
    [{"key": "c-18"}, {"value": {**nudge()["value"], "because": ["viewed", "cart"]}}],
)
def test_one_nudge_id_with_another_key_or_value_is_found(other: dict[str, Any]) -> None:
    lines = [*sound_run(), {**nudge(offset=1), **other}]
    assert "differs from nudges.push/0@" in only(lines, "I4")


def test_one_nudge_id_on_another_topic_is_found() -> None:
    other = {**nudge(offset=1, appended_ms=nudge()["timestamp_ms"] + 1), "topic": "nudges.email"}
    found = [violation for violation in violations([*sound_run(), other]) if violation.invariant == "I4"]
    assert len(found) == 1
    assert found[0].where == "nudges.email/0@1"


def test_a_second_nudge_for_one_event_is_found() -> None:
    loose = policy(files={})
    charges = ledger(charge("n-1"), charge("n-2"))
    lines = [loose, *consents(), *charges, nudge(), nudge("n-2", offset=1, event_id="e-n-1")]
    assert only(lines, "I4") == "event e-n-1 has the nudges n-1 and n-2"


def test_one_event_id_of_two_customers_is_two_events() -> None:
    other = nudge("n-2", offset=1, event_id="e-n-1", customer_id="c-18")
    assert not [violation for violation in violations([*sound_run(), other]) if violation.invariant == "I4"]


def test_a_nudge_that_cannot_be_read_is_found() -> None:
    broken = {**nudge(offset=1), "value": {"nudge_id": "n-2"}}
    assert "cannot be read" in only([*sound_run(), broken], "I4")


def decision(nudge_id: str | None, verdict: str, offset: int = 0) -> dict[str, Any]:
    candidates = [{"campaign": "look", "channel": "push", "verdict": verdict}]
    return record("decisions", offset, {"nudge_id": nudge_id, "candidates": candidates})


def test_a_nudge_that_was_decided_and_handed_over_holds() -> None:
    assert violations([*sound_run(), decision("n-1", "nudged"), decision(None, "suppressed", 1)]) == []


def test_a_nudge_that_was_decided_and_is_nowhere_is_found() -> None:
    lines = [*sound_run(), decision("n-2", "nudged")]
    assert only(lines, "I4") == "nudge n-2 was decided, and neither handed over nor withheld"


def test_a_nudge_that_was_withheld_need_not_be_anywhere() -> None:
    assert violations([*sound_run(), decision("n-2", "nudged"), decision("n-2", "withheld", 1)]) == []
