"""Enriched events: what Snowplow's pipeline makes of an event, as an object of the analytics SDKs or as a line."""

from __future__ import annotations

from operator import attrgetter, itemgetter
from typing import Any, Final

import msgspec
from msgspec import field

from streamproc.core.event import Event, Reason
from streamproc.core.record import Record
from streamproc.ingest.bounds import document
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.snowplow import old
from streamproc.ingest.snowplow.atomic import FIELDS, Piped
from streamproc.ingest.snowplow.described import (
    TELLERS,
    Action,
    CartChange,
    ConsentPreferences,
    ConsentWithdrawn,
    SiteSearch,
    Told,
    remembered,
    told_in,
)
from streamproc.ingest.snowplow.entities import (
    UNREADABLE,
    Cart,
    CheckoutStep,
    Entities,
    Mobile,
    Page,
    Product,
    Promotion,
    Refund,
    Session,
    Transaction,
    TransactionError,
    User,
    add_contexts,
)
from streamproc.ingest.snowplow.event import DESCRIBED, event_of
from streamproc.ingest.times import instant_ms

_TOLD: Final = "unstruct_event"
_ENVELOPES: Final = ("contexts", "derived_contexts")
_ZONE_AT: Final = len("2026-01-01")  # behind the date, a sign of plus or minus begins a zone


_SHOP: Final = "com_snowplowanalytics_snowplow_ecommerce_"
_SNOWPLOW: Final = "com_snowplowanalytics_snowplow_"


class Enriched(Piped, gc=False):
    """An event as an object, with the fields that would tell otherwise.

    The SDKs put each entity and what the event tells into columns named by their schemas, or leave them in envelopes.
    """

    product: list[Product] | None = field(name=f"contexts_{_SHOP}product_1", default=None)
    cart: list[Cart] | None = field(name=f"contexts_{_SHOP}cart_1", default=None)
    transaction: list[Transaction] | None = field(name=f"contexts_{_SHOP}transaction_1", default=None)
    transaction_error: list[TransactionError] | None = field(
        name=f"contexts_{_SHOP}transaction_error_1", default=None
    )
    refund: list[Refund] | None = field(name=f"contexts_{_SHOP}refund_1", default=None)
    checkout_step: list[CheckoutStep] | None = field(name=f"contexts_{_SHOP}checkout_step_1", default=None)
    promotion: list[Promotion] | None = field(name=f"contexts_{_SHOP}promotion_1", default=None)
    page: list[Page] | None = field(name=f"contexts_{_SHOP}page_1", default=None)
    user: list[User] | None = field(name=f"contexts_{_SHOP}user_1", default=None)
    client_session: list[Session] | None = field(name=f"contexts_{_SNOWPLOW}client_session_1", default=None)
    mobile_context: list[Mobile] | None = field(name=f"contexts_{_SNOWPLOW}mobile_context_1", default=None)
    snowplow_ecommerce_action: Action | None = field(
        name=f"{_TOLD}_{_SHOP}snowplow_ecommerce_action_1", default=None
    )
    add_to_cart: CartChange | None = field(name=f"{_TOLD}_{_SNOWPLOW}add_to_cart_1", default=None)
    remove_from_cart: CartChange | None = field(name=f"{_TOLD}_{_SNOWPLOW}remove_from_cart_1", default=None)
    site_search: SiteSearch | None = field(name=f"{_TOLD}_{_SNOWPLOW}site_search_1", default=None)
    consent_preferences: ConsentPreferences | None = field(
        name=f"{_TOLD}_{_SNOWPLOW}consent_preferences_1", default=None
    )
    consent_withdrawn: ConsentWithdrawn | None = field(
        name=f"{_TOLD}_{_SNOWPLOW}consent_withdrawn_1", default=None
    )
    contexts: dict[str, Any] | None = None
    derived_contexts: dict[str, Any] | None = None
    unstruct_event: dict[str, Any] | None = None
    specversion: Any = None
    type: Any = None
    action: Any = None
    batch: Any = None
    kind: Any = None
    client_id: Any = None
    app_instance_id: Any = None
    event_timestamp: Any = None
    data: Any = None


# By these fields other dialects are known: an event that has one of them is not plainly Snowplow's.
_others: Final = attrgetter(
    *("specversion", "type", "action", "batch", "kind", "client_id", "app_instance_id", "event_timestamp"),
    "data",
)
_NONE_OF_THEM: Final = (None,) * 9
_decode: Final = msgspec.json.Decoder(Enriched).decode
_COLUMNS: Final = {
    one.name: one.encode_name for one in msgspec.structs.fields(Enriched) if one.name != one.encode_name
}
_SHAPED: Final = tuple((teller.name, teller) for teller in TELLERS.values() if teller.shape is not None)
_UNSHAPED: Final = {
    f"{_TOLD}_{key.replace('.', '_').replace('/', '_')}": teller
    for key, teller in TELLERS.items()
    if teller.shape is None
}
_pick: Final = itemgetter(*(FIELDS.index(name) for name in Piped.__struct_fields__))
_pick_old: Final = itemgetter(*(FIELDS.index(name) for name in old.Old.__struct_fields__))
_CONTEXTS_AT: Final = tuple((name, FIELDS.index(name)) for name in _ENVELOPES)
_TOLD_AT: Final = FIELDS.index(_TOLD)


