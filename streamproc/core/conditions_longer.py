"""Conditions on what is kept of events beyond the newest: how often by day, and what was looked at lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from streamproc.core import interest
from streamproc.core.certainty import Certain, measured
from streamproc.core.day_counts import counted, counter, day_of
from streamproc.core.policy.model import DEFAULT_CATEGORY, Condition
from streamproc.core.scene import Scene


def _by_day(
    scene: Scene, kinds: Collection[str], category: str | None, days: int
) -> tuple[Mapping[int, int], bool]:
    """Return how often it happened on each of the last days, today the last of them, and whether that is whole."""
    if category is None:
        own = scene.category
        if own is None or own.name == DEFAULT_CATEGORY:
            return {}, True
        category = own.name
    first = day_of(scene.now_ms, scene.zone) - days + 1
    return counted(scene.context.day_counts, [counter(kind, category) for kind in kinds], first)


def count_by_day(
    kinds: Collection[str], category: str | None, days: int, low: int | None, high: int | None
) -> Certain:
    """Hold where so many events of these kinds happened in the last days.

    `category` is one of the policy, empty for any, None for that of the event at hand.
    """

    def measure(scene: Scene) -> tuple[int, bool]:
        found, is_whole = _by_day(scene, kinds, category, days)
        return sum(found.values()), is_whole

    return measured(measure, low, high)


def days_with(
    kinds: Collection[str], category: str | None, days: int, low: int | None, high: int | None
) -> Certain:
    """Hold where events of these kinds happened on so many different days of the last ones."""

    def measure(scene: Scene) -> tuple[int, bool]:
        found, is_whole = _by_day(scene, kinds, category, days)
        return len(found), is_whole

    return measured(measure, low, high)


def top_interest_in(categories: Collection[str], looks: int) -> Condition:
    """Hold where the category looked at most lately is one of these, and as good as looked at so often today."""
    wanted, least = frozenset(categories), looks * interest.LOOK

    def test(scene: Scene) -> bool:
        name, score = interest.top(scene.context.interests, scene.now_ms)
        return name in wanted and score >= least

    return test
