"""The event that every dialect is turned into, and the refusal of what cannot be one."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from streamproc.core.facts import Fact

ITEMS_MAX: Final = 50
EXTRA_MAX: Final = 16
ID_CHARS_MAX: Final = 128
TEXT_CHARS_MAX: Final = 512

Surface = str  # one of SURFACES; a plain str because the hot path compares it millions of times
SURFACES = ("web", "app", "store", "email", "third_party", "none")
IDENTITIES = ("known", "anonymous", "shared")

CUSTOM_PREFIX: Final = "custom."

# What a phone hears of a store's beacons.
BEACON_KINDS = frozenset({"beacon.entered", "beacon.exited", "beacon.ranged", "beacon.dwelled"})
# What follows from it: no producer sends these.
VISIT_STARTED, VISIT_DWELLED, VISIT_ENDED = "visit.started", "visit.dwelled", "visit.ended"
VISIT_KINDS = frozenset({VISIT_STARTED, VISIT_DWELLED, VISIT_ENDED})
# What customers do (`moments`): these, but for what a beacon tells, may trigger campaigns.
MOMENT_KINDS = BEACON_KINDS | frozenset(
    {
        "product.viewed",
        "product.clicked",
        "list.viewed",
        "list.filtered",
        "search.performed",
        "cart.item_added",
        "cart.item_removed",
        "cart.viewed",
        "checkout.started",
        "checkout.step",
        "order.completed",
        "order.refunded",
        "order.cancelled",
        "order.updated",
        "promo.viewed",
        "promo.clicked",
        "wishlist.added",
        "wishlist.removed",
        "coupon.entered",
        "coupon.applied",
        "coupon.denied",
        "coupon.removed",
        "page.viewed",
        "screen.viewed",
        "engagement.ping",
        "app.opened",
        "alert.requested",
    }
)
# What is known about customers (`facts`): these restrain and inform, and are applied before any moment is
# decided.
FACT_KINDS = frozenset(
    {
        "consent.granted",
        "consent.withdrawn",
        "profile.updated",
        "privacy.export",
        "privacy.erase",
        "privacy.object",
        "nudge.delivered",
        "nudge.opened",
        "nudge.clicked",
        "nudge.dismissed",
        "nudge.not_interested",
        "nudge.why_opened",
        "nudge.unsubscribed",
        "nudge.complained",
        "nudge.bounced",
        "nudge.converted",
        "app.uninstalled",
    }
)
KINDS = MOMENT_KINDS | FACT_KINDS

TIMER_DUE: Final = "timer.due"
# What workers tell themselves on the topic `timers`: no producer's payload becomes one of these.
INSIDE_KINDS = frozenset({TIMER_DUE, "item.available", "item.price_dropped"})


class Reason(StrEnum):
    """Why a record was refused: a closed list, it is a metric label and a dead-letter header."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_ENVELOPE = "unknown_envelope"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    BAD_TEXT = "bad_text"
    NO_IDENTITY = "no_identity"
    TOO_MANY = "too_many"
    UNKNOWN_VALUE = "unknown_value"
    IN_THE_FUTURE = "in_the_future"
    POISON = "poison"


class Rejection(msgspec.Struct, frozen=True):
    """A record, or one event of a batch, that is refused: a value, never an exception.

    `field` names the path inside the payload (`items[3].price`), `detail` carries the numbers compared.
    Neither holds any text of the payload, so both may go to logs and headers.
    """

    reason: Reason
    field: str = ""
    detail: str = ""
    index: int = 0


class Item(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One product inside an event; money in minor units of the event's currency."""

    item_id: str
    name: str | None = None
    brand: str | None = None
    category: str | None = None
    variant: str | None = None
    price_minor: int | None = None
    quantity: int | None = None


class Beacon(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the phone heard: the identity of a transmitter, as its format has it."""

    format: str = ""
    uuid: str | None = None
    major: int | None = None
    minor: int | None = None
    namespace: str | None = None
    instance: str | None = None
    eid: str | None = None
    tx_power_dbm: int | None = None
    proximity: str | None = None
    distance_m: float | None = None
    battery_mv: int | None = None


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What one customer did, or what became known about one, at one moment.

    `occurred_at_ms` is the producer's time, `received_at_ms` Kafka's; both in milliseconds since the epoch.
    `customer_id` is empty if only an anonymous id is known. Text is bounded by `TEXT_CHARS_MAX`, ids by
    `ID_CHARS_MAX`. `fact` holds the typed record of a fact (`core.facts`) and is None for moments.
    """

    event_id: str
    dialect: str
    kind: str
    customer_id: str = ""
    anonymous_id: str = ""
    session_id: str | None = None
    surface: Surface = "none"
    occurred_at_ms: int
    received_at_ms: int
    items: tuple[Item, ...] = ()
    currency: str | None = None
    cart_id: str | None = None
    order_id: str | None = None
    value_minor: int | None = None
    query: str | None = None
    site_id: str | None = None
    zone_id: str | None = None
    beacon: Beacon | None = None
    rssi_dbm: int | None = None
    dwell_ms: int | None = None
    page_url: str | None = None
    locale: str | None = None
    timezone: str | None = None
    identity: str = "known"
    gpc: bool = False
    processing_consent: bool | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    extra: dict[str, str | int | float | bool] = {}
    fact: Fact | None = None


def is_from_elsewhere(event: Event) -> bool:
    """Tell whether an event is a third party's word for what the customer did: of that nothing may be used."""
    return event.surface == "third_party"
