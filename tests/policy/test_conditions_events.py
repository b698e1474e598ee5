"""Conditions over remembered events against a naive reading of a list of events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.context import Remembered, RememberedItem
from streamproc.core.event import Event, Item
from streamproc.core.memory import remembered_item
from streamproc.core.scene import Scene
from tests.policy.rules import HOUR_MS, NOW_MS, event, rule_of, scene, verdict

KINDS = ("product.viewed", "cart.item_added", "order.completed")
EDGE_MS = st.sampled_from([0, 1, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, 2 * HOUR_MS, 80 * 24 * HOUR_MS])
ITEMS = st.builds(
    RememberedItem,
    item_id=st.sampled_from(["coat-1", "coat-2", "shoe-1"]),
    category=st.sampled_from(["coats", "Coats/Long", "shoes", "odd", "ODD", ""]),
    brand=st.sampled_from(["", "Nord", "NORD", "Sud"]),
    price_minor=st.sampled_from([None, 0, 500, 1_000]),
    quantity=st.sampled_from([1, 3]),
)
EVENTS = st.lists(
    st.builds(
        Remembered,
        at_ms=EDGE_MS.map(lambda ago_ms: NOW_MS - ago_ms),
        kind=st.sampled_from(KINDS),
        items=st.lists(ITEMS, max_size=5).map(tuple),
        site_id=st.sampled_from(["", "s-1", "s-2"]),
        value_minor=st.sampled_from([None, 0, 1_000, 2_500]),
        currency=st.sampled_from(["EUR", "EUR", "USD", ""]),
    ),
    max_size=8,
)
AT_HAND = st.builds(
    lambda kind, items, site: event(*items, kind=kind, site_id=site),
    st.sampled_from(KINDS),
    st.lists(
        ITEMS.map(lambda item: Item(item.item_id, brand=item.brand or None, category=item.category or None)),
        max_size=2,
    ),
    st.sampled_from([None, "s-1"]),
)
FILTERS = st.fixed_dictionaries(
    {"event": st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True)},
    optional={
        "same": st.lists(
            st.sampled_from(["item", "category", "brand", "site"]), min_size=1, max_size=2, unique=True
        ),
        "category": st.sampled_from(["coats", ["coats", "shoes"]]),
        "brand": st.just("nord"),
        "item": st.just(["coat-1", "shoe-1"]),
        "site": st.sampled_from(["s-1", ["s-1", "s-2"]]),
    },
)


def own(at_hand: Event) -> Remembered:
    """Say what the event at hand leaves in memory."""
    items = tuple(remembered_item(item) for item in at_hand.items)
    return Remembered(at_hand.occurred_at_ms, at_hand.kind, items, at_hand.site_id or "")


def asked(at_hand: Event, before: list[Remembered]) -> Scene:
    return scene(at_hand, [*before, own(at_hand)])


def listed(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def naive_group(item: RememberedItem) -> str:
    text = item.category.lower()
    known = [name for name in ("coats", "shoes") if text.startswith(name)]
    return known[0] if known else f"?{text}" if text else ""


def naive_item(item: RememberedItem, filters: dict[str, Any], at_hand: Event) -> bool:
    """Read each filter of items as its words say; an empty name is nobody's."""
    mine = remembered_item(at_hand.items[0]) if at_hand.items else RememberedItem("")
    same = listed(filters.get("same"))
    asks = [
        "item" not in same or item.item_id == mine.item_id,
        "category" not in same or naive_group(item) == naive_group(mine) != "",
        "brand" not in same or item.brand.lower() == mine.brand.lower() != "",
        "category" not in filters or naive_group(item) in listed(filters["category"]),
        "brand" not in filters or item.brand.lower() == filters["brand"],
        "item" not in filters or item.item_id in filters["item"],
    ]
    return all(asks)


def naive_events(
    events: list[Remembered], filters: dict[str, Any], at_hand: Event
) -> list[tuple[Remembered, list[RememberedItem]]]:
    same = listed(filters.get("same"))
    about_items = bool({"item", "category", "brand"} & ({*same} | {*filters}))
    found = []
    for one in events:
        items = [item for item in one.items if naive_item(item, filters, at_hand)]
        if one.kind not in filters["event"] or (about_items and not items):
            continue
        if "site" in same and one.site_id != (at_hand.site_id or "nowhere"):
            continue
        if "site" not in filters or one.site_id in listed(filters["site"]):
            found.append((one, items))
    return found


def within_an_hour(events: list[Remembered]) -> list[Remembered]:
    return [one for one in events if NOW_MS - one.at_ms < HOUR_MS]


def ranged(number: int, low: int | None, high: int | None, *, is_whole: bool) -> bool | None:
    """Compare what is known of a number: it is this, or if it is not whole, this or any greater one."""
    limits = [bound + more for bound in (low, high) if bound is not None for more in (0, 1)]
    could = [number] if is_whole else [number, *(one for one in (*limits, 10**9) if one > number)]
    answers = {(low is None or one >= low) and (high is None or one <= high) for one in could}
    return answers.pop() if len(answers) == 1 else None


