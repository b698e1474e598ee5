"""Cart and wish list: whatever order they are told of in, what they hold is what happened last."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.context import Context
from streamproc.core.event import Event, Item
from streamproc.core.lines import CLEARED_MAX, take_from_cart
from streamproc.core.memory import apply_moment, apply_restraint, forget_convenience
from streamproc.core.stored_context import decode_context, encode_context
from tests.core.shopper import shop

KINDS = ("cart.item_added", "cart.item_removed", "wishlist.added", "wishlist.removed", "order.completed")
SOON_MS = 1_000
Happened = tuple[str, str]

happened = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(["a", "b", "c"])), max_size=12)


def event(at_ms: int, kind: str, item: str) -> Event:
    return Event(
        event_id=f"{kind} {at_ms}",
        dialect="test",
        kind=kind,
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        items=(Item(item, category="coats"),),
    )


def lived(events: list[Event]) -> Context:
    context = Context(last_ms=SOON_MS)
    for one in events:
        apply_restraint(context, one, shop())
        apply_moment(context, one, shop(), lambda _: True, SOON_MS)
    return context


def held(context: Context) -> tuple[list[tuple[str, int]], ...]:
    return tuple(
        [(line.item.item_id, line.at_ms) for line in lines] for lines in (context.cart, context.wishlist)
    )


@given(happened, st.data())
def test_any_order_of_arrival_leaves_the_same_lines(what: list[Happened], data: st.DataObject) -> None:
    events = [event(at_ms, kind, item) for at_ms, (kind, item) in enumerate(what, start=1)]
    arrived = data.draw(st.permutations([*events, *events[:3]]))
    assert held(lived(arrived)) == held(lived(events))


def test_what_is_told_in_order_is_in_the_cart_until_it_is_taken_out_or_ordered() -> None:
    added = [
        event(1, "cart.item_added", "a"),
        event(2, "cart.item_added", "b"),
        event(3, "cart.item_added", "a"),
    ]
    assert held(lived(added)) == ([("b", 2), ("a", 3)], [])
    assert held(lived([*added, event(4, "cart.item_removed", "a")])) == ([("b", 2)], [])
    assert held(lived([*added, event(4, "order.completed", "z"), event(5, "cart.item_added", "c")])) == (
        [("c", 5)],
        [],
    )


def test_what_is_taken_out_and_put_in_again_at_one_moment_is_in() -> None:
    again = [
        event(1, "cart.item_added", "a"),
        event(5, "cart.item_removed", "a"),
        event(5, "cart.item_added", "a"),
    ]
    assert held(lived(again)) == ([("a", 5)], [])


def test_an_order_that_is_too_old_to_matter_otherwise_empties_the_cart() -> None:
    context = lived([event(1, "cart.item_added", "a")])
    apply_restraint(context, event(2, "order.completed", "a"), shop())
    assert held(context) == ([], [])


def test_of_what_was_taken_out_the_newest_are_known_and_none_without_consent_to_processing() -> None:
    context = Context()
    for number in range(CLEARED_MAX + 5):
        take_from_cart(context, [f"i-{number}"], number)
    assert list(context.cleared) == [f"cart/i-{number}" for number in range(5, CLEARED_MAX + 5)]
    assert decode_context(encode_context(context)) == context
    forget_convenience(context)
    assert context.cleared == {}


@pytest.mark.parametrize("field", ["cart", "wishlist"])
def test_nothing_is_noted_of_who_takes_nothing_out(field: Any) -> None:
    kind = "cart.item_added" if field == "cart" else "wishlist.added"
    assert lived([event(1, kind, "a")]).cleared == {}
