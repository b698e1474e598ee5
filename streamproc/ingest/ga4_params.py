"""The parameters of a GA4 event: its items with their money, and what else conditions may read."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streamproc.core.event import EXTRA_MAX, ITEMS_MAX, TEXT_CHARS_MAX, Item, Reason
from streamproc.ingest.money import currency_and_scale, minor_units
from streamproc.ingest.products import QUANTITY_MAX, Basket
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Id, Number, Scalar, count, kept, label, text

Extra = dict[str, str | int | float | bool]


class Offer(msgspec.Struct, gc=False, omit_defaults=True):
    """One entry of `items`; its further fields describe how it was offered."""

    item_id: Id = None
    item_name: str | None = None
    item_brand: str | None = None
    item_category: str | None = None
    item_category2: str | None = None
    item_category3: str | None = None
    item_category4: str | None = None
    item_category5: str | None = None
    item_variant: str | int | None = None
    price: Number = None
    quantity: Number = None
    currency: str | None = None
    index: Scalar = None
    item_list_id: Scalar = None
    item_list_name: Scalar = None
    coupon: Scalar = None
    discount: Scalar = None
    affiliation: Scalar = None
    location_id: Scalar = None
    promotion_id: Scalar = None
    promotion_name: Scalar = None
    creative_name: Scalar = None
    creative_slot: Scalar = None


class Params(msgspec.Struct, gc=False, omit_defaults=True):
    """The parameters that are read, in the order in which tag managers send them, which the decoder likes best.

    Google turns text that looks like a number into one, so most texts may be numbers.
    """

    currency: str | None = None
    value: Number = None
    items: list[Offer] | None = None
    engagement_time_msec: Scalar = None
    language: str | None = None
    ga_session_id: Id = None
    ga_session_number: Scalar = None
    page_location: str | None = None
    page_referrer: Scalar = None
    page_title: Scalar = None
    session_id: Id = None
    transaction_id: Id = None
    coupon: Scalar = None
    tax: Scalar = None
    shipping: Scalar = None
    affiliation: Scalar = None
    shipping_tier: Scalar = None
    payment_type: Scalar = None
    search_term: str | int | float | None = None
    item_id: Id = None
    item_list_id: Scalar = None
    item_list_name: Scalar = None
    promotion_id: Scalar = None
    promotion_name: Scalar = None
    creative_name: Scalar = None
    creative_slot: Scalar = None
    screen_name: Scalar = None
    firebase_screen: Scalar = None
    campaign_name: Scalar = None
    campaign_source: Scalar = None
    campaign_medium: Scalar = None
    campaign_term: Scalar = None
    campaign_content: Scalar = None
    nudge_id: Id = None


NO_PARAMS: Final = Params()
NO_BASKET: Final[Basket] = ((), None, None)

Names = tuple[
    tuple[str, str], ...
]  # in `extra`, where other dialects have the same names; and in the payload

_LIST: Final[Names] = (("list_id", "item_list_id"), ("list_name", "item_list_name"))
_PROMOTION: Final[Names] = (
    ("promotion_id", "promotion_id"),
    ("name", "promotion_name"),
    ("creative", "creative_name"),
    ("position", "creative_slot"),
)
_COUPON: Final[Names] = (("coupon", "coupon"),)
_ORDER: Final[Names] = (
    *_COUPON,
    ("tax", "tax"),
    ("shipping", "shipping"),
    ("affiliation", "affiliation"),
)
_VIEW: Final[Names] = tuple(
    (name, name)
    for name in (
        *("page_title", "page_referrer", "screen_name", "firebase_screen"),
        *("campaign_name", "campaign_source", "campaign_medium", "campaign_term", "campaign_content"),
    )
)
_OWN: Final[dict[str, Names]] = {
    "product.clicked": _LIST,
    "list.viewed": _LIST,
    "checkout.started": _COUPON,
    "checkout.step": (
        *_COUPON,
        ("shipping_tier", "shipping_tier"),
        ("payment_type", "payment_type"),
    ),
    "order.completed": _ORDER,
    "order.refunded": _ORDER,
    "promo.viewed": _PROMOTION,
    "promo.clicked": _PROMOTION,
    "page.viewed": _VIEW,
    "screen.viewed": _VIEW,
    "engagement.ping": (("engagement_time_msec", "engagement_time_msec"),),
}
_VIEWS: Final = frozenset({"page.viewed", "screen.viewed"})
# Google lets these stand in the items instead, each item with the same.
_PROMOTIONS: Final = frozenset({"promo.viewed", "promo.clicked"})
# An item of ours has no place for how it was offered; the event has one if it is about one item.
_OFFER: Final[Names] = (
    ("position", "index"),
    *_LIST,
    *_COUPON,
    ("discount", "discount"),
    ("affiliation", "affiliation"),
    ("location_id", "location_id"),
)
# Of a custom event everything is its own words, but for what says where it came from and what could reach a person.
_NOT_OWN_WORDS: Final = frozenset(
    (
        *("event_name", "client_id", "app_instance_id", "user_id", "user_agent", "ip_override", "language"),
        *("screen_resolution", "page_location", "page_referrer", "page_title", "session_id", "ga_session_id"),
        *("timestamp_micros", "event_timestamp", "debug_mode", "currency"),
        *("email", "email_address", "phone", "phone_number", "address", "avatar"),
    )
)
_TECHNICAL_PREFIX: Final = "x-"
_PLAIN_END: Final = 2**31


def basket_of(params: Params) -> Basket:
    """Return items, currency and value in minor units; of more than ITEMS_MAX items the first.

    There may be none: Google asks for items, and its tag managers pass on a `view_item` without.
    """
    offers = params.items
    if params.currency or not offers:
        currency, scale = currency_and_scale(params.currency, "currency")
    else:
        currency, scale = _currency_of(offers)
    items = []
    if offers:
        place = 0
        try:
            for place, offer in enumerate(offers if len(offers) <= ITEMS_MAX else offers[:ITEMS_MAX]):  # noqa: B007
                if offer.currency and offer.currency.upper() != currency:
                    raise Refused(Reason.UNKNOWN_VALUE, "currency", "another one than the event's")
                items.append(_item(offer, scale))
        except Refused as refused:
            raise refused.under(f"items[{place}]") from None
    elif (item_id := label(params.item_id, "item_id")) is not None:
        items.append(Item(item_id))
    value = params.value
    return tuple(items), currency, None if value is None else minor_units(value, scale, "value")


def custom_basket_of(params: Params) -> Basket:
    """Return the same of a custom event, or nothing if it is not well-formed: its words may be ours by accident."""
    try:
        return basket_of(params)
    except Refused:
        return NO_BASKET


def _currency_of(offers: list[Offer]) -> tuple[str | None, int]:
    """Return the currency that the first item with one names, for an event that names none."""
    for place, offer in enumerate(offers):
        if offer.currency:
            return currency_and_scale(offer.currency, f"items[{place}].currency")
    return currency_and_scale(None, "")


def _item(offer: Offer, scale: int) -> Item:
    # Google asks for an id or a name; the name stands for an id that is missing.
    item_id = label(offer.item_id, "item_id") or label(offer.item_name, "item_name")
    if item_id is None:
        raise Refused(Reason.MISSING_FIELD, "item_id", "neither item_id nor item_name")
    name, brand, category = offer.item_name, offer.item_brand, offer.item_category
    if offer.item_category3 or offer.item_category4 or offer.item_category5:
        category = _path(offer)
    elif offer.item_category2:
        category = f"{category}/{offer.item_category2}" if category else offer.item_category2
    variant = str(offer.item_variant) if isinstance(offer.item_variant, int) else offer.item_variant
    # One look at all four texts together costs a third of four looks, and they hardly ever need cleaning.
    together = f"{name}{brand}{category}{variant}"
    if len(together) > TEXT_CHARS_MAX or not together.isprintable():
        name, brand = text(name, "item_name"), text(brand, "item_brand")
        category, variant = text(category, "item_category"), text(variant, "item_variant")
    price = offer.price
    price_minor = None if price is None else minor_units(price, scale, "price")
    quantity = offer.quantity
    if quantity is not None and quantity != 1:
        quantity = count(quantity, "quantity", 0, QUANTITY_MAX)
    else:
        quantity = None if quantity is None else 1
    return Item(
        item_id, name or None, brand or None, category or None, variant or None, price_minor, quantity
    )


def _path(offer: Offer) -> str:
    """Join the levels of a category, of which any may be missing, as the policy's patterns have them."""
    levels = (offer.item_category, offer.item_category2, offer.item_category3)
    deeper = (offer.item_category4, offer.item_category5)
    return "/".join([level for level in levels + deeper if level])


