"""The shapes of products, and of the events about them, under the names that producers use."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streamproc.ingest.scalars import Id, Number, Scalar


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
    title: Scalar = None
    referrer: Scalar = None
    tax: Scalar = None
    shipping: Scalar = None
    campaign_id: Scalar = None
    from_background: Scalar = None
    version: Scalar = None
    build: Scalar = None
    referring_application: Scalar = None
    items: list[Product] | None = None
    value_minor: int | None = None
    site_id: Id = None
    store_id: Id = None
    zone_id: Id = None
    nudge_id: Id = None
    action: Scalar = None
    gpc: Scalar = None
    sec_gpc: Scalar = None


NOTHING: Final = Properties()
