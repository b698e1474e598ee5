"""Conditions on whole days as their authors write them: they reach further back than the newest events do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from streamproc.core import conditions_longer
from streamproc.core.certainty import Certain
from streamproc.core.day_counts import ANY_ITEM, DAYS_KEPT_MAX, EACH_CATEGORY
from streamproc.core.policy.amounts import read_bounds, read_kept
from streamproc.core.policy.event_shapes import COUNT_MAX, DAY
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.rule import NOTHING, Rule
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.which import FILTERS, Which, read_which

DAY_MS: Final = 86_400_000
# Which events, of which category (None: that of the event at hand), on how many days.
Days = tuple[Which, str | None, int]
Make = Callable[[frozenset[str], str | None, int, int | None, int | None], Certain]


def read_window(fields: Fields) -> bool:
    """Tell whether a condition is about whole days; report one that has no window, or two."""
    given = [key for key in ("within", "days") if key in fields]
    if len(given) != 1 and fields.node.kind == "mapping":
        fields.error(fields.node, f"needs either within or days, it has {' and '.join(given) or 'none'}")
    return given == ["days"]


def count_by_day(fields: Fields, scope: Scope) -> Rule:
    """Read a `count` over `days`."""
    low, high = read_bounds(fields, COUNT_MAX)
    read = _read(fields, scope)
    if read is None or (low is None and high is None):
        return NOTHING
    return _rule(read, conditions_longer.count_by_day, low, high)


def days_with(fields: Fields, scope: Scope, of: str | None) -> Rule:
    """Read a `distinct` of days."""
    low, high = read_kept(
        fields, DAYS_KEPT_MAX, "different days", f"the newest {DAYS_KEPT_MAX} of all counters"
    )
    read = _read(fields, scope)
    if of is not None and (of == DAY) != ("days" in fields):
        fields.at("of", f"{of} goes with {'days' if of == DAY else 'within'}")
        return NOTHING
    if read is None or (low is None and high is None):
        return NOTHING
    return _rule(read, conditions_longer.days_with, low, high)


def _read(fields: Fields, scope: Scope) -> Days | None:
    """Read which events are counted by day; None where that cannot be told."""
    for key in FILTERS:
        if key in fields and key not in ("same", "category"):
            fields.at(key, "is not counted by day; only a category is, by name or by same: category")
    days = fields.integer("days")
    which = read_which(fields, scope)
    if which is None or days is None:
        return None
    names = which.named.get("category", ())
    if which.same not in ((), ("category",)) or len(names) + len(which.same) > 1:
        fields.error(fields.node, "counts by day one category at most: by its name, or by same: category")
        return None
    return which, (None if which.same else names[0] if names else ANY_ITEM), days


def _rule(read: Days, make: Make, low: int | None, high: int | None) -> Rule:
    which, category, days = read
    asked = EACH_CATEGORY if category is None else category
    rule = Rule(
        *make(which.kinds, category, days, low, high),
        counts=frozenset((kind, asked) for kind in which.kinds),
        warmup_ms=days * DAY_MS,
        sensed_not=which.is_sensed and high is not None,
        about_not=which.categories if high is not None else frozenset(),
        needs_item=which.needs_item,
    )
    if not low:
        return rule
    return replace(rule, implies=which.implied(), sensed=which.is_sensed, about=which.categories)
