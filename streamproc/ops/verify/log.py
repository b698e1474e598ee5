"""The records that the invariants speak of, sorted into tables; everything else is passed over."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from sys import intern
from typing import Any, Final

import msgspec
import orjson

from streamproc.ops.verify.record import Record

INPUT_TOPICS: Final = frozenset(
    {
        "consents",
        "profiles",
        "outcomes",
        "privacy-requests",
        "clickstream",
        "beacons",
        "timers",
        "rekeyed",
    }
)
NUDGES_PREFIX: Final = "nudges."
POLICY_PREFIX: Final = "policy/"
SWITCH_PREFIXES: Final = ("channel/", "campaign/")
STATES: Final = ("withdrawn", "denied", "pending", "expired", "granted")
"""From the least to the most permissive."""
SIGNAL_PREFIX: Final = "signal/"
"""What the source of a record begins with that repeats a producer's signal."""
GRANT_AHEAD_MS_MAX: Final = 5 * 60_000
"""A grant stamped further ahead of its append time is a dead letter: nobody may rely on it."""

Partition = tuple[str, int]


class Source(msgspec.Struct, frozen=True, gc=False):
    """What one receipt says of the offsets first..last of one input partition, and of their events."""

    topic: str
    partition: int
    first: int
    last: int
    records: int
    events: int
    decided: int = 0
    quiet: int = 0
    duplicate: int = 0
    redelivered: int = 0
    too_old: int = 0
    rejected: int = 0
    rekeyed: int = 0
    holes: int = 0


class _Receipt(msgspec.Struct):
    sources: list[Source]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One ledger record. The next one may name any of `digests`: of the bytes as filed, and compact."""

    h: str
    seq: int
    kind: str
    at_ms: int
    prev: str
    nudge_id: str
    channel: str
    campaign: str
    category: str
    visit: str
    sensed: bool
    zone: str
    group: str
    counts: bool
    event: str
    policy: str
    digests: tuple[bytes, ...]
    where: str
    cost: float | None = None
    level_after: float | None = None


class _LedgerValue(msgspec.Struct):
    h: str
    seq: int
    kind: str
    at_ms: int
    prev: str | None = None
    nudge_id: str | None = None
    channel: str | None = None
    campaign: str | None = None
    category: str | None = None
    visit: str | None = None
    sensed: bool = False
    zone: str | None = None
    group: str | None = None
    counts: bool = True
    event: str | None = None
    policy: str | None = None
    cost: float | None = None
    level_after: float | None = None


class Consent(msgspec.Struct, frozen=True, gc=False):
    """One readable record of `consents`; `signalled` if it repeats a producer's signal on processing."""

    partition: int
    offset: int
    channel: str
    purpose: str
    state: str
    effective_ms: int
    appended_ms: int
    expires_at_ms: int | None
    signalled: bool = False


class _ConsentValue(msgspec.Struct):
    customer_id: str | int
    channel: str
    purpose: str
    state: str
    at_ms: int
    expires_at_ms: int | None = None
    source: str | None = None


class SwitchChange(msgspec.Struct, frozen=True, gc=False):
    """A switch from `offset` on: on, off, or None for the policy's own default."""

    offset: int
    appended_ms: int
    enabled: bool | None


class Nudge(msgspec.Struct, frozen=True, gc=False):
    """One nudge as handed over. The channel is that of its topic, whatever its value says.

    `consent` (partition, offset) and `config_offset` name the next record to read: all below was applied.
    """

    nudge_id: str
    customer_id: str
    event_id: str
    channel: str
    campaign: str
    category: str
    policy: str
    decided_at_ms: int
    because: tuple[str, ...]
    consent: tuple[int, int]
    appended_ms: int
    config_offset: int | None
    content: bytes
    where: str


class _Position(msgspec.Struct):
    partition: int
    offset: int


class _CandidateValue(msgspec.Struct):
    verdict: str


