"""What the kinds of events mean to a campaign: which may trigger, carry an item, come from a beacon, imply a reason."""

from __future__ import annotations

from typing import Final

from streamproc.core.event import (
    BEACON_KINDS,
    CUSTOM_PREFIX,
    MOMENT_KINDS,
    VISIT_DWELLED,
    VISIT_ENDED,
    VISIT_KINDS,
    VISIT_STARTED,
)
from streamproc.core.watching import ITEM_KINDS

CONSENT_GRANTED: Final = "consent.granted"
# What customers do, which may end a waiting. A visit begins and ends in one reading at times, and may not.
DONE_KINDS: Final = MOMENT_KINDS - BEACON_KINDS
# What conditions may look for: of a visit that it was, not how often a reading found it longer than some length.
PAST_KINDS: Final = DONE_KINDS | {VISIT_STARTED, VISIT_ENDED}
# What producers send, or what follows from it.
SENT_KINDS: Final = PAST_KINDS | {VISIT_DWELLED}
TRIGGER_KINDS: Final = SENT_KINDS | {CONSENT_GRANTED} | ITEM_KINDS
_READING: Final = "is one reading of a radio, which proves nothing; use"
# Kinds that no rule may name, and what to use in their place.
UNSUPPORTED_KINDS: Final = {
    "beacon.entered": f"{_READING} {VISIT_STARTED}",
    "beacon.ranged": f"{_READING} {VISIT_STARTED}",
    "beacon.dwelled": f"{_READING} {VISIT_DWELLED}, with dwell_min",
    "beacon.exited": f"{_READING} {VISIT_ENDED}",
    "timer.due": "is no event of a customer's; a campaign that is asked later has wait",
}
CODES: Final = (
    *("viewed", "cart", "wishlist", "purchased", "declared", "asked", "watching", "visiting", "opted_in"),
)
# Newer than policies that are in force: only a campaign that gives it as its reason needs its sentence.
LATER_CODES: Final = frozenset({"watching"})
ALWAYS_TRUE_CODE: Final = "opted_in"

_ITEM_PREFIXES: Final = ("product.", "cart.", "wishlist.", "order.", "checkout.", "list.", "item.")
_CODE_BY_PREFIX: Final = {
    "product.": "viewed",
    "list.": "viewed",
    "cart.": "cart",
    "wishlist.": "wishlist",
    "visit.": "visiting",
    "item.": "watching",
}
# What these did is the contrary of what the code of their neighbours says.
_CODE_BY_KIND: Final = {
    "cart.item_removed": None,
    "wishlist.removed": None,
    "order.completed": "purchased",
    "alert.requested": "asked",
}


# Where what an event tells comes from. What a customer says or does to be heard is their own word; all else that they
# do, a producer's own kinds too, was seen.
_DECLARED_KINDS: Final = frozenset({"app.opened", "wishlist.added", "alert.requested", CONSENT_GRANTED})
_PROVENANCE_BY_PREFIX: Final = {
    "beacon.": "sensed",
    "visit.": "sensed",
    "order.": "purchased",
    "item.": "declared",
}
_PROVENANCE_BY_CODE: Final = {
    "viewed": "viewed",
    "cart": "viewed",
    "wishlist": "declared",
    "purchased": "purchased",
    "declared": "declared",
    "asked": "declared",
    "watching": "declared",
    "visiting": "sensed",
    "opted_in": "declared",
}


def provenance_of(kind: str) -> str:
    """Say where what an event of this kind tells comes from."""
    if kind in _DECLARED_KINDS:
        return "declared"
    return next(
        (source for prefix, source in _PROVENANCE_BY_PREFIX.items() if kind.startswith(prefix)), "viewed"
    )


def provenance_of_code(code: str) -> str:
    """Say where that comes from which makes a reason true."""
    return _PROVENANCE_BY_CODE[code]


def is_custom(kind: str) -> bool:
    """Tell whether a kind is a producer's own."""
    return kind.startswith(CUSTOM_PREFIX) and len(kind) > len(CUSTOM_PREFIX)


def is_sensed(kind: str) -> bool:
    """Tell whether events of this kind follow from what a beacon heard."""
    return kind in VISIT_KINDS


def names_site(kind: str) -> bool:
    """Tell whether a trigger of this kind may ask for stores: it happens in one, or is news of one."""
    return is_sensed(kind) or is_custom(kind) or kind in ITEM_KINDS


def has_item(kind: str) -> bool:
    """Tell whether events of this kind may name an item; a producer's own kind may."""
    return kind.startswith(_ITEM_PREFIXES) or kind == "alert.requested" or is_custom(kind)


def code_of(kind: str) -> str | None:
    """Return the reason code that an event of this kind makes true, or None."""
    if kind in _CODE_BY_KIND:
        return _CODE_BY_KIND[kind]
    return next((code for prefix, code in _CODE_BY_PREFIX.items() if kind.startswith(prefix)), None)
