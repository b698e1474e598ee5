"""Conditions as closures: made once from typed values, true or false of one customer at one event.

Recent events are walked from the newest and only as far as needed, because this runs for every event of a kind that
triggers. The event itself is among them: it is remembered before a campaign is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamproc.core.certainty import Certain, measured
from streamproc.core.context import Glimpse, GlimpsedItem, Line, RememberedItem
from streamproc.core.policy.model import Condition
from streamproc.core.recent import mentions
from streamproc.core.scene import Scene
from streamproc.core.visits import is_open

Matcher = Callable[[Glimpse], bool]
MatcherMaker = Callable[[Scene], Matcher | None]


def always(_scene: Scene) -> bool:
    """Hold for every customer."""
    return True


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Hold where every condition holds."""
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) == 2:  # noqa: PLR2004 - most have two, which need no loop
        one, other = conditions
        return lambda scene: one(scene) and other(scene)
    parts = tuple(conditions)

    def test(scene: Scene) -> bool:
        for part in parts:  # noqa: SIM110 - a generator costs as much as the conditions it walks.
            if not part(scene):
                return False
        return True

    return test


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Hold where at least one condition holds."""
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) == 2:  # noqa: PLR2004 - as in `all_of`
        one, other = conditions
        return lambda scene: one(scene) or other(scene)
    parts = tuple(conditions)

    def test(scene: Scene) -> bool:
        for part in parts:  # noqa: SIM110 - as in `all_of`.
            if part(scene):
                return True
        return False

    return test


def negated(condition: Condition) -> Condition:
    """Hold where the condition does not."""
    return lambda scene: not condition(scene)


def answered_once(condition: Condition, slot: int) -> Condition:
    """Hold as the condition does, and keep the answer in the scene for whoever asks next; `slot` is its number."""

    def test(scene: Scene) -> bool:
        answers = scene.answers
        if answers is None:
            answers = scene.answers = {}
        answer = answers.get(slot)
        if answer is None:
            answer = answers[slot] = condition(scene)
        return answer

    return test


def is_between(low: int | None, high: int | None) -> Callable[[int], bool]:
    """Make the test of a number against bounds that are both included; None is no bound."""
    if high is None:
        least = low or 0
        return lambda number: number >= least
    return lambda number: (low is None or number >= low) and number <= high


def counted(
    kind: str, within_ms: int, low: int | None, high: int | None, make: MatcherMaker | None
) -> Condition:
    """Hold where the events of a kind in the last `within_ms` that match number from `low` to `high`.

    The window is open at its far end: an event exactly `within_ms` old is outside. Counting stops where the
    answer is known. `make` gives the matcher for a scene; where it gives None (no item to compare with)
    nothing matches.
    """
    least, stop, packed_kind = low or 0, _stop(low, high), kind.encode()

    def test(scene: Scene) -> bool:
        if least > 1 and mentions(scene.context, packed_kind) < least:
            return False
        number = 0
        recent = scene.glimpses
        matches = None if make is None else make(scene)
        if len(recent) >= least and (make is None or matches is not None):
            after_ms = scene.now_ms - within_ms
            for event in reversed(recent):
                if event.kind == kind and event.at_ms > after_ms and (matches is None or matches(event)):
                    number += 1
                    if number >= stop:
                        return high is None
        return number >= least

    return test


def counted_same_item(kind: str, within_ms: int, low: int | None, high: int | None) -> Condition:
    """Hold where so many events with the item at hand happened: as `counted`, in a third of its time.

    Of the events remembered few name the item at hand, so that is asked first: 16 events cost about 1 µs.
    """
    least, stop = low or 0, _stop(low, high)

    def test(scene: Scene) -> bool:
        number, item_at_hand = 0, scene.item
        if item_at_hand is not None:
            wanted = item_at_hand.item_id
            if least > 1 and mentions(scene.context, wanted.encode()) < least:
                return False
            after_ms = scene.now_ms - within_ms
            for event in reversed(scene.glimpses):
                for item in event.items:
                    if item.item_id == wanted:
                        if event.kind == kind and event.at_ms > after_ms:
                            number += 1
                            if number >= stop:
                                return high is None
                        break
        return number >= least

    return test


def counted_in_category(
    kind: str, within_ms: int, low: int | None, high: int | None, name: str | None
) -> Condition:
    """Hold where so many events with an item of this category happened, that of the item at hand if none is named.

    One loop asks each remembered item for its category, instead of two calls an event.
    """
    least, stop = low or 0, _stop(low, high)
    as_text = counted(kind, within_ms, low, high, same_category)

    def test(scene: Scene) -> bool:
        policy = scene.policy
        wanted = scene.category if name is None else policy.categories.get(name)
        if name is None and (wanted is None or wanted is policy.default_category):
            return as_text(scene)
        number = 0
        if len(scene.context.recent) >= least:
            find, after_ms = policy.find_category, scene.now_ms - within_ms
            for event in reversed(scene.glimpses):
                for item in event.items:
                    if find(item.category) is wanted:
                        if event.kind == kind and event.at_ms > after_ms:
                            number += 1
                            if number >= stop:
                                return high is None
                        break
        return number >= least

    return test


def _stop(low: int | None, high: int | None) -> int:
    """Return the number at which a count is decided: enough if there is no upper bound, too many otherwise."""
    assert low is not None or high is not None, "a count needs a bound"
    return max(low or 0, 1) if high is None else high + 1


def same_category(scene: Scene) -> Matcher | None:
    """Match events with an item of the same category; two unknown categories are the same only if they read alike."""
    if scene.item is None:
        return None
    is_in = _in_category_of(scene, scene.item)

    def matches(event: Glimpse) -> bool:
        for item in event.items:  # noqa: SIM110 - as in `all_of`.
            if is_in(item):
                return True
        return False

    return matches


def _in_category_of(scene: Scene, other: RememberedItem) -> Callable[[GlimpsedItem], bool]:
    find = scene.policy.find_category
    wanted = find(other.category)
    if wanted is scene.policy.default_category:
        text = other.category.lower()
        return lambda item: bool(text) and item.category.lower() == text
    return lambda item: find(item.category) is wanted


def cart_value(low: int | None, high: int | None, currency: str) -> Certain:
    """Hold where the cart's lines in this currency sum up, in minor units, from `low` to `high`.

    A line without a price, or in another currency, adds nothing; since the sum is then only a lower bound, an upper
    bound does not hold.
    """

    def measure(scene: Scene) -> tuple[int, bool]:
        total, is_whole = 0, True
        for line in scene.context.cart:
            if line.currency == currency and line.item.price_minor is not None:
                total += line.item.price_minor * line.item.quantity
            else:
                is_whole = False
        return total, is_whole

    return measured(measure, low, high)


def event_value(low: int | None, high: int | None, currency: str) -> Condition:
    """Hold where the event's own value, in minor units of this currency, lies from `low` to `high`."""
    is_within = is_between(low, high)

    def test(scene: Scene) -> bool:
        value = scene.event.value_minor
        return value is not None and scene.event.currency == currency and is_within(value)

    return test


def cart_lines(scene: Scene) -> list[Line]:
    """Return the lines of the cart, the newest last."""
    return scene.context.cart


def wishlist_lines(scene: Scene) -> list[Line]:
    """Return the lines of the wish list, the newest last."""
    return scene.context.wishlist


def line_count(lines: Callable[[Scene], list[Line]], low: int | None, high: int | None) -> Condition:
    """Hold where so many different items lie in the cart, or on the wish list."""
    is_within = is_between(low, high)
    return lambda scene: is_within(len(lines(scene)))


def is_in_store(scene: Scene) -> bool:
    """Tell whether the customer is in a store, as far as is known."""
    return is_open(scene.context.visit, scene.now_ms, scene.policy.overall.visits)


def visit_open(*, wanted: bool) -> Condition:
    """Hold where the customer is in a store, as far as is known (or is not, if not `wanted`)."""
    return lambda scene: is_in_store(scene) is wanted


def surface_in(surfaces: frozenset[str]) -> Condition:
    """Hold where the event happened on one of these surfaces."""
    return lambda scene: scene.event.surface in surfaces
