"""CloudEvents 1.0 over Kafka, binary and structured: `type` names the kind, `data` holds the event's fields."""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import blake2b
from typing import Any, Final

import msgspec

from streamproc.core.event import (
    EXTRA_MAX,
    FACT_KINDS,
    ID_CHARS_MAX,
    KINDS,
    SURFACES,
    Event,
    Reason,
)
from streamproc.core.record import Record
from streamproc.ingest import beacon, facts
from streamproc.ingest.bounds import document
from streamproc.ingest.headers import by_name, traceparent
from streamproc.ingest.names import segment_kind
from streamproc.ingest.products import Properties, basket_of, custom_basket_of, extra_of
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import Id, identifier, is_true, kept, label, one_of, text, trace
from streamproc.ingest.times import Time, instant_ms, optional_ms, refuse_ahead

DIALECT: Final = "cloudevents"
STRUCTURED: Final = "application/cloudevents"
SPECVERSION: Final = "1.0"
_ATTRIBUTES: Final = ("specversion", "id", "source", "type")
_PREFIX: Final = "ce_"
_ATTRIBUTE_CHARS_MAX: Final = 1024
# A URI reference holds none of these, so the first bar of "source|id" ends the source.
_NOT_URI: Final = re.compile(r'[\s|<>"{}^`\\]')


class CloudEvent(msgspec.Struct, frozen=True):
    """The attributes of an event by their names, extensions included, and its data.

    `prefix` is what stood before the names where they were read: `ce_` for headers.
    """

    attributes: dict[str, str]
    data: Any
    prefix: str = ""


class _Moment(Properties, gc=False):
    """The data of an event: our own field names, or those of a Segment call."""

    customer_id: Id = None
    user_id: Id = None
    user_id_camel: Id = msgspec.field(name="userId", default=None)
    anonymous_id: Id = None
    anonymous_id_camel: Id = msgspec.field(name="anonymousId", default=None)
    session_id: Id = None
    surface: str | None = None
    occurred_at_ms: Time = None
    page_url: str | None = None
    locale: str | None = None
    timezone: str | None = None
    processing_consent: bool | None = None
    properties: Properties | None = None
    extra: dict[str, Any] | None = None


def carried(record: Record, value: bytes) -> CloudEvent | None:
    """Return the event that a record's headers announce, or None if they announce none."""
    named = by_name(record.headers)
    content_type = named.get("content-type", "").strip().lower()
    if content_type.startswith(STRUCTURED):
        if not content_type.removeprefix(STRUCTURED).startswith("+json"):
            raise Refused(Reason.UNKNOWN_ENVELOPE, "content-type", f"only {STRUCTURED}+json is read")
        return structured(document(value))
    if all(_PREFIX + name in named for name in _ATTRIBUTES):
        return _binary(named, value)
    return None


def recognises(payload: dict[str, Any]) -> bool:
    """Tell a structured event without its header by the four attributes that every event has."""
    return all(name in payload for name in _ATTRIBUTES)


def structured(payload: dict[str, Any]) -> CloudEvent:
    """Take an event in JSON format apart."""
    attributes = {}
    for name, value in payload.items():
        if name in ("data", "data_base64") or value is None:
            continue
        if isinstance(value, bool | int):
            value = str(value).lower()  # noqa: PLW2901 - the canonical text of the two other types of attribute
        if isinstance(value, str):
            attributes[name] = value
        elif name in _ATTRIBUTES or name in {"time", "subject", "partitionkey", "datacontenttype"}:
            raise Refused(Reason.WRONG_TYPE, name, "expected text")
    _validate(attributes, "")
    data = payload.get("data")
    if "data_base64" in payload:
        data = _from_base64(payload["data_base64"])
    elif isinstance(data, str) and not _is_json(attributes.get("datacontenttype")):
        raise _not_json(attributes)
    return CloudEvent(attributes, data)


def _binary(named: dict[str, str], value: bytes) -> CloudEvent:
    attributes = {
        name.removeprefix(_PREFIX): text for name, text in named.items() if name.startswith(_PREFIX)
    }
    if "content-type" in named:
        attributes["datacontenttype"] = named["content-type"]
    _validate(attributes, _PREFIX)
    if not _is_json(named.get("content-type")):
        raise _not_json(attributes)
    return CloudEvent(attributes, document(value), _PREFIX)


