"""Conditions on what is the case as their authors write them: cart, wish list, visit, traits, the event, the clock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from streamproc.core import conditions, conditions_longer, conditions_moment, conditions_values, selection
from streamproc.core.context import CART_LINES_MAX, WISHLIST_MAX, Line
from streamproc.core.facts_paths import TRAIT_PREFIX
from streamproc.core.money import MINOR_MAX
from streamproc.core.policy import kinds
from streamproc.core.policy.amounts import read_bounds, read_money
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import NAME, NAME_RULE, Fields
from streamproc.core.policy.hours import read_hours
from streamproc.core.policy.model import Condition
from streamproc.core.policy.rule import NOTHING, Rule, certain
from streamproc.core.policy.scope import Scope, warn
from streamproc.core.policy.state_shapes import DAYS, EXTRA, TRAIT
from streamproc.core.policy.which import LOOKS_AT, NAMED, meant_items, read_named
from streamproc.core.producers import EXTRA_PREFIX
from streamproc.core.scene import Scene

Leaf = Callable[[Fields, Scope], Rule]
Lines = Callable[[Scene], list[Line]]
# A new rule has seen half of what it will ever weigh.
HALF_LIFE_MS: Final = 14 * 86_400_000
# A time zone is looked up for it.
CLOCK_COST: Final = 3
_CART, _WISHLIST = frozenset({"cart"}), frozenset({"wishlist"})


def _cart_value(fields: Fields, _scope: Scope) -> Rule:
    low, high, currency = read_money(fields)
    test, contrary = conditions.cart_value(low, high, currency)
    return Rule(test, contrary, implies=_CART if low else frozenset())


def _line_count(lines: Lines, kept: int, code: frozenset[str]) -> Leaf:
    def read(fields: Fields, _scope: Scope) -> Rule:
        low, high = read_bounds(fields, kept)
        return Rule(conditions.line_count(lines, low, high), implies=code if low else frozenset())

    return read


def _has(lines: Lines, code: frozenset[str]) -> Leaf:
    def read(fields: Fields, scope: Scope) -> Rule:
        same = fields.one_or_more("same")
        if not fields.keys and fields.node.kind == "mapping":
            fields.error(fields.node, "needs what lies there: same, item, category or brand")
        named = read_named(fields, scope)
        items = meant_items(same, named)
        if items is None:
            return NOTHING
        for part in same:
            scope.expect_at_hand(fields, "same", LOOKS_AT[part])
        about = frozenset(named.get("category", ()))
        test = selection.holds_line(lines, items)
        return Rule(test, implies=code, needs_item=bool(same), about=about)

    return read


def _visit_open(parent: Fields, key: str) -> Rule:
    wanted = parent.flag(key, default=True)
    implied = frozenset({"visiting"} if wanted else ())
    test = conditions.visit_open(wanted=wanted)
    return Rule(test, implies=implied, sensed=wanted, sensed_not=not wanted)


def _visit_site(fields: Fields, _scope: Scope) -> Rule:
    sites = fields.one_or_more("in")
    return Rule(conditions_moment.visit_site_in(sites), implies=frozenset({"visiting"}), sensed=True)


def _event_value(fields: Fields, scope: Scope) -> Rule:
    scope.expect_at_hand(fields, "currency", "value_minor")
    return Rule(conditions.event_value(*read_money(fields)), by_value=True)


def _item_price(fields: Fields, scope: Scope) -> Rule:
    scope.expect_at_hand(fields, "currency", "items.price_minor")
    return Rule(conditions_moment.item_price(*read_money(fields)), needs_item=True)


def _item_is(part: str) -> Leaf:
    def read(fields: Fields, scope: Scope) -> Rule:
        allowed = scope.categories if part == "category" else None
        names = fields.one_or_more("in", allowed, "a category")
        scope.expect_at_hand(fields, "in", LOOKS_AT[part])
        about = frozenset(names if part == "category" else ())
        return Rule(conditions_moment.of_item(NAMED[part](names)), needs_item=True, about=about)

    return read


def _top_interest(fields: Fields, scope: Scope) -> Rule:
    names = fields.one_or_more("in", scope.categories, "a category")
    test = conditions_longer.top_interest_in(names, fields.integer("min") or 0)
    return Rule(
        test,
        implies=frozenset({"viewed"}),
        warmup_ms=HALF_LIFE_MS,
        by_interest=True,
        about=frozenset(names),
    )


def _surface(fields: Fields, _scope: Scope) -> Rule:
    return Rule(conditions.surface_in(frozenset(fields.one_or_more("in"))))


def _site(fields: Fields, scope: Scope) -> Rule:
    sites = fields.one_or_more("in")
    scope.expect_at_hand(fields, "in", "site_id")
    return Rule(conditions_moment.site_in(sites), sensed=kinds.is_sensed(scope.trigger))


def _time_of_day(fields: Fields, _scope: Scope) -> Rule:
    windows = [read_hours(fields, "in", text) for text in fields.one_or_more("in")]
    pair = conditions_moment.time_of_day([window for window in windows if window is not None])
    return certain(pair, CLOCK_COST)


def _weekday(fields: Fields, _scope: Scope) -> Rule:
    days = fields.one_or_more("in")
    return certain(conditions_moment.weekday_in([DAYS.index(day) for day in days]), CLOCK_COST)


def read_trait(parent: Fields, key: str) -> Rule:
    """Read a condition on what the customer declared."""
    name = key.removeprefix(TRAIT_PREFIX)
    if not NAME.fullmatch(name):
        parent.at(key, f"{name!r} is not the name of a trait: {NAME_RULE}")
    test = _value(Fields(parent.keys[key], parent.findings, TRAIT), conditions_values.trait(name))
    return NOTHING if test is None else Rule(test, implies=frozenset({"declared"}), traits=frozenset({name}))


def read_extra(parent: Fields, key: str, scope: Scope) -> Rule:
    """Read a condition on a further field of the event at hand."""
    scope.expect_at_hand(parent, key, key)
    if scope.waits:
        warn(parent, key, "is not kept while the campaign waits, so it is never known when it is asked")
    get = conditions_values.further(key.removeprefix(EXTRA_PREFIX))
    test = _value(Fields(parent.keys[key], parent.findings, EXTRA), get)
    # What a producer calls a field tells as much as the name of a trait.
    told = frozenset({key.removeprefix(EXTRA_PREFIX)})
    return NOTHING if test is None else Rule(test, traits=told)


def _value(fields: Fields, get: conditions_values.Getter) -> Condition | None:
    """Read what a value must be: `is`, one `in` a list, or a number from `min` to `max`."""
    if ("in" in fields) + ("is" in fields) + ("min" in fields or "max" in fields) != 1:
        fields.error(fields.node, "needs either in, or is, or min and max")
        return None
    if "min" in fields or "max" in fields:
        low, high = (fields.number(bound, -MINOR_MAX, MINOR_MAX) for bound in ("min", "max"))
        bounds = [None if bound is None else float(bound) for bound in (low, high)]
        return conditions_values.value_between(get, *bounds)
    nodes = fields.nodes("in") if "in" in fields else (fields.keys["is"],)
    values = [value for node in nodes if (value := _scalar(fields, node)) is not None]
    if fields.is_empty("in"):
        fields.at("in", "is empty")
    return conditions_values.value_in(get, values)


def _scalar(fields: Fields, node: Node) -> conditions_values.Value | None:
    """Read a value as YAML has it: text, number or truth."""
    if node.kind == "bool":
        return node.raw.lower() == "true"
    if node.kind == "number":
        number = Decimal(node.raw)
        return int(number) if number == number.to_integral_value() else float(number)
    if node.kind == "text" and node.raw:
        return node.raw
    fields.error(node, f"{node} is not a text, a number, true or false")
    return None


LEAVES: Final[dict[str, Leaf]] = {
    "cart.value": _cart_value,
    "cart.count": _line_count(conditions.cart_lines, CART_LINES_MAX, _CART),
    "cart.has": _has(conditions.cart_lines, _CART),
    "wishlist.count": _line_count(conditions.wishlist_lines, WISHLIST_MAX, _WISHLIST),
    "wishlist.has": _has(conditions.wishlist_lines, _WISHLIST),
    "visit.site": _visit_site,
    "event.value": _event_value,
    "item.category": _item_is("category"),
    "item.brand": _item_is("brand"),
    "item.id": _item_is("item"),
    "item.price": _item_price,
    "interest.top_category": _top_interest,
    "surface": _surface,
    "site": _site,
    "time.of_day": _time_of_day,
    "time.weekday": _weekday,
}
# What is written as one value instead of a mapping.
PLAIN: Final = {"visit.open": _visit_open}
