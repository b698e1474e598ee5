"""The event that a CloudEvent tells of: `type` names the kind, `data` holds the fields."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from streamproc.core.event import EXTRA_MAX, FACT_KINDS, ID_CHARS_MAX, KINDS, SURFACES, Event, Reason
from streamproc.core.record import Record
from streamproc.ingest import beacon, facts
from streamproc.ingest.bounds import document
from streamproc.ingest.consent_signals import Consent, Tcf, agreed, of_consent, of_tcf
from streamproc.ingest.headers import trace_of
from streamproc.ingest.names import segment_kind
from streamproc.ingest.product_shapes import Properties
from streamproc.ingest.products import EXTRA, basket_of, custom_basket_of, extra_of
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import (
    Id,
    Scalar,
    identifier,
    is_true,
    kept,
    label,
    one_of,
    text,
    trace,
    trace_state,
)
from streamproc.ingest.times import Time, moment_ms, optional_ms, refuse_ahead

Data = bytes | msgspec.Raw | Any
"""The data of an event: JSON, or decoded already."""

DIALECT: Final = "cloudevents"
# Whether somebody is known follows from the ids; that several people use what they are known on, only a producer knows.
# Anything else that an `identity` says is not about that.
SHARED: Final = "shared"


class Attributes(msgspec.Struct, gc=False):
    """The attributes of an event that are read, extensions included; an unknown one is passed over."""

    specversion: str | None = None
    id: str | None = None
    source: str | None = None
    type: str | None = None
    time: datetime | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    gpc: Scalar = None
    sec_gpc: Scalar = msgspec.field(name="secgpc", default=None)
    gdpr_applies: Scalar = msgspec.field(name="iabtcfgdprapplies", default=None)
    purposes: str | None = msgspec.field(name="iabtcfpurposeconsents", default=None)
    tc_string: str | None = msgspec.field(name="iabtcftcstring", default=None)


class _Moment(Properties, gc=False):
    """The data of an event: our own field names, or those of a Segment call."""

    customer_id: Id = None
    user_id: Id = None
    user_id_camel: Id = msgspec.field(name="userId", default=None)
    anonymous_id: Id = None
    anonymous_id_camel: Id = msgspec.field(name="anonymousId", default=None)
    session_id: Id = None
    identity: Any = None
    surface: str | None = None
    occurred_at_ms: Time = None
    page_url: str | None = None
    locale: str | None = None
    timezone: str | None = None
    processing_consent: bool | None = None
    consent: Consent | None = None
    properties: Properties | None = None
    extra: dict[str, Any] | None = None


_NAMED: Final = frozenset(field.encode_name for field in msgspec.structs.fields(_Moment)) - frozenset(
    field.encode_name for field in msgspec.structs.fields(Properties)
)
# What has nothing beyond the common fields.
_BARE: Final = KINDS - EXTRA.keys()
_decode: Final = msgspec.json.Decoder(_Moment).decode


def event_of(attributes: Attributes, data: Data, prefix: str, record: Record, ahead_ms: int) -> Event:
    """Return the event; `data` is JSON or empty, `prefix` stood before the names of the attributes."""
    kind = kind_of(attributes.type or "")
    if kind in FACT_KINDS:
        return _fact(attributes, payload_of(data) or {}, kind, prefix, record, ahead_ms)
    if kind.startswith(beacon.PREFIX):
        return _sighting(attributes, payload_of(data) or {}, kind, prefix, record, ahead_ms)
    raw = _glance(data) or _carefully(payload_of(data) or {}, custom=kind not in KINDS)
    stated_ms = _stated_ms(attributes, prefix)
    if stated_ms is None:
        stated_ms = optional_ms(raw.occurred_at_ms, "data.occurred_at_ms")
    occurred_at_ms = record.timestamp_ms if stated_ms is None else stated_ms
    if occurred_at_ms - record.timestamp_ms > ahead_ms:
        refuse_ahead(occurred_at_ms, record.timestamp_ms, ahead_ms, prefix + "time")
    try:
        event = _moment(attributes, raw, kind, occurred_at_ms, record, data)
    except Refused as refused:
        raise refused.under("data") from None
    if attributes.purposes is not None or attributes.tc_string is not None:
        both = (event.processing_consent, _of_extensions(attributes, prefix))
        force_setattr(event, "processing_consent", agreed(both))
    return event


def event_id_of(source: str, ce_id: str) -> str:
    """Join source and id so that no two pairs give one id.

    The specification makes only the pair unique. What is too long or not printable ASCII is hashed; a source is
    never empty, so a bar in front marks the hash.
    """
    joined = f"{source}|{ce_id}"
    if len(joined) <= ID_CHARS_MAX and joined.isascii() and joined.isprintable() and " " not in joined:
        return joined
    return "|" + blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


@lru_cache(maxsize=4096)
def kind_of(ce_type: str) -> str:
    """Return the kind that a type names: ours as it is or behind a reversed domain, a Segment name, or custom."""
    if ce_type in KINDS:
        return ce_type
    last_two = ".".join(ce_type.rsplit(".", 2)[-2:])
    return last_two if last_two in KINDS else segment_kind(ce_type)


def _stated_ms(attributes: Attributes, prefix: str) -> int | None:
    return moment_ms(attributes.time, prefix + "time") if attributes.time is not None else None


def payload_of(data: Data) -> dict[str, Any] | None:
    """Return data as an object, None if there is none. Raises Refused for anything else."""
    if not isinstance(data, bytes | msgspec.Raw):
        payload = data
    elif (value := bytes(data)) in (b"", b"null"):
        payload = None
    else:
        try:
            payload = document(value)
        except Refused as refused:
            raise refused.under("data") from None
    if payload is not None and not isinstance(payload, dict):
        raise Refused(Reason.NOT_AN_OBJECT, "data")
    return payload


def _glance(data: Data) -> _Moment | None:
    if not isinstance(data, bytes | msgspec.Raw):
        return None
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _carefully(payload: dict[str, Any], *, custom: bool) -> _Moment:
    """Convert data; what a custom event says in its own words under a name of ours is left out."""
    while True:
        try:
            return msgspec.convert(payload, _Moment)
        except msgspec.ValidationError as error:
            refused = refused_by_type(error)
            name = refused.field.partition(".")[0].partition("[")[0]
            if not custom or name in _NAMED or name not in payload:
                raise refused.under("data") from error
            payload = payload.copy()
            del payload[name]


def _moment(
    attributes: Attributes,
    raw: _Moment,
    kind: str,
    occurred_at_ms: int,
    record: Record,
    data: Data,
) -> Event:
    custom = kind not in KINDS
    properties = raw if raw.properties is None else raw.properties
    items, currency, value_minor = custom_basket_of(properties) if custom else basket_of(properties, kind)
    customer_id, anonymous_id = _identity(raw, attributes)
    # More than fifteen keywords cost six times as much; what few events have is set before anyone saw the event.
    event = Event(
        event_id=event_id_of(attributes.source or "", attributes.id or ""),
        dialect=DIALECT,
        kind=kind,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        surface=one_of(raw.surface, "surface", SURFACES) if raw.surface else "none",
        occurred_at_ms=occurred_at_ms,
        received_at_ms=record.timestamp_ms,
        items=items,
        currency=currency,
        value_minor=value_minor,
        page_url=text(raw.page_url or properties.url, "page_url"),
        identity="known" if customer_id else "anonymous",
    )
    for name, value in _rare(attributes, raw, properties, kind, record, data).items():
        force_setattr(event, name, value)
    return event


def _rare(
    attributes: Attributes, raw: _Moment, properties: Properties, kind: str, record: Record, data: Data
) -> dict[str, Any]:
    """Return the fields that most events do not have."""
    rare: dict[str, Any] = {}
    if raw.locale is not None:
        rare["locale"] = text(raw.locale, "locale")
    if raw.timezone is not None:
        rare["timezone"] = text(raw.timezone, "timezone")
    if raw.identity == SHARED:
        rare["identity"] = SHARED
    if raw.session_id is not None:
        rare["session_id"] = identifier(raw.session_id, "session_id") or None
    if properties.cart_id is not None:
        rare["cart_id"] = label(properties.cart_id, "cart_id")
    if properties.order_id is not None:
        rare["order_id"] = label(properties.order_id, "order_id")
    if properties.query is not None:
        rare["query"] = text(properties.query, "query")
    if properties.site_id is not None or properties.store_id is not None:
        rare["site_id"] = label(properties.site_id or properties.store_id, "site_id")
    if properties.zone_id is not None:
        rare["zone_id"] = label(properties.zone_id, "zone_id")
    if (attributes.gpc or attributes.sec_gpc or properties.gpc or raw.sec_gpc) is not None:
        rare["gpc"] = any(
            is_true(signal) for signal in (attributes.gpc, attributes.sec_gpc, properties.gpc, raw.sec_gpc)
        )
    if raw.processing_consent is not None or raw.consent is not None:
        rare["processing_consent"] = _of_data(raw)
    if record.headers or attributes.traceparent is not None:
        rare["traceparent"], rare["tracestate"] = _trace(attributes, record)
    if (
        kind not in _BARE
        or attributes.partitionkey is not None
        or raw.extra is not None
        or properties.position is not None
        or properties.coupon is not None
        or properties.list_id is not None
    ):
        rare["extra"] = _extra(attributes, raw, properties, kind, data)
    return rare


def _of_data(raw: _Moment) -> bool | None:
    try:
        return agreed((raw.processing_consent, of_consent(raw.consent) if raw.consent is not None else None))
    except Refused as refused:
        raise refused.under("consent") from None


def _of_extensions(attributes: Attributes, prefix: str) -> bool | None:
    try:
        return of_tcf(Tcf(attributes.gdpr_applies, attributes.purposes, attributes.tc_string))
    except Refused as refused:
        name = refused.field.replace("_", "").lower()
        raise Refused(refused.reason, prefix + name, refused.detail) from None


def _extra(
    attributes: Attributes, raw: _Moment, properties: Properties, kind: str, data: Data
) -> dict[str, str | int | float | bool]:
    own: dict[str, Any] = extra_of(properties, kind)
    if kind not in KINDS:
        payload = payload_of(data) or {}
        own = payload.get("properties") or {name: payload[name] for name in payload if name not in _NAMED}
    return kept((raw.extra or {}) | own, EXTRA_MAX - 1) | _partition_key(attributes)


def _identity(raw: _Moment, attributes: Attributes) -> tuple[str, str]:
    """Return known and anonymous id; the subject is the customer unless the data names one."""
    customer_id = anonymous_id = ""
    if raw.customer_id is not None:
        customer_id = identifier(raw.customer_id, "customer_id")
    if not customer_id and raw.user_id is not None:
        customer_id = identifier(raw.user_id, "user_id")
    if not customer_id and raw.user_id_camel is not None:
        customer_id = identifier(raw.user_id_camel, "userId")
    if not customer_id and attributes.subject is not None:
        customer_id = identifier(attributes.subject, "subject")
    if raw.anonymous_id is not None or raw.anonymous_id_camel is not None:
        anonymous_id = identifier(raw.anonymous_id, "anonymous_id") or identifier(
            raw.anonymous_id_camel, "anonymousId"
        )
    if not (customer_id or anonymous_id):
        raise Refused(Reason.NO_IDENTITY, "customer_id", "no customer_id, user_id, anonymous_id or subject")
    return customer_id, anonymous_id


def _partition_key(attributes: Attributes) -> dict[str, str | int | float | bool]:
    key = text(attributes.partitionkey, "partitionkey")
    return {"partitionkey": key} if key else {}


def _trace(attributes: Attributes, record: Record) -> tuple[str | None, str | None]:
    """Return the trace that the event began in, which its attributes keep over every hop, else this hop's."""
    if (began := trace(attributes.traceparent)) is not None:
        return began, trace_state(attributes.tracestate)
    return trace_of(record.headers)


