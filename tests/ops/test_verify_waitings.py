"""A nudge of a timer needs one that was set before it, and that nothing ended in between."""

from __future__ import annotations

from typing import Any

from tests.ops.run_records import charge, consents, ledger, nudge, only, policy, violations

WAITING: dict[str, Any] = {"campaign": "look", "event": "0a0b"}


def timer(kind: str, **more: Any) -> dict[str, Any]:
    given = {key: value for key, value in charge("n-1").items() if key in ("at_ms", "policy")}
    return {**given, "kind": kind, **WAITING, **more}


def run(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    return [policy(files={}), *consents(), *ledger(*entries), nudge("n-1", event_id="timer/look/0a0b")]


def test_a_nudge_of_a_timer_that_was_set_and_is_done_after_it_holds() -> None:
    assert violations(run(timer("timer_set"), charge("n-1"), timer("timer_done"))) == []


def test_a_nudge_of_a_timer_that_nobody_set_is_found() -> None:
    assert only(run(charge("n-1")), "I4") == "nudge n-1 came of a timer that was never set"
    assert "never set" in only(run(timer("timer_set", event="0c0d"), charge("n-1")), "I4")


def test_a_nudge_of_a_timer_that_was_cancelled_is_found() -> None:
    lines = run(timer("timer_set"), timer("timer_done"), charge("n-1"))
    assert only(lines, "I4") == "nudge n-1 came of a timer that was done already"


def test_a_timer_that_is_set_again_holds() -> None:
    lines = run(timer("timer_set"), timer("timer_done"), timer("timer_set"), charge("n-1"))
    assert violations(lines) == []
