"""One event of GA4: its kind, its id, and the fields that its parameters fill."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from streamproc.core.event import FACT_KINDS, MOMENT_KINDS, TEXT_CHARS_MAX, Event
from streamproc.core.facts import Outcome
from streamproc.core.record import Record
from streamproc.ingest.bounds import document
from streamproc.ingest.facts import NAME_CHARS_MAX, kind_of_outcome
from streamproc.ingest.ga4_params import (
    NO_BASKET,
    Extra,
    Params,
    basket_of,
    custom_basket_of,
    extra_of,
    own_words,
)
from streamproc.ingest.headers import trace_of
from streamproc.ingest.names import GA4_NAMES, custom_kind, ga4_kind
from streamproc.ingest.scalars import identifier, label, text
from streamproc.ingest.times import refuse_ahead

DIALECT: Final = "ga4"
EVENT_ID_BYTES: Final = 16

_PURCHASE: Final = "order.completed"
_SCREEN: Final = "screen.viewed"
_OUTCOMES: Final = {kind_of_outcome(one): one for one in ("delivered", "opened", "dismissed", "uninstalled")}

Source = bytes | msgspec.Raw | dict[str, Any]

_encode: Final = msgspec.msgpack.Encoder().encode


class Sender(msgspec.Struct, frozen=True, gc=False):
    """Who sent an event, and how; the same for all events of a request. One of the two ids is not empty."""

    customer_id: str
    anonymous_id: str
    surface: str
    locale: str | None = None
    consent: bool | None = None


def event_of(
    name: str,
    params: Params,
    source: Source,
    sender: Sender,
    at_us: int | None,
    at_field: str,
    record: Record,
    ahead_ms: int,
) -> Event:
    """Build what happened at `at_us`, read from `at_field`, or else at Kafka's time; `source` is what was decoded."""
    kind = GA4_NAMES.get(name) or ga4_kind(name)
    customer_id, anonymous_id = sender.customer_id, sender.anonymous_id
    received_at_ms = record.timestamp_ms
    # Without a time of its own, only Kafka's tells one click from the next.
    happened_us = received_at_ms * 1000 if at_us is None else at_us
    occurred_at_ms = happened_us // 1000
    fact = None
    if kind in MOMENT_KINDS:
        items, currency, value_minor = basket_of(params)
        extra = extra_of(params, kind)
    elif (fact := _outcome(kind, params, customer_id, min(occurred_at_ms, received_at_ms))) is not None:
        occurred_at_ms = fact.at_ms  # a fact counts from the earlier time, as in every dialect
        (items, currency, value_minor), extra = NO_BASKET, {}
    else:
        kind = custom_kind(name) if kind in FACT_KINDS else kind
        items, currency, value_minor = custom_basket_of(params)
        extra = _own_words(source)
    if occurred_at_ms - received_at_ms > ahead_ms:
        refuse_ahead(occurred_at_ms, received_at_ms, ahead_ms, at_field)
    page_url, locale = params.page_location, params.language or sender.locale
    if page_url is not None and (len(page_url) > TEXT_CHARS_MAX or not page_url.isprintable()):
        page_url = text(page_url, "page_location")
    if locale is not None and (len(locale) > NAME_CHARS_MAX or not locale.isprintable()):
        locale = text(locale, "language", NAME_CHARS_MAX)
    session_id, order_id, query = _labels(params)
    told: tuple[object, ...] = (kind, order_id)
    if kind != _PURCHASE or order_id is None:
        amounts = (items, currency, value_minor)
        told = (anonymous_id or customer_id, happened_us, name, amounts, order_id, query, page_url, extra)
    # As in Segment's dialect: more than fifteen keywords would cost six times as much.
    event = Event(
        event_id=blake2b(_encode(told), digest_size=EVENT_ID_BYTES).hexdigest(),
        dialect=DIALECT,
        kind=kind,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        session_id=session_id or None,
        surface="app" if kind == _SCREEN else sender.surface,
        occurred_at_ms=occurred_at_ms,
        received_at_ms=received_at_ms,
        items=items,
        currency=currency,
        value_minor=value_minor,
        page_url=page_url or None,
        locale=locale or None,
        identity="known" if customer_id else "anonymous",
    )
    if extra:
        force_setattr(event, "extra", extra)
    if order_id is not None or query is not None:
        force_setattr(event, "order_id", order_id)
        force_setattr(event, "query", query)
    if sender.consent is not None or record.headers or fact is not None:
        _add_rare(event, sender, record, fact)
    return event


def _labels(params: Params) -> tuple[str, str | None, str | None]:
    """Return the session, the order, and what was searched for."""
    session_id, order_id, query = "", None, None
    if params.ga_session_id is not None:
        session_id = identifier(params.ga_session_id, "ga_session_id")
    elif params.session_id is not None:
        session_id = identifier(params.session_id, "session_id")
    if params.transaction_id is not None:
        order_id = label(params.transaction_id, "transaction_id")
    if params.search_term is not None:
        query = text(str(params.search_term), "search_term")
    return session_id, order_id, query


def _add_rare(event: Event, sender: Sender, record: Record, fact: Outcome | None) -> None:
    """Set what most events do not have, before anyone has seen the event."""
    force_setattr(event, "processing_consent", sender.consent)
    if record.headers:
        parent, state = trace_of(record.headers)
        force_setattr(event, "traceparent", parent)
        force_setattr(event, "tracestate", state)
    if fact is not None:
        force_setattr(event, "fact", fact)
        if fact.nudge_id:
            # One nudge has one outcome of a kind, whoever tells of it and however often.
            force_setattr(event, "event_id", f"{fact.kind}|{fact.nudge_id}")


def _outcome(kind: str, params: Params, customer_id: str, at_ms: int) -> Outcome | None:
    """Return what became of a nudge, or of the app; None if the customer or the nudge that it is about is not said."""
    outcome = _OUTCOMES.get(kind)
    if outcome is None or not customer_id:
        return None
    nudge_id = identifier(params.nudge_id, "nudge_id")
    if not nudge_id and outcome != "uninstalled":
        return None
    return Outcome(nudge_id, customer_id, outcome, at_ms, "push")


def _own_words(source: Source) -> Extra:
    # The parameters of a custom event are unknown to the typed decoder, so they are read once more.
    payload = source if isinstance(source, dict) else document(bytes(source))
    return own_words(payload if "event_name" in payload else payload.get("params") or {})
