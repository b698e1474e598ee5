"""The event of ours that a Snowplow event becomes, whatever shape it arrived in."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec.structs import force_setattr

from streamproc.core.event import TEXT_CHARS_MAX, Event, Reason
from streamproc.core.record import Record
from streamproc.ingest.facts import NAME_CHARS_MAX
from streamproc.ingest.headers import trace_of
from streamproc.ingest.names import custom_kind, folded
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Id, identifier, label, text
from streamproc.ingest.snowplow import consent
from streamproc.ingest.snowplow.atomic import Atomic, Piped
from streamproc.ingest.snowplow.basket import basket_of
from streamproc.ingest.snowplow.described import (
    Action,
    CartChange,
    ConsentPreferences,
    ConsentWithdrawn,
    SiteSearch,
    Told,
)
from streamproc.ingest.snowplow.entities import Entities
from streamproc.ingest.snowplow.extra import extra_of
from streamproc.ingest.snowplow.old import cart_changed
from streamproc.ingest.times import refuse_ahead

DIALECT: Final = "snowplow"

# The values of `e` in trackers and of `event` in enriched events.
_EVENTS: Final = {
    "pv": "page.viewed",
    "page_view": "page.viewed",
    "pp": "engagement.ping",
    "page_ping": "engagement.ping",
}
DESCRIBED: Final = frozenset({"ue", "unstruct"})
# The types of an action in the shop. An order that failed, `trns_error`, is none.
ACTIONS: Final = {
    "product_view": "product.viewed",
    "list_click": "product.clicked",
    "list_view": "list.viewed",
    "site_search": "search.performed",
    "add_to_cart": "cart.item_added",
    "remove_from_cart": "cart.item_removed",
    "checkout_step": "checkout.step",
    "transaction": "order.completed",
    "refund": "order.refunded",
    "promo_view": "promo.viewed",
    "promo_click": "promo.clicked",
}
_FOLDED: Final = {folded(name): kind for name, kind in ACTIONS.items()}
_NAME_CHARS_MAX: Final = 256

# A tracker that was told to forget who the customer is sends this for everybody.
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_SURFACES: Final = {"web": "web", "mob": "app", "app": "app"}


def event_of(
    atomic: Atomic,
    entities: Entities,
    told: Told | None,
    occurred: tuple[int, str],
    record: Record,
    ahead_ms: int,
) -> Event:
    """Return the event; `occurred` is its time and the field that it was read from.

    A field that is refused is named as the enriched event names it, an entity as its schema: `product[0].price`.
    """
    if told is not None and isinstance(told.data, CartChange):
        told = cart_changed(told, told.data, entities)
    try:
        event_id = identifier(atomic.event_id, "event_id")
        if not event_id:
            raise Refused(Reason.MISSING_FIELD, "event_id")
        customer_id, anonymous_id = _identity(atomic, entities)
        kind = _kind(atomic, told)
        occurred_at_ms, time_field = occurred
        received_at_ms = record.timestamp_ms
        if occurred_at_ms - received_at_ms > ahead_ms:
            refuse_ahead(occurred_at_ms, received_at_ms, ahead_ms, time_field)
        items, currency, value_minor = basket_of(kind, entities)
        page_url, locale, timezone = _surroundings(atomic, entities)
        session = entities.client_session[0] if entities.client_session else None
        session_id = identifier(atomic.domain_sessionid, "domain_sessionid")
        if not session_id and session is not None:
            session_id = identifier(session.session_id, "client_session[0].sessionId")
        # Python passes more than fifteen keywords through a dictionary, at six times the price.
        event = Event(
            event_id=event_id,
            dialect=DIALECT,
            kind=kind,
            customer_id=customer_id,
            anonymous_id=anonymous_id,
            session_id=session_id or None,
            surface=_surface(atomic, entities),
            occurred_at_ms=occurred_at_ms,
            received_at_ms=received_at_ms,
            items=items,
            currency=currency,
            value_minor=value_minor,
            page_url=page_url,
            identity="known" if customer_id else "anonymous",
            extra=extra_of(kind, atomic, entities, told),
        )
        if locale or timezone:
            force_setattr(event, "locale", locale)
            force_setattr(event, "timezone", timezone)
        _set_rare(event, entities, told)
        if record.headers:
            parent, state = trace_of(record.headers)
            force_setattr(event, "traceparent", parent)
            force_setattr(event, "tracestate", state)
    except Refused as refused:
        if told is None or told.names is None:
            raise
        raise refused.called(told.names) from None
    return event


def _identity(atomic: Atomic, entities: Entities) -> tuple[str, str]:
    """Return known and anonymous id. A guest's id is no customer's: the next guest at the till may share it."""
    customer_id = _somebody(atomic.user_id, "user_id")
    anonymous_id = _somebody(atomic.domain_userid, "domain_userid")
    guest_id = ""
    if not customer_id and entities.user:
        user = entities.user[0]
        if user.is_guest:
            guest_id = _somebody(user.id, "user[0].id")
        else:
            customer_id = _somebody(user.id, "user[0].id")
    if not anonymous_id and entities.client_session:
        anonymous_id = _somebody(entities.client_session[0].user_id, "client_session[0].userId")
    anonymous_id = anonymous_id or _somebody(atomic.network_userid, "network_userid") or guest_id
    if not (customer_id or anonymous_id):
        raise Refused(Reason.NO_IDENTITY, "user_id", "no id of a user, a device or a network")
    return customer_id, anonymous_id


def _somebody(value: Id, field: str) -> str:
    found = identifier(value, field)
    return "" if found == _NOBODY else found


def _kind(atomic: Atomic, told: Told | None) -> str:
    if told is not None:
        if isinstance(told.data, Action):
            if not told.data.type:
                raise Refused(Reason.MISSING_FIELD, f"{told.name}.type")
            return ACTIONS.get(told.data.type) or _action_slowly(told.data.type[:_NAME_CHARS_MAX])
        return told.kind or custom_kind(told.name)
    event = atomic.event
    if not event:
        raise Refused(Reason.MISSING_FIELD, "event")
    return _EVENTS.get(event) or custom_kind(event)


@lru_cache(maxsize=1024)
def _action_slowly(name: str) -> str:
    return _FOLDED.get(folded(name)) or custom_kind(name)


def _surroundings(atomic: Atomic, entities: Entities) -> tuple[str | None, str | None, str | None]:
    """Return address, language and time zone; those of the device go before those of the page or the network."""
    url, locale, timezone = atomic.page_url, atomic.br_lang, atomic.os_timezone
    if not timezone and isinstance(atomic, Piped):
        timezone = atomic.geo_timezone
    if not locale and entities.mobile_context:
        locale = entities.mobile_context[0].language
    if not locale and entities.page:
        locale = entities.page[0].locale or entities.page[0].language
    together = f"{url}{locale}{timezone}"
    if len(together) <= TEXT_CHARS_MAX and together.isprintable():
        return url or None, locale or None, timezone or None
    return (
        text(url, "page_url"),
        text(locale, "br_lang", NAME_CHARS_MAX),
        text(timezone, "os_timezone", NAME_CHARS_MAX),
    )


def _surface(atomic: Atomic, entities: Entities) -> str:
    if atomic.platform:
        return _SURFACES.get(atomic.platform, "none")
    if entities.mobile_context:
        return "app"
    return "web" if atomic.page_url else "none"


def _set_rare(event: Event, entities: Entities, told: Told | None) -> None:
    """Set the fields that few events have, before anyone has seen the event."""
    if entities.cart:
        force_setattr(event, "cart_id", label(entities.cart[0].cart_id, "cart[0].cart_id"))
    if entities.transaction:
        order_id, field = entities.transaction[0].transaction_id, "transaction[0].transaction_id"
        force_setattr(event, "order_id", label(order_id, field))
    elif entities.refund:
        order_id, field = entities.refund[0].transaction_id, "refund[0].transaction_id"
        force_setattr(event, "order_id", label(order_id, field))
    if told is None:
        return
    if isinstance(told.data, SiteSearch):
        force_setattr(event, "query", text(" ".join(told.data.terms or ()), "site_search.terms"))
    elif isinstance(told.data, ConsentPreferences | ConsentWithdrawn):
        force_setattr(event, "processing_consent", consent.processing_consent(told.data))