def bounds(low: int | None, high: int | None) -> dict[str, Any]:
    return {name: bound for name, bound in (("min", low), ("max", high)) if bound is not None}


LAW = settings(max_examples=50, deadline=None)


@LAW
@given(AT_HAND, EVENTS, FILTERS, st.sampled_from([(1, None), (3, None), (None, 0), (None, 2), (1, 2)]))
def test_a_count_is_the_number_of_events_the_one_at_hand_among_them(
    at_hand: Event, before: list[Remembered], filters: dict[str, Any], limits: tuple[int | None, int | None]
) -> None:
    rule = rule_of({"count": {**filters, "within": "1h", **bounds(*limits)}}, at_hand.kind)
    number = len(naive_events(within_an_hour([*before, own(at_hand)]), filters, at_hand))
    assert verdict(rule, asked(at_hand, before)) is ranged(number, *limits, is_whole=True)


@LAW
@given(
    AT_HAND,
    EVENTS,
    FILTERS,
    st.sampled_from(["item", "category", "brand", "site"]),
    st.sampled_from([(1, None), (3, None), (None, 0), (None, 2), (1, 2)]),
)
def test_distinct_is_the_number_of_different_names(
    at_hand: Event,
    before: list[Remembered],
    filters: dict[str, Any],
    of: str,
    limits: tuple[int | None, int | None],
) -> None:
    rule = rule_of({"distinct": {"of": of, **filters, "within": "1h", **bounds(*limits)}}, at_hand.kind)
    names: set[str] = set()
    is_whole = True
    for one, items in naive_events(within_an_hour([*before, own(at_hand)]), filters, at_hand):
        if of == "site":
            names |= {one.site_id}
            continue
        # Five items are all that is kept of an event: there may have been more.
        is_whole = is_whole and len(one.items) < 5
        kept = (
            items if {"item", "category", "brand"} & {*listed(filters.get("same")), *filters} else one.items
        )
        for item in kept:
            names |= {{"item": item.item_id, "category": naive_group(item), "brand": item.brand.lower()}[of]}
    expected = ranged(len(names - {""}), *limits, is_whole=is_whole)
    assert verdict(rule, asked(at_hand, before)) is expected


@LAW
@given(
    AT_HAND,
    EVENTS,
    FILTERS,
    st.sampled_from(["value", "price"]),
    st.sampled_from([(1_000, None), (3_500, None), (None, 0), (None, 2_500), (500, 4_000)]),
)
def test_a_sum_adds_up_one_currency_and_knows_when_it_is_not_whole(
    at_hand: Event,
    before: list[Remembered],
    filters: dict[str, Any],
    of: str,
    limits: tuple[int | None, int | None],
) -> None:
    shown = {name: bound / 100 for name, bound in bounds(*limits).items()}
    rule = rule_of({"sum": {"of": of, **filters, "within": "1h", "currency": "EUR", **shown}}, at_hand.kind)
    about_items = {"item", "category", "brand"} & {*listed(filters.get("same")), *filters}
    amount, is_whole = 0, True
    for one, items in naive_events(within_an_hour([*before, own(at_hand)]), filters, at_hand):
        kept = items if about_items else list(one.items)
        worth = [item.price_minor and item.price_minor * item.quantity for item in kept]
        if of == "value":
            worth = [one.value_minor]
        elif not kept or len(one.items) == 5:
            is_whole = False
        if one.currency != "EUR" or None in worth:
            is_whole = False
        amount += sum(part or 0 for part in worth) if one.currency == "EUR" else 0
    assert verdict(rule, asked(at_hand, before)) is ranged(amount, *limits, is_whole=is_whole)


@LAW
@given(AT_HAND, EVENTS, FILTERS, st.sampled_from([("1h", None), (None, "1h"), ("1s", "1h"), ("2h", "80d")]))
def test_since_is_how_long_ago_the_latest_other_event_was(
    at_hand: Event, before: list[Remembered], filters: dict[str, Any], limits: tuple[str | None, str | None]
) -> None:
    stated = {name: text for name, text in zip(("min", "max"), limits, strict=True) if text}
    rule = rule_of({"since": {**filters, **stated}}, at_hand.kind)
    unit_ms = {None: None, "1s": 1_000, "1h": HOUR_MS, "2h": 2 * HOUR_MS, "80d": 80 * 24 * HOUR_MS}
    low, high = (unit_ms[text] for text in limits)
    found = [NOW_MS - one.at_ms for one, _ in naive_events(before, filters, at_hand)]
    expected = bool(found) and (low is None or min(found) >= low) and (high is None or min(found) <= high)
    assert verdict(rule, asked(at_hand, before)) is expected


