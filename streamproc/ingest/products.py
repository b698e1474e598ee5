"""The products of an event: one in its own fields, or a list of them, with its money."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streamproc.core.event import ITEMS_MAX, Item, Reason
from streamproc.ingest.money import currency_code, digits_of, minor_units, within
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Id, Number, Scalar, count, label, text

QUANTITY_MAX: Final = 1_000_000

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

# What else is worth keeping, by the first word of the kind.
_EXTRA: Final = {
    "list": ("list_id", "category"),
    "checkout": ("checkout_id", "step", "coupon"),
    "order": ("coupon", "checkout_id"),
    "promo": ("promotion_id", "creative", "name", "position"),
    "coupon": ("coupon_id", "coupon_name", "coupon", "discount", "reason"),
}


class Product(msgspec.Struct, gc=False):
    """One product, under the names that producers use."""

    product_id: Id = None
    sku: Id = None
    name: str | None = None
    brand: str | None = None
    category: str | None = None
    variant: str | int | None = None
    price: Number = None
    quantity: Number = None
    item_id: Id = None
    id: Id = None
    price_minor: int | None = None


class Properties(Product, gc=False):
    """The fields of an event about products; of an event about one product they are the product's own."""

    currency: str | None = None
    products: list[Product] | None = None
    cart_id: Id = None
    order_id: Id = None
    value: Any = None  # other specifications use this name for other things; read as money where it is money
    total: Number = None
    revenue: Number = None
    query: str | None = None
    url: str | None = None
    coupon: Scalar = None
    list_id: Scalar = None
    checkout_id: Scalar = None
    step: Scalar = None
    promotion_id: Scalar = None
    creative: Scalar = None
    position: Scalar = None
    coupon_id: Scalar = None
    coupon_name: Scalar = None
    discount: Scalar = None
    reason: Scalar = None
    items: list[Product] | None = None
    value_minor: int | None = None
    site_id: Id = None
    store_id: Id = None
    zone_id: Id = None
    nudge_id: Id = None
    action: Scalar = None
    gpc: Scalar = None


class Basket(msgspec.Struct, gc=False):
    """What the products of an event come to."""

    items: tuple[Item, ...] = ()
    currency: str | None = None
    value_minor: int | None = None


NOTHING: Final = Properties()
_EMPTY: Final = Basket()


def basket_of(properties: Properties, kind: str) -> Basket:
    """Return items, currency and value; a custom event's products are taken only if they are well-formed."""
    if kind.startswith("custom."):
        try:
            return _basket(properties, kind)
        except Refused:
            # Its fields are the producer's own words and may share a name with ours by accident.
            return _EMPTY
    return _basket(properties, kind)


def _basket(properties: Properties, kind: str) -> Basket:
    currency = currency_code(properties.currency, "currency")
    digits = digits_of(currency)
    if properties.products:
        items = _items(properties.products, digits, "products")
    elif properties.items:
        items = _items(properties.items, digits, "items")
    elif properties.product_id or properties.sku or properties.item_id:
        items = (_item(properties, digits, properties.product_id or properties.sku or properties.item_id),)
    elif kind in SINGLE_KINDS:
        raise Refused(Reason.MISSING_FIELD, "product_id")
    else:
        items = ()
    return Basket(items, currency, _value_minor(properties, digits))


def _items(products: list[Product], digits: int, field: str) -> tuple[Item, ...]:
    if len(products) > ITEMS_MAX:
        raise Refused(Reason.TOO_MANY, field, f"{len(products)} > {ITEMS_MAX}")
    items = []
    for place, product in enumerate(products):
        try:
            item_id = product.product_id or product.sku or product.item_id or product.id
            items.append(_item(product, digits, item_id))
        except Refused as refused:
            raise refused.under(f"{field}[{place}]") from None
    return tuple(items)


def _item(product: Product, digits: int, item_id: Id) -> Item:
    named = label(item_id, "product_id")
    if named is None:
        raise Refused(Reason.MISSING_FIELD, "product_id")
    variant = product.variant
    if product.price_minor is not None:
        price_minor: int | None = within(product.price_minor, "price_minor")
    else:
        price_minor = minor_units(product.price, digits, "price")
    return Item(
        named,
        text(product.name, "name"),
        text(product.brand, "brand"),
        text(product.category, "category"),
        str(variant) if isinstance(variant, int) else text(variant, "variant"),
        price_minor,
        count(product.quantity, "quantity", 0, QUANTITY_MAX),
    )


def _value_minor(properties: Properties, digits: int) -> int | None:
    if properties.value_minor is not None:
        return within(properties.value_minor, "value_minor")
    if properties.total is not None:
        return minor_units(properties.total, digits, "total")
    if properties.revenue is not None:
        return minor_units(properties.revenue, digits, "revenue")
    value = properties.value
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Refused(Reason.WRONG_TYPE, "value", "expected a decimal number")
    return minor_units(value, digits, "value")


def extra_of(properties: Properties, kind: str) -> dict[str, Scalar]:
    """Return the further fields of a known kind that conditions may read."""
    names = _EXTRA.get(kind.partition(".")[0])
    if names is None:
        return {}
    found: dict[str, Scalar] = {}
    for name in names:
        value = getattr(properties, name)
        if value is not None:
            found[name] = value
    return found
