"""The ledger: every change of a customer's restraint, each record carrying the hash of the one before it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import msgspec

from streamproc.core.decision import Source
from streamproc.core.record import Output

if TYPE_CHECKING:
    from streamproc.core.arrival import Arrival
    from streamproc.core.context import Charge, Context, Timer
    from streamproc.core.creep.feedback import Felt
    from streamproc.core.decision import Decision, Weighed
    from streamproc.core.facts import ConsentChange
    from streamproc.core.record import Position
    from streamproc.core.restraint import Restraint

CHAIN_BYTES: Final = 16


class LedgerRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One record as `ledger` carries it; times in milliseconds. A field that says nothing is left out.

    `h` is the keyed hash of the customer id, `seq` counts the customer's records from 1. `prev` is the
    BLAKE2b-128 of the bytes of the record before in hexadecimal digits, empty for the first. `event` is the
    digest of the event's id, `campaign` the first name that the campaign ever had.
    """

    h: str
    seq: int
    at_ms: int
    kind: str  # charge | feedback | mute | hold | pause | fulfilled | timer_set | timer_done | merge | erase
    nudge_id: str | None = None
    event: str | None = None
    source: Source | None = None
    channel: str | None = None
    campaign: str | None = None
    category: str | None = None
    visit: str | None = None
    sensed: bool = False
    counts: bool = True
    group: str | None = None
    cost: float | None = None
    level_after: float | None = None
    wariness_after: float | None = None
    until_ms: int | None = None
    zone: str | None = None
    policy: str
    prev: str


class Details(TypedDict, total=False):
    """What a record says beyond its customer, number, time, kind and policy."""

    nudge_id: str | None
    event: str | None
    source: Source | None
    channel: str | None
    campaign: str | None
    category: str | None
    visit: str | None
    sensed: bool
    counts: bool
    group: str | None
    cost: float | None
    level_after: float | None
    wariness_after: float | None
    until_ms: int | None
    zone: str | None


# Fields stand in the order of their declaration, so that the same change gives the same bytes, and the same
# hash.
_encoder = msgspec.json.Encoder(order=None)


def append(context: Context, h: str, kind: str, at_ms: int, policy: str, **details: Unpack[Details]) -> bytes:
    """Write the customer's next ledger record, and advance `seq` and `chain` of the context to it.

    The same context and details give the same bytes. Context and record must be stored in one step, else the
    chain breaks.
    """
    assert (context.seq == 0) == (context.chain == b""), "a chain begins with its first record"
    context.seq += 1
    record = LedgerRecord(
        h=h, seq=context.seq, at_ms=at_ms, kind=kind, policy=policy, prev=context.chain.hex(), **details
    )
    value = _encoder.encode(record)
    context.chain = blake2b(value, digest_size=CHAIN_BYTES).digest()
    return value


def charge_output(
    h: str,
    context: Context,
    charge: Charge,
    nudge_id: str,
    arrival: Arrival,
    decision: Decision,
    creep: Weighed,
) -> Output:
    """Enter a charge: caps, their windows and the throttle's budget can be counted again from these records alone."""
    value = append(
        context,
        h,
        "charge",
        charge.at_ms,
        decision.policy,
        nudge_id=nudge_id,
        event=charge.event.hex(),
        source=_source(arrival.position),
        channel=charge.channel,
        campaign=charge.campaign,
        category=charge.category,
        visit=charge.visit or None,
        sensed=charge.sensed,
        counts=charge.counts,
        group=charge.group or None,
        cost=creep.score,
        level_after=creep.level_after,
        wariness_after=creep.wariness,
        until_ms=charge.until_ms,
        zone=decision.zone,
    )
    return Output("ledger", h.encode(), value)


def ledger_output(
    h: str, context: Context, change: Restraint, position: Position, at_ms: int, policy: str
) -> Output:
    """Enter a hold, a mute or a fulfilled intent, caused by the event at this position."""
    value = append(
        context,
        h,
        change.kind,
        at_ms,
        policy,
        source=_source(position),
        channel=change.channel or None,
        category=change.category or None,
        until_ms=change.until_ms,
    )
    return Output("ledger", h.encode(), value)


def feedback_output(
    h: str, context: Context, felt: Felt, position: Position, at_ms: int, policy: str
) -> Output:
    """Enter what an answer did to a customer's wariness and budget."""
    value = append(
        context,
        h,
        "feedback",
        at_ms,
        policy,
        nudge_id=felt.nudge_id,
        source=_source(position),
        channel=felt.channel,
        category=felt.category,
        level_after=felt.level,
        wariness_after=felt.wariness,
    )
    return Output("ledger", h.encode(), value)


def timer_output(
    h: str,
    context: Context,
    kind: str,
    timer: Timer,
    category: str,
    position: Position,
    at_ms: int,
    policy: str,
) -> Output:
    """Enter that something is waited for until `timer.due_ms`, or no longer; `event` is the digest of what set it."""
    value = append(
        context,
        h,
        kind,
        at_ms,
        policy,
        event=timer.event.hex(),
        source=_source(position),
        campaign=timer.campaign,
        category=category or None,
        until_ms=timer.due_ms,
    )
    return Output("ledger", h.encode(), value)


def consent_output(word: ConsentChange, lane: int) -> Output:
    """Write what a customer expressed elsewhere (an unsubscription, a producer's signal) as a record of `consents`."""
    row = {
        "customer_id": word.customer_id,
        "channel": word.channel,
        "purpose": word.purpose,
        "state": word.state,
        "at_ms": word.at_ms,
        "source": word.source,
        "text_version": word.text_version,
    }
    return Output("consents", word.customer_id.encode(), _encoder.encode(row), lane=lane)


def _source(position: Position) -> Source:
    return Source(position.topic, position.partition, position.offset, position.index)
