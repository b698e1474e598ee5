"""What the kinds of events mean to a campaign: which may trigger, carry an item, come from a beacon, imply a reason."""

from __future__ import annotations

from typing import Final

from streamproc.core.event import CUSTOM_PREFIX, MOMENT_KINDS

CONSENT_GRANTED: Final = "consent.granted"
TRIGGER_KINDS: Final = MOMENT_KINDS | {CONSENT_GRANTED}
# Kinds of records that this version does not make, and what to use in their place.
UNSUPPORTED_KINDS: Final = {
    "visit.started": "needs visits, which this version does not have; use beacon.entered",
    "visit.dwelled": "needs visits, which this version does not have; use beacon.dwelled",
    "visit.ended": "needs visits, which this version does not have; use beacon.exited",
    "item.available": "needs the catalog feed, which this version does not have",
    "item.price_dropped": "needs the catalog feed, which this version does not have",
    "timer.due": "needs timers, which this version does not have",
}
CODES: Final = ("viewed", "cart", "wishlist", "purchased", "declared", "asked", "visiting", "opted_in")
ALWAYS_TRUE_CODE: Final = "opted_in"

_ITEM_PREFIXES: Final = ("product.", "cart.", "wishlist.", "order.", "checkout.", "list.")
_CODE_BY_PREFIX: Final = {
    "product.": "viewed",
    "list.": "viewed",
    "cart.": "cart",
    "wishlist.": "wishlist",
    "beacon.": "visiting",
}
# What these did is the contrary of what the code of their neighbours says.
_CODE_BY_KIND: Final = {
    "cart.item_removed": None,
    "wishlist.removed": None,
    "order.completed": "purchased",
    "alert.requested": "asked",
}


def is_custom(kind: str) -> bool:
    """Tell whether a kind is a producer's own."""
    return kind.startswith(CUSTOM_PREFIX) and len(kind) > len(CUSTOM_PREFIX)


def is_sensed(kind: str) -> bool:
    """Tell whether events of this kind come from a beacon."""
    return kind.startswith("beacon.")


def has_item(kind: str) -> bool:
    """Tell whether events of this kind may name an item; a producer's own kind may."""
    return kind.startswith(_ITEM_PREFIXES) or kind == "alert.requested" or is_custom(kind)


def code_of(kind: str) -> str | None:
    """Return the reason code that an event of this kind makes true, or None."""
    if kind in _CODE_BY_KIND:
        return _CODE_BY_KIND[kind]
    return next((code for prefix, code in _CODE_BY_PREFIX.items() if kind.startswith(prefix)), None)
