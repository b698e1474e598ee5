"""What a campaign's `trigger` and `when` may hold."""

from __future__ import annotations

import re
from typing import Final

from streamproc.core.context import CART_LINES_MAX, RECENT_MAX, WISHLIST_MAX
from streamproc.core.event import CUSTOM_PREFIX, MOMENT_KINDS, SURFACES
from streamproc.core.facts import MARKETING, PROCESSING, SENSING
from streamproc.core.facts_paths import TRAIT_PREFIX
from streamproc.core.money import MINOR_MAX
from streamproc.core.policy import kinds
from streamproc.core.policy.caps import DAY_MS, MEMORY_MS
from streamproc.core.policy.fields import NAME
from streamproc.core.policy.shape import (
    Again,
    Choice,
    Duration,
    Either,
    Flag,
    Key,
    ListOf,
    NameOf,
    Number,
    Shape,
    Text,
    Whole,
)

BRANCHES_MAX: Final = 16
SAMES: Final = ("item", "category", "brand", "site")


def _kind(allowed: frozenset[str]) -> Choice:
    return Choice(tuple(sorted(allowed)), or_like=f"{re.escape(CUSTOM_PREFIX)}.+")


TRIGGER: Final = Shape(
    "The event that makes a campaign a candidate.",
    {
        "event": Key("The kind of event.", _kind(kinds.TRIGGER_KINDS), required=True),
        "sites": Key("Only in these stores; all of them unless given.", ListOf(Text()), looser="more"),
        "dwell_min": Key(
            "How long the customer must have stayed; for beacon.dwelled.",
            Duration(1_000, DAY_MS),
            looser="less",
            label="least stay",
        ),
        "purpose": Key(
            "Which consent was given; for consent.granted.",
            Choice((MARKETING, SENSING, PROCESSING), "a purpose"),
        ),
    },
    unsupported={"drop_ratio_min": "needs the catalog feed, which this version does not have"},
)

COUNT: Final = Shape(
    "How many events of a kind the memory holds, the one that triggers among them.",
    {
        "event": Key("The kind of event.", _kind(MOMENT_KINDS), required=True, label="of"),
        "same": Key(
            "Only events of the same item, category, brand or site.", Choice(SAMES, "something to compare")
        ),
        "category": Key("Only events of this group of items.", NameOf("category")),
        "within": Key(
            "In the time just passed, such as 24h.", Duration(1_000, MEMORY_MS), required=True, looser="more"
        ),
        "min": Key("So many at least.", Whole(0, RECENT_MAX), looser="less", label="at least"),
        "max": Key("So many at most.", Whole(0, RECENT_MAX), looser="more", label="at most"),
    },
    any_of=("min", "max"),
)


def _amount(says: str) -> Shape:
    return Shape(
        says,
        {
            "min": Key(
                "So much at least, as on a price tag.", Number(0, MINOR_MAX), looser="less", label="at least"
            ),
            "max": Key("So much at most.", Number(0, MINOR_MAX), looser="more", label="at most"),
            "currency": Key("The currency, such as EUR.", Text(pattern="[A-Z]{3}"), required=True),
        },
        any_of=("min", "max"),
    )


def _lines(says: str, most: int) -> Shape:
    return Shape(
        says,
        {
            "min": Key("So many at least.", Whole(0, most), looser="less", label="at least"),
            "max": Key("So many at most.", Whole(0, most), looser="more", label="at most"),
        },
        any_of=("min", "max"),
    )


def _has(says: str) -> Shape:
    return Shape(
        says,
        {
            "same": Key(
                "The item, or one of its group.",
                Choice(("item", "category"), "something to compare"),
                required=True,
            )
        },
    )


_TRAIT_VALUE: Final = Either((Text(), Number(-MINOR_MAX, MINOR_MAX), Flag()))
TRAIT: Final = Shape(
    "What the customer declared.",
    {
        "is": Key("It is this; upper and lower case are the same.", _TRAIT_VALUE),
        "in": Key("It is one of these.", ListOf(_TRAIT_VALUE, least=1), looser="more"),
        "min": Key(
            "It is a number, and this at least.",
            Number(-MINOR_MAX, MINOR_MAX),
            looser="less",
            label="at least",
        ),
        "max": Key(
            "It is a number, and this at most.", Number(-MINOR_MAX, MINOR_MAX), looser="more", label="at most"
        ),
    },
    any_of=("is", "in", "min", "max"),
)
_NESTED: Final[Again] = Again("condition", lambda: CONDITION)

CONDITION: Final[Shape] = Shape(
    "One condition: a single key.",
    {
        "all": Key("All of these hold.", ListOf(_NESTED, BRANCHES_MAX, 1), looser="less"),
        "any": Key("At least one of these holds.", ListOf(_NESTED, BRANCHES_MAX, 1), looser="more"),
        "not": Key("This does not hold.", _NESTED),
        "count": Key(COUNT.says, COUNT),
        "cart.value": Key(
            "What the basket is worth.", _amount("What the basket is worth."), label="basket worth"
        ),
        "cart.count": Key(
            "How many different items lie in the basket.",
            _lines("How many items lie there.", CART_LINES_MAX),
            label="items in the basket",
        ),
        "cart.has": Key(
            "The item that triggers lies in the basket.",
            _has("What lies in the basket."),
            label="in the basket",
        ),
        "wishlist.count": Key(
            "How many different items are on the wish list.",
            _lines("How many items are there.", WISHLIST_MAX),
            label="items on the wish list",
        ),
        "wishlist.has": Key(
            "The item that triggers is on the wish list.",
            _has("What is on the wish list."),
            label="on the wish list",
        ),
        "visit.open": Key(
            "true: the customer is in a store, heard of at most 4 h ago.", Flag(), label="in a store"
        ),
        "event.value": Key(
            "What the event itself is worth.", _amount("What the event itself is worth."), label="event worth"
        ),
        "surface": Key(
            "Where it happened.",
            Shape(
                "Where it happened.",
                {
                    "in": Key(
                        "One of these.",
                        ListOf(Choice(tuple(SURFACES), "a surface")),
                        required=True,
                        looser="more",
                    )
                },
            ),
        ),
    },
    patterned={f"{re.escape(TRAIT_PREFIX)}{NAME.pattern}": Key(TRAIT.says, TRAIT)},
    is_single=True,
)
