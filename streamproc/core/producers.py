"""What producers can send: for each dialect its kinds of moments, and which fields that conditions read it can fill.

Ingest holds to this table (`tests/ingest/test_what_producers_send.py` compares them; a new dialect is an entry here).
`policy check` warns of a condition on what none of them can send.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from streamproc.core.event import BEACON_KINDS, CUSTOM_PREFIX, MOMENT_KINDS, VISIT_KINDS, Event

Fields = frozenset[str]

ITEMS: Final = "items"
EXTRA_PREFIX: Final = "extra."
# Any name of `extra`: the words are the producer's own.
ANY_EXTRA: Final = f"{EXTRA_PREFIX}*"
# The entry that stands for all kinds of a producer's own.
CUSTOM: Final = f"{CUSTOM_PREFIX}*"
# What ingest makes of a name that it does not know.
_SLUG: Final = re.compile(r"(?![_.])[\w.]{1,64}")

_ITEM_FIELDS: Final = ("name", "brand", "category", "variant", "price_minor", "quantity")
_PLAIN_FIELDS: Final = ("currency", "value_minor", "site_id", "dwell_ms")
_BASKET: Final = frozenset({ITEMS, *(f"{ITEMS}.{name}" for name in _ITEM_FIELDS), "currency", "value_minor"})
_SHOP: Final = _BASKET | {"site_id"}
# What is derived of a visit has these fields, whoever heard the beacons.
_OF_VISITS: Final = ("", "site_id", "dwell_ms")
_SIGHTING: Final = frozenset({"site_id", "dwell_ms", f"{EXTRA_PREFIX}region_id"})


def _extra(*names: str) -> Fields:
    return frozenset(EXTRA_PREFIX + name for name in names)


# Segment's specification has neither.
_SEGMENT_KINDS: Final = MOMENT_KINDS - BEACON_KINDS - {"engagement.ping", "alert.requested"}
_LIST: Final = _extra("list_id", "category")
_CHECKOUT: Final = _extra("checkout_id", "step", "coupon")
_ORDER: Final = _extra("coupon", "checkout_id", "tax", "shipping", "discount")
_PROMOTION: Final = _extra("promotion_id", "creative", "name", "position")
_COUPON: Final = _extra("coupon_id", "coupon_name", "coupon", "discount", "reason")
_PLACE: Final = _extra("position", "coupon", "list_id")
_PAGE: Final = _extra("name", "category", "page_title", "page_referrer")
_OPENED: Final = _extra("from_background", "version", "build", "referring_application")
_CAMPAIGN: Final = _extra(
    "campaign_name", "campaign_source", "campaign_medium", "campaign_term", "campaign_content"
)
_SEGMENT: Final = _SHOP | _CAMPAIGN | _extra("ad_tracking_enabled")
_SEGMENT_EXTRA: Final[dict[str, Fields]] = {
    **dict.fromkeys(("list.viewed", "list.filtered"), _LIST),
    **dict.fromkeys(("checkout.started", "checkout.step"), _CHECKOUT),
    **dict.fromkeys(("order.completed", "order.refunded", "order.cancelled", "order.updated"), _ORDER),
    **dict.fromkeys(("promo.viewed", "promo.clicked"), _PROMOTION),
    **dict.fromkeys(("coupon.entered", "coupon.applied", "coupon.denied", "coupon.removed"), _COUPON),
    **dict.fromkeys(("product.viewed", "product.clicked", "wishlist.added", "wishlist.removed"), _PLACE),
    **dict.fromkeys(("cart.item_added", "cart.item_removed"), _PLACE),
    **dict.fromkeys(("page.viewed", "screen.viewed"), _PAGE),
    "app.opened": _OPENED,
}

_GA4_KINDS: Final = (
    *("product.viewed", "product.clicked", "list.viewed", "search.performed", "cart.item_added"),
    *("cart.item_removed", "cart.viewed", "checkout.started", "checkout.step", "order.completed"),
    *("order.refunded", "promo.viewed", "promo.clicked", "wishlist.added", "page.viewed", "screen.viewed"),
    *("engagement.ping", "app.opened"),
)
_GA4_ALWAYS: Final = _BASKET | _extra("ga_session_number", "items_total")
# How the one item of an event was offered.
_GA4_OFFER: Final = _extra(
    *("position", "list_id", "list_name", "coupon", "discount", "affiliation", "location_id")
)
_GA4_CAMPAIGN: Final = _extra(
    *(f"campaign_{part}" for part in ("name", "source", "medium", "term", "content"))
)
_GA4_VIEW: Final = _GA4_CAMPAIGN | _extra("page_title", "page_referrer", "screen_name", "firebase_screen")
_GA4_EXTRA: Final[dict[str, Fields]] = {
    **dict.fromkeys(("promo.viewed", "promo.clicked"), _PROMOTION),
    **dict.fromkeys(("page.viewed", "screen.viewed"), _GA4_VIEW),
    **dict.fromkeys(("order.completed", "order.refunded"), _GA4_OFFER | _extra("tax", "shipping")),
    "checkout.step": _GA4_OFFER | _extra("shipping_tier", "payment_type"),
    "engagement.ping": _GA4_OFFER | _extra("engagement_time_msec"),
}

_SNOWPLOW_ALWAYS: Final = (
    _BASKET
    | _CAMPAIGN
    | _extra(
        *("list_price", "size", "inventory_status", "position", "creative_id"),
        *("event_index", "session_index", "page_type", "page_title", "page_referrer", "app_id"),
        *("campaign_clickid", "campaign_network"),
    )
)
# What happened in the shop, and what else trackers tell of.
_SNOWPLOW_ACTIONS: Final = (
    *("product.viewed", "product.clicked", "list.viewed", "search.performed", "cart.item_added"),
    *("cart.item_removed", "checkout.step", "order.completed", "order.refunded"),
    *("promo.viewed", "promo.clicked"),
)
_SNOWPLOW_EXTRA: Final[dict[str, Fields]] = {
    **dict.fromkeys(("promo.viewed", "promo.clicked"), _PROMOTION | _extra("type", "slot")),
    **dict.fromkeys(("screen.viewed", "app.opened"), frozenset({ANY_EXTRA})),
    "search.performed": _extra("total_results", "page_results"),
    "checkout.step": _extra(
        *("step", "coupon", "delivery_provider", "delivery_method", "account_type", "payment_method"),
        "proof_of_payment",
    ),
    "order.completed": _extra(
        *("coupon", "tax", "shipping", "discount", "payment_method", "total_quantity", "credit_order"),
        "affiliation",
    ),
    "order.refunded": _extra("reason"),
}

# A dialect's kinds, and the fields that an event of each may have beside those that every event has.
DIALECTS: Final[Mapping[str, Mapping[str, Fields]]] = {
    "segment": {
        **{kind: _SEGMENT | _SEGMENT_EXTRA.get(kind, frozenset()) for kind in _SEGMENT_KINDS},
        CUSTOM: _SHOP | {ANY_EXTRA},
    },
    "cloudevents": {
        **dict.fromkeys(MOMENT_KINDS - BEACON_KINDS, _SHOP | {ANY_EXTRA}),
        **dict.fromkeys(BEACON_KINDS, _SIGHTING | _extra("partitionkey")),
        CUSTOM: _SHOP | {ANY_EXTRA},
    },
    "ga4": {
        **{kind: _GA4_ALWAYS | _GA4_EXTRA.get(kind, _GA4_OFFER) for kind in _GA4_KINDS},
        CUSTOM: _BASKET | {ANY_EXTRA},
    },
    "snowplow": {
        **{
            kind: _SNOWPLOW_ALWAYS | _extra("list_id") | _SNOWPLOW_EXTRA.get(kind, frozenset())
            for kind in _SNOWPLOW_ACTIONS
        },
        **{
            kind: _SNOWPLOW_ALWAYS | _SNOWPLOW_EXTRA.get(kind, frozenset())
            for kind in ("page.viewed", "screen.viewed", "engagement.ping", "app.opened")
        },
        CUSTOM: _SNOWPLOW_ALWAYS | {ANY_EXTRA},
    },
    "beacon": dict.fromkeys(BEACON_KINDS, _SIGHTING),
    "airship": dict.fromkeys(
        ("beacon.entered", "beacon.exited"),
        _extra("region_id", "source", "proximity_id") | {"site_id"},
    ),
    "radar": dict.fromkeys(
        ("beacon.entered", "beacon.exited", "beacon.dwelled", CUSTOM), frozenset({"site_id", "dwell_ms"})
    ),
}


def fields_of(event: Event) -> Fields:
    """Return the fields of the table that an event has, each item's and each name of `extra` among them."""
    found = {name for name in _PLAIN_FIELDS if getattr(event, name) is not None}
    found.update(EXTRA_PREFIX + name for name in event.extra)
    for item in event.items:
        found.add(ITEMS)
        found.update(f"{ITEMS}.{name}" for name in _ITEM_FIELDS if getattr(item, name) is not None)
    return frozenset(found)


def can_send(dialect: str, kind: str, field: str = "") -> bool:
    """Tell whether a dialect has events of this kind, and whether these may have the field, if one is named."""
    kinds = DIALECTS[dialect]
    if kind in VISIT_KINDS:
        return "beacon.entered" in kinds and field in _OF_VISITS
    is_custom = kind.startswith(CUSTOM_PREFIX)
    fields = kinds.get(CUSTOM if is_custom else kind)
    if fields is None or (is_custom and not _is_slug(kind.removeprefix(CUSTOM_PREFIX))):
        return False
    if not field or field in fields:
        return True
    return ANY_EXTRA in fields and field.startswith(EXTRA_PREFIX)


def _is_slug(name: str) -> bool:
    return name == name.lower() and _SLUG.fullmatch(name) is not None


def senders(dialects: Iterable[str], kind: str, field: str = "") -> Collection[str]:
    """Name those of the dialects that can send events of a kind, with the field if one is named."""
    return [dialect for dialect in dialects if can_send(dialect, kind, field)]