def _validate(attributes: dict[str, str], prefix: str) -> None:
    """Refuse an event that breaks the specification, by the name of the attribute: it is not ours to mend."""
    for name in _ATTRIBUTES:
        if not attributes.get(name):
            raise Refused(Reason.MISSING_FIELD, prefix + name)
    if attributes["specversion"] != SPECVERSION:
        raise Refused(Reason.UNKNOWN_VALUE, prefix + "specversion", f"known: {SPECVERSION}")
    if attributes.get("partitionkey") == "":
        raise Refused(Reason.MISSING_FIELD, prefix + "partitionkey", "present and empty")
    for name in ("id", "source", "type"):
        if len(attributes[name]) > _ATTRIBUTE_CHARS_MAX:
            detail = f"{len(attributes[name])} characters > {_ATTRIBUTE_CHARS_MAX}"
            raise Refused(Reason.BAD_TEXT, prefix + name, detail)
    if _NOT_URI.search(attributes["source"]) or not attributes["source"].isprintable():
        raise Refused(Reason.BAD_TEXT, prefix + "source", "expected a URI reference")
    if not attributes["id"].isprintable():
        raise Refused(Reason.BAD_TEXT, prefix + "id", "control characters in an id")


def _is_json(content_type: str | None) -> bool:
    if not content_type:
        return True  # the specification's default
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def _not_json(attributes: dict[str, str]) -> Refused:
    chars = len(attributes.get("datacontenttype", ""))
    return Refused(
        Reason.UNKNOWN_VALUE, "datacontenttype", f"known: application/json; got {chars} characters"
    )


def _from_base64(value: object) -> dict[str, Any]:
    if not isinstance(value, str):
        raise Refused(Reason.WRONG_TYPE, "data_base64", "expected text")
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(Reason.BAD_TEXT, "data_base64", "not base64") from error
    try:
        return document(decoded)
    except Refused as refused:
        raise refused.under("data_base64") from None


def event_id_of(source: str, ce_id: str) -> str:
    """Join source and id so that no two pairs give one id.

    The specification makes only the pair unique. What is too long or not printable ASCII is hashed; a source is
    never empty, so a bar in front marks the hash.
    """
    joined = f"{source}|{ce_id}"
    if len(joined) <= ID_CHARS_MAX and joined.isascii() and joined.isprintable() and " " not in joined:
        return joined
    return "|" + blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


def kind_of(ce_type: str) -> str:
    """Return the kind that a type names: ours as it is or behind a reversed domain, a Segment name, or custom."""
    if ce_type in KINDS:
        return ce_type
    last_two = ".".join(ce_type.rsplit(".", 2)[-2:])
    return last_two if last_two in KINDS else segment_kind(ce_type)


def read(cloud_event: CloudEvent, record: Record, ahead_ms: int) -> Event:
    """Return the event of ours that a CloudEvent tells of."""
    payload = {} if cloud_event.data is None else cloud_event.data
    if not isinstance(payload, dict):
        raise Refused(Reason.NOT_AN_OBJECT, "data")
    attributes = cloud_event.attributes
    kind = kind_of(attributes["type"])
    occurred_at_ms = _occurred(cloud_event, payload, record.timestamp_ms)
    if kind in FACT_KINDS:
        return _fact(cloud_event, payload, kind, occurred_at_ms, record, ahead_ms)
    if kind.startswith(beacon.PREFIX):
        return _sighting(cloud_event, payload, kind, occurred_at_ms, record, ahead_ms)
    refuse_ahead(occurred_at_ms, record.timestamp_ms, ahead_ms, cloud_event.prefix + "time")
    try:
        return _moment(cloud_event, payload, kind, occurred_at_ms, record)
    except Refused as refused:
        raise refused.under("data") from None


def _occurred(cloud_event: CloudEvent, payload: dict[str, Any], received_at_ms: int) -> int:
    time = cloud_event.attributes.get("time")
    if time:
        return instant_ms(time, cloud_event.prefix + "time")
    stated = payload.get("occurred_at_ms")
    if stated is None:
        return received_at_ms
    if isinstance(stated, bool) or not isinstance(stated, str | int):
        raise Refused(Reason.WRONG_TYPE, "data.occurred_at_ms", "expected milliseconds")
    return optional_ms(stated, "data.occurred_at_ms") or received_at_ms


def _moment(
    cloud_event: CloudEvent, payload: dict[str, Any], kind: str, occurred_at_ms: int, record: Record
) -> Event:
    custom = kind not in KINDS
    raw = _convert(payload, custom=custom)
    properties = raw.properties if raw.properties is not None else raw
    items, currency, value_minor = custom_basket_of(properties) if custom else basket_of(properties, kind)
    customer_id, anonymous_id = _identity(raw, cloud_event.attributes)
    own: dict[str, Any] = extra_of(properties, kind)
    if custom:
        own = payload.get("properties") or {name: payload[name] for name in payload if name not in _NAMED}
    extra = kept((raw.extra or {}) | own, EXTRA_MAX - 1)
    return Event(
        event_id=event_id_of(cloud_event.attributes["source"], cloud_event.attributes["id"]),
        dialect=DIALECT,
        kind=kind,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        session_id=identifier(raw.session_id, "session_id") or None,
        surface=one_of(raw.surface, "surface", SURFACES) if raw.surface else "none",
        occurred_at_ms=occurred_at_ms,
        received_at_ms=record.timestamp_ms,
        items=items,
        currency=currency,
        cart_id=label(properties.cart_id, "cart_id"),
        order_id=label(properties.order_id, "order_id"),
        value_minor=value_minor,
        query=text(properties.query, "query"),
        site_id=label(properties.site_id or properties.store_id, "site_id"),
        zone_id=label(properties.zone_id, "zone_id"),
        page_url=text(raw.page_url or properties.url, "page_url"),
        locale=text(raw.locale, "locale"),
        timezone=text(raw.timezone, "timezone"),
        identity="known" if customer_id else "anonymous",
        gpc=is_true(properties.gpc),
        processing_consent=raw.processing_consent,
        traceparent=_trace(cloud_event, record),
        extra=extra | _partition_key(cloud_event),
    )


