"""What a message must not rest on: a third party's word, and a reason that is not true of the customer."""

from __future__ import annotations

from typing import Any

import pytest

from streamproc.core.context import Line, RememberedItem
from streamproc.core.recent import remembered
from tests.core.shopper import HOUR_MS, MINUTE_MS
from tests.core.test_subjects import ADDED, COAT, LAST, OPENED, RING, codes, customer, shop

# A third party's word.


@pytest.mark.parametrize("kind", ["product.viewed", "cart.item_added", "wishlist.added", "alert.requested"])
def test_a_third_partys_word_leaves_nothing_that_a_message_could_rest_on(kind: str) -> None:
    counts = "{any: [{count: {event: [product.viewed, cart.item_added], within: 24h, min: 1}}, "
    days = "{count: {event: product.viewed, category: coats, days: 3, min: 1}}]}"
    shopper = customer(shop(OPENED, counts + days, facts="{item: interest.top_category}"))
    context = shopper.customer.context
    assert context is not None
    kept = (remembered(context), context.cart, context.wishlist, context.watching, context.interests)
    shopper.does(kind, items=(COAT,), surface="third_party")
    after = (remembered(context), context.cart, context.wishlist, context.watching, context.interests)
    assert (after, context.day_counts) == (kept, {})
    shopper.does(kind, items=(COAT,), surface="web")
    now = (remembered(context), context.cart, context.wishlist, context.watching, context.interests)
    assert now != kept


def test_what_a_third_party_says_that_restrains_counts() -> None:
    shopper = customer(shop(**LAST))
    shopper.does("cart.item_added", items=(COAT,))
    shopper.does("order.completed", order_id="o-1", items=(RING,), surface="third_party")
    context = shopper.customer.context
    assert context is not None
    assert "item/ring-1" in context.fulfilled
    shopper.now_ms += MINUTE_MS
    shopper.does("cart.item_added", items=(COAT, RING))
    shopper.does("cart.item_removed", items=(COAT,), surface="third_party")
    assert [line.item.item_id for line in context.cart] == ["ring-1"]


def test_of_what_a_third_party_says_was_taken_out_no_condition_learns() -> None:
    removed = "{count: {event: cart.item_removed, within: 24h, min: 1}}"
    shopper = customer(shop(OPENED, f"{{any: [{removed}, {{surface: {{in: [none]}}}}]}}"))
    shopper.does("cart.item_removed", items=(COAT,), surface="third_party")
    context = shopper.customer.context
    assert context is not None
    assert remembered(context) == []


def test_a_line_that_an_older_worker_took_from_a_third_party_is_not_spoken_of() -> None:
    shopper = customer(shop(**LAST))
    context = shopper.customer.context
    assert context is not None
    item = RememberedItem("coat-1", "coats", "", "Wool coat")
    context.cart = [Line(shopper.now_ms, item, "", "third_party")]
    assert codes(shopper.does("app.opened")) == [("THIRD_PARTY", "cart.last.name is from elsewhere")]


# A reason that is not true.


@pytest.mark.parametrize(
    ("because", "path", "truth"),
    [
        ("declared", "trait.style", lambda one: one.tells(traits={"style": "plain"})),
        ("declared", "trait.style", lambda one: one.tells(traits={"style": ["plain"]})),
        ("cart", "cart.last.name", lambda one: one.does("cart.item_added", items=(COAT,))),
        ("cart", "cart.count", lambda one: one.does("cart.item_added", items=(COAT,))),
        ("wishlist", "wishlist.last.name", lambda one: one.does("wishlist.added", items=(COAT,))),
        ("viewed", "interest.top_category", lambda one: one.does("product.viewed", items=(COAT,))),
    ],
)
def test_a_reason_is_given_only_where_it_is_true(because: str, path: str, truth: object) -> None:
    assert callable(truth)
    shopper = customer(shop(facts=f"{{item: {path}}}", because=because, say="Hello."))
    assert codes(shopper.does("app.opened")) == [("FACT_MISSING", f"because: {because}")]
    truth(shopper)
    assert codes(shopper.does("app.opened")) == []


def test_what_was_never_told_is_no_declaration() -> None:
    for told in ("", list[str]()):
        traits: dict[str, Any] = {"style": told}
        shopper = customer(shop(facts="{item: trait.style}", because="declared"), traits=traits)
        assert codes(shopper.does("app.opened")) == [("FACT_MISSING", "because: declared")]


def test_what_was_taken_out_while_a_message_waited_is_no_reason_any_more() -> None:
    policy = shop(ADDED, facts="{item: item.name}", category="from_item", because="cart", waits=True)
    shopper = customer(policy)
    shopper.does("cart.item_added", items=(COAT,))
    left = customer(policy)
    left.does("cart.item_added", items=(COAT,))
    left.now_ms += MINUTE_MS
    left.does("cart.item_removed", items=(COAT,))
    assert codes(shopper.wakes(HOUR_MS)) == []
    assert codes(left.wakes(HOUR_MS)) == [("FACT_MISSING", "because: cart")]
