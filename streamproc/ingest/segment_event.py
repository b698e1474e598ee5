"""The event of one Segment or RudderStack call."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from streamproc.core.event import (
    CUSTOM_PREFIX,
    EXTRA_MAX,
    FACT_KINDS,
    KINDS,
    TEXT_CHARS_MAX,
    Event,
    Reason,
)
from streamproc.core.facts import TRAITS_MAX, Outcome, ProfileChange
from streamproc.core.record import Record
from streamproc.ingest.bounds import document
from streamproc.ingest.consent_signals import TCF_KEYS, Tcf, agreed, of_consent, of_managed, of_tcf
from streamproc.ingest.facts import LISTED_MAX, NAME_CHARS_MAX, Trait, kind_of_outcome, traits_of
from streamproc.ingest.headers import trace_of
from streamproc.ingest.names import folded, segment_kind
from streamproc.ingest.product_shapes import NOTHING, Properties
from streamproc.ingest.products import EXTRA, basket_of, custom_basket_of, extra_of
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import identifier, is_true, kept, label, plain_ids, text
from streamproc.ingest.segment_shapes import NO_CONTEXT, Call, Campaign, Context, json_of
from streamproc.ingest.times import instant_ms, optional_ms, refuse_ahead

Source = bytes | dict[str, Any] | msgspec.Raw
"""The payload that a call came from."""

DIALECT: Final = "segment"
_PAGES: Final = ("page.viewed", "screen.viewed")
# What has nothing beyond the common fields.
_BARE: Final = KINDS - {*EXTRA, *_PAGES}
# Kinds whose further fields `extra_of` gives, ready to be kept.
_PLAIN: Final = KINDS - {*_PAGES}

_BROWSERS: Final = frozenset({"web", "browser"})
_PHONE: Final = re.compile("ios|android|swift|kotlin", re.IGNORECASE)
_PHONES: Final = frozenset({"mobile", "app", "ios", "android"})
# Addresses belong to the services that deliver. Deciding needs none, and what is not kept cannot leak.
_NO_TRAITS: Final = frozenset({"email", "phone", "address", "avatar", *TCF_KEYS})


def event_of(call: Call, source: Source, record: Record, ahead_ms: int) -> Event:
    """Build the event of a call; `source` is the payload it came from."""
    call_type = call.type or call.action
    properties = call.properties or NOTHING
    context = call.context or NO_CONTEXT
    ids = plain_ids(call.message_id, call.user_id, call.anonymous_id)
    if ids is not None:
        event_id, customer_id, anonymous_id = ids
        kind = _kind(call, call_type)
    else:
        event_id = _event_id(call)
        kind = _kind(call, call_type)
        customer_id, anonymous_id = _identity(call, call_type, context)
    received_at_ms = record.timestamp_ms
    occurred_at_ms = _occurred(call, received_at_ms)
    fact = None
    if kind in FACT_KINDS:
        # A fact counts from the earlier time: a phone's fast clock must not keep an unsubscribe from counting.
        occurred_at_ms = min(occurred_at_ms, received_at_ms)
        fact = _fact(call, kind, customer_id, occurred_at_ms, source)
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
        surface=_surface(call, call_type, context),
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
    for name, value in _rare(call, kind, properties, context, record, source).items():
        force_setattr(event, name, value)
    return event


def _event_id(call: Call) -> str:
    event_id = identifier(call.message_id, "messageId") or identifier(call.message_id_snake, "message_id")
    if not event_id:
        raise Refused(Reason.MISSING_FIELD, "messageId")
    return event_id


def _identity(call: Call, call_type: str | None, context: Context) -> tuple[str, str]:
    """Return known and anonymous id, also from where calls without the usual two have them."""
    customer_id = identifier(call.user_id, "userId") or identifier(call.user_id_snake, "user_id")
    anonymous_id = identifier(call.anonymous_id, "anonymousId") or identifier(
        call.anonymous_id_snake, "anonymous_id"
    )
    if customer_id or anonymous_id:
        return customer_id, anonymous_id
    customer_id = identifier(call.to, "to") if call_type == "alias" else ""
    anonymous_id = identifier(context.device.id, "context.device.id") if context.device is not None else ""
    if not (customer_id or anonymous_id):
        raise Refused(Reason.NO_IDENTITY, "userId", "no userId, anonymousId or context.device.id")
    return customer_id, anonymous_id


def _surroundings(properties: Properties, context: Context) -> tuple[str | None, str | None, str | None]:
    page = context.page
    url = page.url if page is not None else properties.url
    locale, timezone = context.locale, context.timezone
    together = f"{url}{locale}{timezone}"
    if len(together) <= TEXT_CHARS_MAX and together.isprintable():
        return url or None, locale or None, timezone or None
    return (
        text(url, "context.page.url"),
        text(locale, "context.locale", NAME_CHARS_MAX),
        text(timezone, "context.timezone", NAME_CHARS_MAX),
    )


def _rare(
    call: Call, kind: str, properties: Properties, context: Context, record: Record, source: Source
) -> dict[str, Any]:
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
    if (context.consent or context.consent_managed or context.traits or call.traits) is not None:
        rare["processing_consent"] = _processing_consent(call, context)
    if (
        context.gpc is not None
        or context.sec_gpc is not None
        or properties.gpc is not None
        or properties.sec_gpc is not None
        or call.gpc is not None
        or call.sec_gpc is not None
    ):
        places = (context, properties, call)
        rare["gpc"] = any(is_true(place.gpc) or is_true(place.sec_gpc) for place in places)
    device = context.device
    if (
        kind not in _BARE
        or context.campaign is not None
        or (device is not None and device.ad_tracking_enabled is not None)
        or properties.position is not None
        or properties.coupon is not None
        or properties.list_id is not None
    ):
        rare["extra"] = _extra(call, kind, properties, context, source)
    if record.headers:
        rare["traceparent"], rare["tracestate"] = trace_of(record.headers)
    return rare


def _processing_consent(call: Call, context: Context) -> bool | None:
    """Unite what a call says of consent in all the places where producers put it."""
    answers: list[bool | None] = []
    place = "context.consent"
    try:
        if context.consent is not None:
            answers.append(of_consent(context.consent))
        if context.consent_managed is not None:
            answers.append(of_managed(context.consent_managed))
        place = "context.traits"
        if context.traits is not None:
            answers.append(of_tcf(context.traits))
        place = "traits"
        if call.traits and any(name in call.traits for name in TCF_KEYS):
            answers.append(of_tcf(msgspec.convert(call.traits, Tcf)))
    except Refused as refused:
        raise refused.under(place) from None
    except msgspec.ValidationError as error:
        raise refused_by_type(error).under(place) from error
    return agreed(answers)


def _kind(call: Call, call_type: str | None) -> str:
    if call_type == "track":
        name = call.event
        if not name:
            raise Refused(Reason.MISSING_FIELD, "event")
        return segment_kind(name)
    if call_type == "identify":
        return "profile.updated"
    return f"{call_type}.viewed" if call_type in ("page", "screen") else f"{CUSTOM_PREFIX}{call_type}"


def _occurred(call: Call, received_at_ms: int) -> int:
    """Return the time of a call on the server's clock, as Segment's specification computes it."""
    timestamp = call.timestamp
    if timestamp:
        return instant_ms(timestamp, "timestamp")
    original_ms = optional_ms(call.original_timestamp, "originalTimestamp")
    sent_ms = optional_ms(call.sent_at, "sentAt")
    arrived_ms = optional_ms(call.received_at, "receivedAt")
    if original_ms is None:
        # A call without any time of its own happened, as far as anyone knows, when it arrived.
        return arrived_ms if arrived_ms is not None else received_at_ms
    if sent_ms is not None and arrived_ms is not None:
        return original_ms + arrived_ms - sent_ms
    return original_ms


def _fact(call: Call, kind: str, customer_id: str, at_ms: int, source: Source) -> Outcome | ProfileChange:
    if kind == "profile.updated":
        return _profile(call, customer_id, at_ms, source)
    properties = call.properties or NOTHING
    outcome = "uninstalled" if kind == "app.uninstalled" else kind.removeprefix("nudge.")
    if outcome == "opened" and properties.action:
        outcome = "clicked"  # a tap on a button of the notification, and not only on the notification
    # Segment has outcomes of e-mails and of pushes, and the app's removal ends pushes.
    channel = "email" if folded(call.event or "").startswith(("email", "unsubscribed")) else "push"
    nudge_id = identifier(properties.nudge_id, "properties.nudge_id")
    return Outcome(nudge_id, customer_id, outcome, at_ms, channel)


def _profile(call: Call, customer_id: str, at_ms: int, source: Source) -> ProfileChange:
    context = call.context or NO_CONTEXT
    given = call.traits or {}
    if context.traits is not None:
        # RudderStack puts traits here; they are unknown to the typed decoder. Those of a batch's own context are
        # nobody's in particular and not taken.
        own = _payload_of(source).get("context") or {}
        given = (own.get("traits") or {}) | given
    traits: dict[str, Trait | None] = {}
    for name, value in given.items():
        # An identify call holds what the shop's CRM holds, which was not chosen for us: take what can be a trait.
        if len(traits) < TRAITS_MAX and name not in _NO_TRAITS and _is_trait(name, value):
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
    call: Call, kind: str, properties: Properties, context: Context, source: Source
) -> dict[str, str | int | float | bool]:
    """Return what events of this kind have beyond the common fields, and then what any event may have."""
    campaign, device, is_plain = context.campaign, context.device, kind in _PLAIN
    extra: dict[str, Any] = (
        extra_of(properties, kind) if is_plain else _own_extra(call, kind, properties, source)
    )
    if campaign is None and device is None and is_plain:
        return extra
    if campaign is not None:
        for name in Campaign.__struct_fields__:
            extra.setdefault(f"campaign_{name}", getattr(campaign, name))
    if device is not None:
        extra.setdefault("ad_tracking_enabled", device.ad_tracking_enabled)
    return kept(extra, EXTRA_MAX)


def _own_extra(call: Call, kind: str, properties: Properties, source: Source) -> dict[str, Any]:
    if kind in _PAGES:
        return {
            "name": properties.name if call.name is None else call.name,
            "category": properties.category if call.category is None else call.category,
            "page_title": properties.title,
            "page_referrer": properties.referrer,
        }
    # The fields of a custom event are unknown to the typed decoder, so its payload is read once more.
    ids = {"group_id": call.group_id, "previous_id": call.previous_id or call.from_}
    return ids | (_payload_of(source).get("properties") or {})


def _payload_of(source: Any) -> dict[str, Any]:
    # Not `Source`: to msgspec's stubs a Raw is bytes, and compiled code would hold it to that.
    return source if isinstance(source, dict) else document(json_of(source))


def _surface(call: Call, call_type: str | None, context: Context) -> str:
    if call_type == "screen":
        return "app"
    maker = context.library
    library = maker.name if maker is not None else None
    if call_type == "page" or library == "analytics.js":
        return "web"
    phone = context.device
    device = phone.type if phone is not None else None
    if (
        call.channel in _PHONES
        or (device and device.lower() in _PHONES)
        or (library and _PHONE.search(library))
    ):
        return "app"
    if call.channel in _BROWSERS or context.page is not None:
        return "web"
    return "email" if call.event and call.event.startswith("Email ") else "none"