def glance(value: bytes) -> Enriched | None:
    """Decode a payload that plainly is an enriched event; None sends it another way."""
    try:
        enriched = _decode(value)
    except UNREADABLE:
        return None
    if not enriched.event_id or _others(enriched) != _NONE_OF_THEM:
        return None
    return enriched if enriched.collector_tstamp or enriched.derived_tstamp else None


def recognises(payload: dict[str, Any]) -> bool:
    """Tell an enriched event by its id and the time that the pipeline gave it."""
    return bool(
        payload.get("event_id") and (payload.get("collector_tstamp") or payload.get("derived_tstamp"))
    )


def convert(payload: dict[str, Any]) -> Enriched:
    """Convert an enriched event the careful way, which names the field that is wrong."""
    try:
        return msgspec.convert(payload, Enriched)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error


def event_of_object(
    enriched: Enriched, source: bytes | dict[str, Any], record: Record, ahead_ms: int
) -> Event:
    """Return the event of an object; `source` is the payload it came from."""
    found = Entities(
        enriched.product,
        enriched.cart,
        enriched.transaction,
        enriched.transaction_error,
        enriched.refund,
        enriched.checkout_step,
        enriched.promotion,
        enriched.page,
        enriched.user,
        enriched.client_session,
        enriched.mobile_context,
    )
    if enriched.contexts is not None:
        add_contexts(found, msgspec.json.encode(enriched.contexts), "contexts")
    if enriched.derived_contexts is not None:
        add_contexts(found, msgspec.json.encode(enriched.derived_contexts), "derived_contexts")
    told = None
    if enriched.event in DESCRIBED:
        told = _told(enriched, source)
    elif enriched.event in old.EVENTS:
        told = old.told_by(enriched.event, _old(source), found)
    try:
        return event_of(enriched, found, told, _occurred(enriched), record, ahead_ms)
    except Refused as refused:
        columns = {name: column for name, column in _COLUMNS.items() if getattr(enriched, name) is not None}
        raise refused.called(columns) from None


def _old(source: bytes | dict[str, Any]) -> old.Old:
    try:
        return msgspec.convert(source if isinstance(source, dict) else document(source), old.Old)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error


def _told(enriched: Enriched, source: bytes | dict[str, Any]) -> Told:
    for name, teller in _SHAPED:
        data = getattr(enriched, name)
        if data is not None:
            return Told(name, data, teller.kind)
    if enriched.unstruct_event is not None:
        return told_in(msgspec.json.encode(enriched.unstruct_event), _TOLD)
    # The columns of other schemas are unknown to the typed decoder, so the payload is read once more.
    payload = source if isinstance(source, dict) else document(source)
    for column, data in payload.items():
        if data is None or not column.startswith(f"{_TOLD}_"):
            continue
        if not isinstance(data, dict):
            raise Refused(Reason.NOT_AN_OBJECT, _TOLD)
        if column in _UNSHAPED:
            return Told(_UNSHAPED[column].name, data, _UNSHAPED[column].kind)
        return Told(enriched.event_name or column.removeprefix(f"{_TOLD}_"), data)
    raise Refused(Reason.MISSING_FIELD, _TOLD)


@remembered
def _told_in_text(value: str, field: str) -> Told:
    return told_in(value.encode(), field)


def event_of_line(value: bytes, record: Record, ahead_ms: int) -> Event:
    """Return the event of a line of 131 fields between tabs."""
    try:
        parts = value.decode().rstrip("\r\n").split("\t", len(FIELDS))
    except UnicodeDecodeError as error:
        raise Refused(Reason.NOT_JSON) from error
    if len(parts) != len(FIELDS):
        tabs = value.count(b"\t")
        raise Refused(Reason.NOT_JSON, detail=f"{tabs + 1} fields between tabs, not {len(FIELDS)}")
    atomic = Piped(*_pick(parts))
    found = Entities()
    for name, place in _CONTEXTS_AT:
        if parts[place]:
            add_contexts(found, parts[place].encode(), name)
    told = None
    if atomic.event in DESCRIBED:
        if not parts[_TOLD_AT]:
            raise Refused(Reason.MISSING_FIELD, _TOLD)
        told = _told_in_text(parts[_TOLD_AT], _TOLD)
    elif atomic.event in old.EVENTS:
        told = old.told_by(atomic.event, old.Old(*_pick_old(parts)), found)
    return event_of(atomic, found, told, _occurred(atomic), record, ahead_ms)


def _occurred(atomic: Piped) -> tuple[int, str]:
    """Return the best time that the pipeline knows, and its field."""
    for value, name in (
        (atomic.derived_tstamp, "derived_tstamp"),
        (atomic.true_tstamp, "true_tstamp"),
        (atomic.dvce_created_tstamp, "dvce_created_tstamp"),
        (atomic.collector_tstamp, "collector_tstamp"),
    ):
        if value:
            return _utc_ms(value, name), name
    raise Refused(Reason.MISSING_FIELD, "collector_tstamp")


def _utc_ms(value: str | int, name: str) -> int:
    """Return milliseconds since the epoch; a time without a zone is UTC, as the pipeline writes them all."""
    if isinstance(value, str) and not (value.endswith("Z") or "+" in value or "-" in value[_ZONE_AT:]):
        value += "Z"
    return instant_ms(value, name)
