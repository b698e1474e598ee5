"""What a condition on the catalog may hold: stock, prices and the hours of stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamproc.core.conditions_catalog import PLACES
from streamproc.core.context import WISHLIST_MAX
from streamproc.core.policy.event_shapes import MONEY, bounds
from streamproc.core.policy.shape import Choice, Duration, Flag, Key, Shape, Whole

MINUTE_MS: Final = 60_000
OPEN_FOR_MS_MAX: Final = 24 * 3_600_000
PLACE: Final = Choice(PLACES, "a place")
CATALOG_SHAPES: Final[Mapping[str, Shape]] = {
    "item.price_now": Shape(
        "What the item that triggers costs now, by the catalog.", MONEY, any_of=("min", "max")
    ),
    "wishlist.available": Shape(
        "How many items of the wish list are to be had, by the catalog.",
        {
            **bounds(Whole(0, WISHLIST_MAX)),
            "at": Key("From the shop, or here: in the store where the customer is.", PLACE, required=True),
        },
        any_of=("min", "max"),
    ),
    "site.open_for": Shape(
        "How much longer the store where the customer is stays open, by the catalog.",
        {
            "min": Key(
                "So long at least.",
                Duration(MINUTE_MS, OPEN_FOR_MS_MAX),
                required=True,
                looser="less",
                label="at least",
            )
        },
    ),
}
# What is written as one value instead of a mapping.
CATALOG_KEYS: Final[Mapping[str, Key]] = {
    "item.available": Key(
        "The item that triggers is to be had, by the catalog: from the shop, or here, where the customer is.",
        PLACE,
        label="in stock",
    ),
    "site.open": Key(
        "true: the store where the customer is is open now, by the catalog.", Flag(), label="store open"
    ),
}
CATALOG_LABELS: Final = {
    "item.price_now": "the item's price now",
    "wishlist.available": "in stock of the wish list",
    "site.open_for": "store open for",
}
