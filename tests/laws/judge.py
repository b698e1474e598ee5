"""Judges each nudge by what its customer and the shop had said until then: a reading of the records of its own.

It keeps sums where the product keeps windows, and lists where the product keeps tables. What is said counts from the
moment it arrives, whenever it happened.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from streamproc.core.digests import event_digest
from streamproc.core.record import Record
from streamproc.ingest.record_file import encode_record
from streamproc.ops.demo.calendar import DAY_MS, MINUTE_MS
from streamproc.ops.verify import Violation
from streamproc.ops.verify.budget import check_budget
from streamproc.ops.verify.caps import check_caps
from streamproc.ops.verify.consent import check_consent
from streamproc.ops.verify.log import Log
from streamproc.ops.verify.record import read_records
from streamproc.ops.verify.rules import RuleBook
from streamproc.ops.verify.single import check_single
from streamproc.ops.verify.switches import check_switches
from tests.laws.recorded_day import ENDS, Told, files

HOUR_MS = 60 * MINUTE_MS
HELD_MS = {"unsubscribed": 14 * DAY_MS, "complained": 30 * DAY_MS, "uninstalled": 90 * DAY_MS}


@dataclass(frozen=True)
class Limits:
    """How often a policy lets the shop speak: by channel, overall under the empty name."""

    gap_ms: int
    a_day: Mapping[str, int]
    rolling: Mapping[str, tuple[int, int]]


LIMITS = {
    False: Limits(
        HOUR_MS,
        {"push": 1, "in_app": 2, "": 2},
        {"push": (3, 7 * DAY_MS), "email": (2, 7 * DAY_MS), "": (5, 7 * DAY_MS)},
    ),
    True: Limits(
        25 * MINUTE_MS,
        {"push": 2, "in_app": 2, "": 5},
        {"push": (1, 3 * HOUR_MS), "email": (2, 4 * HOUR_MS), "": (3, 5 * HOUR_MS)},
    ),
}
"""Of the policy that ships, and of the eager one."""
REPURCHASE_MS = {"shoes": 60 * DAY_MS, "coats": 180 * DAY_MS, "kitchen": 30 * DAY_MS}


@dataclass
class Known:
    """What had arrived of one customer."""

    consents: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    """For each channel and purpose the newest word: since when, and whether it is a no (which wins a tie)."""
    wishes: dict[str, tuple[int, Any]] = field(default_factory=dict)
    held_until_ms: int = 0
    bought: dict[str, int] = field(default_factory=dict)
    """Until when an item, by its name, or a category is needed no more."""
    moments: dict[str, int] = field(default_factory=dict)
    """When each event happened, by the digest of its id."""
    ends: list[int] = field(default_factory=list)
    """When something happened that ends a waiting."""
    nudges: list[dict[str, Any]] = field(default_factory=list)

    def agrees(self, channel: str, purpose: str) -> bool:
        own, whole = self.consents.get((channel, purpose)), self.consents.get(("*", purpose))
        if own is not None and own[1]:
            return False
        if whole is not None and whole[1] and (own is None or whole[0] >= own[0]):
            return False
        return own is not None or whole is not None

    def wish(self, name: str, default: Any) -> Any:
        return self.wishes.get(name, (0, default))[1]


@cache
def rules(*, eager: bool) -> RuleBook:
    """Return what verify reads in the policy; reading it anew would cost as much as a day."""
    return RuleBook({}, files(eager=eager))


def violations(records: Iterable[Record], *, eager: bool) -> list[Violation]:
    """Have verify judge I2 to I5 by the records alone."""
    log, book = Log(), rules(eager=eager)
    log.add_all(read_records(encode_record(one) for one in records))
    found = (
        check_caps(log, book, from_start=True),
        check_consent(log, book, record_clock=True),
        check_single(log),
        check_switches(log, book),
    )
    check_budget(log, book, found[0])
    return [violation for finding in found for violation in finding.violations]


class Judge:
    """Hears every record as it arrives, and what it caused; `broken` lists what should not have been."""

    def __init__(self, *, eager: bool) -> None:
        self.known: dict[str, Known] = defaultdict(Known)
        self.off: set[str] = set()
        self.broken: list[str] = []
        self.by_event: dict[tuple[str, str], bytes] = {}
        self._limits = LIMITS[eager]

    def hear(self, one: Told, record: Record) -> None:
        """Take in what a record says."""
        if one.topic == "config":
            (self.off.discard if one.says["enabled"] else self.off.add)(one.key)
            return
        try:
            value = json.loads(one.value or b"")
        except ValueError:
            return
        if not isinstance(value, dict):
            return
        customer = str(value.get("customer_id") or value.get("userId") or "")
        self._hear(self.known[customer], one, value, record.timestamp_ms)

    def _hear(self, known: Known, one: Told, value: dict[str, Any], arrived_ms: int) -> None:
        at_ms = min(one.at_ms, arrived_ms)
        if one.topic == "consents":
            if value["channel"] != "fax":
                row = value["channel"], value["purpose"]
                word = (at_ms, value["state"] != "granted")
                known.consents[row] = max(word, known.consents.get(row, word))
        elif not known.agrees("*", "processing"):
            return  # Nothing of them may be kept, not even this.
        elif one.topic == "profiles":
            for name, wish in value.get("preferences", {}).items():
                known.wishes[name] = max(
                    (at_ms, wish), known.wishes.get(name, (0, None)), key=lambda row: row[0]
                )
        elif one.topic == "outcomes":
            known.held_until_ms = max(known.held_until_ms, at_ms + HELD_MS.get(value["kind"], 0))
            if value["kind"] == "uninstalled":
                known.consents["push", "marketing"] = max(
                    (at_ms, True), known.consents.get(("push", "marketing"), (0, True))
                )
        elif one.topic == "privacy-requests":
            known.held_until_ms = 1 << 60
        elif one.topic == "clickstream":
            self._hear_moment(known, value, at_ms)

    @staticmethod
    def _hear_moment(known: Known, value: dict[str, Any], at_ms: int) -> None:
        known.moments.setdefault(event_digest(str(value.get("messageId"))).hex(), at_ms)
        if value.get("event") in ENDS:
            known.ends.append(at_ms)
        if value.get("event") == "Order Completed":
            for item in value["properties"]["products"]:
                spell_ms = REPURCHASE_MS.get(item["category"])
                for key in (item["name"], *([item["category"]] if spell_ms else [])):
                    known.bought[key] = max(known.bought.get(key, 0), at_ms + (spell_ms or 30 * DAY_MS))

    def see(self, written: Sequence[Record]) -> None:
        """Judge the nudges among what was written; no record may be one that could not be decided."""
        for record in sorted(written, key=_decided_ms):
            if dict(record.headers).get("x-dlq-reason") == b"poison":
                self.broken.append(f"{record.key!r} could not be decided: {record.value!r}")
            if record.topic.startswith("nudges."):
                nudge = json.loads(record.value or b"")
                known = self.known[nudge["customer_id"]]
                self._see_once(nudge, record)
                if all(nudge["nudge_id"] != other["nudge_id"] for other in known.nudges):
                    known.nudges.append(nudge)
                    self.broken += [
                        f"{nudge['customer_id']} {nudge['event_id']}: {why}"
                        for why in self._faults(nudge, known)
                    ]

    def _see_once(self, nudge: dict[str, Any], record: Record) -> None:
        for name in ("nudge_id", "event_id"):
            key = nudge["customer_id"], nudge[name]
            if self.by_event.setdefault(key, record.value or b"") != record.value:
                self.broken.append(f"two nudges for {name} {nudge[name]}")

    def _faults(self, nudge: dict[str, Any], known: Known) -> list[str]:
        now_ms, channel, category = nudge["decided_at_ms"], nudge["channel"], nudge["category"]
        words = json.dumps(nudge["content"])
        checks = {
            "no consent": known.agrees(channel, "marketing") and known.agrees("*", "processing"),
            "no consent to sensing": "visiting" not in nudge["because"] or known.agrees("*", "sensing"),
            "held": now_ms >= known.held_until_ms,
            "paused": now_ms >= known.wish("paused_until_ms", 0),
            "muted": category not in known.wish("muted_categories", ()),
            "declined": channel not in known.wish("channels_off", ()),
            "bought": all(
                now_ms >= until or (key != category and (key in REPURCHASE_MS or key not in words))
                for key, until in known.bought.items()
            ),
            "too old": now_ms - known.moments.get(event_digest(nudge["event_id"]).hex(), now_ms) <= DAY_MS,
            "ended": not any(end_ms >= self._set_ms(nudge, known) for end_ms in known.ends),
            "switched off": not self.off & {"all", f"channel/{channel}", f"campaign/{nudge['campaign']}"},
            "quiet hours": channel != "push" or 9 <= self._local(nudge, nudge).hour < 20,
            "gap": all(
                abs(now_ms - other["decided_at_ms"]) >= self._limits.gap_ms for other in known.nudges[:-1]
            ),
            "pace": self._count(nudge, known, "", 7 * DAY_MS) <= known.wish("nudges_per_week_max", 99),
        }
        for scope, (most, window_ms) in self._limits.rolling.items():
            checks[f"{scope} rolling"] = (
                scope not in ("", channel) or self._count(nudge, known, scope, window_ms) <= most
            )
        for scope, most in self._limits.a_day.items():
            checks[f"{scope} a day"] = (
                scope not in ("", channel) or self._count(nudge, known, scope, None) <= most
            )
        return [why for why, holds in checks.items() if not holds]

    @staticmethod
    def _set_ms(nudge: dict[str, Any], known: Known) -> int:
        """Return when the event happened that the reminder waited after; for other nudges, never."""
        if nudge["campaign"] != "reminder":
            return 1 << 60
        return known.moments[nudge["event_id"].rpartition("/")[2]]

    def _count(self, nudge: dict[str, Any], known: Known, channel: str, window_ms: int | None) -> int:
        """Count the customer's nudges on a channel, or all, within so long before this one or on its local day."""
        today = self._local(nudge, nudge).date()
        return sum(
            (not channel or other["channel"] == channel)
            and (
                self._local(other, nudge).date() == today
                if window_ms is None
                else other["decided_at_ms"] > nudge["decided_at_ms"] - window_ms
            )
            for other in known.nudges
        )

    @staticmethod
    def _local(nudge: dict[str, Any], of: dict[str, Any]) -> datetime:
        return datetime.fromtimestamp(nudge["decided_at_ms"] / 1000, ZoneInfo(of["zone"]))


def _decided_ms(record: Record) -> int:
    """Return when a nudge was decided: of two workers the second to decide may be the first to write."""
    return int(json.loads(record.value or b"")["decided_at_ms"]) if record.topic.startswith("nudges.") else 0
