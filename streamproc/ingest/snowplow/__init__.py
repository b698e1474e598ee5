"""Snowplow: batches of its trackers, and enriched events as objects and as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streamproc.core.event import Event, Rejection
from streamproc.core.record import Record
from streamproc.ingest.snowplow import batch, enriched

__all__ = ["at_a_glance", "read", "recognises"]

# Trackers and SDKs write these near the beginning, where looking for them costs other dialects a tenth of a
# microsecond. A payload that has them elsewhere is read the careful way.
_BATCH_MARK: Final = b"payload_data"
_BATCH_MARK_END: Final = 128
_ENRICHED_MARK: Final = b"_tstamp"
_ENRICHED_MARK_END: Final = 1024
# What of JSON may hold a tab begins so, and so may a line whose first fields are empty.
_JSON_BEGINS: Final = b' \t\r\n["'


def at_a_glance(value: bytes, record: Record, ahead_ms: int) -> Sequence[Event | Rejection] | None:
    """Return the events of a payload that plainly is Snowplow's; None sends it another way."""
    if not value.startswith(b"{"):
        return _line(value, record, ahead_ms)
    if _BATCH_MARK in value[:_BATCH_MARK_END] and (found := batch.glance(value)) is not None:
        return batch.events_of(found, record, ahead_ms)
    if _ENRICHED_MARK in value[:_ENRICHED_MARK_END] and (seen := enriched.glance(value)) is not None:
        return (enriched.event_of_object(seen, value, record, ahead_ms),)
    return None


def recognises(payload: dict[str, Any]) -> bool:
    """Tell a batch by its schema, an enriched event by its id and time."""
    return batch.recognises(payload) or enriched.recognises(payload)


def read(payload: dict[str, Any], record: Record, ahead_ms: int) -> Sequence[Event | Rejection]:
    """Return the events of a payload the careful way, which names the field that is wrong."""
    if batch.recognises(payload):
        return batch.events_of(batch.convert(payload), record, ahead_ms)
    return (enriched.event_of_object(enriched.convert(payload), payload, record, ahead_ms),)


def _line(value: bytes, record: Record, ahead_ms: int) -> Sequence[Event | Rejection] | None:
    """Read what is no JSON and has as many fields as an enriched event."""
    if b"\t" not in value or (value[0] in _JSON_BEGINS and _is_json(value)):
        return None
    return (enriched.event_of_line(value, record, ahead_ms),)


def _is_json(value: bytes) -> bool:
    try:
        msgspec.json.decode(value)
    except msgspec.ValidationError:
        return True
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
