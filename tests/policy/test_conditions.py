"""Conditions against a naive reading of what their words say."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.context import Context, Line, Profile, Remembered, RememberedItem, Visit
from streamproc.core.event import Event
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.recent import remember
from streamproc.core.scene import Scene
from tests.policy.samples import FILES, with_when

NOW_MS = 1_772_539_200_000
HOUR_MS = 3_600_000
POLICY = load(FILES)
COAT = RememberedItem("coat-1", "coats", "Nord", "Wool coat", 14_900)


def scene(
    policy: Policy = POLICY,
    recent: list[Remembered] | None = None,
    context: Context | None = None,
    item: RememberedItem | None = COAT,
    **fields: object,
) -> Scene:
    event = {"event_id": "e", "dialect": "test", "kind": "product.viewed", "surface": "web", "site_id": "s-1"}
    memory = context or Context(customer_id="c")
    for one in recent or ():
        remember(memory, one)
    return Scene(
        context=memory,
        event=Event(**{**event, "occurred_at_ms": NOW_MS, "received_at_ms": NOW_MS, **fields}),  # type: ignore[arg-type]
        now_ms=NOW_MS,
        policy=policy,
        zone=None,
        item=item,
        category=None if item is None else policy.find_category(item.category),
    )


def holds(when: str, **given: object) -> bool:
    policy = load(with_when(when))
    return policy.campaigns["look"].when(scene(policy, **given))  # type: ignore[arg-type]


ITEMS = st.builds(
    RememberedItem,
    item_id=st.sampled_from(["coat-1", "coat-2", "shoe-1"]),
    category=st.sampled_from(["coats", "Coats/Long", "shoes", "odd", "ODD", ""]),
    brand=st.sampled_from(["", "Nord"]),
)
EVENTS = st.lists(
    st.builds(
        Remembered,
        at_ms=st.sampled_from(
            [NOW_MS, NOW_MS - 1, NOW_MS - HOUR_MS + 1, NOW_MS - HOUR_MS, NOW_MS - 2 * HOUR_MS]
        ),
        kind=st.sampled_from(["product.viewed", "cart.item_added"]),
        items=st.lists(ITEMS, max_size=3).map(tuple),
        site_id=st.sampled_from(["", "s-1", "s-2"]),
    ),
    max_size=16,
)


def naive_group(item: RememberedItem) -> str:
    """Name the group of an item; an unknown one is its own text."""
    text = item.category.lower()
    return text.split("/", maxsplit=1)[0] if text.startswith(("coats", "shoes")) else f"?{text}"


def naive_matches(event: Remembered, same: str, item: RememberedItem) -> bool:
    match same:
        case "item":
            return item.item_id in [one.item_id for one in event.items]
        case "brand":
            return bool(item.brand) and item.brand in [one.brand for one in event.items]
        case "category":
            group = naive_group(item)
            return group != "?" and group in [naive_group(one) for one in event.items]
        case "site":
            return event.site_id == "s-1"
    return True


@cache
def compiled(when: str) -> Policy:
    """Load a policy once for all the examples that try it."""
    return load(with_when(when))


@pytest.mark.parametrize("same", ["item", "brand", "category", "site", ""])
@pytest.mark.parametrize(("low", "high"), [(1, None), (3, None), (None, 0), (None, 2), (1, 2), (0, 1)])
@settings(max_examples=40, deadline=None)  # The first example compiles the policy.
@given(recent=EVENTS, item=ITEMS)
def test_a_count_is_what_counting_by_hand_gives(
    same: str, low: int | None, high: int | None, recent: list[Remembered], item: RememberedItem
) -> None:
    bounds = "".join(
        f", {name}: {bound}" for name, bound in (("min", low), ("max", high)) if bound is not None
    )
    comparing = f", same: {same}" if same else ""
    policy = compiled(f"{{count: {{event: product.viewed, within: 1h{comparing}{bounds}}}}}")
    number = sum(
        event.kind == "product.viewed" and event.at_ms > NOW_MS - HOUR_MS and naive_matches(event, same, item)
        for event in recent
    )
    expected = (low is None or number >= low) and (high is None or number <= high)
    assert policy.campaigns["look"].when(scene(policy, recent, item=item)) is expected


@pytest.mark.parametrize(("low", "high"), [(1, None), (3, None), (None, 0), (None, 2), (1, 2)])
@settings(max_examples=40, deadline=None)
@given(recent=EVENTS)
def test_a_count_in_a_named_category_does_not_hang_on_the_item_at_hand(
    low: int | None, high: int | None, recent: list[Remembered]
) -> None:
    bounds = "".join(
        f", {name}: {bound}" for name, bound in (("min", low), ("max", high)) if bound is not None
    )
    policy = compiled(f"{{count: {{event: product.viewed, within: 1h, category: coats{bounds}}}}}")
    number = sum(
        event.kind == "product.viewed"
        and event.at_ms > NOW_MS - HOUR_MS
        and "coats" in [naive_group(one) for one in event.items]
        for event in recent
    )
    expected = (low is None or number >= low) and (high is None or number <= high)
    assert policy.campaigns["look"].when(scene(policy, recent, item=None)) is expected


LEAVES = {
    "{surface: {in: [web]}}": True,
    "{surface: {in: [app, store]}}": False,
    "{cart.count: {max: 0}}": True,
    "{visit.open: true}": False,
}
TREES = st.recursive(
    st.sampled_from(list(LEAVES.items())),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"{{not: {one[0]}}}", not one[1])),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda many: (
                f"{{all: [{', '.join(text for text, _ in many)}]}}",
                all(truth for _, truth in many),
            )
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda many: (
                f"{{any: [{', '.join(text for text, _ in many)}]}}",
                any(truth for _, truth in many),
            )
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(TREES)
def test_all_any_and_not_mean_what_they_say_at_any_depth(tree: tuple[str, bool]) -> None:
    when, expected = tree
    files = with_when(when)
    files["campaigns/look.yaml"] = files["campaigns/look.yaml"].replace("[viewed]", "[opted_in]")
    policy = load(files)
    assert policy.campaigns["look"].when(scene(policy)) is expected


def cart(*prices: int | None, currency: str = "EUR", quantity: int = 1) -> Context:
    items = [RememberedItem(f"i-{at}", "coats", "", "", price, quantity) for at, price in enumerate(prices)]
    return Context(cart=[Line(NOW_MS, item, currency) for item in items])


@pytest.mark.parametrize(
    ("when", "context", "expected"),
    [
        ("{cart.value: {min: 30, currency: EUR}}", cart(1_000, 2_000), True),
        ("{cart.value: {min: 30, currency: EUR}}", cart(1_000, 1_999), False),
        ("{cart.value: {min: 30, currency: EUR}}", cart(1_000, quantity=3), True),
        ("{cart.value: {min: 30, currency: EUR}}", cart(9_000, currency="USD"), False),
        ("{cart.value: {max: 30, currency: EUR}}", cart(3_000), True),
        ("{cart.value: {max: 30, currency: EUR}}", cart(3_001), False),
        ("{cart.value: {max: 30, currency: EUR}}", cart(1_000, None), False),
        ("{cart.value: {min: 3000, currency: JPY}}", cart(3_000, currency="JPY"), True),
        ("{cart.value: {min: 1.500, currency: KWD}}", cart(1_500, currency="KWD"), True),
        ("{cart.count: {min: 2}}", cart(1, 1), True),
        ("{cart.count: {min: 2}}", cart(1), False),
        ("{cart.has: {same: item}}", Context(cart=[Line(1, COAT)]), True),
        ("{cart.has: {same: item}}", cart(1), False),
        ("{cart.has: {same: category}}", cart(1), True),
        ("{wishlist.has: {same: item}}", Context(wishlist=[Line(1, COAT)]), True),
        (
            "{wishlist.has: {same: category}}",
            Context(wishlist=[Line(1, RememberedItem("x", "shoes"))]),
            False,
        ),
        ("{wishlist.count: {min: 1, max: 1}}", Context(wishlist=[Line(1, COAT)]), True),
        ("{visit.open: true}", Context(visit=Visit("s-1", NOW_MS - HOUR_MS, NOW_MS - 1)), True),
        (
            "{visit.open: true}",
            Context(visit=Visit("s-1", NOW_MS - 9, NOW_MS - 5, over_ms=NOW_MS - 1)),
            False,
        ),
        ("{visit.open: true}", Context(visit=Visit("s-1", NOW_MS - HOUR_MS, NOW_MS - HOUR_MS // 4)), False),
        ("{visit.open: true}", Context(nearby=Visit("s-1", NOW_MS - HOUR_MS, NOW_MS - 1)), False),
        ("{visit.open: false}", Context(), True),
    ],
)
def test_cart_wish_list_and_visit_are_read_as_written(when: str, context: Context, *, expected: bool) -> None:
    assert holds(when, context=context) is expected


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("{is: vegetarian}", "Vegetarian", True),
        ("{is: vegetarian}", "vegan", False),
        ("{in: [vegan, vegetarian]}", ["meat", "VEGAN"], True),
        ("{in: [vegan]}", [], False),
        ("{is: true}", True, True),
        ("{is: true}", 1, False),
        ("{is: 1}", True, False),
        ("{is: 42}", 42.0, True),
        ("{is: '42'}", 42, False),
        ("{min: 40, max: 44}", 44, True),
        ("{min: 40, max: 44}", 44.5, False),
        ("{min: 1}", True, False),
        ("{min: 1}", "2", False),
        ("{min: 0}", float("nan"), False),
        ("{is: vegetarian}", None, False),
    ],
)
def test_a_trait_is_compared_by_value_and_kind(rule: str, value: object, *, expected: bool) -> None:
    traits = {} if value is None else {"diet": value}
    context = Context(profile=Profile(traits=traits))  # type: ignore[arg-type]
    assert holds(f"{{trait.diet: {rule}}}", context=context) is expected


@pytest.mark.parametrize(
    ("value_minor", "currency", "expected"),
    [
        (2_000, "EUR", True),
        (1_999, "EUR", False),
        (5_001, "EUR", False),
        (2_000, "USD", False),
        (None, "EUR", False),
    ],
)
def test_the_value_of_an_event_counts_in_its_own_currency(
    value_minor: int | None, currency: str, *, expected: bool
) -> None:
    when = "{event.value: {min: 20, max: 50, currency: EUR}}"
    assert holds(when, value_minor=value_minor, currency=currency) is expected


def test_an_event_without_an_item_has_nothing_in_common_with_others() -> None:
    viewed = [Remembered(NOW_MS, "product.viewed", (COAT,))]
    for same in ("item", "brand", "category"):
        assert not holds(
            f"{{count: {{event: product.viewed, same: {same}, within: 1h, min: 1}}}}",
            recent=viewed,
            item=None,
        )
    assert not holds("{cart.has: {same: item}}", context=Context(cart=[Line(1, COAT)]), item=None)


def test_a_named_category_counts_only_its_own_items() -> None:
    when = "{count: {event: wishlist.added, category: coats, within: 60d, min: 1}}"
    wish = Remembered(NOW_MS, "wishlist.added", (RememberedItem("x", "shoes"), RememberedItem("y", "Coats")))
    assert holds(when, recent=[wish])
    assert not holds(when, recent=[Remembered(NOW_MS, "wishlist.added", (RememberedItem("x", "shoes"),))])
