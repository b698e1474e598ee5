"""A small run written by hand in which every promise holds, and the pieces to write others."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from streamproc.ops.verify import Violation, verify

Line = dict[str, Any]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOON_MS = 1_767_265_200_000  # 2026-01-01, a Thursday, 12:00 in Berlin

CHANNELS = """
channels:
  push: {form: push, caps: [{max: 1, per: day}]}
  email: {form: email, caps: [{max: 2, rolling: 7d}]}
  in_app: {form: inbox}
  in_store: {form: staff, caps: [{max: 1, per: visit}]}
overall: {caps: [{max: 2, per: month}]}
"""
CATEGORIES = """
default: {sensitivity: intimate, caps: [{max: 1, rolling: 3d}]}
categories:
  coats: {match: [coats]}
  toys: {match: [toys], caps: [{max: 1, per: week}]}
  pregnancy: {match: [maternity], sensitivity: special, consent: category/pregnancy}
"""
FILES = {
    "channels.yaml": CHANNELS,
    "categories.yaml": CATEGORIES,
    "campaigns/second_look.yaml": "campaign: second_look\ncaps: [{max: 1, rolling: 30m}]\n",
    "campaigns/welcome.yaml": "campaign: welcome\ncaps: [{max: 1, ever: true}]\n",
    "campaigns/asleep.yaml": "campaign: asleep\nenabled: false\n",
}


def record(topic: str, offset: int, value: object, at_ms: int = NOON_MS, **fields: object) -> Line:
    return {
        "topic": topic,
        "partition": 0,
        "offset": offset,
        "timestamp_ms": at_ms,
        "value": value,
        "key": "c-17",
        **fields,
    }


def click(offset: int, **fields: object) -> Line:
    return record("clickstream", offset, {"event": "Product Viewed"}, **fields)  # type: ignore[arg-type]


def receipt(offset: int, first: int, last: int, topic: str = "clickstream", **counts: Any) -> Line:
    number = last - first + 1
    if not counts:
        counts = {"decided": number}
    counts = {"records": number, "events": number, **counts}
    source = {"topic": topic, "partition": 0, "first": first, "last": last, **counts}
    return record("receipts", offset, {"unit": f"u-{offset}", "lane": 0, "sources": [source]}, key="0")


def policy(version: str = "p-1", files: dict[str, str] = FILES, offset: int = 0) -> Line:
    return record("config", offset, {"version": version, "files": files}, key=f"policy/{version}")


def switch(offset: int, key: str, enabled: object, at_ms: int = NOON_MS) -> Line:
    value = None if enabled is None else {"enabled": enabled, "reason": "drill"}
    return record("config", offset, value, at_ms, key=key)


def consent(
    offset: int, channel: str, purpose: str, state: str = "granted", at_ms: int = 0, **more: Any
) -> Line:
    at_ms = at_ms or NOON_MS - DAY_MS
    more = {"appended_ms": at_ms, "partition": 0, **more}
    appended_ms, partition = more.pop("appended_ms"), more.pop("partition")
    value = {
        "customer_id": "c-17",
        "channel": channel,
        "purpose": purpose,
        "state": state,
        "at_ms": at_ms,
        **more,
    }
    return record("consents", offset, value, appended_ms, partition=partition)


def consent_receipt(last: int) -> Line:
    return receipt(90, 0, last, topic="consents")


def charge(nudge_id: str, at_ms: int = NOON_MS, **fields: object) -> dict[str, object]:
    return {
        "kind": "charge",
        "nudge_id": nudge_id,
        "at_ms": at_ms,
        "channel": "push",
        "campaign": "second_look",
        "category": "coats",
        "visit": "",
        "zone": "Europe/Berlin",
        "policy": "p-1",
        **fields,
    }


def ledger(*entries: dict[str, object], h: str = "ab12", first: int = 1, prev: str = "") -> list[Line]:
    """Chain the entries of one customer as the worker does: compact JSON, each naming the hash of the one before."""
    lines = []
    for seq, entry in enumerate(entries, start=first):
        value = {"h": h, "seq": seq, **entry, "prev": prev}
        lines.append(record("ledger", seq, value, key=h))
        compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        prev = hashlib.blake2b(compact, digest_size=16).hexdigest()
    return lines


def nudge(nudge_id: str = "n-1", offset: int = 0, channel: str = "push", **fields: Any) -> Line:
    fields = {"appended_ms": NOON_MS + 10, "config_offset": "1", "consents_offset": 2, **fields}
    appended_ms, headers = fields.pop("appended_ms"), {"sp-config-offset": fields.pop("config_offset")}
    value = {
        "nudge_id": nudge_id,
        "customer_id": "c-17",
        "channel": channel,
        "campaign": "second_look",
        "category": "coats",
        "event_id": f"e-{nudge_id}",
        "decided_at_ms": NOON_MS,
        "because": ["viewed"],
        "consent": {"partition": 0, "offset": fields.pop("consents_offset")},
        "policy": "p-1",
        **fields,
    }
    return record(f"nudges.{channel}", offset, value, appended_ms, headers=headers)


def consents() -> list[Line]:
    return [consent(0, "*", "processing"), consent(1, "push", "marketing"), consent_receipt(1)]


def sound_run() -> list[Line]:
    """One customer who agreed to push, three clicks, one nudge: every promise holds."""
    return [
        policy(),
        *consents(),
        *(click(offset) for offset in range(3)),
        receipt(0, 0, 1, decided=1, quiet=1),
        receipt(1, 2, 2),
        *ledger(charge("n-1")),
        nudge(),
    ]


def encode(lines: list[Line]) -> list[bytes]:
    return [json.dumps(line).encode() for line in lines]


def violations(lines: list[Line], **options: Any) -> list[Violation]:
    return verify(encode(lines), **options).violations


def only(lines: list[Line], invariant: str, **options: Any) -> str:
    """Return the detail of the one violation that the lines must show."""
    found = violations(lines, **options)
    assert [violation.invariant for violation in found] == [invariant], found
    return found[0].detail
