"""The products of an event: one in its own fields, or a list of them, with its money."""

from __future__ import annotations

from typing import Final

from streamproc.core.event import ITEMS_MAX, TEXT_CHARS_MAX, Item, Reason
from streamproc.ingest.money import currency_and_scale, minor_units, within
from streamproc.ingest.product_shapes import Product, Properties
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Id, count, label, single_value, text

QUANTITY_MAX: Final = 9_999_999  # as Snowplow's schemas have it

# Events that are about one product and mean nothing without it.
SINGLE_KINDS: Final = frozenset(
    {
        "product.viewed",
        "product.clicked",
        "cart.item_added",
        "cart.item_removed",
        "wishlist.added",
        "wishlist.removed",
    }
)

# What else conditions may read, by kind.
_ORDER: Final = ("coupon", "checkout_id", "tax", "shipping", "discount")
_CHECKOUT: Final = ("checkout_id", "step", "coupon")
_LIST: Final = ("list_id", "category")
_PROMOTION: Final = ("promotion_id", "creative", "name", "position")
_COUPON: Final = ("coupon_id", "coupon_name", "coupon", "discount", "reason")
_MAILING: Final = ("list_id", "campaign_id")
EXTRA: Final = {
    "list.viewed": _LIST,
    "list.filtered": _LIST,
    "checkout.started": _CHECKOUT,
    "checkout.step": _CHECKOUT,
    "order.completed": _ORDER,
    "order.refunded": _ORDER,
    "order.cancelled": _ORDER,
    "order.updated": _ORDER,
    "promo.viewed": _PROMOTION,
    "promo.clicked": _PROMOTION,
    "coupon.entered": _COUPON,
    "coupon.applied": _COUPON,
    "coupon.denied": _COUPON,
    "coupon.removed": _COUPON,
    "nudge.delivered": _MAILING,
    "nudge.opened": _MAILING,
    "nudge.clicked": _MAILING,
    "nudge.bounced": _MAILING,
    "nudge.complained": _MAILING,
    "nudge.unsubscribed": _MAILING,
    "app.opened": ("from_background", "version", "build", "referring_application"),
}


# What a single product has of its place; its own dictionary, because hardly any has one.
_PLACE: Final = ("position", "coupon", "list_id")


Basket = tuple[tuple[Item, ...], str | None, int | None]


def basket_of(properties: Properties, kind: str) -> Basket:
    """Return items, currency and value in minor units of an event about products."""
    currency, scale = currency_and_scale(properties.currency, "currency")
    item_id = properties.product_id or properties.sku or properties.item_id
    items: tuple[Item, ...] = ()
    if properties.products:
        items = _items(properties.products, scale, "products")
    elif properties.items:
        items = _items(properties.items, scale, "items")
    elif item_id:
        items = (item_of(properties, scale, item_id),)
    elif kind in SINGLE_KINDS:
        raise Refused(Reason.MISSING_FIELD, "product_id")
    return items, currency, _value_minor(properties, scale)


def custom_basket_of(properties: Properties) -> Basket:
    """Return the same of a custom event, or nothing if it is not well-formed.

    Its fields are the producer's own words and may share a name with ours by accident.
    """
    try:
        return basket_of(properties, "")
    except Refused:
        return (), None, None


def _items(products: list[Product], scale: int, field: str) -> tuple[Item, ...]:
    if len(products) > ITEMS_MAX:
        raise Refused(Reason.TOO_MANY, field, f"{len(products)} > {ITEMS_MAX}")
    items = []
    for place, product in enumerate(products):
        try:
            item_id = product.product_id or product.sku or product.item_id or product.id
            items.append(item_of(product, scale, item_id))
        except Refused as refused:
            raise refused.under(f"{field}[{place}]") from None
    return tuple(items)


def item_of(product: Product, scale: int, item_id: Id, id_field: str = "product_id") -> Item:
    """Return a product as an item; `scale` is that of its money, `id_field` what the producer calls the id."""
    named = label(item_id, id_field)
    if named is None:
        raise Refused(Reason.MISSING_FIELD, id_field)
    variant = str(product.variant) if isinstance(product.variant, int) else product.variant
    name, brand, category = product.name, product.brand, product.category
    # One look at all four texts together costs a third of four looks, and they hardly ever need cleaning.
    together = f"{name}{brand}{category}{variant}"
    if len(together) > TEXT_CHARS_MAX or not together.isprintable():
        name, brand = text(name, "name"), text(brand, "brand")
        category, variant = text(category, "category"), text(variant, "variant")
    if product.price_minor is not None:
        price_minor: int | None = within(product.price_minor, "price_minor")
    else:
        price_minor = minor_units(product.price, scale, "price")
    quantity = product.quantity
    if quantity is not None and quantity != 1:
        quantity = count(quantity, "quantity", 0, QUANTITY_MAX)
    else:
        quantity = None if quantity is None else 1
    return Item(named, name or None, brand or None, category or None, variant or None, price_minor, quantity)


def _value_minor(properties: Properties, scale: int) -> int | None:
    if properties.value_minor is not None:
        return within(properties.value_minor, "value_minor")
    if properties.total is not None:
        return minor_units(properties.total, scale, "total")
    if properties.revenue is not None:
        return minor_units(properties.revenue, scale, "revenue")
    value = properties.value
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Refused(Reason.WRONG_TYPE, "value", "expected a decimal number")
    return minor_units(value, scale, "value")


def extra_of(properties: Properties, kind: str) -> dict[str, str | int | float | bool]:
    """Return the further fields of a known kind that conditions may read, as an event keeps them."""
    extra: dict[str, str | int | float | bool] = {}
    for name in _PLACE if kind in SINGLE_KINDS else EXTRA.get(kind, ()):
        value = getattr(properties, name)
        if value is not None and (single := single_value(value, name)) is not None:
            extra[name] = single
    return extra
