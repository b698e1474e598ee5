"""Conditions over the remembered events that a selection means: how many, how different, worth how much, how long ago.

`conditions` counts the plain cases faster. `count_of`, `distinct` and `total` take the event at hand in, unless their
selection leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streamproc.core.certainty import Certain, measured
from streamproc.core.conditions import is_between
from streamproc.core.context import RECENT_ITEMS_MAX, Remembered, RememberedItem
from streamproc.core.policy.model import Condition
from streamproc.core.scene import Scene
from streamproc.core.selection import Meant, Selection, group_of, is_meant

OF: Final = ("item", "category", "brand", "site")
WORTHS: Final = ("value", "price")


def count_of(selection: Selection, low: int | None, high: int | None) -> Condition:
    """Hold where so many events are meant."""
    is_within = is_between(low, high)
    return lambda scene: is_within(sum(1 for _ in selection.meant(scene)))


def distinct(selection: Selection, of: str, low: int | None, high: int | None) -> Certain:
    """Hold where what is meant names so many different items, categories, brands or sites (`of`, one of `OF`).

    An item without a category or brand names none. Of an event with more items than are remembered the others are
    not known.
    """
    name = _NAMES[of]

    def measure(scene: Scene) -> tuple[int, bool]:
        names: set[str] = set()
        is_whole = True
        for event, items in selection.meant(scene):
            is_whole = is_whole and (of == "site" or _is_whole(event))
            names.update(name(scene, event, items))
        names.discard("")
        return len(names), is_whole

    return measured(measure, low, high)


def total(selection: Selection, worth: str, currency: str, low: int | None, high: int | None) -> Certain:
    """Hold where what is meant is worth so much, in minor units of this currency (`worth`, one of `WORTHS`).

    `value` adds up the events' own values, `price` the prices of the items that are meant, times their quantities.
    What has no amount, or one in another currency, adds nothing, and makes the sum a lower bound; so do items beyond
    those remembered of an event.
    """
    add = _value if worth == "value" else _prices

    def measure(scene: Scene) -> tuple[int, bool]:
        amount, is_whole = 0, True
        for event, items in selection.meant(scene):
            worth_minor = add(event, items) if event.currency == currency else None
            if worth_minor is None:
                is_whole = False
            else:
                amount += worth_minor[0]
                is_whole = is_whole and worth_minor[1]
        return amount, is_whole

    return measured(measure, low, high)


def since(selection: Selection, low_ms: int | None, high_ms: int | None) -> Condition:
    """Hold where something is meant, and the latest of it happened from `low_ms` to `high_ms` ago."""
    is_within = is_between(low_ms, high_ms)

    def test(scene: Scene) -> bool:
        at_ms = max((event.at_ms for event, _ in selection.meant(scene)), default=None)
        return at_ms is not None and is_within(scene.now_ms - at_ms)

    return test


def present(selection: Selection) -> Condition:
    """Hold where anything is meant."""
    return lambda scene: next(selection.meant(scene), None) is not None


def absent(selection: Selection) -> Condition:
    """Hold where nothing is meant."""
    return lambda scene: next(selection.meant(scene), None) is None


def first(selection: Selection) -> Condition:
    """Hold where the event at hand is meant, and is the first that is remembered."""
    return lambda scene: is_meant(selection, scene) and next(selection.meant(scene), None) is None


def last(selection: Selection) -> Condition:
    """Hold where the latest event of the kinds, within the window, is one that is meant by its items and store too."""
    any_item = Selection(selection.kinds, selection.within_ms, earlier=selection.earlier)

    def test(scene: Scene) -> bool:
        # Of two at the same moment the one that arrived later, which `meant` yields first.
        newest = max(any_item.meant(scene), key=_at_ms, default=None)
        pick = selection.picker(scene)
        return newest is not None and pick is not None and pick(newest[0]) is not None

    return test


def _at_ms(meant: Meant) -> int:
    return meant[0].at_ms


def _is_whole(event: Remembered) -> bool:
    return len(event.items) < RECENT_ITEMS_MAX


def _value(event: Remembered, _items: tuple[RememberedItem, ...]) -> tuple[int, bool] | None:
    return None if event.value_minor is None else (event.value_minor, True)


def _prices(event: Remembered, items: tuple[RememberedItem, ...]) -> tuple[int, bool] | None:
    prices = [item.price_minor * item.quantity for item in items if item.price_minor is not None]
    return sum(prices), bool(items) and len(prices) == len(items) and _is_whole(event)


def _item_names(_scene: Scene, _event: Remembered, items: tuple[RememberedItem, ...]) -> Iterable[str]:
    return (item.item_id for item in items)


def _category_names(scene: Scene, _event: Remembered, items: tuple[RememberedItem, ...]) -> Iterable[str]:
    return (group_of(scene, item) for item in items)


def _brand_names(_scene: Scene, _event: Remembered, items: tuple[RememberedItem, ...]) -> Iterable[str]:
    return (item.brand.casefold() for item in items)


def _site_names(_scene: Scene, event: Remembered, _items: tuple[RememberedItem, ...]) -> Iterable[str]:
    return (event.site_id,)


_NAMES: Final = {
    "item": _item_names,
    "category": _category_names,
    "brand": _brand_names,
    "site": _site_names,
}
