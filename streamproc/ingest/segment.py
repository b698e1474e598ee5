"""Segment and RudderStack calls: track, page, screen, identify, group and alias, single or in a batch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from streamproc.core.event import (
    CUSTOM_PREFIX,
    EXTRA_MAX,
    FACT_KINDS,
    TEXT_CHARS_MAX,
    Event,
    Reason,
    Rejection,
)
from streamproc.core.facts import TRAITS_MAX, Outcome, ProfileChange
from streamproc.core.record import Record
from streamproc.ingest.bounds import document
from streamproc.ingest.facts import LISTED_MAX, NAME_CHARS_MAX, Trait, kind_of_outcome, traits_of
from streamproc.ingest.headers import traceparent
from streamproc.ingest.names import folded, segment_kind
from streamproc.ingest.products import EXTRA, NOTHING, Properties, basket_of, custom_basket_of, extra_of
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import Id, Scalar, identifier, is_true, kept, label, text
from streamproc.ingest.times import Time, instant_ms, optional_ms, refuse_ahead

DIALECT: Final = "segment"
TYPES: Final = frozenset({"track", "page", "screen", "identify", "group", "alias"})
BATCH_MAX: Final = 1000  # at 256 KiB a batch of more would hold calls too short to be real

_BROWSERS: Final = frozenset({"web", "browser"})
_PHONE: Final = re.compile("ios|android|swift|kotlin", re.IGNORECASE)
_PHONES: Final = frozenset({"mobile", "app", "ios", "android"})
# Addresses belong to the services that deliver. Deciding needs none, and what is not kept cannot leak.
_ADDRESSES: Final = frozenset({"email", "phone", "address", "avatar"})


class _Page(msgspec.Struct, gc=False):
    url: str | None = None


class _Named(msgspec.Struct, gc=False):
    type: str | None = None
    name: str | None = None


class _Consent(msgspec.Struct, gc=False):
    preferences: dict[str, bool] | None = msgspec.field(name="categoryPreferences", default=None)


class _Context(msgspec.Struct, gc=False):
    page: _Page | None = None
    library: _Named | None = None
    locale: str | None = None
    timezone: str | None = None
    device: _Named | None = None
    session_id: Id = msgspec.field(name="sessionId", default=None)
    session_id_snake: Id = msgspec.field(name="session_id", default=None)
    consent: _Consent | None = None
    gpc: Scalar = None
    sec_gpc: Scalar = None


class _Call(msgspec.Struct, gc=False):
    """One call with the fields that are read; in the order in which the libraries send them."""

    type: str | None = None
    message_id: Id = msgspec.field(name="messageId", default=None)
    anonymous_id: Id = msgspec.field(name="anonymousId", default=None)
    user_id: Id = msgspec.field(name="userId", default=None)
    event: str | None = None
    properties: Properties | None = None
    context: _Context | None = None
    channel: str | None = None
    timestamp: Time = None
    original_timestamp: Time = msgspec.field(name="originalTimestamp", default=None)
    sent_at: Time = msgspec.field(name="sentAt", default=None)
    received_at: Time = msgspec.field(name="receivedAt", default=None)
    traits: dict[str, Any] | None = None
    action: str | None = None
    message_id_snake: Id = msgspec.field(name="message_id", default=None)
    user_id_snake: Id = msgspec.field(name="user_id", default=None)
    anonymous_id_snake: Id = msgspec.field(name="anonymous_id", default=None)
    group_id: Id = msgspec.field(name="groupId", default=None)
    previous_id: Id = msgspec.field(name="previousId", default=None)


class Glance(_Call, gc=False):
    """A record decoded at once as what it probably is, with the fields that would tell otherwise."""

    batch: list[msgspec.Raw] | None = None
    specversion: Any = None


_glance: Final = msgspec.json.Decoder(Glance).decode
_NO_CONTEXT: Final = _Context()


def glance(value: bytes | msgspec.Raw) -> Glance | None:
    """Decode a payload that plainly is a call or a batch of them; None sends it the careful way."""
    try:
        call = _glance(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if call.specversion is not None:
        return None
    plain = call.batch is not None or (call.type or call.action) in TYPES
    return call if plain else None


def recognises(payload: dict[str, Any]) -> bool:
    """Tell a call by its type, and a batch by its list."""
    kind = payload.get("type") or payload.get("action")
    return (isinstance(kind, str) and kind in TYPES) or "batch" in payload


def events_of(call: Glance, value: bytes, record: Record, ahead_ms: int) -> Sequence[Event | Rejection]:
    """Return the event of a call, or for a batch the event or rejection of each of its calls."""
    if call.batch is None or (call.type or call.action) in TYPES:
        return (_event(call, value, record, ahead_ms),)
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
        return read(document(bytes(value)), record, ahead_ms, sent_at=batch.sent_at)
    if call.sent_at is None:
        call.sent_at = batch.sent_at
    return _event(call, value, record, ahead_ms)


def read(payload: dict[str, Any], record: Record, ahead_ms: int, *, sent_at: Time = None) -> Event:
    """Return the event of one call the careful way, which names the field that is wrong."""
    if "batch" in payload and "type" not in payload:
        return _refuse_batch(payload)
    call = _convert(payload)
    if call.sent_at is None:
        call.sent_at = sent_at
    return _event(call, payload, record, ahead_ms)


def _refuse_batch(payload: dict[str, Any]) -> Event:
    """Name what kept a whole batch from being read at a glance."""
    batch = payload["batch"]
    if not isinstance(batch, list):
        raise Refused(Reason.WRONG_TYPE, "batch", "expected a list")
    _convert(payload)
    raise Refused(Reason.UNKNOWN_ENVELOPE, "batch", "a batch inside a batch, or one with a specversion")


def _convert(payload: dict[str, Any]) -> _Call:
    """Convert a call; a custom event's properties are its own words, so those of another type are left out."""
    while True:
        try:
            return msgspec.convert(payload, _Call)
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


