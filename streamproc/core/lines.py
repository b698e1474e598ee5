"""The lines of a cart and of a wish list, the same in whatever order they are told of.

A line that arrives after its removal, or after the order that emptied the cart, stays out.
"""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter
from typing import Final

from streamproc.core.context import CART_LINES_MAX, WISHLIST_MAX, Context, Line

CART: Final = "cart"
WISHLIST: Final = "wishlist"
# An event counts for a day; hardly anybody takes out more than so many items in one.
CLEARED_MAX: Final = 32
_AT_MS: Final = attrgetter("at_ms")


def put_in_cart(context: Context, line: Line) -> None:
    """Add a line to the cart; at most the newest `CART_LINES_MAX` stay."""
    context.cart = _put(context, CART, context.cart, line)[-CART_LINES_MAX:]


def put_on_wishlist(context: Context, line: Line) -> None:
    """Add a line to the wish list; at most the newest `WISHLIST_MAX` stay."""
    context.wishlist = _put(context, WISHLIST, context.wishlist, line)[-WISHLIST_MAX:]


def take_from_cart(context: Context, item_ids: Collection[str], at_ms: int) -> None:
    """Take these items out of the cart; what was put in later stays."""
    context.cart = _take(context, CART, context.cart, item_ids, at_ms)


def take_from_wishlist(context: Context, item_ids: Collection[str], at_ms: int) -> None:
    """Take these items off the wish list; what was put on later stays."""
    context.wishlist = _take(context, WISHLIST, context.wishlist, item_ids, at_ms)


def empty_cart(context: Context, at_ms: int) -> None:
    """Empty the cart of what was in it when an order was placed; a line added after it stays."""
    _clear(context, CART, at_ms)
    context.cart = [line for line in context.cart if line.at_ms > at_ms]


def _put(context: Context, name: str, lines: list[Line], line: Line) -> list[Line]:
    cleared, item_id, at_ms = context.cleared, line.item.item_id, line.at_ms
    # Shops tell of another number of pieces as a removal and an addition at one moment, in this order.
    if cleared and (at_ms < cleared.get(f"{name}/{item_id}", 0) or at_ms <= cleared.get(name, 0)):
        return lines
    kept: list[Line] = []
    for one in lines:
        if one.item.item_id != item_id:
            kept.append(one)
        elif one.at_ms > at_ms:
            return lines
    kept.append(line)
    kept.sort(key=_AT_MS)
    return kept


def _take(
    context: Context, name: str, lines: list[Line], item_ids: Collection[str], at_ms: int
) -> list[Line]:
    for item_id in item_ids:
        _clear(context, f"{name}/{item_id}", at_ms)
    return [line for line in lines if line.item.item_id not in item_ids or line.at_ms > at_ms]


def _clear(context: Context, key: str, at_ms: int) -> None:
    """Note when something was taken out, and forget the oldest such note beyond `CLEARED_MAX`."""
    cleared = context.cleared
    cleared[key] = max(at_ms, cleared.get(key, 0))
    if len(cleared) > CLEARED_MAX:
        del cleared[min(cleared, key=lambda one: cleared[one])]
