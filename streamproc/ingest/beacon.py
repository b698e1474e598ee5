"""Beacon records: what a phone heard of a shop's transmitters, canonical or under common other names."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from streamproc.core.event import Beacon, Event, Reason
from streamproc.core.record import Record
from streamproc.ingest.headers import traceparent
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import (
    Id,
    Number,
    Scalar,
    count,
    identifier,
    is_true,
    label,
    measure,
    one_of,
    text,
)
from streamproc.ingest.times import Time, instant_ms, refuse_ahead

DIALECT: Final = "beacon"
PREFIX: Final = "beacon."
FORMATS: Final = ("ibeacon", "eddystone_uid", "eddystone_eid", "altbeacon")
PROXIMITIES: Final = ("immediate", "near", "far", "unknown")
DWELL_MS_MAX: Final = 7 * 24 * 3600 * 1000

_KINDS: Final = {
    "beacon.entered": "beacon.entered",
    "beacon.exited": "beacon.exited",
    "beacon.ranged": "beacon.ranged",
    "beacon.dwelled": "beacon.dwelled",
    "beacon.enter": "beacon.entered",
    "beacon.exit": "beacon.exited",
    "beacon.range": "beacon.ranged",
    "beacon.dwell": "beacon.dwelled",
}
_NOT_HEARD_DBM: Final = 127  # what a phone's radio reports when it could not measure
_HEX: Final = re.compile(r"[0-9a-f]+")


class _Transmitter(msgspec.Struct, gc=False):
    """A transmitter's identity under the names of Apple, Google and AltBeacon."""

    format: str | None = None
    uuid: str | None = None
    proximity_uuid: str | None = None
    proximity_uuid_camel: str | None = msgspec.field(name="proximityUUID", default=None)
    uuid_capital: str | None = msgspec.field(name="UUID", default=None)
    id1: str | None = msgspec.field(name="ID1", default=None)
    major: Number = None
    minor: Number = None
    namespace: str | None = None
    instance: str | None = None
    eid: str | None = None
    tx_power_dbm: Number = None
    proximity: str | None = None
    distance_m: float | None = None
    battery_mv: Number = None


class _Sighting(_Transmitter, gc=False):
    """A record; the transmitter stands in `beacon` or beside the other fields."""

    event_id: Id = None
    customer_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    session_id: Id = None
    kind: str | None = None
    site_id: Id = None
    zone_id: Id = None
    region_id: Id = None
    beacon: _Transmitter | None = None
    rssi_dbm: Number = None
    rssi: Number = None
    dwell_ms: Number = None
    occurred_at_ms: Time = None
    occurred_at: Time = None
    timestamp: Time = None
    locale: str | None = None
    timezone: str | None = None
    gpc: Scalar = None


def recognises(document: dict[str, Any]) -> bool:
    """Tell a beacon record by its kind."""
    kind = document.get("kind")
    return isinstance(kind, str) and kind.startswith(PREFIX)


