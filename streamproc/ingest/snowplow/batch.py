"""Batches of a tracker: what it posts to a collector, a list of events with short names and text alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streamproc.core.event import Event, Reason, Rejection
from streamproc.core.record import Record
from streamproc.ingest.bounds import document
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import Id, Number
from streamproc.ingest.snowplow import old
from streamproc.ingest.snowplow.atomic import Atomic
from streamproc.ingest.snowplow.described import Told, remembered, told_in
from streamproc.ingest.snowplow.entities import UNREADABLE, Entities, Shape, add_contexts
from streamproc.ingest.snowplow.event import DESCRIBED, event_of
from streamproc.ingest.times import TIME_MS_MAX, TIME_MS_MIN, Time, instant_ms

SCHEMA_PREFIX: Final = "iglu:com.snowplowanalytics.snowplow/payload_data/"
BATCH_MAX: Final = 1000  # as many as a batch of calls

_DIGITS_MAX: Final = 15


class _Tracked(Atomic, gc=False):
    """An event under a tracker's names."""

    event: str | None = msgspec.field(name="e", default=None)
    event_id: Id = msgspec.field(name="eid", default=None)
    platform: str | None = msgspec.field(name="p", default=None)
    app_id: str | None = msgspec.field(name="aid", default=None)
    true_tstamp: Time = msgspec.field(name="ttm", default=None)
    dvce_created_tstamp: Time = msgspec.field(name="dtm", default=None)
    dvce_sent_tstamp: Time = msgspec.field(name="stm", default=None)
    user_id: Id = msgspec.field(name="uid", default=None)
    domain_userid: Id = msgspec.field(name="duid", default=None)
    network_userid: Id = msgspec.field(name="nuid", default=None)
    told_network_userid: Id = msgspec.field(name="tnuid", default=None)
    domain_sessionid: Id = msgspec.field(name="sid", default=None)
    domain_sessionidx: Number = msgspec.field(name="vid", default=None)
    page_url: str | None = msgspec.field(name="url", default=None)
    page_title: str | None = msgspec.field(name="page", default=None)
    page_referrer: str | None = msgspec.field(name="refr", default=None)
    br_lang: str | None = msgspec.field(name="lang", default=None)
    os_timezone: str | None = msgspec.field(name="tz", default=None)
    contexts: str | None = msgspec.field(name="co", default=None)
    contexts_base64: str | None = msgspec.field(name="cx", default=None)
    unstruct: str | None = msgspec.field(name="ue_pr", default=None)
    unstruct_base64: str | None = msgspec.field(name="ue_px", default=None)


class Batch(msgspec.Struct, gc=False):
    """A record that is a batch if its schema says so."""

    schema: str | None = None
    data: list[msgspec.Raw] | None = None


class _Alone(Batch, gc=False, forbid_unknown_fields=True):
    """A record that has nothing else, as trackers send it: by another field it might be another dialect's."""


_batch: Final = msgspec.json.Decoder(Batch).decode
_alone: Final = msgspec.json.Decoder(_Alone).decode
_tracked: Final = msgspec.json.Decoder(_Tracked).decode
_NAMES: Final = {
    field.name: field.encode_name
    for shape in (_Tracked, old.OldTracked)
    for field in msgspec.structs.fields(shape)
}


def glance(value: bytes) -> Batch | None:
    """Decode a payload that plainly is a batch; None sends it another way."""
    try:
        batch = _alone(value)
    except UNREADABLE:
        return None
    if batch.schema is None or batch.data is None:
        return None
    return batch if batch.schema.startswith(SCHEMA_PREFIX) else None


def recognises(payload: dict[str, Any]) -> bool:
    """Tell a batch by its schema."""
    schema = payload.get("schema")
    return isinstance(schema, str) and schema.startswith(SCHEMA_PREFIX)


def convert(payload: dict[str, Any]) -> Batch:
    """Convert a batch the careful way, which names what is wrong."""
    if payload.get("data") is None:
        raise Refused(Reason.MISSING_FIELD, "data")
    try:
        return _batch(msgspec.json.encode(payload))
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error


