"""What was bought is not offered again, and what is bought again and again may be spoken of before its time."""

from __future__ import annotations

from streamproc.core.policy.loader import load
from tests.core.shopper import DAY_MS, FILES, Shopper, campaign

AGAIN = campaign(
    "again",
    "{event: order.completed}\nwait: {repurchase: 0.9}",
    "{wishlist.count: {max: 32}}",
    because="purchased",
)
POLICY = load({**FILES, "campaigns/again.yaml": AGAIN})


def waits(shopper: Shopper, days: int) -> list[tuple[str, str]]:
    """Let so many days pass, and return what became of what came due: each verdict with its first reason."""
    shopper.now_ms += days * DAY_MS
    said = shopper.does("timer.due", occurred_at_ms=shopper.now_ms)
    return [(one.verdict, one.reasons[0].code.name if one.reasons else "") for one in said.candidates]


def test_the_order_itself_is_no_obstacle_to_what_speaks_of_buying_it_again() -> None:
    shopper = Shopper.opted_in(POLICY)
    shopper.does("order.completed", "coat-1", "coats")
    assert shopper.views().reasons[0][0] == "INTENT_FULFILLED"
    assert waits(shopper, 162) == [("nudged", "")]


def test_a_later_order_begins_the_time_anew() -> None:
    shopper = Shopper.opted_in(POLICY)
    shopper.does("order.completed", "coat-1", "coats")
    shopper.now_ms += 100 * DAY_MS
    shopper.does("order.completed", "coat-1", "coats")
    assert waits(shopper, 62) == []
    assert waits(shopper, 100) == [("nudged", "")]