def _event(call: _Call, source: bytes | dict[str, Any] | msgspec.Raw, record: Record, ahead_ms: int) -> Event:
    """Build the event of a call; `source` is the payload it came from."""
    event_id = identifier(call.message_id, "messageId") or identifier(call.message_id_snake, "message_id")
    if not event_id:
        raise Refused(Reason.MISSING_FIELD, "messageId")
    customer_id = identifier(call.user_id, "userId") or identifier(call.user_id_snake, "user_id")
    anonymous_id = identifier(call.anonymous_id, "anonymousId") or identifier(
        call.anonymous_id_snake, "anonymous_id"
    )
    if not (customer_id or anonymous_id):
        raise Refused(Reason.NO_IDENTITY, "userId", "neither userId nor anonymousId")
    kind = _kind(call)
    properties = call.properties or NOTHING
    context = call.context or _NO_CONTEXT
    received_at_ms = record.timestamp_ms
    occurred_at_ms = _occurred(call, received_at_ms)
    fact = None
    if kind in FACT_KINDS:
        # A fact counts from the earlier time: a phone's fast clock must not keep an unsubscribe from counting.
        occurred_at_ms = min(occurred_at_ms, received_at_ms)
        fact = _fact(call, kind, customer_id, occurred_at_ms)
        kind = kind_of_outcome(fact.kind) if isinstance(fact, Outcome) else kind
    elif occurred_at_ms - received_at_ms > ahead_ms:
        refuse_ahead(occurred_at_ms, received_at_ms, ahead_ms, "timestamp")
    custom = kind.startswith(CUSTOM_PREFIX)
    try:
        items, currency, value_minor = custom_basket_of(properties) if custom else basket_of(properties, kind)
    except Refused as refused:
        raise refused.under("properties") from None
    page_url, locale, timezone = _surroundings(properties, context)
    # Python passes more than fifteen keywords through a dictionary, at six times the price: what nearly every
    # call has is given here, and the rest is set before anyone has seen the event.
    event = Event(
        event_id=event_id,
        dialect=DIALECT,
        kind=kind,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        surface=_surface(call, context),
        occurred_at_ms=occurred_at_ms,
        received_at_ms=received_at_ms,
        items=items,
        currency=currency,
        value_minor=value_minor,
        page_url=page_url,
        locale=locale,
        timezone=timezone,
        identity="known" if customer_id else "anonymous",
    )
    if fact is not None:
        force_setattr(event, "fact", fact)
    if custom or kind in EXTRA:
        force_setattr(event, "extra", _extra(call, properties, kind, source))
    for name, value in _rare(properties, context, record).items():
        force_setattr(event, name, value)
    return event


def _surroundings(properties: Properties, context: _Context) -> tuple[str | None, str | None, str | None]:
    url = context.page.url if context.page else properties.url
    locale, timezone = context.locale, context.timezone
    together = f"{url}{locale}{timezone}"
    if len(together) <= TEXT_CHARS_MAX and together.isprintable():
        return url or None, locale or None, timezone or None
    return (
        text(url, "context.page.url"),
        text(locale, "context.locale", NAME_CHARS_MAX),
        text(timezone, "context.timezone", NAME_CHARS_MAX),
    )


def _rare(properties: Properties, context: _Context, record: Record) -> dict[str, Any]:
    """Return the fields that most calls do not have; looking is cheaper than asking a function to look."""
    rare: dict[str, Any] = {}
    if properties.order_id is not None:
        rare["order_id"] = label(properties.order_id, "properties.order_id")
    if properties.cart_id is not None:
        rare["cart_id"] = label(properties.cart_id, "properties.cart_id")
    if properties.query is not None:
        rare["query"] = text(properties.query, "properties.query")
    if properties.site_id is not None:
        rare["site_id"] = label(properties.site_id, "properties.site_id")
    elif properties.store_id is not None:
        rare["site_id"] = label(properties.store_id, "properties.store_id")
    if properties.zone_id is not None:
        rare["zone_id"] = label(properties.zone_id, "properties.zone_id")
    if context.session_id is not None:
        rare["session_id"] = identifier(context.session_id, "context.sessionId") or None
    elif context.session_id_snake is not None:
        rare["session_id"] = identifier(context.session_id_snake, "context.session_id") or None
    if context.consent is not None and context.consent.preferences:
        # Nothing asked is not a yes either, so an empty answer leaves the field unknown.
        rare["processing_consent"] = all(context.consent.preferences.values())
    for signal in (context.gpc, context.sec_gpc, properties.gpc):
        if signal is not None and is_true(signal):
            rare["gpc"] = True
    if record.headers:
        rare["traceparent"] = traceparent(record.headers)
    return rare


