"""Radar's webhooks: its beacon and geofence events, one or several in a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from streamproc.core.event import Beacon, Event, Reason, Rejection
from streamproc.core.record import Record
from streamproc.ingest.beacon import DWELL_MS_MAX, hexadecimal, refuse_mac, rssi_dbm, uuid_text
from streamproc.ingest.headers import trace_of
from streamproc.ingest.measures import measure
from streamproc.ingest.names import custom_kind
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import Id, Number, count, identifier, label
from streamproc.ingest.times import Time, instant_ms, refuse_ahead

DIALECT: Final = "radar"
EVENTS_MAX: Final = 100  # Radar sends five at most
_PREFIX: Final = "user."
_KINDS: Final = {
    "user.entered_beacon": "beacon.entered",
    "user.exited_beacon": "beacon.exited",
    "user.entered_geofence": "beacon.entered",
    "user.exited_geofence": "beacon.exited",
    "user.dwelled_in_geofence": "beacon.dwelled",
}
_MINUTE_MS: Final = 60_000


class _Metadata(msgspec.Struct, gc=False):
    """What the shop itself said of a place."""

    site_id: Id = None
    zone_id: Id = None


class _Place(msgspec.Struct, gc=False):
    tag: Id = None
    external_id: Id = msgspec.field(name="externalId", default=None)
    metadata: _Metadata | None = None


class _BeaconPlace(_Place, gc=False):
    uuid: str | None = None
    major: Number = None
    minor: Number = None
    uid: str | None = None
    instance: str | None = None
    rssi: Number = None


class _User(msgspec.Struct, gc=False):
    user_id: Id = msgspec.field(name="userId", default=None)
    device_id: Id = msgspec.field(name="deviceId", default=None)


class _Event(msgspec.Struct, gc=False):
    id: Id = msgspec.field(name="_id", default=None)
    type: str | None = None
    created_at: Time = msgspec.field(name="createdAt", default=None)
    user: _User | None = None
    geofence: _Place | None = None
    beacon: _BeaconPlace | None = None
    duration: float | None = None


class _Request(msgspec.Struct, gc=False):
    event: _Event | None = None
    events: list[Any] | None = None
    user: _User | None = None


def recognises(document: dict[str, Any]) -> bool:
    """Tell an event by its type and id, and a request by the first of its events."""
    events = document.get("events")
    first = events[0] if isinstance(events, list) and events else document.get("event", document)
    return isinstance(first, dict) and "_id" in first and str(first.get("type")).startswith(_PREFIX)


def read(document: dict[str, Any], record: Record, ahead_ms: int) -> Sequence[Event | Rejection]:
    """Return the events of a request, or of one event without its request."""
    if "events" not in document and "event" not in document:
        return (_event(_converted(document, _Event), None, record, ahead_ms),)
    request = _converted(document, _Request)
    if request.events is None:
        try:
            return (_event(request.event or _Event(), request.user, record, ahead_ms),)
        except Refused as refused:
            raise refused.under("event") from None
    if len(request.events) > EVENTS_MAX:
        raise Refused(Reason.TOO_MANY, "events", f"{len(request.events)} > {EVENTS_MAX}")
    found: list[Event | Rejection] = []
    for place, one in enumerate(request.events):
        try:
            found.append(_event(_converted(one, _Event), request.user, record, ahead_ms))
        except Refused as refused:
            found.append(refused.under(f"events[{place}]").rejection(place))
    return found


_Shape = TypeVar("_Shape", bound=msgspec.Struct)


def _converted(document: Any, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error


def _event(raw: _Event, user: _User | None, record: Record, ahead_ms: int) -> Event:
    event_id = identifier(raw.id, "_id")
    if not event_id:
        raise Refused(Reason.MISSING_FIELD, "_id")
    if not raw.type:
        raise Refused(Reason.MISSING_FIELD, "type")
    customer_id, anonymous_id = _who(raw.user or user or _User())
    if raw.created_at in (None, ""):
        raise Refused(Reason.MISSING_FIELD, "createdAt")
    occurred_at_ms = instant_ms(raw.created_at or "", "createdAt")
    refuse_ahead(occurred_at_ms, record.timestamp_ms, ahead_ms, "createdAt")
    site_id, zone_id = _place(raw)
    minutes = measure(raw.duration, "duration", 0, DWELL_MS_MAX / _MINUTE_MS)
    parent, state = trace_of(record.headers)
    return Event(
        event_id=event_id,
        dialect=DIALECT,
        kind=_KINDS.get(raw.type) or custom_kind(raw.type),
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        surface="store",
        occurred_at_ms=occurred_at_ms,
        received_at_ms=record.timestamp_ms,
        site_id=site_id,
        zone_id=zone_id,
        beacon=_transmitter(raw.beacon) if raw.beacon is not None else None,
        rssi_dbm=rssi_dbm(raw.beacon.rssi, "beacon.rssi") if raw.beacon is not None else None,
        # Entries have a duration of 0, which says nothing.
        dwell_ms=round(minutes * _MINUTE_MS) if minutes else None,
        identity="known" if customer_id else "anonymous",
        traceparent=parent,
        tracestate=state,
    )


def _who(user: _User) -> tuple[str, str]:
    customer_id = identifier(user.user_id, "user.userId")
    anonymous_id = identifier(user.device_id, "user.deviceId")
    if not (customer_id or anonymous_id):
        raise Refused(Reason.NO_IDENTITY, "user.userId", "neither userId nor deviceId")
    refuse_mac(customer_id, "user.userId")
    refuse_mac(anonymous_id, "user.deviceId")
    return customer_id, anonymous_id


def _place(raw: _Event) -> tuple[str | None, str | None]:
    """Return site and zone: what the shop wrote into the place's metadata, else its external id and tag."""
    name, place = ("beacon", raw.beacon) if raw.beacon is not None else ("geofence", raw.geofence)
    if place is None:
        return None, None
    said = place.metadata or _Metadata()
    site_id = label(said.site_id, f"{name}.metadata.site_id") or label(
        place.external_id, f"{name}.externalId"
    )
    zone_id = label(said.zone_id, f"{name}.metadata.zone_id") or label(place.tag, f"{name}.tag")
    return site_id, zone_id


def _transmitter(raw: _BeaconPlace) -> Beacon | None:
    try:
        uuid = uuid_text(raw.uuid, "uuid") if raw.uuid else None
        namespace = hexadecimal(raw.uid, "uid", 20)
        heard = Beacon(
            "ibeacon" if uuid else "eddystone_uid" if namespace else "",
            uuid,
            count(raw.major, "major", 0, 0xFFFF),
            count(raw.minor, "minor", 0, 0xFFFF),
            namespace,
            hexadecimal(raw.instance, "instance", 12),
        )
    except Refused as refused:
        raise refused.under("beacon") from None
    return None if heard == Beacon() else heard