def _fact(
    attributes: Attributes, payload: dict[str, Any], kind: str, prefix: str, record: Record, ahead_ms: int
) -> Event:
    """Read a profile or an outcome; consents and requests are taken from their own topics alone.

    Those are proof, kept for ever in the order of their arrival, with rights of their own to write there.
    """
    if kind.startswith(("consent.", "privacy.")):
        detail = "consents and privacy requests are read from their own topics"
        raise Refused(Reason.UNKNOWN_VALUE, prefix + "type", detail)
    at_ms = _occurred_ms(attributes, payload, prefix, record)
    filled = {"at_ms": at_ms, "customer_id": attributes.subject} | payload
    if filled.get("customer_id") is None:
        filled["customer_id"] = payload.get("user_id")
    try:
        if kind == "profile.updated":
            event = facts.profile(filled, record, ahead_ms)
        else:
            event = facts.outcome(filled | {"kind": kind.partition(".")[2]}, record, ahead_ms)
    except Refused as refused:
        raise refused.under("data") from None
    return _as_ours(event, attributes, record)


def _sighting(
    attributes: Attributes, payload: dict[str, Any], kind: str, prefix: str, record: Record, ahead_ms: int
) -> Event:
    at_ms = _occurred_ms(attributes, payload, prefix, record)
    own = {"kind": kind, "event_id": "-", "occurred_at_ms": at_ms}
    named = payload.get("customer_id") or payload.get("user_id")
    subject = {} if named else {"customer_id": attributes.subject}
    try:
        event = beacon.read(payload | own | subject, record, ahead_ms)
    except Refused as refused:
        raise refused.under("data") from None
    return _as_ours(event, attributes, record)


def _occurred_ms(attributes: Attributes, payload: dict[str, Any], prefix: str, record: Record) -> int:
    stated_ms = _stated_ms(attributes, prefix)
    if stated_ms is not None:
        return stated_ms
    stated = payload.get("occurred_at_ms")
    if stated is not None and (isinstance(stated, bool) or not isinstance(stated, str | int)):
        raise Refused(Reason.WRONG_TYPE, "data.occurred_at_ms", "expected milliseconds")
    stated_ms = optional_ms(stated, "data.occurred_at_ms")
    return record.timestamp_ms if stated_ms is None else stated_ms


def _as_ours(event: Event, attributes: Attributes, record: Record) -> Event:
    """Give an event that another dialect read the id and the trace of its CloudEvent."""
    parent, state = _trace(attributes, record)
    return msgspec.structs.replace(
        event,
        event_id=event_id_of(attributes.source or "", attributes.id or ""),
        dialect=DIALECT,
        traceparent=parent,
        tracestate=state,
        extra=event.extra | _partition_key(attributes),
    )