def _kind(call: _Call) -> str:
    call_type = call.type or call.action
    if call_type == "track":
        if not call.event:
            raise Refused(Reason.MISSING_FIELD, "event")
        return segment_kind(call.event)
    if call_type == "identify":
        return "profile.updated"
    return f"{call_type}.viewed" if call_type in ("page", "screen") else f"{CUSTOM_PREFIX}{call_type}"


def _occurred(call: _Call, received_at_ms: int) -> int:
    """Return the time of a call on the server's clock, as Segment's specification computes it."""
    if call.timestamp:
        return instant_ms(call.timestamp, "timestamp")
    original_ms = optional_ms(call.original_timestamp, "originalTimestamp")
    sent_ms = optional_ms(call.sent_at, "sentAt")
    arrived_ms = optional_ms(call.received_at, "receivedAt")
    if original_ms is None:
        # A call without any time of its own happened, as far as anyone knows, when it arrived.
        return arrived_ms if arrived_ms is not None else received_at_ms
    if sent_ms is not None and arrived_ms is not None:
        return original_ms + arrived_ms - sent_ms
    return original_ms


def _fact(call: _Call, kind: str, customer_id: str, at_ms: int) -> Outcome | ProfileChange:
    if kind == "profile.updated":
        return _profile(call, customer_id, at_ms)
    properties = call.properties or NOTHING
    outcome = "uninstalled" if kind == "app.uninstalled" else kind.removeprefix("nudge.")
    if outcome == "opened" and properties.action:
        outcome = "clicked"  # a tap on a button of the notification, and not only on the notification
    # Segment has outcomes of e-mails and of pushes, and the app's removal ends pushes.
    channel = "email" if folded(call.event or "").startswith(("email", "unsubscribed")) else "push"
    nudge_id = identifier(properties.nudge_id, "properties.nudge_id")
    return Outcome(nudge_id, customer_id, outcome, at_ms, channel)


def _profile(call: _Call, customer_id: str, at_ms: int) -> ProfileChange:
    context = call.context or _NO_CONTEXT
    given = call.traits or {}
    traits: dict[str, Trait | None] = {}
    for name, value in given.items():
        # An identify call holds what the shop's CRM holds, which was not chosen for us: take what can be a trait.
        if len(traits) < TRAITS_MAX and name not in _ADDRESSES and _is_trait(name, value):
            traits[name] = value
    timezone, locale = given.get("timezone"), given.get("locale")
    return ProfileChange(
        customer_id,
        at_ms,
        text(timezone if isinstance(timezone, str) else context.timezone, "timezone", NAME_CHARS_MAX),
        text(locale if isinstance(locale, str) else context.locale, "locale", NAME_CHARS_MAX),
        traits_of(traits),
    )


def _is_trait(name: str, value: object) -> bool:
    if not (0 < len(name) <= NAME_CHARS_MAX and name.isprintable()):
        return False
    if isinstance(value, list):
        return len(value) <= LISTED_MAX and all(isinstance(entry, str) for entry in value)
    return isinstance(value, str | float) or (isinstance(value, int) and -(2**63) < value < 2**63)


def _extra(
    call: _Call, properties: Properties, kind: str, source: bytes | dict[str, Any] | msgspec.Raw
) -> dict[str, str | int | float | bool]:
    if not kind.startswith(CUSTOM_PREFIX):
        return kept(extra_of(properties, kind), EXTRA_MAX)
    # The fields of a custom event are unknown to the typed decoder, so its payload is read once more.
    payload = source if isinstance(source, dict) else document(bytes(source))
    ids = {"group_id": call.group_id, "previous_id": call.previous_id}
    return kept(ids | (payload.get("properties") or {}), EXTRA_MAX)


def _surface(call: _Call, context: _Context) -> str:
    call_type = call.type or call.action
    if call_type == "screen":
        return "app"
    library = context.library.name if context.library is not None else None
    if call_type == "page" or library == "analytics.js":
        return "web"
    device = context.device.type if context.device is not None else None
    if (
        call.channel in _PHONES
        or (device and device.lower() in _PHONES)
        or (library and _PHONE.search(library))
    ):
        return "app"
    if call.channel in _BROWSERS or context.page is not None:
        return "web"
    return "email" if call.event and call.event.startswith("Email ") else "none"
