"""What an event is about in things and money: its items, their currency, and what it is worth."""

from __future__ import annotations

from streamproc.core.event import ITEMS_MAX, Item, Reason
from streamproc.ingest.money import currency_and_scale, currency_code, minor_units
from streamproc.ingest.products import SINGLE_KINDS, Basket, item_of
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Number
from streamproc.ingest.snowplow.entities import Entities, Product

_Worth = tuple[str | None, str, Number, str]  # currency and amount, each with the field it stands in


def basket_of(kind: str, entities: Entities) -> Basket:
    """Return items, currency and value in minor units.

    Money is of the order, the refund or the cart, in this order. A product priced in another currency than that
    keeps no price, since an event has one currency.
    """
    code, code_field, amount, amount_field = _worth(entities)
    if not code and entities.product:
        code, code_field = entities.product[0].currency, "product[0].currency"
    currency, scale = currency_and_scale(code, code_field)
    items = _items(entities.product, code, currency, scale) if entities.product else ()
    if not items and kind in SINGLE_KINDS:
        raise Refused(Reason.MISSING_FIELD, "product")
    return items, currency, minor_units(amount, scale, amount_field)


def _worth(entities: Entities) -> _Worth:
    if entities.transaction:
        order = entities.transaction[0]
        return order.currency, "transaction[0].currency", order.revenue, "transaction[0].revenue"
    if entities.refund:
        refund = entities.refund[0]
        return refund.currency, "refund[0].currency", refund.refund_amount, "refund[0].refund_amount"
    if entities.cart:
        cart = entities.cart[0]
        return cart.currency, "cart[0].currency", cart.total_value, "cart[0].total_value"
    return None, "", None, ""


def _items(products: list[Product], code: str | None, currency: str | None, scale: int) -> tuple[Item, ...]:
    if len(products) > ITEMS_MAX:
        raise Refused(Reason.TOO_MANY, "product", f"{len(products)} > {ITEMS_MAX}")
    items = []
    for place, product in enumerate(products):
        try:
            other = product.currency
            if other and other != code and currency_code(other, "currency") != currency:
                product.price = None
            items.append(item_of(product, scale, product.id, "id"))
        except Refused as refused:
            raise refused.under(f"product[{place}]") from None
    return tuple(items)
