"""Run the examples of campaigns through the whole pipeline, in memory, and tell what came of each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from streamproc.core.facts import CHANNELS, PROCESSING
from streamproc.core.policy.examples import CUSTOMER_ID, EXPECT_AT_MS_MAX, Example, step_events
from streamproc.core.policy.fields import duration_text
from streamproc.core.policy.model import Policy
from streamproc.core.policy.rehearsal import rehearsed
from streamproc.core.record import Position, Record
from streamproc.dry_run import DryRun
from streamproc.ingest import encode_event

__all__ = ["Came", "Outcome", "try_example"]

# The customer agreed and told of themselves well before the first step.
BEFORE_MS: Final = 60_000
# More than the timers that one customer can have, each of them held a few times.
_WAKINGS_MAX: Final = 100
_KEY: Final = CUSTOMER_ID.encode()


@dataclass(frozen=True, order=True)
class Came:
    """A nudge that came, `at_ms` after the example's start."""

    at_ms: int
    channel: str
    rung: str
    campaign: str


@dataclass(frozen=True)
class Outcome:
    """What came of one example. `silences` say, decision by decision, why its campaign did not speak."""

    example: Example
    came: tuple[Came, ...]
    silences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tell whether exactly the expected nudges came, in order, each from the campaign that is expected."""
        own = self.example.campaign
        expected = sorted(
            (one.at_ms, one.channel, one.campaign or own, one.rung) for one in self.example.expect
        )
        came = sorted((one.at_ms, one.channel, one.campaign, one.rung) for one in self.came)
        return len(expected) == len(came) and all(
            wanted[:-1] == found[:-1] and wanted[-1] in ("", found[-1])
            for wanted, found in zip(expected, came, strict=True)
        )


def try_example(policy: Policy, example: Example) -> Outcome:
    """Run one example under this policy, for a customer of whom nothing else is known, in no hold-out group."""
    run = DryRun(rehearsed(policy, example.campaign))
    written: list[Record] = []
    for record in (*_facts(example), *_steps(example)):
        written += run.feed(record)
    written += _wait(run, example)
    values = [(record.topic, json.loads(record.value or b"null")) for record in written]
    came = [_came(example, value) for topic, value in values if topic.startswith("nudges.")]
    decisions = [value for topic, value in values if topic == "decisions"]
    return Outcome(example, tuple(sorted(came)), tuple(_silences(example, decisions)))


def _wait(run: DryRun, example: Example) -> Iterable[Record]:
    """Let the time go on until the last message is expected, and until nothing is waited for any more."""
    written = run.advance(example.starts_at_ms + max((one.at_ms for one in example.expect), default=0))
    last_ms = example.starts_at_ms + EXPECT_AT_MS_MAX
    for _ in range(_WAKINGS_MAX):
        due_ms = run.next_due_ms
        if due_ms is None or due_ms > last_ms:
            break
        written += run.advance(due_ms)
    return written


def _facts(example: Example) -> Iterable[Record]:
    at_ms = example.starts_at_ms - BEFORE_MS
    granted = [("*", PROCESSING)]
    granted += [(name, "marketing") if name in CHANNELS else ("*", name) for name in example.consents]
    for offset, (channel, purpose) in enumerate(granted):
        value = {
            "customer_id": CUSTOMER_ID,
            "channel": channel,
            "purpose": purpose,
            "state": "granted",
            "at_ms": at_ms,
        }
        yield _record("consents", offset, at_ms, json.dumps(value | {"source": "example"}).encode())
    profile = {
        "customer_id": CUSTOMER_ID,
        "timezone": example.timezone,
        "traits": example.traits,
        "at_ms": at_ms,
    }
    yield _record("profiles", 0, at_ms, json.dumps(profile).encode())


def _steps(example: Example) -> Iterable[Record]:
    events = iter(step_events(example))
    for offset, step in enumerate(example.given):
        if step.said is not None:
            at_ms = example.starts_at_ms + step.at_ms
            said = json.dumps(step.said.value(example.timezone)).encode()
            yield msgspec.structs.replace(_record("catalog", offset, at_ms, said), key=step.said.key.encode())
            continue
        event = next(events)
        # As a worker forwards events to their lane, since an example speaks no producer's dialect.
        value = encode_event(event, Position("clickstream", 0, offset))
        yield _record("rekeyed", offset, event.occurred_at_ms or example.starts_at_ms, value)


def _record(topic: str, offset: int, at_ms: int, value: bytes) -> Record:
    return Record(topic, 0, offset, at_ms, append_time=False, key=_KEY, value=value)


def _came(example: Example, nudge: dict[str, Any]) -> Came:
    at_ms = nudge["decided_at_ms"] - example.starts_at_ms
    return Came(at_ms, nudge["channel"], nudge["creep"]["rung"], nudge["campaign"])


def _silences(example: Example, decisions: Iterable[dict[str, Any]]) -> Iterable[str]:
    for decision in decisions:
        for candidate in decision["candidates"]:
            if candidate["campaign"] != example.campaign or candidate["verdict"] == "nudged":
                continue
            why = "; ".join(
                f"{one['code']} ({one.get('detail', '')})" for one in candidate.get("reasons", [])
            )
            yield f"{_moment(example, decision)}, {candidate['channel'] or 'no channel'}: {candidate['verdict']}: {why}"


def _moment(example: Example, decision: dict[str, Any]) -> str:
    """Name the step that a decision is about, or when something came due."""
    if decision["kind"] == "timer":
        return f"after {duration_text(decision['decided_at_ms'] - example.starts_at_ms)}"
    return f"step {decision['event_id'].rpartition('-')[2]}"
