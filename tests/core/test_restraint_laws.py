"""Whatever order restraining facts arrive in, they restrain until the same moments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.context import Context
from streamproc.core.event import Event, Item
from streamproc.core.facts import Fact, Outcome, PrivacyRequest
from streamproc.core.memory import apply_restraint
from tests.core.shopper import DAY_MS, shop

said = st.tuples(
    st.integers(0, 60),
    st.sampled_from(["coats", "toys", "unsubscribed", "complained", "uninstalled", "object"]),
)


def event(day: int, what: str) -> Event:
    at_ms = day * DAY_MS
    fact: Fact | None = None
    if what == "object":
        fact = PrivacyRequest("r", "c-1", what, at_ms)
    elif what not in ("coats", "toys"):
        fact = Outcome("", "c-1", what, at_ms, None)
    items = (Item(f"{what}-{day % 3}", category=what),) if fact is None else ()
    kind = "order.completed" if fact is None else what
    return Event(
        event_id=f"{what} {day}",
        dialect="test",
        kind=kind,
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        items=items,
        fact=fact,
    )


def restrained(events: list[Event]) -> tuple[dict[str, int], dict[str, int]]:
    context = Context(last_ms=100 * DAY_MS)
    for one in events:
        apply_restraint(context, one, shop())
    return context.holds, context.fulfilled


@given(st.lists(said, max_size=8), st.data())
def test_restraint_is_the_same_in_any_order_and_with_repeats(
    what: list[tuple[int, str]], data: st.DataObject
) -> None:
    events = [event(*one) for one in what]
    arrived = data.draw(st.permutations([*events, *events[:3]]))
    assert restrained(arrived) == restrained(events)


def test_the_later_of_two_orders_counts() -> None:
    for events in ([event(1, "coats"), event(4, "coats")], [event(4, "coats"), event(1, "coats")]):
        assert restrained(events)[1] == {"item/coats-1": 184 * DAY_MS, "category/coats": 184 * DAY_MS}
