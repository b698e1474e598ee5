"""Beacon records: what a phone heard of a shop's transmitters, canonical or under common other names."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from streamproc.core.event import Beacon, Event, Reason
from streamproc.core.record import Record
from streamproc.ingest.consent_signals import Consent, agreed, of_consent
from streamproc.ingest.headers import trace_of
from streamproc.ingest.measures import measure
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import (
    Id,
    Number,
    Scalar,
    count,
    identifier,
    is_true,
    label,
    one_of,
    text,
)
from streamproc.ingest.times import Time, instant_ms, refuse_ahead

DIALECT: Final = "beacon"
PREFIX: Final = "beacon."
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
# By their names without case and signs.
_FORMATS: Final = {
    "ibeacon": "ibeacon",
    "eddystoneuid": "eddystone_uid",
    "eddystoneeid": "eddystone_eid",
    "altbeacon": "altbeacon",
}
_NOT_MEASURED_DBM: Final = 127  # what a phone's radio reports when it could not measure
# The least that a radio can tell; recorders of signals write -200 for a beacon that they know of and did not hear.
_NOT_HEARD_DBM, _NEVER_HEARD_DBM = -127, -200
# What is read is remembered under its spelling, so that spellings are short.
_SPELLING_CHARS_MAX: Final = 64
_HEX: Final = re.compile(r"[0-9a-f]+")
_MAC: Final = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}", re.IGNORECASE)


class _Transmitter(msgspec.Struct, gc=False):
    """A transmitter's identity under the names of Apple, Google and AltBeacon, and how it was heard."""

    format: str | None = None
    uuid: str | None = None
    proximity_uuid: str | None = None
    proximity_uuid_camel: str | None = msgspec.field(name="proximityUUID", default=None)
    uuid_capital: str | None = msgspec.field(name="UUID", default=None)
    id1: str | None = None
    id1_capital: str | None = msgspec.field(name="ID1", default=None)
    major: Number = None
    id2: Number = None
    id2_capital: Number = msgspec.field(name="ID2", default=None)
    minor: Number = None
    id3: Number = None
    id3_capital: Number = msgspec.field(name="ID3", default=None)
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
    processing_consent: bool | None = None
    consent: Consent | None = None
    gpc: Scalar = None
    sec_gpc: Scalar = None
    mac: Any = None
    mac_address: Any = None
    bssid: Any = None


class _Glanced(_Sighting, gc=False):
    """The same where no other dialect can take the payload for its own: their fields are not there."""

    specversion: None = None
    type: None = None
    batch: None = None
    message_id: None = msgspec.field(name="messageId", default=None)
    message_id_snake: None = msgspec.field(name="message_id", default=None)
    event_name: None = None
    events: None = None
    data: None = None


_decode: Final = msgspec.json.Decoder(_Glanced).decode
_NAMES: Final = _Transmitter.__struct_fields__
_all_of: Final = attrgetter(*_NAMES)
_NOTHING: Final = (None,) * len(_NAMES)
_IDENTITY: Final = _NAMES[: _NAMES.index("tx_power_dbm")]
_identity_of: Final = attrgetter(*_IDENTITY)


def recognises(document: dict[str, Any]) -> bool:
    """Tell a beacon record by its kind."""
    kind = document.get("kind")
    return isinstance(kind, str) and kind.startswith(PREFIX)


def at_a_glance(value: bytes, record: Record, ahead_ms: int) -> tuple[Event] | None:
    """Return the event of a payload that plainly is a beacon record; None sends it the careful way."""
    if b'"beacon.' not in value:
        return None
    try:
        raw = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if raw.kind not in _KINDS:
        return None
    return (_event(raw, record, ahead_ms),)


