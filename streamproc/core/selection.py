"""Which remembered events a condition means, and which of their items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from streamproc.core.context import Line, Remembered, RememberedItem
from streamproc.core.memory import remembered_item
from streamproc.core.scene import Scene

ItemTest = Callable[[RememberedItem], bool]
# Makes the test for a scene; None where there is nothing to compare with, so that nothing is meant.
ItemTestMaker = Callable[[Scene], ItemTest | None]
SitesMaker = Callable[[Scene], frozenset[str]]
Meant = tuple[Remembered, tuple[RememberedItem, ...]]


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

    def meant(self, scene: Scene) -> Iterator[Meant]:
        """Yield each event that is meant with those of its items that are, the newest arrival first."""
        after_ms = -1 if self.within_ms is None else scene.now_ms - self.within_ms
        pick = self.picker(scene)
        if pick is None:
            return
        for event in reversed(scene.earlier if self.earlier else scene.recent):
            if event.kind in self.kinds and event.at_ms > after_ms:
                items = pick(event)
                if items is not None:
                    yield event, items

    def picker(self, scene: Scene) -> Callable[[Remembered], tuple[RememberedItem, ...] | None] | None:
        """Make what picks the items that are meant out of an event, None for an event that is not.

        None where nothing can be meant: the event at hand has nothing to compare with.
        """
        sites = None if self.sites is None else self.sites(scene)
        test = None if self.items is None else self.items(scene)
        if (self.items is not None and test is None) or (sites is not None and not sites):
            return None

        def pick(event: Remembered) -> tuple[RememberedItem, ...] | None:
            if sites is not None and event.site_id not in sites:
                return None
            if test is None:
                return event.items
            return tuple(item for item in event.items if test(item)) or None

        return pick


def is_meant(selection: Selection, scene: Scene) -> bool:
    """Tell whether the event at hand is of the kinds, items and stores that are meant."""
    event = scene.event
    pick = selection.picker(scene)
    if pick is None or event.kind not in selection.kinds:
        return False
    items = tuple(remembered_item(item) for item in event.items)
    return pick(Remembered(scene.now_ms, event.kind, items, event.site_id or "")) is not None


def holds_line(lines: Callable[[Scene], list[Line]], items: ItemTestMaker) -> Callable[[Scene], bool]:
    """Hold where such an item lies in the cart, or on the wish list."""

    def test(scene: Scene) -> bool:
        is_meant = items(scene)
        return is_meant is not None and any(is_meant(line.item) for line in lines(scene))

    return test