class _DecisionValue(msgspec.Struct):
    candidates: tuple[_CandidateValue, ...]
    nudge_id: str | None = None


class _NudgeValue(msgspec.Struct):
    nudge_id: str
    customer_id: str
    event_id: str
    campaign: str
    decided_at_ms: int
    consent: _Position
    policy: str
    category: str = ""
    because: tuple[str, ...] = ()


_receipts = msgspec.json.Decoder(_Receipt)
_ledger = msgspec.json.Decoder(_LedgerValue)
_consents = msgspec.json.Decoder(_ConsentValue)
_nudges = msgspec.json.Decoder(_NudgeValue)
_decisions = msgspec.json.Decoder(_DecisionValue)


def digest(data: bytes) -> bytes:
    """Return the BLAKE2b-128 hash by which the ledger chains its records."""
    return blake2b(data, digest_size=16).digest()


@dataclass
class Log:
    """All that the invariants need of a run.

    A receipt repeated byte for byte counts once, as a producer without idempotence may repeat it; ledger
    records and nudges are kept with their repeats, since repeats are what some invariants speak of. `decided`
    and `withheld` hold the ids of nudges by what the decisions say of them, and where. Of
    profiles, outcomes and moments only the offsets are kept.
    """

    inputs: dict[Partition, array[int]] = field(default_factory=dict)
    sources: list[tuple[Source, str]] = field(default_factory=list)
    receipts: int = 0
    ledger: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    consents: dict[str, list[Consent]] = field(default_factory=lambda: defaultdict(list))
    consents_appended: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    switches: dict[str, list[SwitchChange]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    nudges: list[Nudge] = field(default_factory=list)
    decided: dict[str, str] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)
    unreadable: list[tuple[str, str, str]] = field(default_factory=list)
    _receipts_seen: set[bytes] = field(default_factory=set)

    def add_all(self, records: Iterable[Record]) -> None:
        """Sort the records into the tables. A record of ours that cannot be read is noted in `unreadable`."""
        for record in records:
            try:
                self._add(record)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self.unreadable.append((record.topic, str(error), record.where))
        for changes in self.switches.values():
            changes.sort(key=lambda change: change.offset)
        for partition, offsets in self.inputs.items():
            self.inputs[partition] = array("q", sorted(offsets))
        # Files are read in any order; the verdict and its words are the same.
        for entries in self.ledger.values():
            entries.sort(key=lambda entry: (entry.seq, entry.where))
        self.nudges.sort(key=lambda nudge: (nudge.nudge_id, nudge.appended_ms, nudge.where))
        self.sources.sort(key=lambda pair: (pair[0].topic, pair[0].partition, pair[0].first, pair[1]))
        self.unreadable.sort()

    def _add(self, record: Record) -> None:
        topic = record.topic
        if topic in INPUT_TOPICS:
            partition = (topic, record.partition)
            self.inputs.setdefault(partition, array("q")).append(record.offset)
            if topic == "consents":
                self._add_consent(record)
        elif topic == "config":
            self._add_setting(record)
        elif topic.startswith(NUDGES_PREFIX):
            self.nudges.append(_read_nudge(record))
        elif topic == "ledger":
            entry = _read_entry(record)
            self.ledger[entry.h].append(entry)
        elif topic == "receipts":
            self._add_receipt(record)
        elif topic == "decisions":
            self._add_decision(record)

    def _add_receipt(self, record: Record) -> None:
        value = record.value or b""
        receipt = _receipts.decode(value)
        identity = digest(value)
        if identity in self._receipts_seen:
            return
        self._receipts_seen.add(identity)
        self.receipts += 1
        self.sources.extend((source, record.where) for source in receipt.sources)

    def _add_decision(self, record: Record) -> None:
        decision = _decisions.decode(record.value or b"")
        if decision.nudge_id is None:
            return
        if any(candidate.verdict == "withheld" for candidate in decision.candidates):
            self.withheld.add(decision.nudge_id)
        else:
            self.decided[decision.nudge_id] = min(
                record.where, self.decided.get(decision.nudge_id, record.where)
            )

    def _add_consent(self, record: Record) -> None:
        self.consents_appended[record.partition][record.offset] = record.timestamp_ms
        try:
            value = _consents.decode(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # The worker refuses it too; it grants nothing.
        too_far_ahead = value.at_ms > record.timestamp_ms + GRANT_AHEAD_MS_MAX
        if value.state not in STATES or (value.state == "granted" and too_far_ahead):
            return
        signalled = (value.source or "").startswith(SIGNAL_PREFIX)
        if signalled and value.purpose != "processing" and value.state == "granted":
            return  # As above: what a producer signals grants nothing else.
        self.consents[str(value.customer_id).strip()].append(
            Consent(
                partition=record.partition,
                offset=record.offset,
                channel=intern(value.channel),
                purpose=intern(value.purpose),
                state=intern(value.state),
                effective_ms=min(value.at_ms, record.timestamp_ms),
                appended_ms=record.timestamp_ms,
                expires_at_ms=value.expires_at_ms,
                signalled=signalled and value.purpose == "processing",
            )
        )

    def _add_setting(self, record: Record) -> None:
        key = record.key or ""
        if key.startswith(POLICY_PREFIX):
            documents = self.policies[key.removeprefix(POLICY_PREFIX)]
            if record.value is not None and record.value not in documents:
                documents.append(record.value)
        elif key == "all" or key.startswith(SWITCH_PREFIXES):
            change = SwitchChange(record.offset, record.timestamp_ms, _read_switch(record.value))
            self.switches[key].append(change)


def _read_switch(value: bytes | None) -> bool | None:
    if value is None:
        return None
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    # What cannot be read as a switch is off: a slip of the operator's hand must never let a message through.
    return isinstance(document, dict) and document.get("enabled") is True


def _read_entry(record: Record) -> Entry:
    value = record.value or b""
    entry = _ledger.decode(value)
    # A hand or another tool may have filed the value with blanks; the worker writes it compact.
    compact = orjson.dumps(orjson.loads(value))
    return Entry(
        h=intern(entry.h),
        seq=entry.seq,
        kind=intern(entry.kind),
        at_ms=entry.at_ms,
        prev=entry.prev or "",
        nudge_id=entry.nudge_id or "",
        channel=intern(entry.channel or ""),
        campaign=intern(entry.campaign or ""),
        category=intern(entry.category or ""),
        visit=intern(entry.visit or ""),
        sensed=entry.sensed,
        zone=intern(entry.zone or ""),
        group=intern(entry.group or ""),
        counts=entry.counts,
        event=entry.event or "",
        policy=intern(entry.policy or ""),
        digests=(digest(value),) if compact == value else (digest(value), digest(compact)),
        where=record.where,
        cost=entry.cost,
        level_after=entry.level_after,
    )


def _read_nudge(record: Record) -> Nudge:
    value = record.value or b""
    nudge = _nudges.decode(value)
    position = record.headers.get("sp-config-offset")
    text = str(position) if position is not None else ""
    return Nudge(
        nudge_id=nudge.nudge_id,
        customer_id=intern(nudge.customer_id),
        event_id=nudge.event_id,
        channel=intern(record.topic.removeprefix(NUDGES_PREFIX)),
        campaign=intern(nudge.campaign),
        category=intern(nudge.category),
        policy=intern(nudge.policy),
        decided_at_ms=nudge.decided_at_ms,
        because=nudge.because,
        consent=(nudge.consent.partition, nudge.consent.offset),
        appended_ms=record.timestamp_ms,
        config_offset=int(text) if text.removeprefix("-").isdecimal() else None,
        content=digest(f"{record.topic}\x00{record.key}\x00".encode() + value),
        where=record.where,
    )
