"""What our own workers write to `timers`: a waiting that came due, and what happened to an item that is watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from streamproc.core.event import INSIDE_KINDS, TIMER_DUE, Event, Item, Reason
from streamproc.core.record import Record
from streamproc.core.watching import PRICE_BEFORE
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import identifier
from streamproc.ingest.times import instant_ms

TOPIC: Final = "timers"
DIALECT: Final = "inside"
_ITEM_KINDS: Final = INSIDE_KINDS - {TIMER_DUE}


class _Row(msgspec.Struct, frozen=True, omit_defaults=True):
    customer_id: str
    due_at_ms: int | None = None
    kind: str | None = None
    event_id: str | None = None
    occurred_at_ms: int | None = None
    item_id: str | None = None
    site_id: str | None = None
    name: str | None = None
    category: str | None = None
    price_minor: int | None = None
    price_before_minor: int | None = None
    currency: str | None = None


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Row)


def encode_due(customer_id: str, due_at_ms: int) -> bytes:
    """Write that something which this customer's memory waits for came due."""
    return _encoder.encode(_Row(customer_id, due_at_ms=due_at_ms))


def encode_item_event(customer_id: str, fields: Mapping[str, Any]) -> bytes:
    """Write what happened to an item that this customer watches; `fields` are those of the schema `timer.json`."""
    return _encoder.encode(_Row(customer_id, **fields))


def decode(value: bytes, record: Record) -> Event:
    """Return the event of a record of `timers`.

    Raises `Refused`: only our own workers write these, so anything else on the topic is a mistake to be looked at.
    """
    try:
        row = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(Reason.NOT_JSON) from error
    if not identifier(row.customer_id, "customer_id"):
        raise Refused(Reason.NO_IDENTITY, "customer_id")
    if row.kind is not None:
        return _item_event(row, record)
    if row.due_at_ms is None:
        raise Refused(Reason.MISSING_FIELD, "due_at_ms")
    due_at_ms = instant_ms(row.due_at_ms, "due_at_ms")
    return Event(
        event_id=f"timer/{due_at_ms}",
        dialect=DIALECT,
        kind=TIMER_DUE,
        customer_id=row.customer_id,
        occurred_at_ms=due_at_ms,
        received_at_ms=record.timestamp_ms,
    )


def _item_event(row: _Row, record: Record) -> Event:
    if row.kind not in _ITEM_KINDS:
        raise Refused(Reason.UNKNOWN_VALUE, "kind")
    if row.occurred_at_ms is None:
        raise Refused(Reason.MISSING_FIELD, "occurred_at_ms")
    for field in ("event_id", "item_id"):
        if not getattr(row, field):
            raise Refused(Reason.MISSING_FIELD, field)
    before = row.price_before_minor
    return Event(
        event_id=row.event_id or "",
        dialect=DIALECT,
        kind=row.kind,
        customer_id=row.customer_id,
        occurred_at_ms=instant_ms(row.occurred_at_ms, "occurred_at_ms"),
        received_at_ms=record.timestamp_ms,
        items=(Item(row.item_id or "", name=row.name, category=row.category, price_minor=row.price_minor),),
        currency=row.currency,
        site_id=row.site_id,
        extra={} if before is None else {PRICE_BEFORE: before},
    )
