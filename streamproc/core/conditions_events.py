"""Conditions over the remembered events that a selection means: how many, how different, worth how much, how long ago.

`conditions` counts the plain cases faster. `count_of`, `distinct` and `total` take the event at hand in, unless their
selection leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from streamproc.core.certainty import Certain, measured
from streamproc.core.conditions import is_between
from streamproc.core.context import RECENT_ITEMS_MAX, Remembered, RememberedItem
from streamproc.core.policy.model import Condition
from streamproc.core.scene import Scene
from streamproc.core.selection import Selection, finder, group_of, is_meant, items_in, matcher

OF: Final = ("item", "category", "brand", "site")
WORTHS: Final = ("value", "price")


def count_of(selection: Selection, low: int | None, high: int | None) -> Condition:
    """Hold where so many events are meant."""
    find, is_within = finder(selection, low or 1), is_between(low, high)
    return lambda scene: is_within(len(find(scene)))


def distinct(selection: Selection, of: str, low: int | None, high: int | None) -> Certain:
    """Hold where what is meant names so many different items, categories, brands or sites (`of`, one of `OF`).

    An item without a category or brand names none. Of an event with more items than are remembered the others are
    not known.
    """
    find, name = finder(selection), _NAMES[of]

    def measure(scene: Scene) -> tuple[int, bool]:
        names: set[str] = set()
        is_whole = True
        for event in find(scene):
            is_whole = is_whole and (of == "site" or _is_whole(event))
            names.update(name(scene, event, items_in(selection, scene, event)))
        names.discard("")
        return len(names), is_whole

    holds, fails = measured(measure, low, high)
    if low is None:
        return holds, fails

    def quickly(scene: Scene) -> bool:
        found = find(scene)
        # What is meant cannot name more different things than there are.
        most = len(found) if of == "site" else sum([len(event.items) for event in found])
        return most >= low and holds(scene)

    return quickly, fails


def total(selection: Selection, worth: str, currency: str, low: int | None, high: int | None) -> Certain:
    """Hold where what is meant is worth so much, in minor units of this currency (`worth`, one of `WORTHS`).

    `value` adds up the events' own values, `price` the prices of the items that are meant, times their quantities.
    What has no amount, or one in another currency, adds nothing, and makes the sum a lower bound; so do items beyond
    those remembered of an event.
    """
    find, add = finder(selection), _value if worth == "value" else _prices

    def measure(scene: Scene) -> tuple[int, bool]:
        amount, is_whole = 0, True
        for event in find(scene):
            if event.currency == currency:
                more, is_known = add(event, items_in(selection, scene, event))
                amount += more
                is_whole = is_whole and is_known
            else:
                is_whole = False
        return amount, is_whole

    return measured(measure, low, high)


def since(selection: Selection, low_ms: int | None, high_ms: int | None) -> Condition:
    """Hold where something is meant, and the latest of it happened from `low_ms` to `high_ms` ago."""
    find, is_within = finder(selection), is_between(low_ms, high_ms)

    def test(scene: Scene) -> bool:
        found = find(scene)
        return bool(found) and is_within(scene.now_ms - max([event.at_ms for event in found]))

    return test


def present(selection: Selection) -> Condition:
    """Hold where anything is meant."""
    find = finder(selection)
    return lambda scene: len(find(scene)) > 0


def absent(selection: Selection) -> Condition:
    """Hold where nothing is meant."""
    find = finder(selection)
    return lambda scene: not find(scene)


def first(selection: Selection) -> Condition:
    """Hold where the event at hand is meant, and is the first that is remembered."""
    find = finder(selection)
    return lambda scene: is_meant(selection, scene) and not find(scene)


def last(selection: Selection) -> Condition:
    """Hold where the latest event of the kinds, within the window, is one that is meant by its items and store too."""
    find = finder(Selection(selection.kinds, selection.within_ms, earlier=selection.earlier))

    def test(scene: Scene) -> bool:
        found = find(scene)
        if not found:
            return False
        at_ms = max([event.at_ms for event in found])
        at_once = [event for event in found if event.at_ms == at_ms]
        # Of several at the same moment the one that arrived last.
        latest = at_once[0] if len(at_once) == 1 else max(at_once, key=scene.recent.index)
        return matcher(selection, scene)(latest)

    return test


def _is_whole(event: Remembered) -> bool:
    return len(event.items) < RECENT_ITEMS_MAX


def _value(event: Remembered, _items: Sequence[RememberedItem]) -> tuple[int, bool]:
    return event.value_minor or 0, event.value_minor is not None


def _prices(event: Remembered, items: Sequence[RememberedItem]) -> tuple[int, bool]:
    prices = [item.price_minor * item.quantity for item in items if item.price_minor is not None]
    return sum(prices), bool(items) and len(prices) == len(items) and _is_whole(event)


def _item_names(_scene: Scene, _event: Remembered, items: Sequence[RememberedItem]) -> Iterable[str]:
    return [item.item_id for item in items]


def _category_names(scene: Scene, _event: Remembered, items: Sequence[RememberedItem]) -> Iterable[str]:
    return [group_of(scene, item) for item in items]


def _brand_names(_scene: Scene, _event: Remembered, items: Sequence[RememberedItem]) -> Iterable[str]:
    return [item.brand.casefold() for item in items]


def _site_names(_scene: Scene, event: Remembered, _items: Sequence[RememberedItem]) -> Iterable[str]:
    return (event.site_id,)


_NAMES: Final = {
    "item": _item_names,
    "category": _category_names,
    "brand": _brand_names,
    "site": _site_names,
}
