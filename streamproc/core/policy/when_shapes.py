"""What a campaign's `trigger` and `when` may hold."""

from __future__ import annotations

import re
from typing import Final

from streamproc.core.facts import MARKETING, PROCESSING, SENSING
from streamproc.core.facts_paths import TRAIT_PREFIX
from streamproc.core.plugins import PLUGIN_PREFIX
from streamproc.core.policy import kinds
from streamproc.core.policy.caps import DAY_MS
from streamproc.core.policy.catalog_shapes import CATALOG_KEYS, CATALOG_LABELS, CATALOG_SHAPES
from streamproc.core.policy.event_shapes import EVENT_SHAPES, kind_of
from streamproc.core.policy.fields import NAME
from streamproc.core.policy.plugin_shelf import ARGUMENTS
from streamproc.core.policy.shape import Again, Choice, Duration, Flag, Key, ListOf, Number, Shape, Text
from streamproc.core.policy.state_shapes import EXTRA, STATE_SHAPES, TRAIT
from streamproc.core.producers import EXTRA_PREFIX

BRANCHES_MAX: Final = 16


TRIGGER: Final = Shape(
    "The event that makes a campaign a candidate.",
    {
        "event": Key("The kind of event.", kind_of(kinds.TRIGGER_KINDS), required=True),
        "sites": Key(
            "Only in these stores; all of them unless given.", ListOf(Text(), least=1), looser="more"
        ),
        "dwell_min": Key(
            "How long the customer must have stayed; for visit.dwelled, once a visit, and visit.ended.",
            Duration(1_000, DAY_MS),
            looser="less",
            label="least stay",
        ),
        "purpose": Key(
            "Which consent was given; for consent.granted.",
            Choice((MARKETING, SENSING, PROCESSING), "a purpose"),
        ),
        "drop_ratio_min": Key(
            "By what part of it the price must have fallen, such as 0.1; for item.price_dropped.",
            Number(0, 1),
            looser="less",
            label="least drop",
        ),
    },
)

# How `policy diff` says a condition; what it asks for follows.
LABELS: Final = {
    "distinct": "different ones",
    "since": "time since the latest",
    "present": "there was some",
    "absent": "there was no",
    "first": "the first",
    "last": "the latest",
    "cart.value": "basket worth",
    "cart.count": "items in the basket",
    "cart.has": "in the basket",
    "wishlist.count": "items on the wish list",
    "wishlist.has": "on the wish list",
    "visit.site": "in a store",
    "event.value": "event worth",
    "item.category": "the item's category",
    "item.brand": "the item's brand",
    "item.id": "the item's id",
    "item.price": "the item's price",
    "interest.top_category": "what was looked at most",
    "site": "store",
    "time.of_day": "time of day",
    "time.weekday": "day of the week",
    **CATALOG_LABELS,
}
_NESTED: Final[Again] = Again("condition", lambda: CONDITION)

CONDITION: Final[Shape] = Shape(
    "One condition: a single key.",
    {
        "all": Key("All of these hold.", ListOf(_NESTED, BRANCHES_MAX, 1), looser="less"),
        "any": Key("At least one of these holds.", ListOf(_NESTED, BRANCHES_MAX, 1), looser="more"),
        "not": Key("This does not hold.", _NESTED),
        **{
            name: Key(shape.says, shape, label=LABELS.get(name, ""))
            for name, shape in {**EVENT_SHAPES, **STATE_SHAPES, **CATALOG_SHAPES}.items()
        },
        "visit.open": Key("true: the customer is in a store.", Flag(), label="in a store"),
        **CATALOG_KEYS,
    },
    patterned={
        f"{re.escape(TRAIT_PREFIX)}{NAME.pattern}": Key(TRAIT.says, TRAIT),
        f"{re.escape(EXTRA_PREFIX)}.+": Key(EXTRA.says, EXTRA),
        f"{re.escape(PLUGIN_PREFIX)}{NAME.pattern}": Key(
            "A condition in Python, and its arguments.", ARGUMENTS
        ),
    },
    is_single=True,
)