def read(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:
    """Return the sighting that a record tells of."""
    try:
        raw = msgspec.convert(document, _Sighting)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error
    return _event(raw, record, ahead_ms)


def _event(raw: _Sighting, record: Record, ahead_ms: int) -> Event:
    kind = _KINDS.get(raw.kind or "")
    if kind is None:
        one_of(raw.kind, "kind", frozenset(_KINDS.values()))
        raise AssertionError("every canonical kind is its own alias")
    event_id = identifier(raw.event_id, "event_id")
    if not event_id:
        raise Refused(Reason.MISSING_FIELD, "event_id")
    customer_id, anonymous_id = _who(raw)
    # More than fifteen keywords cost six times as much; the rest is set before anyone has seen the event.
    event = Event(
        event_id=event_id,
        dialect=DIALECT,
        kind=kind,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        surface="store",
        occurred_at_ms=_occurred(raw, record.timestamp_ms, ahead_ms),
        received_at_ms=record.timestamp_ms,
        site_id=label(raw.site_id, "site_id"),
        zone_id=label(raw.zone_id, "zone_id"),
        beacon=_beacon(raw),
        rssi_dbm=_rssi(raw),
        dwell_ms=count(raw.dwell_ms, "dwell_ms", 0, DWELL_MS_MAX),
        identity="known" if customer_id else "anonymous",
    )
    for name, value in _rare(raw, record).items():
        force_setattr(event, name, value)
    return event


def _rare(raw: _Sighting, record: Record) -> dict[str, Any]:
    """Return the fields that most sightings do not have."""
    rare: dict[str, Any] = {}
    if raw.session_id is not None:
        rare["session_id"] = identifier(raw.session_id, "session_id") or None
    if raw.region_id is not None and (region_id := label(raw.region_id, "region_id")) is not None:
        rare["extra"] = {"region_id": region_id}
    if raw.locale is not None:
        rare["locale"] = text(raw.locale, "locale")
    if raw.timezone is not None:
        rare["timezone"] = text(raw.timezone, "timezone")
    if raw.gpc is not None or raw.sec_gpc is not None:
        rare["gpc"] = is_true(raw.gpc) or is_true(raw.sec_gpc)
    if raw.processing_consent is not None or raw.consent is not None:
        rare["processing_consent"] = _consent(raw)
    if record.headers:
        rare["traceparent"], rare["tracestate"] = trace_of(record.headers)
    return rare


def _consent(raw: _Sighting) -> bool | None:
    try:
        return agreed((raw.processing_consent, of_consent(raw.consent) if raw.consent is not None else None))
    except Refused as refused:
        raise refused.under("consent") from None


def _who(raw: _Sighting) -> tuple[str, str]:
    """Return known and anonymous id.

    A radio address is neither: following devices that never asked for it is another trade.
    """
    customer_id = identifier(raw.customer_id, "customer_id") if raw.customer_id is not None else ""
    if not customer_id and raw.user_id is not None:
        customer_id = identifier(raw.user_id, "user_id")
    anonymous_id = identifier(raw.anonymous_id, "anonymous_id") if raw.anonymous_id is not None else ""
    if not (customer_id or anonymous_id):
        for field in ("mac", "mac_address", "bssid"):
            if getattr(raw, field) is not None:
                raise Refused(Reason.NO_IDENTITY, field, "a radio address is nobody's id")
        raise Refused(Reason.NO_IDENTITY, "customer_id", "neither customer_id nor anonymous_id")
    refuse_mac(customer_id, "customer_id")
    refuse_mac(anonymous_id, "anonymous_id")
    return customer_id, anonymous_id


def refuse_mac(value: str, field: str) -> None:
    """Refuse a radio address in the place of an id."""
    if len(value) == 17 and _MAC.fullmatch(value):  # noqa: PLR2004 - six pairs of digits and five signs
        raise Refused(Reason.NO_IDENTITY, field, "a radio address is nobody's id")


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
    if raw.rssi_dbm is not None:
        return rssi_dbm(raw.rssi_dbm, "rssi_dbm")
    return rssi_dbm(raw.rssi, "rssi")


def rssi_dbm(value: Number, field: str) -> int | None:
    """Return how loud a transmitter was heard in dBm, None if the radio could not measure, -127 for not at all."""
    heard_dbm = count(value, field, _NEVER_HEARD_DBM, _NOT_MEASURED_DBM)
    if heard_dbm is None or heard_dbm == _NOT_MEASURED_DBM:
        return None
    return max(heard_dbm, _NOT_HEARD_DBM)


def _beacon(raw: _Sighting) -> Beacon | None:
    """Unite the transmitter's own object with what stands beside it; the object wins."""
    beside = _transmitter(raw) if _all_of(raw) != _NOTHING else None
    if raw.beacon is None:
        return None if beside == Beacon() else beside
    try:
        inner = _transmitter(raw.beacon)
    except Refused as refused:
        raise refused.under("beacon") from None
    if beside is None:
        return inner
    return msgspec.convert(msgspec.to_builtins(beside) | msgspec.to_builtins(inner), Beacon)


def _transmitter(raw: _Transmitter) -> Beacon:
    return Beacon(
        *_identified(*_identity_of(raw)),
        count(raw.tx_power_dbm, "tx_power_dbm", -127, 127),
        one_of(raw.proximity.lower(), "proximity", PROXIMITIES) if raw.proximity else None,
        measure(raw.distance_m, "distance_m", 0, 10_000),
        count(raw.battery_mv, "battery_mv", 0, 20_000),
    )


# A shop has some thousands of transmitters at most, and each is heard again and again.
@lru_cache(maxsize=8192)
def _identified(
    *values: Any,
) -> tuple[str, str | None, int | None, int | None, str | None, str | None, str | None]:
    """Return format, UUID, major, minor, namespace, instance and ephemeral id of a transmitter."""
    raw = _Transmitter(*values)
    uuid = _first_uuid(raw)
    namespace = hexadecimal(raw.namespace, "namespace", 20)
    eid = hexadecimal(raw.eid, "eid", 16)
    return (
        _format(raw.format, uuid, namespace, eid),
        uuid,
        _first_count(major=raw.major, id2=raw.id2, ID2=raw.id2_capital),
        _first_count(minor=raw.minor, id3=raw.id3, ID3=raw.id3_capital),
        namespace,
        hexadecimal(raw.instance, "instance", 12),
        eid,
    )


def _format(value: str | None, uuid: str | None, namespace: str | None, eid: str | None) -> str:
    if value:
        spelled = value if len(value) <= _SPELLING_CHARS_MAX else ""
        plain = "".join(char for char in spelled.lower() if char.isalnum())
        return _FORMATS.get(plain) or one_of(value, "format", tuple(_FORMATS.values()))
    if uuid:
        return "ibeacon"
    if namespace:
        return "eddystone_uid"
    return "eddystone_eid" if eid else ""


def _first_count(**values: Number) -> int | None:
    for field, value in values.items():
        if value is not None and value != "":
            return count(value, field, 0, 0xFFFF)
    return None


def _first_uuid(raw: _Transmitter) -> str | None:
    for field, value in (
        ("uuid", raw.uuid),
        ("proximity_uuid", raw.proximity_uuid),
        ("proximityUUID", raw.proximity_uuid_camel),
        ("UUID", raw.uuid_capital),
        ("id1", raw.id1),
        ("ID1", raw.id1_capital),
    ):
        if value:
            return uuid_text(value, field)
    return None


def uuid_text(value: str, field: str) -> str:
    """Return the 128 bits of a proximity UUID in their usual groups."""
    if len(value) > _SPELLING_CHARS_MAX:
        raise Refused(Reason.BAD_TEXT, field, f"{len(value)} characters > {_SPELLING_CHARS_MAX}")
    plain = hexadecimal(value.replace("-", ""), field, 32) or ""
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def hexadecimal(value: str | None, field: str, digits: int) -> str | None:
    """Return so many hexadecimal digits in lower case, None for null and empty text."""
    if not value:
        return None
    plain = value.lower().removeprefix("0x")
    if len(plain) != digits or not _HEX.fullmatch(plain):
        raise Refused(Reason.BAD_TEXT, field, f"expected {digits} hexadecimal digits")
    return plain