def read(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:
    """Return the sighting that a record tells of."""
    try:
        raw = msgspec.convert(document, _Sighting)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error
    kind = _KINDS.get(raw.kind or "")
    if kind is None:
        one_of(raw.kind, "kind", frozenset(_KINDS.values()))
        raise AssertionError("every canonical kind is its own alias")
    event_id = identifier(raw.event_id, "event_id")
    if not event_id:
        raise Refused(Reason.MISSING_FIELD, "event_id")
    customer_id = identifier(raw.customer_id, "customer_id") or identifier(raw.user_id, "user_id")
    anonymous_id = identifier(raw.anonymous_id, "anonymous_id")
    if not (customer_id or anonymous_id):
        # A radio address is not an identity: following devices that never asked for it is another trade.
        raise Refused(Reason.NO_IDENTITY, "customer_id", "neither customer_id nor anonymous_id")
    region_id = label(raw.region_id, "region_id")
    return Event(
        event_id=event_id,
        dialect=DIALECT,
        kind=kind,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        session_id=identifier(raw.session_id, "session_id") or None,
        surface="store",
        occurred_at_ms=_occurred(raw, record.timestamp_ms, ahead_ms),
        received_at_ms=record.timestamp_ms,
        site_id=label(raw.site_id, "site_id"),
        zone_id=label(raw.zone_id, "zone_id"),
        beacon=_beacon(raw),
        rssi_dbm=_rssi(raw),
        dwell_ms=count(raw.dwell_ms, "dwell_ms", 0, DWELL_MS_MAX),
        locale=text(raw.locale, "locale"),
        timezone=text(raw.timezone, "timezone"),
        identity="known" if customer_id else "anonymous",
        gpc=is_true(raw.gpc),
        traceparent=traceparent(record.headers),
        extra={"region_id": region_id} if region_id else {},
    )


def _occurred(raw: _Sighting, received_at_ms: int, ahead_ms: int) -> int:
    for field, value in (
        ("occurred_at_ms", raw.occurred_at_ms),
        ("occurred_at", raw.occurred_at),
        ("timestamp", raw.timestamp),
    ):
        if value is not None and value != "":
            occurred_at_ms = instant_ms(value, field)
            refuse_ahead(occurred_at_ms, received_at_ms, ahead_ms, field)
            return occurred_at_ms
    raise Refused(Reason.MISSING_FIELD, "occurred_at_ms")


def _rssi(raw: _Sighting) -> int | None:
    field = "rssi_dbm" if raw.rssi_dbm is not None else "rssi"
    rssi_dbm = count(raw.rssi_dbm if raw.rssi_dbm is not None else raw.rssi, field, -127, 127)
    return None if rssi_dbm == _NOT_HEARD_DBM else rssi_dbm


def _beacon(raw: _Sighting) -> Beacon | None:
    """Unite the transmitter's own object with what stands beside it; the object wins."""
    if raw.beacon is None:
        found = _transmitter(raw)
        return None if found == Beacon() else found
    try:
        inner = _transmitter(raw.beacon)
    except Refused as refused:
        raise refused.under("beacon") from None
    beside = msgspec.to_builtins(_transmitter(raw))
    return msgspec.convert(beside | msgspec.to_builtins(inner), Beacon)


def _transmitter(raw: _Transmitter) -> Beacon:
    uuid = _uuid(raw)
    namespace = _hexadecimal(raw.namespace, "namespace", 20)
    eid = _hexadecimal(raw.eid, "eid", 16)
    return Beacon(
        _format(raw.format, uuid, namespace, eid),
        uuid,
        count(raw.major, "major", 0, 0xFFFF),
        count(raw.minor, "minor", 0, 0xFFFF),
        namespace,
        _hexadecimal(raw.instance, "instance", 12),
        eid,
        count(raw.tx_power_dbm, "tx_power_dbm", -127, 127),
        one_of(raw.proximity, "proximity", PROXIMITIES) if raw.proximity else None,
        measure(raw.distance_m, "distance_m", 0, 10_000),
        count(raw.battery_mv, "battery_mv", 0, 20_000),
    )


def _format(value: str | None, uuid: str | None, namespace: str | None, eid: str | None) -> str:
    if value:
        return one_of(value, "format", FORMATS)
    if uuid:
        return "ibeacon"
    if namespace:
        return "eddystone_uid"
    return "eddystone_eid" if eid else ""


def _uuid(raw: _Transmitter) -> str | None:
    for field, value in (
        ("uuid", raw.uuid),
        ("proximity_uuid", raw.proximity_uuid),
        ("proximityUUID", raw.proximity_uuid_camel),
        ("UUID", raw.uuid_capital),
        ("ID1", raw.id1),
    ):
        if value:
            plain = _hexadecimal(value.replace("-", ""), field, 32) or ""
            return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
    return None


def _hexadecimal(value: str | None, field: str, digits: int) -> str | None:
    if not value:
        return None
    plain = value.lower().removeprefix("0x")
    if len(plain) != digits or not _HEX.fullmatch(plain):
        raise Refused(Reason.BAD_TEXT, field, f"expected {digits} hexadecimal digits")
    return plain
