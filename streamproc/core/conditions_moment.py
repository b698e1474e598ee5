"""Conditions on the moment itself: the event at hand, its item and place, and what the customer's clock shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from streamproc.core.certainty import Certain
from streamproc.core.conditions import is_between, is_in_store
from streamproc.core.policy.model import Condition
from streamproc.core.scene import Scene
from streamproc.core.selection import ItemTestMaker

# Minutes after midnight, from the first until before the second; over midnight where the second is not greater.
DayWindow = tuple[int, int]


def of_item(items: ItemTestMaker) -> Condition:
    """Hold where the event's item, the first if there are several, passes a test."""

    def test(scene: Scene) -> bool:
        passes = items(scene)
        return scene.item is not None and passes is not None and passes(scene.item)

    return test


def item_price(low: int | None, high: int | None, currency: str) -> Condition:
    """Hold where the event's item costs so much apiece, in minor units of this currency."""
    is_within = is_between(low, high)

    def test(scene: Scene) -> bool:
        price = None if scene.item is None else scene.item.price_minor
        return price is not None and scene.event.currency == currency and is_within(price)

    return test


def site_in(sites: Iterable[str]) -> Condition:
    """Hold where the event happened in one of these stores."""
    wanted = frozenset(sites)
    return lambda scene: scene.event.site_id in wanted


def visit_site_in(sites: Iterable[str]) -> Condition:
    """Hold where the customer is in one of these stores, as far as is known."""
    wanted = frozenset(sites)

    def test(scene: Scene) -> bool:
        visit = scene.context.visit
        return visit is not None and visit.site_id in wanted and is_in_store(scene)

    return test


def time_of_day(windows: Sequence[DayWindow]) -> Certain:
    """Hold where the customer's clock shows a time in one of these windows; not known where the zone is not."""

    def shows(minute: int) -> bool:
        for begins, ends in windows:
            if begins <= minute < ends or (ends <= begins and not ends <= minute < begins):
                return True
        return False

    return _local(lambda local: shows(local.hour * 60 + local.minute))


def weekday_in(days: Iterable[int]) -> Certain:
    """Hold on these days of the customer's week, Monday being 0; not known where the zone is not."""
    wanted = frozenset(days)
    return _local(lambda local: local.weekday() in wanted)


def _local(shows: Callable[[datetime], bool]) -> Certain:
    def holds(scene: Scene) -> bool:
        local = scene.local_time
        return local is not None and shows(local)

    def fails(scene: Scene) -> bool:
        local = scene.local_time
        return local is not None and not shows(local)

    return holds, fails