def events_of(batch: Batch, record: Record, ahead_ms: int) -> Sequence[Event | Rejection]:
    """Return for each event of a batch itself or its rejection."""
    data = batch.data or []
    if not data:
        raise Refused(Reason.EMPTY, "data", "0 events")
    if len(data) > BATCH_MAX:
        raise Refused(Reason.TOO_MANY, "data", f"{len(data)} > {BATCH_MAX}")
    found: list[Event | Rejection] = []
    for index, raw in enumerate(data):
        try:
            found.append(_event(raw, record, ahead_ms))
        except Refused as refused:
            found.append(refused.called(_NAMES).under(f"data[{index}]").rejection(index))
    return found


def _event(raw: msgspec.Raw, record: Record, ahead_ms: int) -> Event:
    try:
        tracked = _tracked(raw)
    except UNREADABLE:
        tracked = _converted(raw, _Tracked)
    if tracked.told_network_userid:
        tracked.network_userid = tracked.told_network_userid
    entities = Entities()
    if tracked.contexts_base64:
        add_contexts(entities, _from_base64(tracked.contexts_base64, "cx"), "cx")
    if tracked.contexts:
        add_contexts(entities, tracked.contexts.encode(), "co")
    told = None
    if tracked.event in DESCRIBED:
        told = _told(tracked)
    elif tracked.event in old.EVENTS:
        told = old.told_by(tracked.event, _converted(raw, old.OldTracked), entities)
    return event_of(tracked, entities, told, _occurred(tracked, record.timestamp_ms), record, ahead_ms)


def _converted(raw: msgspec.Raw, shape: type[Shape]) -> Shape:
    """Decode an event the careful way, which names the field that is wrong."""
    try:
        return msgspec.convert(document(bytes(raw)), shape)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error


def _told(tracked: _Tracked) -> Told:
    if tracked.unstruct_base64:
        return _told_in_base64(tracked.unstruct_base64, "ue_px")
    if tracked.unstruct:
        return _told_in_text(tracked.unstruct, "ue_pr")
    raise Refused(Reason.MISSING_FIELD, "ue_px")


@remembered
def _told_in_base64(value: str, field: str) -> Told:
    return told_in(_from_base64(value, field), field)


@remembered
def _told_in_text(value: str, field: str) -> Told:
    return told_in(value.encode(), field)


def _from_base64(value: str, field: str) -> bytes:
    """Decode base64 of either alphabet, with or without its padding."""
    if "-" in value or "_" in value:
        value = value.replace("-", "+").replace("_", "/")
    try:
        # Strict as binascii can be, at a third of its price.
        return msgspec.convert(value + "==="[: -len(value) % 4], bytes)
    except msgspec.ValidationError as error:
        raise Refused(Reason.BAD_TEXT, field, "not base64") from error


def _occurred(tracked: _Tracked, received_at_ms: int) -> tuple[int, str]:
    """Return the time of an event, and the field that it was read from.

    A device whose clock is ahead seems to send after Kafka received: its time is put right as Snowplow derives it, by
    how long the event waited. One whose clock is behind is taken at its word, for a record that lay about, or is sent
    once more, looks the same, and must not seem younger than it is.
    """
    if tracked.true_tstamp:
        return _instant_ms(tracked.true_tstamp, "ttm"), "ttm"
    if not tracked.dvce_created_tstamp:
        return received_at_ms, "dtm"
    created_ms = _instant_ms(tracked.dvce_created_tstamp, "dtm")
    if tracked.dvce_sent_tstamp:
        waited_ms = _instant_ms(tracked.dvce_sent_tstamp, "stm") - created_ms
        if waited_ms >= 0:  # otherwise the clock was set in between, and explains nothing
            created_ms = min(created_ms, received_at_ms - waited_ms)
    return created_ms, "dtm"


def _instant_ms(value: str | int, field: str) -> int:
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX):
            raise Refused(Reason.WRONG_TYPE, field, "expected milliseconds")
        value = int(value)
    return value if TIME_MS_MIN <= value <= TIME_MS_MAX else instant_ms(value, field)