def extra_of(params: Params, kind: str) -> Extra:
    """Return the further fields of a known kind that conditions may read."""
    found: dict[str, Scalar] = {}
    own = _OWN.get(kind)
    if own is not None:
        _add(found, params, own)
    offers = params.items
    if offers:
        if kind in _PROMOTIONS:
            _add(found, offers[0], _PROMOTION)
        elif len(offers) == 1 and kind not in _VIEWS:
            offer = offers[0]
            # Most items say nothing of how they were offered, and looking is cheaper than asking a function to look.
            if (
                offer.index is not None
                or offer.item_list_id is not None
                or offer.item_list_name is not None
                or offer.coupon is not None
                or offer.discount is not None
                or offer.affiliation is not None
                or offer.location_id is not None
            ):
                _add(found, offer, _OFFER)
        if len(offers) > ITEMS_MAX:
            found["items_total"] = len(offers)
    extra = kept(found, EXTRA_MAX - 1) if found else {}
    session_number = params.ga_session_number
    if session_number is not None:
        if type(session_number) is int and 0 <= session_number < _PLAIN_END:
            extra["ga_session_number"] = session_number
        else:
            extra |= kept({"ga_session_number": session_number}, 1)
    return extra


def _add(found: dict[str, Scalar], source: Params | Offer, names: Names) -> None:
    """Add what is not known yet; empty text says nothing."""
    for name, attribute in names:
        value = getattr(source, attribute)
        if value is not None and value != "":
            found.setdefault(name, value)


def own_words(params: dict[str, Any]) -> Extra:
    """Return the first single values of a custom event, without addresses and technical parameters."""
    return kept(
        {
            name: value
            for name, value in params.items()
            if name not in _NOT_OWN_WORDS and not name.startswith(_TECHNICAL_PREFIX)
        },
        EXTRA_MAX,
    )