@LAW
@given(AT_HAND, EVENTS, FILTERS)
def test_present_and_absent_are_contraries_that_look_at_other_events(
    at_hand: Event, before: list[Remembered], filters: dict[str, Any]
) -> None:
    happened = bool(naive_events(within_an_hour(before), filters, at_hand))
    here = asked(at_hand, before)
    assert verdict(rule_of({"present": {**filters, "within": "1h"}}, at_hand.kind), here) is happened
    assert verdict(rule_of({"absent": {**filters, "within": "1h"}}, at_hand.kind), here) is not happened
    if filters["event"] == ["order.completed"]:
        rest = {name: value for name, value in filters.items() if name != "event"}
        assert verdict(rule_of({"ordered": {**rest, "within": "1h"}}, at_hand.kind), here) is happened


@LAW
@given(AT_HAND, EVENTS, FILTERS)
def test_first_is_the_first_such_event_that_is_remembered(
    at_hand: Event, before: list[Remembered], filters: dict[str, Any]
) -> None:
    filters = {**filters, "event": sorted({*filters["event"], at_hand.kind})}
    rule = rule_of({"first": filters}, at_hand.kind)
    is_such = bool(naive_events([own(at_hand)], filters, at_hand))
    expected = is_such and not naive_events(before, filters, at_hand)
    assert verdict(rule, asked(at_hand, before)) is expected


@LAW
@given(AT_HAND, EVENTS, FILTERS.filter(lambda filters: len(filters) > 1), st.booleans())
def test_last_is_what_the_latest_other_event_was_about(
    at_hand: Event,
    before: list[Remembered],
    filters: dict[str, Any],
    windowed: bool,  # noqa: FBT001
) -> None:
    rule = rule_of({"last": {**filters, **({"within": "1h"} if windowed else {})}}, at_hand.kind)
    of_kind = [one for one in before if one.kind in filters["event"]]
    known = within_an_hour(of_kind) if windowed else of_kind
    # Of events at the same moment the one that arrived last; `sorted` keeps the order of equals.
    newest = sorted(known, key=lambda one: one.at_ms)[-1:]
    assert verdict(rule, asked(at_hand, before)) is bool(naive_events(newest, filters, at_hand))


EXACT = Remembered(NOW_MS - HOUR_MS, "order.completed", (RememberedItem("coat-1", price_minor=500),))
LATER = Remembered(NOW_MS - HOUR_MS + 1, "order.completed", (RememberedItem("coat-1", price_minor=500),), "")


@pytest.mark.parametrize(
    ("when", "at_the_edge", "inside"),
    [
        ("{count: {event: order.completed, within: 1h, min: 1}}", False, True),
        ("{count: {event: [order.completed, cart.viewed], within: 1h, min: 1}}", False, True),
        ("{distinct: {of: item, event: order.completed, within: 1h, min: 1}}", False, True),
        ("{present: {event: order.completed, within: 1h}}", False, True),
        ("{absent: {event: order.completed, within: 1h}}", True, False),
        ("{ordered: {within: 1h}}", False, True),
        ("{last: {event: order.completed, item: coat-1, within: 1h}}", False, True),
        ("{since: {event: order.completed, max: 1h}}", True, True),
        ("{since: {event: order.completed, min: 1h}}", True, False),
    ],
)
def test_a_window_is_open_at_its_far_end_and_a_bound_of_since_is_included(
    when: str, *, at_the_edge: bool, inside: bool
) -> None:
    rule = rule_of(when)
    assert rule.test(scene(event(), [EXACT])) is at_the_edge
    assert rule.test(scene(event(), [LATER])) is inside


def test_a_sum_leaves_out_what_lies_at_the_edge_of_its_window() -> None:
    rule = rule_of("{sum: {of: price, event: order.completed, within: 1h, min: 5, currency: EUR}}")
    for one, expected in ((EXACT, False), (LATER, True)):
        paid = Remembered(one.at_ms, one.kind, one.items, "", None, "EUR")
        assert rule.test(scene(event(), [paid])) is expected


def test_an_event_that_left_no_trace_hides_no_other() -> None:
    """Without its consent an event of a special category is not remembered, so the last one is another."""
    before = Remembered(NOW_MS, "product.viewed", (RememberedItem("coat-1", "coats"),))
    unseen = event(Item("dress-1", category="maternity"))
    assert rule_of("{present: {event: product.viewed, within: 1h}}").test(scene(unseen, [before]))


def test_a_late_event_counts_as_having_happened_before_the_one_at_hand() -> None:
    later_order = Remembered(NOW_MS - 1, "order.completed", ())
    viewed_before = event(at_ms=NOW_MS - 60_000)
    recent = [later_order, own(viewed_before)]
    assert not rule_of("{absent: {event: order.completed, within: 1h}}").test(scene(viewed_before, recent))


def test_the_same_filters_must_hold_of_one_and_the_same_item() -> None:
    mixed = Remembered(
        NOW_MS, "order.completed", (RememberedItem("x", "coats", "Sud"), RememberedItem("y", "shoes", "Nord"))
    )
    for op in ("present", "count"):
        rule = (
            f"event: order.completed, category: coats, brand: Nord, within: 1h{', min: 1' * (op == 'count')}"
        )
        assert not rule_of(f"{{{op}: {{{rule}}}}}").test(scene(event(), [mixed]))
