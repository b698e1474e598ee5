"""Segment and RudderStack calls: track, page, screen, identify, group and alias, single or in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streamproc.core.event import CUSTOM_PREFIX, Event, Reason, Rejection
from streamproc.core.record import Record
from streamproc.ingest.bounds import document
from streamproc.ingest.names import segment_kind
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.segment_event import event_of
from streamproc.ingest.segment_shapes import Call, Glance, json_of, within_batch

TYPES: Final = frozenset({"track", "page", "screen", "identify", "group", "alias"})
BATCH_MAX: Final = 1000  # at 256 KiB a batch of more would hold calls too short to be real

_glance: Final = msgspec.json.Decoder(Glance).decode


def glance(value: bytes | msgspec.Raw) -> Glance | None:
    """Decode a payload that plainly is a call or a batch of them; None sends it the careful way."""
    try:
        call = _glance(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if call.specversion is not None:
        return None
    if call.message_id is None and call.message_id_snake is None and call.batch is None:
        return None
    plain = call.batch is not None or (call.type or call.action) in TYPES
    return call if plain else None


def at_a_glance(value: bytes, record: Record, ahead_ms: int) -> Sequence[Event | Rejection] | None:
    """Return the events of a payload that plainly is a call or a batch; None sends it the careful way."""
    call = glance(value)
    return None if call is None else events_of(call, value, record, ahead_ms)


def recognises(payload: dict[str, Any]) -> bool:
    """Tell a call by its type, and a batch by its list."""
    kind = payload.get("type") or payload.get("action")
    return (isinstance(kind, str) and kind in TYPES) or "batch" in payload


def events_of(call: Glance, value: bytes, record: Record, ahead_ms: int) -> Sequence[Event | Rejection]:
    """Return the event of a call, or for a batch the event or rejection of each of its calls."""
    if call.batch is None or (call.type or call.action) in TYPES:
        return (event_of(call, value, record, ahead_ms),)
    if not call.batch:
        raise Refused(Reason.EMPTY, "batch", "0 calls")
    if len(call.batch) > BATCH_MAX:
        raise Refused(Reason.TOO_MANY, "batch", f"{len(call.batch)} > {BATCH_MAX}")
    found: list[Event | Rejection] = []
    for index, raw in enumerate(call.batch):
        try:
            found.append(_event_in_batch(raw, call, record, ahead_ms))
        except Refused as refused:
            found.append(refused.under(f"batch[{index}]").rejection(index))
    return found


def _event_in_batch(value: msgspec.Raw, batch: Glance, record: Record, ahead_ms: int) -> Event:
    call = glance(value)
    if call is None or (call.type or call.action) not in TYPES:
        return read(document(json_of(value)), record, ahead_ms, batch=batch)
    return event_of(_in_batch(call, batch), value, record, ahead_ms)


def _in_batch(call: Call, batch: Call) -> Call:
    """Let a call take over what its batch says of all its calls."""
    if call.sent_at is None:
        call.sent_at = batch.sent_at
    if batch.context is not None:
        call.context = within_batch(call.context, batch.context)
    return call


def read(payload: dict[str, Any], record: Record, ahead_ms: int, *, batch: Call | None = None) -> Event:
    """Return the event of one call the careful way, which names the field that is wrong."""
    if "batch" in payload and "type" not in payload:
        return _refuse_batch(payload)
    call = _convert(payload)
    return event_of(call if batch is None else _in_batch(call, batch), payload, record, ahead_ms)


def _refuse_batch(payload: dict[str, Any]) -> Event:
    """Name what kept a whole batch from being read at a glance."""
    batch = payload["batch"]
    if not isinstance(batch, list):
        raise Refused(Reason.WRONG_TYPE, "batch", "expected a list")
    _convert(payload)
    raise Refused(Reason.UNKNOWN_ENVELOPE, "batch", "a batch inside a batch, or one with a specversion")


def _convert(payload: dict[str, Any]) -> Call:
    """Convert a call; a custom event's properties are its own words, so those of another type are left out."""
    while True:
        try:
            return msgspec.convert(payload, Call)
        except msgspec.ValidationError as error:
            refused = refused_by_type(error)
            property_name = _own_property(payload, refused.field)
            if property_name is None:
                raise refused from error
            properties = payload["properties"].copy()
            del properties[property_name]
            payload = {**payload, "properties": properties}


def _own_property(payload: dict[str, Any], field: str) -> str | None:
    name = payload.get("event")
    if not (isinstance(name, str) and segment_kind(name).startswith(CUSTOM_PREFIX)):
        return None
    parent, _, rest = field.partition(".")
    return rest.partition(".")[0].partition("[")[0] if parent == "properties" and rest else None
