"""The events of before there were schemas, told in the words of today: structured ones, orders, changes of a cart."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import field

from streamproc.ingest.scalars import Id, Number
from streamproc.ingest.snowplow.described import CartChange, Told
from streamproc.ingest.snowplow.entities import Entities, Product, Transaction

_STRUCTURED: Final = frozenset({"se", "struct"})
_ORDERS: Final = frozenset({"tr", "transaction"})
_ORDERED: Final = frozenset({"ti", "transaction_item"})
EVENTS: Final = _STRUCTURED | _ORDERS | _ORDERED

_ORDER_COMPLETED: Final = "order.completed"
_ORDER_NAMES: Final = {
    "transaction[0].transaction_id": "tr_orderid",
    "transaction[0].revenue": "tr_total",
    "transaction[0].currency": "tr_currency",
}
_ORDERED_NAMES: Final = {
    "transaction[0].transaction_id": "ti_orderid",
    "product[0].id": "ti_sku",
    "product[0].name": "ti_name",
    "product[0].category": "ti_category",
    "product[0].price": "ti_price",
    "product[0].quantity": "ti_quantity",
    "product[0].currency": "ti_currency",
}


class Old(msgspec.Struct, gc=False):
    """The fields of these events alone, under the names of the enriched event."""

    se_category: str | None = None
    se_action: str | None = None
    se_label: str | None = None
    se_property: str | None = None
    se_value: Number = None
    tr_orderid: Id = None
    tr_affiliation: str | None = None
    tr_total: Number = None
    tr_tax: Number = None
    tr_shipping: Number = None
    ti_orderid: Id = None
    ti_sku: Id = None
    ti_name: str | None = None
    ti_category: str | None = None
    ti_price: Number = None
    ti_quantity: Number = None
    tr_currency: str | None = None
    ti_currency: str | None = None


class OldTracked(Old, gc=False):
    """The same under a tracker's names."""

    se_category: str | None = field(name="se_ca", default=None)
    se_action: str | None = field(name="se_ac", default=None)
    se_label: str | None = field(name="se_la", default=None)
    se_property: str | None = field(name="se_pr", default=None)
    se_value: Number = field(name="se_va", default=None)
    tr_orderid: Id = field(name="tr_id", default=None)
    tr_affiliation: str | None = field(name="tr_af", default=None)
    tr_total: Number = field(name="tr_tt", default=None)
    tr_tax: Number = field(name="tr_tx", default=None)
    tr_shipping: Number = field(name="tr_sh", default=None)
    ti_orderid: Id = field(name="ti_id", default=None)
    ti_sku: Id = field(name="ti_sk", default=None)
    ti_name: str | None = field(name="ti_nm", default=None)
    ti_category: str | None = field(name="ti_ca", default=None)
    ti_price: Number = field(name="ti_pr", default=None)
    ti_quantity: Number = field(name="ti_qu", default=None)
    tr_currency: str | None = field(name="tr_cu", default=None)
    ti_currency: str | None = field(name="ti_cu", default=None)
    other_name: str | None = field(name="ti_na", default=None)


def told_by(event: str, old: Old, entities: Entities) -> Told:
    """Return what one of EVENTS tells, and add its entities.

    An order arrives as one event for itself and one for each thing bought. Each counts as an order completed, for
    what was bought must restrain.
    """
    if event in _ORDERS:
        order = Transaction(
            transaction_id=old.tr_orderid,
            revenue=old.tr_total,
            currency=old.tr_currency,
            tax=old.tr_tax,
            shipping=old.tr_shipping,
        )
        entities.transaction = [order]
        return Told("transaction", {"affiliation": old.tr_affiliation}, _ORDER_COMPLETED, _ORDER_NAMES)
    if event in _ORDERED:
        product = Product(
            id=old.ti_sku,
            name=old.ti_name or (old.other_name if isinstance(old, OldTracked) else None),
            category=old.ti_category,
            price=old.ti_price,
            quantity=old.ti_quantity,
            currency=old.ti_currency,
        )
        entities.product = [product]
        entities.transaction = [Transaction(transaction_id=old.ti_orderid)]
        return Told("transaction_item", {}, _ORDER_COMPLETED, _ORDERED_NAMES)
    own = {
        "se_category": old.se_category,
        "se_label": old.se_label,
        "se_property": old.se_property,
        "se_value": old.se_value,
    }
    return Told(old.se_action or old.se_category or "struct", own)


def cart_changed(told: Told, change: CartChange, entities: Entities) -> Told:
    """Return what a change of the cart tells, and add its product."""
    product = Product(
        id=change.sku,
        name=change.name,
        category=change.category,
        price=change.unit_price,
        quantity=change.quantity,
        currency=change.currency,
    )
    entities.product = [product]
    names = {
        f"product[0].{ours}": f"{told.name}.{theirs}"
        for ours, theirs in (
            ("id", "sku"),
            ("name", "name"),
            ("category", "category"),
            ("price", "unitPrice"),
            ("quantity", "quantity"),
            ("currency", "currency"),
        )
    }
    return Told(told.name, {}, told.kind, names)
