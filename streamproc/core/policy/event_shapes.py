"""What a condition over remembered events may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from streamproc.core.conditions_events import OF, WORTHS
from streamproc.core.context import RECENT_ITEMS_MAX, RECENT_MAX
from streamproc.core.day_counts import WINDOW_DAYS_MAX
from streamproc.core.event import CUSTOM_PREFIX
from streamproc.core.money import MINOR_MAX
from streamproc.core.policy.caps import MEMORY_MS
from streamproc.core.policy.kinds import PAST_KINDS
from streamproc.core.policy.shape import (
    Choice,
    Duration,
    Either,
    Key,
    ListOf,
    Looser,
    NameOf,
    Number,
    Shape,
    Text,
    Value,
    Whole,
)

KINDS_MAX: Final = 8
COUNT_MAX: Final = 1_000
DAY: Final = "day"
SAMES: Final = ("item", "category", "brand", "site")


def one_or_more(value: Value, most: int = 0) -> Either:
    """Allow one value or a list of them."""
    return Either((value, ListOf(value, most, 1) if most else ListOf(value, least=1)))


def kind_of(allowed: frozenset[str]) -> Choice:
    """Allow a kind of event; a producer's own begins with `custom.`."""
    return Choice(tuple(sorted(allowed)), or_like=f"{re.escape(CUSTOM_PREFIX)}.+")


def bounds(value: Value, what: str = "many") -> dict[str, Key]:
    """Describe `min` and `max`, both included."""
    return {
        "min": Key(f"So {what} at least.", value, looser="less", label="at least"),
        "max": Key(f"So {what} at most.", value, looser="more", label="at most"),
    }


CURRENCY: Final = Key("The currency, such as EUR.", Text(pattern="[A-Z]{3}"), required=True)
MONEY: Final = {**bounds(Number(0, MINOR_MAX), "much"), "currency": CURRENCY}


def _which(looser: Looser = "") -> dict[str, Key]:
    """Describe which events are meant; `looser` is what naming more of them does, where that can be told."""
    return {
        "same": Key(
            "Only those of the same item, category, brand or site (store).",
            one_or_more(Choice(SAMES, "something to compare"), len(SAMES)),
        ),
        "category": Key(
            "Only those with an item of this group of items.", one_or_more(NameOf("category")), looser=looser
        ),
        "brand": Key("Only those with an item of this brand.", one_or_more(Text()), looser=looser),
        "item": Key("Only those with the item of this id.", one_or_more(Text()), looser=looser),
        "site": Key("Only those in this store.", one_or_more(Text()), looser=looser),
    }


def _kinds(looser: Looser = "", label: str = "of") -> Key:
    kinds = one_or_more(kind_of(PAST_KINDS), KINDS_MAX)
    return Key("The kind of event, or several.", kinds, required=True, looser=looser, label=label)


def _within(looser: Looser = "more", *, required: bool = True) -> Key:
    window = Duration(1_000, MEMORY_MS)
    return Key("In the time just passed, such as 24h.", window, required=required, looser=looser)


# Which of the newest events, or on which of many more days.
_WINDOW: Final = {
    "within": _within(required=False),
    "days": Key(
        "On so many days, today the last of them; it reaches further back than within.",
        Whole(1, WINDOW_DAYS_MAX),
        looser="more",
    ),
}


def _ago(says: str, looser: Looser, label: str) -> Key:
    return Key(says, Duration(1_000, MEMORY_MS), looser=looser, label=label)


_BOUNDS: Final = ("min", "max")
EVENT_SHAPES: Final[Mapping[str, Shape]] = {
    "count": Shape(
        "How many such events the memory holds, the one that triggers among them.",
        {"event": _kinds(), **_which(), **_WINDOW, **bounds(Whole(0, COUNT_MAX))},
        any_of=_BOUNDS,
        one_of=tuple(_WINDOW),
    ),
    "distinct": Shape(
        "How many different items, categories, brands or sites such events named, or on how many days they were.",
        {
            "of": Key(
                "What is told apart.",
                Choice((*OF, DAY), "something to tell apart"),
                required=True,
                label="by",
            ),
            "event": _kinds(),
            **_which(),
            **_WINDOW,
            **bounds(Whole(0, RECENT_MAX * RECENT_ITEMS_MAX), "many different ones"),
        },
        any_of=_BOUNDS,
        one_of=tuple(_WINDOW),
    ),
    "sum": Shape(
        "What such events, or the items in them, were worth together.",
        {
            "of": Key(
                "What is added up: the events' values, or their items' prices.",
                Choice(WORTHS, "an amount to add up"),
                required=True,
                label="of",
            ),
            "event": _kinds(label="in"),
            **_which(),
            "within": _within(),
            **MONEY,
        },
        any_of=_BOUNDS,
    ),
    "since": Shape(
        "How long ago the latest such event was, the one that triggers aside.",
        {
            "event": _kinds(label="event of"),
            **_which(),
            "min": _ago("So long ago at least.", "less", "at least"),
            "max": _ago("So long ago at most.", "more", "at most"),
        },
        any_of=_BOUNDS,
    ),
    "present": Shape(
        "There was such an event, the one that triggers aside.",
        {"event": _kinds("more", "event of"), **_which("more"), "within": _within()},
    ),
    "absent": Shape(
        "There was no such event, the one that triggers aside.",
        {"event": _kinds("less", "event of"), **_which(), "within": _within("less")},
    ),
    "ordered": Shape("It was ordered before.", {**_which("more"), "within": _within()}),
    "first": Shape(
        "The event that triggers is the first such one that is remembered.",
        {"event": _kinds(label="event of"), **_which()},
    ),
    "last": Shape(
        "What the latest event of a kind was about, the one that triggers aside.",
        {"event": _kinds(label="event of"), **_which(), "within": _within(required=False)},
        any_of=("same", *SAMES),
    ),
}
