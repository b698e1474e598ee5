"""What was seen on the topics: counted as it comes, for the screen while it runs and for the summary at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from streamproc.core.record import Record
from streamproc.ops.demo.words import label

__all__ = ["INPUTS", "OUTPUTS", "Operation", "Silence", "Story", "Withdrawal"]

INPUTS: Final = (
    "consents",
    "profiles",
    "outcomes",
    "privacy-requests",
    "clickstream",
    "beacons",
    "rekeyed",
    "timers",
)
INSIDE: Final = ("rekeyed", "timers")
CHANNELS: Final = ("push", "sms", "email", "in_app", "web", "in_store")
OUTPUTS: Final = (
    *(f"nudges.{channel}" for channel in CHANNELS),
    "decisions",
    "ledger",
    "receipts",
    "dead-letters",
)

_decode: Final = msgspec.json.Decoder().decode
Json = dict[str, Any]


@dataclass(frozen=True)
class Silence:
    """One event after which nothing was said: the campaign that would have spoken, and why it did not."""

    customer: str
    at_ms: int
    campaign: str
    reasons: tuple[Json, ...]

    @property
    def codes(self) -> frozenset[str]:
        """The distinct reasons."""
        return frozenset(why["code"] for why in self.reasons)

    @property
    def caps(self) -> int:
        """How many caps kept it."""
        return sum(why["code"] == "frequency_cap" for why in self.reasons)


@dataclass(frozen=True)
class Withdrawal:
    """A consent that a customer took back at `at_ms`; `channel` may be `*`."""

    customer: str
    channel: str
    purpose: str
    at_ms: int


@dataclass(frozen=True)
class Operation:
    """A switch that the operator moved, and how the workers took it.

    `offset` is the position behind it on `config`; the wall times are before writing and after all had applied it.
    """

    enabled: bool
    at_ms: int
    offset: int
    took_ms: int
    workers: int
    is_done: bool
    written_wall_ms: int
    applied_wall_ms: int


@dataclass
class Story:
    """Counts records of any topic, in any order of topics."""

    fed: int = 0
    now_ms: int = 0
    inputs: int = 0
    records: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    nudges: list[Json] = field(default_factory=list)
    handed: list[tuple[Json, int, int]] = field(default_factory=list)
    """Each nudge with the config offset it was handed over under, and the time of its append."""
    by_channel: Counter[str] = field(default_factory=Counter)
    by_campaign: Counter[tuple[str, str]] = field(default_factory=Counter)
    latest: dict[str, Json] = field(default_factory=dict)
    silent: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    caps_bound: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Silence] = field(default_factory=dict)
    fullest: Silence | None = None
    """The silence that most caps kept."""
    withheld: int = 0
    charges: list[Json] = field(default_factory=list)
    dead_letters: Counter[str] = field(default_factory=Counter)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    feed: str = ""
    notice: str = ""
    """What the operator did last, which stays to be read."""
    _ends: dict[tuple[str, int], int] = field(default_factory=dict)
    _covered: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def lag(self) -> int:
        """Input records that were written and are not finished."""
        unread = max(0, self.fed - self.inputs)
        return unread + sum(max(0, end - self._covered.get(place, 0)) for place, end in self._ends.items())

    @property
    def events(self) -> int:
        """Events that the worker finished."""
        return self.counts["events"]

    def told_before(self, silence: Silence) -> Json | None:
        """Find a nudge to set beside a silence: the same customer's for the same campaign, else any."""
        same = (silence.customer, silence.campaign)
        alike = [one for one in self.nudges if (one["customer_id"], one["campaign"]) == same]
        return next(iter(alike or self.nudges), None)

    def see(self, records: Iterable[Record]) -> None:
        """Count records."""
        for record in records:
            self.records += 1
            if record.topic in INPUTS:
                self._input(record)
            elif record.topic.startswith("nudges."):
                self._nudge(record)
            elif record.topic == "decisions":
                self._decision(_decode(record.value or b"null"))
            elif record.topic == "receipts":
                self._receipt(_decode(record.value or b"null"))
            elif record.topic == "ledger":
                self.charges.append(_decode(record.value or b"null"))
            elif record.topic == "dead-letters":
                self.dead_letters[dict(record.headers).get("x-dlq-reason", b"?").decode()] += 1

    def _input(self, record: Record) -> None:
        # What the worker wrote itself, such as a withdrawal after an unsubscription, is input too, but was not fed.
        place = (record.topic, record.partition)
        self._ends[place] = max(self._ends.get(place, 0), record.offset + 1)
        row = _decode(record.value) if record.topic == "consents" and record.value else {}
        self.inputs += row.get("source") != "outcome" and record.topic not in INSIDE
        if row.get("state") == "withdrawn":
            at_ms = min(row["at_ms"], record.timestamp_ms)
            self.withdrawals.append(Withdrawal(row["customer_id"], row["channel"], row["purpose"], at_ms))

    def _nudge(self, record: Record) -> None:
        nudge: Json = _decode(record.value or b"null")
        offset = int(dict(record.headers).get("sp-config-offset", b"-1"))
        self.nudges.append(nudge)
        self.handed.append((nudge, offset, record.timestamp_ms))
        self.by_channel[nudge["channel"]] += 1
        self.by_campaign[nudge["campaign"], nudge["channel"]] += 1
        self.latest[nudge["channel"]] = nudge
        self.feed = f"{nudge['customer_id']} hears of {nudge['campaign']} on {nudge['channel']}"

    def _decision(self, decision: Json) -> None:
        if decision["result"] == "nudged":
            return
        self.silent += 1
        self.withheld += any(one["verdict"] == "withheld" for one in decision["candidates"])
        reasons = [why for one in decision["candidates"] for why in one.get("reasons", ())]
        self.reasons.update({why["code"] for why in reasons})
        for name in {why["detail"].partition(":")[0] for why in reasons if why["code"] == "frequency_cap"}:
            self.caps_bound[name] += 1
        for one in decision["candidates"]:
            silence = Silence(
                decision["customer_id"],
                decision["decided_at_ms"],
                one["campaign"],
                tuple(one.get("reasons", ())),
            )
            self._exemplify(silence)
        if reasons:
            self.feed = f"{decision['customer_id']} hears nothing: {label(reasons[0]['code'])}"

    def _exemplify(self, silence: Silence) -> None:
        """Keep for each reason the silence that it explains best, and the one with the most caps of all."""
        if silence.caps and (self.fullest is None or silence.caps > self.fullest.caps):
            self.fullest = silence
        for code in silence.codes:
            known = self.examples.get(code)
            if known is None or len(silence.codes) < len(known.codes):
                self.examples[code] = silence

    def _receipt(self, receipt: Json) -> None:
        for source in receipt["sources"]:
            place = (source["topic"], source["partition"])
            self._covered[place] = max(self._covered.get(place, 0), source["last"] + 1)
            for name in ("events", "decided", "quiet", "duplicate", "redelivered", "too_old", "rejected"):
                self.counts[name] += source[name]
