"""Which remembered events a condition means, and which of their items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from streamproc.core.context import Line, Remembered, RememberedItem
from streamproc.core.memory import remembered_item
from streamproc.core.scene import Scene

ItemTest = Callable[[RememberedItem], bool]
# Makes the test for a scene; None where there is nothing to compare with, so that nothing is meant.
ItemTestMaker = Callable[[Scene], ItemTest | None]
SitesMaker = Callable[[Scene], frozenset[str]]


def same_item(scene: Scene) -> ItemTest | None:
    """Mean the item of the event at hand."""
    if scene.item is None:
        return None
    wanted = scene.item.item_id
    return lambda item: item.item_id == wanted


def same_brand(scene: Scene) -> ItemTest | None:
    """Mean items of the brand of the event's item; an item without a brand has none in common."""
    if scene.item is None or not scene.item.brand:
        return None
    wanted = scene.item.brand.casefold()
    return lambda item: item.brand.casefold() == wanted


def same_category(scene: Scene) -> ItemTest | None:
    """Mean items of the category of the event's item; two unknown categories are the same only if they read alike."""
    if scene.item is None:
        return None
    wanted = group_of(scene, scene.item)
    return (lambda item: group_of(scene, item) == wanted) if wanted else None


def group_of(scene: Scene, item: RememberedItem) -> str:
    """Name an item's category; one that the policy does not know is its own text, behind a `?`. Empty for none."""
    category = scene.policy.find_category(item.category)
    if category is not scene.policy.default_category:
        return category.name
    return f"?{item.category.lower()}" if item.category else ""


def in_categories(names: Iterable[str]) -> ItemTestMaker:
    """Mean items of these categories of the policy."""
    wanted = frozenset(names)
    return lambda scene: lambda item: scene.policy.find_category(item.category).name in wanted


def of_brands(brands: Iterable[str]) -> ItemTestMaker:
    """Mean items of these brands; upper and lower case are the same."""
    wanted = frozenset(brand.casefold() for brand in brands)
    return lambda _scene: lambda item: item.brand.casefold() in wanted


def with_ids(ids: Iterable[str]) -> ItemTestMaker:
    """Mean the items of these ids."""
    wanted = frozenset(ids)
    return lambda _scene: lambda item: item.item_id in wanted


def same_site(scene: Scene) -> frozenset[str]:
    """Mean events in the store of the event at hand; none where it names no store."""
    return frozenset({scene.event.site_id} if scene.event.site_id else ())


def at_sites(sites: Iterable[str]) -> SitesMaker:
    """Mean events in these stores."""
    wanted = frozenset(sites)
    return lambda _scene: wanted


def every(makers: Sequence[ItemTestMaker]) -> ItemTestMaker | None:
    """Join tests: one and the same item must pass them all. None where there are none."""
    if len(makers) <= 1:
        return makers[0] if makers else None

    def make(scene: Scene) -> ItemTest | None:
        tests = [test for maker in makers if (test := maker(scene)) is not None]
        if len(tests) < len(makers):
            return None
        return lambda item: all(test(item) for test in tests)

    return make


@dataclass(frozen=True, slots=True)
class Selection:
    """Which remembered events are meant: of these kinds, in the last `within_ms` (None: ever), by store and item.

    The window is open at its far end: an event exactly `within_ms` old is outside. Where there is a test of items,
    an event is meant if one of its items passes, and only those that pass are. `earlier` leaves out the event at hand.
    """

    kinds: frozenset[str]
    within_ms: int | None = None
    items: ItemTestMaker | None = None
    sites: SitesMaker | None = None
    earlier: bool = False


def finder(selection: Selection, least: int = 1) -> Callable[[Scene], Sequence[Remembered]]:
    """Make what finds the events that are meant: of one kind the newest arrival first, of several in no order.

    Where there are fewer than `least` of the kinds, it may find none at all, which is sooner said.
    """
    kinds, within_ms, is_earlier = selection.kinds, selection.within_ms, selection.earlier
    only = next(iter(kinds)) if len(kinds) == 1 else None
    is_filtered = selection.items is not None or selection.sites is not None

    def find(scene: Scene) -> Sequence[Remembered]:
        by_kind = scene.sorted or scene.by_kind
        if only is None:
            found: Sequence[Remembered] = [
                event for kind in kinds if kind in by_kind for event in by_kind[kind]
            ]
        else:
            found = by_kind.get(only, ())
        if len(found) < least:
            return ()
        if within_ms is not None:
            after_ms = scene.now_ms - within_ms
            found = [event for event in found if event.at_ms > after_ms]
        if is_earlier and found and scene.event.kind in kinds and (own := scene.own) is not None:
            found = [event for event in found if event is not own]
        if is_filtered and found:
            passes = matcher(selection, scene)
            found = [event for event in found if passes(event)]
        return found

    return find


def matcher(selection: Selection, scene: Scene) -> Callable[[Remembered], bool]:
    """Make the test of an event's store and items; nothing passes where there is nothing to compare with."""
    sites = None if selection.sites is None else selection.sites(scene)
    test = None if selection.items is None else selection.items(scene)
    if (sites is not None and not sites) or (selection.items is not None and test is None):
        return lambda _event: False

    def passes(event: Remembered) -> bool:
        if sites is not None and event.site_id not in sites:
            return False
        if test is None:
            return True
        for item in event.items:  # noqa: SIM110 - a generator costs as much as the items it walks.
            if test(item):
                return True
        return False

    return passes


def items_in(selection: Selection, scene: Scene, event: Remembered) -> Sequence[RememberedItem]:
    """Return those items of an event that are meant."""
    test = None if selection.items is None else selection.items(scene)
    return event.items if test is None else [item for item in event.items if test(item)]


def is_meant(selection: Selection, scene: Scene) -> bool:
    """Tell whether the event at hand is of the kinds, items and stores that are meant."""
    event = scene.event
    if event.kind not in selection.kinds:
        return False
    items = tuple([remembered_item(item) for item in event.items])
    return matcher(selection, scene)(Remembered(scene.now_ms, event.kind, items, event.site_id or ""))


def holds_line(lines: Callable[[Scene], list[Line]], items: ItemTestMaker) -> Callable[[Scene], bool]:
    """Hold where such an item lies in the cart, or on the wish list."""

    def test(scene: Scene) -> bool:
        held = lines(scene)
        is_such = items(scene) if held else None
        return is_such is not None and any(is_such(line.item) for line in held)

    return test
