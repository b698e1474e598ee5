"""Who watches an item: it is on the wish list, or the customer asked to be told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.context import WATCHING_MAX, Context, Line, RememberedItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.arrival import Arrival, Customer

ITEM_AVAILABLE: Final = "item.available"
ITEM_PRICE_DROPPED: Final = "item.price_dropped"
ITEM_KINDS: Final = frozenset({ITEM_AVAILABLE, ITEM_PRICE_DROPPED})
"""What watchers are told of."""
# Where an event of a dropped price keeps the price before, in minor units.
PRICE_BEFORE: Final = "price_before_minor"
WATCH_KINDS: Final = frozenset({"wishlist.added", "wishlist.removed", "alert.requested", "order.completed"})
"""The events after which a customer may watch other items than before."""
# Who wished for something half a year ago has it, or does without.
WATCH_MS: Final = 180 * 86_400_000


class Watch(msgspec.Struct, frozen=True):
    """Say that a customer watches an item since `at_ms`; None: no longer. The customer is known by hash alone."""

    item_id: str
    h: str
    at_ms: int | None


def ask_for(context: Context, item: RememberedItem, at_ms: int, currency: str) -> None:
    """Remember that the customer asked to be told of an item; the oldest such request goes beyond `WATCHING_MAX`."""
    after_ms = at_ms - WATCH_MS
    others = [
        line for line in context.watching if line.item.item_id != item.item_id and line.at_ms > after_ms
    ]
    context.watching = [*others, Line(at_ms, item, currency)][-WATCHING_MAX:]


def watched(context: Context, item_id: str, now_ms: int) -> Line | None:
    """Return what the customer last knew of an item that they watch; None if they do not."""
    after_ms = now_ms - WATCH_MS
    for lines in (context.watching, context.wishlist):
        for line in reversed(lines):
            if line.item.item_id == item_id:
                if line.at_ms > after_ms:
                    return line
                break
    return None


def watches_after(customer: Customer, arrivals: Iterable[Arrival]) -> list[Watch]:
    """Say of each item that these events may have changed it for whether their customer watches it now.

    It is the same whenever they are read again, but for what was forgotten: that is forgotten once.
    """
    context, h = customer.context, customer.h
    found = [Watch(item_id, h, None) for item_id in customer.unwatched]
    for arrival in arrivals:
        event = arrival.event
        if event.kind in WATCH_KINDS:
            for item in event.items:
                line = watched(context, item.item_id, context.last_ms) if context is not None else None
                found.append(Watch(item.item_id, h, None if line is None else line.at_ms))
    return found


def remembered_of(context: Context, item: RememberedItem, now_ms: int) -> RememberedItem:
    """Fill in what the catalog does not say of an item from what its watcher last knew of it."""
    line = watched(context, item.item_id, now_ms)
    if line is None:
        return item
    known = line.item
    return RememberedItem(
        item.item_id,
        item.category or known.category,
        item.brand or known.brand,
        item.name or known.name,
        item.price_minor,
    )


def known_currency(context: Context, item_id: str, now_ms: int) -> str:
    """Return the currency in which the customer last saw the price of an item they watch; empty if that is unknown."""
    line = watched(context, item_id, now_ms)
    return "" if line is None or line.item.price_minor is None else line.currency