_NAMED: Final = frozenset(field.encode_name for field in msgspec.structs.fields(_Moment)) - frozenset(
    field.encode_name for field in msgspec.structs.fields(Properties)
)


def _convert(payload: dict[str, Any], *, custom: bool) -> _Moment:
    """Convert data; what a custom event says in its own words under a name of ours is left out."""
    while True:
        try:
            return msgspec.convert(payload, _Moment)
        except msgspec.ValidationError as error:
            refused = refused_by_type(error)
            name = refused.field.partition(".")[0].partition("[")[0]
            if not custom or name in _NAMED or name not in payload:
                raise refused from error
            payload = payload.copy()
            del payload[name]


def _identity(raw: _Moment, attributes: dict[str, str]) -> tuple[str, str]:
    """Return known and anonymous id; the subject is the customer unless the data names one."""
    customer_id = (
        identifier(raw.customer_id, "customer_id")
        or identifier(raw.user_id, "user_id")
        or identifier(raw.user_id_camel, "userId")
        or identifier(attributes.get("subject"), "subject")
    )
    anonymous_id = identifier(raw.anonymous_id, "anonymous_id") or identifier(
        raw.anonymous_id_camel, "anonymousId"
    )
    if not (customer_id or anonymous_id):
        raise Refused(Reason.NO_IDENTITY, "customer_id", "no customer_id, user_id, anonymous_id or subject")
    return customer_id, anonymous_id


def _partition_key(cloud_event: CloudEvent) -> dict[str, str | int | float | bool]:
    key = text(cloud_event.attributes.get("partitionkey"), "partitionkey")
    return {"partitionkey": key} if key else {}


def _trace(cloud_event: CloudEvent, record: Record) -> str | None:
    """Return the trace that the event began in, which its attribute keeps over every hop, else this hop's."""
    return trace(cloud_event.attributes.get("traceparent")) or traceparent(record.headers)


def _fact(
    cloud_event: CloudEvent, payload: dict[str, Any], kind: str, at_ms: int, record: Record, ahead_ms: int
) -> Event:
    """Read a profile or an outcome; consents and requests are taken from their own topics alone.

    Those are proof, kept for ever in the order of their arrival, with rights of their own to write there.
    """
    if kind.startswith(("consent.", "privacy.")):
        detail = "consents and privacy requests are read from their own topics"
        raise Refused(Reason.UNKNOWN_VALUE, cloud_event.prefix + "type", detail)
    filled = {"at_ms": at_ms, "customer_id": cloud_event.attributes.get("subject")} | payload
    if filled.get("customer_id") is None:
        filled["customer_id"] = payload.get("user_id")
    try:
        if kind == "profile.updated":
            event = facts.profile(filled, record, ahead_ms)
        else:
            event = facts.outcome(filled | {"kind": kind.partition(".")[2]}, record, ahead_ms)
    except Refused as refused:
        raise refused.under("data") from None
    event_id = event_id_of(cloud_event.attributes["source"], cloud_event.attributes["id"])
    return msgspec.structs.replace(
        event, event_id=event_id, dialect=DIALECT, traceparent=_trace(cloud_event, record)
    )


def _sighting(
    cloud_event: CloudEvent,
    payload: dict[str, Any],
    kind: str,
    occurred_at_ms: int,
    record: Record,
    ahead_ms: int,
) -> Event:
    own = {"kind": kind, "event_id": "-", "occurred_at_ms": occurred_at_ms}
    subject = {"customer_id": cloud_event.attributes.get("subject")}
    named = payload.get("customer_id") or payload.get("user_id")
    try:
        event = beacon.read(payload | own | ({} if named else subject), record, ahead_ms)
    except Refused as refused:
        raise refused.under("data") from None
    return msgspec.structs.replace(
        event,
        event_id=event_id_of(cloud_event.attributes["source"], cloud_event.attributes["id"]),
        dialect=DIALECT,
        traceparent=_trace(cloud_event, record),
        extra=event.extra | _partition_key(cloud_event),
    )
