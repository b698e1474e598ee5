"""What a condition on what is the case may hold: cart, wish list, visit, traits, the event at hand, the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamproc.core.context import CART_LINES_MAX, WISHLIST_MAX
from streamproc.core.event import SURFACES
from streamproc.core.money import MINOR_MAX
from streamproc.core.policy.event_shapes import MONEY, bounds, one_or_more
from streamproc.core.policy.hours import HOURS_PATTERN
from streamproc.core.policy.shape import (
    Choice,
    Either,
    Flag,
    Hours,
    Key,
    ListOf,
    NameOf,
    Number,
    Shape,
    Text,
    Value,
    Whole,
)

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS_MAX: Final = 8
LOOKS_MAX: Final = 100
_LINE_PARTS: Final = ("item", "category", "brand")


def _amount(says: str) -> Shape:
    return Shape(says, MONEY, any_of=("min", "max"))


def _lines(says: str, most: int) -> Shape:
    return Shape(says, bounds(Whole(0, most)), any_of=("min", "max"))


def _has(says: str) -> Shape:
    keys = {
        "same": Key(
            "The item that triggers, or one of its category or brand.",
            one_or_more(Choice(_LINE_PARTS, "something to compare"), len(_LINE_PARTS)),
        ),
        "category": Key("An item of this group of items.", one_or_more(NameOf("category")), looser="more"),
        "brand": Key("An item of this brand.", one_or_more(Text()), looser="more"),
        "item": Key("The item of this id.", one_or_more(Text()), looser="more"),
    }
    return Shape(says, keys, any_of=tuple(keys))


def _in(says: str, value: Value, most: int = 0) -> Shape:
    return Shape(says, {"in": Key("One of these.", one_or_more(value, most), required=True, looser="more")})


def _value(says: str) -> Shape:
    value = Either((Text(), Number(-MINOR_MAX, MINOR_MAX), Flag()))
    number = Number(-MINOR_MAX, MINOR_MAX)
    keys = {
        "is": Key("It is this; upper and lower case are the same.", value),
        "in": Key("It is one of these.", ListOf(value, least=1), looser="more"),
        "min": Key("It is a number, and this at least.", number, looser="less", label="at least"),
        "max": Key("It is a number, and this at most.", number, looser="more", label="at most"),
    }
    return Shape(says, keys, any_of=tuple(keys))


TRAIT: Final = _value("What the customer declared.")
EXTRA: Final = _value("A further field of the event that triggers.")
STATE_SHAPES: Final[Mapping[str, Shape]] = {
    "cart.value": _amount("What the basket is worth."),
    "cart.count": _lines("How many different items lie in the basket.", CART_LINES_MAX),
    "cart.has": _has("What lies in the basket."),
    "wishlist.count": _lines("How many different items are on the wish list.", WISHLIST_MAX),
    "wishlist.has": _has("What is on the wish list."),
    "visit.site": _in("The customer is in one of these stores.", Text()),
    "event.value": _amount("What the event itself is worth."),
    "item.category": _in("The group of the item that triggers.", NameOf("category")),
    "item.brand": _in("The brand of the item that triggers.", Text()),
    "item.id": _in("The id of the item that triggers.", Text()),
    "item.price": _amount("What the item that triggers costs apiece."),
    "interest.top_category": Shape(
        "What the customer looked at most lately.",
        {
            "in": Key(
                "One of these groups of items.", one_or_more(NameOf("category")), required=True, looser="more"
            ),
            "min": Key(
                "As good as so many looks today; a look counts half after a fortnight.",
                Whole(1, LOOKS_MAX),
                looser="less",
                label="at least",
            ),
        },
    ),
    "surface": _in("Where it happened.", Choice(tuple(SURFACES), "a surface")),
    "site": _in("The store in which it happened.", Text()),
    "time.of_day": _in(
        "What the customer's clock shows, such as 07:00-09:30.", Hours(11, HOURS_PATTERN), HOURS_MAX
    ),
    "time.weekday": _in("The day of the week where the customer is.", Choice(DAYS, "a day")),
}
