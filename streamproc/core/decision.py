"""What was decided for one event, as it is written to `nudges.*` and `decisions`."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from streamproc.core.reasons import Why
from streamproc.core.record import Output


class Creep(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a message goes: `rung` is the step of the ladder taken, `score` in [0, 1] where it was weighed.

    `level_before` and `level_after` are what the customer has had of that lately, before and after it.
    """

    rung: str
    score: float | None = None
    level_before: float | None = None
    level_after: float | None = None


class Tried(msgspec.Struct, frozen=True):
    """One step of the ladder that was weighed."""

    channel: str
    rung: str
    score: float


class Weighed(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one candidate was weighed: `rung` is the step taken, or `silence` with the numbers of the last one tried.

    The score, in [0, 1], must be within `limit` and `room`. `factors` are those that are not 0, and `contributions` say
    how much of the score each cause has; they add up to it. `tried` are all steps, where there was more than one. What
    is about an order is not weighed.
    """

    rung: str
    score: float | None = None
    limit: float | None = None
    room: float | None = None
    wariness: float | None = None
    factors: dict[str, float] = {}
    contributions: dict[str, float] = {}
    level_before: float | None = None
    level_after: float | None = None
    tried: list[Tried] = []


class Candidate(msgspec.Struct, omit_defaults=True):
    """A campaign whose trigger and conditions were true, and what became of it.

    `content` is what one in shadow would have said.
    """

    campaign: str
    channel: str
    verdict: (
        str  # nudged | suppressed | outranked | deferred | held_out | shadow | expired | cancelled | withheld
    )
    reasons: list[Why] = []
    creep: Weighed | None = None
    content: dict[str, object] | None = None


class CapUse(msgspec.Struct, frozen=True):
    """One cap as it stood after the charge: `used` of `max` in its window."""

    scope: str
    window: str
    used: int
    max: int


class Source(msgspec.Struct, frozen=True):
    """Where the event was read."""

    topic: str
    partition: int
    offset: int
    index: int


class ConsentPosition(msgspec.Struct, frozen=True):
    """How far `consents` had been applied in the event's lane: the next offset to read."""

    partition: int
    offset: int


class Decision(msgspec.Struct, kw_only=True):
    """The record of one event with a candidate: every candidate, and for each every gate that failed."""

    decision_id: str
    kind: str  # event | timer | feedback
    trigger: str
    event_id: str
    customer_id: str
    decided_at_ms: int
    result: str  # nudged | silent
    nudge_id: str | None = None
    candidates: list[Candidate]
    source: Source
    consent: ConsentPosition
    seq: int
    zone: str
    policy: str
    config_offset: int


class Nudge(msgspec.Struct, frozen=True):
    """What a delivery service receives: the message, why it is sent, and how to stop it. Times in milliseconds.

    `cost_minor` is what sending it costs, as the policy has it: a message of several segments pays for each.
    """

    nudge_id: str
    customer_id: str
    channel: str
    campaign: str
    purpose: str
    category: str
    event_id: str
    decided_at_ms: int
    expires_at_ms: int
    content: dict[str, object]
    because: list[str]
    reason: str
    controls: dict[str, str]
    creep: Creep
    caps: list[CapUse]
    source: Source
    consent: ConsentPosition
    seq: int
    zone: str
    policy: str
    cost_minor: int


class Handover(msgspec.Struct, frozen=True, array_like=True):
    """What the emission gate must know of a nudge, without reading its value."""

    h: str
    channel: str
    campaign: str
    category: str
    purpose: str
    sensed: bool
    rung: str
    occurred_at_ms: int
    decided_at_ms: int
    expires_at_ms: int
    exempt_from: tuple[str, ...] = ()
    cost_minor: int = 0
    # The item that it offers, the store or "", and before when nothing said of it counts (`core.catalog`).
    sold: tuple[str, str, int] | None = None
    # Further items that it offers, and the further categories that it is about.
    sold_too: tuple[tuple[str, str, int], ...] = ()
    about_too: tuple[str, ...] = ()


class OptOut(msgspec.Struct, frozen=True, array_like=True):
    """A customer's opt-out after a nudge: of which campaign, by its first name, and when that was sent.

    `kind` is one of `core.facts.OPT_OUTS`; `at_ms` is when Kafka received it: the same however often it is read.
    """

    kind: str
    campaign: str
    nudge_id: str
    sent_at_ms: int
    at_ms: int


@dataclass(slots=True)
class Emission:
    """All that one event causes: records written ahead (`ledger`, `decisions`, withdrawals), then at most one nudge.

    It is kept under the event's source position until that position is committed, so that a redelivered
    event gives the same bytes again. `decision` is there the first time only, for those who count, and so are
    `unknown_categories`, the occasions that are about an item of no group that the policy knows, and such facts.
    """

    ahead: list[Output]
    nudge: Output | None = None
    handover: Handover | None = None
    decision: Decision | None = None
    unknown_categories: int = 0
    opt_out: OptOut | None = None


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    ahead: list[Output]
    nudge: Output | None
    handover: Handover | None
    opt_out: OptOut | None = None


_json = msgspec.json.Encoder(order=None)
_kept = msgspec.msgpack.Decoder(_Kept)
_msgpack = msgspec.msgpack.Encoder()


def encode_json(record: Decision | Nudge) -> bytes:
    """Write a decision or a nudge as its topic carries it; fields stand in the order of their declaration."""
    return _json.encode(record)


def decode_decision(value: bytes) -> Decision:
    """Read a decision back, to withhold its nudge. Raises msgspec.DecodeError."""
    return msgspec.json.decode(value, type=Decision)


def encode_emission(emission: Emission) -> bytes:
    """Write an emission as the store keeps it."""
    return _msgpack.encode(_Kept(emission.ahead, emission.nudge, emission.handover, emission.opt_out))


def decode_emission(blob: bytes) -> Emission:
    """Read an emission that the store kept. Raises msgspec.DecodeError."""
    kept = _kept.decode(blob)
    return Emission(kept.ahead, kept.nudge, kept.handover, opt_out=kept.opt_out)
