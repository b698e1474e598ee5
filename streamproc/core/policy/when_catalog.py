"""Conditions on stock, prices and store hours as their authors write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from streamproc.core import conditions_catalog
from streamproc.core.conditions_catalog import HERE, PLACES
from streamproc.core.context import WISHLIST_MAX
from streamproc.core.policy.amounts import read_bounds, read_money
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.rule import NOTHING, Rule, certain
from streamproc.core.policy.scope import Scope

# The clock of a store is looked at for it.
HOURS_COST: Final = 5
_WISHLIST: Final = frozenset({"wishlist"})


def _item_available(parent: Fields, key: str) -> Rule:
    place = parent.choice(key, PLACES, "a place")
    if place is None:
        return NOTHING
    return Rule(*conditions_catalog.item_available(place), sensed=place == HERE, needs_item=True)


def _site_open(parent: Fields, key: str) -> Rule:
    wanted = parent.flag(key, default=True)
    holds, fails = conditions_catalog.site_open()
    return Rule(holds, fails, sensed=True, cost=HOURS_COST) if wanted else Rule(fails, holds, cost=HOURS_COST)


def _item_price_now(fields: Fields, _scope: Scope) -> Rule:
    return Rule(*conditions_catalog.item_price_now(*read_money(fields)), needs_item=True)


def _wishlist_available(fields: Fields, _scope: Scope) -> Rule:
    low, high = read_bounds(fields, WISHLIST_MAX)
    place = fields.choice("at")
    if place is None:
        return NOTHING
    pair = conditions_catalog.wishlist_available(low, high, place)
    return Rule(*pair, implies=_WISHLIST if low else frozenset(), sensed=place == HERE)


def _open_for(fields: Fields, _scope: Scope) -> Rule:
    for_ms = fields.duration("min")
    rule = certain(conditions_catalog.site_open(for_ms or 0), HOURS_COST)
    return Rule(rule.test, rule.contrary, sensed=True, cost=HOURS_COST)


LEAVES: Final[dict[str, Callable[[Fields, Scope], Rule]]] = {
    "item.price_now": _item_price_now,
    "wishlist.available": _wishlist_available,
    "site.open_for": _open_for,
}
PLAIN: Final[dict[str, Callable[[Fields, str], Rule]]] = {
    "item.available": _item_available,
    "site.open": _site_open,
}
