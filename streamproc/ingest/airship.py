"""Airship's real-time stream (Connect): the region events of its apps."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

import msgspec

from streamproc.core.event import Beacon, Event, Reason
from streamproc.core.record import Record
from streamproc.ingest.beacon import refuse_mac, rssi_dbm, uuid_text
from streamproc.ingest.headers import trace_of
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import Id, Number, count, identifier, label, one_of
from streamproc.ingest.times import Time, instant_ms, refuse_ahead

DIALECT: Final = "airship"
_TYPE: Final = "REGION"
_KINDS: Final = {"enter": "beacon.entered", "exit": "beacon.exited"}
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
# 16 bytes in base64.
_UUID_BYTES: Final = re.compile(r"[A-Za-z0-9+/]{22}==")


class _Proximity(msgspec.Struct, gc=False):
    id: Id = None
    major: Number = None
    minor: Number = None
    rssi: Number = None


class _Body(msgspec.Struct, gc=False):
    action: str | None = None
    region_id: Id = None
    source: Id = None
    session_id: Id = None
    proximity: _Proximity | None = None


class _Device(msgspec.Struct, gc=False):
    named_user_id: Id = None
    ios_channel: Id = None
    android_channel: Id = None
    amazon_channel: Id = None


class _Region(msgspec.Struct, gc=False):
    id: Id = None
    type: str | None = None
    occurred: Time = None
    device: _Device | None = None
    body: _Body | None = None


def recognises(document: dict[str, Any]) -> bool:
    """Tell a region event by its type and body."""
    return document.get("type") == _TYPE and "body" in document


def read(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:
    """Return the sighting that a region event tells of."""
    try:
        raw = msgspec.convert(document, _Region)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error
    body = raw.body or _Body()
    action = one_of((body.action or "").lower(), "body.action", tuple(_KINDS))
    event_id = identifier(raw.id, "id")
    if not event_id:
        raise Refused(Reason.MISSING_FIELD, "id")
    customer_id, anonymous_id = _who(raw.device or _Device())
    if raw.occurred in (None, ""):
        raise Refused(Reason.MISSING_FIELD, "occurred")
    occurred_at_ms = instant_ms(raw.occurred or "", "occurred")
    refuse_ahead(occurred_at_ms, record.timestamp_ms, ahead_ms, "occurred")
    # The region is the only place that these events name.
    site_id = label(body.region_id, "body.region_id")
    source = label(body.source, "body.source")
    proximity = body.proximity or _Proximity()
    beacon, proximity_id = _transmitter(proximity)
    told = {"region_id": site_id, "source": source, "proximity_id": proximity_id}
    parent, state = trace_of(record.headers)
    return Event(
        event_id=event_id,
        dialect=DIALECT,
        kind=_KINDS[action],
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        session_id=identifier(body.session_id, "body.session_id") or None,
        surface="store",
        occurred_at_ms=occurred_at_ms,
        received_at_ms=record.timestamp_ms,
        site_id=site_id,
        beacon=beacon,
        rssi_dbm=rssi_dbm(proximity.rssi, "body.proximity.rssi"),
        identity="known" if customer_id else "anonymous",
        traceparent=parent,
        tracestate=state,
        extra={name: value for name, value in told.items() if value is not None},
    )


def _who(device: _Device) -> tuple[str, str]:
    """Return known and anonymous id: the named user and the app's channel."""
    customer_id = identifier(device.named_user_id, "device.named_user_id")
    anonymous_id = ""
    for name in ("ios_channel", "android_channel", "amazon_channel"):
        anonymous_id = anonymous_id or identifier(getattr(device, name), f"device.{name}")
    if not (customer_id or anonymous_id):
        detail = "neither named_user_id nor a channel"
        raise Refused(Reason.NO_IDENTITY, "device.named_user_id", detail)
    refuse_mac(customer_id, "device.named_user_id")
    return customer_id, anonymous_id


def _transmitter(proximity: _Proximity) -> tuple[Beacon | None, str | None]:
    """Return the transmitter, and its id where that is no UUID.

    An id is opaque: only a UUID, as text or as base64 of its 16 bytes, is read as one, and nothing else is decoded.
    """
    named = label(proximity.id, "body.proximity.id")
    uuid = None
    if named is not None and _UUID.fullmatch(named):
        uuid = uuid_text(named, "body.proximity.id")
    elif named is not None and _UUID_BYTES.fullmatch(named):
        uuid = _of_base64(named)
    major = count(proximity.major, "body.proximity.major", 0, 0xFFFF)
    minor = count(proximity.minor, "body.proximity.minor", 0, 0xFFFF)
    if uuid is None and major is None and minor is None:
        return None, named
    return Beacon("ibeacon", uuid, major, minor), None if uuid is not None else named


def _of_base64(named: str) -> str | None:
    try:
        return uuid_text(base64.b64decode(named, validate=True).hex(), "body.proximity.id")
    except binascii.Error:
        return None
